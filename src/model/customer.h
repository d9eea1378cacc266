/*-------------------------------------------------------------------------
 *
 * customer.h
 *		What SQL says of one customer, checked, as a row for the models.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_CUSTOMER_H
#define CRM_MODEL_CUSTOMER_H

#include "base/crm.h"

#include "history/history.h"
#include "model/kinds/kind.h"

/* Repeat purchases, time of the last one, age; an error where impossible. */
extern ModelRow model_purchases_row(int64 x, double t_x, double t);

/*
 * Purchases, the occasion of the last one, occasions so far. All three are
 * whole numbers.
 */
extern ModelRow model_occasions_row(int64 x, double t_x, double occasions);

/* Periods under contract, and whether the customer left after the last. */
extern ModelRow model_renewals_row(int64 periods, bool churned);

/* Purchases averaged, and their mean; an error where impossible. */
extern ModelRow model_spend_row(int64 x, double mean_amount);

/*
 * The row of the kind's family with these numbers, in the order of ModelRow.
 * Spend and renewals ignore the third.
 */
extern ModelRow model_customer_row(const ModelKind *kind, int64 x,
								   double second, double third);

/* Of a history as of a day; false where it has no purchase up to then. */
extern bool model_history_purchases(History history, int32 as_of,
									double days_per_unit, ModelRow *row);
extern bool model_history_spend(History history, int32 as_of, ModelRow *row);

/*
 * The sum of the logarithms of the times between purchases: one given,
 * checked against the row, and that of a history as of a day, in days.
 */
extern double model_log_gaps(const ModelRow *row, double log_gaps);
extern double model_history_log_gaps(History history, int32 as_of);
extern void model_gaps_missing(const ModelKind *kind);

/* A span of time from 0 to the limit; may_be_infinite allows Infinity. */
extern double model_horizon(double horizon, bool may_be_infinite);

#endif /* CRM_MODEL_CUSTOMER_H */
