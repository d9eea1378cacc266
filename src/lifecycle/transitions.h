/*-------------------------------------------------------------------------
 *
 * transitions.h
 *		The type crm.transition_matrix inside the server.
 *
 * In SQL it is a row of the states, sorted, and the square array of counts,
 * a row for each state that was left. Both are checked whenever they are
 * read, since anybody can write such a row.
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

/* By bytes, whatever the collation. */
extern int state_compare(const text *left, const text *right);

#endif /* CRM_LIFECYCLE_TRANSITIONS_H */
