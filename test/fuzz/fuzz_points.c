/*-------------------------------------------------------------------------
 *
 * fuzz_points.c
 *		The replay of a ledger of points.
 *
 * Each entry is made from a few bytes, as the aggregate would accept it. Names
 * and keys are few, so that they meet. The promise is the equation of the
 * header, at any moment: earned = spent + expired + balance + pending. The
 * order of the entries must not matter.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "points/ledger.h"

#define MOST_ENTRIES 128

static PointsEntry
take_entry(FuzzInput *input)
{
	PointsEntry entry = {0};
	int form = take_byte(input);
	int64_t most = form & 64 ? INT64_C(7000000000000000) : 100;

	entry.units = take_below(input, most) + 1;
	if (form & 1)
		entry.units = -entry.units;
	entry.occurred_at =
		(int64_t) take_byte(input) * (form & 2 ? 1 : POINTS_SOON);
	entry.available_at = entry.occurred_at;
	entry.expires_at = POINTS_NEVER;
	if (!(form & 1))
	{
		if (form & 4)
			entry.available_at += take_byte(input);
		if (form & 8)
			entry.expires_at = entry.available_at + 1 + take_byte(input);
	}
	entry.has_name = (form & 16) != 0;
	entry.name = entry.has_name ? take_byte(input) % 8 : 0;
	entry.has_key = (form & 32) != 0;
	entry.key = entry.has_key ? take_byte(input) % 8 : 0;
	return entry;
}

static PointsBalance
replay(const PointsEntry *given, size_t count, bool reverse, int64_t as_of)
{
	PointsEntry entries[MOST_ENTRIES + 1];
	PointsLot lots[MOST_ENTRIES + 1];
	PointsName names[MOST_ENTRIES + 1];
	PointsBalance balance;
	size_t left;

	for (size_t i = 0; i < count; i++)
		entries[i] = given[reverse ? count - 1 - i : i];
	left = points_replay(entries, count, as_of, lots, names, &balance);
	require(left <= count);
	for (size_t i = 0; i < left; i++)
		require(lots[i].left > 0 && lots[i].left <= lots[i].entry->units);
	require(balance.earned == balance.spent + balance.expired +
								  balance.balance + balance.pending);
	require(balance.spent >= 0 && balance.expired >= 0);
	require(balance.pending >= 0);
	return balance;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, size};
	PointsEntry entries[MOST_ENTRIES];
	int64_t as_of = take_byte(&input) % 8 == 0 ? POINTS_NEVER - 1 : 0;
	size_t count = 0;
	PointsBalance forward;
	PointsBalance backward;

	as_of = as_of ? as_of : (int64_t) take_byte(&input) * POINTS_SOON / 2;
	while (input.size > 0 && count < MOST_ENTRIES)
		entries[count++] = take_entry(&input);
	forward = replay(entries, count, false, as_of);
	backward = replay(entries, count, true, as_of);
	require(memcmp(&forward, &backward, sizeof(forward)) == 0);
	return 0;
}
