/*-------------------------------------------------------------------------
 *
 * as_of.c
 *		The setting crm.as_of and the function that reads it.
 *
 * Every view of a workspace is its own function of a day, called with
 * crm.as_of(). Once the server has put the function's query in the place of
 * the call, crm.as_of() stands wherever the day was used, and is evaluated
 * for each row there. So the setting is parsed when it is set, not when it is
 * read.
 *
 * A value that is no day is accepted by SET and refused by crm.as_of(). The
 * library may be loaded after the SET (or after ALTER ROLE ... SET); a value
 * refused at that point would only be a warning, and the views would then
 * show another day than the one asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/guc.h"

#include "base/calendar.h"
#include "workspace/as_of.h"

/* The setting as it was written, and what it says. */
static char *as_of_text = NULL;
static DateADT as_of_day = DATEVAL_NOBEGIN;

static void
assign_as_of(const char *value, void *extra)
{
	if (value == NULL || value[0] == '\0')
		as_of_day = DATEVAL_NOBEGIN; /* today */
	else if (!calendar_parse_day(value, &as_of_day))
		as_of_day = DATEVAL_NOEND; /* no day */
}

void
define_as_of_setting(void)
{
	DefineCustomStringVariable(
		"crm.as_of", "The day as of which the views of workspaces are shown.",
		"A date YYYY-MM-DD. Empty: the current date.", &as_of_text, "",
		PGC_USERSET, 0, NULL, assign_as_of, NULL);
}

PG_FUNCTION_INFO_V1(crm_as_of);

/* crm.as_of() */
Datum
crm_as_of(PG_FUNCTION_ARGS)
{
	if (DATE_IS_NOBEGIN(as_of_day))
		PG_RETURN_DATEADT(GetSQLCurrentDate());
	if (DATE_IS_NOEND(as_of_day))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("setting crm.as_of is not a date: \"%s\"", as_of_text),
				 errhint("Set it as in SET crm.as_of = '2025-12-31', or RESET "
						 "crm.as_of for the current date.")));
	PG_RETURN_DATEADT(as_of_day);
}
