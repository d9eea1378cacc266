/*-------------------------------------------------------------------------
 *
 * geometric.h
 *		Purchases of a customer who may leave after each of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_GEOMETRIC_H
#define CRM_MODEL_KINDS_GEOMETRIC_H

/*
 * The purchases within the horizon, each discounted by exp(-discount * time
 * until it), of a customer who buys at a rate with the gamma density (shape,
 * scale in time) and leaves after each purchase with a probability that has
 * the beta density (a, b). The horizon may be INFINITY; so may the result.
 */
extern double model_geometric_expectation(double shape, double scale, double a,
										  double b, double horizon,
										  double discount);

/*
 * The same customer, with tau = horizon / scale: the probability of staying
 * for the horizon, and those of exactly and of at least so many purchases
 * within it; at least one for the latter.
 */
extern double model_geometric_stay(double shape, double a, double b,
								   double tau);
extern double model_geometric_probability(double shape, double a, double b,
										  double tau, double count);
extern double model_geometric_at_least(double shape, double a, double b,
									   double tau, double count);

/* The parts, for tests: undiscounted, tau = horizon / scale finite. */
extern double model_geometric_series(double shape, double a, double b,
									 double tau);
extern double model_geometric_quadrature(double shape, double a, double b,
										 double tau);

#endif /* CRM_MODEL_KINDS_GEOMETRIC_H */
