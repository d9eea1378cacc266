/*-------------------------------------------------------------------------
 *
 * beta_rule.c
 *		Means over a probability with a beta density.
 *
 * With y = ln(p / q) the beta density becomes p^a q^b, which is log-concave
 * and falls off like e^(a y) and e^(-b y). The trapezoidal rule in y is exact
 * but for the Fourier transform of the integrand at 2 pi / step. For the
 * density alone it is Gamma(a + iw) Gamma(b - iw) / (Gamma(a) Gamma(b)), which
 * falls at least like exp(-pi w / 2), and like exp(-w^2 / 2 (1/a + 1/b)) for
 * large a and b. A function that is bounded within pi / 2 of the real line
 * falls in the same way, and one that falls like p^-c adds c to b. So the step is known before the first node, and no
 * comparison of two sums, which may agree by chance, has to stop the rule.
 *
 * A small a makes the left tail long. Where the function no longer changes and
 * q is 1, the rest of the sum is a geometric series. It becomes one node with
 * p = 0. The right tail ends in the same way with q = 0.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "math/beta_rule.h"

#include "math/special.h"

#include <float.h>
#include <math.h>

/* exp(-2 pi / STEP * pi / 2) is 4e-20. */
#define STEP 0.22
#define STEP_OF_WIDTH 0.6 /* exp(-2 pi^2 / 0.6^2) is 2e-24 */

/* Beside 1 this is nothing. */
#define NOTHING (DBL_EPSILON / 16)

/* Near the mode. The halves keep it at the bend if a or b is tiny. */
BetaDensity
beta_density(double a, double b)
{
	return (BetaDensity){.a = a,
						 .b = b,
						 .center = log((a + 0.5) / (b + 0.5)),
						 .center_p = (a + 0.5) / (a + b + 1.0),
						 .center_q = (b + 0.5) / (a + b + 1.0)};
}

/* Each half is computed from its own end, where it falls off. */
double
beta_log_density(const BetaDensity *density, double from_center)
{
	double ab = density->a + density->b;

	if (from_center < 0)
		return density->a * from_center -
			   ab * math_log_mixture(density->center_p, density->center_q,
									 from_center);
	return -density->b * from_center - ab * math_log_mixture(density->center_q,
															 density->center_p,
															 -from_center);
}

static BetaNode
node_at(const BetaDensity *density, double from_center)
{
	double y = density->center + from_center;
	double odds = exp(-fabs(y));
	double small = odds / (1.0 + odds);
	double large = 1.0 / (1.0 + odds);

	return (BetaNode){.p = y > 0 ? large : small,
					  .q = y > 0 ? small : large,
					  .weight = exp(beta_log_density(density, from_center))};
}

/* Nodes as they are gathered. */
typedef struct Gathered
{
	BetaNode *nodes;
	int count;
	double weight; /* of all nodes */
} Gathered;

static bool
add_node(Gathered *gathered, BetaNode node)
{
	if (gathered->count >= BETA_MAX_NODES)
		return false;
	gathered->nodes[gathered->count++] = node;
	gathered->weight += node.weight;
	return true;
}

/*
 * The nodes to the left of the center, until the rest is negligible. False if
 * there are too many nodes.
 */
static bool
add_left(const BetaDensity *density, double step, const BetaFunction *function,
		 Gathered *gathered)
{
	double smallest = function->smallest;
	double flat =
		NOTHING * fmin(smallest, 1.0 / (1.0 + density->a + density->b));

	for (int i = 1;; i++)
	{
		BetaNode node = node_at(density, -i * step);

		if (!add_node(gathered, node))
			return false;
		if (node.weight <= NOTHING * gathered->weight * function->least *
							   fmax(node.p, smallest))
			return true;
		if (node.p < flat)
		{
			node.p = 0.0;
			node.weight /= expm1(density->a * step);
			return add_node(gathered, node);
		}
	}
}

/* The nodes to the right, where the function is small. */
static bool
add_right(const BetaDensity *density, double step, Gathered *gathered)
{
	double flat = NOTHING / (1.0 + density->a + density->b);

	for (int i = 1;; i++)
	{
		BetaNode node = node_at(density, i * step);

		if (!add_node(gathered, node))
			return false;
		if (node.weight <= NOTHING * gathered->weight)
			return true;
		if (node.q < flat)
		{
			node.q = 0.0;
			node.weight /= expm1(density->b * step);
			return add_node(gathered, node);
		}
	}
}

int
beta_nodes(double a, double b, BetaFunction function, BetaNode *nodes)
{
	BetaDensity density = beta_density(a, b);
	double width = sqrt(1.0 / a + 1.0 / (b + function.fall));
	double step = fmin(STEP, STEP_OF_WIDTH * width);
	Gathered gathered = {.nodes = nodes};

	add_node(&gathered, node_at(&density, 0.0));
	if (!add_left(&density, step, &function, &gathered) ||
		!add_right(&density, step, &gathered))
		return 0;
	return gathered.count;
}
