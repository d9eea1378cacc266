/*-------------------------------------------------------------------------
 *
 * test_distribution.c
 *		What every kind says of the time ahead: the number of purchases, being
 *		alive, the time until leaving.
 *
 * The answers are computed in different ways, so they check one another: the
 * probabilities add up to 1, their mean is the expectation, and the lifetime
 * is the integral of the probability of being alive.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"
#include "tanh_sinh.h"
#include "model/kinds/kinds.h"
#include "math/exponential_integral.h"
#include "math/quadrature.h"

static unsigned long long seed = 20260401;

static const ModelKind *const kinds[] = {&model_bg_nbd, &model_mbg_nbd,
										 &model_pareto_nbd, &model_nbd,
										 &model_bg_bb};

#define N_KINDS ((int) (sizeof(kinds) / sizeof(kinds[0])))

/* Shapes, and scales of the times in the rows. */
static void
random_parameters(double *p)
{
	for (int i = 0; i < MODEL_MAX_PARAMETERS; i++)
		p[i] = random_log(&seed, 0.2, 20.0);
}

static ModelRow
random_row(void)
{
	ModelRow row = {.x = floor(6.0 * random_unit(&seed)), .customers = 1};

	row.t = row.x + floor(20.0 * random_unit(&seed));
	row.t_x =
		row.x == 0 ? 0.0 : row.x + floor((row.t - row.x) * random_unit(&seed));
	return row;
}

static double
expected(const ModelKind *kind, const double *p, const ModelRow *row,
		 double horizon)
{
	return model_call(kind, p_alive, p, row) *
		   model_call(kind, expected_alive, p, row, horizon, 0.0);
}

/* Far enough that the tails, which fall geometrically here, are nothing. */
#define MOST 3000

static void
test_counts(const ModelKind *kind)
{
	Worst sum = {0};
	Worst mean = {0};
	Worst tail = {0};

	for (int i = 0; i < 60; i++)
	{
		double p[MODEL_MAX_PARAMETERS];
		ModelRow row = random_row();
		double horizon = 1.0 + floor(15.0 * random_unit(&seed));
		double at_least = 0.0;
		double first = 0.0;

		random_parameters(p);
		for (int k = MOST; k > 0; k--)
		{
			double exactly =
				model_call(kind, probability, p, &row, k, horizon);

			at_least += exactly;
			first += k * exactly;
			if (k <= 20 && at_least > 1e-250)
				compare(&tail, model_call(kind, at_least, p, &row, k, horizon),
						at_least, 1e-11, i);
		}
		compare(&sum,
				at_least + model_call(kind, probability, p, &row, 0, horizon),
				1.0, 1e-12, i);
		compare(&mean, first, expected(kind, p, &row, horizon), 1e-10, i);
	}
	report_worst(&sum, "the probabilities add up to 1");
	report_worst(&tail, "at least so many: the sum of the tail");
	report_worst(&mean, "the mean number is the expectation");
}

/* Nothing ahead: no purchase, and alive as now. */
static void
test_no_time(const ModelKind *kind)
{
	long bad = 0;

	for (int i = 0; i < 100; i++)
	{
		double p[MODEL_MAX_PARAMETERS];
		ModelRow row = random_row();
		double alive;

		random_parameters(p);
		alive = kind->family == MODEL_OCCASIONS
					? model_call(kind, p_alive_after, p, &row, 1)
					: model_call(kind, p_alive_after, p, &row, 0);
		if (fabs(model_call(kind, probability, p, &row, 0, 0) - 1.0) > 1e-12 ||
			model_call(kind, probability, p, &row, 2, 0) != 0.0 ||
			model_call(kind, at_least, p, &row, 1, 0) != 0.0 ||
			fabs(alive - model_call(kind, p_alive, p, &row)) > 1e-14)
			bad++;
	}
	report(bad == 0, "no time ahead: nothing happens");
}

/* The integral of P(alive) from now on, by u = (1 - v) / v; of few tails. */
typedef struct Ahead
{
	const ModelKind *kind;
	const double *p;
	const ModelRow *row;
} Ahead;

static double
alive_ahead(double v, double one_minus_v, void *context)
{
	const Ahead *ahead = context;

	if (v < 1e-100)
		return 0.0;
	return model_call(ahead->kind, p_alive_after, ahead->p, ahead->row,
					  one_minus_v / v) /
		   (v * v);
}

static void
test_lifetime(const ModelKind *kind)
{
	Worst worst = {0};

	for (int i = 0; i < 40; i++)
	{
		double p[MODEL_MAX_PARAMETERS];
		ModelRow row = random_row();
		Ahead ahead = {kind, p, &row};
		double sum = 0.0;

		random_parameters(p);
		/* Tails that fall faster than the square. */
		p[0] += 2.5;
		p[2] += 2.5;
		if (kind->family == MODEL_OCCASIONS)
		{
			for (int n = 200000; n > 0; n--)
				sum += model_call(kind, p_alive_after, p, &row, n);
			compare(&worst, sum, model_call(kind, residual_lifetime, p, &row),
					1e-4, i);
			continue;
		}
		compare(&worst, tanh_sinh(alive_ahead, &ahead, 1e-10).value,
				model_call(kind, residual_lifetime, p, &row), 1e-8, i);
	}
	report_worst(&worst, "the lifetime is the integral of P(alive)");
}

/* Any valid input: a probability is one, and finite. */
static void
test_sweep(const ModelKind *kind, double most_x, double most_t)
{
	long bad = 0;

	for (int i = 0; i < 5000; i++)
	{
		double p[MODEL_MAX_PARAMETERS];
		ModelRow row = {.x = floor(most_x * random_unit(&seed)),
						.customers = 1};
		double horizon = floor(random_log(&seed, 1, most_t));
		double count = floor(random_log(&seed, 1, most_x));
		double answers[4];

		for (int j = 0; j < MODEL_MAX_PARAMETERS; j++)
			p[j] = random_log(&seed, 1e-3, 1e3);
		row.t = row.x + floor(most_t * random_unit(&seed));
		row.t_x = row.x > 0 ? row.x : 0.0;
		answers[0] = model_call(kind, p_alive_after, p, &row, horizon);
		answers[1] = model_call(kind, probability, p, &row, 0, horizon);
		answers[2] = model_call(kind, probability, p, &row, count, horizon);
		answers[3] = model_call(kind, at_least, p, &row, count, horizon);
		for (int j = 0; j < 4; j++)
		{
			if (!(answers[j] >= 0.0 && answers[j] <= 1.0 + 1e-9) && bad++ == 0)
				printf("# answer %d: %g of %g %g %g %g, x %g t %g count %g "
					   "horizon %g\n",
					   j, answers[j], p[0], p[1], p[2], p[3], row.x, row.t,
					   count, horizon);
		}
		if (!(model_call(kind, residual_lifetime, p, &row) >= 0.0))
			bad++;
	}
	report(bad == 0, "random input: every probability is one");
}

/* Values of mpmath: exp(z) expint(n, z). */
static void
test_exponential_integral(void)
{
	static const double values[][3] = {{1.0, 1.0, 0.59634736232319407},
									   {1.24, 0.3, 1.0173153425557832},
									   {2.0, 0.001, 0.99366212592967451},
									   {2.0000001, 0.99, 0.40559018357975509},
									   {12.0, 0.5, 0.086601420567537917},
									   {50.0, 7.0, 0.017816838657904146}};
	Worst worst = {0};

	for (int i = 0; i < 6; i++)
		compare(&worst, math_exponential_integral(values[i][0], values[i][1]),
				values[i][2], 1e-14, i);
	report_worst(&worst, "the generalized exponential integral");
}

/* Both ways of the recurrence n E_(n+1) = e^-z - z E_n meet. */
static void
test_recurrence(void)
{
	Worst worst = {0};

	for (int i = 0; i < 5000; i++)
	{
		double n = 1.0 + random_log(&seed, 1e-3, 1e3);
		double z = random_log(&seed, 1e-6, 1e3);

		compare_scaled(&worst, n * math_exponential_integral(n + 1.0, z),
					   1.0 - z * math_exponential_integral(n, z), 1.0, 1e-14,
					   i);
	}
	report_worst(&worst, "the recurrence over its order");
}

int
main(void)
{
	for (int i = 0; i < N_KINDS; i++)
	{
		printf("# %s\n", kinds[i]->name);
		test_counts(kinds[i]);
		test_no_time(kinds[i]);
		test_sweep(kinds[i], 50, 52);
		test_sweep(kinds[i], 2000, 2000);
		if (kinds[i] != &model_nbd)
			test_lifetime(kinds[i]);
	}
	test_exponential_integral();
	test_recurrence();
	return finish();
}
