/*-------------------------------------------------------------------------
 *
 * test_nbd.c
 *		The NBD model against known values, and its derivatives.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "golden.h"
#include "model/kinds/nbd.h"

static const double sets[][2] = {
	{0.385, 12.07}, {1.0, 3.0}, {0.02, 300.0}, {40.0, 0.7}};

/*
 * ln(Gamma(r + n) / (Gamma(r) n!)), computed with mpmath 1.4.1 at 60 digits
 */
static void
test_coefficient(void)
{
	static const double values[][3] = {
		{1e-06, 0.0, 0.0},
		{1e-06, 1.0, -13.815510557964274149},
		{1e-06, 5.0, -15.424946387065752996},
		{1e-06, 100.0, -18.420675566575665319},
		{1e-06, 20000.0, -23.718987629823007407},
		{1e-06, 100000000.0, -32.236172304021058234},
		{0.385, 0.0, 0.0},
		{0.385, 1.0, -0.95451194469435280522},
		{0.385, 5.0, -1.8495608913084077443},
		{0.385, 100.0, -3.6692997000844904916},
		{0.385, 20000.0, -6.9265864757586183001},
		{0.385, 100000000.0, -12.164654370277134358},
		{0.999, 0.0, 0.0},
		{0.999, 1.0, -0.0010005003335835343892},
		{0.999, 5.0, -0.0022840655343798654148},
		{0.999, 100.0, -0.0051881954105296391508},
		{0.999, 20000.0, -0.010481551060219808319},
		{0.999, 100000000.0, -0.018998719281838762063},
		{1.0, 5.0, 0.0},
		{1.0000001, 0.0, 0.0},
		{1.0000001, 1.0, 9.9999995058387045178e-8},
		{1.0000001, 5.0, 2.2833332614859450316e-7},
		{1.0000001, 100.0, 5.1873774389191686292e-7},
		{1.0000001, 20000.0, 1.0480728141104481274e-6},
		{1.0000001, 100000000.0, 1.8997896342699447538e-6},
		{7.5, 0.0, 0.0},
		{7.5, 1.0, 2.0149030205422647566},
		{7.5, 5.0, 6.4124915323956667522},
		{7.5, 100.0, 22.637494622190724238},
		{7.5, 20000.0, 56.839523462563350038},
		{7.5, 100000000.0, 112.20006084268163693},
		{10000.0, 0.0, 0.0},
		{10000.0, 1.0, 9.2103403719761827361},
		{10000.0, 5.0, 41.265209967132192172},
		{10000.0, 100.0, 557.78802801111758545},
		{10000.0, 20000.0, 19089.005050668355543},
		{10000.0, 100000000.0, 102089.16919567399145},
	};
	Worst worst = {0};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		compare(&worst, model_nbd_log_coefficient(values[i][0], values[i][1]),
				values[i][2], 1e-14, (long) i);
	report_worst(&worst, "model_nbd_log_coefficient");
}

/*
 * The likelihood of the times of x purchases is the probability of their
 * number over that of x purchases in x! orders in the time t.
 */
static void
test_likelihood(void)
{
	ModelRow new = {0};
	Worst worst = {0};

	for (int i = 0; i < 4; i++)
	{
		for (int x = 0; x < 100; x = 2 * x + 1)
		{
			ModelRow row = {.x = x, .t_x = x == 0 ? 0 : 30, .t = 52};

			compare(
				&worst,
				exp(model_call(&model_nbd, log_likelihood, sets[i], &row) +
					x * log(row.t) - lgamma(x + 1.0)),
				model_call(&model_nbd, probability, sets[i], &new, x, row.t),
				1e-12, x);
		}
	}
	report_worst(&worst, "the likelihood belongs to the distribution");
}

static void
test_distribution(void)
{
	ModelRow row = {.x = 3, .t_x = 20, .t = 30};
	Worst worst = {0};

	for (int i = 0; i < 4; i++)
	{
		double total = 0.0;
		double mean = 0.0;

		for (int n = 0; n < 4000; n++)
		{
			double p =
				model_call(&model_nbd, probability, sets[i], &row, n, 10.0);

			total += p;
			mean += n * p;
		}
		compare(&worst, total, 1.0, 1e-12, i);
		compare(
			&worst, mean,
			model_call(&model_nbd, expected_alive, sets[i], &row, 10.0, 0.0),
			1e-12, i);
	}
	report_worst(&worst, "the distribution sums to 1 and has the mean");
}

static void
test_answers(void)
{
	ModelRow row = {.x = 3, .t_x = 20, .t = 30};
	double rate = 3.385 / 42.07;
	Worst worst = {0};

	compare(&worst, model_call(&model_nbd, p_alive, sets[0], &row), 1.0, 0.0,
			0);
	compare(&worst, model_call(&model_nbd, expected_new, sets[0], 52.0),
			0.385 / 12.07 * 52.0, 1e-15, 1);
	compare(&worst,
			model_call(&model_nbd, expected_alive, sets[0], &row, 52.0, 0.0),
			rate * 52.0, 1e-15, 2);
	compare(&worst,
			model_call(&model_nbd, expected_alive, sets[0], &row, 52.0, 0.01),
			rate * (1.0 - exp(-0.52)) / 0.01, 1e-14, 3);
	compare(
		&worst,
		model_call(&model_nbd, expected_alive, sets[0], &row, INFINITY, 0.01),
		rate / 0.01, 1e-15, 4);
	report_worst(&worst, "answers");
	report(isinf(model_call(&model_nbd, expected_alive, sets[0], &row,
							INFINITY, 0.0)),
		   "an infinite mean is INFINITY");
}

int
main(void)
{
	test_coefficient();
	test_likelihood();
	test_distribution();
	test_answers();
	test_buyer_derivatives(&model_nbd, sets[0], 4);
	return finish();
}
