/*-------------------------------------------------------------------------
 *
 * compare.h
 *		The order of whole numbers and of bytes, for sorting.
 *
 * All functions return a number below zero, zero or above zero, as for qsort.
 * Two numbers are compared twice and not subtracted: their difference may
 * overflow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_COMPARE_H
#define CRM_MATH_COMPARE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline int
compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Lists of as many numbers, by the first one that differs. */
static inline int
compare_lists(const int64_t *a, const int64_t *b, size_t count)
{
	int order = 0;

	for (size_t i = 0; i < count && order == 0; i++)
		order = compare_numbers(a[i], b[i]);
	return order;
}

/*
 * Bytes, which no collation changes. Bytes that are the front of others come
 * before them, as for bytea.
 */
static inline int
compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
	int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

	return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

#endif /* CRM_MATH_COMPARE_H */
