/*-------------------------------------------------------------------------
 *
 * history_io.c
 *		crm.history as text, as bytes on the wire, and compared.
 *
 * The text is a JSON array of [day, purchases, amount], for example
 * [["2025-01-03",1,12.50],["2025-02-11",2,30.00]], so that the casts to and
 * from jsonb are the input and output functions. Days are in ISO form for any
 * DateStyle. All amounts are written with the scale of the history, and are
 * read back to the largest scale among them. So the round trip is exact: 12.50
 * keeps its two decimals.
 *
 * The parser goes over the text once and looks at one character at a time. Its
 * functions return false after a complaint. With a soft error context
 * (pg_input_is_valid) the complaint is stored there, otherwise it is raised.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "history/history.h"
#include "math/compare.h"

/* The state of the text input. */
typedef struct HistoryParser
{
	const char *text; /* all of it, ended by a zero byte */
	const char *next; /* the first character that is not read yet */
	struct Node *escontext; /* for soft errors; NULL: errors are raised */
} HistoryParser;

/*
 * Text output
 */

/*
 * A day as YYYY-MM-DD, with " BC" before year 1, in the current memory
 * context. The days of a history are finite, so the infinities have no text
 * here.
 */
char *
history_day_text(int32_t day)
{
	struct pg_tm tm;
	char *text = palloc(MAXDATELEN + 1);

	memset(&tm, 0, sizeof(tm));
	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return text;
}

/* Appends a day. The text is freed at once: a history may have very many. */
static void
append_day(StringInfo buffer, int32_t day)
{
	char *text = history_day_text(day);

	appendStringInfoString(buffer, text);
	pfree(text);
}

/*
 * Appends minor units as a decimal with all digits of the scale. The sign is
 * written apart, because -50 units of scale 2 are -0.50 and the whole part, 0,
 * has no sign. Negation is unsigned and cannot overflow.
 */
static void
append_amount(StringInfo buffer, int64_t units, int scale)
{
	uint64_t size = units < 0 ? -(uint64_t) units : (uint64_t) units;
	uint64_t power = (uint64_t) decimal_powers[scale];

	appendStringInfo(buffer, "%s" UINT64_FORMAT, units < 0 ? "-" : "",
					 size / power);
	if (scale > 0)
		appendStringInfo(buffer, ".%0*llu", scale,
						 (unsigned long long) (size % power));
}

/* Writes no space, so that equal histories have equal texts. */
static StringInfoData
history_text(History history)
{
	int scale = history_scale(history.data);
	HistoryReader reader;
	HistoryEntry entry;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	history_reader_start(&reader, history.data, history.size);
	while (history_read_entry(&reader, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&text, text.len > 1 ? ",[\"" : "[\"");
		append_day(&text, entry.day);
		appendStringInfo(&text, "\"," INT64_FORMAT ",", entry.purchases);
		append_amount(&text, entry.amount, scale);
		appendStringInfoChar(&text, ']');
	}
	appendStringInfoChar(&text, ']');
	return text;
}

PG_FUNCTION_INFO_V1(crm_history_out);
PG_FUNCTION_INFO_V1(crm_history_json);

/* Output function. */
Datum
crm_history_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(history_text(PG_GETARG_HISTORY(0)).data);
}

/*
 * The text as json. A cast by this function is what to_jsonb, row_to_json and
 * their like look for. Without it they would write the text as a JSON string.
 */
Datum
crm_history_json(PG_FUNCTION_ARGS)
{
	StringInfoData text = history_text(PG_GETARG_HISTORY(0));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

/*
 * Text input
 */

/*
 * Complains about the character at parser->next. Returns false, so that
 * callers write return refuse(...). The position counts bytes from 1.
 */
static bool
refuse(HistoryParser *parser, const char *reason)
{
	ereturn(parser->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type crm.history: \"%.60s\"",
					parser->text),
			 errdetail("At character %d: %s.",
					   (int) (parser->next - parser->text) + 1, reason),
			 errhint("A history is a JSON array of [day, purchases, amount], "
					 "for example "
					 "[[\"2025-01-03\", 1, 12.50], "
					 "[\"2025-02-11\", 2, 30.00]].")));
}

/* JSON knows four characters of space and no other. */
static void
skip_space(HistoryParser *parser)
{
	while (*parser->next == ' ' || *parser->next == '\t' ||
		   *parser->next == '\n' || *parser->next == '\r')
		parser->next++;
}

/*
 * Skips space. If the next character is the expected one, goes past it and
 * returns true.
 */
static bool
accept(HistoryParser *parser, char expected)
{
	skip_space(parser);
	if (*parser->next != expected)
		return false;
	parser->next++;
	return true;
}

/* As accept, but another character is an error. */
static bool
expect(HistoryParser *parser, char expected)
{
	char reason[] = "expected \"?\"";

	if (accept(parser, expected))
		return true;
	reason[sizeof("expected \"") - 1] = expected;
	return refuse(parser, reason);
}

/* Nothing but space may follow. */
static bool
expect_end(HistoryParser *parser)
{
	skip_space(parser);
	return *parser->next == '\0' ||
		   refuse(parser, "expected the end of the text");
}

/*
 * Digits as a number, at most "places" of them. Returns -1 if there is none or
 * if there are more, or if the number does not fit. *found, unless NULL,
 * receives the number of digits.
 */
static int64_t
read_digits(HistoryParser *parser, int places, int *found)
{
	int64_t value = 0;
	int count = 0;

	for (; isdigit((unsigned char) *parser->next); parser->next++, count++)
	{
		if (count >= places || value > (INT64_MAX - 9) / 10)
			return -1;
		value = value * 10 + (*parser->next - '0');
	}
	if (found)
		*found = count;
	return count > 0 ? value : -1;
}

/*
 * A day in double quotes. The calendar is checked by a round trip: date2j
 * turns 31 February into a day of March, which j2date does not turn back.
 */
static bool
parse_day(HistoryParser *parser, int32_t *day)
{
	int64_t part[3];
	int year;
	int month;
	int month_day;
	int julian;

	if (!expect(parser, '"'))
		return false;
	for (int i = 0; i < 3; i++)
	{
		if (i > 0 && *parser->next++ != '-')
			part[i] = -1;
		else
			part[i] = read_digits(parser, i == 0 ? 7 : 2, NULL);
		if (part[i] < 1)
			return refuse(parser, "expected a day in ISO form (YYYY-MM-DD)");
	}
	if (strncmp(parser->next, " BC", 3) == 0)
	{
		parser->next += 3;
		part[0] = 1 - part[0];
	}
	if (part[1] > MONTHS_PER_YEAR || part[2] > 31 ||
		!IS_VALID_JULIAN((int) part[0], (int) part[1], (int) part[2]))
		return refuse(parser, "there is no such day");
	julian = date2j((int) part[0], (int) part[1], (int) part[2]);
	j2date(julian, &year, &month, &month_day);
	if (year != part[0] || month != part[1] || month_day != part[2] ||
		!IS_VALID_DATE(julian - POSTGRES_EPOCH_JDATE))
		return refuse(parser, "there is no such day");
	*day = julian - POSTGRES_EPOCH_JDATE;
	return *parser->next++ == '"' || refuse(parser, "expected '\"'");
}

/*
 * An amount in minor units of the scale that it is written with. The whole
 * part may have 19 digits, as the limit of 10^18 minor units has. So scaling
 * may exceed the limit and is checked. The decimals that are added then are
 * below 10^8 and cannot overflow.
 */
static bool
parse_amount(HistoryParser *parser, Decimal *decimal)
{
	bool negative = accept(parser, '-');
	int64_t fraction = 0;

	decimal->scale = 0;
	decimal->units = read_digits(parser, 19, NULL);
	if (decimal->units >= 0 && *parser->next == '.')
	{
		parser->next++;
		fraction = read_digits(parser, HISTORY_MAX_SCALE, &decimal->scale);
	}
	if (decimal->units < 0 || fraction < 0)
		return refuse(parser, "expected an amount of at most 19 digits and "
							  "at most 8 decimals");
	if (!decimal_rescale(&decimal->units, decimal->scale))
		return refuse(parser, history_fault_text(HISTORY_FAULT_LIMIT));
	decimal->units += fraction;
	if (negative)
		decimal->units = -decimal->units;
	return true;
}

/* One [day, purchases, amount]. */
static bool
parse_entry(HistoryParser *parser, HistoryEntry *entry, int *scale)
{
	Decimal decimal;

	if (!expect(parser, '[') || !parse_day(parser, &entry->day) ||
		!expect(parser, ','))
		return false;
	skip_space(parser);
	entry->purchases = read_digits(parser, 16, NULL);
	if (entry->purchases < 0)
		return refuse(parser, "expected a number of purchases");
	if (!expect(parser, ',') || !parse_amount(parser, &decimal) ||
		!expect(parser, ']'))
		return false;
	entry->amount = decimal.units;
	*scale = decimal.scale;
	return true;
}

/*
 * Brings the entries to the largest scale among them, then checks them by the
 * rules of a history. An amount that exceeds the limit at that scale is an
 * error and is never rounded.
 */
static bool
unify_entries(HistoryParser *parser, HistoryEntry *entries, const int *scales,
			  size_t count, int scale)
{
	HistoryCheck check = {0};

	for (size_t i = 0; i < count; i++)
	{
		HistoryFault fault = HISTORY_FAULT_LIMIT;

		CHECK_FOR_INTERRUPTS();
		if (decimal_rescale(&entries[i].amount, scale - scales[i]))
			fault = history_check_entry(&check, &entries[i]);
		if (fault != HISTORY_VALID)
			return refuse(parser, history_fault_text(fault));
	}
	return true;
}

PG_FUNCTION_INFO_V1(crm_history_in);

/*
 * Input function. Each entry is kept with its own scale first, because a later
 * entry may have more decimals. The arrays double, so that reading is linear,
 * and go with the memory context of the call.
 */
Datum
crm_history_in(PG_FUNCTION_ARGS)
{
	HistoryParser parser;
	size_t room = 16;
	size_t count = 0;
	HistoryEntry *entries = palloc(room * sizeof(HistoryEntry));
	int *scales = palloc(room * sizeof(int));
	int scale = 0;

	parser.text = parser.next = PG_GETARG_CSTRING(0);
	parser.escontext = (struct Node *) fcinfo->context;
	if (!expect(&parser, '['))
		PG_RETURN_NULL();
	while (!accept(&parser, ']'))
	{
		CHECK_FOR_INTERRUPTS();
		if (count == room)
		{
			room *= 2;
			entries = repalloc_huge(entries, room * sizeof(HistoryEntry));
			scales = repalloc_huge(scales, room * sizeof(int));
		}
		if (count > 0 && !expect(&parser, ','))
			PG_RETURN_NULL();
		if (!parse_entry(&parser, &entries[count], &scales[count]))
			PG_RETURN_NULL();
		scale = Max(scale, scales[count]);
		count++;
	}
	if (!expect_end(&parser) ||
		!unify_entries(&parser, entries, scales, count, scale))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(history_from_entries(entries, count, scale));
}

/*
 * Binary form: the sealed bytes, which have no byte order (codec.h)
 */

PG_FUNCTION_INFO_V1(crm_history_send);

/* Send function: the sealed bytes as they are. */
Datum
crm_history_send(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, (const char *) history.data, (int) history.size);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(crm_history_recv);

/*
 * Receive function. The bytes come from outside, so history_check judges all
 * of them before a reader trusts them.
 */
Datum
crm_history_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	size_t size = (size_t) (buffer->len - buffer->cursor);
	const uint8_t *data = (const uint8_t *) pq_getmsgbytes(buffer, (int) size);
	HistoryFault fault = history_check(data, size);

	if (fault != HISTORY_VALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid binary value for type crm.history"),
						errdetail("In a value of %zu bytes: %s.", size,
								  history_fault_text(fault)),
						errhint("Send the bytes that the binary output of "
								"crm.history gave, or use the text form.")));
	PG_RETURN_DATUM(history_from_bytes(data, size));
}

/*
 * Comparison of the bytes. The order has no meaning for users, but it is the
 * same on every machine. It serves DISTINCT, GROUP BY and indexes. Histories
 * of equal purchases and different scales are different values: 12.5 and 12.50
 * have different texts.
 */

/*
 * Below zero, zero or above zero, as memcmp. A history whose bytes are the
 * front of another one comes first.
 */
static int
compare_histories(FunctionCallInfo fcinfo)
{
	History a = PG_GETARG_HISTORY(0);
	History b = PG_GETARG_HISTORY(1);

	return compare_bytes(a.data, a.size, b.data, b.size);
}

PG_FUNCTION_INFO_V1(crm_history_eq);

Datum
crm_history_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) == 0);
}

PG_FUNCTION_INFO_V1(crm_history_ne);

Datum
crm_history_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) != 0);
}

PG_FUNCTION_INFO_V1(crm_history_lt);

Datum
crm_history_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(crm_history_le);

Datum
crm_history_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(crm_history_gt);

Datum
crm_history_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) > 0);
}

PG_FUNCTION_INFO_V1(crm_history_ge);

Datum
crm_history_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_histories(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(crm_history_cmp);

Datum
crm_history_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_histories(fcinfo));
}

PG_FUNCTION_INFO_V1(crm_history_hash);

/*
 * Equal histories have equal bytes, so the hash of the bytes is a hash of the
 * value. A log is sealed before (PG_GETARG_HISTORY).
 */
Datum
crm_history_hash(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);

	PG_RETURN_DATUM(hash_any(history.data, (int) history.size));
}

PG_FUNCTION_INFO_V1(crm_history_hash_extended);

/* The 64-bit hash with a seed, which hash partitioning asks for. */
Datum
crm_history_hash_extended(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);

	PG_RETURN_DATUM(hash_any_extended(history.data, (int) history.size,
									  (uint64) PG_GETARG_INT64(1)));
}
