/*-------------------------------------------------------------------------
 *
 * test_model_limits.c
 *		The limits of the kinds of models of purchases and of spend.
 *
 * The sums of a fit must be those of single customers, with their derivatives.
 * The answers must be those of the kind itself with parameters that are large,
 * and the closed forms where the customers are alike in everything.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "fitted.h"
#include "golden.h"
#include "model/kinds/kinds.h"
#include "model/kinds/nbd.h"

#include <string.h>

#define N(array) ((int) (sizeof(array) / sizeof(array[0])))

static const ModelRow customers[] = {
	{.x = 0, .t_x = 0, .t = 39, .customers = 3},
	{.x = 1, .t_x = 3, .t = 39, .customers = 2},
	{.x = 4, .t_x = 30, .t = 30.5, .customers = 1},
	{.x = 12, .t_x = 20, .t = 40, .customers = 5}};

/* A limit, and parameters of the kind itself that come near it. */
typedef struct Case
{
	const ModelKind *kind;
	const char *limit;
	double parameters[3];
	double near[4];
} Case;

#define BG_CASES(kind) \
	{kind, "no_dropout", {0.4, 5}, {0.4, 5, 1e-11, 1}}, \
		{kind, "equal_dropout", {0.4, 5, 0.1}, {0.4, 5, 1e9, 9e9}}, \
		{kind, "equal_rate", {0.2, 0.8, 2.5}, {2e9, 1e10, 0.8, 2.5}}, \
		{kind, "equal_rate_and_dropout", {0.2, 0.1}, {2e9, 1e10, 1e9, 9e9}}, \
	{ \
		kind, "equal_rate_and_no_dropout", {0.2}, \
		{ \
			2e9, 1e10, 1e-11, 1 \
		} \
	}

static const Case cases[] = {
	BG_CASES(&model_bg_nbd),
	BG_CASES(&model_mbg_nbd),
	{&model_nbd, "equal_rate", {0.2}, {2e9, 1e10}},
	{&model_pareto_nbd, "no_dropout", {0.4, 5}, {0.4, 5, 1e-11, 1}},
	{&model_pareto_nbd, "equal_dropout", {0.4, 5, 0.05}, {0.4, 5, 5e8, 1e10}},
	{&model_pareto_nbd, "equal_rate", {0.2, 0.6, 12}, {2e9, 1e10, 0.6, 12}},
	{&model_pareto_nbd,
	 "equal_rate_and_dropout",
	 {0.2, 0.05},
	 {2e9, 1e10, 5e8, 1e10}},
	{&model_pareto_nbd,
	 "equal_rate_and_no_dropout",
	 {0.2},
	 {2e9, 1e10, 1e-11, 1}}};

/* Spend: purchases and their mean amount. */
static const ModelRow buyers[] = {
	{.x = 1, .mean_amount = 20, .customers = 3},
	{.x = 3, .mean_amount = 70, .customers = 1},
	{.x = 3, .mean_amount = 4, .customers = 2},
	{.x = 40, .mean_amount = 52, .customers = 5}};

static const Case spend_cases[] = {
	{&model_gamma_gamma, "equal_spend", {3, 50}, {3, 3e9, 5e10}},
	{&model_gamma_gamma, "equal_amounts", {2.5, 40}, {4e9, 2.5, 1e-8}}};

static const ModelKind *
limit_of(const Case *this)
{
	return model_kind_limit(this->kind, this->limit, strlen(this->limit));
}

/* All answers about a customer, in an order of their own. */
#define N_ANSWERS 10

static void
ask(const ModelKind *kind, const double *parameters, const ModelRow *row,
	double *answers)
{
	answers[0] = model_call(kind, log_likelihood, parameters, row);
	answers[1] = model_call(kind, p_alive, parameters, row);
	answers[2] = model_call(kind, p_alive_after, parameters, row, 8.0);
	answers[3] = model_call(kind, expected_alive, parameters, row, 52.0, 0.0);
	answers[4] =
		model_call(kind, expected_alive, parameters, row, INFINITY, 0.003);
	answers[5] =
		model_call(kind, expected_alive, parameters, row, 52.0, 0.003);
	answers[6] = model_call(kind, probability, parameters, row, 0.0, 20.0);
	answers[7] = model_call(kind, probability, parameters, row, 3.0, 20.0);
	answers[8] = model_call(kind, at_least, parameters, row, 5.0, 20.0);
	answers[9] = model_call(kind, expected_new, parameters, 52.0);
}

static void
test_near(void)
{
	Worst worst = {0};

	for (int i = 0; i < N(cases); i++)
	{
		for (int j = 0; j < N(customers); j++)
		{
			double at[N_ANSWERS];
			double near[N_ANSWERS];

			ask(limit_of(&cases[i]), cases[i].parameters, &customers[j], at);
			ask(cases[i].kind, cases[i].near, &customers[j], near);
			for (int k = 0; k < N_ANSWERS; k++)
				compare(&worst, at[k], near[k], 1e-5, 100 * i + 10 * j + k);
		}
	}
	report_worst(&worst, "each answer of a limit is that of large parameters");
}

/* The likelihood and the spend of buyers, and the spend of others. */
static void
test_spend(void)
{
	const ModelRow nobody = {.x = 0, .customers = 1};
	Worst worst = {0};

	for (int i = 0; i < N(spend_cases); i++)
	{
		const Case *this = &spend_cases[i];
		const ModelKind *limit = limit_of(this);

		for (int j = 0; j < N(buyers); j++)
		{
			compare(
				&worst,
				model_call(limit, log_likelihood, this->parameters,
						   &buyers[j]),
				model_call(this->kind, log_likelihood, this->near, &buyers[j]),
				1e-5, 100 * i + j);
			compare(
				&worst,
				model_call(limit, expected_spend, this->parameters,
						   &buyers[j]),
				model_call(this->kind, expected_spend, this->near, &buyers[j]),
				1e-5, 100 * i + 10 + j);
		}
		compare(&worst,
				model_call(limit, expected_spend, this->parameters, &nobody),
				model_call(this->kind, expected_spend, this->near, &nobody),
				1e-5, 100 * i + 20);
	}
	report_worst(&worst, "a limit of spend is the model of large parameters");
}

/* Customers who are alike in rate l and in leaving: elementary answers. */
static void
test_closed_forms(void)
{
	const double l = 0.2;
	const double p = 0.1;
	const double mu = 0.05;
	const double bg[] = {l, p};
	const double pareto[] = {l, mu};
	const double mixed[] = {0.4, 5, p};
	const ModelRow *row = &customers[1];
	const ModelKind *both =
		model_kind_limit(&model_bg_nbd, "equal_rate_and_dropout", 22);
	const ModelKind *mus =
		model_kind_limit(&model_pareto_nbd, "equal_rate_and_dropout", 22);
	const ModelKind *dropout =
		model_kind_limit(&model_bg_nbd, "equal_dropout", 13);
	double rest = (l + mu) * 36;
	double stay = exp(-rest) / (exp(-rest) - mu / (l + mu) * expm1(-rest));
	Worst worst = {0};

	compare(&worst, model_call(both, p_alive, bg, row),
			1 / (1 + p / (1 - p) * exp(l * 36)), 1e-12, 0);
	compare(&worst, model_call(both, expected_alive, bg, row, 52.0, 0.0),
			-expm1(-l * p * 52) / p, 1e-12, 1);
	compare(&worst, model_call(both, expected_alive, bg, row, INFINITY, 0.01),
			l / (l * p + 0.01), 1e-12, 2);
	compare(&worst, model_call(both, expected_alive, bg, row, 52.0, 0.01),
			-l / (l * p + 0.01) * expm1(-(l * p + 0.01) * 52), 1e-12, 3);
	compare(&worst, model_call(both, residual_lifetime, bg, row),
			model_call(both, p_alive, bg, row) / (l * p), 1e-12, 4);
	compare(&worst, model_call(mus, p_alive, pareto, row), stay, 1e-12, 5);
	compare(&worst, model_call(mus, expected_alive, pareto, row, 52.0, 0.0),
			-l / mu * expm1(-mu * 52), 1e-12, 6);
	compare(&worst,
			model_call(mus, expected_alive, pareto, row, INFINITY, 0.01),
			l / (mu + 0.01), 1e-12, 7);
	compare(&worst, model_call(mus, residual_lifetime, pareto, row), stay / mu,
			1e-12, 8);
	compare(&worst, model_call(dropout, expected_alive, mixed, row, 52.0, 0.0),
			-expm1(-1.4 * log1p(p * 52 / 44)) / p, 1e-12, 9);
	report_worst(&worst, "customers who are alike have elementary answers");
}

/* P(N >= 1) and P(N >= 2) on both sides of the mean, and the far tail. */
static void
test_poisson(void)
{
	Worst worst = {0};

	compare(&worst, model_poisson_at_least(3.0, 1.0), -expm1(-3.0), 1e-14, 0);
	compare(&worst, model_poisson_at_least(0.01, 1.0), -expm1(-0.01), 1e-14,
			1);
	compare(&worst, model_poisson_at_least(3.0, 2.0), 1 - 4 * exp(-3.0), 1e-14,
			2);
	compare(&worst, model_poisson_exactly(40.0, 35.0),
			exp(35 * log(40.0) - 40 - lgamma(36.0)), 1e-12, 3);
	compare(&worst,
			model_poisson_at_least(1e6, 1e6) -
				model_poisson_at_least(1e6, 1e6 + 1),
			model_poisson_exactly(1e6, 1e6), 1e-9, 4);
	compare(&worst, model_poisson_at_least(1e12, 1e12),
			0.5 + 1 / (3 * sqrt(2 * M_PI * 1e12)), 1e-9, 5);
	report_worst(&worst, "the tail of a Poisson distribution is its sum");
}

/* Whether a few starts are inside the range, and the next one is none. */
static bool
has_sound_starts(const ModelKind *kind, const ModelSample *sample)
{
	double parameters[MODEL_MAX_PARAMETERS];
	int count = 0;

	parameters[kind->n_parameters] = 2; /* the whole one */
	while (model_call(kind, start, sample, count, parameters))
	{
		for (int i = 0; i < kind->n_parameters; i++)
			if (!(parameters[i] > 0.0 && parameters[i] < INFINITY))
				return false;
		if (++count > 8)
			return false;
	}
	return count > 0;
}

/* The kind and its limits that are searched for. */
static bool
have_sound_starts(const ModelKind *kind, const ModelRow *rows, int n_rows)
{
	ModelRow *own = malloc(2 * sizeof(ModelRow) * n_rows);
	void *memory = malloc(model_sample_size(n_rows));
	ModelSample sample;
	bool sound;

	memcpy(own, rows, sizeof(ModelRow) * n_rows);
	arrange(&sample, own, n_rows, memory);
	sound = has_sound_starts(kind, &sample);
	for (int i = 0; kind->limits != NULL && kind->limits[i] != NULL; i++)
		if (kind->limits[i]->operations->start != NULL)
			sound = sound && has_sound_starts(kind->limits[i], &sample);
	free(own);
	free(memory);
	return sound;
}

/* A start that fails takes the next one, so a search must run out of them. */
static void
test_starts(void)
{
	static const ModelRow occasions[] = {
		{.x = 0, .t_x = 0, .occasions = 6, .customers = 3},
		{.x = 2, .t_x = 4, .occasions = 6, .customers = 2}};
	static const ModelRow renewals[] = {{.x = 2, .churned = 1, .customers = 3},
										{.x = 5, .customers = 2}};

	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		const ModelKind *kind = model_kinds[i];
		char what[100];
		bool sound = false;

		if (kind->family == MODEL_PURCHASES)
			sound = have_sound_starts(kind, customers, N(customers));
		else if (kind->family == MODEL_OCCASIONS)
			sound = have_sound_starts(kind, occasions, N(occasions));
		else if (kind->family == MODEL_SPEND)
			sound = have_sound_starts(kind, buyers, N(buyers));
		else
			sound = have_sound_starts(kind, renewals, N(renewals));
		snprintf(what, sizeof(what), "%s: a few starts", kind->name);
		report(sound, what);
	}
}

int
main(void)
{
	for (int i = 0; i < N(cases); i++)
		test_derivatives(limit_of(&cases[i]), cases[i].parameters, 1,
						 customers, N(customers));
	for (int i = 0; i < N(spend_cases); i++)
		test_derivatives(limit_of(&spend_cases[i]), spend_cases[i].parameters,
						 1, buyers, N(buyers));
	test_near();
	test_spend();
	test_closed_forms();
	test_poisson();
	test_starts();
	report(isinf(model_call(limit_of(&spend_cases[1]), expected_spend,
							((const double[]){0.9, 40}),
							(&(const ModelRow){.x = 0, .customers = 1}))),
		   "amounts without a mean have none for a new customer");
	report(model_kind_limit(&model_bg_nbd, "equal", 5) == NULL &&
			   model_kind_limit(&model_sbg, "equal_rate", 10) == NULL,
		   "a limit that a kind does not have is not found");
	return finish();
}
