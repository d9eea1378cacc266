/*-------------------------------------------------------------------------
 *
 * bg_bb.h
 *		The BG/BB model of purchases on regular occasions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_BG_BB_H
#define CRM_MODEL_BG_BB_H

#include "model/kind.h"

extern const ModelKind model_bg_bb;

/*
 * The likelihood of one customer takes up to occasions - t_x steps, a few
 * nanoseconds each. The caller refuses more occasions than this.
 */
#define MODEL_BG_BB_MAX_OCCASIONS 1e6

/*
 * Probability that the customer was not lost before or at the last occasion
 * seen. The published P(alive), model_bg_bb.p_alive, is that of having also
 * survived the chance to leave before the next one.
 */
extern double model_bg_bb_alive_at_last(const double *parameters,
										const ModelRow *customer);

/*
 * Probability of count purchases on the next occasions: by a new customer,
 * and by one with this record who was there at the last occasion seen.
 */
extern double model_bg_bb_probability_new(const double *parameters,
										  double count, double occasions);
extern double model_bg_bb_probability_there(const double *parameters,
											const ModelRow *customer,
											double count, double occasions);

#endif /* CRM_MODEL_BG_BB_H */
