/*-------------------------------------------------------------------------
 *
 * bg_limits.c
 *		The limits of the BG/NBD and MBG/NBD models.
 *
 * The likelihood of these models may climb forever while parameters go to
 * infinity at a fixed ratio. The gamma density of the rates or the beta density
 * of the chances to leave then shrinks to one point:
 *
 *	equal_dropout	a, b -> infinity, a / (a + b) = p:	(r, alpha, p)
 *	equal_rate		r, alpha -> infinity, r / alpha = lambda: (lambda, a, b)
 *	equal_rate_and_dropout	both:	(lambda, p)
 *	no_dropout		a / b -> 0: the NBD model	(r, alpha)
 *
 * Let s be the occasions to leave so far. In each limit the log-likelihood is
 * still a part of the rate, a part of the drop-out, and ln(1 + e^g), where g is
 * the log of the odds of having left (bg_nbd.c):
 *
 *	gamma rate	ln((r)_x alpha^r (alpha+T)^-(r+x)),
 *				g: (r+x) ln((alpha+T)/(alpha+t_x))
 *	one rate	x ln(lambda) - lambda T,			g: lambda (T - t_x)
 *	beta chance	ln((b)_s / (a+b)_s),				g: ln(a / (b+s-1))
 *	one chance	s ln(1-p),							g: ln(p / (1-p))
 *
 * So one loop over the rows serves all limits. Customers who stay have a
 * posterior of the same form, and the answers follow from it.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/bg_limits.h"

#include "model/kinds/bg_nbd.h"
#include "model/kinds/geometric.h"
#include "model/kinds/nbd.h"
#include "model/kinds/pareto_nbd.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

/*
 * The gamma density of one rate: so narrow that a double does not see its
 * width. The formulas of geometric.c use the shape in products with log1p() of
 * a time over the scale, and so they are exact for it.
 */
#define NARROW_SHAPE 1e30

/* The place of the first parameter of drop-out, after those of the rate. */
static int
dropout(const ModelKind *kind)
{
	return kind->parameters[0].is_rate ? 1 : 2;
}

static bool
has_equal_rate(const ModelKind *kind)
{
	return dropout(kind) == 1;
}

static bool
has_equal_dropout(const ModelKind *kind)
{
	return kind->n_parameters == dropout(kind) + 1;
}

/*
 * Adds the log of the odds of leaving after a purchase: p / (1 - p), or with a
 * beta distribution a / (b + s - 1), where s is the number of occasions.
 */
static void
add_odds_of_leaving(const ModelKind *kind, const double *parameters, double s,
					ModelSums *g)
{
	int d = dropout(kind);

	if (has_equal_dropout(kind))
	{
		double p = parameters[d];

		g->value += log(p / (1.0 - p));
		g->gradient[d] = 1.0 / (p * (1.0 - p));
		g->hessian[d][d] = (2.0 * p - 1.0) * g->gradient[d] * g->gradient[d];
	}
	else
	{
		double a = parameters[d];
		double b = parameters[d + 1] + (s - 1.0);

		g->value += log(a / b);
		g->gradient[d] = 1.0 / a;
		g->gradient[d + 1] = -1.0 / b;
		g->hessian[d][d] = -1.0 / (a * a);
		g->hessian[d + 1][d + 1] = 1.0 / (b * b);
	}
}

/* The log of the odds of having left, with its derivatives. */
static ModelSums
log_odds_left(const ModelKind *kind, const double *parameters, double x,
			  double t_x, double t, double s)
{
	ModelSums g = {0};

	if (has_equal_rate(kind))
	{
		g.value = parameters[0] * (t - t_x);
		g.gradient[0] = t - t_x;
	}
	else
	{
		double last = parameters[1] + t_x;
		double now = parameters[1] + t;
		double slope = -(t - t_x) / (last * now); /* of the logarithm */

		g.gradient[0] = log1p((t - t_x) / last);
		g.value = (parameters[0] + x) * g.gradient[0];
		g.gradient[1] = (parameters[0] + x) * slope;
		g.hessian[1][0] = slope;
		g.hessian[1][1] =
			-(parameters[0] + x) * slope * (1.0 / last + 1.0 / now);
	}
	add_odds_of_leaving(kind, parameters, s, &g);
	return g;
}

/* ln of the probability of staying s times. */
static double
log_stayed(const ModelKind *kind, const double *parameters, double s)
{
	const double *v = &parameters[dropout(kind)];

	return has_equal_dropout(kind) ? s * log1p(-v[0])
								   : math_log_beta_ratio(v[1], v[0], s);
}

/*
 * As in bg_nbd.c, a customer without purchases has a form of its own, which
 * keeps the digits of a log-likelihood near 0.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	const ModelKind *rates =
		has_equal_rate(kind) ? &model_nbd_equal_rate : &model_nbd;
	double s = bg_nbd_occasions(kind, customer);
	double value = model_call(rates, log_likelihood, parameters, customer);

	if (s == 0)
		return value;
	if (customer->x == 0)
	{
		double stay = exp(log_stayed(kind, parameters, s));

		return value > -0.5 ? log1p(stay * expm1(value))
							: log(1.0 - stay + stay * exp(value));
	}
	return value + log_stayed(kind, parameters, s) +
		   math_log1pexp(log_odds_left(kind, parameters, customer->x,
									   customer->t_x, customer->t, s)
							 .value);
}

/* The terms of s occasions to leave, which depend on x alone. */
static void
add_dropout(const ModelKind *kind, const double *parameters, double s,
			double customers, ModelSums *sums)
{
	int d = dropout(kind);

	sums->value += customers * log_stayed(kind, parameters, s);
	if (has_equal_dropout(kind))
	{
		double inverse = 1.0 / (1.0 - parameters[d]);

		sums->gradient[d] -= customers * s * inverse;
		sums->hessian[d][d] -= customers * s * inverse * inverse;
	}
	else
	{
		double b = parameters[d + 1];
		double ab = parameters[d] + b;
		double digamma = math_digamma_difference(ab, s);
		double trigamma = math_trigamma_difference(ab, s);

		sums->gradient[d] -= customers * digamma;
		sums->gradient[d + 1] +=
			customers * (math_digamma_difference(b, s) - digamma);
		sums->hessian[d][d] -= customers * trigamma;
		sums->hessian[d + 1][d] -= customers * trigamma;
		sums->hessian[d + 1][d + 1] +=
			customers * (math_trigamma_difference(b, s) - trigamma);
	}
}

/*
 * The parameters of the rate come first, so the margins of the models without
 * drop-out give their part. A p above 1 has no likelihood.
 */
static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	const ModelKind *rates =
		has_equal_rate(kind) ? &model_nbd_equal_rate : &model_nbd;

	model_call(rates, margins, parameters, sample, x_table, time_table, sums);
	for (size_t i = 0; i < sample->n_x; i++)
	{
		pause_at(i);
		add_dropout(kind, parameters,
					sample->x[i] + bg_nbd_first_occasions(kind),
					sample->x_customers[i], sums);
	}
}

/*
 * Adds ln(1 + e^g): its gradient is p g', and its Hessian p (1-p) g' g'^T +
 * p g'', where p is the probability of having left.
 */
static void
add_left(const ModelSums *g, double customers, int n, ModelSums *sums)
{
	double odds = exp(-fabs(g->value));
	double inverse = 1.0 / (1.0 + odds);
	double left = customers * (g->value > 0 ? inverse : odds * inverse);
	double spread = customers * odds * inverse * inverse;

	sums->value += customers * (fmax(g->value, 0.0) + log1p(odds));
	for (int i = 0; i < n; i++)
	{
		sums->gradient[i] += left * g->gradient[i];
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] += spread * g->gradient[i] * g->gradient[j] +
								   left * g->hessian[i][j];
	}
}

static void
add_row(const ModelKind *kind, const double *parameters,
		const ModelRow *customer, ModelSums *sums)
{
	double s = bg_nbd_occasions(kind, customer);
	ModelSums g;

	if (s == 0)
		return;
	g = log_odds_left(kind, parameters, customer->x, customer->t_x,
					  customer->t, s);
	add_left(&g, (double) customer->customers, kind->n_parameters, sums);
}

/* The starts of bg_nbd.c, and their means where the customers are alike. */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	double all[BG_NBD_N_PARAMETERS];
	int d = dropout(kind);

	if (!bg_nbd_start(sample, attempt, 1, all))
		return false;
	parameters[0] = has_equal_rate(kind) ? all[0] / all[1] : all[0];
	if (!has_equal_rate(kind))
		parameters[1] = all[1];
	parameters[d] =
		has_equal_dropout(kind) ? all[2] / (all[2] + all[3]) : all[2];
	if (!has_equal_dropout(kind))
		parameters[d + 1] = all[3];
	return true;
}

static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	double s = bg_nbd_occasions(kind, customer);
	ModelSums g = {.value = -INFINITY}; /* of a customer who cannot leave */

	if (s > 0)
		g = log_odds_left(kind, parameters, customer->x, customer->t_x,
						  customer->t, s);
	return exp(-math_log1pexp(g.value));
}

/* The posterior of a customer who is alive. */
typedef struct Alive
{
	double shape;
	double scale;
	bool equal_dropout;
	double a; /* or p */
	double b;
} Alive;

static Alive
alive(const ModelKind *kind, const double *parameters,
	  const ModelRow *customer)
{
	int d = dropout(kind);
	Alive now = {.shape = NARROW_SHAPE,
				 .scale = NARROW_SHAPE / parameters[0],
				 .equal_dropout = has_equal_dropout(kind),
				 .a = parameters[d]};

	if (!has_equal_rate(kind))
	{
		now.shape = parameters[0] + customer->x;
		now.scale = parameters[1] + customer->t;
	}
	if (!now.equal_dropout)
		now.b = parameters[d + 1] + bg_nbd_occasions(kind, customer);
	return now;
}

static double
stay(Alive now, double ahead)
{
	if (now.equal_dropout)
		return exp(-now.shape * log1p(now.a * ahead / now.scale));
	return model_geometric_stay(now.shape, now.a, now.b, ahead / now.scale);
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	return p_alive(kind, parameters, customer) *
		   stay(alive(kind, parameters, customer), ahead);
}

/* The mean of 1 / rate times the mean of 1 / p. */
static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	Alive now = alive(kind, parameters, customer);

	if (now.shape <= 1.0 || (!now.equal_dropout && now.a <= 1.0))
		return INFINITY;
	return p_alive(kind, parameters, customer) *
		   (now.equal_dropout ? 1.0 / now.a : 1.0 + now.b / (now.a - 1.0)) *
		   (now.scale / (now.shape - 1.0));
}

/* The purchases of a customer who would never leave. */
static double
ever_at_least(const ModelKind *kind, Alive now, double horizon, double count)
{
	if (has_equal_rate(kind))
		return model_poisson_at_least(horizon * (now.shape / now.scale),
									  count);
	return model_nbd_at_least(now.shape, horizon / now.scale, count);
}

static double
ever_exactly(const ModelKind *kind, Alive now, double horizon, double count)
{
	if (has_equal_rate(kind))
		return model_poisson_exactly(horizon * (now.shape / now.scale), count);
	return model_nbd_exactly(now.shape, horizon / now.scale, count);
}

/* The probability of staying so many times. */
static double
stayed_times(Alive now, double times)
{
	return now.equal_dropout ? exp(times * log1p(-now.a))
							 : exp(math_log_beta_ratio(now.b, now.a, times));
}

/* The probability of leaving right after having stayed so many times. */
static double
leaves_after(Alive now, double times)
{
	return now.equal_dropout ? now.a : now.a / (now.a + now.b + times);
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	Alive now = alive(kind, parameters, customer);

	if (horizon <= 0.0)
		return 0.0;
	return p_alive(kind, parameters, customer) *
		   stayed_times(now, count - 1.0) *
		   ever_at_least(kind, now, horizon, count);
}

/* See geometric.c: the last of these purchases may be the last one forever. */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	Alive now = alive(kind, parameters, customer);
	double here = p_alive(kind, parameters, customer);
	double left = count == 0 ? 1.0 - here : 0.0;
	double exactly;

	if (horizon <= 0.0)
		return count == 0 ? 1.0 : 0.0;
	exactly =
		ever_exactly(kind, now, horizon, count) * stayed_times(now, count);
	if (count > 0)
		exactly += ever_at_least(kind, now, horizon, count) *
				   stayed_times(now, count - 1.0) *
				   leaves_after(now, count - 1.0);
	return left + here * exactly;
}

/*
 * With one chance p to leave, purchases that are the last one form a Poisson
 * process of p times the rate. A customer who buys at the rate l is still there
 * at u with the probability e^(-p l u), as in the Pareto/NBD model.
 */
static double
expectation(Alive now, double horizon, double discount)
{
	if (!now.equal_dropout)
		return model_geometric_expectation(now.shape, now.scale, now.a, now.b,
										   horizon, discount);
	return now.shape / now.scale *
		   model_discounted_stay(now.shape + 1.0, now.scale / now.a, horizon,
								 discount);
}

static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	return expectation(alive(kind, parameters, customer), horizon, discount);
}

static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	ModelRow newcomer = {.customers = 1};

	return p_alive(kind, parameters, &newcomer) *
		   expectation(alive(kind, parameters, &newcomer), horizon, 0.0);
}

#define ONE_CHANCE \
	{ \
		.name = "p", .is_probability = true, \
		.at_zero = "nobody seems to leave" \
	}
#define BETA_CHANCE \
	{.name = "a", \
	 .at_zero = "nobody seems to leave", \
	 .at_infinity = "all customers seem to be equally likely to leave"}, \
	{ \
		.name = "b", .at_zero = "everybody seems to leave at once" \
	}

static const ModelParameter of_equal_dropout[] = {MODEL_GAMMA_RATE,
												  ONE_CHANCE};
static const ModelParameter of_equal_rate[] = {MODEL_ONE_RATE, BETA_CHANCE};
static const ModelParameter of_both[] = {MODEL_ONE_RATE, ONE_CHANCE};

static const ModelOperations operations = {
	MODEL_FIT_BY_ROW, MODEL_PURCHASE_ANSWERS, .margins = margins};

#define N(array) ((int) (sizeof(array) / sizeof((array)[0])))

#define LIMIT(base, occasions, limit_name, its_parameters) \
	&(const ModelKind) \
	{ \
		.name = base, .limit = limit_name, .family = MODEL_PURCHASES, \
		.n_parameters = N(its_parameters), .parameters = its_parameters, \
		.operations = &operations, .variant = occasions \
	}
#define LIMITS(base, occasions) \
	LIMIT(base, occasions, "equal_rate_and_dropout", of_both), \
		LIMIT(base, occasions, "equal_dropout", of_equal_dropout), \
		LIMIT(base, occasions, "equal_rate", of_equal_rate)

const ModelKind *const bg_nbd_limits[] = {
	MODEL_NBD_LIMITS("bg_nbd"), LIMITS("bg_nbd", BG_NBD_NO_OCCASION), NULL};
const ModelKind *const mbg_nbd_limits[] = {
	MODEL_NBD_LIMITS("mbg_nbd"), LIMITS("mbg_nbd", BG_NBD_FIRST_PURCHASE),
	NULL};
