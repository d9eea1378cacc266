/*-------------------------------------------------------------------------
 *
 * fit.c
 *		Fitting a model to customers: starts, errors, memory.
 *
 * With many rows the search first goes on a part of them, every k-th of the
 * sorted rows: a small sample that looks like the whole. That brings it to
 * within a few standard errors, from where Newton's method on all rows needs
 * three or four evaluations. The part is a function of the rows alone, so the
 * result stays the same however they came.
 *
 * NLopt holds malloc'ed memory while it runs, so no error may be raised
 * below it: a pending cancel request makes the search stop by itself, and is
 * served here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "model/fit.h"
#include "model/kinds/families.h"
#include "model/kinds/kinds.h"
#include "model/likelihood.h"
#include "utils/memutils.h"

/* A factor of 1000. */
#define FAR_LOG 6.9

/* The first search is on a part of at least this many rows. */
#define PART_ROWS 10000

/* Two ends of a search within this log-likelihood are one. */
#define SAME_HEIGHT 0.01

/* A sample and what its evaluations need. */
typedef struct Fit
{
	ModelSample sample;
	ModelLikelihood likelihood;
	void *memory;
} Fit;

static bool
cancel_requested(void)
{
	return (QueryCancelPending || ProcDiePending) &&
		   INTERRUPTS_CAN_BE_PROCESSED();
}

static void *
allocate(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
}

static void
fit_init(Fit *fit, const ModelKind *kind, const ModelRow *rows, Size n_rows,
		 Size step)
{
	Size n_taken = (n_rows + step - 1) / step;

	fit->memory = allocate(model_sample_size(n_taken));
	model_sample_init(&fit->sample, fit->memory, rows, n_rows, step);
	CHECK_FOR_INTERRUPTS();
	fit->likelihood.kind = kind;
	fit->likelihood.sample = &fit->sample;
	fit->likelihood.tables =
		allocate(model_likelihood_tables(kind, &fit->sample) * sizeof(double));
	fit->likelihood.should_stop = cancel_requested;
}

static void
fit_free(Fit *fit)
{
	pfree(fit->likelihood.tables);
	pfree(fit->memory);
}

/* Refuses samples that cannot have a maximum, in words of the data. */
static void
check_sample(const ModelKind *kind, const ModelSample *sample)
{
	ModelFlaw flaw = model_kind_family(kind)->flaw(sample);

	if (sample->total_customers <= kind->n_parameters)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("too few customers to fit a model of kind %s: %.0f",
						kind->name, sample->total_customers),
				 errdetail("It has %d parameters and needs more customers "
						   "than that.",
						   kind->n_parameters)));
	if (flaw.reason != NULL)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("cannot fit a model of kind %s: %s", kind->name,
							   flaw.reason),
						flaw.hint != NULL ? errhint("%s", flaw.hint) : 0));
}

/* The sizes that parameters with a unit are measured by. */
static void
natural_scale(const ModelKind *kind, const ModelSample *sample, double *scale)
{
	double unit = model_kind_family(kind)->scale(sample);

	for (int i = 0; i < kind->n_parameters; i++)
		scale[i] = kind->parameters[i].has_unit ? unit : 1.0;
}

/* The parameter farthest from the data's own scale. */
static int
farthest_parameter(const ModelKind *kind, const ModelMaximum *best,
				   const double *scale)
{
	int farthest = 0;
	double distance = -1.0;

	for (int i = 0; i < kind->n_parameters; i++)
	{
		double away = fabs(log(best->parameters[i] / scale[i]));

		if (away > distance)
		{
			distance = away;
			farthest = i;
		}
	}
	return farthest;
}

/* Why there is no maximum, as a sentence. */
static const char *
outcome_text(ModelOutcome outcome, const ModelKind *kind,
			 const ModelMaximum *best, const double *scale)
{
	int place = outcome == MODEL_RUNS_AWAY
					? best->runaway
					: farthest_parameter(kind, best, scale);
	const ModelParameter *parameter = &kind->parameters[place];
	double ratio = best->parameters[place] / scale[place];
	const char *meaning =
		ratio > 1 ? parameter->at_infinity : parameter->at_zero;

	/* Far off already, it is where the flat direction leads. */
	if (outcome == MODEL_RUNS_AWAY ||
		(meaning != NULL && fabs(log(ratio)) > FAR_LOG))
		return psprintf(
			"The likelihood %s as parameter \"%s\" goes to "
			"%s%s%s.",
			outcome == MODEL_RUNS_AWAY ? "keeps growing" : "does not fall",
			parameter->name, ratio > 1 ? "infinity" : "zero",
			meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
	if (outcome == MODEL_NOT_IDENTIFIED)
		return "The likelihood is flat around its best point: the customers "
			   "do not tell the parameters apart.";
	return "The search stopped making progress.";
}

static void
report_failure(ModelOutcome outcome, const ModelKind *kind,
			   const ModelMaximum *best, const double *scale)
{
	StringInfoData point;

	initStringInfo(&point);
	for (int i = 0; i < kind->n_parameters; i++)
		appendStringInfo(&point, "%s = %.6g, ", kind->parameters[i].name,
						 best->parameters[i]);
	ereport(
		ERROR,
		(errcode(ERRCODE_DATA_EXCEPTION),
		 errmsg(
			 "the likelihood of a model of kind %s has no maximum for these "
			 "customers",
			 kind->name),
		 errdetail("%s Best point: %slog-likelihood %.10g.",
				   outcome_text(outcome, kind, best, scale), point.data,
				   best->log_likelihood),
		 kind->restricted != NULL
			 ? errhint("The simpler kind %s may describe them, or a "
					   "longer time of observation show more.",
					   kind->restricted->name)
			 : errhint("The customers may not differ in the way the "
					   "model assumes, or be too few. Try another kind "
					   "of model, or a longer time of observation.")));
}

/* One start: near on the part, then to the maximum on the whole. */
static ModelOutcome
try_start(const Fit *part, const Fit *whole, int attempt, int whole_value,
		  const double *scale, ModelMaximum *maximum)
{
	const ModelKind *kind = whole->likelihood.kind;
	ModelOutcome outcome;

	if (kind->whole_name != NULL)
		maximum->parameters[kind->n_parameters] = whole_value;
	if (!model_call(kind, start, &whole->sample, attempt, maximum->parameters))
		return MODEL_NO_START;
	outcome = model_approach(&part->likelihood, maximum);
	if (outcome != MODEL_CONVERGED)
		return outcome;
	return model_polish(&whole->likelihood, scale, maximum);
}

/*
 * The starts in turn until one leads to a maximum of the whole. With many
 * rows, where each costs seconds, two that end at the same height without one
 * are enough.
 */
static ModelOutcome
search(const Fit *part, const Fit *whole, int whole_value, const double *scale,
	   ModelMaximum *maximum)
{
	ModelOutcome failure = MODEL_NO_START;
	ModelMaximum best = {.log_likelihood = -INFINITY};
	int iterations = 0;
	bool agrees;

	for (int attempt = 0;;)
	{
		ModelOutcome outcome;

		memset(maximum, 0, sizeof(*maximum));
		maximum->log_likelihood = -INFINITY;
		maximum->iterations = iterations;
		outcome = try_start(attempt == 0 ? part : whole, whole, attempt,
							whole_value, scale, maximum);
		if (outcome == MODEL_STOPPED)
		{
			/* Should this return after all, the same start goes again. */
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		iterations = maximum->iterations;
		if (outcome == MODEL_CONVERGED || outcome == MODEL_OUT_OF_MEMORY)
			return outcome;
		if (outcome == MODEL_NO_START)
			break;
		agrees = outcome == failure && fabs(maximum->log_likelihood -
											best.log_likelihood) < SAME_HEIGHT;
		if (attempt == 0 || maximum->log_likelihood > best.log_likelihood)
		{
			best = *maximum;
			failure = outcome;
		}
		if (agrees && part->sample.n_rows < whole->sample.n_rows)
			break;
		attempt++;
	}
	*maximum = best;
	return failure;
}

/*
 * The search for each value of the whole parameter, where the kind has one,
 * from 1 on until the likelihood falls: it has one peak. Where there is no
 * maximum for the likeliest value, there is none.
 */
static ModelOutcome
search_whole(const Fit *part, const Fit *whole, double log_gaps,
			 const double *scale, ModelMaximum *best)
{
	const ModelKind *kind = whole->likelihood.kind;
	double purchases = whole->sample.total_purchases;
	ModelOutcome outcome = search(part, whole, 1, scale, best);

	if (kind->whole_name == NULL || outcome == MODEL_OUT_OF_MEMORY)
		return outcome;
	best->log_likelihood +=
		model_call(kind, gaps, best->parameters, purchases, log_gaps);
	for (int value = 2; value <= kind->whole_max; value++)
	{
		ModelMaximum tried;
		ModelOutcome end = search(part, whole, value, scale, &tried);

		tried.log_likelihood +=
			model_call(kind, gaps, tried.parameters, purchases, log_gaps);
		tried.iterations += best->iterations;
		best->iterations = tried.iterations;
		if (end == MODEL_OUT_OF_MEMORY)
			return end;
		if (tried.log_likelihood <= best->log_likelihood)
			break;
		outcome = end;
		*best = tried;
	}
	return outcome;
}

/* Where the search for a kind ended. */
typedef struct Attempt
{
	ModelOutcome outcome;
	ModelMaximum maximum;
	double scale[MODEL_MAX_PARAMETERS];
	double customers;
} Attempt;

static Attempt
attempt_fit(const ModelKind *kind, const ModelRow *rows, Size n_rows,
			double log_gaps)
{
	Size step = Max(n_rows / PART_ROWS, 1);
	Attempt attempt;
	Fit whole;
	Fit part;

	fit_init(&whole, kind, rows, n_rows, 1);
	check_sample(kind, &whole.sample);
	natural_scale(kind, &whole.sample, attempt.scale);
	fit_init(&part, kind, rows, n_rows, step);
	attempt.outcome =
		search_whole(&part, &whole, log_gaps, attempt.scale, &attempt.maximum);
	if (attempt.outcome == MODEL_OUT_OF_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	attempt.customers = whole.sample.total_customers;
	fit_free(&part);
	fit_free(&whole);
	return attempt;
}

static void
set_fit(Model *model, const Attempt *attempt)
{
	const ModelMaximum *maximum = &attempt->maximum;

	model->has_covariance = true;
	model->has_log_likelihood = true;
	model->log_likelihood = maximum->log_likelihood;
	model->customers = (int64) attempt->customers;
	model->iterations = maximum->iterations;
	memcpy(model->parameters, maximum->parameters, sizeof(model->parameters));
	memcpy(model->covariance, maximum->covariance, sizeof(model->covariance));
}

static void
fit_kind(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	Attempt attempt = attempt_fit(model->kind, rows, n_rows, log_gaps);

	if (attempt.outcome != MODEL_CONVERGED)
		report_failure(attempt.outcome, model->kind, &attempt.maximum,
					   attempt.scale);
	set_fit(model, &attempt);
}

static double
fit_aic(const Attempt *attempt, const ModelKind *kind)
{
	return 2.0 * model_kind_all_parameters(kind) -
		   2.0 * attempt->maximum.log_likelihood;
}

static void
fit_best(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	ModelFamily family = model->kind->family;
	StringInfoData failures;
	double lowest = INFINITY;

	initStringInfo(&failures);
	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		const ModelKind *kind = model_kinds[i];
		Attempt attempt;

		if (kind->family != family ||
			(kind->operations->gaps != NULL && isnan(log_gaps)))
			continue;
		attempt = attempt_fit(kind, rows, n_rows, log_gaps);
		if (attempt.outcome != MODEL_CONVERGED)
		{
			appendStringInfo(&failures, "%s%s: %s",
							 failures.len > 0 ? "\n" : "", kind->name,
							 outcome_text(attempt.outcome, kind,
										  &attempt.maximum, attempt.scale));
			continue;
		}
		if (fit_aic(&attempt, kind) >= lowest)
			continue;
		lowest = fit_aic(&attempt, kind);
		model->kind = kind;
		set_fit(model, &attempt);
	}
	if (isinf(lowest))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no model of repeat purchases has a maximum of the "
						"likelihood for these customers"),
				 errdetail("%s", failures.data)));
}

void
model_fit(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	if (model->kind == &model_best)
		fit_best(rows, n_rows, log_gaps, model);
	else
		fit_kind(rows, n_rows, log_gaps, model);
}
