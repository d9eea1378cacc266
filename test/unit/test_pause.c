/*-------------------------------------------------------------------------
 *
 * test_pause.c
 *		Loops over millions of customers pause, so that a fit can be stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "fitted.h"

#include "math/pause.h"
#include "model/kinds/kinds.h"

#define ROWS (50 * PAUSE_INTERVAL)

static ModelRow rows[2 * ROWS];
static long pauses;

static void
count_pause(void)
{
	pauses++;
}

/* A pause after every PAUSE_INTERVAL rows, counted since the last report. */
static void
report_pauses(const char *what)
{
	report(pauses >= ROWS / PAUSE_INTERVAL - 1, what);
	pauses = 0;
}

/* All times are different. */
static void
fill_rows(void)
{
	unsigned long long state = 11;

	for (int i = 0; i < ROWS; i++)
		rows[i] = (ModelRow){.x = i % 7,
							 .t_x = i % 7 > 0 ? random_unit(&state) * 50 : 0,
							 .t = 50 + random_unit(&state) * 50,
							 .customers = 1};
}

static void
test_sample(ModelSample *sample, void *memory)
{
	size_t merged;

	for (int key = 0; key < N_MODEL_ROW_KEYS; key++)
	{
		model_rows_sort(rows, rows + ROWS, ROWS, key);
		report_pauses("sorting rows by a key pauses");
	}
	merged = model_rows_merge(rows, ROWS);
	report_pauses("merging rows pauses");
	model_sample_init(sample, memory, rows, merged, 1);
	report_pauses("arranging a sample pauses");
}

static void
test_margins(const ModelKind *kind, const ModelSample *sample, double *tables)
{
	static const double parameters[MODEL_MAX_PARAMETERS] = {0.7, 9, 0.8, 2.5};
	ModelSums sums = {0};

	model_call(kind, margins, parameters, sample, tables,
			   tables + sample->n_x * kind->operations->x_columns, &sums);
	report_pauses(kind->name);
}

int
main(void)
{
	const ModelKind *kinds[] = {&model_bg_nbd, &model_mbg_nbd,
								&model_pareto_nbd, &model_nbd,
								&model_mbg_cnbd_k};
	ModelSample sample;
	void *memory = malloc(model_sample_size(ROWS));

	pause_here = count_pause;
	fill_rows();
	test_sample(&sample, memory);
	for (int i = 0; i < 5; i++)
	{
		double *tables = malloc(
			sizeof(double) * (model_likelihood_tables(kinds[i], &sample) + 1));

		test_margins(kinds[i], &sample, tables);
		free(tables);
	}
	free(memory);
	return finish();
}
