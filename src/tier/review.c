/*-------------------------------------------------------------------------
 *
 * review.c
 *		The review of one customer of a tier programme on a day.
 *
 * A day that was decided already is not opened again: what its purchases
 * brought about would be judged without them.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/review.h"

#include <string.h>

#include "history/codec.h"

static const char *const fact_names[] = {
	[TIER_FACT_AMOUNT] = "amount",
	[TIER_FACT_PURCHASES] = "purchases",
	[TIER_FACT_PURCHASE_DAYS] = "purchase_days",
	[TIER_FACT_PROFIT] = "profit",
	[TIER_FACT_POINTS_EARNED] = "points_earned"};

static const TierHistoryKind fact_histories[] = {
	[TIER_FACT_AMOUNT] = TIER_HISTORY_PURCHASES,
	[TIER_FACT_PURCHASES] = TIER_HISTORY_PURCHASES,
	[TIER_FACT_PURCHASE_DAYS] = TIER_HISTORY_PURCHASES,
	[TIER_FACT_PROFIT] = TIER_HISTORY_PROFIT,
	[TIER_FACT_POINTS_EARNED] = TIER_HISTORY_POINTS};

typedef struct Sums
{
	int64_t amount;
	int64_t purchases;
	int64_t purchase_days;
} Sums;

TierFact
tier_fact(const char *metric)
{
	int fact = 0;

	while (fact < TIER_FACT_GIVEN && strcmp(metric, fact_names[fact]) != 0)
		fact++;
	return (TierFact) fact;
}

static Sums
sum_history(const TierHistory *history, int64_t from, int32_t until)
{
	HistoryReader reader;
	HistoryEntry entry;
	Sums sums = {0};

	if (history->data == NULL)
		return sums;
	history_reader_start(&reader, history->data, history->size);
	while (history_read_entry(&reader, &entry) && entry.day < until)
	{
		if (entry.day < from)
			continue;
		sums.amount += entry.amount;
		sums.purchases += entry.purchases;
		sums.purchase_days += entry.purchases > 0;
	}
	return sums;
}

static bool
has_entry(const TierHistory *history, int32_t day)
{
	HistoryReader reader;
	HistoryEntry entry;

	if (history->data == NULL)
		return false;
	history_reader_start(&reader, history->data, history->size);
	while (history_read_entry(&reader, &entry))
		if (entry.day >= day)
			return entry.day == day;
	return false;
}

/* The histories that the policy counts, as bits. */
static unsigned
counted_histories(const TierReview *review)
{
	unsigned counted = 0;

	for (int i = 0; i < review->policy->metric_count; i++)
		if (review->facts[i] != TIER_FACT_GIVEN)
			counted |= 1U << fact_histories[review->facts[i]];
	return counted;
}

static TierMetric
metric_of(TierFact fact, const TierHistory *history, const Sums *sums)
{
	TierMetric metric = {.is_known = true};

	switch (fact)
	{
		case TIER_FACT_PURCHASES:
			metric.value.units = sums->purchases;
			break;
		case TIER_FACT_PURCHASE_DAYS:
			metric.value.units = sums->purchase_days;
			break;
		default:
			metric.is_known =
				history->data != NULL || fact != TIER_FACT_PROFIT;
			metric.value.units = sums->amount;
			if (history->data != NULL)
				metric.value.scale = history_scale(history->data);
	}
	return metric;
}

void
tier_review_count(TierReview *review, int64_t from, int32_t until)
{
	unsigned counted = counted_histories(review);
	Sums sums[TIER_HISTORIES] = {0};

	for (int i = 0; i < TIER_HISTORIES; i++)
		if (counted & 1U << i)
			sums[i] = sum_history(&review->histories[i], from, until);
	for (int i = 0; i < review->policy->metric_count; i++)
	{
		TierFact fact = review->facts[i];

		if (fact != TIER_FACT_GIVEN)
			review->metrics[i] =
				metric_of(fact, &review->histories[fact_histories[fact]],
						  &sums[fact_histories[fact]]);
	}
}

static TierReason
judge(TierReview *review, TierState *state, int32_t day, int32_t until,
	  TierWindow *window)
{
	window->from = tier_window_from(review->policy, state, until);
	window->until = until;
	tier_review_count(review, window->from, until);
	return tier_decide(review->policy, state, review->metrics, day);
}

bool
tier_review_day(TierReview *review, TierState *state, int32_t day,
				TierWindow *window)
{
	unsigned counted = counted_histories(review);
	bool has_entries = false;
	TierReason opening = TIER_UNCHANGED;
	TierReason closing;
	TierWindow last;

	for (int i = 0; i < TIER_HISTORIES; i++)
		has_entries |=
			(counted & 1U << i) && has_entry(&review->histories[i], day);
	if (state->decided_on < day || !has_entries)
		opening = judge(review, state, day, day, window);
	if (!has_entries)
		return opening != TIER_UNCHANGED;
	closing = judge(review, state, day, day + 1, &last);
	if (closing != TIER_UNCHANGED || opening == TIER_UNCHANGED)
		*window = last;
	else
		tier_review_count(review, window->from, window->until);
	return opening != TIER_UNCHANGED || closing != TIER_UNCHANGED;
}
