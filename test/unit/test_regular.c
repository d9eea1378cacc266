/*-------------------------------------------------------------------------
 *
 * test_regular.c
 *		BG/CNBD-k and MBG/CNBD-k against k = 1, integrals and simulation.
 *
 * No published table gives these models exactly (the literature approximates
 * the conditional expectation), so each formula is held against another way
 * to the same number: the mixture integrated over the rate, the law of total
 * expectation over all that can happen, series against quadrature, and
 * simulated customers.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "tanh_sinh.h"
#include "fitted.h"
#include "golden.h"
#include "model/kinds/bg_nbd.h"
#include "model/kinds/geometric.h"
#include "math/quadrature.h"
#include "model/kinds/regular.h"
#include "math/special.h"

#include <float.h>

static const ModelKind *const kinds[] = {&model_bg_cnbd_k, &model_mbg_cnbd_k};
static const ModelKind *const irregular[] = {&model_bg_nbd, &model_mbg_nbd};

static unsigned long long random_state = 42;

static double
uniform(void)
{
	return random_unit(&random_state);
}

static double
log_uniform(double low, double high)
{
	return random_log(&random_state, low, high);
}

static double
exponential(void)
{
	return -log(uniform());
}

/* Marsaglia & Tsang 2000, with the power of a uniform below 1. */
static double
gamma_variate(double shape)
{
	double d = (shape < 1 ? shape + 1.0 : shape) - 1.0 / 3.0;
	double boost = shape < 1 ? pow(uniform(), 1.0 / shape) : 1.0;

	for (;;)
	{
		double normal =
			sqrt(2.0 * exponential()) * cos(2.0 * M_PI * uniform());
		double cube = pow(1.0 + normal / sqrt(9.0 * d), 3.0);

		if (cube > 0 && -exponential() < 0.5 * normal * normal +
											 d * (1.0 - cube + log(cube)))
			return d * cube * boost;
	}
}

/*
 * A kind with k held fast, for what knows only the parameters that the
 * derivatives are of.
 */
static const ModelKind *held_kind;
static double held_k;

static const double *
with_held_k(const double *parameters, double *space)
{
	memcpy(space, parameters, REGULAR_K * sizeof(double));
	space[REGULAR_K] = held_k;
	return space;
}

static double
held_log_likelihood(const ModelKind *kind, const double *parameters,
					const ModelRow *row)
{
	double p[REGULAR_K + 1];

	return model_call(held_kind, log_likelihood, with_held_k(parameters, p),
					  row);
}

static void
held_margins(const ModelKind *kind, const double *parameters,
			 const ModelSample *sample, double *x_table, double *time_table,
			 ModelSums *sums)
{
	double p[REGULAR_K + 1];

	model_call(held_kind, margins, with_held_k(parameters, p), sample, x_table,
			   time_table, sums);
}

static void
held_rows(const ModelKind *kind, const double *parameters,
		  const ModelSample *sample, const double *x_table,
		  const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	double p[REGULAR_K + 1];

	model_call(held_kind, rows, with_held_k(parameters, p), sample, x_table,
			   time_table, from, until, sums);
}

static bool
held_start(const ModelKind *kind, const ModelSample *sample, int attempt,
		   double *parameters)
{
	double p[REGULAR_K + 1] = {[REGULAR_K] = held_k};
	bool found = model_call(held_kind, start, sample, attempt, p);

	memcpy(parameters, p, REGULAR_K * sizeof(double));
	return found;
}

static ModelKind
with_k(const ModelKind *kind, int k)
{
	static ModelOperations operations;
	ModelKind held = *kind;

	held_kind = kind;
	held_k = k;
	operations = *kind->operations;
	operations.log_likelihood = held_log_likelihood;
	operations.margins = held_margins;
	operations.rows = held_rows;
	operations.start = held_start;
	held.operations = &operations;
	return held;
}

static ModelRow
customer(double x, double t_x, double t)
{
	ModelRow row = {.x = x, .t_x = t_x, .t = t, .customers = 1};

	return row;
}

static void
random_parameters(double *p, int k)
{
	p[0] = log_uniform(0.05, 20.0);
	p[1] = log_uniform(0.1, 100.0);
	p[2] = log_uniform(0.02, 20.0);
	p[3] = log_uniform(0.02, 20.0);
	p[REGULAR_K] = k;
}

/* k = 1 is the model without regularity. */
static void
test_irregular(void)
{
	bool same = true;
	double p[5];

	for (int i = 0; i < 4000; i++)
	{
		int which = i % 2;
		double t = log_uniform(0.1, 1000.0);
		double x = floor(log_uniform(0.5, 200.0));
		ModelRow row = customer(x, x > 0 ? uniform() * t : 0.0, t);
		double horizon = log_uniform(0.1, 1000.0);
		const ModelKind *kind = kinds[which];
		const ModelKind *plain = irregular[which];

		random_parameters(p, 1);
		same &= model_call(kind, log_likelihood, p, &row) ==
					model_call(plain, log_likelihood, p, &row) &&
				model_call(kind, p_alive, p, &row) ==
					model_call(plain, p_alive, p, &row) &&
				model_call(kind, expected_alive, p, &row, horizon, 0.0) ==
					model_call(plain, expected_alive, p, &row, horizon, 0.0) &&
				model_call(kind, expected_new, p, horizon) ==
					model_call(plain, expected_new, p, horizon);
	}
	report(same, "k = 1 is BG/NBD and MBG/NBD to the last bit");
}

/* The likelihood of a customer with this rate, over that with the mode's. */
typedef struct Mixture
{
	const double *p;
	ModelRow row;
	double stayed; /* E[(1-p)^s] */
	double left; /* E[p (1-p)^(s-1)] */
	double scale;
} Mixture;

static double
rate_integrand(double u, double v, void *context)
{
	const Mixture *m = context;
	double rate = m->scale * u / v;
	double idle = rate * (m->row.t - m->row.t_x);
	double events = m->p[REGULAR_K] * m->row.x;
	double term = 1.0;
	double silent = 1.0;

	if (!(rate * (m->p[1] + m->row.t_x) < 1e4))
		return 0.0;
	for (int i = 1; i < (int) m->p[REGULAR_K]; i++)
		silent += term *= idle / i;
	return exp(m->p[0] * log(m->p[1]) - lgamma(m->p[0]) +
			   (m->p[0] - 1.0 + events) * log(rate) -
			   rate * (m->p[1] + m->row.t_x)) *
		   (m->stayed * exp(-idle) * silent + m->left) * m->scale / (v * v);
}

static void
test_likelihood(void)
{
	Worst worst = {0};

	for (int i = 0; i < 600; i++)
	{
		double p[5];
		double s;
		Mixture m;
		QuadratureResult integral;

		random_parameters(p, 1 + i % ERLANG_MAX_K);
		m.p = p;
		m.row = customer(floor(8 * uniform()), 0.0, log_uniform(0.3, 100.0));
		m.row.t_x = m.row.x > 0 ? uniform() * m.row.t : 0.0;
		s = m.row.x + i % 2;
		m.stayed = exp(math_log_beta_ratio(p[3], p[2], s));
		m.left = s > 0 ? m.stayed * p[2] / (p[3] + s - 1.0) : 0.0;
		m.scale = (p[0] + p[REGULAR_K] * m.row.x) / (p[1] + m.row.t_x);
		integral = tanh_sinh(rate_integrand, &m, 1e-13);
		compare_scaled(&worst,
					   model_call(kinds[i % 2], log_likelihood, p, &m.row),
					   log(integral.value), 1.0, 1e-9, i);
	}
	report_worst(&worst, "the likelihood is the mixture over the rates");
}

/*
 * All that can happen in a time so short that a third purchase is out of the
 * question: what a customer is expected to buy later, summed over it, is what
 * a new one is expected to buy then.
 */
typedef struct Outcome
{
	const ModelKind *kind;
	const double *p;
	double t;
	double horizon;
	double first;
	bool probability; /* of the outcomes, not what is expected after them */
} Outcome;

static double
outcome(const Outcome *o, double x, double t_x, double log_gaps)
{
	ModelRow row = customer(x, t_x, o->t);
	double density = exp(model_call(o->kind, log_likelihood, o->p, &row) +
						 model_regular_gaps(o->kind, o->p, x, log_gaps));

	if (o->probability)
		return density;
	return density * model_call(o->kind, p_alive, o->p, &row) *
		   model_call(o->kind, expected_alive, o->p, &row, o->horizon, 0.0);
}

static double
second_purchase(double u, double v, void *context)
{
	const Outcome *o = context;
	double gap = u * (o->t - o->first);

	return (o->t - o->first) *
		   outcome(o, 2, o->first + gap,
				   log(o->first) + log(fmax(gap, DBL_MIN)));
}

static double
first_purchase(double u, double v, void *context)
{
	Outcome o = *(const Outcome *) context;

	o.first = u * o.t;
	return o.t * (outcome(&o, 1, o.first, log(o.first)) +
				  tanh_sinh(second_purchase, &o, 1e-9).value);
}

static void
test_total_expectation(void)
{
	Worst total = {0};
	Worst later = {0};

	for (int k = 1; k <= 4; k++)
	{
		double p[5] = {0.6, 12.0, 0.7, 1.3, k};

		for (int which = 0; which < 2; which++)
		{
			/* The shorter the gaps can be, the shorter the time. */
			Outcome o = {kinds[which], p,	k == 1 ? 0.02 : k == 2 ? 0.4 : 1.0,
						 20.0,		   0.0, true};
			double expected =
				model_call(o.kind, expected_new, p, o.t + o.horizon) -
				model_call(o.kind, expected_new, p, o.t);

			compare(&total,
					outcome(&o, 0, 0.0, 0.0) +
						tanh_sinh(first_purchase, &o, 1e-9).value,
					1.0, 1e-7, 10 * k + which);
			o.probability = false;
			compare(&later,
					outcome(&o, 0, 0.0, 0.0) +
						tanh_sinh(first_purchase, &o, 1e-9).value,
					expected, 1e-7, 10 * k + which);
		}
	}
	report_worst(&total, "the likelihoods of all outcomes add up to 1");
	report_worst(&later, "their expectations add up to a new customer's");
}

static ErlangBuyer
random_buyer(int k)
{
	ErlangBuyer buyer = {.k = k,
						 .shape = log_uniform(0.05, 300.0),
						 .scale = 1.0,
						 .idle = uniform() < 0.3 ? 0.0 : uniform(),
						 .a = log_uniform(0.02, 50.0),
						 .b = log_uniform(0.02, 50.0)};

	return buyer;
}

/* At and above so many events the quadrature must be right. */
#define QUADRATURE_EVENTS 50.0

static void
test_expectation(void)
{
	Worst same = {0};
	Worst geometric = {0};

	for (int i = 0; i < 1000; i++)
	{
		ErlangBuyer buyer = random_buyer(1 + i % ERLANG_MAX_K);
		double tau = log_uniform(QUADRATURE_EVENTS, 4000.0) / buyer.shape;

		compare(&same, erlang_quadrature(&buyer, tau),
				erlang_series(&buyer, tau), 1e-10, i);
		buyer.k = 1;
		compare(&geometric, erlang_series(&buyer, tau),
				model_geometric_expectation(buyer.shape, 1.0, buyer.a, buyer.b,
											tau, 0.0),
				1e-10, i);
	}
	report_worst(&same, "series and quadrature give the same expectation");
	report_worst(&geometric, "and for k = 1 that without regularity");
}

static double
stay_integrand(double u, double v, void *context)
{
	const ErlangBuyer *buyer = context;

	/* Who stays so long stays by chance of rounding. */
	if (!(u / v < 1e4))
		return 0.0;
	return erlang_stay(buyer, u / v) / (v * v);
}

/* Staying, and the mean time of it, which is the integral over the former. */
static void
test_stay(void)
{
	Worst geometric = {0};
	Worst lifetime = {0};

	for (int i = 0; i < 400; i++)
	{
		ErlangBuyer buyer = random_buyer(1);
		double tau = log_uniform(0.01, 1e4) / buyer.shape;

		compare_scaled(
			&geometric, erlang_stay(&buyer, tau),
			model_geometric_stay(buyer.shape, buyer.a, buyer.b, tau), 1.0,
			1e-11, i);
	}
	for (int i = 0; i < 40; i++)
	{
		ErlangBuyer buyer = random_buyer(1 + i % ERLANG_MAX_K);
		QuadratureResult integral;

		/* Else the mean has no variance, and the integral a long tail. */
		buyer.a += 6.0;
		buyer.shape += 6.0;
		integral = tanh_sinh(stay_integrand, &buyer, 1e-10);
		compare(&lifetime, erlang_lifetime(&buyer), integral.value, 1e-6, i);
	}
	report_worst(&geometric, "for k = 1 customers stay as without regularity");
	report_worst(&lifetime, "the lifetime is the integral over staying");
}

/* The distribution adds up to 1, and its mean is the expectation. */
static void
test_distribution(void)
{
	Worst total = {0};
	Worst mean = {0};
	Worst tails = {0};

	for (int i = 0; i < 300; i++)
	{
		ErlangBuyer buyer = random_buyer(1 + i % ERLANG_MAX_K);
		double tau = log_uniform(0.01, 20.0 / fmax(buyer.shape, 1.0));
		double sum = 0.0;
		double products = 0.0;
		double at_least = 0.0;

		for (int n = 0; n < 3000; n++)
		{
			double probability = erlang_probability(&buyer, n, tau);

			at_least += n > 0 ? erlang_at_least(&buyer, n, tau) : 0.0;
			sum += probability;
			products += n * probability;
			if (n > 2 + tau * buyer.shape && n * probability < 1e-14)
				break;
		}
		compare(&total, sum, 1.0, 1e-11, i);
		compare(&mean, products, erlang_expectation(&buyer, tau, 0.0), 1e-9,
				i);
		compare(&tails, at_least, products, 1e-9, i);
	}
	report_worst(&total, "the probabilities of all counts add up to 1");
	report_worst(&mean, "the mean count is the expectation");
	report_worst(&tails, "so is the sum of the tails");
}

/* e^(-discount u) dG by differences of G over short steps. */
static double
discounted_by_steps(const ErlangBuyer *buyer, double horizon, double discount)
{
	int steps = 20000;
	double sum = 0.0;
	double before = 0.0;

	for (int i = 0; i < steps; i++)
	{
		double after = erlang_series(buyer, horizon * (i + 1.0) / steps);

		sum += exp(-discount * horizon * (i + 0.5) / steps) * (after - before);
		before = after;
	}
	return sum;
}

static void
test_discount(void)
{
	Worst steps = {0};
	Worst limit = {0};
	Worst for_ever = {0};

	for (int i = 0; i < 24; i++)
	{
		ErlangBuyer buyer = random_buyer(1 + i % ERLANG_MAX_K);
		double discount = i % 5 == 0 ? -0.5 : log_uniform(0.01, 3.0);

		buyer.shape = fmin(buyer.shape, 20.0);
		compare(&steps, erlang_expectation(&buyer, 2.0, discount),
				discounted_by_steps(&buyer, 2.0, discount), 1e-6, i);
		compare(&limit, erlang_expectation(&buyer, 2.0, 1e-13),
				erlang_expectation(&buyer, 2.0, 0.0), 1e-12, i);
		discount = fabs(discount);
		compare(&for_ever,
				erlang_expectation(&buyer, 60.0 / discount, discount),
				erlang_expectation(&buyer, INFINITY, discount), 1e-12, i);
	}
	report_worst(&steps, "the discounted expectation is that of its steps");
	report_worst(&limit, "a discount near 0 is none");
	report_worst(&for_ever, "a long horizon is the infinite one");
}

/*
 * A finite horizon may be an infinite one in units of the scale. The quadrature
 * cannot answer for it, and must not take its NaN for a small number.
 */
static void
test_endless(void)
{
	Worst purchases = {0};
	bool each_leaves = true;
	bool visible = true;

	for (int i = 0; i < 500; i++)
	{
		ErlangBuyer buyer = random_buyer(1 + i % ERLANG_MAX_K);

		buyer.scale = 1e-10;
		buyer.a += 1.0;
		compare(&purchases, erlang_expectation(&buyer, 1e300, 0.0),
				erlang_expectation(&buyer, INFINITY, 0.0), 1e-12, i);
		each_leaves = each_leaves && erlang_stay(&buyer, 1e300) == 0.0;
		visible = visible && isnan(erlang_quadrature(&buyer, INFINITY));
	}
	report_worst(&purchases,
				 "a horizon too long to divide is an infinite one");
	report(each_leaves, "and in it everybody leaves");
	report(visible, "the quadrature says that it has no answer");
}

/* A simulated customer until t, and the purchases in the horizon after it. */
static ModelRow
simulate(const double *p, int occasions, double t, double horizon,
		 double *log_gaps, double *later)
{
	double rate = gamma_variate(p[0]) / p[1];
	double first = gamma_variate(p[2]);
	double leaves = first / (first + gamma_variate(p[3]));
	double at = 0.0;
	ModelRow row = customer(0.0, 0.0, t);

	*later = 0.0;
	if (occasions > 0 && uniform() < leaves)
		return row;
	for (;;)
	{
		double gap = 0.0;

		for (int i = 0; i < (int) p[REGULAR_K]; i++)
			gap += exponential() / rate;
		at += gap;
		if (at > t + horizon)
			return row;
		if (at > t)
			*later += 1.0;
		else
		{
			row.x += 1.0;
			row.t_x = at;
			*log_gaps += log(gap);
		}
		if (uniform() < leaves)
			return row;
	}
}

/*
 * Simulated customers buy later what they are expected to, by the number of
 * their purchases so far: within 4.5 standard errors.
 */
#define SIMULATED 60000

static void
test_simulated_expectation(void)
{
	double p[5] = {0.9, 3.0, 0.5, 2.0, 3};
	double farthest = 0.0;

	for (int which = 0; which < 2; which++)
	{
		double difference[4] = {0};
		double squares[4] = {0};

		for (int i = 0; i < SIMULATED; i++)
		{
			double log_gaps = 0.0;
			double later;
			ModelRow row = simulate(p, which, 20.0, 20.0, &log_gaps, &later);
			int bin = row.x < 3 ? (int) row.x : 3;
			double error = later - model_call(kinds[which], p_alive, p, &row) *
									   model_call(kinds[which], expected_alive,
												  p, &row, 20.0, 0.0);

			difference[bin] += error;
			squares[bin] += error * error;
		}
		for (int bin = 0; bin < 4; bin++)
			farthest =
				fmax(farthest, fabs(difference[bin]) / sqrt(squares[bin]));
	}
	printf("# farthest bin %.2f standard errors away\n", farthest);
	report(farthest < 4.5, "simulated customers buy what is expected");
}

/* The fit for each k to simulated customers, as the aggregate does it. */
#define FITTED 4000

static void
test_fit(int which)
{
	double truth[5] = {0.9, 3.0, 0.8, 2.0, 3};
	ModelRow *rows = malloc(2 * FITTED * sizeof(ModelRow));
	void *memory = malloc(model_sample_size(FITTED));
	double log_gaps = 0.0;
	double best = -INFINITY;
	double later;
	double farthest = 0.0;
	int best_k = 0;
	ModelSample sample;

	for (int i = 0; i < FITTED; i++)
		rows[i] = simulate(truth, which, 40.0, 0.0, &log_gaps, &later);
	arrange(&sample, rows, FITTED, memory);
	for (int k = 1; k <= ERLANG_MAX_K; k++)
	{
		ModelKind kind = with_k(kinds[which], k);
		double for_k[5] = {0, 0, 0, 0, k};
		ModelMaximum maximum;
		double log_likelihood;

		if (fit(&kind, &sample, &maximum) != MODEL_CONVERGED)
			continue;
		log_likelihood =
			maximum.log_likelihood +
			model_regular_gaps(&kind, for_k, sample.total_purchases, log_gaps);
		if (log_likelihood > best)
		{
			best = log_likelihood;
			best_k = k;
		}
		if (k == 3)
			farthest = farthest_estimate(&maximum, truth, 4);
	}
	printf("# farthest parameter %.2f standard errors away\n", farthest);
	report(best_k == 3, "the likeliest k is that of the simulation");
	report(farthest > 0 && farthest < 3.5, "and so are the parameters");
	free(rows);
	free(memory);
}

static void
test_kind_derivatives(int which)
{
	static const double sets[][4] = {
		{0.5, 6.0, 0.9, 1.6}, {3.0, 0.4, 0.05, 9.0}, {0.05, 90.0, 8.0, 0.3}};

	for (int k = 1; k <= ERLANG_MAX_K; k = 2 * k + 1)
	{
		ModelKind kind = with_k(kinds[which], k);

		test_buyer_derivatives(&kind, sets[0], 3);
	}
}

/* The answer with one parameter times a factor, by integration. */
static double
moved_answer(const ModelKind *kind, const double *parameters,
			 const ModelRow *row, double discount, int moved, double factor)
{
	double p[5];

	memcpy(p, parameters, sizeof(p));
	p[moved] *= factor;
	return model_call(kind, expected_alive, p, row, INFINITY, discount);
}

/*
 * The derivatives in the logarithms of the parameters against differences with
 * one extrapolation, which have about ten digits.
 */
static void
compare_slopes(Worst *worst, const ModelKind *kind, const double *p,
			   const ModelRow *row, double discount, long number)
{
	double step = 1e-3;
	double value;
	double slopes[4];
	bool found = model_call(kind, expected_slopes, p, row, INFINITY, discount,
							&value, slopes);

	compare(worst, found ? value : NAN,
			moved_answer(kind, p, row, discount, 0, 1.0), 1e-11, number);
	for (int i = 0; i < 4; i++)
	{
		double near = moved_answer(kind, p, row, discount, i, exp(step)) -
					  moved_answer(kind, p, row, discount, i, exp(-step));
		double far = moved_answer(kind, p, row, discount, i, exp(2 * step)) -
					 moved_answer(kind, p, row, discount, i, exp(-2 * step));
		double slope = (8.0 * near - far) / (12.0 * step);

		compare_scaled(worst, p[i] * slopes[i], slope, value, 1e-9, number);
	}
}

static void
test_slopes(void)
{
	const ModelKind *all[] = {&model_bg_nbd, &model_mbg_nbd, &model_bg_cnbd_k,
							  &model_mbg_cnbd_k};
	Worst worst = {0};

	for (int i = 0; i < 400; i++)
	{
		double p[5];
		double t = log_uniform(1.0, 500.0);
		double x = floor(log_uniform(0.5, 60.0));
		ModelRow row = customer(x, x > 0 ? uniform() * t : 0.0, t);

		for (int j = 0; j < 4; j++)
			p[j] = log_uniform(0.1, 20.0);
		p[REGULAR_K] = 1 + i % ERLANG_MAX_K;
		compare_slopes(&worst, all[i % 4], p, &row, log_uniform(1e-4, 0.1), i);
	}
	report_worst(&worst, "derivatives over all time agree with differences");
}

/* Any valid input has finite answers within their bounds. */
static void
test_total(void)
{
	long failed = 0;

	for (int i = 0; i < 4000; i++)
	{
		const ModelKind *kind = kinds[i % 2];
		double p[5];
		double t = log_uniform(0.001, 20000.0);
		double x = floor(log_uniform(0.5, 20000.0));
		ModelRow row = customer(x, x > 0 ? uniform() * t : 0.0, t);
		double log_likelihood;
		double alive;
		double expected;
		double after;
		double at_least;

		for (int j = 0; j < 4; j++)
			p[j] = log_uniform(1e-3, 1e3);
		p[REGULAR_K] = 1 + i % ERLANG_MAX_K;
		log_likelihood = model_call(kind, log_likelihood, p, &row);
		alive = model_call(kind, p_alive, p, &row);
		expected = model_call(kind, expected_alive, p, &row, 0.1 * t, 0.0);
		after = model_call(kind, p_alive_after, p, &row, 0.1 * t);
		at_least = model_call(kind, at_least, p, &row, 1.0 + floor(expected),
							  0.1 * t);
		if (!isfinite(log_likelihood) || !(alive >= 0 && alive <= 1) ||
			!(expected >= 0) || isinf(expected) ||
			!(after >= 0 && after <= alive * (1.0 + 1e-9)) ||
			!(at_least >= 0 && at_least <= 1))
			failed++;
	}
	printf("# %ld of 4000 failed\n", failed);
	report(failed == 0, "every answer is finite and within its bounds");
}

int
main(void)
{
	test_irregular();
	test_likelihood();
	test_total_expectation();
	test_expectation();
	test_distribution();
	test_stay();
	test_discount();
	test_endless();
	test_slopes();
	test_simulated_expectation();
	for (int which = 0; which < 2; which++)
	{
		test_kind_derivatives(which);
		test_fit(which);
	}
	test_total();
	return finish();
}
