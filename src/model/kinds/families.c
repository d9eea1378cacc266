/*-------------------------------------------------------------------------
 *
 * families.c
 *		The properties that all kinds of a family share.
 *
 * A flaw is a simple condition that rules out a maximum of the likelihood for
 * every kind of the family. A sample without a flaw may lack a maximum too.
 * The search for the maximum finds that out.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/families.h"

#include <math.h>

#define BLOCK_ROWS 4096
#define OCCASIONS_BLOCK_ROWS 64 /* a row takes up to 10^6 steps (bg_bb.c) */

/*
 * Customers of occasions and renewals have no unit of time. Their age is a
 * count of occasions or periods, and no parameter of their kinds has a unit.
 */
static double
mean_age(const ModelSample *sample)
{
	return sample->total_t / sample->total_customers;
}

/* The mean amount of a customer is in the place of t_x. */
static double
mean_amount(const ModelSample *sample)
{
	return sample->total_t_x / sample->total_customers;
}

/*
 * Without a repeat purchase the likelihood grows as the purchase rate goes to
 * 0. For spend the purchases that are averaged take the place of the repeats.
 */
static ModelFlaw
flaw_of_repeats(const ModelSample *sample)
{
	if (sample->total_purchases == 0)
		return (ModelFlaw){"no customer has a repeat purchase",
						   "x counts the purchases after the first one."};
	return (ModelFlaw){NULL, NULL};
}

/*
 * With purchases but no time, the likelihood grows as the rate goes to
 * infinity.
 */
static ModelFlaw
flaw_of_purchases(const ModelSample *sample)
{
	ModelFlaw flaw = flaw_of_repeats(sample);

	if (flaw.reason == NULL && sample->total_t == 0)
		flaw.reason = "the age t of every customer is 0";
	return flaw;
}

/* x is the number of periods, and t_x is 1 for a customer who churned. */
static ModelFlaw
flaw_of_renewals(const ModelSample *sample)
{
	if (sample->total_purchases == 0)
		return (ModelFlaw){"no customer has completed a period", NULL};
	if (sample->total_t_x == 0)
		return (ModelFlaw){"no customer has churned",
						   "Observe them for more periods."};
	return (ModelFlaw){NULL, NULL};
}

const ModelFamilyTraits model_families[N_MODEL_FAMILIES] = {
	[MODEL_PURCHASES] = {.describes = "repeat purchases in time",
						 .aggregate = "fit_purchases",
						 .best = &model_best,
						 .has_time_unit = true,
						 .max_horizon = INFINITY,
						 .block_rows = BLOCK_ROWS,
						 .scale = mean_age,
						 .flaw = flaw_of_purchases},
	[MODEL_OCCASIONS] = {.describes = "purchases on occasions",
						 .aggregate = "fit_occasions",
						 .max_horizon = MODEL_MAX_OCCASIONS,
						 .block_rows = OCCASIONS_BLOCK_ROWS,
						 .scale = mean_age,
						 .flaw = flaw_of_repeats},
	[MODEL_SPEND] = {.describes = "spend",
					 .aggregate = "fit_spend",
					 .max_horizon = INFINITY,
					 .block_rows = BLOCK_ROWS,
					 .scale = mean_amount,
					 .flaw = flaw_of_repeats},
	[MODEL_RENEWALS] = {.describes = "renewals",
						.aggregate = "fit_renewals",
						.max_horizon = INFINITY,
						.block_rows = BLOCK_ROWS,
						.scale = mean_age,
						.flaw = flaw_of_renewals},
};
