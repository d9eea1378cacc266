/*-------------------------------------------------------------------------
 *
 * history.h
 *		The type crm.history inside the server.
 *
 * A finished value is a varlena whose payload is sealed bytes (codec.h). It is
 * read in place, short header included: the bytes need no alignment, so an
 * argument costs no copy unless it was toasted.
 *
 * A History points into the argument, or into a copy in the current memory
 * context if the argument had to be decompressed. Nobody frees that copy: it
 * goes with the context, which the executor resets for each row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_HISTORY_H
#define CRM_HISTORY_HISTORY_H

#include "base/crm.h"

#include "lib/stringinfo.h"
#include "utils/date.h"

#include "history/codec.h"
#include "history/totals.h"

/* The sealed bytes of a history argument: the header byte at least. */
typedef struct History
{
	const uint8_t *data;
	size_t size;
} History;

extern History history_from_datum(Datum datum);

/*
 * A new value in the current memory context. The entries ascend by day, have
 * one entry a day, and are within the limits.
 */
extern Datum history_from_entries(const HistoryEntry *entries, size_t count,
								  int scale);

/*
 * A new value in the current memory context, from sealed bytes: all bytes of
 * a history, or its front up to the end of an entry.
 */
extern Datum history_from_bytes(const uint8_t *data, size_t size);

#define PG_GETARG_HISTORY(n) history_from_datum(PG_GETARG_DATUM(n))

/*
 * A date argument as days since 2000-01-01. An infinite date is an error whose
 * message names the argument.
 */
extern int32_t history_day(DateADT date, const char *argument);

/*
 * The amount of a row, rounded to 8 decimals, or an error whose hint says how
 * to mend the row. False for a refund that rounds to 0: no row.
 */
extern bool history_numeric_decimal(Datum datum, Decimal *amount);
extern bool history_float8_decimal(double value, Decimal *amount);

/* The errors of a history that is too large: in its sums, in its bytes. */
extern void history_refuse_limit(void);
extern void history_refuse_size(void);

/* A finite day as YYYY-MM-DD for any DateStyle, in the current context. */
extern char *history_day_text(int32_t day);

#define PG_GETARG_DAY(n, name) history_day(PG_GETARG_DATEADT(n), name)

/* Minor units of a scale as numeric with that many decimals. Exact. */
extern Datum history_amount_numeric(int64_t units, int scale);

/* Minor units of a scale as float8, correctly rounded where below 2^53. */
extern double history_amount_float8(int64_t units, int scale);

/*
 * The number of the gaps between purchase days up to as_of, and their median in
 * days, which is set if there is a gap. Memory that it needs is in the current
 * context.
 */
extern size_t history_median_gap(History history, int32_t as_of,
								 double *median);

/* Days in a unit of time: 'day', 'week', 'month', 'year'; else an error. */
extern double history_days_per_unit(text *unit);

#endif /* CRM_HISTORY_HISTORY_H */
