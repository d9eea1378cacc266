/*-------------------------------------------------------------------------
 *
 * matrix.c
 *		Symmetric positive definite matrices of a few rows, by Cholesky.
 *
 * Cholesky's method is also the test for positive definiteness that a fit
 * needs: it fails exactly where the likelihood has no strict maximum. With at
 * most 5 rows neither blocking nor pivoting pays.
 *
 * Pure C, no state, no memory but the caller's and the stack.
 *
 *-------------------------------------------------------------------------
 */
#include "math/matrix.h"

#include <math.h>

/* A pivot of the scaled matrix below this is lost in rounding. */
#define SMALLEST_PIVOT 1e-14

/*
 * matrix = D L L' D. D is diagonal and holds the square roots of the diagonal
 * of the matrix, so that L L' has the diagonal 1 and its pivots are comparable
 * with SMALLEST_PIVOT.
 */
typedef struct Factors
{
	double scale[MATRIX_MAX_ROWS];
	Matrix lower;
} Factors;

/*
 * False if a pivot shows that the matrix is not positive definite. The first
 * test also stops NaN, because no comparison with NaN is true.
 */
static bool
factorize(const Matrix matrix, Factors *factors, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!(matrix[i][i] > 0) || isinf(matrix[i][i]))
			return false;
		factors->scale[i] = sqrt(matrix[i][i]);
	}
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double sum = matrix[i][j] / factors->scale[i] / factors->scale[j];

			for (int k = 0; k < j; k++)
				sum -= factors->lower[i][k] * factors->lower[j][k];
			if (i > j)
				factors->lower[i][j] = sum / factors->lower[j][j];
			else if (sum > SMALLEST_PIVOT)
				factors->lower[i][i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/*
 * Forward substitution for L, backward substitution for L', with a division by
 * D before and after. O(n^2). right and solution may be the same array.
 */
static void
solve(const Factors *factors, const double *right, double *solution, int n)
{
	for (int i = 0; i < n; i++)
	{
		double sum = right[i] / factors->scale[i];

		for (int k = 0; k < i; k++)
			sum -= factors->lower[i][k] * solution[k];
		solution[i] = sum / factors->lower[i][i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		double sum = solution[i];

		for (int k = i + 1; k < n; k++)
			sum -= factors->lower[k][i] * solution[k];
		solution[i] = sum / factors->lower[i][i];
	}
	for (int i = 0; i < n; i++)
		solution[i] /= factors->scale[i];
}

bool
matrix_solve(const Matrix matrix, const double *right, double *solution, int n)
{
	Factors factors;

	if (!factorize(matrix, &factors, n))
		return false;
	solve(&factors, right, solution, n);
	return true;
}

bool
matrix_invert(const Matrix matrix, Matrix inverse, int n)
{
	Factors factors;

	if (!factorize(matrix, &factors, n))
		return false;
	for (int column = 0; column < n; column++)
	{
		double unit[MATRIX_MAX_ROWS] = {0};

		unit[column] = 1.0;
		solve(&factors, unit, inverse[column], n);
	}
	/* Rounding must not leave it asymmetric. */
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
			inverse[j][i] = inverse[i][j];
	}
	return true;
}
