/*-------------------------------------------------------------------------
 *
 * golden.h
 *		TAP output and reference values for the unit tests.
 *
 * A test passes "worst" the pairs it compares and reports once: the line
 * names the worst pair, and no pair at all is a failure. The golden files are
 * those of test/golden/values, found from the root of the repository, or those
 * of the folder in the first argument.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN_MAX_COLUMNS 24
#define GOLDEN_ZERO 1e-30 /* magnitudes below it are zeros */

static int tests_run;
static int tests_failed;

static inline void
report(bool passed, const char *what)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tests_run, what);
	if (!passed)
		tests_failed++;
}

static inline int
finish(void)
{
	printf("1..%d\n", tests_run);
	return tests_failed > 0;
}

typedef struct Worst
{
	long compared;
	long exceeding;
	double error;
	double actual;
	double expected;
	long row;
} Worst;

/*
 * The error is relative, but to 1 for the logarithms of which only the
 * absolute error matters: then pass scale = 1.
 */
static inline void
compare_scaled(Worst *worst, double actual, double expected, double scale,
			   double tolerance, long row)
{
	double error = fabs(actual - expected) / scale;

	if (fabs(actual) < GOLDEN_ZERO && fabs(expected) < GOLDEN_ZERO)
		error = 0.0;
	worst->compared++;
	if (!(error <= tolerance))
		worst->exceeding++;
	if (worst->compared == 1 || !(error <= worst->error))
	{
		worst->error = error;
		worst->actual = actual;
		worst->expected = expected;
		worst->row = row;
	}
}

static inline void
compare(Worst *worst, double actual, double expected, double tolerance,
		long row)
{
	compare_scaled(worst, actual, expected, fabs(expected), tolerance, row);
}

static inline void
report_worst(const Worst *worst, const char *what)
{
	report(worst->compared > 0 && worst->exceeding == 0, what);
	printf("# %ld compared, %ld exceed; worst %.2g in row %ld: %.17g for "
		   "%.17g\n",
		   worst->compared, worst->exceeding, worst->error, worst->row,
		   worst->actual, worst->expected);
}

typedef struct Golden
{
	FILE *file;
	int n_columns;
	char names[GOLDEN_MAX_COLUMNS][24];
	double values[GOLDEN_MAX_COLUMNS]; /* NaN for an empty cell */
	long row;
} Golden;

static inline bool
golden_next_line(Golden *golden, bool header)
{
	char line[4096];
	char *place = line;
	int column = 0;

	if (fgets(line, sizeof(line), golden->file) == NULL)
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	while (place != NULL && column < GOLDEN_MAX_COLUMNS)
	{
		char *cell = strsep(&place, ",");

		if (header)
			snprintf(golden->names[column], sizeof(golden->names[0]), "%s",
					 cell);
		else
			golden->values[column] = *cell == '\0' ? NAN : strtod(cell, NULL);
		column++;
	}
	golden->n_columns = column;
	return true;
}

/* A file that cannot be read ends the program, which is a failure. */
static inline void
golden_open(Golden *golden, int argc, char **argv, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s",
			 argc > 1 ? argv[1] : "test/golden/values", name);
	memset(golden, 0, sizeof(*golden));
	golden->file = fopen(path, "r");
	if (golden->file == NULL || !golden_next_line(golden, true))
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(2);
	}
}

static inline bool
golden_next(Golden *golden)
{
	if (golden_next_line(golden, false))
	{
		golden->row++;
		return true;
	}
	fclose(golden->file);
	return false;
}

static inline double
golden_value(const Golden *golden, const char *name)
{
	for (int i = 0; i < golden->n_columns; i++)
	{
		if (strcmp(golden->names[i], name) == 0)
			return golden->values[i];
	}
	fprintf(stderr, "no column %s\n", name);
	exit(2);
}

/*
 * Columns of a golden file. Ordinary rows have parameters and times as real
 * data have them, and must agree to more digits than extreme rows.
 */
typedef struct GoldenColumns
{
	const char *const *names;
	int count;
	Worst ordinary[GOLDEN_MAX_COLUMNS];
	Worst extreme[GOLDEN_MAX_COLUMNS];
} GoldenColumns;

/* The values are in the order of the columns. An empty cell is passed over. */
static inline void
golden_compare(GoldenColumns *columns, const Golden *golden,
			   const double *values, bool ordinary)
{
	for (int i = 0; i < columns->count; i++)
	{
		double value = golden_value(golden, columns->names[i]);

		if (isnan(value))
			continue;
		if (ordinary)
			compare(&columns->ordinary[i], values[i], value, 1e-12,
					golden->row);
		else
			compare(&columns->extreme[i], values[i], value, 1e-9, golden->row);
	}
}

static inline void
golden_report(const GoldenColumns *columns, const char *name)
{
	for (int i = 0; i < columns->count; i++)
	{
		char what[100];

		snprintf(what, sizeof(what), "%s %s, ordinary rows", name,
				 columns->names[i]);
		report_worst(&columns->ordinary[i], what);
		snprintf(what, sizeof(what), "%s %s, extreme rows", name,
				 columns->names[i]);
		report_worst(&columns->extreme[i], what);
	}
}

/* A reproducible stream of random numbers: SplitMix64. */
static inline double
random_unit(unsigned long long *state)
{
	unsigned long long z = (*state += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	z ^= z >> 31;
	return ((double) (z >> 11) + 0.5) / 9007199254740992.0;
}

/* Between low and high, evenly in the logarithm. */
static inline double
random_log(unsigned long long *state, double low, double high)
{
	return low * pow(high / low, random_unit(state));
}

#endif /* GOLDEN_H */
