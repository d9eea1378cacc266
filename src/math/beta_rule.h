/*-------------------------------------------------------------------------
 *
 * beta_rule.h
 *		Means over a probability with a beta density.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_BETA_RULE_H
#define CRM_MATH_BETA_RULE_H

#include <stdbool.h>

/*
 * The density of p^(a-1) q^(b-1), q = 1 - p, as a function of the log odds
 * y = ln(p / q): p^a q^b over its value at a center near its peak. Both p and q
 * of the center are stored, because either can be too near 1 for the other.
 */
typedef struct BetaDensity
{
	double a;
	double b;
	double center; /* of y */
	double center_p;
	double center_q;
} BetaDensity;

extern BetaDensity beta_density(double a, double b);

/* ln of the density at the center plus this distance. 0 at the center. */
extern double beta_log_density(const BetaDensity *density, double from_center);

/* A node of the rule. p and q both have all their digits. */
typedef struct BetaNode
{
	double p;
	double q;
	double weight;
	double log_odds; /* of a tail: the mean over it */
} BetaNode;

#define BETA_MAX_NODES 4096

/* What a rule must know of the function f whose mean is wanted. */
typedef struct BetaFunction
{
	double smallest; /* f does not change below this p */
	double fall; /* f falls in p at most like p^-fall */
	double least; /* a bound below the mean of f, perhaps 0 */
	double strip; /* of ln p around the real line where f is bounded */
} BetaFunction;

/*
 * The nodes of a rule for means over p: the mean of f is the sum of weight f(p)
 * over the sum of the weights. Returns their number, or 0 if BETA_MAX_NODES
 * were not enough (smallest below about 1e-200).
 *
 * f must be positive, fall in p, and be at most 1 / max(p, smallest). In ln p
 * it must be analytic and bounded within "strip" of the real line, which is
 * from pi / 2 to pi.
 * The mean then has a relative error of about 1e-14.
 */
extern int beta_nodes(double a, double b, BetaFunction function,
					  BetaNode *nodes);

/* ln p and ln q of a node. */
extern double beta_log_p(const BetaNode *node);
extern double beta_log_q(const BetaNode *node);

#endif /* CRM_MATH_BETA_RULE_H */
