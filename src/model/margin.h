/*-------------------------------------------------------------------------
 *
 * margin.h
 *		The margin of a customer, drawn toward that of everybody.
 *
 * model_margin.c has the formula. Nothing here is kept between calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_MARGIN_H
#define CRM_MODEL_MARGIN_H

#include "base/crm.h"

/*
 * The margin of a customer as of a day. The numbers of three arguments are
 * given: of the history, of the history of profits, and of the array with the
 * margin of everybody and its weight. Each of them may be NULL. False where the
 * margin of everybody is not known: no margin then follows.
 */
extern bool margin_drawn(FunctionCallInfo fcinfo, int history, int profits,
						 int everybody, int32 as_of, double *result);

#endif /* CRM_MODEL_MARGIN_H */
