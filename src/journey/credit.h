/*-------------------------------------------------------------------------
 *
 * credit.h
 *		The credit of each touch for a conversion. Pure C.
 *
 * Amounts are whole units of 10^-8. Each touch but the last gets its share cut
 * to whole units, and the last touch gets the rest. So the credits of a
 * conversion add up to its amount exactly. With n touches, number i from 1:
 *
 *	first, last		all for i = 1, for i = n
 *	linear			1 / n
 *	position		0.4 for i = 1, 0.2 / (n - 2) between, 0.4 for i = n;
 *					1/2 each for n = 2
 *	time decay		2^(-age / half life), divided by their sum
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_JOURNEY_CREDIT_H
#define CRM_JOURNEY_CREDIT_H

#include <stdint.h>

/* 10^18 units of any scale of crm fit, and so do 10^12 sums of them. */
typedef __int128 CreditUnits __attribute__((aligned(8)));

#define CREDIT_SCALE 8

typedef enum CreditKind
{
	CREDIT_FIRST,
	CREDIT_LAST,
	CREDIT_LINEAR,
	CREDIT_POSITION,
	CREDIT_TIME_DECAY,
	CREDIT_KINDS
} CreditKind;

/*
 * Fills in the credits of n touches, n being 1 or more. ages are days before
 * the conversion and do not ascend; only time decay reads them.
 */
extern void credit_split(CreditKind kind, CreditUnits amount, int n,
						 const double *ages, double half_life,
						 CreditUnits *credits);

#endif /* CRM_JOURNEY_CREDIT_H */
