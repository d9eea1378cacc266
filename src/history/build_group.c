/*-------------------------------------------------------------------------
 *
 * build_group.c
 *		Putting the rows of a part together by customer, and sealing them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "history/build_group.h"
#include "history/history.h"

/* Room at the start: for a handful of customers, in a few kilobytes. */
#define FIRST_GROUPS 64
#define FIRST_SLOTS 256
#define FIRST_ENTRIES 512

/*
 * From this size on, entries are merged before the array grows. A smaller
 * array fits into the cache anyway.
 */
#define MERGE_ENTRIES 65536

/* With so many entries after merging, a history is larger than 1 GB. */
#define MOST_ENTRIES (UINT32_C(1) << 31)

/* The hashes of a part: all bits but those that choose the part. */
#define ALL_HASHES (UINT32_C(1) << (32 - BUILD_PART_BITS))

/* Bytes that an entry takes, in both orders. */
#define ENTRY_SIZE (2 * sizeof(SeriesEntry) + sizeof(uint32))

/* Bytes that a customer takes beside the entries. */
static Size
group_size(const BuildWork *work)
{
	return sizeof(BuildGroup) + work->amounts * sizeof(Series);
}

/*
 * An array of so many elements with the elements of the one before, or a new
 * one for NULL. It may be larger than 1 GB.
 */
static void *
enlarge(BuildWork *work, void *array, Size count, Size size)
{
	Size bytes = mul_size(count, size);

	if (array == NULL)
		return MemoryContextAllocHuge(work->context, bytes);
	return repalloc_huge(array, bytes);
}

/* Both arrays grow together. */
static void
enlarge_groups(BuildWork *work, uint32 room)
{
	work->groups = enlarge(work, work->groups, room, sizeof(BuildGroup));
	work->series =
		enlarge(work, work->series, room, work->amounts * sizeof(Series));
	work->group_room = room;
}

/*
 * The entries are copied by repalloc, but "ordered" is empty between two
 * counting sorts.
 */
static void
enlarge_entries(BuildWork *work, uint32 room)
{
	if (work->ordered != NULL)
		pfree(work->ordered);
	work->entries = enlarge(work, work->entries, room, sizeof(SeriesEntry));
	work->ordered = enlarge(work, NULL, room, sizeof(SeriesEntry));
	work->series_of = enlarge(work, work->series_of, room, sizeof(uint32));
	work->entry_room = room;
}

/* The caller has set the fields before "low" and left the others zero. */
void
build_work_start(BuildWork *work)
{
	enlarge_groups(work, FIRST_GROUPS);
	enlarge_entries(work, FIRST_ENTRIES);
	work->slot_count = FIRST_SLOTS;
	work->slots = enlarge(work, NULL, FIRST_SLOTS, sizeof(BuildSlot));
}

/*
 * True if the work may take so many bytes more. Beyond the budget it may only
 * if a smaller range of hashes would not help.
 */
static bool
may_grow(const BuildWork *work, Size more)
{
	Size used = work->entry_room * ENTRY_SIZE +
				work->group_room * group_size(work) +
				work->slot_count * sizeof(BuildSlot);

	return used + more <= work->budget || work->group_count <= 1 ||
		   work->span <= 1;
}

/*
 * Groups
 */

/* The first place for a hash. Its low bits are as mixed as its high ones. */
static inline uint32
first_slot(const BuildWork *work, uint32 hash)
{
	return hash & (work->slot_count - 1);
}

static inline uint32
next_slot(const BuildWork *work, uint32 slot)
{
	return (slot + 1) & (work->slot_count - 1);
}

/* Twice as many places, so that at most half are taken. */
static void
enlarge_slots(BuildWork *work)
{
	pfree(work->slots);
	work->slot_count *= 2;
	work->slots = enlarge(work, NULL, work->slot_count, sizeof(BuildSlot));
	memset(work->slots, 0, work->slot_count * sizeof(BuildSlot));
	for (uint32 i = 0; i < work->group_count; i++)
	{
		uint32 slot = first_slot(work, work->groups[i].hash);

		while (work->slots[slot].group != 0)
			slot = next_slot(work, slot);
		work->slots[slot].hash = work->groups[i].hash;
		work->slots[slot].group = i + 1;
	}
}

/*
 * Makes room for one more group. False if that would pass the budget.
 */
static bool
reserve_group(BuildWork *work)
{
	if (work->group_count == work->group_room)
	{
		if (!may_grow(work, work->group_room * group_size(work)))
			return false;
		enlarge_groups(work, work->group_room * 2);
	}
	if (work->group_count >= work->slot_count / 2)
	{
		if (!may_grow(work, work->slot_count * sizeof(BuildSlot)))
			return false;
		enlarge_slots(work);
	}
	return true;
}

/* A new customer. There is room. Returns the number. */
static uint32
add_group(BuildWork *work, const BuildKeyValue *value)
{
	uint32 number = work->group_count++;
	BuildGroup *group = &work->groups[number];

	group->hash = value == NULL ? 0 : value->hash;
	group->bits =
		value == NULL ? 0 : build_key_copy(work->key, value, work->keys);
	memset(&work->series[number * work->amounts], 0,
		   work->amounts * sizeof(Series));
	return number;
}

/*
 * Finds the customer, a new one if need be. False if there is no room. The
 * first of several equal keys is kept, as in GROUP BY.
 */
static bool
find_group(BuildWork *work, const BuildKeyValue *value, uint32 *number)
{
	uint32 slot;

	if (!reserve_group(work))
		return false;
	slot = first_slot(work, value->hash);
	for (; work->slots[slot].group != 0; slot = next_slot(work, slot))
	{
		*number = work->slots[slot].group - 1;
		if (work->slots[slot].hash == value->hash &&
			build_key_equal(work->key, work->groups[*number].bits, value))
			return true;
	}
	*number = add_group(work, value);
	work->slots[slot].hash = value->hash;
	work->slots[slot].group = *number + 1;
	return true;
}

/*
 * Entries
 */

/*
 * Orders the entries by series: a counting sort, which keeps the order of
 * arrival within a series. Each series gets its end.
 */
static void
order_entries(BuildWork *work)
{
	uint32 number = work->group_count * work->amounts;
	uint32 place = 0;

	for (uint32 i = 0; i < number; i++)
	{
		work->series[i].end = place;
		place += work->series[i].count;
	}
	for (uint32 i = 0; i < work->entry_count; i++)
		work->ordered[work->series[work->series_of[i]].end++] =
			work->entries[i];
}

/*
 * Orders the entries of a series by day. The array in the order of arrival is
 * free by then, so it serves as scratch.
 */
static SeriesEntry *
sorted_series(BuildWork *work, const Series *series)
{
	uint32 start = series->end - series->count;

	if (series->is_unordered)
		series_sort(work->ordered + start, work->entries + start,
					series->count);
	return work->ordered + start;
}

/* Merges the entries of each series by day, and keeps them in the array. */
static void
merge_entries(BuildWork *work)
{
	uint32 kept = 0;

	order_entries(work);
	for (uint32 i = 0; i < work->group_count * work->amounts; i++)
	{
		Series *series = &work->series[i];
		SeriesEntry *entries = sorted_series(work, series);

		if (series->count == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		series->count =
			(uint32) series_merge(entries, series->count, series->scale);
		series->last_day = entries[series->count - 1].day;
		series->is_unordered = false;
		memcpy(work->entries + kept, entries,
			   series->count * sizeof(SeriesEntry));
		for (uint32 j = 0; j < series->count; j++)
			work->series_of[kept++] = i;
	}
	work->entry_count = kept;
}

/*
 * Makes room for the entries of one more row. False if that would pass the
 * budget.
 */
static bool
reserve_entries(BuildWork *work)
{
	Size more = work->entry_room * ENTRY_SIZE;

	if (work->entry_room - work->entry_count >= BUILD_MAX_AMOUNTS)
		return true;
	if (work->entry_room < MERGE_ENTRIES && may_grow(work, more))
	{
		enlarge_entries(work, work->entry_room * 2);
		return true;
	}
	merge_entries(work);
	if (work->entry_count <= work->entry_room / 2)
		return true;
	if (!may_grow(work, more))
		return false;
	if (work->entry_room >= MOST_ENTRIES)
		history_refuse_size();
	enlarge_entries(work, work->entry_room * 2);
	return true;
}

/* Adds the amounts of a row to the series of the group. There is room. */
static void
add_row(BuildWork *work, uint32 group, const BuildRow *row)
{
	for (int i = 0; i < work->amounts; i++)
	{
		uint32 number = group * work->amounts + i;
		Decimal amount;

		if (!build_row_has(row, i))
			continue;
		amount.units = row->units[i];
		amount.scale = build_row_scale(row, i);
		if (!series_add(&work->series[number], row->day, amount,
						&work->entries[work->entry_count]))
			history_refuse_limit();
		work->series_of[work->entry_count++] = number;
	}
}

/*
 * Parts
 */

/* Forgets all customers, and keeps the memory. */
static void
clear_work(BuildWork *work)
{
	MemoryContextReset(work->keys);
	work->group_count = 0;
	work->entry_count = 0;
	memset(work->slots, 0, work->slot_count * sizeof(BuildSlot));
}

/* Adds the next row of a chunk. False if there is no room for it. */
static bool
read_row(BuildWork *work, BuildReader *reader)
{
	BuildKeyValue value;
	BuildRow row;
	uint32 group;

	build_reader_row(reader, work->key, &value, &row);
	if ((value.hash & (ALL_HASHES - 1)) - work->low >= work->span)
		return true;
	if (!reserve_entries(work) || !find_group(work, &value, &group))
		return false;
	add_row(work, group, &row);
	return true;
}

/*
 * Reads the rows of the range of hashes. False if they do not fit into the
 * budget: the range must be narrowed.
 */
static bool
read_range(BuildWork *work, BuildStore *store, int number)
{
	MemoryContext before = MemoryContextSwitchTo(work->call);
	BuildReader reader;
	bool fits = true;

	clear_work(work);
	build_reader_start(&reader, store, number);
	while (fits && build_reader_chunk(&reader))
	{
		while (fits && reader.next < reader.end)
			fits = read_row(work, &reader);
		MemoryContextReset(work->call);
	}
	MemoryContextSwitchTo(before);
	return fits;
}

/* The rows without a customer are one group, however many there are. */
static void
read_null_part(BuildWork *work, BuildStore *store)
{
	BuildReader reader;
	BuildRow row;

	clear_work(work);
	build_reader_start(&reader, store, BUILD_NULL_PART);
	while (build_reader_chunk(&reader))
		while (reader.next < reader.end)
		{
			build_reader_row(&reader, work->key, NULL, &row);
			if (work->group_count == 0)
				(void) add_group(work, NULL);
			(void) reserve_entries(work);
			add_row(work, 0, &row);
		}
}

/*
 * Writes the histories of a group one behind the other. NULL for a series
 * without entries.
 */
static void
write_histories(BuildWork *work, uint32 group, struct varlena **histories)
{
	uint8 *target = work->value;

	for (int i = 0; i < work->amounts; i++)
	{
		Series *series = &work->series[group * work->amounts + i];
		uint8 *end;

		histories[i] = NULL;
		if (series->count == 0)
			continue;
		end = series_write(sorted_series(work, series), series->count,
						   series->scale, target + VARHDRSZ);
		if (!AllocSizeIsValid((Size) (end - target)))
			history_refuse_size();
		SET_VARSIZE(target, end - target);
		histories[i] = (struct varlena *) target;
		target = (uint8 *) MAXALIGN(end);
	}
}

/* Makes room for the largest histories that the entries may become. */
static void
reserve_value(BuildWork *work, uint32 group)
{
	Size size = 0;

	for (int i = 0; i < work->amounts; i++)
		size += MAXALIGN(
			VARHDRSZ +
			SERIES_ROOM(work->series[group * work->amounts + i].count));
	if (size <= work->value_room)
		return;
	if (work->value != NULL)
		pfree(work->value);
	work->value_room = size + size / 2;
	work->value = enlarge(work, NULL, work->value_room, 1);
}

/* Seals and hands over all groups. */
static void
take_groups(BuildWork *work, bool is_null)
{
	struct varlena *histories[BUILD_MAX_AMOUNTS];

	order_entries(work);
	for (uint32 group = 0; group < work->group_count; group++)
	{
		CHECK_FOR_INTERRUPTS();
		reserve_value(work, group);
		write_histories(work, group, histories);
		work->take(work->target, is_null ? NULL : &work->groups[group].bits,
				   histories);
	}
}

void
build_work_part(BuildWork *work, BuildStore *store, int number)
{
	work->low = 0;
	work->span = ALL_HASHES;
	if (number == BUILD_NULL_PART)
	{
		read_null_part(work, store);
		take_groups(work, true);
	}
	while (number != BUILD_NULL_PART && work->low < ALL_HASHES)
	{
		if (read_range(work, store, number))
		{
			take_groups(work, false);
			work->low += work->span;
		}
		else
			work->span /= 2;
	}
	build_store_close_part(store, number);
}
