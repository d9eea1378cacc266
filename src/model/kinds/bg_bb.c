/*-------------------------------------------------------------------------
 *
 * bg_bb.c
 *		The BG/BB model of purchases on regular occasions.
 *
 * On each occasion (a year, an issue, an event) a customer buys with a
 * probability that has the beta density (alpha, beta). Before each occasion
 * the customer leaves with a probability that has the beta density (gamma,
 * delta) (Fader, Hardie & Shang 2010). For x purchases on n occasions, the
 * last on the t_x-th, let
 *
 *	a(i) = B(alpha + x, beta + t_x - x + i) / B(alpha, beta)
 *		 * B(gamma, delta + t_x + i) / B(gamma, delta)
 *
 * be the probability of the record up to occasion t_x + i if the customer is
 * still there and has not bought since t_x. With m = n - t_x the likelihood is
 *
 *	sum over 0 <= i < m of a(i) gamma / (gamma + delta + t_x + i) + a(m)
 *
 * Term i belongs to a customer who left after occasion t_x + i, and a(m) to a
 * customer who is still there. a(i + 1) / a(i) is a product of two fractions
 * below 1. So the sum relative to a(0) needs no gamma function and cannot
 * overflow. a(0) less the sum is the probability of a purchase since t_x,
 * which is a sum of the same form. If that probability is small, log1p() of it
 * is the exact logarithm.
 *
 * The derivatives are means over the occasion of leaving, as in pareto_nbd.c.
 * Given that occasion, the score is a difference of digamma functions, which
 * one more occasion changes by a fraction. A row costs n - t_x steps.
 *
 * A customer who is there at n is still there at n + k with the survival S(k)
 * of sBG with (gamma, delta + n). Its sum has a closed form. With D = delta + n
 * it is
 *
 *	(gamma - 1) (S(1) + ... + S(k)) = D - (D + k) S(k).
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/kinds.h"

#include "model/kinds/renewal.h"
#include "model/kinds/sample.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

enum
{
	ALPHA,
	BETA,
	GAMMA,
	DELTA,
	N_PARAMETERS
};

#define NEGLIGIBLE 1e-18
#define RESCALE 1e100
#define ADDED_SINGLY 1000.0 /* occasions */

/*
 * ln B(alpha + x, beta + n - x) / B(alpha, beta): the probability of one given
 * order of x purchases on n occasions. No purchases, or nothing but purchases,
 * are the common records, and one ratio gives them without cancellation.
 */
static double
log_order_chance(double alpha, double beta, double x, double n)
{
	if (x == 0)
		return math_log_beta_ratio(beta, alpha, n);
	if (x == n)
		return math_log_beta_ratio(alpha, beta, n);
	return math_log_beta(alpha + x, beta + (n - x)) -
		   math_log_beta(alpha, beta);
}

/*
 * ln a(0): the probability of the record up to the last purchase. It is the
 * scale of everything else, and its logarithm cannot underflow.
 */
static double
log_base(const double *p, const ModelRow *customer)
{
	return log_order_chance(p[ALPHA], p[BETA], customer->x, customer->t_x) +
		   math_log_beta_ratio(p[DELTA], p[GAMMA], customer->t_x);
}

/*
 * a(m) / a(0), in closed form. The loop of likelihood_shares() would give it
 * too, but it may stop before the last occasion.
 */
static double
still_there(const double *p, const ModelRow *customer)
{
	double misses = customer->t_x - customer->x;
	double m = customer->occasions - customer->t_x;

	return exp(
		math_log_beta_ratio(p[BETA] + misses, p[ALPHA] + customer->x, m) +
		math_log_beta_ratio(p[DELTA] + customer->t_x, p[GAMMA], m));
}

/*
 * The likelihood over a(0), and the probability of a purchase since t_x if the
 * customer had the record up to t_x. Their sum is 1.
 */
typedef struct Shares
{
	double seen;
	double bought;
} Shares;

/*
 * Walks over the occasions since the last purchase. On each of them a customer
 * who is still there leaves before it, buys, or does neither. O(n - t_x), but
 * in practice the sum is complete much sooner.
 */
static Shares
likelihood_shares(const double *p, const ModelRow *customer)
{
	double no_purchase = p[BETA] + (customer->t_x - customer->x);
	double purchase = p[ALPHA] + customer->x;
	double stay = p[DELTA] + customer->t_x;
	double m = customer->occasions - customer->t_x;
	double there = 1.0;
	Shares shares = {0.0, 0.0};

	for (double i = 0.0; i < m; i += 1.0)
	{
		double leave_share = p[GAMMA] / (p[GAMMA] + stay);
		double stayed = there * stay / (p[GAMMA] + stay);
		double inverse = 1.0 / (purchase + no_purchase);

		shares.seen += there * leave_share;
		shares.bought += stayed * purchase * inverse;
		there = stayed * no_purchase * inverse;
		/* The rest of the sum is at most there. */
		if (there < NEGLIGIBLE * shares.seen)
			break;
		no_purchase += 1.0;
		stay += 1.0;
	}
	shares.seen += there;
	return shares;
}

/*
 * Of two forms of the same number, the one that does not cancel: the sum is
 * far from 1, or its distance from 1 is known.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	Shares shares = likelihood_shares(parameters, customer);

	return log_base(parameters, customer) +
		   (shares.bought < 0.5 ? log1p(-shares.bought) : log(shares.seen));
}

/*
 * The probability that the customer was not lost before or at the last
 * occasion seen.
 */
static double
there_at_last(const double *parameters, const ModelRow *customer)
{
	return math_at_most_1(still_there(parameters, customer) /
						  likelihood_shares(parameters, customer).seen);
}

/*
 * The published P(alive) (Fader, Hardie & Shang 2010) counts customers as
 * alive only if they also survive the chance to leave before the next
 * occasion. So it is below 1 even for a customer who bought on the last
 * occasion.
 */
static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	double stay = parameters[DELTA] + customer->occasions;

	return there_at_last(parameters, customer) * stay /
		   (parameters[GAMMA] + stay);
}

/*
 * S(1) + ... + S(count) of sBG with (gamma, stay), by the closed form of the
 * file head, which is a difference divided by gamma - 1. Each case brings it
 * to expm1() of the logarithm of a beta ratio, so that no digits are lost near
 * gamma = 1. At gamma = 1 the limit is a sum of 1 / (stay + k).
 */
static double
survival_sum(double gamma, double stay, double count)
{
	double excess = gamma - 1.0;

	if (isinf(count))
		return excess > 0.0 ? stay / excess : INFINITY;
	if (excess == 0.0)
		return stay * math_digamma_difference(stay + 1.0, count);
	if (excess > 0.0)
		return -stay * expm1(math_log_beta_ratio(stay + 1.0, excess, count)) /
			   excess;
	return stay * expm1(-math_log_beta_ratio(stay + gamma, -excess, count)) /
		   -excess;
}

/*
 * S(1) exp(-discount) + ... + S(count) exp(-discount count). Up to
 * ADDED_SINGLY terms are simply added. A longer sum, perhaps an infinite one,
 * is the residual value of sBG, which renewal.c computes without adding all
 * terms.
 */
static double
discounted_survival_sum(double gamma, double stay, double count,
						double discount)
{
	Renewal renewal = {gamma, stay, 1.0};
	double sum = 0.0;
	double survival = 1.0;

	if (discount == 0.0)
		return survival_sum(gamma, stay, count);
	if (count <= ADDED_SINGLY)
	{
		for (double k = 0.0; k < count; k += 1.0)
		{
			survival *= exp(-discount) * (stay + k) / (gamma + (stay + k));
			sum += survival;
		}
		return sum;
	}
	return exp(-discount) *
		   model_renewal_residual(renewal, 1.0, count, discount);
}

/*
 * Eq. 13 of Fader, Hardie & Shang (2010) without the factor P(alive). A
 * customer who is alive in the published sense is there at the next occasion,
 * so the first term has no factor for leaving before it: hence the division by
 * S(1). A horizon that is not whole counts the whole occasions in it.
 */
static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	double n = customer->occasions;
	double stay = parameters[DELTA] + n;
	double purchase = (parameters[ALPHA] + customer->x) /
					  (parameters[ALPHA] + parameters[BETA] + n);
	double next = stay / (parameters[GAMMA] + stay);

	return purchase / next *
		   discounted_survival_sum(parameters[GAMMA], stay, floor(horizon),
								   discount);
}

/*
 * A new customer can leave before the first occasion too, so S(1) stays a
 * factor.
 */
static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	return parameters[ALPHA] / (parameters[ALPHA] + parameters[BETA]) *
		   survival_sum(parameters[GAMMA], parameters[DELTA], floor(horizon));
}

/* At the occasion so far ahead. 0 is the last one seen, 1 gives p_alive. */
static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	double stay = parameters[DELTA] + customer->occasions;

	return there_at_last(parameters, customer) *
		   exp(math_log_beta_ratio(stay, parameters[GAMMA], floor(ahead)));
}

/*
 * The mean number of occasions to come at which the customer is there. It is
 * infinite for gamma <= 1, where some customers hardly ever leave.
 */
static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	if (parameters[GAMMA] <= 1.0)
		return INFINITY;
	return there_at_last(parameters, customer) *
		   survival_sum(parameters[GAMMA],
						parameters[DELTA] + customer->occasions, INFINITY);
}

/* A customer who is still there is a new customer with these parameters. */
static void
there_parameters(const double *p, const ModelRow *customer, double *there)
{
	there[ALPHA] = p[ALPHA] + customer->x;
	there[BETA] = p[BETA] + (customer->occasions - customer->x);
	there[GAMMA] = p[GAMMA];
	there[DELTA] = p[DELTA] + customer->occasions;
}

/*
 * A sum of positive terms over the occasion of some event: the last occasion
 * before leaving, or the count-th purchase. The terms can span many orders of
 * magnitude, so the first one is kept as a logarithm and the others are
 * relative to it.
 */
typedef struct ScaledSum
{
	double log_scale;
	double term;
	double sum;
} ScaledSum;

/*
 * Goes to the next term. Terms first grow and then fall, so a large term moves
 * into the scale, and nothing that matters can underflow.
 */
static void
multiply_term(ScaledSum *scaled, double factor)
{
	scaled->term *= factor;
	if (scaled->term > RESCALE)
	{
		scaled->log_scale += log(RESCALE);
		scaled->sum /= RESCALE;
		scaled->term /= RESCALE;
	}
}

/*
 * The probability of buying, and staying, on each of the first count
 * occasions.
 */
static ScaledSum
first_term(const double *p, double count)
{
	return (ScaledSum){math_log_beta_ratio(p[ALPHA], p[BETA], count) +
						   math_log_beta_ratio(p[DELTA], p[GAMMA], count),
					   1.0, 0.0};
}

/*
 * The probability of exactly count purchases on the occasions of a customer
 * who is there. b(i) is the beta-binomial probability of count purchases on i
 * occasions. The sum is over the number i of occasions before leaving, and its
 * last term belongs to a customer who stays for all of them. O(occasions).
 */
static double
probability_there(const double *p, double count, double occasions)
{
	ScaledSum all = first_term(p, count);

	if (count > occasions)
		return 0.0;
	for (double i = count; i < occasions; i += 1.0)
	{
		double misses = i - count;
		double leaving = p[GAMMA] + (p[DELTA] + i);

		all.sum += all.term * p[GAMMA] / leaving;
		multiply_term(&all,
					  (p[DELTA] + i) / leaving * ((i + 1.0) / (misses + 1.0)) *
						  ((p[BETA] + misses) / (p[ALPHA] + p[BETA] + i)));
	}
	return exp(all.log_scale + log(all.sum + all.term));
}

/*
 * A customer who is lost makes no purchase, so that case adds to count 0
 * alone.
 */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	double p[N_PARAMETERS];
	double there = there_at_last(parameters, customer);
	double nothing = count == 0 ? 1.0 - there : 0.0;

	there_parameters(parameters, customer, p);
	return nothing + there * probability_there(p, count, floor(horizon));
}

/*
 * The sum over the occasion of the count-th purchase, on which the customer is
 * still there. It is a sum of positive terms, unlike 1 less the probabilities
 * of smaller counts, so small results keep their digits.
 */
static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	double occasions = floor(horizon);
	double p[N_PARAMETERS];
	ScaledSum all;

	if (count > occasions)
		return 0.0;
	there_parameters(parameters, customer, p);
	all = first_term(p, count);
	for (double i = count; i < occasions; i += 1.0)
	{
		double misses = i - count;

		all.sum += all.term;
		multiply_term(&all,
					  (p[DELTA] + i) / (p[GAMMA] + (p[DELTA] + i)) *
						  (i / (misses + 1.0)) *
						  ((p[BETA] + misses) / (p[ALPHA] + p[BETA] + i)));
	}
	return math_at_most_1(there_at_last(parameters, customer) *
						  exp(all.log_scale + log(all.sum + all.term)));
}

/*
 * The score given the occasion of leaving, and the entries of its Hessian
 * that change from one occasion to the next. Those of alpha and beta come
 * from B(alpha + x, beta + n' - x) / B(alpha, beta) after n' occasions. The
 * ones of gamma and delta from B(gamma + left, delta + n') / B(gamma, delta).
 */
typedef struct Score
{
	double first[N_PARAMETERS];
	double second[N_PARAMETERS][N_PARAMETERS]; /* lower triangle */
} Score;

static Score
score_at(const double *p, const ModelRow *customer, double n)
{
	double both = p[ALPHA] + p[BETA];
	double leaving = p[GAMMA] + p[DELTA];
	double misses = n - customer->x;
	Score score = {0};

	score.first[ALPHA] = math_digamma_difference(p[ALPHA], customer->x) -
						 math_digamma_difference(both, n);
	score.first[BETA] = math_digamma_difference(p[BETA], misses) -
						math_digamma_difference(both, n);
	score.first[GAMMA] = -math_digamma_difference(leaving, n);
	score.first[DELTA] = math_digamma_difference(p[DELTA], n) -
						 math_digamma_difference(leaving, n);
	score.second[BETA][ALPHA] = -math_trigamma_difference(both, n);
	score.second[ALPHA][ALPHA] =
		math_trigamma_difference(p[ALPHA], customer->x) -
		math_trigamma_difference(both, n);
	score.second[BETA][BETA] = math_trigamma_difference(p[BETA], misses) -
							   math_trigamma_difference(both, n);
	score.second[GAMMA][GAMMA] = -math_trigamma_difference(leaving, n);
	score.second[DELTA][GAMMA] = -math_trigamma_difference(leaving, n);
	score.second[DELTA][DELTA] = math_trigamma_difference(p[DELTA], n) -
								 math_trigamma_difference(leaving, n);
	return score;
}

/*
 * One more occasion without a purchase. psi(z + 1) = psi(z) + 1/z turns each
 * difference of digamma functions into one more fraction.
 */
static void
advance_purchases(Score *score, double both, double no_purchase)
{
	double a = 1.0 / both;
	double b = 1.0 / no_purchase;

	score->first[ALPHA] -= a;
	score->first[BETA] += b - a;
	score->second[ALPHA][ALPHA] += a * a;
	score->second[BETA][ALPHA] += a * a;
	score->second[BETA][BETA] += a * a - b * b;
}

/*
 * One more chance to leave. This part is the same whether the customer left or
 * stayed, so it comes before the two are told apart.
 */
static void
advance_leaving(Score *score, double leaving)
{
	double a = 1.0 / leaving;

	score->first[GAMMA] -= a;
	score->first[DELTA] -= a;
	score->second[GAMMA][GAMMA] += a * a;
	score->second[DELTA][GAMMA] += a * a;
	score->second[DELTA][DELTA] += a * a;
}

/* The part of a customer who stayed. */
static void
advance_staying(Score *score, double stay)
{
	score->first[DELTA] += 1.0 / stay;
	score->second[DELTA][DELTA] -= 1.0 / (stay * stay);
}

/*
 * Sums over the occasion of leaving, weighted by its probability: of the
 * score, and of the square of the score plus its Hessian.
 */
typedef struct ScoreSums
{
	double weight;
	Score sums;
} ScoreSums;

/*
 * Adds one possible occasion of leaving. add_row() gets the mean and the
 * variance of the score from these sums.
 */
static void
add_score(ScoreSums *all, const Score *score, double weight)
{
	all->weight += weight;
	for (int i = 0; i < N_PARAMETERS; i++)
	{
		all->sums.first[i] += weight * score->first[i];
		for (int j = 0; j <= i; j++)
			all->sums.second[i][j] +=
				weight *
				(score->second[i][j] + score->first[i] * score->first[j]);
	}
}

/* Having left with the next chance: B(gamma + 1, delta + n'). */
static Score
score_of_leaving(Score next, double gamma)
{
	next.first[GAMMA] += 1.0 / gamma;
	next.second[GAMMA][GAMMA] -= 1.0 / (gamma * gamma);
	return next;
}

/*
 * The same walk as likelihood_shares(), with the score of each case. The
 * weights add up to the likelihood over a(0).
 */
static ScoreSums
sum_scores(const double *p, const ModelRow *customer)
{
	Score score = score_at(p, customer, customer->t_x);
	double there = 1.0;
	ScoreSums all = {0};

	for (double n = customer->t_x; n < customer->occasions; n += 1.0)
	{
		double stay = p[DELTA] + n;
		double leaving = p[GAMMA] + stay;
		double no_purchase = p[BETA] + (n - customer->x);
		double both = p[ALPHA] + p[BETA] + n;
		Score left;

		pause_at((size_t) (n - customer->t_x));
		advance_leaving(&score, leaving);
		left = score_of_leaving(score, p[GAMMA]);
		add_score(&all, &left, there * p[GAMMA] / leaving);
		advance_staying(&score, stay);
		advance_purchases(&score, both, no_purchase);
		there *= stay / leaving * no_purchase / both;
		if (there < NEGLIGIBLE * all.weight)
			return all;
	}
	add_score(&all, &score, there);
	return all;
}

/*
 * Louis (1982): the score of the record is the mean of the scores given the
 * unseen occasion, and its Hessian is the mean Hessian plus the variance of
 * the scores.
 */
static void
add_row(const ModelKind *kind, const double *p, const ModelRow *customer,
		ModelSums *sums)
{
	double customers = (double) customer->customers;
	ScoreSums all = sum_scores(p, customer);
	double mean[N_PARAMETERS];

	sums->value += customers * (log_base(p, customer) + log(all.weight));
	for (int i = 0; i < N_PARAMETERS; i++)
	{
		mean[i] = all.sums.first[i] / all.weight;
		sums->gradient[i] += customers * mean[i];
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] +=
				customers *
				(all.sums.second[i][j] / all.weight - mean[i] * mean[j]);
	}
}

/* The share of occasions with a purchase fixes alpha / (alpha + beta). */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	static const double sizes[][3] = {
		{2.0, 0.7, 3.0}, {0.5, 0.2, 0.5}, {10.0, 2.0, 20.0}};
	int n_sizes = sizeof(sizes) / sizeof(sizes[0]);
	double share = sample->total_purchases / sample->total_t;

	if (attempt >= n_sizes)
		return false;
	/* Some customers leave, so the others buy more often than the mean. */
	share = fmin(fmax(1.5 * share, 0.001), 0.9);
	parameters[ALPHA] = sizes[attempt][0] * share;
	parameters[BETA] = sizes[attempt][0] * (1.0 - share);
	parameters[GAMMA] = sizes[attempt][1];
	parameters[DELTA] = sizes[attempt][2];
	return true;
}

static const ModelParameter parameters_of_bg_bb[N_PARAMETERS] = {
	[ALPHA] =
		MODEL_BETA_CHANCE("alpha", "hardly anybody seems to buy", "beta",
						  "customers seem to buy on every occasion", "buy"),
	[GAMMA] = MODEL_BETA_DROPOUT("gamma", "delta"),
};

static const ModelOperations operations = {MODEL_FIT_BY_ROW,
										   MODEL_PURCHASE_ANSWERS};

const ModelKind model_bg_bb = {MODEL_KIND(
	"bg_bb", MODEL_OCCASIONS, N_PARAMETERS, parameters_of_bg_bb, operations)};
