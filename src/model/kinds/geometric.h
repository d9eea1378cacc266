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
 * The mean number of purchases within the horizon, each discounted by
 * exp(-discount * time until it). The customer buys at a rate that has the
 * gamma density (shape, scale), and leaves after each purchase with a
 * probability that has the beta density (a, b). scale and horizon are times in
 * the same unit, and discount is per that unit. The horizon may be INFINITY.
 * The result is INFINITY if the mean is infinite. It is NaN if a negative
 * discount leaves no digits.
 */
extern double model_geometric_expectation(double shape, double scale, double a,
										  double b, double horizon,
										  double discount);

/*
 * For the same customer, with tau = horizon / scale: the probability of
 * staying for the whole horizon, and the probabilities of exactly, and of at
 * least, so many purchases within it. model_geometric_at_least() takes counts
 * from 1.
 */
extern double model_geometric_stay(double shape, double a, double b,
								   double tau);
extern double model_geometric_probability(double shape, double a, double b,
										  double tau, double count);
extern double model_geometric_at_least(double shape, double a, double b,
									   double tau, double count);

/*
 * The two ways to compute the expectation without a discount, for a finite
 * tau. Tests compare them where both suit.
 */
extern double model_geometric_series(double shape, double a, double b,
									 double tau);
extern double model_geometric_quadrature(double shape, double a, double b,
										 double tau);

#endif /* CRM_MODEL_KINDS_GEOMETRIC_H */
