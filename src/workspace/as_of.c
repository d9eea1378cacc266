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
#include "crm.h"

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"

#include "workspace/as_of.h"

/* The setting as it was written, and what it says. */
static char *as_of_text = NULL;
static DateADT as_of_day = DATEVAL_NOBEGIN;

/* So many digits as a number, or -1. */
static int
read_digits(const char *text, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/* YYYY-MM-DD as a day, whatever the DateStyle; DATEVAL_NOEND if it is none. */
static DateADT
read_day(const char *text)
{
	int year;
	int month;
	int day;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return DATEVAL_NOEND;
	year = read_digits(text, 4);
	month = read_digits(text + 5, 2);
	day = read_digits(text + 8, 2);
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		return DATEVAL_NOEND;
	return date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

static void
assign_as_of(const char *value, void *extra)
{
	if (value == NULL || value[0] == '\0')
		as_of_day = DATEVAL_NOBEGIN; /* today */
	else
		as_of_day = read_day(value);
}

void
define_as_of_setting(void)
{
	DefineCustomStringVariable(
		"crm.as_of", "The day as of which the views of workspaces are shown.",
		"A date YYYY-MM-DD. Empty: the current date.", &as_of_text, "",
		PGC_USERSET, 0, NULL, assign_as_of, NULL);
}

/* crm.as_of() */
CRM_FUNCTION(crm_as_of)
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
