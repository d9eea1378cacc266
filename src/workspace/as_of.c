/*-------------------------------------------------------------------------
 *
 * as_of.c
 *		The setting crm.as_of and the function that reads it.
 *
 * Every view of a workspace is a function of a day, called with crm.as_of().
 * The server inlines these functions, so crm.as_of() then stands at every
 * place that uses the day and is evaluated there for each row. So the text is
 * parsed when it is set and not when it is read.
 *
 * SET accepts a value that is no day, and crm.as_of() refuses it. The library
 * may be loaded after the SET (or after ALTER ROLE ... SET). A value that is
 * refused at that point would only be a warning, and the views would then show
 * another day than the user asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/guc.h"

#include "base/calendar.h"
#include "workspace/as_of.h"

/*
 * The setting as it was written, and its day. DATEVAL_NOBEGIN stands for today,
 * DATEVAL_NOEND for a text that is no day.
 */
static char *as_of_text = NULL;
static DateADT as_of_day = DATEVAL_NOBEGIN;

/*
 * Called by the server for each new value, also when a transaction rolls the
 * setting back. An assign hook must not fail, and parsing a day neither
 * allocates nor raises.
 */
static void
assign_as_of(const char *value, void *extra)
{
	if (value == NULL || value[0] == '\0')
		as_of_day = DATEVAL_NOBEGIN; /* today */
	else if (!calendar_parse_day(value, &as_of_day))
		as_of_day = DATEVAL_NOEND; /* no day */
}

/*
 * Registers the setting. The server owns the text, keeps it as long as it is
 * the value, and calls the assign hook for the value that was set before
 * loading.
 */
void
define_as_of_setting(void)
{
	DefineCustomStringVariable(
		"crm.as_of", "The day that the views of workspaces show.",
		"Write it as YYYY-MM-DD. Empty means the current date.", &as_of_text,
		"", PGC_USERSET, 0, NULL, assign_as_of, NULL);
}

/* Raises an error if the setting is a text that is no day. */
static void
check_as_of(void)
{
	if (DATE_IS_NOEND(as_of_day))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("setting crm.as_of is not a date: \"%s\"", as_of_text),
				 errhint("Use SET crm.as_of = '2025-12-31', or RESET "
						 "crm.as_of for the current date.")));
}

PG_FUNCTION_INFO_V1(crm_as_of);
PG_FUNCTION_INFO_V1(crm_as_of_setting);

/*
 * crm.as_of(): the day of the setting, or the current date of the transaction
 * in the session's time zone.
 */
Datum
crm_as_of(PG_FUNCTION_ARGS)
{
	if (DATE_IS_NOBEGIN(as_of_day))
		PG_RETURN_DATEADT(GetSQLCurrentDate());
	check_as_of();
	PG_RETURN_DATEADT(as_of_day);
}

/*
 * crm_internal.as_of_setting(): the day of the setting, or NULL. The view
 * shown_day of a workspace puts the current date of the workspace's zone in the
 * place of NULL.
 */
Datum
crm_as_of_setting(PG_FUNCTION_ARGS)
{
	if (DATE_IS_NOBEGIN(as_of_day))
		PG_RETURN_NULL();
	check_as_of();
	PG_RETURN_DATEADT(as_of_day);
}
