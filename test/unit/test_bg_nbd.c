/*-------------------------------------------------------------------------
 *
 * test_bg_nbd.c
 *		The BG/NBD, MBG/NBD and gamma-gamma models: derivatives, limits, and
 *		that the ways of computing an expectation agree.
 *
 * Reference values are compared in test/golden.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "golden.h"
#include "model/kinds/bg_nbd.h"
#include "model/kinds/kinds.h"
#include "model/kinds/geometric.h"
#include "math/quadrature.h"

static unsigned long long seed = 20260101;

/*
 * The published form after Euler's transformation, for a not near 1 and z not
 * near 1: (C / (a-1)) (1 - (1-z)^(a-1) 2F1(a-1, C-R; C; z)), C = a + b - 1.
 */
static double
euler_form(double shape, double a, double b, double tau)
{
	double z = tau / (1.0 + tau);
	double c = a + b - 1.0;
	double term = 1.0;
	double sum = 1.0;

	for (int k = 0; k < 100000 && fabs(term) > 1e-18 * fabs(sum); k++)
	{
		term *= (a - 1.0 + k) * (c - shape + k) / ((c + k) * (k + 1.0)) * z;
		sum += term;
	}
	return c / (a - 1.0) * (1.0 - pow(1.0 - z, a - 1.0) * sum);
}

static void
test_ways_agree(void)
{
	Worst quadrature = {0};
	Worst euler = {0};

	for (int i = 0; i < 20000; i++)
	{
		double shape = random_log(&seed, 0.01, 100);
		double a = random_log(&seed, 1e-6, 100);
		double b = random_log(&seed, 0.01, 1000);
		double tau = random_log(&seed, 1e-6, 20);
		double series;

		if (shape * log1p(tau) > 200)
			continue;
		series = model_geometric_series(shape, a, b, tau);
		compare(&quadrature, model_geometric_quadrature(shape, a, b, tau),
				series, 1e-12, i);

		/* Where the published form keeps its digits. */
		if (a > 1.5 && a < 5 && b > 0.5 && b < 50 && shape < 20 && tau > 0.1 &&
			tau < 4)
			compare(&euler, euler_form(shape, a, b, tau), series, 1e-10, i);
	}
	report_worst(&quadrature, "quadrature and series agree");
	report_worst(&euler, "the published form and the series agree");
}

/* e^(-d h) G(h) + d int_0^h e^(-d u) G(u) du, on many small panels. */
static double
discounted_by_parts(double shape, double a, double b, double tau, double d)
{
	const int n_panels = 400;
	double sum = 0.0;

	for (int panel = 0; panel < n_panels; panel++)
	{
		/* Finer near the start, where the integrand is steep. */
		double from = tau * pow((double) panel / n_panels, 4);
		double until = tau * pow((double) (panel + 1) / n_panels, 4);

		for (int i = 0; i < gauss_8.count; i++)
		{
			double u = from + (until - from) * gauss_8.nodes[i];

			sum += (until - from) * gauss_8.weights[i] * d * exp(-d * u) *
				   model_geometric_expectation(shape, 1.0, a, b, u, 0.0);
		}
	}
	return sum + exp(-d * tau) *
					 model_geometric_expectation(shape, 1.0, a, b, tau, 0.0);
}

static void
test_discount(void)
{
	Worst worst = {0};
	Worst limit = {0};

	for (int i = 0; i < 100; i++)
	{
		double shape = random_log(&seed, 0.05, 300);
		double a = random_log(&seed, 0.001, 100);
		double b = random_log(&seed, 0.05, 1000);
		double tau = random_log(&seed, 0.001, i % 2 == 0 ? 10 : 1000);
		double d = random_log(&seed, 0.001, 30);

		compare(&worst, model_geometric_expectation(shape, 1.0, a, b, tau, d),
				discounted_by_parts(shape, a, b, tau, d), 1e-10, i);
		compare(&limit, model_geometric_expectation(shape, 3.0, a, b, 1e10, d),
				model_geometric_expectation(shape, 3.0, a, b, INFINITY, d),
				1e-12, i);
	}
	report_worst(&worst, "discounted expectations equal those by parts");
	report_worst(&limit, "a long horizon is as good as an infinite one");
}

/* Any valid input: every answer a finite number in its range. */
static void
test_sweep(const ModelKind *kind, double max_x, double max_t)
{
	long bad = 0;
	char what[100];

	for (int i = 0; i < 20000; i++)
	{
		double p[] = {
			random_log(&seed, 1e-3, 1e3), random_log(&seed, 1e-3, 1e4),
			random_log(&seed, 1e-6, 1e3), random_log(&seed, 1e-3, 1e3)};
		ModelRow row = {.x = floor(random_unit(&seed) * max_x),
						.customers = 1};
		double horizon = random_log(&seed, 1e-3, max_t);
		double alive;
		double expected;
		double discounted;
		double of_new;

		row.t = random_unit(&seed) * max_t;
		row.t_x = row.x > 0 ? row.t * random_unit(&seed) : 0.0;
		alive = model_call(kind, p_alive, p, &row);
		expected = model_call(kind, expected_alive, p, &row, horizon, 0.0);
		/* The costly answer now and then. */
		discounted = i % 50 == 0 ? model_call(kind, expected_alive, p, &row,
											  horizon, 0.01)
								 : 0.0;
		of_new = model_call(kind, expected_new, p, horizon);
		if (!isfinite(model_call(kind, log_likelihood, p, &row)) ||
			!(alive >= 0 && alive <= 1) ||
			!(expected >= 0 && isfinite(expected)) ||
			!(discounted >= 0 && discounted <= expected * (1 + 1e-12)) ||
			!(of_new >= 0 && isfinite(of_new)))
		{
			if (bad++ == 0)
				printf("# row %d: r %g alpha %g a %g b %g x %g t_x %g t %g "
					   "horizon %g: %g %g %g %g\n",
					   i, p[0], p[1], p[2], p[3], row.x, row.t_x, row.t,
					   horizon, alive, expected, discounted, of_new);
		}
	}
	snprintf(what, sizeof(what), "%s up to x = %g, T = %g: no bad answer",
			 kind->name, max_x, max_t);
	report(bad == 0, what);
}

/* The corners of what the validators let through. */
static void
test_corners(const ModelKind *kind)
{
	static const double sizes[] = {MODEL_MIN_PARAMETER, 1.0,
								   MODEL_MAX_PARAMETER};
	static const double counts[] = {0, 1, MODEL_MAX_COUNT};
	static const double times[] = {0, 1e-9, 1, MODEL_MAX_TIME};
	long bad = 0;
	char what[100];

	for (int i = 0; i < 81 * 3 * 4 * 4; i++)
	{
		double p[] = {sizes[i % 3], sizes[i / 3 % 3], sizes[i / 9 % 3],
					  sizes[i / 27 % 3]};
		ModelRow row = {.x = counts[i / 81 % 3], .t = times[i / 243 % 4]};
		double horizon = times[i / 972 % 4];
		double discounted = 0.0;
		double residual = 0.0;
		double value;

		row.t_x = row.x > 0 ? row.t / 2 : 0.0;
		value = model_call(kind, expected_alive, p, &row, horizon, 0.0);
		if (i % 41 == 0) /* coprime to the places above */
		{
			discounted =
				model_call(kind, expected_alive, p, &row, horizon, 1e-3);
			residual =
				model_call(kind, expected_alive, p, &row, INFINITY, 0.5);
		}
		if (!isfinite(model_call(kind, log_likelihood, p, &row)) ||
			!(model_call(kind, p_alive, p, &row) >= 0) || !(value >= 0) ||
			!isfinite(value) || !(discounted >= 0) || !(residual >= 0))
		{
			if (bad++ < 5)
				printf("# r %g alpha %g a %g b %g x %g t %g horizon %g: %g "
					   "%g %g %g\n",
					   p[0], p[1], p[2], p[3], row.x, row.t, horizon,
					   model_call(kind, log_likelihood, p, &row), value,
					   discounted, residual);
		}
	}
	snprintf(what, sizeof(what), "%s at the limits of valid input: %ld bad",
			 kind->name, bad);
	report(bad == 0, what);
}

/* Published values: Fader, Hardie & Lee (2005), customer 1 of their note. */
static void
test_published(void)
{
	double p[] = {0.243, 4.414, 0.793, 2.426};
	ModelRow row = {.x = 2, .t_x = 30.43, .t = 38.86};
	double expected =
		model_call(&model_bg_nbd, p_alive, p, &row) *
		model_call(&model_bg_nbd, expected_alive, p, &row, 39, 0);

	report(fabs(expected - 1.226) < 5e-4, "the paper's expectation, 1.226");
	row = (ModelRow){.x = 0, .t = 39};
	report(model_call(&model_bg_nbd, p_alive, p, &row) == 1.0,
		   "BG/NBD: alive before the first repeat purchase");
	report(model_call(&model_mbg_nbd, p_alive, p, &row) < 1.0,
		   "MBG/NBD: maybe not alive before the first repeat purchase");
}

int
main(void)
{
	static const double purchase_sets[][4] = {{0.243, 4.414, 0.793, 2.426},
											  {2.0, 50.0, 0.01, 5.0},
											  {0.7, 3.0, 4.0, 90.0},
											  {5.0, 20.0, 1.0, 0.2}};
	static const double spend_sets[][3] = {
		{6.25, 3.74, 15.44}, {0.5, 20.0, 300.0}, {40.0, 1.1, 0.5}};
	static const ModelRow spend_rows[] = {
		{.x = 1, .mean_amount = 12.5, .customers = 3},
		{.x = 1, .mean_amount = 0.01, .customers = 1},
		{.x = 7, .mean_amount = 35.08, .customers = 2},
		{.x = 300, .mean_amount = 900, .customers = 1}};

	test_buyer_derivatives(&model_bg_nbd, purchase_sets[0], 4);
	test_buyer_derivatives(&model_mbg_nbd, purchase_sets[0], 4);
	test_derivatives(&model_gamma_gamma, spend_sets[0], 3, spend_rows, 4);
	test_ways_agree();
	test_discount();
	test_sweep(&model_bg_nbd, 50, 52);
	test_sweep(&model_mbg_nbd, 50, 52);
	test_sweep(&model_bg_nbd, 2000, 2000);
	test_sweep(&model_mbg_nbd, 2000, 2000);
	test_sweep(&model_mbg_nbd, 20000, 20000);
	test_corners(&model_bg_nbd);
	test_corners(&model_mbg_nbd);
	test_published();
	return finish();
}
