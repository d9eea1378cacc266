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
#ifndef CRM_MODEL_MATRIX_H
#define CRM_MODEL_MATRIX_H

#include "model/kind.h"

typedef double ModelMatrix[MODEL_MAX_PARAMETERS][MODEL_MAX_PARAMETERS];

/* Solves matrix * solution = right; false where not positive definite. */
extern bool model_matrix_solve(const ModelMatrix matrix, const double *right,
							   double *solution, int n);

/* The full inverse; false where not positive definite. */
extern bool model_matrix_invert(const ModelMatrix matrix, ModelMatrix inverse,
								int n);

#endif /* CRM_MODEL_MATRIX_H */
