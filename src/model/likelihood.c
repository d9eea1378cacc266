/*-------------------------------------------------------------------------
 *
 * likelihood.c
 *		The summed log-likelihood of a sample.
 *
 * Rows are summed in blocks of fixed size, and the sums of the blocks are added
 * with compensation (Neumaier 1974). So a million rows cost no digits, and the
 * result depends on nothing but the sample. The last digits matter, because
 * Newton's method stops when the likelihood no longer grows.
 *
 *-------------------------------------------------------------------------
 */
#include "model/likelihood.h"

#include "math/pause.h"
#include "model/kinds/families.h"

#include <math.h>
#include <string.h>

#define N_SUMS (sizeof(ModelSums) / sizeof(double))

size_t
model_likelihood_tables(const ModelKind *kind, const ModelSample *sample)
{
	return sample->n_x * (size_t) kind->operations->x_columns +
		   sample->n_times * (size_t) kind->operations->time_columns;
}

/*
 * Adds a term to each running sum. Its rounding error, which is exact as the
 * difference of the larger number and the sum, goes to lost. A ModelSums is
 * nothing but doubles, so it is treated as an array.
 */
static void
add_compensated(ModelSums *sums, ModelSums *lost, const ModelSums *term)
{
	double *sum = (double *) sums;
	double *rest = (double *) lost;
	const double *value = (const double *) term;

	for (size_t i = 0; i < N_SUMS; i++)
	{
		double total = sum[i] + value[i];

		if (fabs(sum[i]) >= fabs(value[i]))
			rest[i] += (sum[i] - total) + value[i];
		else
			rest[i] += (value[i] - total) + sum[i];
		sum[i] = total;
	}
}

/*
 * The margins come first, because they fill the tables that the rows read. A
 * block is short enough for a pause after it.
 */
void
model_likelihood(const ModelLikelihood *likelihood, const double *parameters,
				 ModelSums *sums)
{
	const ModelKind *kind = likelihood->kind;
	const ModelSample *sample = likelihood->sample;
	double *x_table = likelihood->tables;
	double *time_table =
		x_table + sample->n_x * (size_t) kind->operations->x_columns;
	size_t block_rows = model_kind_family(kind)->block_rows;
	ModelSums lost = {0};

	memset(sums, 0, sizeof(*sums));
	if (kind->operations->margins != NULL)
		model_call(kind, margins, parameters, sample, x_table, time_table,
				   sums);
	for (size_t from = 0; from < sample->n_rows; from += block_rows)
	{
		size_t until = from + block_rows;
		ModelSums block = {0};

		pause_here();
		if (until > sample->n_rows)
			until = sample->n_rows;
		model_call(kind, rows, parameters, sample, x_table, time_table, from,
				   until, &block);
		add_compensated(sums, &lost, &block);
	}
	for (size_t i = 0; i < N_SUMS; i++)
		((double *) sums)[i] += ((double *) &lost)[i];
}
