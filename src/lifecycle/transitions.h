/*-------------------------------------------------------------------------
 *
 * transitions.h
 *		The type crm.transition_matrix inside the server.
 *
 * In SQL it is a row of two columns: the states, sorted, and the square array
 * of counts, with a row for each state that was left. Counts are kept and not
 * probabilities, because matrices of different times or groups can then be
 * added, and smoothing can be chosen later. Anybody can write such a row, so
 * both columns are checked whenever they are read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_LIFECYCLE_TRANSITIONS_H
#define CRM_LIFECYCLE_TRANSITIONS_H

#include "base/crm.h"

#include "lifecycle/markov.h"

/* Columns of the type, from 0. */
enum
{
	MATRIX_STATES,
	MATRIX_COUNTS,
	MATRIX_COLUMNS
};

/*
 * Compares two names of states by bytes. A matrix must not change its order
 * with the collation of a database or a new version of a library.
 */
extern int state_compare(const text *left, const text *right);

#endif /* CRM_LIFECYCLE_TRANSITIONS_H */
