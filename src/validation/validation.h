/*-------------------------------------------------------------------------
 *
 * validation.h
 *		The state of crm.validate, and the columns of its result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_VALIDATION_H
#define CRM_VALIDATION_VALIDATION_H

#include "base/crm.h"

#include "base/cached_argument.h"
#include "history/history.h"
#include "model/model.h"
#include "validation/holdout.h"

/* Purchases are counted by day; a hundred years of days are enough. */
#define VALIDATION_MAX_DAYS 36525

/* How many customers are worked on between two looks for an interrupt. */
#define VALIDATION_BLOCK 4096

typedef struct ValidationState
{
	MemoryContext context;
	DatumKey key; /* the model argument as it came */
	struct varlena *model; /* the same, flat */
	HoldoutPeriod period;
	HoldoutCustomer *customers;
	int64 count;
	int64 capacity;
	int32 first_day; /* of the counts, which go to the end of the holdout */
	int64 *new_customers; /* NULL before the first customer */
	int64 *repeats;
} ValidationState;

/* Columns of the composite types, in their order in SQL, from 0. */
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

/* A model that forecasts the purchases of customers; else an error. */
extern void validation_read_model(struct varlena *value, Model *model);

/* Days that the counts cover. */
extern int32 validation_days(const ValidationState *state);

#endif /* CRM_VALIDATION_VALIDATION_H */
