/*-------------------------------------------------------------------------
 *
 * validate_result.c
 *		The result of the aggregate crm.validate: forecasts and what came.
 *
 * The customers are sorted first and only then forecast and added up. So the
 * result is a function of the set of customers, to the last digit. A forecast
 * is made once for customers with the same summary, who are neighbors after
 * sorting.
 *
 * Sorting costs O(n log n). Everything else is linear, but for a ranking by
 * each forecast. Large arrays live in the memory of the call; the state is
 * only sorted in place, which changes no set.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "math/pause.h"
#include "model/answers.h"
#include "validation/accuracy.h"
#include "validation/validation.h"

/* Both sorts serve interrupts. sort_template.h inlines the comparisons. */
#define ST_SORT sort_customers
#define ST_ELEMENT_TYPE HoldoutCustomer
#define ST_COMPARE(a, b) holdout_compare(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_ranked
#define ST_ELEMENT_TYPE Ranked
#define ST_COMPARE(a, b) \
	((a)->forecast > (b)->forecast) - ((a)->forecast < (b)->forecast)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * The forecast of the model for each customer, in the order of the customers.
 *
 * It is P(alive) times the expected purchases of a customer who is alive. Kinds
 * without P(alive) have customers who never leave. Days become the unit of time
 * of the model. A forecast may be a quadrature, so interrupts are served for
 * each customer.
 */
static double *
expectations(const ValidationState *state)
{
	const HoldoutCustomer *customers = state->customers;
	double *expected = MemoryContextAllocHuge(
		CurrentMemoryContext, mul_size(Max(state->count, 1), sizeof(double)));
	double horizon;
	Model model;

	validation_read_model(state->model, &model);
	horizon = holdout_days(&state->period) / model.days_per_unit;
	for (int64 i = 0; i < state->count; i++)
	{
		ModelRow row = {.x = customers[i].x,
						.t_x = customers[i].t_x / model.days_per_unit,
						.t = customers[i].t / model.days_per_unit,
						.customers = 1};

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && customers[i].x == customers[i - 1].x &&
			customers[i].t == customers[i - 1].t &&
			customers[i].t_x == customers[i - 1].t_x)
		{
			expected[i] = expected[i - 1];
			continue;
		}
		expected[i] = model_answer(&model, expected_alive, &row, horizon, 0.0);
		if (model.kind->operations->p_alive != NULL)
			expected[i] *= model_answer(&model, p_alive, &row);
	}
	return expected;
}

/*
 * A row of a bin. The three forecasts are neighboring columns, in the order of
 * the enum Forecast. A bin without customers is a row of zeros.
 */
static void
put_bin(RowArray *rows, int place, const AccuracyBin *bin)
{
	Datum values[BIN_COLUMNS];
	bool nulls[BIN_COLUMNS] = {false};

	values[BIN_AT_LEAST] = Int32GetDatum(bin->at_least);
	values[BIN_AT_MOST] = Int32GetDatum(bin->at_most);
	nulls[BIN_AT_MOST] = bin->at_most == PG_INT32_MAX;
	values[BIN_CUSTOMERS] = Int64GetDatum(bin->customers);
	values[BIN_ACTUAL] = Int64GetDatum(bin->actual);
	for (int i = 0; i < FORECASTS; i++)
		values[BIN_EXPECTED + i] =
			Float8GetDatum(sum_value(&bin->forecasts[i]));
	row_array_set(rows, place, values, nulls);
}

/* An array with a row for each bin. */
static Datum
bin_rows(const AccuracyBin *bins, RowArray rows)
{
	for (int i = 0; i < rows.count; i++)
		put_bin(&rows, i, &bins[i]);
	return row_array_end(&rows);
}

/* Fills the bins of both groupings in one pass. */
static void
fill_bins(const ValidationState *state, const double *expected,
		  AccuracyBin *by_frequency, AccuracyBin *by_recency)
{
	int32 days = holdout_days(&state->period);

	accuracy_bins_init(by_frequency, by_recency);
	for (int64 i = 0; i < state->count; i++)
	{
		const HoldoutCustomer *customer = &state->customers[i];

		pause_at((size_t) i);
		accuracy_bin_add(accuracy_bin(by_frequency, customer->x), customer,
						 expected[i], days);
		accuracy_bin_add(accuracy_bin(by_recency, customer->t - customer->t_x),
						 customer, expected[i], days);
	}
}

/*
 * The Gini coefficient of the perfect order, which ranks customers by what
 * they did. It is the most that any forecast can reach, and at most 1 - 1/n,
 * which one customer who did everything gives.
 */
static double
perfect_gini(const ValidationState *state, Ranked *ranked)
{
	for (int64 i = 0; i < state->count; i++)
	{
		ranked[i].actual = state->customers[i].actual;
		ranked[i].forecast = ranked[i].actual;
	}
	sort_ranked(ranked, state->count);
	return accuracy_gini(ranked, state->count);
}

/*
 * The row of one forecast. bias and MAE are in purchases for each customer.
 * ranked is room for all customers, shared by the three forecasts. The Gini
 * coefficient is NULL if nobody bought in the holdout.
 */
static void
put_forecast(RowArray *rows, const ValidationState *state,
			 const double *expected, Forecast forecast, double perfect,
			 Ranked *ranked)
{
	Datum values[FORECAST_COLUMNS];
	bool nulls[FORECAST_COLUMNS] = {false};
	double count = (double) state->count;
	AccuracySums sums = {0};

	for (int64 i = 0; i < state->count; i++)
	{
		pause_at((size_t) i);
		ranked[i].actual = state->customers[i].actual;
		ranked[i].forecast =
			forecast_value(forecast, &state->customers[i], expected[i],
						   holdout_days(&state->period));
		accuracy_add(&sums, ranked[i].forecast, ranked[i].actual);
	}
	sort_ranked(ranked, state->count);
	values[FORECAST_NAME] = CStringGetTextDatum(forecast_names[forecast]);
	values[FORECAST_CUSTOMERS] = Int64GetDatum(sums.customers);
	values[FORECAST_ACTUAL] = Int64GetDatum(sums.actual);
	values[FORECAST_PURCHASES] = Float8GetDatum(sum_value(&sums.forecast));
	values[FORECAST_BIAS] = Float8GetDatum(
		(sum_value(&sums.forecast) - (double) sums.actual) / count);
	values[FORECAST_MAE] = Float8GetDatum(sum_value(&sums.absolute) / count);
	values[FORECAST_RMSE] =
		Float8GetDatum(sqrt(sum_value(&sums.square) / count));
	values[FORECAST_GINI] =
		Float8GetDatum(accuracy_gini(ranked, state->count));
	values[FORECAST_GINI_PERFECT] = Float8GetDatum(perfect);
	nulls[FORECAST_GINI] = nulls[FORECAST_GINI_PERFECT] = isnan(perfect);
	row_array_set(rows, forecast, values, nulls);
}

/*
 * An array with a row for each forecast. The perfect order is the same for
 * all.
 */
static Datum
forecast_rows(const ValidationState *state, const double *expected,
			  RowArray rows)
{
	Ranked *ranked = MemoryContextAllocHuge(
		CurrentMemoryContext, mul_size(state->count, sizeof(Ranked)));
	double perfect = perfect_gini(state, ranked);

	for (int i = 0; i < FORECASTS; i++)
		put_forecast(&rows, state, expected, (Forecast) i, perfect, ranked);
	pfree(ranked);
	return row_array_end(&rows);
}

/* Counts as int8[]. */
static Datum
count_array(const int64 *counts, int32 days)
{
	Datum *values = palloc((Size) days * sizeof(Datum));

	for (int32 i = 0; i < days; i++)
		values[i] = Int64GetDatum(counts[i]);
	return PointerGetDatum(construct_array(values, days, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * The counts from the first day that has a new customer. The state may cover
 * earlier days, because its counts double. How many depends on the order of
 * the rows, so these days must not be in the result.
 */
static void
fill_counts(const ValidationState *state, Datum *values)
{
	int32 empty = 0;
	int32 days = validation_days(state);

	while (empty < days && state->new_customers[empty] == 0)
		empty++;
	values[VALIDATION_FIRST_DAY] = DateADTGetDatum(state->first_day + empty);
	values[VALIDATION_NEW_CUSTOMERS] =
		count_array(state->new_customers + empty, days - empty);
	values[VALIDATION_REPEATS] =
		count_array(state->repeats + empty, days - empty);
}

PG_FUNCTION_INFO_V1(crm_validate_final);

/*
 * finalfunc: crm.validation
 *
 * NULL without a customer: there is no mean error of nobody. The aggregate may
 * call this again, for example as a window function. Sorting again then
 * changes nothing.
 */
Datum
crm_validate_final(PG_FUNCTION_ARGS)
{
	TupleDesc shape = NULL;
	Datum values[VALIDATION_COLUMNS];
	bool nulls[VALIDATION_COLUMNS] = {false};
	AccuracyBin by_frequency[FREQUENCY_BINS];
	AccuracyBin by_recency[RECENCY_BINS];
	ValidationState *state = final_state(fcinfo);
	double *expected;

	if (state == NULL || state->count == 0)
		PG_RETURN_NULL();
	sort_customers(state->customers, state->count);
	expected = expectations(state);
	fill_bins(state, expected, by_frequency, by_recency);

	(void) row_shape(fcinfo, &shape);
	values[VALIDATION_MODEL] = PointerGetDatum(state->model);
	values[VALIDATION_CALIBRATION_END] =
		DateADTGetDatum(state->period.calibration_end);
	values[VALIDATION_HOLDOUT_END] =
		DateADTGetDatum(state->period.holdout_end);
	values[VALIDATION_FORECASTS] = forecast_rows(
		state, expected,
		row_array_of_column(shape, VALIDATION_FORECASTS, FORECASTS));
	values[VALIDATION_BY_FREQUENCY] = bin_rows(
		by_frequency,
		row_array_of_column(shape, VALIDATION_BY_FREQUENCY, FREQUENCY_BINS));
	values[VALIDATION_BY_RECENCY] =
		bin_rows(by_recency, row_array_of_column(shape, VALIDATION_BY_RECENCY,
												 RECENCY_BINS));
	fill_counts(state, values);
	PG_RETURN_DATUM(row_datum(shape, values, nulls));
}
