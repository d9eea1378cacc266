/*-------------------------------------------------------------------------
 *
 * test_bg_bb.c
 *		The BG/BB model against reference values, and its derivatives.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "golden.h"
#include "model/kinds/kinds.h"

/* Parameters and counts as real data have them. */
static bool
is_ordinary(const double *parameters, const ModelRow *row)
{
	for (int i = 0; i < 4; i++)
	{
		if (parameters[i] < 0.05 || parameters[i] > 50.0)
			return false;
	}
	return row->occasions <= 400;
}

static double
expected(const double *parameters, const ModelRow *row, double horizon,
		 double discount)
{
	return model_call(&model_bg_bb, p_alive, parameters, row) *
		   model_call(&model_bg_bb, expected_alive, parameters, row, horizon,
					  discount);
}

static void
test_golden(int argc, char **argv)
{
	static const char *const names[] = {
		"log_likelihood", "p_alive",		 "p_alive_next",
		"expected_new_n", "expected_new_52", "expected_1",
		"expected_10",	  "expected_52",	 "residual"};
	GoldenColumns columns = {.names = names,
							 .count = sizeof(names) / sizeof(names[0])};
	Golden golden;

	golden_open(&golden, argc, argv, "bg_bb.csv");
	while (golden_next(&golden))
	{
		GoldenParameters at = golden_parameters(&golden, &model_bg_bb);
		const double *p = at.values;
		ModelRow row = {.x = golden_value(&golden, "x"),
						.t_x = golden_value(&golden, "t_x"),
						.occasions = golden_value(&golden, "n")};
		double discount = log1p(golden_value(&golden, "rate"));
		double values[] = {
			model_call(&model_bg_bb, log_likelihood, p, &row),
			model_call(&model_bg_bb, p_alive_after, p, &row, 0),
			model_call(&model_bg_bb, p_alive, p, &row),
			model_call(&model_bg_bb, expected_new, p, row.occasions),
			model_call(&model_bg_bb, expected_new, p, 52),
			expected(p, &row, 1, 0),
			expected(p, &row, 10, 0),
			expected(p, &row, 52, 0),
			expected(p, &row, INFINITY, discount)};

		golden_compare(&columns, &golden, values, is_ordinary(p, &row));
	}
	golden_report(&columns, "golden");
}

/*
 * Sums of unscaled beta functions lose the long histories; these values are
 * the published sum computed with mpmath at 40 digits.
 */
static void
test_published(void)
{
	static const double p[] = {1.2, 0.75, 0.66, 2.78};
	static const ModelRow rows[] = {{.x = 20, .t_x = 40, .occasions = 52},
									{.x = 30, .t_x = 60, .occasions = 104},
									{.x = 3, .t_x = 4, .occasions = 6}};

	report(fabs(model_call(&model_bg_bb, log_likelihood, p, &rows[0]) +
				34.802226490072) < 1e-11 &&
			   fabs(model_call(&model_bg_bb, log_likelihood, p, &rows[1]) +
					49.5087534305905) < 1e-11,
		   "long histories");
	report(fabs(model_call(&model_bg_bb, p_alive, p, &rows[2]) - 0.438344) <
				   5e-7 &&
			   fabs(expected(p, &rows[2], INFINITY, log(1.1)) - 1.621379) <
				   5e-7,
		   "published P(alive) and DERT");
}

/* Discounted sums, one by one against closed forms. */
static void
test_sums(void)
{
	static const double sets[][4] = {{1.2, 0.75, 0.66, 2.78},
									 {1.2, 0.75, 1.0, 2.78},
									 {1.2, 0.75, 1.0 + 1e-7, 2.78},
									 {0.5, 3.0, 4.0, 90.0}};
	ModelRow row = {.x = 3, .t_x = 4, .occasions = 6};
	Worst near = {0};
	Worst split = {0};

	for (int i = 0; i < 4; i++)
	{
		for (double count = 1; count <= 900; count = 3 * count + 2)
			compare(&near, expected(sets[i], &row, count, 1e-300),
					expected(sets[i], &row, count, 0.0), 1e-13, i);
		compare(&split, expected(sets[i], &row, 1001, 1e-3),
				expected(sets[i], &row, 1000, 1e-3) +
					(expected(sets[i], &row, 1001, 0.0) -
					 expected(sets[i], &row, 1000, 0.0)) *
						exp(-1.001),
				1e-12, i);
	}
	report_worst(&near, "the sum of survival in closed form");
	report_worst(&split, "the discounted sum in closed form");
}

/*
 * The sum over the counts is 1, the mean is the expectation; of those there,
 * the mean is the expectation over P(there at the last occasion).
 */
static void
test_distribution(void)
{
	static const double sets[][4] = {{1.204, 0.750, 0.657, 2.783},
									 {1000.0, 900.0, 0.01, 4.0},
									 {0.05, 3.0, 2.0, 500.0}};
	ModelRow row = {.x = 3, .t_x = 4, .occasions = 6};
	ModelRow new = {0};
	Worst sum = {0};
	Worst mean = {0};

	for (int i = 0; i < 3; i++)
	{
		double total = 0.0;
		double first = 0.0;
		double there = 0.0;

		for (int k = 0; k <= 4000; k++)
		{
			double p =
				model_call(&model_bg_bb, probability, sets[i], &new, k, 4000);

			total += p;
			first += k * p;
			there += k * model_call(&model_bg_bb, probability, sets[i], &row,
									k, 4000);
		}
		compare(&sum, total, 1.0, 1e-12, i);
		compare(&mean, first,
				model_call(&model_bg_bb, expected_new, sets[i], 4000), 1e-11,
				i);
		compare(&mean, there, expected(sets[i], &row, 4000, 0.0), 1e-11, i);
	}
	report_worst(&sum, "the distribution sums to 1");
	report_worst(&mean, "its mean is the expectation");
}

static void
test_sweep(void)
{
	unsigned long long state = 3;
	long failures = 0;

	for (int i = 0; i < 20000; i++)
	{
		double p[] = {
			random_log(&state, 1e-3, 1e3), random_log(&state, 1e-3, 1e3),
			random_log(&state, 1e-3, 1e3), random_log(&state, 1e-3, 1e3)};
		ModelRow row = {.occasions = floor(random_log(&state, 1.0, 20000.0))};
		double log_likelihood;
		double alive;
		double ahead;

		row.x = floor(random_unit(&state) * (row.occasions + 1));
		row.t_x = row.x == 0 ? 0
							 : row.x + floor(random_unit(&state) *
											 (row.occasions - row.x + 1));
		log_likelihood = model_call(&model_bg_bb, log_likelihood, p, &row);
		alive = model_call(&model_bg_bb, p_alive, p, &row);
		ahead = expected(p, &row, INFINITY, 0.01);
		if (!isfinite(log_likelihood) || log_likelihood > 0.0 ||
			!(alive >= 0.0 && alive <= 1.0) ||
			!(ahead >= 0.0 && ahead <= 101.0))
			failures++;
	}
	report(failures == 0, "random parameters give finite answers");
	printf("# %ld of 20000 not finite\n", failures);
}

int
main(int argc, char **argv)
{
	static const double sets[][4] = {{1.204, 0.750, 0.657, 2.783},
									 {0.3, 4.0, 3.0, 50.0},
									 {20.0, 30.0, 0.1, 0.4}};
	static const ModelRow rows[] = {
		{.x = 0, .t_x = 0, .occasions = 6, .customers = 3464},
		{.x = 1, .t_x = 1, .occasions = 6, .customers = 1091},
		{.x = 3, .t_x = 6, .occasions = 6, .customers = 231},
		{.x = 6, .t_x = 6, .occasions = 6, .customers = 1203},
		{.x = 2, .t_x = 5, .occasions = 60, .customers = 2},
		{.x = 50, .t_x = 60, .occasions = 1000, .customers = 1}};

	test_golden(argc, argv);
	test_published();
	test_sums();
	test_distribution();
	test_sweep();
	test_derivatives(&model_bg_bb, sets[0], 3, rows, 6);
	return finish();
}
