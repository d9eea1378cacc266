/*-------------------------------------------------------------------------
 *
 * test_limits.c
 *		Answers at the ends of the range of a double.
 *
 * A discount or a horizon may be as small as a double can be. Each answer
 * must then come at once, and be right. The alarm ends the program where a
 * loop does not end. Reference values were computed with mpmath, with 60
 * digits, from formulas that the C does not use; the others are limits.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"
#include "tanh_sinh.h"
#include "model/kinds/bg_nbd.h"
#include "model/kinds/erlang.h"
#include "model/kinds/geometric.h"
#include "model/kinds/nbd.h"
#include "model/kinds/kinds.h"
#include "math/quadrature.h"
#include "model/kinds/regular.h"
#include "model/kinds/renewal.h"

#include <float.h>

#define PATIENCE 100 /* seconds for all tests, with sanitizers */

#define N(array) ((int) (sizeof(array) / sizeof(array[0])))

static const double smallest[] = {4.9406564584124654e-324,
								  1e-323,
								  1e-310,
								  1e-308,
								  DBL_MIN,
								  1e-305,
								  1e-300,
								  1e-200};

/*
 * Functions that no quadrature can integrate
 */

static double
no_number(double y, double *slope, void *context)
{
	if (slope != NULL)
		*slope = NAN;
	return NAN;
}

static double
number_up_to_three(double y, double *slope, void *context)
{
	if (slope != NULL)
		*slope = y < 3.0 ? -0.1 : NAN;
	return y < 3.0 ? -0.1 * y : NAN;
}

/* The slope at the jump stays too steep for a panel of any length. */
static double
jump_at_three(double y, double *slope, void *context)
{
	if (slope != NULL)
		*slope = y < 3.0 ? 0.1 : -INFINITY;
	return y < 3.0 ? 0.1 * y : -INFINITY;
}

static double
flat_for_ever(double y, double *slope, void *context)
{
	if (slope != NULL)
		*slope = -1e-300;
	return 0.0;
}

static double
rising_for_ever(double y, double *slope, void *context)
{
	if (slope != NULL)
		*slope = 1.0;
	return y;
}

static double
no_number_inside(double u, double one_minus_u, void *context)
{
	return u > 0.4 && u < 0.6 ? 1.0 : INFINITY;
}

static void
test_quadrature(void)
{
	static const LogFunction functions[] = {no_number, number_up_to_three,
											jump_at_three, flat_for_ever,
											rising_for_ever};
	bool all = true;

	for (int i = 0; i < N(functions); i++)
		all &= isnan(
			quadrature_log_concave(functions[i], NULL, 0.0, 0.0, INFINITY));
	report(all, "a function that has no integral has NaN");
	report(!tanh_sinh(no_number_inside, NULL, 1e-10).converged,
		   "nor does the other rule take infinity for a value");
}

/*
 * Discounts
 */

/* ln of K t^-power: S(t) of the beta-discrete-Weibull for a late t. */
static double
log_constant(double alpha, double beta)
{
	return lgamma(alpha + beta) - lgamma(beta);
}

/* The integral of K t^-power e^(-discount t), power < 1. */
static double
power_law_sum(double log_constant, double power, double discount)
{
	return exp(log_constant + lgamma(1.0 - power) +
			   (power - 1.0) * log(discount));
}

static void
test_renewals(void)
{
	static const double mpmath[][2] = {
		{4.9406564584124654e-324, 1.3891831879951921e+108},
		{1e-323, 1.1036149125785547e+108},
		{1e-308, 1.1510548653489292e+103},
		{DBL_MIN, 8.8262794515762041e+102}};
	static const double others[][3] = {
		{0.668, 3.806, 0.7}, {1e-4, 2.0, 1000.0}, {1e-6, 0.5, 1e5}};
	Worst reference = {0};
	Worst power = {0};
	Worst none = {0};

	for (int i = 0; i < N(mpmath); i++)
		compare(&reference,
				model_renewal_residual((Renewal){0.668, 3.806, 1.0}, 1.0,
									   INFINITY, mpmath[i][0]),
				mpmath[i][1], 1e-12, i);
	for (int i = 0; i < N(others); i++)
	{
		Renewal r = {others[i][0], others[i][1], others[i][2]};

		for (int j = 0; j < N(smallest); j++)
			compare(&power,
					model_renewal_residual(r, 1.0, INFINITY, smallest[j]),
					power_law_sum(log_constant(r.alpha, r.beta), r.alpha * r.c,
								  smallest[j]),
					1e-10, j);
	}
	/* The sum without a discount, where there is one. */
	for (int j = 0; j < N(smallest); j++)
		compare(&none,
				model_renewal_residual((Renewal){2.5, 3.806, 1.0}, 1.0,
									   INFINITY, smallest[j]),
				3.806 / 1.5, 1e-12, j);
	report_worst(&reference, "sbg: residual values at the smallest discounts");
	report_worst(&power, "bdw: they follow the power law of survival");
	report_worst(&none, "sbg: where the sum is finite, it is that sum");
}

/* The terms of the residual value one by one, for a large enough discount. */
static double
added_renewals(Renewal r, double period, double discount)
{
	double term = 1.0;
	double sum = 0.0;

	for (double k = period; term > 1e-18; k += 1.0)
	{
		term *= model_renewal_retention(r, k);
		sum += term;
		term *= exp(-discount);
	}
	return sum;
}

/* Where t^c overflows, survival goes on as a power of time. */
static void
test_large_powers(void)
{
	Worst survival = {0};
	Worst retention = {0};
	Worst residual = {0};

	for (double c = 1.0; c < 1e9; c *= 3.0)
	{
		Renewal r = {1.0 / c, 3.8, c};

		compare(&survival, model_renewal_log_survival(r, 1e6),
				c * log(1e6) < 30.0
					? model_renewal_log_survival((Renewal){1.0 / c, 3.8, 1.0},
												 pow(1e6, c))
					: log_constant(r.alpha, r.beta) - log(1e6),
				1e-12, (long) c);
		if (c > 20.0)
			compare(&retention, model_renewal_retention(r, 1e6), 1.0 - 1e-6,
					1e-12, (long) c);
		compare(&residual, model_renewal_residual(r, 1e3, INFINITY, 0.1),
				added_renewals(r, 1e3, 0.1), 1e-12, (long) c);
	}
	report_worst(&survival, "bdw: survival for any c");
	report_worst(&retention, "bdw: retention for any c");
	report_worst(&residual, "bdw: residual value of a late period for any c");
}

/* Each of the sums that end, added up by hand. */
static void
test_occasions(void)
{
	static const double p[] = {1.2, 0.75, 0.66, 2.78};
	ModelRow row = {.x = 2, .t_x = 3, .occasions = 6, .customers = 1};
	double stay = p[3] + 6.0;
	double per_occasion =
		(p[0] + 2.0) / (p[0] + p[1] + 6.0) / stay * (p[2] + stay);
	Worst sums = {0};
	Worst power = {0};

	for (double discount = 1e-15; discount < 0.1; discount *= 10.0)
	{
		double survival = 1.0;
		double sum = 0.0;

		for (int k = 0; k < 20000; k++)
		{
			survival *= (stay + k) / (p[2] + (stay + k));
			sum += survival * exp(-discount * (k + 1.0));
		}
		compare(&sums,
				model_call(&model_bg_bb, expected_alive, p, &row, 20000.0,
						   discount),
				per_occasion * sum, 1e-11, 0);
	}
	for (int j = 0; j < N(smallest); j++)
	{
		compare(&sums,
				model_call(&model_bg_bb, expected_alive, p, &row, 1e12,
						   smallest[j]),
				model_call(&model_bg_bb, expected_alive, p, &row, 1e12, 0.0),
				1e-11, j);
		compare(&power,
				model_call(&model_bg_bb, expected_alive, p, &row, INFINITY,
						   smallest[j]),
				per_occasion *
					power_law_sum(log_constant(p[2], stay), p[2], smallest[j]),
				1e-10, j);
	}
	report_worst(&sums, "bg_bb: discounted sums are what they add up to");
	report_worst(&power, "bg_bb: and follow the power law of survival");
}

static void
test_purchases(void)
{
	static const double pareto[] = {0.553, 10.578, 0.606, 11.669};
	static const double nbd[] = {0.5, 2.0};
	static const double geometric[][6] = {
		{0.243, 4.414, 0.793, 2.426, 1e-308, 1.91166335440111e+64},
		{0.243, 4.414, 0.793, 2.426, 1e-323, 2.44053354819196e+67},
		{0.05, 4.414, 0.3, 2.426, 1e-308, 1.43582215175087e+214},
		{0.05, 4.414, 0.3, 2.426, 1e-323, 4.57857563173494e+224},
		{2.4, 1.0, 0.95, 0.5, 1e-308, 2.52647804249572e+16},
		{2.4, 1.0, 0.95, 0.5, 1e-323, 1.4215914262341e+17}};
	ModelRow newcomer = {.customers = 1};
	Worst worst = {0};

	compare(&worst,
			model_call(&model_pareto_nbd, expected_alive, pareto, &newcomer,
					   INFINITY, 1e-308),
			1.1740010593487631e+121, 1e-12, 0);
	compare(&worst,
			model_call(&model_pareto_nbd, expected_alive, pareto, &newcomer,
					   INFINITY, 1e-323),
			9.5876355198237692e+126, 1e-12, 1);
	for (int i = 0; i < N(geometric); i++)
	{
		const double *g = geometric[i];

		compare(&worst,
				model_geometric_expectation(g[0], g[1], g[2], g[3], INFINITY,
											g[4]),
				g[5], 1e-12, 2 + i);
	}
	for (int j = 0; j < N(smallest); j++)
		compare(&worst,
				model_call(&model_nbd, expected_alive, nbd, &newcomer, 0.3,
						   smallest[j]),
				0.3 * nbd[0] / nbd[1], 1e-15, j);
	report_worst(&worst, "purchases at the smallest discounts");
}

/* A rate of purchases that grows, and the chance to be there still. */
typedef struct Growth
{
	double s;
	double beta;
	double growth;
	double horizon;
} Growth;

static double
grown(double part, double rest, void *context)
{
	const Growth *g = context;
	double u = part * g->horizon;

	return exp(g->growth * u - g->s * log1p(u / g->beta));
}

static void
test_negative_discounts(void)
{
	static const double shapes[] = {0.05, 0.606, 1.0, 3.0, 40.0};
	static const double growths[] = {1e-323, 1e-6, 0.01, 0.3};
	ModelRow newcomer = {.customers = 1};
	Worst worst = {0};

	for (int i = 0; i < N(shapes) * N(growths); i++)
	{
		Growth g = {shapes[i % N(shapes)], 11.669, growths[i / N(shapes)],
					1000.0};
		double p[] = {0.553, 10.578, g.s, g.beta};

		compare(&worst,
				model_call(&model_pareto_nbd, expected_alive, p, &newcomer,
						   g.horizon, -g.growth),
				p[0] / p[1] * g.horizon * tanh_sinh(grown, &g, 1e-12).value,
				1e-10, i);
	}
	report_worst(&worst, "pareto_nbd: a negative discount raises the value");
}

static const ModelKind *const kinds[] = {&model_bg_nbd,		&model_mbg_nbd,
										 &model_pareto_nbd, &model_nbd,
										 &model_bg_cnbd_k,	&model_mbg_cnbd_k};

/* Purchases within a horizon, later ones worth more. */
typedef struct Late
{
	const ModelKind *kind;
	const double *parameters;
	double horizon;
	double growth;
	double all; /* of them, without a discount */
} Late;

static double
expected_within(const Late *late, double horizon, double discount)
{
	ModelRow newcomer = {.customers = 1};

	return model_call(late->kind, expected_alive, late->parameters, &newcomer,
					  horizon, discount);
}

/* What growth adds to the purchases after this part of the horizon. */
static double
still_to_come(double part, double rest, void *context)
{
	const Late *late = context;
	double u = part * late->horizon;

	return late->growth * late->horizon * exp(late->growth * u) *
		   (late->all - expected_within(late, u, 0.0));
}

/*
 * By parts, over a horizon too long for a series. Beyond exp(700) there is no
 * number.
 */
static void
test_negative_discounts_of_kinds(void)
{
	static const double p[] = {0.553, 10.578, 0.606, 11.669, 3.0};
	Worst worst = {0};
	bool infinite = true;

	for (int i = 0; i < N(kinds); i++)
		for (double horizon = 50.0; horizon < 1e6; horizon *= 40.0)
		{
			Late late = {kinds[i], p, horizon, 10.0 / horizon, 0.0};

			late.all = expected_within(&late, horizon, 0.0);
			compare(&worst, expected_within(&late, horizon, -late.growth),
					late.all + tanh_sinh(still_to_come, &late, 1e-9).value,
					1e-11, 10 * i);
			infinite = infinite && isinf(expected_within(&late, horizon,
														 -800.0 / horizon));
		}
	report_worst(&worst, "a negative discount raises the value of all kinds");
	report(infinite, "growth that no number can hold is infinite");
}

/* Regular or not makes no difference, from where it does not on. */
static void
test_regular_purchases(void)
{
	Worst joint = {0};
	Worst none = {0};

	for (int k = 2; k <= 5; k += 3)
	{
		for (double a = 0.3; a < 1.5; a += 0.5)
		{
			ErlangBuyer buyer = {.k = k,
								 .shape = 2.243,
								 .scale = 1.0,
								 .idle = 0.3,
								 .a = a,
								 .b = 2.426};
			double weights[ERLANG_MAX_K];
			double sum = 0.0;
			double discount = 1.2e-17; /* just above the limit */

			erlang_log_silence(k, buyer.shape, buyer.idle, weights);
			for (int i = 0; i < k; i++)
				sum += weights[i] *
					   model_geometric_expectation(
						   buyer.shape + i, k, a, buyer.b, INFINITY, discount);
			compare(&joint, erlang_expectation(&buyer, INFINITY, discount),
					sum, 1e-10, k);
			if (a > 1.2)
				compare(&none, erlang_expectation(&buyer, INFINITY, 1e-323),
						erlang_expectation(&buyer, INFINITY, 0.0), 1e-11, k);
		}
	}
	report_worst(&joint, "both ways to discount agree where they meet");
	report_worst(&none, "and a discount of nearly nothing is none");
}

/*
 * Horizons
 */

static void
test_no_time(void)
{
	static const double p[][5] = {{0.553, 10.578, 0.606, 11.669, 3.0},
								  {2.4, 1e-12, 3.0, 0.5, 1.0},
								  {0.05, 1e12, 0.02, 50.0, 12.0}};
	ModelRow seen = {.x = 2, .t_x = 30, .t = 39, .customers = 1};
	ModelRow newcomer = {.customers = 1};
	Worst nothing = {0};
	Worst something = {0};

	for (int i = 0; i < N(kinds) * N(p) * N(smallest); i++)
	{
		const ModelKind *kind = kinds[i % N(kinds)];
		const double *parameters = p[i / N(kinds) % N(p)];
		double horizon = smallest[i / N(kinds) / N(p)];

		compare(&nothing,
				model_call(kind, probability, parameters, &seen, 0, horizon),
				1.0, 1e-15, i);
		compare_scaled(
			&something,
			model_call(kind, at_least, parameters, &seen, 1, horizon), 0.0,
			1.0, 1e-190, i);
		if (parameters[1] == 1e-12)
			continue;
		compare(
			&nothing,
			model_call(kind, probability, parameters, &newcomer, 0, horizon),
			1.0, 1e-15, i);
		compare_scaled(
			&something,
			model_call(kind, probability, parameters, &newcomer, 3, horizon),
			0.0, 1.0, 1e-190, i);
	}
	report_worst(&nothing, "no purchase in no time is certain");
	report_worst(&something, "a purchase in no time is impossible");
}

/* The first purchase comes at the mean rate, however short the time. */
static void
test_short_time(void)
{
	Worst worst = {0};

	for (int i = 0; i < N(kinds); i++)
	{
		double p[] = {2.4, 5.0, 3.0, 0.5, 1.0};
		ModelRow seen = {.x = 2, .t_x = 30, .t = 39, .customers = 1};
		double rate = (p[0] + 2.0) / (p[1] + 39.0);

		for (double horizon = 1e-300; horizon < 1e-20; horizon *= 1e10)
			compare(&worst,
					model_call(kinds[i], at_least, p, &seen, 1, horizon) /
						horizon,
					model_call(kinds[i], p_alive, p, &seen) * rate, 1e-12, i);
		/* Here a number has ten digits left. */
		compare(&worst,
				model_call(kinds[i], at_least, p, &seen, 1, 1e-313) / 1e-313,
				model_call(kinds[i], p_alive, p, &seen) * rate, 1e-8, i);
	}
	report_worst(&worst, "a purchase in a short time comes at the mean rate");
}

/*
 * Everything, at the ends of what is valid
 */

static const double horizons[] = {0.0,	 1e-323, 1e-308, DBL_MIN,
								  1e-16, 365.0,	 1e12};
static const double discounts[] = {0.0,	  1e-323, 1e-308, DBL_MIN,
								   1e-16, 1e-4,	  1e12};

/* Finite, or infinite where that is an answer; and nothing negative. */
static bool
is_sound(double value)
{
	return value >= 0.0;
}

/* Without a horizon. */
static bool
is_sound_for_ever(const ModelKind *kind, const double *p, const ModelRow *row)
{
	bool sound = is_sound(model_call(kind, p_alive, p, row)) &&
				 is_sound(model_call(kind, residual_lifetime, p, row)) &&
				 !isnan(model_call(kind, log_likelihood, p, row));

	for (int i = 0; i < N(discounts) && sound; i++)
		sound = is_sound(
			model_call(kind, expected_alive, p, row, INFINITY, discounts[i]));
	return sound;
}

static bool
is_sound_until(const ModelKind *kind, const double *p, const ModelRow *row,
			   double horizon)
{
	static const double counts[] = {0.0, 1.0, 100.0, 1e12};
	bool sound = is_sound(model_call(kind, p_alive_after, p, row, horizon)) &&
				 is_sound(model_call(kind, expected_new, p, horizon));

	for (int i = 0; i < N(discounts) && sound; i++)
		sound = is_sound(
			model_call(kind, expected_alive, p, row, horizon, discounts[i]));
	for (int i = 0; i < N(counts) && sound; i++)
		sound =
			is_sound(
				model_call(kind, probability, p, row, counts[i], horizon)) &&
			(counts[i] == 0.0 ||
			 is_sound(model_call(kind, at_least, p, row, counts[i], horizon)));
	return sound;
}

static void
test_everything(const ModelKind *kind, const double *p, const ModelRow *rows,
				int n_rows, double longest)
{
	char what[100];
	int failures = 0;

	for (int i = 0; i < n_rows; i++)
	{
		if (!is_sound_for_ever(kind, p, &rows[i]) && failures++ == 0)
			printf("# x %g t %g\n", rows[i].x, rows[i].t);
		for (int j = 0; j < N(horizons); j++)
		{
			double horizon = fmin(horizons[j], longest);

			if (!is_sound_until(kind, p, &rows[i], horizon) && failures++ == 0)
				printf("# x %g t %g horizon %g\n", rows[i].x, rows[i].t,
					   horizon);
		}
	}
	snprintf(what, sizeof(what), "%s: all answers at all ends", kind->name);
	report(failures == 0, what);
}

static void
test_all_kinds(void)
{
	static const double p[] = {0.553, 10.578, 0.606, 11.669, 3.0};
	static const double occasions[] = {1.2, 0.75, 0.66, 2.78};
	static const ModelRow rows[] = {
		{.customers = 1},
		{.x = 2, .t_x = 30.0, .t = 39.0, .customers = 1},
		{.x = 1, .t_x = 1e-323, .t = 1e-308, .customers = 1},
		{.x = 1e12, .t_x = 1e12, .t = 1e12, .customers = 1}};
	static const ModelRow occasion_rows[] = {
		{.customers = 1},
		{.x = 2, .t_x = 3, .occasions = 6, .customers = 1},
		{.x = 1e6, .t_x = 1e6, .occasions = 1e6, .customers = 1}};

	for (int i = 0; i < N(kinds); i++)
		test_everything(kinds[i], p, rows, N(rows), 1e12);
	test_everything(&model_bg_bb, occasions, occasion_rows, N(occasion_rows),
					1e4);
}

int
main(void)
{
	alarm(PATIENCE);
	test_quadrature();
	test_renewals();
	test_large_powers();
	test_occasions();
	test_purchases();
	test_negative_discounts();
	test_negative_discounts_of_kinds();
	test_regular_purchases();
	test_no_time();
	test_short_time();
	test_all_kinds();
	return finish();
}
