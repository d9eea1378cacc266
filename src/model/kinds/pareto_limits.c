/*-------------------------------------------------------------------------
 *
 * pareto_limits.c
 *		The limits of the Pareto/NBD model.
 *
 * The likelihood may climb forever while a gamma density of the model shrinks
 * to one point:
 *
 *	equal_dropout	s, beta -> infinity, s / beta = mu:		(r, alpha, mu)
 *	equal_rate		r, alpha -> infinity, r / alpha = lambda: (lambda, s, beta)
 *	equal_rate_and_dropout	both:							(lambda, mu)
 *	no_dropout		s / beta -> 0: the NBD model			(r, alpha)
 *
 * A gamma density with the shape 1e30 is so narrow that a double does not see
 * its width. The formulas of pareto_nbd.c use a shape in products with log1p()
 * of a time over the scale only, so they are exact for it. The answers of a
 * limit are therefore those of the model with such parameters.
 *
 * The derivatives of the likelihood would cancel there, so the fit has its own
 * sums. As in pareto_nbd.c, they are means over the posterior of the time u at
 * which the customer left, or of being alive. If u is known, the log-likelihood
 * is elementary (Louis 1982):
 *
 *	gamma rate		r ln(alpha) + ln (r)_x - (r + x) ln(alpha + u)
 *	one rate		x ln(lambda) - lambda u
 *	gamma drop-out	s ln(beta) - (s + left) ln(beta + u) + left ln(s)
 *	one drop-out	left ln(mu) - mu u
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/pareto_nbd.h"

#include "model/kinds/nbd.h"
#include "model/kinds/sample.h"
#include "math/quadrature.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

#define NARROW_SHAPE 1e30
#define MOST_PARAMETERS 3
#define MAX_PANELS 1000 /* and halvings of one */
#define NEGLIGIBLE_DEPTH (-40.0) /* exp() of it is */

/* The parameters of Pareto/NBD. */
enum
{
	R,
	ALPHA,
	S,
	BETA,
	N_PARAMETERS
};

static bool
has_equal_rate(const ModelKind *kind)
{
	return kind->parameters[0].is_rate;
}

/* The place of the first parameter of drop-out, after those of the rate. */
static int
dropout(const ModelKind *kind)
{
	return has_equal_rate(kind) ? 1 : 2;
}

static bool
has_equal_dropout(const ModelKind *kind)
{
	return kind->parameters[dropout(kind)].is_rate;
}

/* The parameters of Pareto/NBD that a double can't tell from the limit. */
static void
expand(const ModelKind *kind, const double *parameters, double *all)
{
	int d = dropout(kind);

	all[R] = has_equal_rate(kind) ? NARROW_SHAPE : parameters[0];
	all[ALPHA] =
		has_equal_rate(kind) ? NARROW_SHAPE / parameters[0] : parameters[1];
	all[S] = has_equal_dropout(kind) ? NARROW_SHAPE : parameters[d];
	all[BETA] = has_equal_dropout(kind) ? NARROW_SHAPE / parameters[d]
										: parameters[d + 1];
}

/* An answer of Pareto/NBD at the parameters of the limit. */
#define answer(operation, ...) \
	do \
	{ \
		double all[N_PARAMETERS]; \
\
		expand(kind, parameters, all); \
		return model_pareto_nbd.operations->operation(&model_pareto_nbd, all, \
													  __VA_ARGS__); \
	} while (0)

/*
 * With one rate the term ln((r)_x / alpha^x) would cancel digits, so it is
 * replaced by its limit.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double all[N_PARAMETERS];
	double value;

	expand(kind, parameters, all);
	value = model_call(&model_pareto_nbd, log_likelihood, all, customer);
	if (has_equal_rate(kind) && customer->x > 0)
		value += customer->x * log(parameters[0]) -
				 (math_log_rising_factorial(all[R], customer->x) -
				  customer->x * log(all[ALPHA] + customer->t_x));
	return value;
}

static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	answer(p_alive, customer);
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	answer(p_alive_after, customer, ahead);
}

static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	answer(residual_lifetime, customer);
}

static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	answer(expected_alive, customer, horizon, discount);
}

static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	answer(probability, customer, count, horizon);
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	answer(at_least, customer, count, horizon);
}

static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	answer(expected_new, horizon);
}

/* The fit */

/* The score and the Hessian of the complete data, without the terms of x. */
typedef struct Complete
{
	double score[MOST_PARAMETERS];
	double hessian[MOST_PARAMETERS][MOST_PARAMETERS]; /* lower triangle */
} Complete;

/* The derivatives of shape ln(scale) - (shape + events) ln(scale + u). */
static void
add_gamma(Complete *c, int place, const double *gamma, double events, double u)
{
	double shape = gamma[0];
	double scale = gamma[1];
	double inverse = 1.0 / (scale + u);

	c->score[place] = -log1p(u / scale);
	c->score[place + 1] = (shape * u / scale - events) * inverse;
	c->hessian[place + 1][place] = u / scale * inverse;
	c->hessian[place + 1][place + 1] =
		(shape + events) * inverse * inverse - shape / (scale * scale);
}

/* The derivatives of events ln(rate) - rate u. */
static void
add_one(Complete *c, int place, double rate, double events, double u)
{
	c->score[place] = events / rate - u;
	c->hessian[place][place] = -events / (rate * rate);
}

static Complete
complete(const ModelKind *kind, const double *parameters, double x, double u,
		 double left)
{
	int d = dropout(kind);
	Complete c = {.score = {0}};

	if (has_equal_rate(kind))
		add_one(&c, 0, parameters[0], x, u);
	else
		add_gamma(&c, 0, parameters, x, u);
	if (has_equal_dropout(kind))
		add_one(&c, d, parameters[d], left, u);
	else
	{
		add_gamma(&c, d, &parameters[d], left, u);
		c.score[d] += left / parameters[d];
		c.hessian[d][d] -= left / (parameters[d] * parameters[d]);
	}
	return c;
}

/*
 * The posterior of a row: sums over the places where the customer may have
 * left, and over being alive, of the weight, the score, and the Hessian plus
 * the square of the score.
 */
typedef struct Posterior
{
	double weight;
	Complete sums;
} Posterior;

static void
add_place(Posterior *posterior, const Complete *c, double weight, int n)
{
	posterior->weight += weight;
	for (int i = 0; i < n; i++)
	{
		posterior->sums.score[i] += weight * c->score[i];
		for (int j = 0; j <= i; j++)
			posterior->sums.hessian[i][j] +=
				weight * (c->hessian[i][j] + c->score[i] * c->score[j]);
	}
}

/*
 * (a + v)^-shape (b + v)^-power relative to v = 0, as a function of
 * y = ln(1 + v / near), where near is the lesser of a and b. It is log-concave.
 */
typedef struct Silence
{
	double a;
	double shape;
	double b;
	double power;
	double near;
} Silence;

static double
log_silence(const Silence *silence, double v)
{
	return -silence->shape * log1p(v / silence->a) -
		   silence->power * log1p(v / silence->b);
}

/* The slope in y of its logarithm, times dv / dy. It falls with y. */
static double
slope_at(const Silence *silence, double y)
{
	double v = silence->near * expm1(y);
	double near = silence->near + v;

	return 1.0 - silence->shape * near / (silence->a + v) -
		   silence->power * near / (silence->b + v);
}

/*
 * The length of the next panel of Gauss-Legendre from y on. The slope is
 * steepest at one of its ends. 0 if no panel is short enough.
 */
static double
panel_length(const Silence *silence, double y, double end)
{
	double slope = fabs(slope_at(silence, y));
	double length = fmin(end - y, GAUSS_16_LENGTH);

	length = fmin(length, 0.9 * GAUSS_16_SLOPE / slope);
	for (int i = 0; i < MAX_PANELS; i++, length *= 0.5)
	{
		if (fabs(slope_at(silence, y + length)) * length <= GAUSS_16_SLOPE)
			return length;
	}
	return 0.0;
}

/* A row of the sample with the model to fit. */
typedef struct Customer
{
	const ModelKind *kind;
	const double *parameters;
	double x;
	double t_x;
	double t;
} Customer;

/* Adds the places of a panel. density is that of leaving at t_x. */
static void
add_panel(Posterior *posterior, const Customer *customer,
		  const Silence *silence, double density, double from, double length)
{
	for (int k = 0; k < gauss_16.count; k++)
	{
		double y = from + length * gauss_16.nodes[k];
		double v = silence->near * expm1(y);
		Complete c = complete(customer->kind, customer->parameters,
							  customer->x, customer->t_x + v, 1.0);

		add_place(posterior, &c,
				  density * silence->near * length * gauss_16.weights[k] *
					  exp(y + log_silence(silence, v)),
				  customer->kind->n_parameters);
	}
}

/*
 * Walks over the time since the last purchase until the integrand is
 * negligible. The weight is NaN if that takes too many panels.
 */
static Posterior
posterior_of(const Customer *customer)
{
	double all[N_PARAMETERS];
	double silent = customer->t - customer->t_x;
	Complete c = complete(customer->kind, customer->parameters, customer->x,
						  customer->t, 0.0);
	Posterior posterior = {0};
	Silence silence;
	double end;
	double depth = 0.0;
	double y = 0.0;

	expand(customer->kind, customer->parameters, all);
	silence = (Silence){.a = all[ALPHA] + customer->t_x,
						.shape = all[R] + customer->x,
						.b = all[BETA] + customer->t_x,
						.power = all[S]};
	silence.near = fmin(silence.a, silence.b);
	add_place(&posterior, &c, exp(log_silence(&silence, silent)),
			  customer->kind->n_parameters);
	silence.power = all[S] + 1.0;
	end = log1p(silent / silence.near);
	for (int i = 0; y < end && depth > NEGLIGIBLE_DEPTH; i++)
	{
		double length = panel_length(&silence, y, end);

		if (i >= MAX_PANELS || !(length > 0.0))
		{
			posterior.weight = NAN;
			break;
		}
		add_panel(&posterior, customer, &silence, all[S] / silence.b, y,
				  length);
		depth += slope_at(&silence, y) * length;
		y = length < end - y ? y + length : end;
	}
	return posterior;
}

/* The logarithm of the density at t_x, without (r)_x. */
static double
log_at_purchase(const Customer *customer)
{
	const double *parameters = customer->parameters;
	const double *leaving = &parameters[dropout(customer->kind)];
	double value = has_equal_dropout(customer->kind)
					   ? -leaving[0] * customer->t_x
					   : -leaving[0] * log1p(customer->t_x / leaving[1]);

	if (has_equal_rate(customer->kind))
		return value + customer->x * log(parameters[0]) -
			   parameters[0] * customer->t_x;
	return value - parameters[0] * log1p(customer->t_x / parameters[1]) -
		   customer->x * log(parameters[1] + customer->t_x);
}

/* The mean of the Hessian plus the variance of the score. */
static void
add_row(const ModelKind *kind, const double *parameters, const ModelRow *row,
		ModelSums *sums)
{
	Customer customer = {.kind = kind,
						 .parameters = parameters,
						 .x = row->x,
						 .t_x = row->t_x,
						 .t = row->t};
	Posterior posterior = posterior_of(&customer);
	double customers = (double) row->customers;
	double scale = 1.0 / posterior.weight;
	int n = kind->n_parameters;
	double mean[MOST_PARAMETERS];

	sums->value +=
		customers * (log_at_purchase(&customer) + log(posterior.weight));
	for (int i = 0; i < n; i++)
	{
		mean[i] = scale * posterior.sums.score[i];
		sums->gradient[i] += customers * mean[i];
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] +=
				customers *
				(scale * posterior.sums.hessian[i][j] - mean[i] * mean[j]);
	}
}

/* ln (r)_x, which one rate does not have. */
static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	double r = parameters[0];

	for (size_t i = 0; !has_equal_rate(kind) && i < sample->n_x; i++)
	{
		double customers = sample->x_customers[i];

		pause_at(i);
		sums->value += customers * math_log_rising_factorial(r, sample->x[i]);
		sums->gradient[0] +=
			customers * math_digamma_difference(r, sample->x[i]);
		sums->hessian[0][0] +=
			customers * math_trigamma_difference(r, sample->x[i]);
	}
}

/* The starts of Pareto/NBD, and their means where the customers are alike. */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	int d = dropout(kind);
	double all[N_PARAMETERS];

	if (!model_call(&model_pareto_nbd, start, sample, attempt, all))
		return false;
	parameters[0] = has_equal_rate(kind) ? all[R] / all[ALPHA] : all[R];
	if (!has_equal_rate(kind))
		parameters[1] = all[ALPHA];
	parameters[d] = has_equal_dropout(kind) ? all[S] / all[BETA] : all[S];
	if (!has_equal_dropout(kind))
		parameters[d + 1] = all[BETA];
	return true;
}

#define ONE_DROPOUT \
	{ \
		.name = "mu", .is_rate = true, .at_zero = "nobody seems to leave", \
		.at_infinity = "everybody seems to leave at once" \
	}

static const ModelParameter of_equal_dropout[] = {
	{.name = "r", .at_zero = "most customers seem never to buy again"},
	{.name = "alpha", .has_unit = true},
	ONE_DROPOUT};
static const ModelParameter of_equal_rate[] = {
	MODEL_ONE_RATE,
	{.name = "s", .at_zero = "nobody seems to leave"},
	{.name = "beta", .has_unit = true}};
static const ModelParameter of_both[] = {MODEL_ONE_RATE, ONE_DROPOUT};

static const ModelOperations operations = {
	MODEL_FIT_BY_ROW, MODEL_PURCHASE_ANSWERS, .margins = margins};

#define LIMIT(limit_name, its_parameters) \
	&(const ModelKind) \
	{ \
		.name = "pareto_nbd", .limit = limit_name, .family = MODEL_PURCHASES, \
		.n_parameters = sizeof(its_parameters) / sizeof(its_parameters[0]), \
		.parameters = its_parameters, .operations = &operations \
	}

const ModelKind *const pareto_nbd_limits[] = {
	MODEL_NBD_LIMITS("pareto_nbd"), LIMIT("equal_rate_and_dropout", of_both),
	LIMIT("equal_dropout", of_equal_dropout),
	LIMIT("equal_rate", of_equal_rate), NULL};
