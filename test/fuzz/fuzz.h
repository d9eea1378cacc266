/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What the fuzz targets of the pure C share.
 *
 * A target is one file with the function LLVMFuzzerTestOneInput. It turns any
 * bytes into arguments that the server could pass too, calls the pure C, and
 * requires what the headers promise. libFuzzer of clang calls it with bytes
 * that it changes for new paths (scripts/test hostile). replay.c calls it with
 * the files of the corpus and with changed copies of them (scripts/test unit).
 *
 * Bytes that run out are zeros, so a target needs no check of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header. The sanitizers and libFuzzer report the abort. */
#define require(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, \
					#condition); \
			abort(); \
		} \
	} while (0)

/* The bytes that are not taken yet. They belong to the caller. */
typedef struct FuzzInput
{
	const uint8_t *next;
	size_t size;
} FuzzInput;

static inline void
take(FuzzInput *input, void *target, size_t size)
{
	size_t there = size < input->size ? size : input->size;

	memset(target, 0, size);
	if (there > 0)
		memcpy(target, input->next, there);
	input->next += there;
	input->size -= there;
}

static inline uint8_t
take_byte(FuzzInput *input)
{
	uint8_t value;

	take(input, &value, sizeof(value));
	return value;
}

static inline int64_t
take_integer(FuzzInput *input)
{
	int64_t value;

	take(input, &value, sizeof(value));
	return value;
}

/* A whole number from 0 to one less than the limit. */
static inline int64_t
take_below(FuzzInput *input, int64_t limit)
{
	return (int64_t) ((uint64_t) take_integer(input) % (uint64_t) limit);
}

/*
 * A number from least to greatest, which are above 0. The logarithm is spread
 * evenly, and both ends are frequent.
 */
static inline double
take_between(FuzzInput *input, double least, double greatest)
{
	uint16_t part;
	double value;

	take(input, &part, sizeof(part));
	if (part < 2000)
		return least;
	if (part > 63000)
		return greatest;
	value = least * pow(greatest / least, (part - 2000) / 61000.0);
	return value < least ? least : value > greatest ? greatest : value;
}

/* The same, or 0. */
static inline double
take_from_zero(FuzzInput *input, double least, double greatest)
{
	bool is_zero = take_byte(input) % 8 == 0;
	double value = take_between(input, least, greatest);

	return is_zero ? 0.0 : value;
}

#endif /* FUZZ_H */
