/*-------------------------------------------------------------------------
 *
 * kind.h
 *		The data and the operations of a kind of customer-base model.
 *
 * A kind is one constant ModelKind. It names the parameters and points to a
 * table of operations: the formulas of the model. Everything above the kinds
 * (the aggregates that fit, the functions that answer, the JSON form) works
 * on these tables alone. A new kind is one file with its formulas and one
 * line in kinds.h (and its object in the Makefile). test/unit/demo_kind.c is
 * a short example.
 *
 * An operation gets its kind as the first argument. Kinds whose formulas
 * differ in a number share one table of operations. The number is the
 * "variant" of the kind, as in BG/NBD and MBG/NBD (bg_nbd.c), or its number
 * of parameters, as in sBG and BdW (renewal.c).
 *
 * All parameters of all kinds are positive, so the fit works on their
 * logarithms. A kind gives derivatives in the natural parameters, and the
 * caller applies the chain rule. In logarithms a change of the unit of time
 * is a shift of some of the parameters. The starts shift in the same way, so
 * the fit takes the same path in any unit.
 *
 * Customers with equal observations are one row with a count. Most terms of a
 * log-likelihood depend on one column of a row only (a ratio of gamma
 * functions on x, a logarithm on a time). The sample (sample.h) lists the
 * distinct values of each column, so that an evaluation computes such terms
 * once per distinct value. The rest, which is computed per row, is small.
 *
 * Pure C: no palloc, no ereport. All tables are constant, and no operation
 * keeps state. An answer is NaN where its formulas leave no correct digit. It
 * is never a number that is wrong.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_KIND_H
#define CRM_MODEL_KINDS_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/matrix.h"

#define MODEL_MAX_PARAMETERS MATRIX_MAX_ROWS

/*
 * Limits of valid input. They are far outside any data, and they keep every
 * intermediate result of the formulas within the range of a double.
 */
#define MODEL_MIN_PARAMETER 1e-12
#define MODEL_MAX_PARAMETER 1e12
#define MODEL_MAX_COUNT 1e12
#define MODEL_MAX_TIME 1e12
#define MODEL_MAX_AMOUNT 1e15

/* Some likelihoods take a step of a few nanoseconds for each occasion. */
#define MODEL_MAX_OCCASIONS 1e6

/* The numbers that describe a customer. families.h has more about each. */
typedef enum ModelFamily
{
	MODEL_PURCHASES, /* x, t_x, t in a unit of time */
	MODEL_OCCASIONS, /* x, t_x, n regular occasions */
	MODEL_SPEND, /* x, mean amount */
	MODEL_RENEWALS, /* periods, churned */
	N_MODEL_FAMILIES
} ModelFamily;

/*
 * The record of one customer, or of several customers with equal records. All
 * numbers are finite and not negative. The unions give one row type to all
 * families, so that sorting and compression exist once. The unit of time is
 * the unit of the sample, and the first purchase is at time 0.
 */
typedef struct ModelRow
{
	double x; /* repeat purchases; spend: purchases averaged; or periods */
	union
	{
		double t_x; /* time of the last purchase */
		double mean_amount; /* spend */
		double churned; /* renewals: 1 or 0 */
	};
	union
	{
		double t; /* age of the customer */
		double occasions; /* seen so far */
	};
	int64_t customers; /* how many */
} ModelRow;

struct ModelSample;

/*
 * A log-likelihood with its first and second derivatives in the natural
 * parameters. Nothing reads the upper triangle of the Hessian.
 */
typedef struct ModelSums
{
	double value;
	double gradient[MODEL_MAX_PARAMETERS];
	double hessian[MODEL_MAX_PARAMETERS][MODEL_MAX_PARAMETERS]; /* lower */
} ModelSums;

/* How many times its scale most parameters may be (ModelParameter.far). */
#define MODEL_FAR 1e8

/* A positive real number that a fit estimates. */
typedef struct ModelParameter
{
	const char *name; /* as in the papers */

	/*
	 * Whether the parameter is measured in the unit of the sample: a time, or
	 * an amount of money for spend. The others are pure numbers.
	 */
	bool has_unit;

	bool is_rate; /* measured per unit of time */
	bool is_probability; /* below 1 */

	/*
	 * A search gives up where the parameter is more than this many times its
	 * scale, or a smaller part of it. 0 stands for MODEL_FAR.
	 */
	double far;

	/*
	 * A sentence about the customers for an error: the likelihood keeps
	 * growing while the parameter goes to zero, or to infinity. It may be
	 * NULL.
	 */
	const char *at_zero;
	const char *at_infinity;
} ModelParameter;

/*
 * The two parameters of purchase rates that follow a gamma distribution, as
 * entries of an array. Both go to infinity together where all rates are equal.
 */
#define MODEL_GAMMA_RATE \
	{.name = "r", \
	 .at_zero = "most customers seem never to buy again", \
	 .at_infinity = "all customers seem to buy at the same rate"}, \
	{ \
		.name = "alpha", .has_unit = true, \
		.at_infinity = "all customers seem to buy at the same rate" \
	}

/* The one parameter of purchase rates that are all equal. */
#define MODEL_ONE_RATE \
	{ \
		.name = "lambda", .is_rate = true, \
		.at_zero = "most customers seem never to buy again" \
	}

/*
 * The two parameters of a chance that follows a beta distribution: what it
 * means if one of them is 0, and what all customers are equally likely to do
 * if both are infinite.
 */
#define MODEL_BETA_CHANCE(first, first_zero, second, second_zero, verb) \
	{.name = first, \
	 .at_zero = first_zero, \
	 .at_infinity = "all customers seem to be equally likely to " verb}, \
	{ \
		.name = second, .at_zero = second_zero, \
		.at_infinity = "all customers seem to be equally likely to " verb \
	}

/* The same for the chance to leave. Few leave if the second one grows alone. */
#define MODEL_BETA_DROPOUT(first, second) \
	{.name = first, \
	 .at_zero = "nobody seems to leave", \
	 .at_infinity = "all customers seem to be equally likely to leave"}, \
	{ \
		.name = second, .at_zero = "everybody seems to leave at once", \
		.at_infinity = "hardly anybody seems to leave, or all equally likely" \
	}

typedef struct ModelKind ModelKind;

/*
 * The formulas of a model. An operation for answers is NULL where the model
 * has no such answer. parameters holds the kind's parameters in their order,
 * then the whole one, if the kind has it.
 */
typedef struct ModelOperations
{
	/*
	 * The term that the times between purchases add to the log-likelihood,
	 * given the sum of their logarithms. NULL where they add nothing. The
	 * term is linear in both numbers, so one call may be for a customer or for
	 * all customers at once. Of the parameters it depends on the whole one
	 * alone.
	 */
	double (*gaps)(const ModelKind *kind, const double *parameters,
				   double purchases, double log_gaps);

	/* The log-likelihood of one customer, with all published constants. */
	double (*log_likelihood)(const ModelKind *kind, const double *parameters,
							 const ModelRow *customer);

	/*
	 * The summed log-likelihood of a sample, in two steps. "margins" fills the
	 * tables (x_columns doubles for each distinct x, time_columns for each
	 * distinct time) and adds every term that the counts per distinct value
	 * give; it is NULL where they give none. "rows" adds the other terms of the
	 * rows from <= i < until. Both add to the lower triangle of the Hessian.
	 * "margins" comes first, and the caller may cut the rows into blocks to
	 * check for interrupts. The caller owns the tables and the sums.
	 */
	int x_columns;
	int time_columns;
	void (*margins)(const ModelKind *kind, const double *parameters,
					const struct ModelSample *sample, double *x_table,
					double *time_table, ModelSums *sums);
	void (*rows)(const ModelKind *kind, const double *parameters,
				 const struct ModelSample *sample, const double *x_table,
				 const double *time_table, size_t from, size_t until,
				 ModelSums *sums);

	/*
	 * The terms of one row, where "rows" is model_rows_one_by_one (sample.h): a
	 * kind without tables, whose rows take so long that a call for each costs
	 * nothing beside.
	 */
	void (*row)(const ModelKind *kind, const double *parameters,
				const ModelRow *row, ModelSums *sums);

	/*
	 * The starts of the fit, best first: attempt counts from 0. False when
	 * there are no more. A start follows from the totals of the sample, so
	 * that it scales with the unit.
	 */
	bool (*start)(const ModelKind *kind, const struct ModelSample *sample,
				  int attempt, double *parameters);

	/*
	 * Turns the parameters of the search and their covariance into those of
	 * the kind. "margins", "rows", "row" and "start" then work with parameters
	 * of the search, which keep the Hessian far from singular. NULL where the
	 * search has the parameters of the kind.
	 */
	void (*restore)(const ModelKind *kind, double *parameters,
					Matrix covariance);

	/*
	 * For a limit that leaves nothing to chance: whether the sample is as it
	 * says, and its parameters. Nothing is searched, and the likelihood is
	 * infinite. NULL for all other kinds.
	 */
	bool (*point)(const ModelKind *kind, const struct ModelSample *sample,
				  double *parameters);

	/* The probability that the customer has not left, from 0 to 1. */
	double (*p_alive)(const ModelKind *kind, const double *parameters,
					  const ModelRow *customer);

	/*
	 * The probability that the customer has not left when a further time has
	 * passed. With ahead = 0 it equals p_alive, except for occasions: there
	 * ahead counts from the last occasion seen, and p_alive from the next.
	 */
	double (*p_alive_after)(const ModelKind *kind, const double *parameters,
							const ModelRow *customer, double ahead);

	/* The mean time until the customer leaves. It may be INFINITY. */
	double (*residual_lifetime)(const ModelKind *kind,
								const double *parameters,
								const ModelRow *customer);

	/*
	 * The purchases expected within the horizon of a customer who is alive,
	 * each discounted by exp(-discount * time until it). The result depends
	 * on x and t, and on t_x only where expects_by_t_x is set. The horizon may
	 * be INFINITY. The result is INFINITY where the sum does not converge.
	 */
	bool expects_by_t_x;
	double (*expected_alive)(const ModelKind *kind, const double *parameters,
							 const ModelRow *customer, double horizon,
							 double discount);

	/*
	 * The same with its derivatives in the parameters. NULL where a kind has
	 * no such formula. False where the formula does not suit: the caller then
	 * takes differences of expected_alive.
	 */
	bool (*expected_slopes)(const ModelKind *kind, const double *parameters,
							const ModelRow *customer, double horizon,
							double discount, double *value, double *slopes);

	/*
	 * The probability that the customer makes exactly, and at least, so many
	 * purchases within the horizon. at_least takes counts from 1. A row of
	 * zeros is a new customer.
	 */
	double (*probability)(const ModelKind *kind, const double *parameters,
						  const ModelRow *customer, double count,
						  double horizon);
	double (*at_least)(const ModelKind *kind, const double *parameters,
					   const ModelRow *customer, double count, double horizon);

	/* The repeat purchases expected of a new customer within the horizon. */
	double (*expected_new)(const ModelKind *kind, const double *parameters,
						   double horizon);

	/*
	 * The mean amount of the next purchase, in the unit of the sample. INFINITY
	 * if the model has no finite mean.
	 */
	double (*expected_spend)(const ModelKind *kind, const double *parameters,
							 const ModelRow *customer);

	/*
	 * For customers under contract. log_survival is the logarithm of the share
	 * of new customers who are still there after so many periods. retention is
	 * the share of the customers before the end of this period who renew
	 * then. Periods count from 1.
	 */
	double (*log_survival)(const ModelKind *kind, const double *parameters,
						   double period);
	double (*retention)(const ModelKind *kind, const double *parameters,
						double period);

	/*
	 * The renewals to come of a customer just before the end of a period, each
	 * discounted by exp(-discount) per period from then on. The discount is
	 * positive.
	 */
	double (*residual_renewals)(const ModelKind *kind,
								const double *parameters, double period,
								double discount);
} ModelOperations;

/*
 * Entries of a table of operations for functions that have the names of the
 * operations, as they have in each file of a kind: what every fit needs, by
 * rows or row by row, and the answers of every kind of purchases.
 */
#define MODEL_FIT_OPERATIONS \
	.log_likelihood = log_likelihood, .rows = rows, .start = start
#define MODEL_FIT_BY_ROW \
	.log_likelihood = log_likelihood, .rows = model_rows_one_by_one, \
	.row = add_row, .start = start
#define MODEL_PURCHASE_ANSWERS \
	.p_alive = p_alive, .p_alive_after = p_alive_after, \
	.residual_lifetime = residual_lifetime, .probability = probability, \
	.at_least = at_least, .expected_alive = expected_alive, \
	.expected_new = expected_new
#define MODEL_PURCHASE_OPERATIONS MODEL_FIT_OPERATIONS, MODEL_PURCHASE_ANSWERS

struct ModelKind
{
	const char *name; /* in SQL and in the JSON form of a model */

	/*
	 * The likelihood of a kind may climb forever as some parameters go to zero
	 * or infinity. Its limit there is a model with fewer parameters. It is a
	 * kind with the same name and the name of the limit, which is NULL for a
	 * kind itself. "limits" lists the limits of a kind, those with the fewest
	 * parameters first. The last one is NULL. The list itself may be NULL.
	 */
	const char *limit;
	const ModelKind *const *limits;

	ModelFamily family;
	int n_parameters; /* without the whole one */
	const ModelParameter *parameters;

	/*
	 * The name of a whole number from 1 to whole_max that follows the other
	 * parameters, or NULL. The likelihood has no derivative in it, so the fit
	 * tries its values.
	 */
	const char *whole_name;
	int whole_max;

	const ModelOperations *operations;

	/*
	 * A number that tells the kind from others with the same operations. Only
	 * these operations read it.
	 */
	double variant;

	/*
	 * The kind that this one contains as a special case, or NULL. A likelihood
	 * ratio test of the two is then valid.
	 */
	const ModelKind *restricted;
};

/* The fields that every kind has. It may have fewer parameters than listed. */
#define MODEL_KIND(its_name, its_family, count, list, its_operations) \
	.name = its_name, .family = its_family, .n_parameters = count, \
	.parameters = list, .operations = &its_operations

/*
 * Asks a kind for an operation, for example
 * model_call(kind, p_alive, parameters, customer).
 */
#define model_call(kind, operation, ...) \
	((kind)->operations->operation((kind), __VA_ARGS__))

/* The number of parameters, including the whole one. */
static inline int
model_kind_all_parameters(const ModelKind *kind)
{
	return kind->n_parameters + (kind->whole_name != NULL);
}

static inline const char *
model_kind_parameter_name(const ModelKind *kind, int parameter)
{
	return parameter < kind->n_parameters ? kind->parameters[parameter].name
										  : kind->whole_name;
}

/*
 * "best" asks a fit of repeat purchases for the kind with the lowest AIC. It
 * stands in the place of a kind until the fit is done. It has no parameters
 * and no operations, it is in no list of kinds, and no model is of this kind.
 */
extern const ModelKind model_best;

/*
 * The kind of this name, or NULL. The name has size bytes and need not end
 * with a zero. Kinds are constants, so the caller frees nothing.
 */
extern const ModelKind *model_kind_find(const char *name, size_t size);

/* The limit of this name of a kind, or NULL. */
extern const ModelKind *model_kind_limit(const ModelKind *kind,
										 const char *name, size_t size);

/* The same for a fit of this family, which may also know "best". */
extern const ModelKind *model_kind_find_to_fit(ModelFamily family,
											   const char *name, size_t size);

#endif /* CRM_MODEL_KINDS_KIND_H */
