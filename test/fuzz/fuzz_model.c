/*-------------------------------------------------------------------------
 *
 * fuzz_model.c
 *		The answers of every kind of model and of its limits.
 *
 * Parameters and customers are any that the server accepts. A kind answers NaN
 * where its formulas leave no digit (kind.h). All other answers
 * must be possible: chances from 0 to 1, times and counts from 0 on. With
 * parameters and customers as those of a shop each answer must be a number.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "model/kinds/kinds.h"

static bool is_ordinary; /* parameters and customers as those of a shop */

static void
require_chance(double value)
{
	require(isnan(value) ? !is_ordinary : value >= 0.0 && value <= 1.0);
}

/* A time or a count. Some have no bound, but none is below zero. */
static void
require_amount(double value)
{
	require(isnan(value) ? !is_ordinary : value >= 0.0);
}

/* A kind of the list, or one of its limits. */
static const ModelKind *
take_kind(FuzzInput *input)
{
	const ModelKind *kind;
	int count = 0;
	int limits = 0;

	while (model_kinds[count] != NULL)
		count++;
	kind = model_kinds[take_byte(input) % count];
	while (kind->limits != NULL && kind->limits[limits] != NULL)
		limits++;
	count = take_byte(input) % (limits + 1);
	return count < limits ? kind->limits[count] : kind;
}

static void
take_parameters(FuzzInput *input, const ModelKind *kind, double *parameters)
{
	for (int i = 0; i < kind->n_parameters; i++)
	{
		parameters[i] = is_ordinary ? take_between(input, 0.05, 50.0)
									: take_between(input, 1e-12, 1e12);
		if (kind->parameters[i].is_probability && parameters[i] >= 1.0)
			parameters[i] = 1.0 / (1.0 + parameters[i]);
	}
	if (kind->whole_name != NULL)
		parameters[kind->n_parameters] =
			(double) (1 + take_below(input, kind->whole_max));
}

/* A customer, with a time of the last purchase that fits. */
static ModelRow
take_customer(FuzzInput *input, const ModelKind *kind)
{
	double most = is_ordinary ? 200.0 : 1e12;
	ModelRow row = {.customers = 1};

	if (kind->family == MODEL_OCCASIONS || kind->family == MODEL_RENEWALS)
		most = is_ordinary ? 100.0 : 1e4;
	/* Of a customer who bought nothing, spend says nothing. */
	row.x = kind->family == MODEL_SPEND
				? floor(take_between(input, 1.0, most))
				: floor(take_from_zero(input, 1.0, most));
	if (kind->family == MODEL_SPEND)
		row.mean_amount = take_between(input, 1e-8, 1e6);
	else if (kind->family == MODEL_RENEWALS)
		row.churned = row.x > 0 && take_byte(input) & 1;
	else
	{
		double between = take_byte(input) / 255.0;

		row.t = take_from_zero(input, is_ordinary ? 1.0 : 1e-9, most);
		if (kind->family == MODEL_OCCASIONS)
			row.t = floor(fmax(row.t, row.x));
		else if (row.t == 0)
			row.x = 0;
		row.t_x = row.x == 0 ? 0 : row.t * between;
		if (kind->family == MODEL_OCCASIONS && row.x > 0)
			row.t_x = fmax(row.x, floor(row.t_x));
		else if (row.x > 0 && row.t_x == 0)
			row.t_x = row.t;
	}
	return row;
}

#define HAS(operation) (kind->operations->operation != NULL)

/* What a model of purchases says of the customer. */
static void
ask_purchases(FuzzInput *input, const ModelKind *kind,
			  const double *parameters, const ModelRow *row)
{
	double horizon = take_from_zero(input, 1e-3, is_ordinary ? 500.0 : 1e6);
	double count = floor(take_from_zero(input, 1.0, 1000.0));

	if (kind->family == MODEL_OCCASIONS)
		horizon = fmin(floor(horizon), 1000.0);
	if (HAS(p_alive))
		require_chance(model_call(kind, p_alive, parameters, row));
	if (HAS(p_alive_after))
		require_chance(
			model_call(kind, p_alive_after, parameters, row, horizon));
	if (HAS(residual_lifetime))
		require_amount(model_call(kind, residual_lifetime, parameters, row));
	if (HAS(expected_alive))
		require_amount(model_call(kind, expected_alive, parameters, row,
								  horizon, take_from_zero(input, 1e-6, 1.0)));
	if (HAS(expected_new))
		require_amount(model_call(kind, expected_new, parameters, horizon));
	if (HAS(probability))
		require_chance(
			model_call(kind, probability, parameters, row, count, horizon));
	if (HAS(at_least))
		require_chance(
			model_call(kind, at_least, parameters, row, count + 1, horizon));
}

static void
ask_renewals(FuzzInput *input, const ModelKind *kind, const double *parameters)
{
	double period = (double) (1 + take_below(input, 1000));
	double log_survival = model_call(kind, log_survival, parameters, period);

	require(isnan(log_survival) ? !is_ordinary : log_survival <= 0.0);
	require_chance(model_call(kind, retention, parameters, period));
	require_amount(model_call(kind, residual_renewals, parameters, period,
							  take_between(input, 1e-3, 2.0)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, size};
	const ModelKind *kind = take_kind(&input);
	double parameters[MODEL_MAX_PARAMETERS] = {0};
	double likelihood;
	ModelRow row;

	is_ordinary = take_byte(&input) % 4 == 0;
	take_parameters(&input, kind, parameters);
	row = take_customer(&input, kind);
	likelihood = kind->operations->log_likelihood == NULL
					 ? 0.0
					 : model_call(kind, log_likelihood, parameters, &row);
	require(!is_ordinary || !isnan(likelihood));
	if (kind->family == MODEL_SPEND)
		require_amount(model_call(kind, expected_spend, parameters, &row));
	else if (kind->family == MODEL_RENEWALS)
		ask_renewals(&input, kind, parameters);
	else
		ask_purchases(&input, kind, parameters, &row);
	return 0;
}
