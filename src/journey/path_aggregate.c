/*-------------------------------------------------------------------------
 *
 * path_aggregate.c
 *		The aggregates crm.path_agg.
 *
 * The state collects the touches of a customer. The final function puts them
 * in order of time, and of the bytes of the name where times are equal. It
 * makes one touch of each run of the same touch, and keeps the last ones. So a
 * query needs no ORDER BY, and shuffled rows give the same result.
 *
 * A new touch can split a run, but never join two. So touches before the last
 * "longest" runs never come back. A state that is full drops them before it
 * grows. Its size depends on the length of the path and of its runs, not on
 * the number of all touches.
 *
 * There is no combine function: a customer has a few touches.
 *
 * Memory: the state and its touches are one chunk of the aggregate's context,
 * which doubles when it is full. Names are copied into that context, once for
 * touches of the same name that come close to each other.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "journey/sorted.h"
#include "math/compare.h"

#define FIRST_ROOM 4
#define DROP_ROOM 1024 /* a full state of this size drops old touches */
#define NEAR 8 /* touches back in which an equal name is looked for */
#define MAX_LONGEST 10000

typedef struct Touch
{
	TimestampTz at;
	const text *name;
} Touch;

/* The state: NULL until a row without NULL comes. */
typedef struct TouchPath
{
	int32 longest; /* touches of the result */
	bool is_sorted;
	uint32 count;
	uint32 room;
	Touch touches[FLEXIBLE_ARRAY_MEMBER];
} TouchPath;

/* Columns of crm.touch_path, from 0. */
enum
{
	PATH_TOUCHES,
	PATH_TOUCHED_AT,
	PATH_COLUMNS
};

/* The order of names by their bytes, which no collation changes. */
static int
compare_names(const text *a, const text *b)
{
	return a == b ? 0
				  : compare_bytes(VARDATA(a), VARSIZE(a) - VARHDRSZ,
								  VARDATA(b), VARSIZE(b) - VARHDRSZ);
}

static int
compare_touches(const void *left, const void *right)
{
	const Touch *a = left;
	const Touch *b = right;

	if (a->at != b->at)
		return a->at > b->at ? 1 : -1;
	return compare_names(a->name, b->name);
}

/* A copy of the name, or the one that a touch shortly before has. */
static const text *
keep_name(MemoryContext context, const TouchPath *path, text *name)
{
	Size size = VARSIZE_ANY_EXHDR(name);
	text *copy;

	for (uint32 i = path->count; i > 0 && i + NEAR > path->count; i--)
	{
		const text *kept = path->touches[i - 1].name;

		if (VARSIZE(kept) - VARHDRSZ == size &&
			memcmp(VARDATA(kept), VARDATA_ANY(name), size) == 0)
			return kept;
	}
	copy = MemoryContextAlloc(context, VARHDRSZ + size);
	SET_VARSIZE(copy, VARHDRSZ + size);
	memcpy(VARDATA(copy), VARDATA_ANY(name), size);
	return copy;
}

/*
 * The place where the last "longest" runs begin in sorted touches, and the
 * number of runs from there.
 */
static uint32
first_kept(const Touch *touches, uint32 count, int32 longest, int32 *runs)
{
	uint32 first = count;

	*runs = 0;
	while (first > 0)
	{
		bool is_new =
			first == count ||
			compare_names(touches[first - 1].name, touches[first].name) != 0;

		if (is_new && *runs == longest)
			break;
		*runs += is_new;
		first--;
	}
	return first;
}

/* Drops the touches that no later row can bring back. */
static void
drop_old(TouchPath *path)
{
	int32 runs;
	uint32 first;

	if (!path->is_sorted)
		sort_rows(path->touches, path->count, sizeof(Touch), compare_touches);
	path->is_sorted = true;
	first = first_kept(path->touches, path->count, path->longest, &runs);
	path->count -= first;
	memmove(path->touches, path->touches + first,
			(Size) path->count * sizeof(Touch));
}

/* The state with room for so many touches. */
static TouchPath *
path_resize(MemoryContext context, TouchPath *path, uint32 room)
{
	Size size = offsetof(TouchPath, touches) + (Size) room * sizeof(Touch);

	path = state_resized(context, path, size);
	path->room = room;
	return path;
}

/*
 * The state with room for one more touch. Dropping must free half of the room
 * to count, so that sorting stays rare.
 */
static TouchPath *
path_with_room(MemoryContext context, TouchPath *path)
{
	if (path->count < path->room)
		return path;
	if (path->room >= DROP_ROOM)
		drop_old(path);
	if (path->count <= path->room / 2)
		return path;
	if (path->room > PG_INT32_MAX / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a path of one customer has too many "
							   "touches")));
	return path_resize(context, path, path->room * 2);
}

/* How many touches a path has at most. */
static int32
longest_argument(FunctionCallInfo fcinfo)
{
	int32 longest = PG_GETARG_INT32(3);

	if (longest < 1 || longest > MAX_LONGEST)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("longest must be from 1 to %d, not %d",
							   MAX_LONGEST, longest)));
	return longest;
}

/* The state with one more touch, whose name is still that of the argument. */
static TouchPath *
path_append(MemoryContext context, TouchPath *path, TimestampTz at, text *name)
{
	Touch touch = {.at = at, .name = keep_name(context, path, name)};

	path = path_with_room(context, path);
	if (path->count > 0 &&
		compare_touches(&touch, &path->touches[path->count - 1]) < 0)
		path->is_sorted = false;
	path->touches[path->count++] = touch;
	return path;
}

/* When the customer was touched. */
static TimestampTz
touched_at_argument(FunctionCallInfo fcinfo)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("the time of a touch must be finite"),
						errhint("Leave out touches without a known time.")));
	return at;
}

static void *
add_touch(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	TouchPath *path = state;
	int32 longest = longest_argument(fcinfo);
	TimestampTz at = touched_at_argument(fcinfo);

	if (path == NULL)
	{
		path = path_resize(context, NULL, FIRST_ROOM);
		path->longest = longest;
		path->is_sorted = true;
		path->count = 0;
	}
	if (path->longest != longest)
		refuse_second_value("longest");
	return path_append(context, path, at, PG_GETARG_TEXT_PP(2));
}

PG_FUNCTION_INFO_V1(crm_path_transition);

/* sfunc: (internal, at timestamptz, touch text, longest int) */
Datum
crm_path_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_touch);
}

/*
 * The names and the times of the last runs as two arrays. A run has the time
 * of its last touch.
 */
static void
put_touches(const TouchPath *path, const Touch *touches, Datum *values)
{
	Datum *names = palloc(path->longest * sizeof(Datum));
	Datum *times = palloc(path->longest * sizeof(Datum));
	int32 runs;
	int32 run = -1;

	for (uint32 i = first_kept(touches, path->count, path->longest, &runs);
		 i < path->count; i++)
	{
		if (run < 0 ||
			compare_names(touches[i].name, touches[i - 1].name) != 0)
			run++;
		names[run] = PointerGetDatum(touches[i].name);
		times[run] = TimestampTzGetDatum(touches[i].at);
	}
	values[PATH_TOUCHES] = PointerGetDatum(
		construct_array(names, runs, TEXTOID, -1, false, TYPALIGN_INT));
	values[PATH_TOUCHED_AT] = PointerGetDatum(
		construct_array(times, runs, TIMESTAMPTZOID, sizeof(int64),
						FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(crm_path_final);

/* finalfunc: crm.touch_path */
Datum
crm_path_final(PG_FUNCTION_ARGS)
{
	const TouchPath *path = final_state(fcinfo);
	Datum values[PATH_COLUMNS];
	bool nulls[PATH_COLUMNS] = {false};

	if (path == NULL)
		PG_RETURN_NULL();
	put_touches(path,
				path->is_sorted ? path->touches
								: sorted_copy(path->touches, path->count,
											  sizeof(Touch), compare_touches),
				values);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
