/*-------------------------------------------------------------------------
 *
 * fit.c
 *		Fitting a model to customers: starts, errors, memory.
 *
 * With many rows the search begins on a part of them: every k-th of the sorted
 * rows, a small sample that resembles the whole. It ends within a few standard
 * errors of the maximum. From there Newton's method on all rows needs three or
 * four evaluations. The part depends on the rows alone, so the result does not
 * depend on the order in which they came.
 *
 * The search is pure C, so failures are return values. Only a cancel request
 * leaves it by an error, from a pause between two blocks of rows.
 *
 * Memory: the samples and the tables are huge allocations in the current
 * context, freed at the end. After an error the context goes, so nothing
 * leaks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "model/fit.h"
#include "model/kinds/families.h"
#include "model/kinds/kinds.h"
#include "model/likelihood.h"
#include "utils/memutils.h"

/* ln 100: so far from its scale a parameter tells where the search went. */
#define FAR_LOG 4.6

/* The first search is on a part of at least this many rows. */
#define PART_ROWS 10000

/* Two searches that end within this log-likelihood have found the same end. */
#define SAME_HEIGHT 0.01

/* Above this a standard error over its parameter asks for the limits. */
#define UNDETERMINED 5.0

/*
 * A gain in the log-likelihood that means something. A maximum this little
 * above a limit is a twentieth of a standard error away from it.
 */
#define LEAST_GAIN 1e-3

/* Two kinds of the same model differ by rounding. */
#define SAME_AIC 1e-6

/* A sample with the memory for its evaluations. */
typedef struct Fit
{
	ModelSample sample; /* its arrays lie in memory */
	ModelLikelihood likelihood; /* points to sample: a Fit must not move */
	void *memory;
} Fit;

/*
 * A sample of ten million rows takes more than 1 GB. A sample may need no
 * tables, and a size of 0 is not valid.
 */
static void *
allocate(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
}

/*
 * Arranges every step-th row and allocates the tables for its evaluations. The
 * rows must be merged. fit_free() frees what this function allocates.
 */
static void
fit_init(Fit *fit, const ModelKind *kind, const ModelRow *rows, Size n_rows,
		 Size step)
{
	Size n_taken = (n_rows + step - 1) / step;

	fit->memory = allocate(model_sample_size(n_taken));
	model_sample_init(&fit->sample, fit->memory, rows, n_rows, step);
	fit->likelihood.kind = kind;
	fit->likelihood.sample = &fit->sample;
	fit->likelihood.tables =
		allocate(model_likelihood_tables(kind, &fit->sample) * sizeof(double));
}

static void
fit_free(Fit *fit)
{
	pfree(fit->likelihood.tables);
	pfree(fit->memory);
}

/*
 * Refuses samples that cannot have a maximum, in words of the data. With as
 * many parameters as customers the information matrix is singular, or nearly
 * so.
 */
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

/*
 * The size that each parameter is compared with: the mean age or amount for a
 * parameter with a unit, its inverse for a rate, 1 for the others. This makes
 * "far away" independent of the unit.
 */
static void
natural_scale(const ModelKind *kind, const ModelSample *sample, double *scale)
{
	double unit = model_kind_family(kind)->scale(sample);

	for (int i = 0; i < kind->n_parameters; i++)
	{
		scale[i] = kind->parameters[i].has_unit ? unit : 1.0;
		if (kind->parameters[i].is_rate)
			scale[i] = 1.0 / unit;
	}
}

/* The parameter whose logarithm is farthest from its scale. */
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

/*
 * The reason why there is no maximum, as one or two sentences. A parameter
 * that goes to zero or infinity has a meaning in the data, which helps a user
 * more than its name. The result is palloc'ed or a constant.
 */
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

	/* A flat direction is described by the parameter that went far. */
	if (outcome == MODEL_RUNS_AWAY ||
		(meaning != NULL && fabs(log(ratio)) > FAR_LOG))
		return psprintf(
			"The likelihood %s as parameter \"%s\" goes to "
			"%s%s%s.",
			outcome == MODEL_RUNS_AWAY ? "keeps growing" : "does not fall",
			parameter->name, ratio > 1 ? "infinity" : "zero",
			meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
	if (outcome == MODEL_NOT_IDENTIFIED)
		return "The likelihood is flat around its best point. These "
			   "customers do not determine all parameters.";
	return "The search stopped making progress.";
}

/*
 * Raises the error of a fit without a maximum. The best point is in the
 * detail: a user can see from it which parameter is not determined.
 */
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
		 kind->restricted != NULL && kind->limits == NULL
			 ? errhint("Try the simpler kind %s, or observe the customers "
					   "for longer.",
					   kind->restricted->name)
			 : errhint("There may be too few customers, or they may not "
					   "differ in the way the model assumes. Try another "
					   "kind of model, or observe them for longer.")));
}

/*
 * One start of a kind: on the part, if it is smaller, and then on the whole
 * sample. Starts follow from the whole sample, because its totals are exact.
 */
static ModelOutcome
try_start(const Fit *part, const Fit *whole, int attempt, int whole_value,
		  const double *scale, ModelMaximum *maximum)
{
	const ModelKind *kind = whole->likelihood.kind;

	if (kind->whole_name != NULL)
		maximum->parameters[kind->n_parameters] = whole_value;
	if (!model_call(kind, start, &whole->sample, attempt, maximum->parameters))
		return MODEL_NO_START;
	if (part->sample.n_rows < whole->sample.n_rows)
		model_approach(&part->likelihood, scale, maximum);
	return model_polish(&whole->likelihood, scale, maximum);
}

/*
 * Tries each start until one converges on all rows. The first start searches
 * on the part, later ones on the whole, in case the part was the problem. With
 * many rows, where each start costs seconds, two starts that end at the same
 * height without a maximum are enough. On failure the best end found is in
 * *maximum, for the error.
 */
static ModelOutcome
search(const Fit *part, const Fit *whole, int whole_value, const double *scale,
	   ModelMaximum *maximum)
{
	ModelOutcome failure = MODEL_NO_START;
	ModelMaximum best = {.log_likelihood = -INFINITY};
	int iterations = 0;
	bool agrees;

	for (int attempt = 0;; attempt++)
	{
		ModelOutcome outcome;

		memset(maximum, 0, sizeof(*maximum));
		maximum->log_likelihood = -INFINITY;
		maximum->iterations = iterations;
		outcome = try_start(attempt == 0 ? part : whole, whole, attempt,
							whole_value, scale, maximum);
		iterations = maximum->iterations;
		if (outcome == MODEL_CONVERGED)
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
	}
	*maximum = best;
	return failure;
}

/*
 * Searches for each value of the whole parameter, if the kind has one, from 1
 * on until the likelihood falls. The likelihood has one peak in k. For a given
 * k the term of the gaps is a constant, so it is added after each search. If
 * the likeliest value has no maximum in the other parameters, the kind has
 * none.
 */
static ModelOutcome
search_whole(const Fit *part, const Fit *whole, double log_gaps,
			 const double *scale, ModelMaximum *best)
{
	const ModelKind *kind = whole->likelihood.kind;
	double purchases = whole->sample.total_purchases;
	ModelOutcome outcome = search(part, whole, 1, scale, best);

	if (kind->whole_name == NULL)
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
		if (tried.log_likelihood <= best->log_likelihood)
			break;
		outcome = end;
		*best = tried;
	}
	return outcome;
}

/* The end of the search for a kind, whether it found a maximum or not. */
typedef struct Attempt
{
	const ModelKind *kind; /* or its limit */
	ModelOutcome outcome;
	ModelMaximum maximum;
	double scale[MODEL_MAX_PARAMETERS];
	double customers;
} Attempt;

/* The end of the search for a kind that is a point: its errors are 0. */
static ModelOutcome
find_point(const Fit *whole, ModelMaximum *maximum)
{
	const ModelKind *kind = whole->likelihood.kind;

	memset(maximum, 0, sizeof(*maximum));
	if (!model_call(kind, point, &whole->sample, maximum->parameters))
		return MODEL_NO_START;
	maximum->log_likelihood = INFINITY;
	maximum->iterations = 1; /* the sample was read once */
	return MODEL_CONVERGED;
}

/*
 * Fits one kind. Only errors about the sample and about memory are raised
 * here. The caller decides what a missing maximum means. Each kind has its own
 * samples, because the tables differ.
 */
static Attempt
attempt_fit(const ModelKind *kind, const ModelRow *rows, Size n_rows,
			double log_gaps)
{
	Size step = Max(n_rows / PART_ROWS, 1);
	Attempt attempt = {.kind = kind};
	Fit whole;
	Fit part;

	fit_init(&whole, kind, rows, n_rows, 1);
	check_sample(kind, &whole.sample);
	natural_scale(kind, &whole.sample, attempt.scale);
	attempt.customers = whole.sample.total_customers;
	if (kind->operations->point != NULL)
		attempt.outcome = find_point(&whole, &attempt.maximum);
	else
	{
		fit_init(&part, kind, rows, n_rows, step);
		attempt.outcome = search_whole(&part, &whole, log_gaps, attempt.scale,
									   &attempt.maximum);
		if (kind->operations->restore != NULL)
			model_call(kind, restore, attempt.maximum.parameters,
					   attempt.maximum.covariance);
		fit_free(&part);
	}
	fit_free(&whole);
	return attempt;
}

/*
 * Whether the customers determine all parameters: the standard error of each
 * logarithm is below a limit, which is far above the one of a useful fit.
 */
static bool
is_determined(const Attempt *attempt)
{
	const ModelMaximum *maximum = &attempt->maximum;

	for (int i = 0; i < attempt->kind->n_parameters; i++)
	{
		if (!(sqrt(maximum->covariance[i][i]) <=
			  UNDETERMINED * maximum->parameters[i]))
			return false;
	}
	return true;
}

/* The whole parameter counts as a parameter, as in crm.aic. */
static double
fit_aic(const Attempt *attempt)
{
	return 2.0 * model_kind_all_parameters(attempt->kind) -
		   2.0 * attempt->maximum.log_likelihood;
}

/*
 * Whether the end of a search is no better than a limit. A maximum is better
 * if it is higher by a gain that means something. Without a maximum, the search
 * ended on a ridge that is flat to the last digits. Such a point is better only
 * if it gains more than its further parameters cost.
 */
static bool
is_limit(const Attempt *full, const Attempt *limit)
{
	if (full->outcome != MODEL_CONVERGED)
		return fit_aic(limit) <= fit_aic(full);
	return limit->maximum.log_likelihood + LEAST_GAIN >=
		   full->maximum.log_likelihood;
}

/*
 * Fits one kind. Where the likelihood climbs to a limit of the kind, the limit
 * is the model. There the likelihood gets flat, and a search may end anywhere
 * on the ridge, with or without a maximum by the tests of maximize.c. So the
 * heights decide. A height does not depend on the unit of time or money, and so
 * the verdict does not either. A point is higher than everything, and needs no
 * search.
 */
static Attempt
attempt_limits(const ModelKind *kind, const ModelRow *rows, Size n_rows,
			   double log_gaps)
{
	const ModelKind *const *limits = kind->limits;
	Attempt best = {.kind = NULL};
	Attempt full;
	int iterations;

	if (limits != NULL && limits[0]->operations->point != NULL)
	{
		Attempt point = attempt_fit(*limits++, rows, n_rows, log_gaps);

		if (point.outcome == MODEL_CONVERGED)
			return point;
	}
	full = attempt_fit(kind, rows, n_rows, log_gaps);
	if (limits == NULL ||
		(full.outcome == MODEL_CONVERGED && is_determined(&full)))
		return full;
	iterations = full.maximum.iterations;
	for (; *limits != NULL; limits++)
	{
		Attempt limit = attempt_fit(*limits, rows, n_rows, log_gaps);

		iterations += limit.maximum.iterations;
		if (limit.outcome == MODEL_CONVERGED &&
			(best.kind == NULL || fit_aic(&limit) < fit_aic(&best)))
			best = limit;
	}
	if (best.kind == NULL || !is_limit(&full, &best))
		best = full;
	best.maximum.iterations = iterations;
	return best;
}

/* Copies the estimates and the kind, which may be a limit, into the model. */
static void
set_fit(Model *model, const Attempt *attempt)
{
	const ModelMaximum *maximum = &attempt->maximum;

	model->kind = attempt->kind;
	model->has_covariance = true;
	model->has_log_likelihood = isfinite(maximum->log_likelihood);
	model->log_likelihood = maximum->log_likelihood;
	model->customers = (int64) attempt->customers;
	model->iterations = maximum->iterations;
	memcpy(model->parameters, maximum->parameters, sizeof(model->parameters));
	memcpy(model->covariance, maximum->covariance, sizeof(model->covariance));
}

static void
fit_kind(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	Attempt attempt = attempt_limits(model->kind, rows, n_rows, log_gaps);

	if (attempt.outcome != MODEL_CONVERGED)
		report_failure(attempt.outcome, model->kind, &attempt.maximum,
					   attempt.scale);
	set_fit(model, &attempt);
}

/*
 * Whether an attempt is better than the best so far. A limit without drop-out
 * is the same model as nbd, so the heights differ by rounding only. The kind
 * with fewer parameters is then the plainer name, and else the earlier kind.
 */
static bool
is_better(const Attempt *attempt, const Attempt *best)
{
	double gain =
		best->kind == NULL ? INFINITY : fit_aic(best) - fit_aic(attempt);

	if (fabs(gain) > SAME_AIC)
		return gain > 0;
	return model_kind_named(attempt->kind->name, strlen(attempt->kind->name))
			   ->n_parameters <
		   model_kind_named(best->kind->name, strlen(best->kind->name))
			   ->n_parameters;
}

/*
 * Fits each kind of the family in the order of kinds.h. The reasons of
 * failures are collected for the case that all fail.
 */
static void
fit_best(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	ModelFamily family = model->kind->family;
	StringInfoData failures;
	Attempt best = {.kind = NULL};

	initStringInfo(&failures);
	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		const ModelKind *kind = model_kinds[i];
		Attempt attempt;

		if (kind->family != family ||
			(kind->operations->gaps != NULL && isnan(log_gaps)))
			continue;
		attempt = attempt_limits(kind, rows, n_rows, log_gaps);
		if (attempt.outcome != MODEL_CONVERGED)
		{
			appendStringInfo(&failures, "%s%s: %s",
							 failures.len > 0 ? "\n" : "", kind->name,
							 outcome_text(attempt.outcome, kind,
										  &attempt.maximum, attempt.scale));
			continue;
		}
		if (is_better(&attempt, &best))
			best = attempt;
	}
	if (best.kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no model of repeat purchases has a maximum of the "
						"likelihood for these customers"),
				 errdetail("%s", failures.data)));
	set_fit(model, &best);
}

void
model_fit(const ModelRow *rows, Size n_rows, double log_gaps, Model *model)
{
	if (model->kind == &model_best)
		fit_best(rows, n_rows, log_gaps, model);
	else
		fit_kind(rows, n_rows, log_gaps, model);
}
