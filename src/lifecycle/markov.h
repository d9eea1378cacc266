/*-------------------------------------------------------------------------
 *
 * markov.h
 *		Markov chains of a few states. Pure C: no palloc, no ereport.
 *
 * A chain is the matrix P of the probabilities to go from one state (row) to
 * another (column) within a period. Each row adds up to 1. A state is
 * recurrent if, wherever the chain goes from it, there is a way back.
 * Otherwise it is transient. Recurrent states form closed classes, which are
 * never left. A class of one state is absorbing.
 *
 * Values of customers follow Pfeifer and Carraway (2000). R is the reward of
 * being in a state for a period, in money. d is the discount of a period. The
 * first reward is not discounted:
 *
 *	V = sum over t from 0 of (P / (1 + d))^t R = (I - P / (1 + d))^-1 R
 *
 * The inverse is never formed. Each answer solves a linear system, which costs
 * O(n^3) and loses fewer digits (n states, at most MARKOV_MAX_STATES).
 *
 * A period is the time between two observations of a customer. Its length is
 * known only to the caller: all times here are numbers of periods.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_LIFECYCLE_MARKOV_H
#define CRM_LIFECYCLE_MARKOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A billion steps for n^3, and 8 MB a matrix. */
#define MARKOV_MAX_STATES 1000

/*
 * A chain and the room to work in. The caller allocates all arrays and frees
 * them. Matrices are stored row by row. work, right and members hold nothing
 * between two calls, but for the answer of markov_absorption().
 */
typedef struct MarkovChain
{
	int n; /* states */
	double *p; /* [n][n] probabilities */
	double *work; /* [n][n] the left side of a system */
	double
		*right; /* right sides: n * n + 2 * n numbers, or 2 for each state */
	int *class_of; /* [n]; number of a closed class from 0, -1: transient */
	int *members; /* [n]; states of the system, ascending */
	int classes; /* closed classes, at least 1 */
} MarkovChain;

/* Why there is no answer. The caller turns a fault into an error. */
typedef enum MarkovFault
{
	MARKOV_OK,
	MARKOV_REWARD_FOR_EVER, /* not discounted, and a class never ends */
	MARKOV_DIVERGES, /* a negative discount outruns the leaving */
	MARKOV_NOT_FINITE, /* overflow of double */
	MARKOV_NO_ABSORBING, /* no state to end in */
	MARKOV_MANY_CLASSES /* a steady state would depend on the start */
} MarkovFault;

/*
 * Sets p to the relative frequencies of counts [n][n], each raised by the
 * smoothing (0: none). A state that was never left becomes absorbing.
 */
extern void markov_set(MarkovChain *chain, const int64_t *counts,
					   double smoothing);

/*
 * Fills class_of and classes. reach has MARKOV_REACH_WORDS(n) words, all zero.
 * Afterwards bit j of state i says whether the chain can come from i to j.
 */
extern void markov_classify(MarkovChain *chain, uint64_t *reach);
#define MARKOV_REACH_WORDS(n) (((size_t) (n) + 63) / 64 * (size_t) (n))

/* Needs the classes. */
extern bool markov_is_absorbing(const MarkovChain *chain, int state);

/* The infinite horizon. Needs the classes. value is [n]. */
extern MarkovFault markov_value(MarkovChain *chain, const double *reward,
								double discount, double *value);

/*
 * The periods from 0 to the horizon, horizon + 1 rewards. Needs no classes: a
 * finite sum always exists.
 */
extern MarkovFault markov_value_until(MarkovChain *chain, const double *reward,
									  double discount, int horizon,
									  double *value);

/*
 * Expected number of periods until one of the targets is reached: 0 for the
 * targets, infinite for a state that may never reach one. The targets become
 * absorbing in p, so the chain is a different one afterwards. reach is as for
 * markov_classify().
 */
extern MarkovFault markov_passage_time(MarkovChain *chain, const bool *target,
									   uint64_t *reach, double *periods);

/*
 * Probabilities to end in each absorbing state: [n][n], in chain->right.
 * Columns of states that are not absorbing mean nothing. If the chain also has
 * larger closed classes, a row adds up to less than 1. Needs the classes.
 */
extern MarkovFault markov_absorption(MarkovChain *chain);

/*
 * The share of time that the chain spends in each state in the long run. It
 * exists for one closed class only; transient states get 0. Needs the classes.
 */
extern MarkovFault markov_steady_state(MarkovChain *chain, double *share);

#endif /* CRM_LIFECYCLE_MARKOV_H */
