/*-------------------------------------------------------------------------
 *
 * removal.c
 *		Removal effects of channels in a Markov chain of journeys.
 *
 * I - Q is an M-matrix: from each channel the journeys come to an end, so no
 * pivot is 0, and elimination without exchanges is stable.
 *
 *-------------------------------------------------------------------------
 */
#include "journey/removal.h"

#include "math/pause.h"

#include <string.h>

/* All moves out of a state. */
static double
total_of(const RemovalMoves *moves, int row)
{
	const int64_t *counts = moves->counts + (int64_t) row * (moves->n + 2);
	double total = 0;

	for (int j = 0; j < moves->n + 2; j++)
		total += (double) counts[j];
	return total;
}

/* The probability of a move. A start without journeys leads nowhere. */
static double
probability(const RemovalMoves *moves, int row, int column, double total)
{
	int64_t count = moves->counts[(int64_t) row * (moves->n + 2) + column];

	return total > 0 ? (double) count / total : 0;
}

/* Replaces a matrix by its inverse (Gauss and Jordan), O(n^3). */
static void
invert(double *a, int n)
{
	for (int k = 0; k < n; k++)
	{
		double *pivot_row = a + (size_t) k * n;
		double pivot = 1 / pivot_row[k];

		pause_here();
		pivot_row[k] = 1;
		for (int j = 0; j < n; j++)
			pivot_row[j] *= pivot;
		for (int i = 0; i < n; i++)
		{
			double *row = a + (size_t) i * n;
			double factor = row[k];

			if (i == k || factor == 0)
				continue;
			row[k] = 0;
			for (int j = 0; j < n; j++)
				row[j] -= factor * pivot_row[j];
		}
	}
}

/* N, the inverse of I - Q. */
static void
find_visits(const RemovalMoves *moves, double *visits)
{
	int n = moves->n;

	for (int i = 0; i < n; i++)
	{
		double total = total_of(moves, i + 1);

		for (int j = 0; j < n; j++)
			visits[(size_t) i * n + j] =
				(i == j) - probability(moves, i + 1, j, total);
	}
	invert(visits, n);
}

/*
 * converts[i] is the chance of a conversion from channel i. The chance from
 * the start divides all effects.
 */
void
removal_effects(const RemovalMoves *moves, double *work, double *effects)
{
	int n = moves->n;
	double *visits = work;
	double *converts = work + (size_t) n * n;
	double start_total = total_of(moves, 0);
	double from_start = 0;

	find_visits(moves, visits);
	memset(converts, 0, (size_t) n * sizeof(double));
	memset(effects, 0, (size_t) n * sizeof(double));
	for (int j = 0; j < n; j++)
	{
		double last = probability(moves, j + 1, n, total_of(moves, j + 1));

		for (int i = 0; i < n; i++)
			converts[i] += visits[(size_t) i * n + j] * last;
	}
	for (int i = 0; i < n; i++)
	{
		double first = probability(moves, 0, i, start_total);

		from_start += first * converts[i];
		for (int j = 0; j < n; j++)
			effects[j] += first * visits[(size_t) i * n + j];
	}
	for (int j = 0; j < n; j++)
		effects[j] = from_start > 0 ? effects[j] / visits[(size_t) j * n + j] *
										  converts[j] / from_start
									: 0;
}
