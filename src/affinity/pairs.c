/*-------------------------------------------------------------------------
 *
 * pairs.c
 *		Pairs of products in the same baskets.
 *
 *-------------------------------------------------------------------------
 */
#include "affinity/pairs.h"

#include "math/compare.h"
#include "math/pause.h"
#include "math/sort.h"

#include <stdlib.h>
#include <string.h>

/* No basket has this number. */
#define NO_BASKET UINT32_MAX

/*
 * Turns the sizes of lists, each one place further up, into their starts.
 */
static void
add_up(PairLists *lists)
{
	for (uint32_t i = 0; i < lists->count; i++)
		lists->start[i + 1] += lists->start[i];
}

/*
 * Moves the starts back by one list. While items were put into the lists,
 * start[i] grew to the end of list i, which is the start of list i + 1.
 */
static void
move_back(PairLists *lists)
{
	memmove(lists->start + 1, lists->start, lists->count * sizeof(uint64_t));
	lists->start[0] = 0;
}

/*
 * A counting sort, and then the removal of repeats. last_basket tells for each
 * product the last basket in which it was seen. Baskets are read one after
 * the other, so one number for each product is enough.
 */
void
pairs_sort_baskets(const PairRow *rows, size_t count, PairLists *baskets,
				   uint32_t *last_basket, uint32_t products)
{
	uint64_t kept = 0;
	uint64_t begin = 0;

	memset(baskets->start, 0, (baskets->count + 1) * sizeof(uint64_t));
	for (size_t i = 0; i < count; i++)
	{
		pause_at(i);
		baskets->start[rows[i].basket + 1]++;
	}
	add_up(baskets);
	for (size_t i = 0; i < count; i++)
	{
		pause_at(i);
		baskets->items[baskets->start[rows[i].basket]++] = rows[i].product;
	}
	move_back(baskets);
	for (uint32_t i = 0; i < products; i++)
		last_basket[i] = NO_BASKET;
	for (uint32_t basket = 0; basket < baskets->count; basket++)
	{
		uint64_t end = baskets->start[basket + 1];

		pause_here();
		for (uint64_t i = begin; i < end; i++)
		{
			uint32_t product = baskets->items[i];

			if (last_basket[product] == basket)
				continue;
			last_basket[product] = basket;
			baskets->items[kept++] = product;
		}
		begin = end;
		baskets->start[basket + 1] = kept;
	}
}

/* The baskets of each product, by the same counting sort. */
void
pairs_sort_products(const PairLists *baskets, PairLists *products)
{
	uint64_t count = baskets->start[baskets->count];

	memset(products->start, 0, (products->count + 1) * sizeof(uint64_t));
	for (uint64_t i = 0; i < count; i++)
	{
		pause_at(i);
		products->start[baskets->items[i] + 1]++;
	}
	add_up(products);
	for (uint32_t basket = 0; basket < baskets->count; basket++)
	{
		pause_here();
		for (uint64_t i = baskets->start[basket];
			 i < baskets->start[basket + 1]; i++)
			products->items[products->start[baskets->items[i]]++] = basket;
	}
	move_back(products);
}

/* Each pair is counted once, from its product of the lower number. */
uint32_t
pairs_count(const PairLists *baskets, const PairLists *products,
			uint32_t product, uint32_t *counts, uint32_t *others)
{
	uint32_t found = 0;

	for (uint64_t i = products->start[product];
		 i < products->start[product + 1]; i++)
	{
		uint32_t basket = products->items[i];
		uint64_t end = baskets->start[basket + 1];

		pause_here();
		for (uint64_t j = baskets->start[basket]; j < end; j++)
		{
			uint32_t other = baskets->items[j];

			if (other > product && counts[other]++ == 0)
				others[found++] = other;
		}
	}
	return found;
}

/* The rarer side of a product: with it, or without it. */
static int64_t
rarer_side(int64_t a, int64_t n)
{
	return a < n - a ? a : n - a;
}

/* The rarest field has the rarer side of both products. */
double
pairs_least_expected(int64_t a, int64_t b, int64_t n)
{
	return (double) rarer_side(a, n) * (double) rarer_side(b, n) / (double) n;
}

/*
 * n (both n - a b)^2 / (a b (n - a) (n - b)), in the form of a squared
 * deviation, which no product of four counts can overflow.
 */
double
pairs_chi_square(int64_t a, int64_t b, int64_t both, int64_t n)
{
	double expected = (double) a * (double) b / (double) n;
	double deviation = (double) both - expected;

	return deviation * deviation / expected * ((double) n / (double) (n - a)) *
		   ((double) n / (double) (n - b));
}

static int
compare_counts(const void *left, const void *right)
{
	return compare_numbers(*(const int64_t *) left, *(const int64_t *) right);
}

/*
 * Sorted, the rare products need common partners: while one end goes up, the
 * other one goes down.
 */
int64_t
pairs_testable(const PairLists *products, int64_t n, double least,
			   int64_t *rarer)
{
	int64_t count = products->count;
	int64_t high = count;
	int64_t pairs = 0;

	for (int64_t i = 0; i < count; i++)
		rarer[i] = rarer_side(
			(int64_t) (products->start[i + 1] - products->start[i]), n);
	sort_rows(rarer, (size_t) count, sizeof(int64_t), compare_counts);
	for (int64_t i = 0; i < count; i++)
	{
		while (high > 0 &&
			   (double) rarer[i] * (double) rarer[high - 1] / (double) n >=
				   least)
			high--;
		pairs += count - (high > i ? high : i + 1);
	}
	return pairs;
}
