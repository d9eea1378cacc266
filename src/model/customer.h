/*-------------------------------------------------------------------------
 *
 * customer.h
 *		The checked record of one customer as a row for the models.
 *
 * The arguments of SQL functions and the histories become a ModelRow here and
 * nowhere else. A row that these functions return is possible: all numbers are
 * finite and within the limits of kind.h, and t_x does not exceed t. So the
 * formulas of the kinds need no checks. A time is never -0, because rows are
 * sorted by their bits.
 *
 * Nothing is allocated, except by error messages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_CUSTOMER_H
#define CRM_MODEL_CUSTOMER_H

#include "base/crm.h"

#include "history/history.h"
#include "model/kinds/kind.h"

/*
 * x repeat purchases, the last one at t_x, observed until t. Both times count
 * from the first purchase, in the unit of the model. An error says which of the
 * three numbers is impossible and why.
 */
extern ModelRow model_purchases_row(int64 x, double t_x, double t);

/*
 * x purchases on so many occasions, the last one on occasion t_x. All three are
 * whole numbers. There is at most one purchase per occasion.
 */
extern ModelRow model_occasions_row(int64 x, double t_x, double occasions);

/*
 * The number of periods under contract, and whether the customer left at the
 * end of the last one. A customer who has not left may have begun the next.
 */
extern ModelRow model_renewals_row(int64 periods, bool churned);

/*
 * The number of purchases and their mean amount. The amount may be 0 or
 * negative, because refunds count. The callers decide what that means.
 */
extern ModelRow model_spend_row(int64 x, double mean_amount);

/*
 * The row of the kind's family with these numbers, in the order of ModelRow.
 * Spend and renewals ignore the third.
 */
extern ModelRow model_customer_row(const ModelKind *kind, int64 x,
								   double second, double third);

/*
 * The row of a history as of a day. False if the history has no purchase up to
 * that day. The row of spend is about repeat purchases: the first purchase is
 * not averaged, as in the papers, because x does not count it either.
 *
 * own_amount is the mean amount that the customer has shown: of the repeat
 * days, or else of the first day, and never below 0.
 */
extern bool model_history_purchases(History history, int32 as_of,
									double days_per_unit, ModelRow *row);
extern bool model_history_spend(History history, int32 as_of, ModelRow *row,
								double *own_amount);

/* Checks a given sum of the logarithms of the times between purchases. */
extern double model_log_gaps(const ModelRow *row, double log_gaps);

/* The same sum from a history as of a day, with the times in days. */
extern double model_history_log_gaps(History history, int32 as_of);

/* Raises the error that a model of this kind needs that sum. */
extern void model_gaps_missing(const ModelKind *kind);

/*
 * Checks a span of time in the unit of the model: from 0 to MODEL_MAX_TIME.
 * may_be_infinite allows Infinity as well.
 */
extern double model_horizon(double horizon, bool may_be_infinite);

#endif /* CRM_MODEL_CUSTOMER_H */
