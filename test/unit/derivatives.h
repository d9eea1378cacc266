/*-------------------------------------------------------------------------
 *
 * derivatives.h
 *		The summed log-likelihood of a kind against its single customers.
 *
 * The value must be the sum of the customers', the gradient and the Hessian
 * its differences: central ones, extrapolated once (Richardson).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DERIVATIVES_H
#define DERIVATIVES_H

#include "golden.h"
#include "model/kinds/sample.h"

typedef struct GoldenParameters
{
	double values[MODEL_MAX_PARAMETERS];
} GoldenParameters;

/* The parameters of a kind in a row of a golden file. */
static inline GoldenParameters
golden_parameters(const Golden *golden, const ModelKind *kind)
{
	GoldenParameters parameters = {{0}};

	for (int i = 0; i < kind->n_parameters; i++)
		parameters.values[i] = golden_value(golden, kind->parameters[i].name);
	return parameters;
}

static inline ModelSums
summed(const ModelKind *kind, const ModelSample *sample,
	   const double *parameters)
{
	double *x_table =
		calloc(sample->n_x * kind->operations->x_columns + 1, sizeof(double));
	double *time_table = calloc(
		sample->n_times * kind->operations->time_columns + 1, sizeof(double));
	ModelSums sums = {0};

	if (kind->operations->margins != NULL)
		model_call(kind, margins, parameters, sample, x_table, time_table,
				   &sums);
	model_call(kind, rows, parameters, sample, x_table, time_table, 0,
			   sample->n_rows, &sums);
	free(x_table);
	free(time_table);
	return sums;
}

static inline double
summed_singly(const ModelKind *kind, const double *parameters,
			  const ModelRow *rows, int n_rows)
{
	double own[MODEL_MAX_PARAMETERS];
	Matrix covariance = {{0}};
	double sum = 0.0;

	memcpy(own, parameters, sizeof(double) * kind->n_parameters);
	if (kind->operations->restore != NULL)
		model_call(kind, restore, own, covariance);
	for (int i = 0; i < n_rows; i++)
		sum += (double) rows[i].customers *
			   model_call(kind, log_likelihood, own, &rows[i]);
	return sum;
}

/* Component of the gradient, or with component < 0 the value. */
static inline double
part_at(const ModelKind *kind, const ModelSample *sample,
		const double *parameters, int moved, double step, int component)
{
	double place[MODEL_MAX_PARAMETERS];
	ModelSums sums;

	memcpy(place, parameters, sizeof(double) * kind->n_parameters);
	place[moved] += step;
	sums = summed(kind, sample, place);
	return component < 0 ? sums.value : sums.gradient[component];
}

static inline double
difference(const ModelKind *kind, const ModelSample *sample,
		   const double *parameters, int moved, int component)
{
	double estimate[2];

	for (int i = 0; i < 2; i++)
	{
		double h = (i == 0 ? 2e-3 : 1e-3) * parameters[moved];

		estimate[i] =
			(part_at(kind, sample, parameters, moved, h, component) -
			 part_at(kind, sample, parameters, moved, -h, component)) /
			(2.0 * h);
	}
	return (4.0 * estimate[1] - estimate[0]) / 3.0;
}

static inline void
test_derivatives(const ModelKind *kind, const double *sets, int n_sets,
				 const ModelRow *rows, int n_rows)
{
	Worst value = {0};
	Worst gradient = {0};
	Worst hessian = {0};
	ModelRow *merged = malloc(2 * sizeof(ModelRow) * n_rows);
	void *memory = malloc(model_sample_size(n_rows));
	ModelSample sample;

	memcpy(merged, rows, sizeof(ModelRow) * n_rows);
	for (int key = 0; key < N_MODEL_ROW_KEYS; key++)
		model_rows_sort(merged, merged + n_rows, n_rows, key);
	model_sample_init(&sample, memory, merged,
					  model_rows_merge(merged, n_rows), 1);
	for (int i = 0; i < n_sets; i++)
	{
		const double *p = &sets[i * kind->n_parameters];
		ModelSums sums = summed(kind, &sample, p);

		compare(&value, sums.value, summed_singly(kind, p, rows, n_rows),
				1e-12, i);
		for (int j = 0; j < kind->n_parameters; j++)
		{
			/* Relative to the scale of the derivative by ln(parameter). */
			compare_scaled(&gradient, sums.gradient[j] * p[j],
						   difference(kind, &sample, p, j, -1) * p[j],
						   fmax(fabs(sums.gradient[j] * p[j]), 1.0), 1e-7,
						   10 * i + j);
			for (int k = 0; k <= j; k++)
				compare_scaled(
					&hessian, sums.hessian[j][k] * p[j] * p[k],
					difference(kind, &sample, p, j, k) * p[j] * p[k],
					fmax(fabs(sums.hessian[j][k] * p[j] * p[k]), 1.0), 1e-7,
					100 * i + 10 * j + k);
		}
	}
	report_worst(&value, "the sum of the rows is that of the customers");
	report_worst(&gradient, "the gradient is the difference of the values");
	report_worst(&hessian, "the Hessian is the difference of the gradients");
	free(merged);
	free(memory);
}

/* The same over buyers of all sorts: few and many purchases, early and late. */
static inline void
test_buyer_derivatives(const ModelKind *kind, const double *sets, int n_sets)
{
	static const ModelRow rows[] = {
		{.x = 0, .t_x = 0, .t = 12, .customers = 2},
		{.x = 0, .t_x = 0, .t = 30, .customers = 5},
		{.x = 0, .t_x = 0, .t = 39, .customers = 3},
		{.x = 0, .t_x = 0, .t = 400, .customers = 1},
		{.x = 1, .t_x = 4, .t = 30, .customers = 3},
		{.x = 1, .t_x = 12, .t = 12, .customers = 1},
		{.x = 1, .t_x = 3, .t = 39, .customers = 2},
		{.x = 1, .t_x = 0, .t = 39, .customers = 1},
		{.x = 2, .t_x = 11.5, .t = 30, .customers = 1},
		{.x = 4, .t_x = 30, .t = 30.5, .customers = 1},
		{.x = 4, .t_x = 30, .t = 30, .customers = 1},
		{.x = 7, .t_x = 25, .t = 26, .customers = 2},
		{.x = 40, .t_x = 3, .t = 26, .customers = 1},
		{.x = 40, .t_x = 38, .t = 40, .customers = 5},
		{.x = 40, .t_x = 100, .t = 400, .customers = 5},
		{.x = 400, .t_x = 300, .t = 400, .customers = 5}};

	test_derivatives(kind, sets, n_sets, rows, sizeof(rows) / sizeof(rows[0]));
}

#endif /* DERIVATIVES_H */
