/*-------------------------------------------------------------------------
 *
 * test_demo_kind.c
 *		A new kind of model is one file and one line.
 *
 * demo_kind.c is the file, and the line is below. The program links this list
 * of kinds instead of the one in kinds.c. Nothing else knows the kind, and
 * still it is found by its name, fitted, asked and printed like the others.
 *
 *-------------------------------------------------------------------------
 */
#include "derivatives.h"
#include "fitted.h"
#include "golden.h"
#include "model/kinds/kinds.h"

/* clang-format off */
#define ALL_KINDS(KIND) \
	MODEL_KINDS(KIND) \
	KIND(demo_kind)
/* clang-format on */

ALL_KINDS(MODEL_KIND_DECLARATION)

const ModelKind *const model_kinds[] = {ALL_KINDS(MODEL_KIND_ADDRESS) NULL};

#include "demo_kind.c"

static const ModelKind *const demo = &model_demo_kind;

static unsigned long long seed = 20261128;

#define CUSTOMERS 4000
#define END 60.0 /* of the observation */

static const double truth[] = {4.0, 25.0};

static const ModelKind *
found(const char *name)
{
	return model_kind_find(name, strlen(name));
}

static const ModelKind *
found_to_fit(ModelFamily family, const char *name)
{
	return model_kind_find_to_fit(family, name, strlen(name));
}

static void
test_found(void)
{
	bool all = true;

	for (int i = 0; model_kinds[i] != NULL; i++)
		all &= found(model_kinds[i]->name) == model_kinds[i];
	report(all && found("demo_kind") == demo, "every kind is found by name");
	report(found("demo") == NULL && found("demo_kinds") == NULL,
		   "no kind is found by a part of its name, or by more than it");
	report(found_to_fit(MODEL_PURCHASES, "best") == &model_best &&
			   found_to_fit(MODEL_RENEWALS, "best") == NULL &&
			   found("best") == NULL,
		   "only a fit of purchases knows the best kind");
}

/* A kind of a family answers everything that SQL asks the family. */
static bool
answers_all(const ModelKind *kind)
{
	const ModelOperations *does = kind->operations;

	if (kind->family == MODEL_SPEND)
		return does->expected_spend != NULL;
	if (kind->family == MODEL_RENEWALS)
		return does->log_survival != NULL && does->retention != NULL &&
			   does->residual_renewals != NULL;
	return does->p_alive != NULL && does->p_alive_after != NULL &&
		   does->residual_lifetime != NULL && does->expected_alive != NULL &&
		   does->probability != NULL && does->at_least != NULL &&
		   does->expected_new != NULL;
}

static void
test_complete(void)
{
	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		const ModelKind *kind = model_kinds[i];
		const ModelOperations *does = kind->operations;
		bool complete =
			does->log_likelihood != NULL &&
			(does->margins != NULL ||
			 does->x_columns + does->time_columns == 0) &&
			does->rows != NULL && does->start != NULL && answers_all(kind) &&
			model_kind_all_parameters(kind) <= MODEL_MAX_PARAMETERS;
		char what[100];

		for (int j = 0; j < model_kind_all_parameters(kind); j++)
			complete &= model_kind_parameter_name(kind, j) != NULL;
		complete &= (kind->whole_name != NULL) == (does->gaps != NULL);
		snprintf(what, sizeof(what), "%s has all that its family asks for",
				 kind->name);
		report(complete, what);
	}
}

static double
exponential(void)
{
	return -log(random_unit(&seed));
}

/* A customer of the model; without an end to leaving, nobody leaves. */
static ModelRow
simulated(double gap, double lifetime)
{
	ModelRow row = {.t = END, .customers = 1};
	double leaves = lifetime * exponential();

	for (double at = gap * exponential(); at < fmin(END, leaves);
		 at += gap * exponential())
	{
		row.x += 1.0;
		row.t_x = at;
	}
	return row;
}

static ModelOutcome
fit_simulated(double gap, double lifetime, ModelMaximum *maximum)
{
	ModelRow *rows = malloc(2 * CUSTOMERS * sizeof(ModelRow));
	void *memory = malloc(model_sample_size(CUSTOMERS));
	ModelSample sample;
	ModelOutcome outcome;

	for (int i = 0; i < CUSTOMERS; i++)
		rows[i] = simulated(gap, lifetime);
	arrange(&sample, rows, CUSTOMERS, memory);
	outcome = model_kind_family(demo)->flaw(&sample).reason == NULL
				  ? fit(demo, &sample, maximum)
				  : MODEL_NO_START;
	free(rows);
	free(memory);
	return outcome;
}

/* As the JSON form and the errors do it. */
static void
print(const ModelKind *kind, const double *parameters, char *text, size_t size)
{
	int used = snprintf(text, size, "%s:", kind->name);

	for (int i = 0; i < model_kind_all_parameters(kind); i++)
		used += snprintf(text + used, size - (size_t) used, " %s %.1f",
						 model_kind_parameter_name(kind, i), parameters[i]);
}

static void
test_fitted(void)
{
	ModelMaximum maximum;
	char text[100];
	bool converged =
		fit_simulated(truth[0], truth[1], &maximum) == MODEL_CONVERGED;
	double farthest = farthest_estimate(&maximum, truth, 2);

	print(demo, maximum.parameters, text, sizeof(text));
	printf("# %s, %.2f standard errors away\n", text, farthest);
	report(converged && farthest < 3.5, "the fit finds the simulated model");
	report(fit_simulated(4.0, INFINITY, &maximum) == MODEL_RUNS_AWAY &&
			   strcmp(demo->parameters[maximum.runaway].at_infinity,
					  "nobody seems to leave") == 0,
		   "without leaving there is no fit, and the kind says why");
	report(fit_simulated(1e9, 1.0, &maximum) == MODEL_NO_START,
		   "the family refuses customers without a repeat purchase");
}

static void
test_printed(void)
{
	double five[] = {1.5, 2.0, 3.0, 4.0, 6.0};
	char text[100];

	print(demo, truth, text, sizeof(text));
	report(strcmp(text, "demo_kind: gap 4.0 lifetime 25.0") == 0,
		   "the demo kind prints its name and its parameters");
	print(&model_bg_cnbd_k, five, text, sizeof(text));
	report(strcmp(text, "bg_cnbd_k: r 1.5 alpha 2.0 a 3.0 b 4.0 k 6.0") == 0,
		   "a kind with a whole parameter prints it last");
}

/*
 * Pareto/NBD with huge shapes has customers who are nearly alike: its rates
 * vary by a part in 1e4.
 */
static void
test_answers(void)
{
	const double shape = 1e8;
	double alike[] = {shape, shape * truth[0], shape, shape * truth[1]};
	const ModelKind *pareto = &model_pareto_nbd;
	Worst worst = {0};

	for (int i = 0; i < 400; i++)
	{
		ModelRow row = simulated(truth[0], truth[1]);
		double horizon = random_log(&seed, 0.1, 100.0);
		double n = 1.0 + floor(5.0 * random_unit(&seed));
		double pairs[][2] = {
			{model_call(demo, log_likelihood, truth, &row),
			 model_call(pareto, log_likelihood, alike, &row)},
			{model_call(demo, p_alive, truth, &row),
			 model_call(pareto, p_alive, alike, &row)},
			{model_call(demo, p_alive_after, truth, &row, horizon),
			 model_call(pareto, p_alive_after, alike, &row, horizon)},
			{model_call(demo, residual_lifetime, truth, &row),
			 model_call(pareto, residual_lifetime, alike, &row)},
			{model_call(demo, expected_alive, truth, &row, horizon, 0.01),
			 model_call(pareto, expected_alive, alike, &row, horizon, 0.01)},
			{model_call(demo, expected_new, truth, horizon),
			 model_call(pareto, expected_new, alike, horizon)},
			{model_call(demo, probability, truth, &row, n, horizon),
			 model_call(pareto, probability, alike, &row, n, horizon)},
			{model_call(demo, at_least, truth, &row, n, horizon),
			 model_call(pareto, at_least, alike, &row, n, horizon)}};

		for (size_t j = 0; j < sizeof(pairs) / sizeof(pairs[0]); j++)
			compare_scaled(&worst, pairs[j][0], pairs[j][1],
						   fmax(fabs(pairs[j][1]), 1.0), 1e-5,
						   (long) (10 * i + j));
	}
	report_worst(&worst,
				 "the answers are those of alike Pareto/NBD customers");
}

static void
test_distribution(void)
{
	Worst total = {0};
	Worst mean = {0};

	for (int i = 0; i < 100; i++)
	{
		ModelRow row = simulated(truth[0], truth[1]);
		double horizon = random_log(&seed, 0.1, 100.0);
		double sum = model_call(demo, probability, truth, &row, 0, horizon);
		double first = 0.0;

		for (int n = 1; n < 300; n++)
		{
			double p = model_call(demo, probability, truth, &row, n, horizon);

			sum += p;
			first += n * p;
		}
		compare(&total, sum, 1.0, 1e-12, i);
		compare_scaled(
			&mean, first,
			model_call(demo, p_alive, truth, &row) *
				model_call(demo, expected_alive, truth, &row, horizon, 0.0),
			1.0, 1e-10, i);
	}
	report_worst(&total, "the probabilities add up to 1");
	report_worst(&mean, "their mean is the expectation");
}

int
main(void)
{
	static const double sets[][2] = {{4.0, 25.0}, {0.7, 300.0}, {50.0, 2.0}};

	test_found();
	test_complete();
	test_fitted();
	test_printed();
	test_answers();
	test_distribution();
	test_buyer_derivatives(demo, sets[0], 3);
	return finish();
}
