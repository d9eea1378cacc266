/*-------------------------------------------------------------------------
 *
 * validation.h
 *		The state of crm.validate, and the columns of its result.
 *
 * crm.validate asks how good the forecasts of a model are. The caller fits the
 * model on data up to calibration_end. The days after it, up to holdout_end,
 * are held out: the model did not see them. The aggregate forecasts the
 * purchases of each customer in the holdout, counts what the customer did, and
 * compares both. Two naive forecasts (holdout.h, accuracy.h) are measured in
 * the same way, because an error of a model means nothing without one to
 * compare it with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_VALIDATION_H
#define CRM_VALIDATION_VALIDATION_H

#include "base/crm.h"

#include "base/aggregate.h"
#include "base/cached_argument.h"
#include "history/history.h"
#include "model/model.h"
#include "validation/holdout.h"

/*
 * Purchases are counted by day. A hundred years of days are enough. An earlier
 * first purchase, probably a wrong date, is an error and does not fill memory.
 */
#define VALIDATION_MAX_DAYS 36525

/* NULL until a row without NULL comes. 20 bytes for each customer. */
typedef struct ValidationState
{
	const StateType *type;
	MemoryContext context; /* the aggregate's; owns all that follows */
	DatumKey key; /* the model argument as it came */
	struct varlena *model; /* the same, flat */
	HoldoutPeriod period;
	HoldoutCustomer *customers;
	int64 count;
	int64 capacity; /* of customers */
	int32 first_day; /* of the two counts, which go to holdout_end */
	int64 *new_customers; /* by day of first purchase; NULL: no customer */
	int64 *repeats; /* by day, of all customers counted */
} ValidationState;

/*
 * Columns of the composite types, in their order in SQL, from 0. In a bin, the
 * forecasts follow BIN_EXPECTED in the order of the enum Forecast.
 */
enum
{
	BIN_AT_LEAST,
	BIN_AT_MOST,
	BIN_CUSTOMERS,
	BIN_ACTUAL,
	BIN_EXPECTED,
	BIN_SAME_RATE,
	BIN_SAME_AGAIN,
	BIN_COLUMNS
};

enum
{
	FORECAST_NAME,
	FORECAST_CUSTOMERS,
	FORECAST_ACTUAL,
	FORECAST_PURCHASES,
	FORECAST_BIAS,
	FORECAST_MAE,
	FORECAST_RMSE,
	FORECAST_GINI,
	FORECAST_GINI_PERFECT,
	FORECAST_COLUMNS
};

enum
{
	VALIDATION_MODEL,
	VALIDATION_CALIBRATION_END,
	VALIDATION_HOLDOUT_END,
	VALIDATION_FORECASTS,
	VALIDATION_BY_FREQUENCY,
	VALIDATION_BY_RECENCY,
	VALIDATION_FIRST_DAY,
	VALIDATION_NEW_CUSTOMERS,
	VALIDATION_REPEATS,
	VALIDATION_COLUMNS
};

/*
 * Reads a crm.model. A kind that does not forecast the purchases of customers
 * is an error.
 */
extern void validation_read_model(struct varlena *value, Model *model);

/* Days that the two counts cover; 0 before the first customer. */
extern int32 validation_days(const ValidationState *state);

#endif /* CRM_VALIDATION_VALIDATION_H */
