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

/* As many as any kind of model has parameters. */
#define MATRIX_MAX_ROWS 5

typedef double Matrix[MATRIX_MAX_ROWS][MATRIX_MAX_ROWS];

/*
 * Solves matrix * solution = right for the first n rows. False if the matrix
 * is not positive definite to working accuracy. solution is then undefined.
 */
extern bool matrix_solve(const Matrix matrix, const double *right,
						 double *solution, int n);

/*
 * The full inverse, both triangles. False as in matrix_solve(). A fit calls
 * this with the negative Hessian to get the covariance of the parameters.
 */
extern bool matrix_invert(const Matrix matrix, Matrix inverse, int n);

#endif /* CRM_MATH_MATRIX_H */
