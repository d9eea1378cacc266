/*-------------------------------------------------------------------------
 *
 * bg_nbd.c
 *		The BG/NBD and MBG/NBD models of repeat purchases.
 *
 * A customer buys at a rate that has the gamma density (r, alpha) over the
 * customers. After a purchase the customer leaves with a probability that has
 * the beta density (a, b). In BG/NBD (Fader, Hardie & Lee 2005) the first
 * purchase is not an occasion to leave. In MBG/NBD (Batislam, Denizel &
 * Filiztekin 2007; Hoppe & Wagner 2007) it is. Let s be the occasions to leave
 * so far, which are x or x + 1, and (c)_n = Gamma(c+n) / Gamma(c). Both models
 * have the likelihood
 *
 *	(r)_x (b)_s / (a+b)_s * alpha^r (alpha+T)^-(r+x) * (1 + e^g),
 *	g = ln(a / (b+s-1)) + (r+x) ln((alpha+T) / (alpha+t_x)),
 *
 * and P(alive) is 1 / (1 + e^g), because e^g is the odds of having left. For
 * s = 0 the customer cannot have left, and the term e^g is absent.
 *
 * r ln(alpha) - (r+x) ln(alpha+T) is computed as -r log1p(T/alpha) -
 * x ln(alpha+T), which keeps its digits for a short T. ln(1 + e^g) is computed
 * without overflow.
 *
 * In the summed log-likelihood only ln(1 + e^g) belongs to a row. The other
 * terms are a sum over the distinct x and a sum over the distinct T. Rows are
 * sorted by x, so the terms of g that depend on x alone are constant over a
 * run of rows.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/bg_nbd.h"

#include "model/kinds/bg_limits.h"
#include "model/kinds/geometric.h"
#include "model/kinds/nbd.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

enum
{
	R,
	ALPHA,
	A,
	B
};

/*
 * g, the log of the odds of having left, after s > 0 occasions to leave. Left
 * and alive differ in one purchase opportunity and in the silence since t_x.
 * The ratio (alpha+T) / (alpha+t_x) is 1 + idle, so log1p() keeps a short
 * silence.
 */
static double
log_odds_left(const double *parameters, const ModelRow *customer, double s)
{
	double idle =
		(customer->t - customer->t_x) / (parameters[ALPHA] + customer->t_x);

	return log(parameters[A] / (parameters[B] + (s - 1.0))) +
		   (parameters[R] + customer->x) * log1p(idle);
}

/*
 * Without purchases and without an occasion to leave, the silence since the
 * first purchase is all there is. With one occasion (MBG/NBD) the customer
 * left at once with the probability a / (a+b) or is silent. Near 1 this sum
 * goes through expm1() and log1p(), because the log-likelihood of a new
 * customer is near 0.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double s = bg_nbd_occasions(kind, customer);
	double r = parameters[R];
	double a = parameters[A];
	double b = parameters[B];
	double x = customer->x;
	double log_unmet = -r * log1p(customer->t / parameters[ALPHA]);

	if (x == 0 && s == 0)
		return log_unmet;
	if (x == 0)
		return log_unmet > -0.5 ? log1p(b / (a + b) * expm1(log_unmet))
								: log((a + b * exp(log_unmet)) / (a + b));
	return math_log_rising_factorial(r, x) + math_log_beta_ratio(b, a, s) +
		   log_unmet - x * log(parameters[ALPHA] + customer->t) +
		   math_log1pexp(log_odds_left(parameters, customer, s));
}

/*
 * 1 / (1 + e^g), with the exponential of -|g| only, which cannot overflow. In
 * BG/NBD it is 1 for a customer without a repeat purchase.
 */
static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	double s = bg_nbd_occasions(kind, customer);

	if (s == 0)
		return 1.0;
	return math_logistic(-log_odds_left(parameters, customer, s));
}

/*
 * Adds the terms of the summed log-likelihood that depend on x alone, ln (r)_x
 * + ln((b)_s / (a+b)_s), for all customers with this x at once. events is x
 * here, and kx in the regular models.
 */
static void
add_x(const double *parameters, double events, double s, double customers,
	  ModelSums *sums)
{
	double r = parameters[R];
	double b = parameters[B];
	double ab = parameters[A] + b;
	double digamma_ab = math_digamma_difference(ab, s);
	double trigamma_ab = math_trigamma_difference(ab, s);

	sums->value += customers * (math_log_rising_factorial(r, events) +
								math_log_beta_ratio(b, parameters[A], s));
	sums->gradient[R] += customers * math_digamma_difference(r, events);
	sums->gradient[A] -= customers * digamma_ab;
	sums->gradient[B] +=
		customers * (math_digamma_difference(b, s) - digamma_ab);
	sums->hessian[R][R] += customers * math_trigamma_difference(r, events);
	sums->hessian[A][A] -= customers * trigamma_ab;
	sums->hessian[B][A] -= customers * trigamma_ab;
	sums->hessian[B][B] +=
		customers * (math_trigamma_difference(b, s) - trigamma_ab);
}

/*
 * Adds the terms that depend on T alone, r ln(alpha / (alpha+T)) and -x
 * ln(alpha+T). x is in them as a factor only, so the sum of the events of all
 * customers with this T is enough. 1/alpha - 1/(alpha+T) is formed as (T /
 * alpha) / (alpha+T), without a subtraction.
 */
static void
add_t(const double *parameters, double t, double customers, double events,
	  ModelSums *sums)
{
	double r = parameters[R];
	double alpha = parameters[ALPHA];
	double inverse = 1.0 / (alpha + t);
	double log_unmet = -log1p(t / alpha);

	sums->value += customers * r * log_unmet - events * log(alpha + t);
	sums->gradient[R] += customers * log_unmet;
	sums->gradient[ALPHA] += (customers * r * t / alpha - events) * inverse;
	sums->hessian[ALPHA][R] += customers * t / alpha * inverse;
	sums->hessian[ALPHA][ALPHA] +=
		events * inverse * inverse -
		customers * r * (t / alpha) * (1.0 / alpha + inverse) * inverse;
}

/*
 * A time that only occurs as t_x gets its table entries, but has no customers
 * and so no term.
 */
void
bg_nbd_margins(const ModelKind *kind, const double *parameters,
			   const ModelSample *sample, int k, double *time_table,
			   ModelSums *sums)
{
	double first_occasions = bg_nbd_first_occasions(kind);

	for (size_t i = 0; i < sample->n_x; i++)
	{
		pause_at(i);
		add_x(parameters, k * sample->x[i], sample->x[i] + first_occasions,
			  sample->x_customers[i], sums);
	}
	for (size_t i = 0; i < sample->n_times; i++)
	{
		double time = parameters[ALPHA] + sample->times[i];

		pause_at(i);
		time_table[i * BG_NBD_TIME_COLUMNS + BG_NBD_LOG_TIME] = log(time);
		time_table[i * BG_NBD_TIME_COLUMNS + BG_NBD_INVERSE_TIME] = 1.0 / time;
		if (sample->t_customers[i] > 0)
			add_t(parameters, sample->times[i], sample->t_customers[i],
				  k * sample->t_purchases[i], sums);
	}
}

/*
 * Sums over a run of rows with the same x, times the customers of each row.
 * "left" is weighted by the probability p of having left, "spread" by p (1 -
 * p). The suffixes say what else is a factor, where L = ln(alpha+T) -
 * ln(alpha+t_x):
 *
 *	l	L
 *	d	dL/dalpha = 1/(alpha+T) - 1/(alpha+t_x)
 *	dd	the second derivative of L
 */
typedef struct RunSums
{
	double value;
	double left;
	double left_l;
	double left_d;
	double left_dd;
	double spread;
	double spread_l;
	double spread_d;
	double spread_ll;
	double spread_ld;
	double spread_dd;
} RunSums;

/*
 * The inner loop of the fit. It needs one exponential and one logarithm per
 * row, because the logarithms of times come from the table.
 */
static RunSums
sum_run(const ModelSample *sample, const double *time_table,
		double log_odds_at_purchase, double shape, size_t from, size_t until)
{
	RunSums run = {0};

	for (size_t i = from; i < until; i++)
	{
		const double *now =
			&time_table[sample->t_index[i] * BG_NBD_TIME_COLUMNS];
		const double *last =
			&time_table[sample->t_x_index[i] * BG_NBD_TIME_COLUMNS];
		double l = now[BG_NBD_LOG_TIME] - last[BG_NBD_LOG_TIME];
		double d = now[BG_NBD_INVERSE_TIME] - last[BG_NBD_INVERSE_TIME];
		double dd =
			-(now[BG_NBD_INVERSE_TIME] + last[BG_NBD_INVERSE_TIME]) * d;
		double g = log_odds_at_purchase + shape * l;
		double odds = exp(-fabs(g));
		double inverse = 1.0 / (1.0 + odds);
		double left =
			sample->customers[i] * (g > 0 ? inverse : odds * inverse);
		double spread = sample->customers[i] * odds * inverse * inverse;

		run.value += sample->customers[i] * (fmax(g, 0.0) + log1p(odds));
		run.left += left;
		run.left_l += left * l;
		run.left_d += left * d;
		run.left_dd += left * dd;
		run.spread += spread;
		run.spread_l += spread * l;
		run.spread_d += spread * d;
		run.spread_ll += spread * l * l;
		run.spread_ld += spread * l * d;
		run.spread_dd += spread * d * d;
	}
	return run;
}

/*
 * The gradient of g is (L, (r+x) d, 1/a, -1/(b+s-1)), its second derivatives
 * that are not zero are d in (r, alpha), (r+x) dd in (alpha, alpha), -1/a^2
 * and 1/(b+s-1)^2. ln(1 + e^g) has the gradient p g' and the Hessian
 * p (1-p) g' g'^T + p g''.
 */
static void
add_run(const RunSums *run, double shape, double inverse_a, double inverse_bs,
		ModelSums *sums)
{
	sums->value += run->value;
	sums->gradient[R] += run->left_l;
	sums->gradient[ALPHA] += shape * run->left_d;
	sums->gradient[A] += inverse_a * run->left;
	sums->gradient[B] -= inverse_bs * run->left;
	sums->hessian[R][R] += run->spread_ll;
	sums->hessian[ALPHA][R] += shape * run->spread_ld + run->left_d;
	sums->hessian[ALPHA][ALPHA] +=
		shape * (shape * run->spread_dd + run->left_dd);
	sums->hessian[A][R] += inverse_a * run->spread_l;
	sums->hessian[A][ALPHA] += inverse_a * shape * run->spread_d;
	sums->hessian[A][A] += inverse_a * inverse_a * (run->spread - run->left);
	sums->hessian[B][R] -= inverse_bs * run->spread_l;
	sums->hessian[B][ALPHA] -= inverse_bs * shape * run->spread_d;
	sums->hessian[B][A] -= inverse_bs * inverse_a * run->spread;
	sums->hessian[B][B] += inverse_bs * inverse_bs * (run->spread + run->left);
}

static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	bg_nbd_margins(kind, parameters, sample, 1, time_table, sums);
}

/*
 * One call of sum_run() and add_run() per run of equal x. A block may begin or
 * end inside a run. A run without an occasion to leave (x = 0 in BG/NBD) adds
 * nothing, so it is skipped.
 */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	double first_occasions = bg_nbd_first_occasions(kind);
	size_t run = model_sample_run(sample, from);

	for (; from < until; run++)
	{
		size_t end = sample->x_first[run + 1];
		double s = sample->x[run] + first_occasions;
		double shape = parameters[R] + sample->x[run];
		double bs = parameters[B] + (s - 1.0);
		RunSums run_sums;

		if (end > until)
			end = until;
		if (s > 0)
		{
			run_sums = sum_run(sample, time_table, log(parameters[A] / bs),
							   shape, from, end);
			add_run(&run_sums, shape, 1.0 / parameters[A], 1.0 / bs, sums);
		}
		from = end;
	}
}

/*
 * The first shapes are near the published fit of CDNOW (Fader, Hardie & Lee
 * 2005). The others suit samples in which few leave, in which many leave at
 * once, and in which customers buy nearly alike.
 */
bool
bg_nbd_start(const ModelSample *sample, int attempt, int k, double *parameters)
{
	static const double shapes[][3] = {
		{0.5, 0.8, 2.5}, {1.0, 0.05, 5.0}, {0.1, 0.5, 0.5}, {3.0, 0.2, 2.0}};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

	if (attempt >= n_shapes)
		return false;
	parameters[R] = shapes[attempt][0];
	parameters[ALPHA] =
		parameters[R] * sample->total_t / (k * sample->total_purchases);
	parameters[A] = shapes[attempt][1];
	parameters[B] = shapes[attempt][2];
	return true;
}

static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	return bg_nbd_start(sample, attempt, 1, parameters);
}

/*
 * The posterior of a customer, for answers about the time ahead. If the
 * customer is alive, the rate has the gamma density (shape, scale) = (r + x,
 * alpha + T), and the probability of leaving has the beta density (a, b + s).
 * Both are independent, so a customer who is alive is a new customer with
 * other parameters.
 */
typedef struct Alive
{
	double probability;
	double shape;
	double scale;
	double a;
	double b;
} Alive;

static Alive
alive(const ModelKind *kind, const double *parameters,
	  const ModelRow *customer)
{
	return (Alive){p_alive(kind, parameters, customer),
				   parameters[R] + customer->x,
				   parameters[ALPHA] + customer->t, parameters[A],
				   parameters[B] + bg_nbd_occasions(kind, customer)};
}

/* Alive now, and no purchase within the time ahead is the last one. */
static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	Alive now = alive(kind, parameters, customer);

	return now.probability *
		   model_geometric_stay(now.shape, now.a, now.b, ahead / now.scale);
}

/*
 * The mean of 1 / (rate * p): the number of purchases until the customer
 * leaves has the mean E[1/p] = 1 + b / (a - 1), and the time between two of
 * them has the mean E[1/rate] = scale / (shape - 1). Either mean can be
 * infinite. A customer who has left counts as 0.
 */
static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	Alive now = alive(kind, parameters, customer);

	if (now.a <= 1.0 || now.shape <= 1.0)
		return INFINITY;
	return now.probability * (1.0 + now.b / (now.a - 1.0)) *
		   (now.scale / (now.shape - 1.0));
}

/* Exactly count purchases. A customer who has left certainly makes none. */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	Alive now = alive(kind, parameters, customer);
	double if_alive = model_geometric_probability(now.shape, now.a, now.b,
												  horizon / now.scale, count);
	double left = count == 0 ? 1.0 - now.probability : 0.0;

	return left + now.probability * if_alive;
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	Alive now = alive(kind, parameters, customer);

	return now.probability * model_geometric_at_least(now.shape, now.a, now.b,
													  horizon / now.scale,
													  count);
}

/*
 * E[X(T, T+t) | alive]: eq. 10 of Fader, Hardie & Lee (2005) without the
 * factor P(alive), in the form of geometric.c, which has no singularity at a =
 * 1.
 */
static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	return model_geometric_expectation(
		parameters[R] + customer->x, parameters[ALPHA] + customer->t,
		parameters[A],
		parameters[B] + customer->x + bg_nbd_first_occasions(kind), horizon,
		discount);
}

/*
 * Each number of the buyer is a parameter plus a number of the customer, so the
 * derivatives are the same.
 */
bool
bg_nbd_slopes(const ErlangBuyer *buyer, double horizon, double discount,
			  double *value, double *slopes)
{
	ErlangSlopes found;

	if (!erlang_slopes(buyer, horizon, discount, &found))
		return false;
	*value = found.value;
	slopes[R] = found.shape;
	slopes[ALPHA] = found.scale;
	slopes[A] = found.a;
	slopes[B] = found.b;
	return true;
}

static bool
expected_slopes(const ModelKind *kind, const double *parameters,
				const ModelRow *customer, double horizon, double discount,
				double *value, double *slopes)
{
	ErlangBuyer buyer = {.k = 1,
						 .shape = parameters[R] + customer->x,
						 .scale = parameters[ALPHA] + customer->t,
						 .a = parameters[A],
						 .b =
							 parameters[B] + bg_nbd_occasions(kind, customer)};

	return bg_nbd_slopes(&buyer, horizon, discount, value, slopes);
}

/* In MBG/NBD a new customer may have left at the first purchase. */
static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	double a = parameters[A];
	double b = parameters[B];
	double s = bg_nbd_first_occasions(kind);
	double stayed = s > 0.0 ? b / (a + b) : 1.0;

	return stayed * model_geometric_expectation(parameters[R],
												parameters[ALPHA], a, b + s,
												horizon, 0.0);
}

const ModelParameter bg_nbd_parameters[BG_NBD_N_PARAMETERS] = {
	[R] = MODEL_GAMMA_RATE,
	[A] = MODEL_BETA_DROPOUT("a", "b"),
};

const ModelOperations bg_nbd_operations = {
	MODEL_PURCHASE_OPERATIONS,
	.margins = margins,
	.time_columns = BG_NBD_TIME_COLUMNS,
	.expected_slopes = expected_slopes,
};

const ModelKind model_bg_nbd = {
	MODEL_KIND("bg_nbd", MODEL_PURCHASES, BG_NBD_N_PARAMETERS,
			   bg_nbd_parameters, bg_nbd_operations),
	.variant = BG_NBD_NO_OCCASION, .limits = bg_nbd_limits,
	.restricted = &model_nbd};

const ModelKind model_mbg_nbd = {
	MODEL_KIND("mbg_nbd", MODEL_PURCHASES, BG_NBD_N_PARAMETERS,
			   bg_nbd_parameters, bg_nbd_operations),
	.variant = BG_NBD_FIRST_PURCHASE, .limits = mbg_nbd_limits,
	.restricted = &model_nbd};
