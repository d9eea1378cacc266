/*-------------------------------------------------------------------------
 *
 * pairs.h
 *		Pairs of products in the same baskets. Pure C.
 *
 * Products and baskets have numbers from 0. The rows are sorted into two
 * lists: the products of each basket, and the baskets of each product. Then
 * the pairs of one product after the other are counted: each basket of the
 * product is read, and one counter for each other product goes up. This is
 * the product of a sparse matrix with its transpose, row by row (Gustavson
 * 1978). It needs memory for the rows and the products, never for the pairs.
 *
 * The caller owns all arrays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_AFFINITY_PAIRS_H
#define CRM_AFFINITY_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PairRow
{
	uint32_t basket;
	uint32_t product;
} PairRow;

/*
 * Lists of numbers, one after the other: list i is items[start[i]] to
 * items[start[i + 1] - 1].
 */
typedef struct PairLists
{
	uint32_t count; /* of lists */
	uint64_t *start; /* [count + 1] */
	uint32_t *items;
} PairLists;

/*
 * Sorts rows into the products of each basket, and these into the baskets of
 * each product. A product that is in a basket twice counts once.
 */
extern void pairs_sort_baskets(const PairRow *rows, size_t count,
							   PairLists *baskets, uint32_t *last_basket,
							   uint32_t products);
extern void pairs_sort_products(const PairLists *baskets, PairLists *products);

/*
 * Counts the baskets that a product shares with each product after it. Fills
 * "others" with these products, in no order, and returns their number. counts
 * has one number for each product, all 0 before; the caller sets those of the
 * others back to 0.
 */
extern uint32_t pairs_count(const PairLists *baskets,
							const PairLists *products, uint32_t product,
							uint32_t *counts, uint32_t *others);

/*
 * The smallest expected count of the four fields (with and without each of the
 * two products), if the products are independent. a and b are the baskets of
 * the products, n is all baskets.
 */
extern double pairs_least_expected(int64_t a, int64_t b, int64_t n);

/* Pearson's statistic of the four fields. The expected counts are above 0. */
extern double pairs_chi_square(int64_t a, int64_t b, int64_t both, int64_t n);

/*
 * The number of pairs of products whose expected counts are all at least
 * "least". rarer is room for one number for each product.
 */
extern int64_t pairs_testable(const PairLists *products, int64_t n,
							  double least, int64_t *rarer);

#endif /* CRM_AFFINITY_PAIRS_H */
