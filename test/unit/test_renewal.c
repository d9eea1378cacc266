/*-------------------------------------------------------------------------
 *
 * test_renewal.c
 *		The sBG and BdW models against reference values.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "golden.h"
#include "model/kinds/renewal.h"

/* Parameters as real data have them. */
static bool
is_ordinary(Renewal r, double period)
{
	return r.alpha >= 0.05 && r.alpha <= 50.0 && r.beta >= 0.05 &&
		   r.beta <= 50.0 && r.c >= 0.2 && r.c <= 2.5 && period <= 100;
}

static void
test_golden(int argc, char **argv, const ModelKind *kind, const char *name)
{
	static const char *const names[] = {
		"loss",			"survival",	 "retention",	  "log_loss",
		"log_survival", "value_new", "residual_value"};
	GoldenColumns columns = {.names = names,
							 .count = sizeof(names) / sizeof(names[0])};
	Golden golden;

	golden_open(&golden, argc, argv, name);
	while (golden_next(&golden))
	{
		double p[] = {golden_value(&golden, "alpha"),
					  golden_value(&golden, "beta"),
					  kind == &model_bdw ? golden_value(&golden, "c") : 1.0};
		Renewal r = model_renewal(kind, p);
		double t = golden_value(&golden, "period");
		double discount = log1p(golden_value(&golden, "rate"));
		double loss = model_renewal_log_loss(r, t);
		double survival = model_renewal_log_survival(r, t);
		double values[] = {
			exp(loss),
			exp(survival),
			model_renewal_retention(r, t),
			loss,
			survival,
			1.0 + exp(-discount) *
					  model_renewal_residual(r, 1.0, INFINITY, discount),
			model_renewal_residual(r, t, INFINITY, discount)};

		golden_compare(&columns, &golden, values, is_ordinary(r, t));
	}
	golden_report(&columns, name);
}

/*
 * sBG with alpha > 1: without a discount the sum is (beta + t - 1) /
 * (alpha - 1), the limit for a small one.
 */
static void
test_small_discount(void)
{
	Renewal renewal = {3.0, 2.0, 1.0};
	Worst limit = {0};
	Worst recursion = {0};

	for (int t = 1; t < 2000; t = 3 * t + 1)
		compare(&limit, model_renewal_residual(renewal, t, INFINITY, 1e-12),
				(renewal.beta + t - 1.0) / (renewal.alpha - 1.0), 1e-8, t);
	report_worst(&limit, "the residual value without a discount");

	/* The residual value is retention times one more than the next. */
	for (double discount = 1e-9; discount < 3.0; discount *= 10.0)
	{
		for (int i = 0; i < 6; i++)
		{
			Renewal r = {i % 2 == 0 ? 0.3 : 4.0, 1.5,
						 i < 2 ? 1.0 : (i < 4 ? 0.4 : 2.2)};

			for (int t = 1; t < 200; t = 2 * t + 1)
				compare(&recursion,
						model_renewal_residual(r, t, INFINITY, discount),
						model_renewal_retention(r, t) *
							(1.0 + exp(-discount) *
									   model_renewal_residual(
										   r, t + 1.0, INFINITY, discount)),
						1e-13, t);
		}
	}
	report_worst(&recursion, "the residual value obeys its recursion");
}

static void
test_sweep(void)
{
	unsigned long long state = 7;
	long failures = 0;

	for (int i = 0; i < 20000; i++)
	{
		Renewal r = {random_log(&state, 1e-4, 1e4),
					 random_log(&state, 1e-4, 1e4),
					 random_log(&state, 0.05, 5.0)};
		double t = floor(random_log(&state, 1.0, 20000.0));
		double discount = random_log(&state, 1e-7, 2.0);
		double loss = model_renewal_log_loss(r, t);
		double residual = model_renewal_residual(r, t, INFINITY, discount);

		if (!isfinite(loss) || loss > 0.0 ||
			!(residual >= 0.0 && residual <= 1.0 / -expm1(-discount)))
			failures++;
	}
	report(failures == 0, "random parameters give finite answers");
	printf("# %ld of 20000 not finite\n", failures);
}

/* Fader & Hardie 2007: the seven-year fits of their two segments. */
static void
test_published(void)
{
	static const double survivors[] = {1000, 631, 468, 382,
									   326,	 289, 262, 241};
	static const double at[] = {0.704077, 1.182043};
	double sum = 0.0;

	for (int t = 1; t < 8; t++)
	{
		ModelRow row = {.x = t, .churned = 1};

		sum += (survivors[t - 1] - survivors[t]) *
			   model_call(&model_sbg, log_likelihood, at, &row);
	}
	sum += survivors[7] * model_call(&model_sbg, log_likelihood, at,
									 &(ModelRow){.x = 7, .churned = 0});
	report(fabs(sum + 1680.265188) < 1e-5, "the published fit of sBG");
}

int
main(int argc, char **argv)
{
	static const double sbg_sets[][2] = {
		{0.704, 1.182}, {0.668, 3.806}, {20.0, 300.0}};
	static const double bdw_sets[][3] = {
		{0.456, 0.779, 1.283}, {5.0, 9.0, 0.5}, {0.668, 3.806, 1.0}};
	static const ModelRow rows[] = {{.x = 1, .churned = 1, .customers = 369},
									{.x = 2, .churned = 1, .customers = 163},
									{.x = 7, .churned = 1, .customers = 21},
									{.x = 7, .churned = 0, .customers = 241},
									{.x = 1, .churned = 0, .customers = 5},
									{.x = 60, .churned = 0, .customers = 2}};

	test_golden(argc, argv, &model_sbg, "sbg.csv");
	test_golden(argc, argv, &model_bdw, "bdw.csv");
	test_small_discount();
	test_sweep();
	test_published();
	test_derivatives(&model_sbg, sbg_sets[0], 3, rows, 6);
	test_derivatives(&model_bdw, bdw_sets[0], 3, rows, 6);
	return finish();
}
