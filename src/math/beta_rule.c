/*-------------------------------------------------------------------------
 *
 * beta_rule.c
 *		Means over a probability with a beta density.
 *
 * With y = ln(p / q) the beta density becomes p^a q^b, which is log-concave
 * and falls off like e^(a y) and e^(-b y). The trapezoidal rule in y is exact
 * but for the Fourier transform of the integrand at 2 pi / step. For the
 * density alone it is Gamma(a + iw) Gamma(b - iw) / (Gamma(a) Gamma(b)). A
 * function that is bounded within a strip around the real line falls like
 * exp(-strip w), and one that falls like p^-c adds c to b. So the step is known
 * before the first node, and no comparison of two sums, which may agree by
 * chance, has to stop the rule.
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

/* exp(-38) is 3e-17. */
#define ENOUGH 38.0

/* Beside 1 this is nothing. */
#define NOTHING (DBL_EPSILON / 2)

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
					  .weight = exp(beta_log_density(density, from_center)),
					  .log_odds = y};
}

double
beta_log_p(const BetaNode *node)
{
	double y = node->log_odds;

	return y < 0 ? y - log1p(exp(y)) : -log1p(exp(-y));
}

double
beta_log_q(const BetaNode *node)
{
	return beta_log_p(node) - node->log_odds;
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
			node.log_odds += step / expm1(-density->a * step);
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
			node.log_odds -= step / expm1(-density->b * step);
			node.weight /= expm1(density->b * step);
			return add_node(gathered, node);
		}
	}
}

/*
 * -ln |Gamma(c + iw) / Gamma(c)|, by the leading terms of Stirling's series.
 * For a small c it is too low, which only makes the step shorter.
 */
static double
fall_of_gamma(double c, double w)
{
	return w * atan(w / c) - 0.5 * (c - 0.5) * log1p(w / c * (w / c));
}

/*
 * The longest step at which neither the density nor the function can have an
 * error that counts: both transforms must have fallen by exp(-ENOUGH) at
 * w = 2 pi / step.
 */
static double
find_step(double a, double b, double strip)
{
	double w = ENOUGH / strip;

	while (fall_of_gamma(a, w) + fall_of_gamma(b, w) < ENOUGH)
		w *= 1.125;
	return 2.0 * M_PI / w;
}

int
beta_nodes(double a, double b, BetaFunction function, BetaNode *nodes)
{
	BetaDensity density = beta_density(a, b);
	double step = find_step(a, b + function.fall, function.strip);
	Gathered gathered = {.nodes = nodes};

	add_node(&gathered, node_at(&density, 0.0));
	if (!add_left(&density, step, &function, &gathered) ||
		!add_right(&density, step, &gathered))
		return 0;
	return gathered.count;
}
