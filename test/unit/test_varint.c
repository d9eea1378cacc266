/*-------------------------------------------------------------------------
 *
 * test_varint.c
 *		Integers and quotients in few bytes: round trips, and bytes that lie.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "base/varint.h"

#define ROUNDS 200000

static unsigned long long dice = 7;

/* An integer of any length: few and many bits are equally frequent. */
static uint64_t
random_integer(void)
{
	int bits = (int) (random_unit(&dice) * 65);
	uint64_t value = (uint64_t) (random_unit(&dice) * 4294967296.0) << 32 |
					 (uint64_t) (random_unit(&dice) * 4294967296.0);

	return bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}

static void
test_integers(void)
{
	bool all = true;
	bool all_signed = true;
	bool all_limited = true;

	for (int i = 0; i < ROUNDS; i++)
	{
		uint64_t value = i == 0 ? UINT64_MAX : random_integer();
		uint8_t bytes[VARINT_MAX_SIZE];
		const uint8_t *end = varint_write(bytes, value);
		const uint8_t *next = bytes;
		uint64_t read = ~value;

		all &= varint_read(&next, end, 64, &read) == VARINT_VALID &&
			   read == value && next == end;
		next = bytes;
		all_limited &= (varint_read(&next, end, 63, &read) == VARINT_VALID) ==
					   (value >> 63 == 0);
		all_signed &=
			varint_unzigzag(varint_zigzag((int64_t) value)) == (int64_t) value;
	}
	report(all, "every integer of 64 bits is read as it was written");
	report(all_limited, "63 bits are read and the 64th is refused");
	report(all_signed, "zig-zag gives back integers of either sign");
}

/* Each front of the bytes is too short, and no byte behind it is read. */
static void
test_truncated(void)
{
	bool all = true;

	for (int i = 0; i < ROUNDS / 10; i++)
	{
		uint8_t bytes[VARINT_MAX_SIZE];
		size_t size = (size_t) (varint_write(bytes, random_integer()) - bytes);

		for (size_t front = 0; front < size; front++)
		{
			uint8_t *exact = malloc(front + 1);
			const uint8_t *next = exact + 1;
			uint64_t value;

			memcpy(exact + 1, bytes, front);
			all &= varint_read(&next, exact + 1 + front, 64, &value) ==
					   VARINT_TRUNCATED &&
				   next == exact + 1;
			free(exact);
		}
	}
	report(all, "an integer that is cut off is refused");
}

static void
test_invalid(void)
{
	static const uint8_t superfluous[] = {0x81, 0x00};
	static const uint8_t long_zero[] = {0x80, 0x00};
	static const uint8_t too_large[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
										0xFF, 0xFF, 0xFF, 0xFF, 0x02};
	static const uint8_t too_long[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
									   0xFF, 0xFF, 0xFF, 0xFF, 0x01};
	const struct
	{
		const uint8_t *bytes;
		size_t size;
	} wrong[] = {{superfluous, sizeof(superfluous)},
				 {long_zero, sizeof(long_zero)},
				 {too_large, sizeof(too_large)},
				 {too_long, sizeof(too_long)}};
	bool all = true;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		const uint8_t *next = wrong[i].bytes;
		uint64_t value;

		all &= varint_read(&next, wrong[i].bytes + wrong[i].size, 64,
						   &value) == VARINT_INVALID;
	}
	report(all, "a longer form and more than 64 bits are refused");
}

/* Writes and reads. True if the bits are the same. *size: of the bytes. */
static bool
quotient_returns(double value, double first, double second, size_t *size)
{
	uint8_t bytes[VARINT_MAX_SIZE];
	const uint8_t *end = varint_write_quotient(bytes, value, first, second);
	const uint8_t *next = bytes;
	double read = 5;

	*size = (size_t) (end - bytes);
	return varint_read_quotient(&next, end, first, second, &read) &&
		   next == end && memcmp(&read, &value, sizeof(double)) == 0;
}

static void
test_quotients(void)
{
	static const double units[] = {1, 7, 30.4375, 365.25, 100};
	bool all = true;
	size_t longest = 0;
	size_t size;

	for (int i = 0; i < ROUNDS; i++)
	{
		double first = units[i % 5];
		double second = i % 5 == 4 ? 1 + floor(random_unit(&dice) * 400) : 1;
		double number = floor(random_unit(&dice) * 16382);

		all &= quotient_returns(number / first / second, first, second, &size);
		longest = size > longest ? size : longest;
	}
	report(all, "times in days and sums in cents come back bit by bit");
	report(longest == 2, "each of them takes two bytes at most");
}

static void
test_any_doubles(void)
{
	static const double odd[] = {NAN,	 INFINITY, -INFINITY, -0.0,	  0.0,
								 5e-324, 1.7e308,  -3.5,	  1e17,	  0.1,
								 1e-300, M_PI,	   -1e-9,	  9.1e15, 2.5};
	bool all = true;
	size_t size;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		all &= quotient_returns(odd[i], 7, 3, &size);
	for (int i = 0; i < ROUNDS; i++)
	{
		uint64_t bits = random_integer();
		double value;

		memcpy(&value, &bits, sizeof(value));
		all &= quotient_returns(value, 7, 1, &size) && size <= 9;
		all &= quotient_returns(random_log(&dice, 1e-9, 1e15), 30.4375, 2,
								&size) &&
			   size <= 9;
	}
	report(all, "any double comes back bit by bit in nine bytes at most");
}

static void
test_short_quotients(void)
{
	uint8_t bytes[VARINT_MAX_SIZE];
	const uint8_t *end = varint_write_quotient(bytes, M_PI, 7, 1);
	bool all = end - bytes == 9;

	for (const uint8_t *cut = bytes; cut < end; cut++)
	{
		const uint8_t *next = bytes;
		double value;

		all &= !varint_read_quotient(&next, cut, 7, 1, &value);
	}
	report(all, "a double that is cut off is refused");
}

/* The limit of a state is 1 GB. The rule is the same for a small one. */
static void
test_room(void)
{
	bool all = true;

	for (size_t limit = 0; limit < 40; limit++)
		for (size_t used = 0; used < 40; used++)
			for (size_t more = 0; more < 40; more++)
				all &= varint_has_room(limit, used, more) ==
					   (used + more <= limit);
	all &= !varint_has_room(1000, 10, SIZE_MAX) &&
		   !varint_has_room(1000, SIZE_MAX, 10);
	report(all, "a buffer is full exactly at its limit");
}

int
main(void)
{
	test_integers();
	test_truncated();
	test_invalid();
	test_quotients();
	test_any_doubles();
	test_short_quotients();
	test_room();
	return finish();
}
