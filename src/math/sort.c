/*-------------------------------------------------------------------------
 *
 * sort.c
 *		Sorting in place that can be stopped.
 *
 * qsort of millions of rows takes seconds and cannot be stopped on the way.
 * Here qsort sorts pieces of a few thousand rows only. Quicksort (Hoare 1961)
 * divides the rows into such pieces: the pivot is the middle one of three rows,
 * and rows that are equal to it go to either side, so that many equal rows are
 * divided evenly. A bad choice of pivots makes the pieces uneven. After twice
 * the number of divisions that even pieces need, heapsort sorts the piece
 * instead, which takes O(n log n) steps for any input (Musser 1997).
 *
 * Rows that arrive in order are common, and one pass finds that out.
 *
 * Pure C, no state but the hook.
 *
 *-------------------------------------------------------------------------
 */
#include "math/sort.h"

#include "math/pause.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Rows that qsort sorts in about a millisecond. */
#define PIECE 4096

static void
do_nothing(void)
{
}

void (*pause_here)(void) = do_nothing;

/* What all steps of a sort have in common. */
typedef struct Sort
{
	size_t size; /* of a row, bytes */
	SortCompare compare;
	size_t steps; /* compared so far, for the pauses */
} Sort;

static void
swap_rows(const Sort *sort, char *a, char *b)
{
	char bytes[64];
	size_t left = sort->size;

	while (left > 0)
	{
		size_t part = left < sizeof(bytes) ? left : sizeof(bytes);

		memcpy(bytes, a, part);
		memcpy(a, b, part);
		memcpy(b, bytes, part);
		a += part;
		b += part;
		left -= part;
	}
}

static bool
is_before(Sort *sort, const char *a, const char *b)
{
	pause_at(sort->steps++);
	return sort->compare(a, b) < 0;
}

static bool
is_sorted(Sort *sort, const char *rows, size_t count)
{
	for (size_t i = 1; i < count; i++)
	{
		if (is_before(sort, rows + i * sort->size,
					  rows + (i - 1) * sort->size))
			return false;
	}
	return true;
}

/* Moves the row at "place" down until no child belongs before it. */
static void
sift(Sort *sort, char *rows, size_t place, size_t count)
{
	size_t child;

	while ((child = 2 * place + 1) < count)
	{
		char *first = rows + child * sort->size;

		if (child + 1 < count && is_before(sort, first, first + sort->size))
			child++;
		if (!is_before(sort, rows + place * sort->size,
					   rows + child * sort->size))
			return;
		swap_rows(sort, rows + place * sort->size, rows + child * sort->size);
		place = child;
	}
}

/* The last resort. It is slower than quicksort, but never slow. */
static void
heap_sort(Sort *sort, char *rows, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sift(sort, rows, i - 1, count);
	for (size_t i = count - 1; i > 0; i--)
	{
		swap_rows(sort, rows, rows + i * sort->size);
		sift(sort, rows, 0, i);
	}
}

/* Brings the middle one of three rows to the front, where the pivot stands. */
static void
choose_pivot(Sort *sort, char *rows, size_t count)
{
	char *low = rows + count / 4 * sort->size;
	char *middle = rows + count / 2 * sort->size;
	char *high = rows + count / 4 * 3 * sort->size;

	if (is_before(sort, middle, low))
		swap_rows(sort, middle, low);
	if (is_before(sort, high, middle))
		swap_rows(sort, high, middle);
	if (is_before(sort, middle, low))
		swap_rows(sort, middle, low);
	swap_rows(sort, rows, middle);
}

/*
 * Divides the rows by the pivot. Returns its final place: no row before it
 * belongs behind it, and no row behind it belongs before it.
 */
static size_t
divide(Sort *sort, char *rows, size_t count)
{
	size_t size = sort->size;
	size_t low = 0;
	size_t high = count;

	choose_pivot(sort, rows, count);
	for (;;)
	{
		do
			low++;
		while (low < count && is_before(sort, rows + low * size, rows));
		do
			high--;
		while (is_before(sort, rows, rows + high * size));
		if (low >= high)
			break;
		swap_rows(sort, rows + low * size, rows + high * size);
	}
	swap_rows(sort, rows, rows + high * size);
	return high;
}

/*
 * The smaller side is sorted by recursion, the larger one by the loop, so the
 * stack holds at most log2(count) calls.
 */
static void
sort_piece(Sort *sort, char *rows, size_t count, int divisions)
{
	while (count > PIECE)
	{
		size_t place;
		char *behind;
		size_t rest;

		if (divisions-- == 0)
		{
			heap_sort(sort, rows, count);
			return;
		}
		place = divide(sort, rows, count);
		behind = rows + (place + 1) * sort->size;
		rest = count - place - 1;
		if (place < rest)
		{
			sort_piece(sort, rows, place, divisions);
			rows = behind;
			count = rest;
		}
		else
		{
			sort_piece(sort, behind, rest, divisions);
			count = place;
		}
	}
	pause_here();
	qsort(rows, count, sort->size, sort->compare);
}

void
sort_rows(void *rows, size_t count, size_t size, SortCompare compare)
{
	Sort sort = {.size = size, .compare = compare};
	int divisions = 0;

	if (count > PIECE && is_sorted(&sort, rows, count))
		return;
	for (size_t part = count; part > 0; part /= 2)
		divisions += 2;
	if (count > 1)
		sort_piece(&sort, rows, count, divisions);
}
