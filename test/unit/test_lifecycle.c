/*-------------------------------------------------------------------------
 *
 * test_lifecycle.c
 *		Markov chains: known answers, and equations of random chains.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "lifecycle/markov.h"

#define MOST_STATES 70

static double p[MOST_STATES * MOST_STATES];
static double work[MOST_STATES * MOST_STATES];
static double right[MOST_STATES * MOST_STATES + 2 * MOST_STATES];
static int class_of[MOST_STATES];
static int members[MOST_STATES];
static uint64_t reach[MARKOV_REACH_WORDS(MOST_STATES)];

static MarkovChain
make_chain(int n, const int64_t *counts, double smoothing)
{
	MarkovChain chain = {n, p, work, right, class_of, members, 0};

	memset(reach, 0, sizeof(reach));
	markov_set(&chain, counts, smoothing);
	markov_classify(&chain, reach);
	return chain;
}

/* Sparse counts; now and then a state that is never left. */
static void
random_counts(unsigned long long *state, int n, int64_t *counts)
{
	double density = 1.5 / n + random_unit(state) * random_unit(state);

	for (int i = 0; i < n; i++)
	{
		bool left = random_unit(state) < 0.9;

		for (int j = 0; j < n; j++)
			counts[i * n + j] = left && random_unit(state) < density
									? (int64_t) (random_unit(state) * 50)
									: 0;
	}
}

static double
row_product(int n, int row, const double *values)
{
	double sum = 0;

	for (int j = 0; j < n; j++)
		sum += p[row * n + j] * values[j];
	return sum;
}

static void
check_values(MarkovChain *chain, unsigned long long *state, Worst *equation,
			 Worst *horizon)
{
	int n = chain->n;
	double reward[MOST_STATES];
	double value[MOST_STATES];
	double next[MOST_STATES];
	double discount = random_log(state, 1e-3, 2);

	for (int s = 0; s < n; s++)
		reward[s] = random_unit(state) * 10 - 2;
	if (markov_value(chain, reward, discount, value) != MARKOV_OK)
		report(false, "a value with a discount is finite");
	for (int s = 0; s < n; s++)
		compare_scaled(equation, value[s],
					   reward[s] + row_product(n, s, value) / (1 + discount),
					   1 + fabs(value[s]), 1e-11, n);
	markov_value_until(chain, reward, 2.0, 100, value);
	markov_value(chain, reward, 2.0, next);
	for (int s = 0; s < n; s++)
		compare_scaled(horizon, value[s], next[s], 1 + fabs(value[s]), 1e-12,
					   n);
}

/* The share of each state is what flows into it; none is negative. */
static bool
check_steady_state(MarkovChain *chain, Worst *worst)
{
	int n = chain->n;
	double share[MOST_STATES];
	bool positive = true;

	if (markov_steady_state(chain, share) != MARKOV_OK)
		return true;
	for (int s = 0; s < n; s++)
	{
		double sum = 0;

		for (int j = 0; j < n; j++)
			sum += share[j] * p[j * n + s];
		compare_scaled(worst, sum, share[s], 1, 1e-13, n);
		positive &= share[s] >= 0;
	}
	return positive;
}

static void
check_absorption(MarkovChain *chain, Worst *worst)
{
	int n = chain->n;

	if (markov_absorption(chain) != MARKOV_OK)
		return;
	for (int end = 0; end < n; end++)
	{
		if (!markov_is_absorbing(chain, end))
			continue;
		for (int s = 0; s < n; s++)
		{
			double sum = 0;

			for (int j = 0; j < n; j++)
				sum += p[s * n + j] * right[j * n + end];
			compare_scaled(worst, right[s * n + end], sum, 1, 1e-11, n);
		}
	}
}

/* One period, and then the time from where one is. */
static void
check_passage(MarkovChain *chain, unsigned long long *state, Worst *worst)
{
	static double before[MOST_STATES * MOST_STATES];
	int n = chain->n;
	double periods[MOST_STATES];
	bool target[MOST_STATES];

	for (int s = 0; s < n; s++)
		target[s] = random_unit(state) < 0.2 || s == 0;
	memcpy(before, p, sizeof(p));
	memset(reach, 0, sizeof(reach));
	if (markov_passage_time(chain, target, reach, periods) != MARKOV_OK)
		report(false, "a passage time is found");
	for (int s = 0; s < n; s++)
	{
		double sum = 1;

		if (target[s] || !isfinite(periods[s]))
			continue;
		for (int j = 0; j < n; j++)
			if (before[s * n + j] > 0)
				sum += before[s * n + j] * periods[j];
		compare_scaled(worst, periods[s], sum, periods[s], 1e-9, n);
	}
}

static void
test_random_chains(void)
{
	static int64_t counts[MOST_STATES * MOST_STATES];
	unsigned long long state = 21;
	Worst value_worst = {0};
	Worst horizon_worst = {0};
	Worst steady_worst = {0};
	Worst ends_worst = {0};
	Worst time_worst = {0};
	bool positive = true;

	for (int i = 0; i < 2000; i++)
	{
		int most = (MOST_STATES - 1) / (1 + i % 9);
		int n = 1 + (int) (random_unit(&state) * most);
		MarkovChain chain;

		random_counts(&state, n, counts);
		chain = make_chain(n, counts, i % 4 == 0 ? 0.5 : 0);
		check_values(&chain, &state, &value_worst, &horizon_worst);
		positive &= check_steady_state(&chain, &steady_worst);
		check_absorption(&chain, &ends_worst);
		check_passage(&chain, &state, &time_worst);
	}
	report_worst(&value_worst, "V = R + P V / (1 + d)");
	report_worst(&horizon_worst, "a long horizon is the infinite one");
	report_worst(&steady_worst, "the steady state stays");
	report(positive, "and has no negative share");
	report_worst(&ends_worst, "probabilities to be absorbed");
	report_worst(&time_worst, "passage times");
}

/* A walk on 0..n-1 that is absorbed at both ends: known in closed form. */
static void
test_ruin(void)
{
	static int64_t counts[MOST_STATES * MOST_STATES];
	Worst ends = {0};
	Worst times = {0};
	int n = MOST_STATES;
	double periods[MOST_STATES];
	bool target[MOST_STATES] = {false};
	MarkovChain chain;

	for (int i = 1; i < n - 1; i++)
		counts[i * n + i - 1] = counts[i * n + i + 1] = 1;
	target[0] = target[n - 1] = true;
	chain = make_chain(n, counts, 0);
	report(chain.classes == 2 && markov_is_absorbing(&chain, 0) &&
			   !markov_is_absorbing(&chain, 1),
		   "the ends of a walk are absorbing");
	markov_absorption(&chain);
	for (int i = 0; i < n; i++)
		compare(&ends, right[i * n + n - 1], (double) i / (n - 1), 1e-12, i);
	report_worst(&ends, "gambler's ruin: who wins");
	memset(reach, 0, sizeof(reach));
	markov_passage_time(&chain, target, reach, periods);
	for (int i = 0; i < n; i++)
		compare(&times, periods[i], (double) i * (n - 1 - i), 1e-12, i);
	report_worst(&times, "and how long it takes");
}

static void
test_faults(void)
{
	int64_t leaving[] = {1, 1, 0, 1};
	int64_t two_ends[] = {1, 0, 0, 1};
	int64_t turning[] = {0, 1, 1, 0};
	double reward[] = {1, 0};
	double value[2];
	MarkovChain chain = make_chain(2, leaving, 0);

	report(markov_value(&chain, reward, 0, value) == MARKOV_OK &&
			   fabs(value[0] - 2) < 1e-15,
		   "without a discount: finite where one leaves");
	report(markov_value(&chain, reward, -0.5, value) == MARKOV_DIVERGES &&
			   markov_value(&chain, reward, -0.6, value) == MARKOV_DIVERGES,
		   "growth that outruns leaving is found");
	reward[1] = 1;
	report(markov_value(&chain, reward, 0, value) == MARKOV_REWARD_FOR_EVER,
		   "a reward for ever");
	chain = make_chain(2, two_ends, 0);
	report(markov_steady_state(&chain, value) == MARKOV_MANY_CLASSES,
		   "two ends have no steady state");
	chain = make_chain(2, turning, 0);
	report(markov_absorption(&chain) == MARKOV_NO_ABSORBING &&
			   markov_steady_state(&chain, value) == MARKOV_OK &&
			   value[0] == 0.5,
		   "a chain that turns");
}

int
main(void)
{
	test_ruin();
	test_random_chains();
	test_faults();
	return finish();
}
