/*-------------------------------------------------------------------------
 *
 * erlang.h
 *		Purchases to come of a regular buyer who may leave after each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_ERLANG_H
#define CRM_MODEL_KINDS_ERLANG_H

#include <stdbool.h>

#define ERLANG_MAX_K 12

/*
 * A customer who is alive and buys at every k-th event of a Poisson process.
 * The rate of the events has, at the last purchase, the gamma density
 * (shape, scale less the time since then), and the probability of leaving
 * after a purchase the beta density (a, b).
 */
typedef struct ErlangBuyer
{
	int k; /* 1 .. ERLANG_MAX_K */
	double shape; /* r + k x */
	double scale; /* alpha + T, a time */
	double idle; /* (T - t_x) / (alpha + T), from 0 to below 1 */
	double a;
	double b; /* with the occasions to leave so far added */
} ErlangBuyer;

/*
 * ln of the sum over i < k of (shape)_i / i! idle^i. This is how much likelier
 * the silence since the last purchase is than a silence without any event.
 * weights is NULL or has room for k numbers. weights[i] becomes the
 * probability that i events have happened since the last purchase.
 */
extern double erlang_log_silence(int k, double shape, double idle,
								 double *weights);

/*
 * The mean number of purchases within the horizon, each discounted by
 * exp(-discount * time until it). The horizon may be INFINITY. The result is
 * INFINITY if the mean is infinite, and NaN if no correct digit can be given.
 */
extern double erlang_expectation(const ErlangBuyer *buyer, double horizon,
								 double discount);

/* An expectation and its derivatives in numbers of the buyer. */
typedef struct ErlangSlopes
{
	double value;
	double shape;
	double scale; /* with the time since the last purchase unchanged */
	double a;
	double b;
} ErlangSlopes;

/*
 * The same expectation with its derivatives, for a horizon that is infinite or
 * discounted to nothing. False for other horizons, and for discounts so small
 * that this way suits no longer.
 */
extern bool erlang_slopes(const ErlangBuyer *buyer, double horizon,
						  double discount, ErlangSlopes *slopes);

/*
 * For a finite horizon: the probability of exactly n purchases, of at least n
 * purchases (n > 0), and of not leaving.
 */
extern double erlang_probability(const ErlangBuyer *buyer, double n,
								 double horizon);
extern double erlang_at_least(const ErlangBuyer *buyer, double n,
							  double horizon);
extern double erlang_stay(const ErlangBuyer *buyer, double horizon);

/* The mean time until the customer leaves. It may be INFINITY. */
extern double erlang_lifetime(const ErlangBuyer *buyer);

/*
 * The two ways to compute the expectation without a discount, where
 * tau = horizon / scale. Tests compare them where both suit.
 */
extern double erlang_series(const ErlangBuyer *buyer, double tau);
extern double erlang_quadrature(const ErlangBuyer *buyer, double tau);

#endif /* CRM_MODEL_KINDS_ERLANG_H */
