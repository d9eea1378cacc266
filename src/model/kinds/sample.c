/*-------------------------------------------------------------------------
 *
 * sample.c
 *		Sorting, merging and arranging the customers a model is fitted on.
 *
 * The sort is a radix sort on the bit patterns of the doubles, which order
 * like the numbers as none is negative. A byte that is the same in all rows
 * costs no pass: small whole numbers (counts, days) differ in three or four
 * bytes of eight, so a million rows of whole days take about ten passes.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/sample.h"

#include "math/pause.h"

#include <string.h>

#define KEY_BYTES 8

/*
 * The bits of a column as an unsigned number. They order like the column
 * because all columns are 0 or positive. -0 would sort last, so the caller
 * must not pass it.
 */
static uint64_t
row_key(const ModelRow *row, ModelRowKey key)
{
	double value = key == MODEL_ROW_T	  ? row->t
				   : key == MODEL_ROW_T_X ? row->t_x
										  : row->x;
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/*
 * One stable counting pass over one byte of the key. The order that earlier
 * passes made survives among equal bytes, so the passes go from the least
 * significant byte to the most significant one.
 */
static void
sort_pass(const ModelRow *source, ModelRow *target, size_t n_rows,
		  ModelRowKey key, int byte)
{
	size_t place[256] = {0};
	size_t sum = 0;

	for (size_t i = 0; i < n_rows; i++)
	{
		pause_at(i);
		place[(row_key(&source[i], key) >> (8 * byte)) & 0xFF]++;
	}
	for (int value = 0; value < 256; value++)
	{
		size_t count = place[value];

		place[value] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n_rows; i++)
	{
		pause_at(i);
		target[place[(row_key(&source[i], key) >> (8 * byte)) & 0xFF]++] =
			source[i];
	}
}

/*
 * The bits of a key that differ between rows. One scan finds them, and it
 * saves two scans for each byte that no row needs.
 */
static uint64_t
varying_bits(const ModelRow *rows, size_t n_rows, ModelRowKey key)
{
	uint64_t all = ~UINT64_C(0);
	uint64_t any = 0;

	for (size_t i = 0; i < n_rows; i++)
	{
		uint64_t bits = row_key(&rows[i], key);

		pause_at(i);
		all &= bits;
		any |= bits;
	}
	return any & ~all;
}

/*
 * Each pass moves all rows from one array to the other. After an odd number of
 * passes the result is in scratch and is copied back.
 */
void
model_rows_sort(ModelRow *rows, ModelRow *scratch, size_t n_rows,
				ModelRowKey key)
{
	ModelRow *source = rows;
	ModelRow *target = scratch;
	uint64_t varying = varying_bits(rows, n_rows, key);

	for (int byte = 0; byte < KEY_BYTES; byte++)
	{
		ModelRow *swap = source;

		if (((varying >> (8 * byte)) & 0xFF) == 0)
			continue;
		sort_pass(source, target, n_rows, key, byte);
		source = target;
		target = swap;
	}
	if (source != rows)
		memcpy(rows, source, n_rows * sizeof(ModelRow));
}

size_t
model_rows_merge(ModelRow *rows, size_t n_rows)
{
	size_t last = 0;

	/* Sums of counts stay far below 2^53, so they are exact as doubles too. */
	if (n_rows == 0)
		return 0;
	for (size_t i = 1; i < n_rows; i++)
	{
		pause_at(i);
		if (rows[i].x == rows[last].x && rows[i].t_x == rows[last].t_x &&
			rows[i].t == rows[last].t)
			rows[last].customers += rows[i].customers;
		else
			rows[++last] = rows[i];
	}
	return last + 1;
}

/* Slots of the hash table that finds a time's place: at most 3/4 are used. */
static size_t
hash_slots(size_t n_rows)
{
	size_t slots = 64;

	while (slots / 8 * 3 < n_rows)
		slots *= 2;
	return slots;
}

/*
 * The bytes of all arrays of lay_out(), in the same order. Nothing is known
 * yet about how many values are distinct, so each list is as long as it can
 * become: n_rows for x, and 2 n_rows for the times.
 */
size_t
model_sample_size(size_t n_rows)
{
	return (3 * n_rows + 3 * 2 * n_rows) * sizeof(double) +
		   (n_rows + 1) * sizeof(size_t) +
		   (2 * n_rows + hash_slots(n_rows)) * sizeof(uint32_t);
}

/*
 * Divides the memory between the sample's arrays. The widest elements come
 * first, so all arrays are aligned if the memory is aligned for a double.
 * Returns the rest, which holds the hash table and is not needed after the
 * sample is built.
 */
static uint32_t *
lay_out(ModelSample *sample, void *memory, size_t n_rows)
{
	double *doubles = memory;

	memset(sample, 0, sizeof(*sample));
	sample->customers = doubles;
	sample->x = doubles + n_rows;
	sample->x_customers = doubles + 2 * n_rows;
	sample->times = doubles + 3 * n_rows;
	sample->t_customers = doubles + 5 * n_rows;
	sample->t_purchases = doubles + 7 * n_rows;
	sample->x_first = (size_t *) (doubles + 9 * n_rows);
	sample->t_x_index = (uint32_t *) (sample->x_first + n_rows + 1);
	sample->t_index = sample->t_x_index + n_rows;
	return sample->t_index + n_rows;
}

/*
 * The place of a time in the list. A new time is added to the list. The hash
 * is open-addressed with linear probing. The multiplication (Fibonacci
 * hashing) is needed because whole days have zeros in the low bits of a
 * double.
 */
static uint32_t
time_place(ModelSample *sample, uint32_t *slots, size_t n_slots, double time)
{
	uint64_t bits;
	size_t slot;

	memcpy(&bits, &time, sizeof(bits));
	bits *= UINT64_C(0x9E3779B97F4A7C15);
	slot = (size_t) ((bits ^ (bits >> 32)) & (n_slots - 1));
	while (slots[slot] != UINT32_MAX)
	{
		if (sample->times[slots[slot]] == time)
			return slots[slot];
		slot = (slot + 1) & (n_slots - 1);
	}
	slots[slot] = (uint32_t) sample->n_times;
	sample->times[sample->n_times] = time;
	sample->t_customers[sample->n_times] = 0;
	sample->t_purchases[sample->n_times] = 0;
	return (uint32_t) sample->n_times++;
}

/*
 * Appends one row. Rows come in the order of x, so only the latest x can be
 * equal to the new one.
 */
static void
add_row(ModelSample *sample, uint32_t *slots, size_t n_slots,
		const ModelRow *row)
{
	size_t i = sample->n_rows++;
	double customers = (double) row->customers;
	uint32_t place;

	if (sample->n_x == 0 || sample->x[sample->n_x - 1] != row->x)
	{
		sample->x[sample->n_x] = row->x;
		sample->x_customers[sample->n_x] = 0;
		sample->x_first[sample->n_x++] = i;
	}
	sample->x_customers[sample->n_x - 1] += customers;
	sample->x_first[sample->n_x] = i + 1;

	sample->customers[i] = customers;
	sample->t_x_index[i] = time_place(sample, slots, n_slots, row->t_x);
	place = time_place(sample, slots, n_slots, row->t);
	sample->t_index[i] = place;
	sample->t_customers[place] += customers;
	sample->t_purchases[place] += customers * row->x;

	sample->total_customers += customers;
	sample->total_purchases += customers * row->x;
	sample->total_t_x += customers * row->t_x;
	sample->total_t += customers * row->t;
}

/*
 * A step above 1 takes a part of the customers, spread over the whole sort
 * order. A fit uses it to find a good start cheaply. No element of the memory
 * needs to be zero before the call.
 */
void
model_sample_init(ModelSample *sample, void *memory, const ModelRow *rows,
				  size_t n_rows, size_t step)
{
	size_t n_taken = (n_rows + step - 1) / step;
	size_t n_slots = hash_slots(n_taken);
	uint32_t *slots = lay_out(sample, memory, n_taken);

	memset(slots, 0xFF, n_slots * sizeof(uint32_t));
	for (size_t i = 0; i < n_rows; i += step)
	{
		pause_at(sample->n_rows);
		add_row(sample, slots, n_slots, &rows[i]);
	}
}

/*
 * By bisection on x_first. rows() of a kind starts in the middle of a sample
 * when the caller cuts the sample into blocks.
 */
size_t
model_sample_run(const ModelSample *sample, size_t row)
{
	size_t low = 0;
	size_t high = sample->n_x;

	while (high - low > 1)
	{
		size_t middle = low + (high - low) / 2;

		if (sample->x_first[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Rows are sorted by x, so the run of equal x moves on with them. */
void
model_rows_one_by_one(const ModelKind *kind, const double *parameters,
					  const ModelSample *sample, const double *x_table,
					  const double *time_table, size_t from, size_t until,
					  ModelSums *sums)
{
	size_t run = model_sample_run(sample, from);

	for (size_t i = from; i < until; i++)
	{
		ModelRow row;

		while (sample->x_first[run + 1] <= i)
			run++;
		row.x = sample->x[run];
		row.t_x = sample->times[sample->t_x_index[i]];
		row.t = sample->times[sample->t_index[i]];
		row.customers = (int64_t) sample->customers[i];
		model_call(kind, row, parameters, &row, sums);
	}
}
