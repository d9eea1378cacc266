/*-------------------------------------------------------------------------
 *
 * test_decimal.c
 *		Unit tests of amounts: their order, their limits, amounts of doubles.
 *
 * The order of two amounts is compared with that of their products. The
 * amounts are small enough for products of 64 bits, or they lie beside each
 * other at the limits, where the order is known.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "base/decimal.h"

static uint64_t random_state = 20261128;

static int64_t
random_below(int64_t limit)
{
	random_state =
		random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (int64_t) (random_state >> 11) % limit;
}

static int
sign(int64_t value)
{
	return (value > 0) - (value < 0);
}

static void
test_order(void)
{
	bool same = true;
	bool reversed = true;

	for (int i = 0; i < 200000; i++)
	{
		int64_t spread = i % 2 == 0 ? 2000 : 20000000000;
		Decimal a = {random_below(spread) - spread / 2, (int) random_below(9)};
		Decimal b = {random_below(spread) - spread / 2, (int) random_below(9)};
		int less = a.scale < b.scale ? a.scale : b.scale;

		same &= sign(decimal_compare(a, b)) ==
				sign(a.units * decimal_powers[b.scale - less] -
					 b.units * decimal_powers[a.scale - less]);
		reversed &= decimal_compare(a, b) == -decimal_compare(b, a);
	}
	report(same, "amounts of any scales are in the order of their products");
	report(reversed, "the order of two amounts is reversed with them");
}

static void
test_order_at_limits(void)
{
	Decimal most = {DECIMAL_MAX_UNITS, 0};
	Decimal tiny = {1, DECIMAL_MAX_SCALE};
	Decimal large = {DECIMAL_MAX_UNITS, DECIMAL_MAX_SCALE};
	Decimal whole = {INT64_C(10000000000), 0};
	Decimal below = {DECIMAL_MAX_UNITS - 1, DECIMAL_MAX_SCALE};
	Decimal least = {-DECIMAL_MAX_UNITS, 0};

	report(decimal_compare(most, tiny) > 0 &&
			   decimal_compare(least, tiny) < 0 &&
			   decimal_compare(most, large) > 0,
		   "the largest amounts are compared with the smallest");
	report(decimal_compare(whole, large) == 0 &&
			   decimal_compare(whole, below) > 0 &&
			   decimal_compare(below, whole) < 0,
		   "the last of eight decimals decides beside a whole amount");
}

static bool
is_amount(double value, int64_t units, int scale)
{
	Decimal decimal;

	return decimal_from_double(value, &decimal) == DECIMAL_VALID &&
		   decimal.units == units && decimal.scale == scale;
}

static void
test_doubles(void)
{
	Decimal decimal;

	report(is_amount(12.5, 125, 1) && is_amount(-0.01, -1, 2) &&
			   is_amount(0.0, 0, 0) && is_amount(3.0, 3, 0) &&
			   is_amount(0.0001, 1, 4),
		   "a double of money has the scale that it needs");
	report(is_amount(0.00000001, 1, 8) && is_amount(0.000000005, 1, 8) &&
			   is_amount(0.000000004, 0, 0) &&
			   is_amount(-0.000000015, -2, 8) && is_amount(1e-30, 0, 0) &&
			   is_amount(1e-19, 0, 0),
		   "half a unit of eight decimals is rounded away from zero");
	report(
		is_amount(1234567.891234567, INT64_C(123456789123457), 8) &&
			is_amount(1e15, INT64_C(1000000000000000), 0) &&
			is_amount(123456789012345678.0, INT64_C(123456789012346000), 0) &&
			is_amount(nextafter(1e18, 0.0), DECIMAL_MAX_UNITS, 0),
		"a double counts with 15 significant digits");
	report(decimal_from_double(1e18, &decimal) == DECIMAL_FAULT_RANGE &&
			   decimal_from_double(-1e18, &decimal) == DECIMAL_FAULT_RANGE &&
			   is_amount(999999999999999e3, INT64_C(999999999999999000), 0) &&
			   decimal_from_double(999999999999999999.0, &decimal) ==
				   DECIMAL_FAULT_RANGE,
		   "a double of 10^18 or more is out of range");
	report(decimal_from_double(INFINITY, &decimal) == DECIMAL_NOT_FINITE &&
			   decimal_from_double(NAN, &decimal) == DECIMAL_NOT_FINITE,
		   "a double that is not finite has no amount");
}

static void
test_rescale(void)
{
	int64_t units = INT64_C(10000000000);
	int64_t above = units + 1;
	int64_t negative = -units;
	int64_t below = -above;

	report(decimal_rescale(&units, 8) && units == DECIMAL_MAX_UNITS &&
			   decimal_rescale(&negative, 8) && negative == -DECIMAL_MAX_UNITS,
		   "an amount is rescaled up to the limit");
	report(!decimal_rescale(&above, 8) && above == INT64_C(10000000001) &&
			   !decimal_rescale(&below, 8) && below == INT64_C(-10000000001),
		   "an amount that would exceed the limit keeps its units");
}

int
main(void)
{
	test_order();
	test_order_at_limits();
	test_doubles();
	test_rescale();
	return finish();
}
