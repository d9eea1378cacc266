/*-------------------------------------------------------------------------
 *
 * review.c
 *		The review of one customer of a tier program on a day.
 *
 * A day that was decided already has no second opening. Its state already
 * contains what the purchases of the day brought about, and an opening would
 * judge that state without those purchases: the customer would lose in the
 * second run what the first run gave. So the review may run many times a day.
 *
 * A history is read from its beginning, O(entries), and once for each of
 * opening and closing. Entries are in the order of days, so reading stops at
 * until.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/review.h"

#include <string.h>

#include "history/codec.h"

/*
 * The metrics that are counted over the window of the policy. The names that
 * end with _12m are columns of the view customer_metric, which counts over
 * the last 12 months. They are counted here only if the policy has exactly
 * that window. Otherwise they are given metrics, taken from the view.
 */
static const struct
{
	const char *name;
	TierMetricKind kind;
	bool is_12m;
} counted_metrics[] = {
	{"revenue", TIER_METRIC_REVENUE, false},
	{"purchases", TIER_METRIC_PURCHASES, false},
	{"purchase_days", TIER_METRIC_PURCHASE_DAYS, false},
	{"profit", TIER_METRIC_PROFIT, false},
	{"points_earned", TIER_METRIC_POINTS_EARNED, false},
	{"revenue_12m", TIER_METRIC_REVENUE, true},
	{"purchases_12m", TIER_METRIC_PURCHASES, true},
	{"profit_12m", TIER_METRIC_PROFIT, true},
};

/* The history from which a metric is counted. */
static const TierHistoryKind metric_histories[] = {
	[TIER_METRIC_REVENUE] = TIER_HISTORY_PURCHASES,
	[TIER_METRIC_PURCHASES] = TIER_HISTORY_PURCHASES,
	[TIER_METRIC_PURCHASE_DAYS] = TIER_HISTORY_PURCHASES,
	[TIER_METRIC_PROFIT] = TIER_HISTORY_PROFIT,
	[TIER_METRIC_POINTS_EARNED] = TIER_HISTORY_POINTS};

/* Sums over a window. The limits of a history keep them within int64. */
typedef struct Sums
{
	int64_t amount; /* in minor units of the history */
	int64_t purchases;
	int64_t purchase_days;
} Sums;

/*
 * A span of 12 months and one of 365 days differ in leap years, so only the
 * former counts as the last 12 months.
 */
static bool
window_is_12m(const TierPolicy *policy)
{
	return policy->window_kind == TIER_ROLLING &&
		   policy->window_length.months == 12 &&
		   policy->window_length.days == 0;
}

/* A linear search: it runs once when a policy is read. */
TierMetricKind
tier_metric_kind(const TierPolicy *policy, const char *metric)
{
	for (size_t i = 0;
		 i < sizeof(counted_metrics) / sizeof(counted_metrics[0]); i++)
		if (strcmp(metric, counted_metrics[i].name) == 0 &&
			(!counted_metrics[i].is_12m || window_is_12m(policy)))
			return counted_metrics[i].kind;
	return TIER_METRIC_GIVEN;
}

/* The sums of the entries in [since, until), and zeros for no history. */
static Sums
sum_history(const TierHistory *history, int64_t since, int32_t until)
{
	HistoryReader reader;
	HistoryEntry entry;
	Sums sums = {0};

	if (history->data == NULL)
		return sums;
	history_reader_start(&reader, history->data, history->size);
	while (history_read_entry(&reader, &entry) && entry.day < until)
	{
		if (entry.day < since)
			continue;
		sums.amount += entry.amount;
		sums.purchases += entry.purchases;
		sums.purchase_days += entry.purchases > 0;
	}
	return sums;
}

/* Does the history have an entry on the day, be it a purchase or a refund? */
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

/*
 * The histories that the policy counts, as bits. An entry of another history
 * must not cause a closing, since it cannot change a metric.
 */
static unsigned
counted_histories(const TierReview *review)
{
	unsigned counted = 0;

	for (int i = 0; i < review->policy->metric_count; i++)
		if (review->metric_kinds[i] != TIER_METRIC_GIVEN)
			counted |= 1U << metric_histories[review->metric_kinds[i]];
	return counted;
}

/*
 * The metric of a kind from the sums of its history. Purchases and days have
 * no decimals. Amounts, profits and points have those of their history.
 */
static TierMetric
metric_of(TierMetricKind kind, const TierHistory *history, const Sums *sums)
{
	TierMetric metric = {.is_known = true};

	switch (kind)
	{
		case TIER_METRIC_PURCHASES:
			metric.value.units = sums->purchases;
			break;
		case TIER_METRIC_PURCHASE_DAYS:
			metric.value.units = sums->purchase_days;
			break;
		default:
			metric.is_known =
				history->data != NULL || kind != TIER_METRIC_PROFIT;
			metric.value.units = sums->amount;
			if (history->data != NULL)
				metric.value.scale = history_scale(history->data);
	}
	return metric;
}

/* Each history is read once, however many metrics need it. */
void
tier_review_count(TierReview *review, int64_t since, int32_t until)
{
	unsigned counted = counted_histories(review);
	Sums sums[TIER_HISTORIES] = {0};

	for (int i = 0; i < TIER_HISTORIES; i++)
		if (counted & 1U << i)
			sums[i] = sum_history(&review->histories[i], since, until);
	for (int i = 0; i < review->policy->metric_count; i++)
	{
		TierMetricKind kind = review->metric_kinds[i];

		if (kind != TIER_METRIC_GIVEN)
			review->metrics[i] =
				metric_of(kind, &review->histories[metric_histories[kind]],
						  &sums[metric_histories[kind]]);
	}
}

/*
 * Decides on the day by the window that ends before until, and leaves the
 * window and the metrics that it looked at.
 */
static TierReason
judge(TierReview *review, TierState *state, int32_t day, int32_t until,
	  TierWindow *window)
{
	TierState before = *state;
	TierReason reason;

	window->since = tier_window_since(review->policy, state, until);
	window->until = until;
	tier_review_count(review, window->since, until);
	reason = tier_decide(review->policy, state, review->metrics, day);
	tier_note_window(state, &before, reason, window->since, until, day);
	return reason;
}

/*
 * The opening is held if the day was not decided before. It is also held,
 * again, if the day has no entries: given metrics may have changed since.
 * tier_decide() makes repeating it harmless.
 *
 * The reported window is that of the closing, unless only the opening decided
 * something. Then the metrics are counted over the opening's window again,
 * because the log of the program must show the numbers that decided.
 */
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
		tier_review_count(review, window->since, window->until);
	return opening != TIER_UNCHANGED || closing != TIER_UNCHANGED;
}
