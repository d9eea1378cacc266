/*-------------------------------------------------------------------------
 *
 * day.h
 *		The day of a moment in a time zone.
 *
 * The day is what SQL says: (moment AT TIME ZONE time_zone)::date. So
 * day_of_moment calls the two functions of the server that this expression
 * calls, and names, abbreviations and POSIX texts of zones mean the same. But
 * the expression is an error for moments at the two ends of what the server can
 * hold. They have the day of UTC here, so that one wrong row stops no query.
 *
 * No comparison with one midnight says the same. Where a clock is put back from
 * 01:00 to 00:00 (Azores, Havana), midnight comes twice, and the server takes
 * the second one. Where a clock is put back over midnight (Newfoundland until
 * 2011), days even overlap. So a moment is compared by its day.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_DAY_H
#define CRM_BASE_DAY_H

#include "base/crm.h"

#include "datatype/timestamp.h"
#include "utils/date.h"

/* The day of a moment. An unknown zone is an error of the server. */
extern DateADT day_of_moment(TimestampTz moment, text *time_zone);

/*
 * Whether the day of a moment is not later than a day. Fast for all moments
 * that are some days away from it.
 */
extern bool moment_is_upto(TimestampTz moment, DateADT day, text *time_zone);

/*
 * The first moment of a day. A day that a zone skipped begins with the next
 * one. If days overlap, some moment at which one ends and the other begins.
 */
extern TimestampTz day_start(DateADT day, text *time_zone);

#endif /* CRM_BASE_DAY_H */
