/*-------------------------------------------------------------------------
 *
 * sample.h
 *		The customers a model is fitted on, arranged for speed.
 *
 * Rows are sorted by (x, t_x, t), and equal rows are one row with a count. So
 * the same customers give the same sample, bit by bit, in any order or
 * weighting they came. Each row refers to its x and its times by their places
 * in lists of the distinct values. The times are in the order in which the
 * rows meet them.
 *
 * Pure C. The caller owns all memory (see model_sample_size).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_SAMPLE_H
#define CRM_MODEL_KINDS_SAMPLE_H

#include "model/kinds/kind.h"

typedef struct ModelSample
{
	/* The rows. Their number is below 2^32, so that a place fits 4 bytes. */
	size_t n_rows;
	uint32_t *t_x_index; /* places in times */
	uint32_t *t_index;
	double *customers; /* how many each row stands for */

	/* The distinct x, ascending. Rows of x[i]: from x_first[i] on. */
	size_t n_x;
	double *x;
	size_t *x_first;
	double *x_customers; /* customers with this x */

	/* The distinct t_x and t in one list, because many are equal. */
	size_t n_times; /* at most twice n_rows */
	double *times;
	double *t_customers; /* customers with this t (not t_x) */
	double *t_purchases; /* the sum of their x */

	/* Sums over the customers, for the starts and the flaws of a fit. */
	double total_customers;
	double total_purchases;
	double total_t_x;
	double total_t;
} ModelSample;

/*
 * Sorting is a stable sort by each key in turn, in the order of this list. The
 * last key is the most significant one. The caller makes the calls, so that it
 * can check for interrupts in between.
 */
typedef enum ModelRowKey
{
	MODEL_ROW_T,
	MODEL_ROW_T_X,
	MODEL_ROW_X
} ModelRowKey;

#define N_MODEL_ROW_KEYS 3

/*
 * Sorts by one key. The result is in rows. scratch belongs to the caller and
 * holds n_rows rows as well. O(n_rows), at most 8 passes.
 */
extern void model_rows_sort(ModelRow *rows, ModelRow *scratch, size_t n_rows,
							ModelRowKey key);
/*
 * Merges equal rows of sorted rows, which are neighbors, into one row with the
 * sum of their counts. Returns how many rows are left, at the front of rows.
 */
extern size_t model_rows_merge(ModelRow *rows, size_t n_rows);

/* Bytes that model_sample_init needs for a sample of so many rows. */
extern size_t model_sample_size(size_t n_rows);

/*
 * Arranges every step-th of merged rows in memory of model_sample_size() bytes
 * for ceil(n_rows / step) rows.
 */
extern void model_sample_init(ModelSample *sample, void *memory,
							  const ModelRow *rows, size_t n_rows,
							  size_t step);

/* The run of equal x that a row belongs to: its place in x. O(log n_x). */
extern size_t model_sample_run(const ModelSample *sample, size_t row);

/* The operation "rows" of a kind that has the operation "row". */
extern void model_rows_one_by_one(const ModelKind *kind,
								  const double *parameters,
								  const ModelSample *sample,
								  const double *x_table,
								  const double *time_table, size_t from,
								  size_t until, ModelSums *sums);

#endif /* CRM_MODEL_KINDS_SAMPLE_H */
