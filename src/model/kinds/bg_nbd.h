/*-------------------------------------------------------------------------
 *
 * bg_nbd.h
 *		The BG/NBD and MBG/NBD models of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_BG_NBD_H
#define CRM_MODEL_KINDS_BG_NBD_H

#include "model/kinds/erlang.h"
#include "model/kinds/kinds.h"
#include "model/kinds/sample.h"

/* Columns of the tables over the distinct times. */
enum
{
	BG_NBD_LOG_TIME, /* ln(alpha + time) */
	BG_NBD_INVERSE_TIME, /* 1 / (alpha + time) */
	BG_NBD_TIME_COLUMNS
};

/*
 * The variant of a kind whose customers leave after a purchase is the number
 * of occasions to leave before the first repeat purchase. It is 0 in BG/NBD.
 * It is 1 in MBG/NBD, where the first purchase is an occasion too.
 */
#define BG_NBD_NO_OCCASION 0.0
#define BG_NBD_FIRST_PURCHASE 1.0

static inline double
bg_nbd_first_occasions(const ModelKind *kind)
{
	return kind->variant;
}

/* s, the occasions to leave that a customer has had. */
static inline double
bg_nbd_occasions(const ModelKind *kind, const ModelRow *customer)
{
	return customer->x + bg_nbd_first_occasions(kind);
}

/*
 * The operations read the parameters r, alpha, a and b and the variant only.
 * The regular models call them for k = 1, with their own kind.
 */
extern const ModelOperations bg_nbd_operations;

/* r, alpha, a and b. */
#define BG_NBD_N_PARAMETERS 4
extern const ModelParameter bg_nbd_parameters[BG_NBD_N_PARAMETERS];

/*
 * Two parts of the fit serve the regular models too. In those, each purchase
 * is the k-th of k events of the buying process. In BG/NBD and MBG/NBD k is 1.
 *
 * bg_nbd_margins adds the terms that depend on x alone and on T alone to the
 * sums over a sample, and it fills the table of the sample's times.
 */
extern void bg_nbd_margins(const ModelKind *kind, const double *parameters,
						   const ModelSample *sample, int k,
						   double *time_table, ModelSums *sums);

/*
 * The mean purchase rate fixes r / (k alpha). The attempts differ in the
 * shapes. False if there is no such attempt.
 */
extern bool bg_nbd_start(const ModelSample *sample, int attempt, int k,
						 double *parameters);

/*
 * The answer expected_slopes of kind.h from the numbers of the buyer, of
 * regular kinds as well.
 */
extern bool bg_nbd_slopes(const ErlangBuyer *buyer, double horizon,
						  double discount, double *value, double *slopes);

#endif /* CRM_MODEL_KINDS_BG_NBD_H */
