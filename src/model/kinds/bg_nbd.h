/*-------------------------------------------------------------------------
 *
 * bg_nbd.h
 *		The BG/NBD and MBG/NBD models of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_BG_NBD_H
#define CRM_MODEL_KINDS_BG_NBD_H

#include "model/kinds/kind.h"
#include "model/kinds/sample.h"

extern const ModelKind model_bg_nbd;
extern const ModelKind model_mbg_nbd;

/* Columns of the tables over the distinct times. */
enum
{
	BG_NBD_LOG_TIME, /* ln(alpha + time) */
	BG_NBD_INVERSE_TIME, /* 1 / (alpha + time) */
	BG_NBD_TIME_COLUMNS
};

/*
 * Adds what depends on x alone and on T alone to the sums over a sample, and
 * fills the table of its times. Before the first repeat purchase there were
 * first_occasion occasions to leave; each purchase is the k-th of k events of
 * the buying process (1 in these models, more in the regular ones).
 */
extern void bg_nbd_margins(const double *parameters, const ModelSample *sample,
						   double first_occasion, int k, double *time_table,
						   ModelSums *sums);

/*
 * The mean purchase rate fixes r / (k alpha); the shapes are tried in turn.
 * False if there is no such attempt.
 */
extern bool bg_nbd_start(const ModelSample *sample, int attempt, int k,
						 double *parameters);

/* r, alpha, a and b. */
#define BG_NBD_N_PARAMETERS 4
extern const ModelParameter bg_nbd_parameters[BG_NBD_N_PARAMETERS];

#endif /* CRM_MODEL_KINDS_BG_NBD_H */
