/*-------------------------------------------------------------------------
 *
 * score_sheet.h
 *		The rows of score_item in the form in which scores are computed.
 *
 * In SQL a sheet is jsonb, an array of models:
 *
 *	[{"model": "need", "most": 21, "items":
 *	   [{"metric": "needs_open", "weight": 2, "breaks": [1,2,3],
 *	     "points": [0,1,2,3], "half_life": 2592000.000000}, ...]}, ...]
 *
 * "most" is the sum of weight times most points, and missing where no points
 * can be had. "half_life" is in seconds, and missing where points do not fade.
 * The view score_sheet of a workspace makes it, and nobody writes it by hand.
 *
 * Scores are exact. What an item adds without fading depends on the number of
 * breaks that the value reaches alone, so it is computed once by numeric
 * arithmetic. It has 6 decimals and is added up as an integer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_SCORE_SHEET_H
#define CRM_RULE_SCORE_SHEET_H

#include "base/crm.h"

#include "rule/classifier.h"

/* Decimals of what an item adds to a score. */
#define SCORE_SCALE 6

/* The shares of this many days are kept for each item that fades. */
#define SCORE_KEPT_DAYS 2048

typedef struct ScoreItem
{
	char *metric;
	int index; /* of the metric in the classifier */
	int first_rule; /* that holds where the first break is reached */
	int break_count;
	Numeric *points; /* by the number of breaks reached, break_count + 1 */
	int64 *units; /* what they add, in units of the scale, without fading */
	Numeric factor; /* 100 * weight */
	Numeric half_life; /* NULL: points do not fade */
	Numeric *shares; /* what is left after so many days; NULL: not yet known */
} ScoreItem;

typedef struct ScoreModel
{
	char *name;
	Numeric most; /* NULL: no points can be had, so the score is not known */
	int item_count;
	ScoreItem *items;
	int idle; /* index of the metric idle_days; -1: nothing fades */
	Classifier classifier; /* a rule for each break of each item */
} ScoreModel;

typedef struct ScoreSheet
{
	MemoryContext context; /* of everything here; NULL: not read */
	int model_count;
	ScoreModel *models;
	int found; /* the model of the last call */
} ScoreSheet;

/* Reads a sheet. All memory is allocated in the current context. */
extern void score_sheet_read(Jsonb *json, ScoreSheet *sheet);

/* The model of that name, or an error. */
extern ScoreModel *score_sheet_model(ScoreSheet *sheet, const text *name);

/* Is the value of the item's metric a finite number? */
extern bool score_item_known(const ScoreModel *model, const ScoreItem *item);

/*
 * The points of the item for the record that the classifier has read, after
 * fading, and what points add to the score: NULL where "most" is.
 */
extern Numeric score_item_points(const ScoreModel *model, ScoreItem *item,
								 MemoryContext context);
extern Numeric score_of_points(const ScoreModel *model, const ScoreItem *item,
							   Numeric points);

/* What the item adds, in units of the scale. */
extern int64 score_item_units(const ScoreModel *model, ScoreItem *item,
							  MemoryContext context);

#endif /* CRM_RULE_SCORE_SHEET_H */
