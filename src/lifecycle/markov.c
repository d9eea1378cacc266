/*-------------------------------------------------------------------------
 *
 * markov.c
 *		Markov chains of a few states.
 *
 * Systems are solved by elimination with partial pivoting. Each system
 * contains only the states that matter: closed classes without a reward are
 * left out, because I - P is singular over a closed class (its rows add up to
 * 0). So a chain without a discount has a solution whenever the sum is finite.
 *
 * The stationary distribution is a singular system. It is solved by the
 * elimination of Grassmann, Taksar and Heyman (1985), which never subtracts
 * and so loses no digit.
 *
 *-------------------------------------------------------------------------
 */
#include "lifecycle/markov.h"

#include "math/pause.h"

#include <math.h>
#include <string.h>

/* States in a word of the closure. */
#define BITS 64

/*
 * A count is exact as double up to 2^53. Without moves and smoothing a row has
 * no frequencies. The state then stays what it is, which makes it absorbing.
 */
void
markov_set(MarkovChain *chain, const int64_t *counts, double smoothing)
{
	int n = chain->n;

	for (int i = 0; i < n; i++)
	{
		double *row = chain->p + (size_t) i * n;
		double total = 0;

		for (int j = 0; j < n; j++)
		{
			row[j] = (double) counts[(size_t) i * n + j] + smoothing;
			total += row[j];
		}
		for (int j = 0; j < n && total > 0; j++)
			row[j] = isinf(total) ? 1.0 / n : row[j] / total;
		if (!(total > 0))
			row[i] = 1;
	}
}

/*
 * Classes
 */

/* One bit of the closure. */
static bool
reaches(const uint64_t *reach, size_t words, int from, int to)
{
	return (reach[from * words + to / BITS] >> (to % BITS)) & 1;
}

/*
 * Warshall's closure (1962), 64 states at a time: O(n^3 / 64). Every state
 * reaches itself, in no step.
 */
static void
close_reach(const MarkovChain *chain, uint64_t *reach, size_t words)
{
	int n = chain->n;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (i == j || chain->p[(size_t) i * n + j] > 0)
				reach[i * words + j / BITS] |= UINT64_C(1) << (j % BITS);
	for (int via = 0; via < n; via++)
	{
		pause_here();
		for (int i = 0; i < n; i++)
			if (reaches(reach, words, i, via))
				for (size_t word = 0; word < words; word++)
					reach[i * words + word] |= reach[via * words + word];
	}
}

/*
 * A state is recurrent if each state that it reaches also reaches it. All
 * states that it reaches are then its class, so the class is known if one of
 * them came before. Otherwise the state begins a new class. A chain has one
 * closed class at least.
 */
void
markov_classify(MarkovChain *chain, uint64_t *reach)
{
	int n = chain->n;
	size_t words = ((size_t) n + BITS - 1) / BITS;

	close_reach(chain, reach, words);
	chain->classes = 0;
	for (int i = 0; i < n; i++)
	{
		int class_of = -1;
		bool recurrent = true;

		for (int j = 0; j < n && recurrent; j++)
		{
			if (!reaches(reach, words, i, j))
				continue;
			recurrent = reaches(reach, words, j, i);
			if (j < i && class_of < 0)
				class_of = chain->class_of[j];
		}
		if (recurrent && class_of < 0)
			class_of = chain->classes++;
		chain->class_of[i] = recurrent ? class_of : -1;
	}
}

/*
 * Comparing p[i][i] with 1 would fail by rounding, so the way out is what
 * counts.
 */
bool
markov_is_absorbing(const MarkovChain *chain, int state)
{
	if (chain->class_of[state] < 0)
		return false;
	for (int j = 0; j < chain->n; j++)
		if (j != state && chain->p[(size_t) state * chain->n + j] > 0)
			return false;
	return true;
}

/*
 * Equations
 */

/* Exchanges two rows. Equal rows are possible and harmless. */
static void
swap_rows(double *matrix, int a, int b, int columns)
{
	for (int j = 0; j < columns; j++)
	{
		double value = matrix[(size_t) a * columns + j];

		matrix[(size_t) a * columns + j] = matrix[(size_t) b * columns + j];
		matrix[(size_t) b * columns + j] = value;
	}
}

/*
 * Solves a x = b, for several columns of b, which become those of x. Both
 * matrices are overwritten. False if a is singular.
 *
 * Elimination with partial pivoting, O(n^3 + n^2 columns). Rows of I - P/(1 +
 * d) are mostly zero below the diagonal, hence the test for a factor of 0.
 * Interrupts are served once for each pivot: that is the longest stretch,
 * O(n^2).
 */
static bool
solve(double *a, double *b, int n, int columns)
{
	for (int k = 0; k < n; k++)
	{
		int pivot = k;

		pause_here();
		for (int i = k + 1; i < n; i++)
			if (fabs(a[(size_t) i * n + k]) > fabs(a[(size_t) pivot * n + k]))
				pivot = i;
		if (!(fabs(a[(size_t) pivot * n + k]) > 0))
			return false;
		swap_rows(a, k, pivot, n);
		swap_rows(b, k, pivot, columns);
		for (int i = k + 1; i < n; i++)
		{
			double factor = a[(size_t) i * n + k] / a[(size_t) k * n + k];

			if (factor == 0)
				continue;
			for (int j = k; j < n; j++)
				a[(size_t) i * n + j] -= factor * a[(size_t) k * n + j];
			for (int j = 0; j < columns; j++)
				b[(size_t) i * columns + j] -=
					factor * b[(size_t) k * columns + j];
		}
	}
	for (int k = n - 1; k >= 0; k--)
	{
		pause_here();
		for (int j = 0; j < columns; j++)
		{
			double sum = b[(size_t) k * columns + j];

			for (int i = k + 1; i < n; i++)
				sum -= a[(size_t) k * n + i] * b[(size_t) i * columns + j];
			b[(size_t) k * columns + j] = sum / a[(size_t) k * n + k];
		}
	}
	return true;
}

/* work = I - factor P over the members of a set of states. */
static void
set_equations(MarkovChain *chain, int members, double factor)
{
	for (int i = 0; i < members; i++)
	{
		const double *row = chain->p + (size_t) chain->members[i] * chain->n;

		for (int j = 0; j < members; j++)
			chain->work[(size_t) i * members + j] =
				(i == j) - factor * row[chain->members[j]];
	}
}

/* An overflow gives infinity or NaN, and never a wrong finite number. */
static bool
all_finite(const double *values, int n)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/*
 * Values
 */

/*
 * Solves (I - P / (1 + d)) V = R.
 *
 * With a discount the sum is finite in all states. Without one, closed classes
 * must have no reward. They are left out, because I - P is singular over them,
 * and their value is 0.
 *
 * A negative discount lets rewards grow. The sum over the remaining states is
 * then finite only if they are left faster than rewards grow, that is if the
 * spectral radius of A = P / (1 + d) is below 1. No eigenvalue is needed to
 * see that: I - A is then a nonsingular M-matrix, and it is one if and only if
 * (I - A) x = 1 has a solution that is positive everywhere (Berman and
 * Plemmons 1979). This is the second right side. A singular system means that
 * A has the eigenvalue 1, so the radius is at least 1.
 */
MarkovFault
markov_value(MarkovChain *chain, const double *reward, double discount,
			 double *value)
{
	int members = 0;

	for (int i = 0; i < chain->n; i++)
	{
		value[i] = 0;
		if (discount > 0 || chain->class_of[i] < 0)
			chain->members[members++] = i;
		else if (reward[i] != 0)
			return MARKOV_REWARD_FOR_EVER;
	}
	set_equations(chain, members, 1 / (1 + discount));
	for (int i = 0; i < members; i++)
	{
		chain->right[2 * i] = reward[chain->members[i]];
		chain->right[2 * i + 1] = 1;
	}
	if (!solve(chain->work, chain->right, members, 2))
		return MARKOV_DIVERGES;
	for (int i = 0; i < members; i++)
	{
		if (!(chain->right[2 * i + 1] > 0))
			return MARKOV_DIVERGES;
		value[chain->members[i]] = chain->right[2 * i];
	}
	return all_finite(value, chain->n) ? MARKOV_OK : MARKOV_NOT_FINITE;
}

/*
 * Horner's rule: V = R + P / (1 + d) (R + P / (1 + d) (...)). O(horizon n^2),
 * without a power of the matrix. value and next must be two arrays, because
 * each new value needs all old ones.
 */
MarkovFault
markov_value_until(MarkovChain *chain, const double *reward, double discount,
				   int horizon, double *value)
{
	int n = chain->n;
	double *next = chain->right;

	memcpy(value, reward, (size_t) n * sizeof(double));
	for (int t = 0; t < horizon; t++)
	{
		pause_here();
		for (int i = 0; i < n; i++)
		{
			double sum = 0;

			for (int j = 0; j < n; j++)
				sum += chain->p[(size_t) i * n + j] * value[j];
			next[i] = reward[i] + sum / (1 + discount);
		}
		memcpy(value, next, (size_t) n * sizeof(double));
	}
	return all_finite(value, n) ? MARKOV_OK : MARKOV_NOT_FINITE;
}

/*
 * Times and ends
 */

/* The row of a target becomes that of the identity: time stops there. */
static void
make_absorbing(MarkovChain *chain, const bool *target)
{
	for (int i = 0; i < chain->n; i++)
		for (int j = 0; j < chain->n && target[i]; j++)
			chain->p[(size_t) i * chain->n + j] = i == j;
}

/*
 * Can the chain end in a closed class that is no target? The expected time to
 * a target is then infinite, because with some probability it never comes.
 */
static bool
may_miss(const MarkovChain *chain, const bool *target, const uint64_t *reach,
		 int state)
{
	size_t words = ((size_t) chain->n + BITS - 1) / BITS;

	for (int j = 0; j < chain->n; j++)
		if (chain->class_of[j] >= 0 && !target[j] &&
			reaches(reach, words, state, j))
			return true;
	return false;
}

/*
 * Systems (I - Q) X = B over transient states, where Q is P among them and B
 * has nothing below 0. The states are taken out one after the other, as in
 * eliminate_states(): the probability to leave a state is the sum of its moves
 * to other states and out of the set, and not 1 - q, which would cancel where
 * customers hardly ever leave. Nothing is subtracted, so each number keeps
 * its digits (O'Cinneide 1993).
 */

/* work = Q, out[i] = the probability of member i to leave the set. */
static void
set_moves(MarkovChain *chain, int members, double *out)
{
	for (int i = 0; i < members; i++)
	{
		const double *row = chain->p + (size_t) chain->members[i] * chain->n;
		int k = 0;

		out[i] = 0;
		for (int j = 0; j < chain->n; j++)
			if (k < members && chain->members[k] == j)
				chain->work[(size_t) i * members + k++] = row[j];
			else
				out[i] += row[j];
	}
}

/* a[0 .. n) += factor b[0 .. n) */
static void
add_multiple(double *a, double factor, const double *b, int n)
{
	for (int i = 0; i < n; i++)
		a[i] += factor * b[i];
}

/* a[0 .. n) /= divisor */
static void
divide_all(double *a, double divisor, int n)
{
	for (int i = 0; i < n; i++)
		a[i] /= divisor;
}

/* B is in right, with so many columns. X takes its place. */
static void
solve_leaving(MarkovChain *chain, int members, int columns)
{
	double *right = chain->right;
	double *out = right + (size_t) chain->n * chain->n;

	set_moves(chain, members, out);
	for (int k = members - 1; k >= 0; k--)
	{
		double *row = chain->work + (size_t) k * members;
		double *answer = right + (size_t) k * columns;
		double leaving = out[k];

		pause_here();
		for (int j = 0; j < k; j++)
			leaving += row[j];
		divide_all(row, leaving, k);
		divide_all(answer, leaving, columns);
		for (int i = 0; i < k; i++)
		{
			double *other = chain->work + (size_t) i * members;

			add_multiple(right + (size_t) i * columns, other[k], answer,
						 columns);
			out[i] += other[k] * (out[k] / leaving);
			add_multiple(other, other[k], row, k);
		}
	}
	for (int k = 1; k < members; k++)
		for (int j = 0; j < k; j++)
			add_multiple(right + (size_t) k * columns,
						 chain->work[(size_t) k * members + j],
						 right + (size_t) j * columns, columns);
}

/*
 * Solves (I - Q) T = 1 over the states that reach a target for sure: one
 * period passes, then the time of the next state. Such a state can go only to
 * such states and to targets, so nothing is missing in Q. All of them are
 * transient once the targets are absorbing.
 */
MarkovFault
markov_passage_time(MarkovChain *chain, const bool *target, uint64_t *reach,
					double *periods)
{
	int members = 0;

	make_absorbing(chain, target);
	markov_classify(chain, reach);
	for (int i = 0; i < chain->n; i++)
	{
		periods[i] = target[i] ? 0 : INFINITY;
		if (!target[i] && !may_miss(chain, target, reach, i))
			chain->members[members++] = i;
	}
	for (int i = 0; i < members; i++)
		chain->right[i] = 1;
	solve_leaving(chain, members, 1);
	for (int i = 0; i < members; i++)
		periods[chain->members[i]] = chain->right[i];
	return all_finite(chain->right, members) ? MARKOV_OK : MARKOV_NOT_FINITE;
}

/*
 * Solves (I - Q) B = P over the transient states: Kemeny and Snell (1960). Q
 * is P among these states, and B has a column for each state of the chain.
 * Only the columns of absorbing states are asked for, but solving for all of
 * them costs no more than the elimination.
 */
MarkovFault
markov_absorption(MarkovChain *chain)
{
	int n = chain->n;
	int members = 0;
	bool any = false;

	for (int i = 0; i < n; i++)
	{
		any |= markov_is_absorbing(chain, i);
		if (chain->class_of[i] < 0)
			chain->members[members++] = i;
	}
	if (!any)
		return MARKOV_NO_ABSORBING;
	for (int i = 0; i < members; i++)
		memcpy(chain->right + (size_t) i * n,
			   chain->p + (size_t) chain->members[i] * n,
			   (size_t) n * sizeof(double));
	solve_leaving(chain, members, n);
	if (!all_finite(chain->right, members * n))
		return MARKOV_NOT_FINITE;

	/*
	 * Spread the rows of the members to the rows of their states. The last
	 * one comes first, so no row is overwritten before it has moved.
	 */
	for (int i = n - 1; i >= 0; i--)
	{
		double *row = chain->right + (size_t) i * n;

		if (members > 0 && chain->members[members - 1] == i)
			memmove(row, chain->right + (size_t) --members * n,
					(size_t) n * sizeof(double));
		else
			for (int j = 0; j < n; j++)
				row[j] = i == j;
	}
	return MARKOV_OK;
}

/*
 * Takes the last state out of the chain until one is left (Grassmann, Taksar
 * and Heyman 1985). A path through the state that is taken out becomes a
 * direct move of the others.
 *
 * The probability to leave is the sum of the moves to the remaining states.
 * The textbook formula 1 - p would cancel. The sum is above 0, because a
 * closed class reaches each of its states. Back substitution then gives the
 * shares relative to state 0. total adds them up and divides, so they add up
 * to 1.
 */
static void
eliminate_states(double *a, double *share, int n)
{
	double total = 1;

	for (int k = n - 1; k > 0; k--)
	{
		double leaving = 0;

		pause_here();
		for (int j = 0; j < k; j++)
			leaving += a[(size_t) k * n + j];
		for (int i = 0; i < k; i++)
		{
			a[(size_t) i * n + k] /= leaving;
			for (int j = 0; j < k; j++)
				a[(size_t) i * n + j] +=
					a[(size_t) i * n + k] * a[(size_t) k * n + j];
		}
	}
	share[0] = 1;
	for (int k = 1; k < n; k++)
	{
		share[k] = 0;
		for (int i = 0; i < k; i++)
			share[k] += share[i] * a[(size_t) i * n + k];
		total += share[k];
		/* Ratios of shares may be beyond a double, shares are not. */
		if (total > 1e100)
		{
			divide_all(share, total, k + 1);
			total = 1;
		}
	}
	for (int k = 0; k < n; k++)
		share[k] /= total;
}

/*
 * The shares solve share P = share, a system that is singular by nature: it
 * has one solution for each closed class. So there must be one class, and the
 * elimination runs over its states only.
 */
MarkovFault
markov_steady_state(MarkovChain *chain, double *share)
{
	int members = 0;

	if (chain->classes != 1)
		return MARKOV_MANY_CLASSES;
	for (int i = 0; i < chain->n; i++)
		if (chain->class_of[i] == 0)
			chain->members[members++] = i;
	for (int i = 0; i < members; i++)
		for (int j = 0; j < members; j++)
			chain->work[(size_t) i * members + j] =
				chain->p[(size_t) chain->members[i] * chain->n +
						 chain->members[j]];
	eliminate_states(chain->work, chain->right, members);
	memset(share, 0, (size_t) chain->n * sizeof(double));
	for (int i = 0; i < members; i++)
		share[chain->members[i]] = chain->right[i];
	return all_finite(share, chain->n) ? MARKOV_OK : MARKOV_NOT_FINITE;
}
