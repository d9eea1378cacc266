/*-------------------------------------------------------------------------
 *
 * test_sort.c
 *		The sort that pauses against qsort, and a pause that does not return.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "math/pause.h"
#include "math/sort.h"

#include <setjmp.h>

#define MOST 100000
#define STEP_LIMIT 8000000 /* 4 n log2 n, and quadratic sorts need billions */

/* A row whose size is no power of two, so that rows move as bytes. */
typedef struct Row
{
	int key;
	char text[13];
} Row;

static Row rows[MOST];
static Row expected[MOST];
static long comparisons;
static long pauses;
static long stop_at; /* the pause that does not return; 0: none */
static jmp_buf stopped;

static int
compare_keys(const void *a, const void *b)
{
	int left = ((const Row *) a)->key;
	int right = ((const Row *) b)->key;

	comparisons++;
	return (left > right) - (left < right);
}

static void
count_pause(void)
{
	if (++pauses == stop_at)
		longjmp(stopped, 1);
}

/* A row is whole if its text still tells its key. */
static void
set_row(Row *row, int key)
{
	row->key = key;
	snprintf(row->text, sizeof(row->text), "%d", key);
}

static bool
is_whole(const Row *row)
{
	char text[sizeof(row->text)];

	snprintf(text, sizeof(text), "%d", row->key);
	return strcmp(text, row->text) == 0;
}

/* Patterns on which simple quicksorts need quadratic time. */
static int
key_of(int pattern, int i, int count)
{
	switch (pattern)
	{
		case 0:
			return rand() % 1000000;
		case 1:
			return i;
		case 2:
			return count - i;
		case 3:
			return 7;
		case 4:
			return i % 2;
		case 5:
			return i < count / 2 ? i : count - i; /* up and down */
		case 6:
			return i % 100 == 0 ? rand() % 1000 : i; /* nearly in order */
	}
	return (int) ((long) i * i % 977);
}

static bool
same_keys(int count)
{
	for (int i = 0; i < count; i++)
	{
		if (rows[i].key != expected[i].key || !is_whole(&rows[i]))
			return false;
	}
	return true;
}

static bool
sorts(int pattern, int count)
{
	for (int i = 0; i < count; i++)
		set_row(&rows[i], key_of(pattern, i, count));
	memcpy(expected, rows, sizeof(rows));
	qsort(expected, (size_t) count, sizeof(Row), compare_keys);
	comparisons = 0;
	sort_rows(rows, (size_t) count, sizeof(Row), compare_keys);
	return same_keys(count) && comparisons < STEP_LIMIT;
}

static void
test_patterns(void)
{
	static const int counts[] = {0, 1, 2, 4095, 4096, 4097, 4098, MOST};
	bool all = true;

	for (int pattern = 0; pattern < 8; pattern++)
	{
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			all &= sorts(pattern, counts[i]);
	}
	report(all, "every pattern and size is sorted as by qsort");
}

/*
 * An opponent that decides the order while the sort asks (McIlroy 1999): a row
 * whose key nobody has fixed yet turns out to be larger, so that each pivot is
 * one of the smallest rows. Every quicksort takes quadratic time then.
 */
static int fixed[MOST]; /* the key of a row, or MOST if it is not fixed */
static int fixed_count;
static int candidate;

static int
compare_by_opponent(const void *a, const void *b)
{
	int left = ((const Row *) a)->key;
	int right = ((const Row *) b)->key;

	comparisons++;
	if (fixed[left] == MOST && fixed[right] == MOST)
		fixed[left == candidate ? left : right] = fixed_count++;
	if (fixed[left] == MOST)
		candidate = left;
	else if (fixed[right] == MOST)
		candidate = right;
	return (fixed[left] > fixed[right]) - (fixed[left] < fixed[right]);
}

static void
test_opponent(void)
{
	bool sorted = true;

	for (int i = 0; i < MOST; i++)
	{
		set_row(&rows[i], i);
		fixed[i] = MOST;
	}
	fixed[0] = 1; /* a first pass would find the rows in order */
	fixed[1] = 0;
	fixed_count = 2;
	comparisons = 0;
	sort_rows(rows, MOST, sizeof(Row), compare_by_opponent);
	for (int i = 1; i < MOST; i++)
		sorted &= fixed[rows[i - 1].key] <= fixed[rows[i].key];
	report(sorted && comparisons < STEP_LIMIT,
		   "an order made against quicksort takes a bounded number of steps");
}

/* Wherever a pause leaves the sort, each row is there once. */
static void
test_stops(void)
{
	volatile bool all = true;
	volatile long last = 1;

	for (volatile long stop = 1; stop <= last; stop += 7)
	{
		for (int i = 0; i < MOST; i++)
			set_row(&rows[i], (int) ((long) i * 7919 % MOST));
		pauses = 0;
		stop_at = stop;
		if (setjmp(stopped) == 0)
			sort_rows(rows, MOST, sizeof(Row), compare_keys);
		else
			last = stop + 7;
		stop_at = 0;
		qsort(rows, MOST, sizeof(Row), compare_keys);
		for (int i = 0; i < MOST; i++)
			all &= rows[i].key == i && is_whole(&rows[i]);
	}
	report(
		all && last > 100,
		"a sort that is stopped loses no row and stops more than 100 times");
}

int
main(void)
{
	pause_here = count_pause;
	test_patterns();
	test_opponent();
	test_stops();
	return finish();
}
