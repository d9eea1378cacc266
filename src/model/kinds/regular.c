/*-------------------------------------------------------------------------
 *
 * regular.c
 *		The BG/CNBD-k and MBG/CNBD-k models of regular repeat purchases.
 *
 * These models are BG/NBD and MBG/NBD (bg_nbd.c) with regular customers. The
 * times between the purchases of a customer have an Erlang-k density instead
 * of an exponential one (Platzer 2008; Reutterer, Platzer & Schroeder 2020):
 * the customer buys at every k-th event of a Poisson process. The rate of its
 * events has the gamma density (r, alpha). A higher k means more regular
 * purchases. For k = 1 the models are BG/NBD and MBG/NBD, to the last bit.
 *
 * Let s be the occasions to leave so far (x or x + 1), R = r + kx, w = (T -
 * t_x) / (alpha + T) and (c)_n = Gamma(c+n) / Gamma(c). The likelihood is
 *
 *	P (r)_kx (b)_s / (a+b)_s * alpha^r (alpha+T)^-R * (Q + e^h),
 *	Q = sum over i < k of (R)_i / i! w^i,
 *	h = ln(a / (b+s-1)) + R ln((alpha+T) / (alpha+t_x)),
 *
 * and P(alive) is Q / (Q + e^h). Q belongs to customers who stayed and had i
 * events, and so no purchase, since the last purchase. e^h belongs to customers
 * who left, and is absent for s = 0. P is the product of the gaps to the power
 * k - 1, over (k-1)!^x. P does not depend on r, alpha, a and b, so it is kept
 * apart (model_regular_gaps). The fit for one k needs no gaps, and the choice
 * of k needs only the sum of their logarithms over all customers.
 *
 * The derivatives of ln Q are moments of i under the weights of its terms.
 * Let H be the sum over m < i of 1 / (R+m), and v = 1 / (alpha+T). The
 * logarithm of a term has the derivative H in r, and -iv in alpha. The numbers
 * in Q that depend on x alone are constant over a run of rows.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/regular.h"

#include "model/kinds/bg_nbd.h"
#include "math/special.h"

#include <math.h>

enum
{
	R,
	ALPHA,
	A,
	B
};

/* k is stored as a double like all parameters, but it is always whole. */
static int
regularity(const double *parameters)
{
	return (int) parameters[REGULAR_K];
}

/*
 * ln Gamma(k) is written as the rising factorial of 1, which is exact for k <=
 * 12.
 */
double
model_regular_gaps(const ModelKind *kind, const double *parameters,
				   double purchases, double log_gaps)
{
	double k = regularity(parameters);

	return (k - 1.0) * log_gaps -
		   purchases * math_log_rising_factorial(1.0, k - 1.0);
}

/* ln Q of a customer. */
static double
log_silence(const double *parameters, const ModelRow *customer)
{
	int k = regularity(parameters);
	double idle =
		(customer->t - customer->t_x) / (parameters[ALPHA] + customer->t);

	return erlang_log_silence(k, parameters[R] + k * customer->x, idle, NULL);
}

/*
 * h - ln Q, the log of the odds of having left, after s > 0 occasions to
 * leave.
 */
static double
log_odds_left(const double *parameters, const ModelRow *customer, double s)
{
	double idle =
		(customer->t - customer->t_x) / (parameters[ALPHA] + customer->t_x);
	double shape = parameters[R] + regularity(parameters) * customer->x;

	return log(parameters[A] / (parameters[B] + (s - 1.0))) +
		   shape * log1p(idle) - log_silence(parameters, customer);
}

/*
 * Without the term of the gaps, which the caller adds. k = 1 goes to BG/NBD,
 * so that the results are equal to the last bit and not only to rounding.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double r = parameters[R];
	double s = bg_nbd_occasions(kind, customer);
	double events = regularity(parameters) * customer->x;
	double stayed;

	if (regularity(parameters) == 1)
		return bg_nbd_operations.log_likelihood(kind, parameters, customer);
	stayed = -r * log1p(customer->t / parameters[ALPHA]) +
			 log_silence(parameters, customer);
	if (s > 0)
		stayed += math_log_beta_ratio(parameters[B], parameters[A], s) +
				  math_log1pexp(log_odds_left(parameters, customer, s));
	if (events > 0)
		stayed += math_log_rising_factorial(r, events) -
				  events * log(parameters[ALPHA] + customer->t);
	return stayed;
}

/*
 * Q / (Q + e^h). The longer the silence of a regular buyer is compared with
 * the usual gap, the faster it falls.
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
 * The posterior of the customer, if alive: the numbers that erlang.c needs. At
 * a row of zeros it is a new customer, whose first gap has just begun.
 */
static ErlangBuyer
buyer(const ModelKind *kind, const double *parameters,
	  const ModelRow *customer)
{
	int k = regularity(parameters);
	double scale = parameters[ALPHA] + customer->t;
	ErlangBuyer result = {.k = k,
						  .shape = parameters[R] + k * customer->x,
						  .scale = scale,
						  .idle = (customer->t - customer->t_x) / scale,
						  .a = parameters[A],
						  .b = parameters[B] + customer->x +
							   bg_nbd_first_occasions(kind)};

	return result;
}

static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);

	if (alive.k == 1)
		return bg_nbd_operations.expected_alive(kind, parameters, customer,
												horizon, discount);
	return erlang_expectation(&alive, horizon, discount);
}

static bool
expected_slopes(const ModelKind *kind, const double *parameters,
				const ModelRow *customer, double horizon, double discount,
				double *value, double *slopes)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);

	return bg_nbd_slopes(&alive, horizon, discount, value, slopes);
}

/*
 * In MBG/CNBD-k a new customer may have left at the first purchase, and
 * p_alive of a row of zeros is the probability of still being there.
 */
static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	ModelRow newcomer = {.customers = 1};
	ErlangBuyer alive = buyer(kind, parameters, &newcomer);

	if (alive.k == 1)
		return bg_nbd_operations.expected_new(kind, parameters, horizon);
	return p_alive(kind, parameters, &newcomer) *
		   erlang_expectation(&alive, horizon, 0.0);
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);

	if (alive.k == 1)
		return bg_nbd_operations.p_alive_after(kind, parameters, customer,
											   ahead);
	return p_alive(kind, parameters, customer) * erlang_stay(&alive, ahead);
}

/*
 * An infinite mean stays infinite even for a customer who is almost surely
 * gone. P(alive) may underflow to 0, and 0 times INFINITY would be NaN.
 */
static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);
	double lifetime = erlang_lifetime(&alive);

	if (isinf(lifetime))
		return INFINITY;
	return p_alive(kind, parameters, customer) * lifetime;
}

/* Exactly count purchases. A customer who has left makes none. */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);
	double now;
	double left;

	if (alive.k == 1)
		return bg_nbd_operations.probability(kind, parameters, customer, count,
											 horizon);
	now = p_alive(kind, parameters, customer);
	left = count == 0 ? 1.0 - now : 0.0;
	return left + now * erlang_probability(&alive, count, horizon);
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	ErlangBuyer alive = buyer(kind, parameters, customer);

	if (alive.k == 1)
		return bg_nbd_operations.at_least(kind, parameters, customer, count,
										  horizon);
	return p_alive(kind, parameters, customer) *
		   erlang_at_least(&alive, count, horizon);
}

static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	bg_nbd_margins(kind, parameters, sample, regularity(parameters),
				   time_table, sums);
}

/* The numbers that all rows of a run share, because they have the same x. */
typedef struct Run
{
	int k;
	double shape; /* R */
	double coefficient[ERLANG_MAX_K]; /* (R)_i / i! */
	double first[ERLANG_MAX_K]; /* H, the first derivative by R of its log */
	double second[ERLANG_MAX_K]; /* the second, plus the first squared */
	bool can_have_left;
	double log_odds; /* ln(a / (b+s-1)) */
	double inverse_a;
	double inverse_bs;
} Run;

/*
 * The tables over i < k of one x. They replace k gamma functions per row by
 * one multiplication per term.
 */
static Run
run_start(const ModelKind *kind, const double *parameters, double x)
{
	double s = x + bg_nbd_first_occasions(kind);
	double bs = parameters[B] + (s - 1.0);
	double squares = 0.0;
	Run run = {.k = regularity(parameters), .can_have_left = s > 0};

	run.shape = parameters[R] + run.k * x;
	run.coefficient[0] = 1.0;
	for (int i = 1; i < run.k; i++)
	{
		double factor = run.shape + (i - 1);

		run.coefficient[i] = run.coefficient[i - 1] * (factor / i);
		run.first[i] = run.first[i - 1] + 1.0 / factor;
		squares += 1.0 / (factor * factor);
		run.second[i] = run.first[i] * run.first[i] - squares;
	}
	if (run.can_have_left)
	{
		run.log_odds = log(parameters[A] / bs);
		run.inverse_a = 1.0 / parameters[A];
		run.inverse_bs = 1.0 / bs;
	}
	return run;
}

/* ln Q with its derivatives in r and alpha. */
typedef struct Silence
{
	double log;
	double r;
	double alpha;
	double rr;
	double r_alpha;
	double alpha_alpha;
} Silence;

/*
 * One pass over the terms of Q gives the means of H, of i and of their
 * products, from which the derivatives of ln Q follow. The term for i = 0 is 1
 * and has no derivative.
 */
static Silence
silence(const Run *run, double idle, double inverse_time)
{
	double power = 1.0;
	double rest = 0.0;
	double h = 0.0;
	double hh = 0.0;
	double hi = 0.0;
	double n = 0.0;
	double nn = 0.0;
	double inverse;
	Silence result;

	for (int i = 1; i < run->k; i++)
	{
		double term;

		power *= idle;
		term = run->coefficient[i] * power;
		rest += term;
		h += term * run->first[i];
		hh += term * run->second[i];
		hi += term * run->first[i] * i;
		n += term * i;
		nn += term * (i * (i + 1));
	}
	inverse = 1.0 / (1.0 + rest);
	h *= inverse;
	n *= inverse;
	result.log = log1p(rest);
	result.r = h;
	result.alpha = -inverse_time * n;
	result.rr = hh * inverse - h * h;
	result.r_alpha = -inverse_time * (hi * inverse - h * n);
	result.alpha_alpha = inverse_time * inverse_time * (nn * inverse - n * n);
	return result;
}

/* Adds ln Q of a row. */
static void
add_silence(const Silence *stayed, double customers, ModelSums *sums)
{
	sums->value += customers * stayed->log;
	sums->gradient[R] += customers * stayed->r;
	sums->gradient[ALPHA] += customers * stayed->alpha;
	sums->hessian[R][R] += customers * stayed->rr;
	sums->hessian[ALPHA][R] += customers * stayed->r_alpha;
	sums->hessian[ALPHA][ALPHA] += customers * stayed->alpha_alpha;
}

/*
 * ln(Q + e^h). With p the probability of having left and D the gradient of h
 * less that of ln Q, the gradient is that of ln Q plus p D, and the Hessian is
 * (1-p) (ln Q)'' + p h'' + p (1-p) D D'.
 */
static void
add_either(const Run *run, const Silence *stayed, const double *now,
		   const double *last, double customers, ModelSums *sums)
{
	double l = now[BG_NBD_LOG_TIME] - last[BG_NBD_LOG_TIME];
	double d = now[BG_NBD_INVERSE_TIME] - last[BG_NBD_INVERSE_TIME];
	double dd = -(now[BG_NBD_INVERSE_TIME] + last[BG_NBD_INVERSE_TIME]) * d;
	double g = run->log_odds + run->shape * l - stayed->log;
	double odds = exp(-fabs(g));
	double inverse = 1.0 / (1.0 + odds);
	double left = customers * (g > 0 ? inverse : odds * inverse);
	double spread = customers * odds * inverse * inverse;
	double by_r = l - stayed->r;
	double by_alpha = run->shape * d - stayed->alpha;
	double a = run->inverse_a;
	double b = run->inverse_bs;

	add_silence(stayed, customers, sums);
	sums->value += customers * (fmax(g, 0.0) + log1p(odds));
	sums->gradient[R] += left * by_r;
	sums->gradient[ALPHA] += left * by_alpha;
	sums->gradient[A] += left * a;
	sums->gradient[B] -= left * b;
	sums->hessian[R][R] += spread * by_r * by_r - left * stayed->rr;
	sums->hessian[ALPHA][R] +=
		spread * by_r * by_alpha + left * (d - stayed->r_alpha);
	sums->hessian[ALPHA][ALPHA] +=
		spread * by_alpha * by_alpha +
		left * (run->shape * dd - stayed->alpha_alpha);
	sums->hessian[A][R] += spread * a * by_r;
	sums->hessian[A][ALPHA] += spread * a * by_alpha;
	sums->hessian[A][A] += (spread - left) * a * a;
	sums->hessian[B][R] -= spread * b * by_r;
	sums->hessian[B][ALPHA] -= spread * b * by_alpha;
	sums->hessian[B][A] -= spread * a * b;
	sums->hessian[B][B] += (spread + left) * b * b;
}

/*
 * A customer without an occasion to leave (x = 0 in BG/CNBD-k) still has the
 * term ln Q of the silence.
 */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	for (size_t place = model_sample_run(sample, from); from < until; place++)
	{
		Run run = run_start(kind, parameters, sample->x[place]);

		for (; from < until && from < sample->x_first[place + 1]; from++)
		{
			uint32_t t = sample->t_index[from];
			uint32_t t_x = sample->t_x_index[from];
			const double *now = &time_table[t * BG_NBD_TIME_COLUMNS];
			Silence stayed = silence(&run,
									 (sample->times[t] - sample->times[t_x]) *
										 now[BG_NBD_INVERSE_TIME],
									 now[BG_NBD_INVERSE_TIME]);

			if (run.can_have_left)
				add_either(&run, &stayed, now,
						   &time_table[t_x * BG_NBD_TIME_COLUMNS],
						   sample->customers[from], sums);
			else
				add_silence(&stayed, sample->customers[from], sums);
		}
	}
}

/*
 * parameters already holds k, which the caller has set before it asks for
 * starts.
 */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	return bg_nbd_start(sample, attempt, regularity(parameters), parameters);
}

static const ModelOperations operations = {
	MODEL_PURCHASE_OPERATIONS,	.margins = margins,
	.gaps = model_regular_gaps, .time_columns = BG_NBD_TIME_COLUMNS,
	.expects_by_t_x = true,		.expected_slopes = expected_slopes,
};

/* The fields that both kinds share. */
#define REGULAR_KIND(its_name) \
	MODEL_KIND(its_name, MODEL_PURCHASES, BG_NBD_N_PARAMETERS, \
			   bg_nbd_parameters, operations), \
		.whole_name = "k", .whole_max = ERLANG_MAX_K

const ModelKind model_bg_cnbd_k = {REGULAR_KIND("bg_cnbd_k"),
								   .variant = BG_NBD_NO_OCCASION};

const ModelKind model_mbg_cnbd_k = {REGULAR_KIND("mbg_cnbd_k"),
									.variant = BG_NBD_FIRST_PURCHASE};
