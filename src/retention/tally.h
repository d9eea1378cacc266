/*-------------------------------------------------------------------------
 *
 * tally.h
 *		The state of the aggregates that count customers by periods.
 *
 * The first row fixes what is counted: the unit, the periods, the cells. All
 * later rows must agree. The counts follow the struct in the same chunk of
 * memory, so a state is one palloc in the aggregate's memory context. Joining
 * two states is adding their counts, because each customer is in one of the
 * two only.
 *
 * Which count is where depends on the aggregate: see growth_aggregate.c,
 * repurchase_aggregate.c and retention_aggregate.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RETENTION_TALLY_H
#define CRM_RETENTION_TALLY_H

#include "base/crm.h"

#include "base/aggregate.h"
#include "history/history.h"
#include "retention/activity.h"

/*
 * Limits that a question with a meaning does not reach: 270 years of days, and
 * 16 MB of counts. They refuse a window that was mistyped before it takes
 * memory in every worker.
 */
#define TALLY_MAX_PERIODS 100000
#define TALLY_MAX_CELLS 1000
#define TALLY_MAX_COUNTS 2000000

/* NULL until a row without NULL comes. */
typedef struct Tally
{
	const StateType *type;
	ActivityWindow window;
	int32 cells; /* of retention, else 0 */
	int32 scale; /* most decimals of the amounts seen, 0 to 8; else 0 */
	int32 size; /* number of counts, at most TALLY_MAX_COUNTS */
	int64 *counts; /* behind the struct */
	int32 *bounds; /* cells + 1 of them, behind the counts */
} Tally;

/*
 * A state without a customer: all counts and bounds are 0. Allocated in the
 * context as one chunk. A size above the limit is an error.
 */
extern Tally *tally_create(MemoryContext context, const ActivityWindow *window,
						   int32 cells, int64 size);

/*
 * The window of the periods that hold the days [since, until). No day gives no
 * period. A wrong unit or too many periods is an error.
 */
extern ActivityWindow tally_window(int32_t since, int32_t until, text *unit);

/*
 * The first day of a period as a date. The period is counted from the first
 * one of the window.
 */
extern Datum tally_period_start(const ActivityWindow *window, int32 period);

/* Raises an error if a row asks for a different window than the first one. */
extern void tally_check_window(const Tally *tally,
							   const ActivityWindow *window);

/* Raises the error that a sum does not fit. */
pg_noreturn extern void tally_out_of_range(void);

#endif /* CRM_RETENTION_TALLY_H */
