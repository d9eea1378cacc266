/*-------------------------------------------------------------------------
 *
 * period.h
 *		The periods of the calendar for functions of SQL.
 *
 * A unit is a text: day, week, month, quarter, year, or one with another
 * beginning, as "week from sunday" and "year from april". calendar.h has the
 * arithmetic.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_PERIOD_H
#define CRM_BASE_PERIOD_H

#include "base/crm.h"

#include "base/calendar.h"

/* The unit that a text names. An error where it names none. */
extern CalendarUnit period_unit(text *unit);

#endif /* CRM_BASE_PERIOD_H */
