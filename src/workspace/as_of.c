/*-------------------------------------------------------------------------
 *
 * as_of.c
 *		The setting crm.as_of and the function that reads it.
 *
 * The views of a workspace read their day from the view shown_day, which asks
 * for the setting. SQL of a user may call crm.as_of() for each row. So the text
 * is parsed when it is set and not when it is read.
 *
 * In a cluster of Citus, a query over a distributed table calls crm.as_of() on
 * the workers. A worker does not see what the user has SET on the coordinator,
 * so it would show another day. A session that Citus has opened is known by the
 * name that Citus gives it. There crm.as_of() is an error, whatever the setting
 * is in that session. A day of ALTER ROLE or ALTER DATABASE is on the worker as
 * well, and the user may have SET another one. Citus passes a SET LOCAL on if
 * it is told to, but no later SET and no set_config(), and a worker cannot know
 * whether one came after. No code of Citus is needed to know all this.
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

static char *as_of_text = NULL; /* as it was written */

/* DATEVAL_NOBEGIN stands for today, DATEVAL_NOEND for a text that is no day. */
static DateADT as_of = DATEVAL_NOBEGIN;

/*
 * Called by the server for each new value. It keeps the parsed day with the
 * value, and so brings it back when a transaction rolls the setting back. All
 * values are accepted, as the head of this file explains.
 */
static bool
check_as_of(char **value, void **extra, GucSource source)
{
	DateADT *day = guc_malloc(LOG, sizeof(DateADT));

	if (day == NULL)
		return false;
	*day = DATEVAL_NOEND;
	if (*value == NULL || (*value)[0] == '\0')
		*day = DATEVAL_NOBEGIN; /* today */
	else if (!calendar_parse_day(*value, day))
		*day = DATEVAL_NOEND; /* no day */
	*extra = day;
	return true;
}

/* Called by the server when the value begins to hold. It must not fail. */
static void
assign_as_of(const char *value, void *extra)
{
	as_of = *(const DateADT *) extra;
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
		"", PGC_USERSET, 0, check_as_of, assign_as_of, NULL);
}

/*
 * True in a session that Citus has opened on a worker. All names of such
 * sessions are like "citus_internal gpid=10000000123".
 */
static bool
is_session_of_citus(void)
{
	static const char prefix[] = "citus_";

	return application_name != NULL &&
		   strncmp(application_name, prefix, sizeof(prefix) - 1) == 0 &&
		   strstr(application_name, " gpid=") != NULL;
}

/* The day of the setting, or DATEVAL_NOBEGIN for today. */
static DateADT
shown_day(void)
{
	if (is_session_of_citus())
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a worker of Citus does not know the day of crm.as_of"),
			 errdetail("The query calls crm.as_of() on a worker, and the "
					   "setting is on the coordinator."),
			 errhint("Give the query the day itself: as a literal, or as a "
					 "parameter of a prepared statement or function.")));
	if (DATE_IS_NOEND(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("setting crm.as_of is not a date: \"%s\"", as_of_text),
				 errhint("Use SET crm.as_of = '2025-12-31', or RESET "
						 "crm.as_of for the current date.")));
	return as_of;
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
	DateADT day = shown_day();

	if (DATE_IS_NOBEGIN(day))
		PG_RETURN_DATEADT(GetSQLCurrentDate());
	PG_RETURN_DATEADT(day);
}

/*
 * crm_internal.as_of_setting(): the day of the setting, or NULL. The view
 * shown_day of a workspace puts the current date of the workspace's zone in the
 * place of NULL.
 */
Datum
crm_as_of_setting(PG_FUNCTION_ARGS)
{
	DateADT day = shown_day();

	if (DATE_IS_NOBEGIN(day))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(day);
}
