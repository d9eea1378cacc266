/*-------------------------------------------------------------------------
 *
 * scale.c
 *		Counts of answers on a scale, and the scores made from them.
 *
 * The share of good answers is the NPS without detractors: with d = 0, the
 * error of 100 (p - d) is that of a share. So one formula serves all scores.
 *
 *-------------------------------------------------------------------------
 */
#include "voice/scale.h"

#include <math.h>

/*
 * The mean of the points, and its error. Deviations are squared around the
 * mean, which loses fewer digits than a sum of squares. One answer has no
 * deviation, so its error is not known.
 */
static void
find_mean(const ScaleCounts *counts, ScaleScores *scores)
{
	double n = (double) scores->answers;
	double sum = 0;
	double squares = 0;

	for (int point = counts->least; point <= counts->greatest; point++)
		sum += point * (double) counts->points[point];
	scores->mean = sum / n;
	for (int point = counts->least; point <= counts->greatest; point++)
		squares += (double) counts->points[point] * (point - scores->mean) *
				   (point - scores->mean);
	scores->mean_error = n > 1 ? sqrt(squares / (n - 1) / n) : NAN;
}

/*
 * The score and its error from the counts. 0 / 0 is NaN, which is the wanted
 * result where nobody answered.
 */
void
scale_share_score(ScaleScores *scores)
{
	double n = (double) scores->answers;
	double share = (double) (scores->good - scores->bad) / n;
	double variance =
		(double) (scores->good + scores->bad) / n - share * share;

	scores->score = 100 * share;
	/* Rounding must not make the root of a number below 0. */
	scores->score_error = 100 * sqrt((variance < 0 ? 0 : variance) / n);
}

ScaleScores
scale_scores(const ScaleCounts *counts)
{
	ScaleScores scores = {0};

	for (int point = counts->least; point <= counts->greatest; point++)
	{
		scores.answers += counts->points[point];
		if (point >= counts->top)
			scores.good += counts->points[point];
		else if (point <= counts->bottom)
			scores.bad += counts->points[point];
	}
	scale_share_score(&scores);
	scores.response_rate = (double) scores.answers / (double) counts->sent;
	find_mean(counts, &scores);
	return scores;
}
