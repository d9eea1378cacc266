/*-------------------------------------------------------------------------
 *
 * removal.h
 *		Removal effects of channels in a Markov chain of journeys. Pure C.
 *
 * The states are the start, the channels, the conversion and the end without
 * one. The removal effect of a channel is the share of the conversions that
 * would be lost if everything that enters the channel ended without one
 * (Anderl, Becker, von Wangenheim and Schumann 2016):
 *
 *	effect(c) = 1 - P(conversion without c) / P(conversion)
 *
 * A journey converts by way of c if it comes to c and converts from there. So
 *
 *	effect(c) = P(start comes to c) P(conversion from c) / P(conversion)
 *
 * With N = (I - Q)^-1, Q being the probabilities between channels, the chance
 * to come from i to c is N[i][c] / N[c][c]. One inverse answers for all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_JOURNEY_REMOVAL_H
#define CRM_JOURNEY_REMOVAL_H

#include <stdint.h>

/* An inverse of 1000 rows takes about a second and 8 MB. */
#define REMOVAL_MAX_CHANNELS 1000

/*
 * Counts of moves of n channels. Row 0 is the start, row i + 1 is channel i.
 * Columns are the channels, then the conversion, then the other end.
 */
typedef struct RemovalMoves
{
	int n;
	const int64_t *counts; /* [n + 1][n + 2] */
} RemovalMoves;

/*
 * Fills in the effect of each channel, from 0 to 1. All are 0 if nothing
 * converted. Every channel is in some journey. work is [n * n + n].
 */
extern void removal_effects(const RemovalMoves *moves, double *work,
							double *effects);

#endif /* CRM_JOURNEY_REMOVAL_H */
