/*-------------------------------------------------------------------------
 *
 * tally.h
 *		The state of the aggregates that count customers by periods.
 *
 * What is counted is fixed by the first row; the counts follow in the same
 * chunk of memory, so that a state is one palloc, and joining two states is
 * adding their counts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RETENTION_TALLY_H
#define CRM_RETENTION_TALLY_H

#include "base/crm.h"

#include "history/history.h"
#include "retention/activity.h"

#define TALLY_MAX_PERIODS 100000
#define TALLY_MAX_CELLS 1000
#define TALLY_MAX_COUNTS 2000000

typedef struct Tally
{
	ActivityWindow window;
	int32 cells; /* of retention, else 0 */
	int32 scale; /* decimals of the amounts among the counts, else 0 */
	int32 size; /* number of counts */
	int64 *counts;
	int32 *bounds; /* cells + 1 of them */
} Tally;

/* A state without a customer, with room for cells + 1 bounds. */
extern Tally *tally_create(MemoryContext context, const ActivityWindow *window,
						   int32 cells, int64 size);

/* The window of the periods that hold the days [since, until). */
extern ActivityWindow tally_window(int32_t since, int32_t until, text *unit);

/* The first day of a period, counted from the first one of the window. */
extern Datum tally_period_start(const ActivityWindow *window, int32 period);

/* An error where a row asks for something else than the first one. */
extern void tally_check_window(const Tally *tally,
							   const ActivityWindow *window);

/* The error where a sum does not fit. */
pg_noreturn extern void tally_out_of_range(void);

/* The first argument of a transition or final function, or NULL. */
static inline Tally *
tally_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : (Tally *) PG_GETARG_POINTER(number);
}

/* What a transition returns: the state, or NULL while there is none. */
#define PG_RETURN_TALLY(tally) \
	do \
	{ \
		if ((tally) == NULL) \
			PG_RETURN_NULL(); \
		PG_RETURN_POINTER(tally); \
	} while (0)

#endif /* CRM_RETENTION_TALLY_H */
