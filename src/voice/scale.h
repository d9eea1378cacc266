/*-------------------------------------------------------------------------
 *
 * scale.h
 *		Counts of answers on a scale, and the scores made from them. Pure C.
 *
 * All scores of a survey are functions of how many answers gave each point of
 * the scale. So the counts are the whole state, and they add up.
 *
 * With p promoters and d detractors as shares of n answers (Reichheld 2003):
 *
 *	NPS = 100 (p - d), standard error = 100 sqrt((p + d - (p - d)^2) / n)
 *
 * With the share p of the answers at or above a point (CSAT, CES):
 *
 *	share = 100 p, standard error = 100 sqrt(p (1 - p) / n)
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VOICE_SCALE_H
#define CRM_VOICE_SCALE_H

#include <stdint.h>

/* The longest scale. */
#define SCALE_MAX_POINTS 101

typedef struct ScaleCounts
{
	int32_t least; /* first point of the scale, 0 or 1 */
	int32_t greatest; /* last point, below SCALE_MAX_POINTS */
	int32_t top; /* first point of a good answer */
	int32_t bottom; /* last point of a bad answer; below least: none */
	int64_t sent; /* surveys, answered or not */
	int64_t points[SCALE_MAX_POINTS]; /* answers, by the point */
} ScaleCounts;

/* Means and errors are NaN if there are too few answers. */
typedef struct ScaleScores
{
	int64_t answers;
	int64_t good; /* promoters, satisfied */
	int64_t bad; /* detractors */
	double score; /* 100 (good - bad) / answers */
	double score_error;
	double mean; /* of the points */
	double mean_error; /* by the standard deviation of a sample */
	double response_rate; /* answers / sent */
} ScaleScores;

extern void scale_share_score(ScaleScores *scores);
extern ScaleScores scale_scores(const ScaleCounts *counts);

#endif /* CRM_VOICE_SCALE_H */
