/*-------------------------------------------------------------------------
 *
 * kinds.c
 *		The list of the kinds of model.
 *
 * It is all there is in this file, so that a program with a list of its own,
 * such as a test, links without it.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/kinds.h"

const ModelKind *const model_kinds[] = {MODEL_KINDS(MODEL_KIND_ADDRESS) NULL};
