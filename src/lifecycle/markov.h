/*-------------------------------------------------------------------------
 *
 * markov.h
 *		Markov chains of a few states. Pure C: no palloc, no ereport.
 *
 * A chain is the matrix P of the probabilities to go from one state (row) to
 * another (column) within a period. A state is recurrent if, wherever the
 * chain goes from it, there is a way back; else it is transient. Recurrent
 * states form closed classes, which are never left; a class of one state is
 * absorbing.
 *
 * Values of customers follow Pfeifer and Carraway (2000): with the reward R
 * of being in a state and the discount d of a period,
 *
 *		V = sum over t from 0 of (P / (1 + d))^t R = (I - P / (1 + d))^-1 R
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_LIFECYCLE_MARKOV_H
#define CRM_LIFECYCLE_MARKOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKOV_MAX_STATES 1000

/* Called now and then by what takes long. */
typedef void (*MarkovPause)(void);

/*
 * A chain and the room to work in. Arrays belong to the caller: p and work
 * are [n][n], result is [n][columns of the answer].
 */
typedef struct MarkovChain
{
	int n;
	double *p;
	double *work;
	double *right; /* [n][n + 2]: room for two right sides of one state */
	int *class_of; /* [n]; the number of a closed class, -1: transient */
	int *members; /* [n] */
	int classes;
	MarkovPause pause;
} MarkovChain;

typedef enum MarkovFault
{
	MARKOV_OK,
	MARKOV_REWARD_FOR_EVER, /* no discount, and a reward in a closed class */
	MARKOV_DIVERGES, /* growth outruns the leaving */
	MARKOV_NOT_FINITE,
	MARKOV_NO_ABSORBING,
	MARKOV_MANY_CLASSES
} MarkovFault;

/*
 * Relative frequencies of counts, each raised by the smoothing. A state that
 * was never left stays what it is.
 */
extern void markov_set(MarkovChain *chain, const int64_t *counts,
					   double smoothing);

/* Fills class_of and classes. reach has n bits for each state, all zero. */
extern void markov_classify(MarkovChain *chain, uint64_t *reach);
#define MARKOV_REACH_WORDS(n) (((size_t) (n) + 63) / 64 * (size_t) (n))

extern bool markov_is_absorbing(const MarkovChain *chain, int state);

/* The infinite horizon; needs the classes. */
extern MarkovFault markov_value(MarkovChain *chain, const double *reward,
								double discount, double *value);

/* The periods from 0 to the horizon. */
extern MarkovFault markov_value_until(MarkovChain *chain, const double *reward,
									  double discount, int horizon,
									  double *value);

/*
 * Expected periods until one of the targets is reached, infinite where that
 * is not certain. Makes the targets absorbing: the chain is another one then.
 */
extern MarkovFault markov_passage_time(MarkovChain *chain, const bool *target,
									   uint64_t *reach, double *periods);

/*
 * Probabilities to end in each absorbing state: [n][n], in chain->right, of
 * which the columns of other states mean nothing. Needs the classes.
 */
extern MarkovFault markov_absorption(MarkovChain *chain);

/* The only stationary distribution; needs the classes. */
extern MarkovFault markov_steady_state(MarkovChain *chain, double *share);

#endif /* CRM_LIFECYCLE_MARKOV_H */
