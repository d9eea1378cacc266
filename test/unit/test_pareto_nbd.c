/*-------------------------------------------------------------------------
 *
 * test_pareto_nbd.c
 *		The Pareto/NBD model against reference values, and its derivatives.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "golden.h"
#include "model/kinds/kinds.h"

/* Parameters and times as real data have them. */
static bool
is_ordinary(const double *parameters, const ModelRow *row)
{
	for (int i = 0; i < 4; i++)
	{
		if (parameters[i] < 0.05 || parameters[i] > 50.0)
			return false;
	}
	return row->x <= 100 && row->t <= 1000 && row->t_x < row->t;
}

/* E[Y(h)], discounted, given the history. */
static double
expected(const double *parameters, const ModelRow *row, double horizon,
		 double discount)
{
	return model_call(&model_pareto_nbd, p_alive, parameters, row) *
		   model_call(&model_pareto_nbd, expected_alive, parameters, row,
					  horizon, discount);
}

static void
test_golden(int argc, char **argv)
{
	static const char *const names[] = {
		"log_likelihood", "p_alive",	 "expected_new_10",	 "expected_new_52",
		"expected_new_t", "expected_10", "expected_52",		 "expected_t",
		"residual_52",	  "residual",	 "probability_new_x"};
	GoldenColumns columns = {.names = names,
							 .count = sizeof(names) / sizeof(names[0])};
	Golden golden;

	golden_open(&golden, argc, argv, "pareto_nbd.csv");
	while (golden_next(&golden))
	{
		GoldenParameters at = golden_parameters(&golden, &model_pareto_nbd);
		const double *p = at.values;
		ModelRow row = {.x = golden_value(&golden, "x"),
						.t_x = golden_value(&golden, "t_x"),
						.t = golden_value(&golden, "t")};
		double delta = golden_value(&golden, "discount");
		ModelRow new = {0};
		const ModelKind *kind = &model_pareto_nbd;
		double values[] = {
			model_call(kind, log_likelihood, p, &row),
			model_call(kind, p_alive, p, &row),
			model_call(kind, expected_new, p, 10),
			model_call(kind, expected_new, p, 52),
			model_call(kind, expected_new, p, row.t),
			expected(p, &row, 10, 0),
			expected(p, &row, 52, 0),
			expected(p, &row, row.t, 0),
			expected(p, &row, 52, delta),
			expected(p, &row, INFINITY, delta),
			model_call(kind, probability, p, &new, row.x, row.t)};

		golden_compare(&columns, &golden, values, is_ordinary(p, &row));
	}
	golden_report(&columns, "golden");
}

/* The sweeps of random input on which other implementations overflow. */
static void
test_sweep(const char *what, double most_x, double most_t)
{
	unsigned long long state = 42;
	long failures = 0;

	for (int i = 0; i < 20000; i++)
	{
		double p[] = {
			random_log(&state, 0.01, 20.0), random_log(&state, 0.1, 1000.0),
			random_log(&state, 0.01, 20.0), random_log(&state, 0.1, 1000.0)};
		ModelRow row = {.x = floor(random_unit(&state) * (most_x + 1)),
						.t = random_unit(&state) * most_t};
		double log_likelihood;
		double alive;
		double ahead;

		row.t_x = row.x == 0 ? 0.0 : random_unit(&state) * row.t;
		log_likelihood =
			model_call(&model_pareto_nbd, log_likelihood, p, &row);
		alive = model_call(&model_pareto_nbd, p_alive, p, &row);
		ahead = expected(p, &row, INFINITY, 0.01);
		if (!isfinite(log_likelihood) || !(alive >= 0.0 && alive <= 1.0) ||
			!(ahead >= 0.0 && isfinite(ahead)))
			failures++;
	}
	report(failures == 0, what);
	printf("# %ld of 20000 not finite\n", failures);
}

/* The sum over n is 1 and the mean is E[X]. */
static void
test_distribution(void)
{
	static const double sets[][4] = {{0.553, 10.578, 0.606, 11.669},
									 {2.0, 5.0, 1.0, 30.0},
									 {8.0, 0.5, 0.05, 1.0}};
	Worst sum = {0};
	Worst mean = {0};

	for (int i = 0; i < 3; i++)
	{
		ModelRow new = {0};
		double total = 0.0;
		double first = 0.0;

		for (int n = 0; n < 3000; n++)
		{
			double p = model_call(&model_pareto_nbd, probability, sets[i],
								  &new, n, 20.0);

			total += p;
			first += n * p;
		}
		compare(&sum, total, 1.0, 1e-13, i);
		compare(&mean, first,
				model_call(&model_pareto_nbd, expected_new, sets[i], 20.0),
				1e-12, i);
	}
	report_worst(&sum, "the distribution sums to 1");
	report_worst(&mean, "its mean is the expectation");
}

/* Continuity at s = 1, and DERT as the limit of DET. */
static void
test_limits(void)
{
	ModelRow row = {.x = 3, .t_x = 20, .t = 40};
	double at[] = {0.5, 10.0, 1.0, 12.0};
	double beside[] = {0.5, 10.0, 1.0 + 1e-9, 12.0};
	Worst worst = {0};
	double alone;

	compare(&worst, expected(beside, &row, 52, 0), expected(at, &row, 52, 0),
			1e-8, 0);
	compare(&worst, expected(at, &row, 1e9, 0.1),
			expected(at, &row, INFINITY, 0.1), 1e-13, 1);
	compare(&worst, expected(at, &row, 52, 1e-12), expected(at, &row, 52, 0),
			1e-10, 2);
	report_worst(&worst, "limits of the expectation");

	alone =
		model_call(&model_pareto_nbd, expected_alive, at, &row, INFINITY, 0);
	report(isinf(alone), "an infinite mean is INFINITY");
	row.t_x = row.t;
	report(model_call(&model_pareto_nbd, p_alive, at, &row) == 1.0,
		   "alive at the last purchase");
}

int
main(int argc, char **argv)
{
	static const double sets[][4] = {{0.553, 10.578, 0.606, 11.669},
									 {2.0, 50.0, 0.3, 5.0},
									 {0.7, 3.0, 4.0, 900.0},
									 {5.0, 20.0, 1.5, 20.0}};

	test_golden(argc, argv);
	test_sweep("weekly data", 50, 52);
	test_sweep("daily data", 400, 1000);
	test_sweep("heavy data", 2000, 2000);
	test_sweep("extreme data", 20000, 20000);
	test_distribution();
	test_limits();
	test_buyer_derivatives(&model_pareto_nbd, sets[0], 4);
	return finish();
}
