/*-------------------------------------------------------------------------
 *
 * fuzz_special.c
 *		Special functions over the whole range of the models.
 *
 * Arguments are from 1e-12 to 1e12, as parameters, counts and times of models
 * are. Every answer must be a number. Signs, limits and recurrences of the
 * headers must hold.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "math/beta_rule.h"
#include "math/exponential_integral.h"
#include "math/special.h"

/* True if both agree to so many parts of the larger one. */
static bool
close_to(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * fmax(1.0, fmax(fabs(a), fabs(b)));
}

static void
gamma_functions(double a, double b, double n)
{
	require(math_log_rising_factorial(a, 0.0) == 0.0);
	require(isfinite(math_log_rising_factorial(a, n)));
	require(math_log_beta_ratio(a, b, n) <= 0.0);
	require(isfinite(math_log_beta(a, b)));
	require(close_to(math_log_beta(a, b), math_log_beta(b, a), 1e-9));
	require(isfinite(math_digamma(a)) && isfinite(math_trigamma(a)));
	require(math_trigamma(a) > 0.0);
	require(isfinite(math_log_gamma_peak(a)));
	require(math_log_minus_digamma(a) > 0.0);
	require(math_inverse_minus_trigamma(a) < 0.0);
	require(math_digamma_difference(a, n) >= 0.0);
	require(math_trigamma_difference(a, n) <= 0.0);
}

static void
logarithms(double a, double b, double g)
{
	require(math_log1pmx(a) <= 0.0);
	require(math_log1p_quotient(a, b, log(b)) >= 0.0);
	require(math_log1mexp(a) <= 0.0 && !isnan(math_log1mexp(a)));
	require(math_logistic(g) >= 0.0 && math_logistic(g) <= 1.0);
	require(close_to(math_logistic(g) + math_logistic(-g), 1.0, 1e-15));
	require(math_log1pexp(g) >= 0.0);
}

/* The bounds of the header, with room for rounding. */
static void
integral(double n, double z)
{
	double value = math_exponential_integral(n, z);

	require(value >= (1.0 - 1e-12) / (z + n));
	require(value <= (1.0 + 1e-12) / (z + n - 1.0));
}

/* The mean of 1 / (p + s) lies between those of both ends. */
static void
beta_means(double a, double b, double smallest)
{
	static BetaNode nodes[BETA_MAX_NODES];
	BetaFunction function = {
		.smallest = smallest, .fall = 1.0, .least = 0.0, .strip = 3.0};
	int count = beta_nodes(a, b, function, nodes);
	double sum = 0.0;
	double weights = 0.0;

	require(count > 0 && count <= BETA_MAX_NODES);
	for (int i = 0; i < count; i++)
	{
		require(nodes[i].weight >= 0.0);
		require(nodes[i].p >= 0.0 && nodes[i].p <= 1.0);
		weights += nodes[i].weight;
		sum += nodes[i].weight / (nodes[i].p + smallest);
	}
	require(weights > 0.0 && isfinite(weights));
	require(sum / weights >= (1.0 - 1e-12) / (1.0 + smallest));
	require(sum / weights <= (1.0 + 1e-12) / smallest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, size};
	int choice = take_byte(&input) % 4;
	double a = take_between(&input, 1e-12, 1e12);
	double b = take_between(&input, 1e-12, 1e12);
	double n = take_from_zero(&input, 1.0, 1e12);

	switch (choice)
	{
		case 0:
			gamma_functions(a, b, n);
			break;
		case 1:
			logarithms(a, b, take_byte(&input) & 1 ? a : -a);
			break;
		case 2:
			integral(1.0 + n, a);
			break;
		default:
			beta_means(a, b, take_between(&input, 1e-12, 1.0));
	}
	return 0;
}
