/*-------------------------------------------------------------------------
 *
 * credit.c
 *		The credit of each touch for a conversion.
 *
 *-------------------------------------------------------------------------
 */
#include "journey/credit.h"

#include <math.h>
#include <string.h>

/*
 * Ages are counted from that of the last touch, which changes no share. So the
 * largest weight is 1, and the sum is never 0.
 */
static void
split_by_age(CreditUnits amount, int n, const double *ages, double half_life,
			 CreditUnits *credits)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += exp2((ages[n - 1] - ages[i]) / half_life);
	for (int i = 0; i < n - 1; i++)
		credits[i] =
			(CreditUnits) ((double) amount *
						   (exp2((ages[n - 1] - ages[i]) / half_life) / sum));
}

/* 2/5 of the amount at both ends, the same for each touch between. */
static void
split_by_position(CreditUnits amount, int n, CreditUnits *credits)
{
	for (int i = 1; i < n - 1; i++)
		credits[i] = amount / 5 / (n - 2);
	credits[0] = n == 2 ? amount / 2 : amount * 2 / 5;
}

/* Everything starts at 0, and what is not given away is the last touch's. */
void
credit_split(CreditKind kind, CreditUnits amount, int n, const double *ages,
			 double half_life, CreditUnits *credits)
{
	CreditUnits given = 0;

	memset(credits, 0, (size_t) n * sizeof(CreditUnits));
	if (kind == CREDIT_FIRST)
		credits[0] = amount;
	else if (kind == CREDIT_LINEAR)
		for (int i = 0; i < n - 1; i++)
			credits[i] = amount / n;
	else if (kind == CREDIT_POSITION && n > 1)
		split_by_position(amount, n, credits);
	else if (kind == CREDIT_TIME_DECAY)
		split_by_age(amount, n, ages, half_life, credits);
	for (int i = 0; i < n - 1; i++)
		given += credits[i];
	credits[n - 1] = amount - given;
}
