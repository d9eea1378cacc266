/*-------------------------------------------------------------------------
 *
 * erlang.h
 *		Purchases to come of a regular buyer who may leave after each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_ERLANG_H
#define CRM_MODEL_KINDS_ERLANG_H

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
	double shape;
	double scale; /* alpha + T */
	double idle; /* (T - t_x) / (alpha + T), from 0 to below 1 */
	double a;
	double b;
} ErlangBuyer;

/*
 * ln of the sum over i < k of (shape)_i / i! idle^i: how much likelier the
 * silence since the last purchase is than one without any event. weights[i]
 * is the probability that there have been i events since; may be NULL.
 */
extern double erlang_log_silence(int k, double shape, double idle,
								 double *weights);

/*
 * The purchases within the horizon, each discounted by exp(-discount * time
 * until it). The horizon may be INFINITY; so may the result.
 */
extern double erlang_expectation(const ErlangBuyer *buyer, double horizon,
								 double discount);

/*
 * The probabilities of exactly, and for n > 0 of at least n purchases within a
 * finite horizon, and of not leaving in it.
 */
extern double erlang_probability(const ErlangBuyer *buyer, double n,
								 double horizon);
extern double erlang_at_least(const ErlangBuyer *buyer, double n,
							  double horizon);
extern double erlang_stay(const ErlangBuyer *buyer, double horizon);

/* The mean time until the customer leaves; it may be INFINITY. */
extern double erlang_lifetime(const ErlangBuyer *buyer);

/* The parts of the expectation, for tests: tau = horizon / scale. */
extern double erlang_series(const ErlangBuyer *buyer, double tau);
extern double erlang_quadrature(const ErlangBuyer *buyer, double tau);

/*
 * Called between the parts of an answer that takes tenths of a second, so that
 * a server can stop it. It need not return: an answer holds nothing that would
 * have to be given back. It does nothing until the server sets it, once, when
 * it loads the library.
 */
extern void (*erlang_pause)(void);

#endif /* CRM_MODEL_KINDS_ERLANG_H */
