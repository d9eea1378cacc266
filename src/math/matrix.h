/*-------------------------------------------------------------------------
 *
 * matrix.h
 *		Symmetric positive definite matrices of a few rows.
 *
 * Only the lower triangle of an argument is read. Rows and columns are
 * scaled to a unit diagonal inside, so that parameters of very different
 * sizes do no harm. Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_MATRIX_H
#define CRM_MATH_MATRIX_H

#include <stdbool.h>

#define MATRIX_MAX_ROWS 5

typedef double Matrix[MATRIX_MAX_ROWS][MATRIX_MAX_ROWS];

/* Solves matrix * solution = right; false where not positive definite. */
extern bool matrix_solve(const Matrix matrix, const double *right,
						 double *solution, int n);

/* The full inverse; false where not positive definite. */
extern bool matrix_invert(const Matrix matrix, Matrix inverse, int n);

#endif /* CRM_MATH_MATRIX_H */
