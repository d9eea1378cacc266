/*-------------------------------------------------------------------------
 *
 * tier_moment.c
 *		The tier of a member at a moment, from the rows of their log.
 *
 * A query joins orders with the log of tiers. A join with one row for each
 * time in a tier compares every order of a member with every such row. A join
 * by the name of a program hashes and compares a text for each order. So an
 * aggregate collects the times of a customer in all programs into one value of
 * bytes. Each order finds that value by the customer, and a function looks
 * into it. Customers have few times, so it looks at all of them, and the times
 * need no order.
 *
 * The value lives in one query and is never stored. Each time in it is a
 * MomentHead and then the name of its program. It has no alignment, so that a
 * value with a short header is read where it lies.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "base/aggregate.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

/* One time in a tier: from a moment until before another one. */
typedef struct MomentHead
{
	TimestampTz counts_from;
	TimestampTz counts_until;
	int32 tier_no;
	int32 name_length; /* bytes of the name that follows */
} MomentHead;

static void *
add_time(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	StringInfo bytes = state;
	text *program = PG_GETARG_TEXT_PP(1);
	MomentHead head = {.counts_from = PG_GETARG_TIMESTAMPTZ(3),
					   .counts_until = PG_GETARG_TIMESTAMPTZ(4),
					   .tier_no = PG_GETARG_INT32(2),
					   .name_length = (int32) VARSIZE_ANY_EXHDR(program)};

	if (bytes == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		bytes = makeStringInfo();
		MemoryContextSwitchTo(old);
	}
	appendBinaryStringInfo(bytes, (char *) &head, sizeof(head));
	appendBinaryStringInfo(bytes, VARDATA_ANY(program), head.name_length);
	return bytes;
}

PG_FUNCTION_INFO_V1(crm_tier_times_transition);

/* sfunc: (internal, program, tier_no, counts_from, counts_until) */
Datum
crm_tier_times_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_time);
}

PG_FUNCTION_INFO_V1(crm_tier_times_final);

/* finalfunc of tier_times */
Datum
crm_tier_times_final(PG_FUNCTION_ARGS)
{
	StringInfo bytes = final_state(fcinfo);
	bytea *times;

	if (bytes == NULL)
		PG_RETURN_NULL();
	times = palloc(VARHDRSZ + bytes->len);
	SET_VARSIZE(times, VARHDRSZ + bytes->len);
	memcpy(VARDATA(times), bytes->data, bytes->len);
	PG_RETURN_BYTEA_P(times);
}

/*
 * Reads the time at *place and moves the place behind it. Bytes that no
 * aggregate has made are an error.
 */
static const char *
next_time(const char **place, const char *end, MomentHead *head)
{
	const char *name = *place + sizeof(*head);

	if (end - *place >= (ptrdiff_t) sizeof(*head))
		memcpy(head, *place, sizeof(*head));
	else
		head->name_length = -1;
	if (head->name_length < 0 || head->name_length > end - name)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("times in tiers have a wrong form"),
						errhint("Take them from crm_internal.tier_times.")));
	*place = name + head->name_length;
	return name;
}

PG_FUNCTION_INFO_V1(crm_tier_no_at);

/*
 * crm_internal.tier_no_at(times, program, at)
 *
 * Where rows that were written by hand overlap, the one that begins last
 * holds. If they begin together, it is the better tier, so the order of the
 * rows does not matter.
 */
Datum
crm_tier_no_at(PG_FUNCTION_ARGS)
{
	bytea *times = PG_GETARG_BYTEA_PP(0);
	text *program = PG_GETARG_TEXT_PP(1);
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(2);
	const char *place = VARDATA_ANY(times);
	const char *end = place + VARSIZE_ANY_EXHDR(times);
	int length = (int) VARSIZE_ANY_EXHDR(program);
	MomentHead found = {.name_length = -1};
	MomentHead head;

	while (place < end)
	{
		const char *name = next_time(&place, end, &head);

		CHECK_FOR_INTERRUPTS();
		if (head.counts_from > at || head.counts_until <= at ||
			head.name_length != length ||
			memcmp(name, VARDATA_ANY(program), length) != 0)
			continue;
		if (found.name_length < 0 || head.counts_from > found.counts_from ||
			(head.counts_from == found.counts_from &&
			 head.tier_no > found.tier_no))
			found = head;
	}
	if (found.name_length < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(found.tier_no);
}
