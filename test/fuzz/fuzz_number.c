/*-------------------------------------------------------------------------
 *
 * fuzz_number.c
 *		Amounts from the bytes of a numeric, packed integers, exact sums.
 *
 * The first byte chooses. The header of a numeric is there, and
 * all its bytes may be any bytes. Integers
 * must come back from their packed form as they were. A sum must not
 * depend on the order of its terms, and its digits on how it was merged.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base/decimal.h"
#include "math/exact_sum.h"
#include "rfm/packed.h"
#include "rfm/quantile.h"

#define MOST_VALUES 256

static void
read_numeric(const uint8_t *data, size_t size)
{
	Decimal decimal;

	if (size < 4) /* the longest header */
		return;
	(void) decimal_numeric_below(data, size, DECIMAL_MAX_SCALE);
	if (decimal_from_numeric(data, size, &decimal) != DECIMAL_VALID)
		return;
	require(decimal.scale >= 0 && decimal.scale <= DECIMAL_MAX_SCALE);
	require(decimal.units >= -DECIMAL_MAX_UNITS);
	require(decimal.units <= DECIMAL_MAX_UNITS);
}

static void
read_double(FuzzInput *input)
{
	Decimal decimal;
	double value;

	take(input, &value, sizeof(value));
	if (decimal_from_double(value, &decimal) != DECIMAL_VALID)
		return;
	require(decimal.scale >= 0 && decimal.scale <= DECIMAL_MAX_SCALE);
	require(decimal_absolute(decimal.units) <= DECIMAL_MAX_UNITS);
	/* It is rounded to the last decimal, or to the digits of a double. */
	require(fabs((double) decimal.units -
				 value * (double) decimal_powers[decimal.scale]) <=
			0.5 + 1e-10 * fabs((double) decimal.units));
}

static void
pack(FuzzInput *input)
{
	int64_t values[MOST_VALUES];
	int64_t read[MOST_VALUES];
	uint8_t *bytes;
	PackedRange range;
	size_t count = 0;

	while (input->size > 0 && count < MOST_VALUES)
		values[count++] = take_integer(input) % (QUANTILE_MAX_VALUE + 1);
	if (count == 0)
		return;
	range = packed_range(values, count);
	require(range.width >= 0 && range.width <= 8);
	bytes = malloc(count * (size_t) range.width + 1);
	if (bytes == NULL)
		abort();
	packed_write(bytes, values, count, &range);
	packed_read(bytes, read, count, &range);
	require(memcmp(values, read, count * sizeof(int64_t)) == 0);
	free(bytes);
}

/* Thresholds ascend and lie within the values. */
static void
divide(FuzzInput *input)
{
	int64_t values[MOST_VALUES];
	Quantile thresholds[QUANTILE_MAX_GROUPS];
	int groups = 2 + (int) take_below(input, QUANTILE_MAX_GROUPS - 1);
	PackedRange range;
	size_t count = 0;

	while (input->size > 0 && count < MOST_VALUES)
		values[count++] = take_integer(input) % (QUANTILE_MAX_VALUE + 1);
	if (count == 0)
		return;
	range = packed_range(values, count);
	quantile_thresholds(values, count, groups, thresholds);
	for (int i = 0; i < groups - 1; i++)
	{
		require(thresholds[i].whole >= range.least);
		require(thresholds[i].remainder >= 0);
		require(thresholds[i].remainder < groups);
		require(i == 0 || thresholds[i].whole >= thresholds[i - 1].whole);
	}
}

/* Terms from the first to the last, from the last to the first, in halves. */
static void
add_up(FuzzInput *input)
{
	double values[MOST_VALUES];
	ExactSum forward = {0};
	ExactSum backward = {0};
	ExactSum half = {0};
	double sum;
	double other;
	size_t count = 0;

	while (input->size > 0 && count < MOST_VALUES)
		take(input, &values[count++], sizeof(double));
	for (size_t i = 0; i < count; i++)
	{
		exact_sum_add(i % 2 ? &half : &forward, values[i]);
		exact_sum_add(&backward, values[count - 1 - i]);
	}
	exact_sum_merge(&forward, &half);
	sum = exact_sum_value(&forward);
	other = exact_sum_value(&backward);
	require((isnan(sum) && isnan(other)) || sum == other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, size};

	switch (take_byte(&input) % 5)
	{
		case 0:
			read_numeric(input.next, input.size);
			break;
		case 1:
			read_double(&input);
			break;
		case 2:
			pack(&input);
			break;
		case 3:
			divide(&input);
			break;
		default:
			add_up(&input);
	}
	return 0;
}
