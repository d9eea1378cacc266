/*-------------------------------------------------------------------------
 *
 * families.h
 *		The properties that all kinds of a family share.
 *
 * The family of a kind says which two or three numbers describe a customer.
 * It decides which aggregate fits the kind. A property that differs between
 * families, but not between the kinds of a family, is a column of the table
 * model_families.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_FAMILIES_H
#define CRM_MODEL_KINDS_FAMILIES_H

#include "model/kinds/kind.h"
#include "model/kinds/sample.h"

/* The reason why a sample has no maximum, in words of the data. */
typedef struct ModelFlaw
{
	const char *reason; /* NULL where none is known */
	const char *hint; /* what would help, or NULL */
} ModelFlaw;

typedef struct ModelFamilyTraits
{
	const char *describes; /* completes "is not a model of" */
	const char *aggregate; /* name of the SQL aggregate that fits its kinds */
	const ModelKind *best; /* stands for its best kind; NULL if it has none */
	bool has_time_unit; /* times of its customers are in days, weeks, ... */
	double max_horizon; /* of a count of purchases; INFINITY for no limit */

	/*
	 * Rows of a sample between two moments at which a fit can be stopped. They
	 * take some milliseconds.
	 */
	size_t block_rows;

	/* The size of a parameter that has a unit, seen from the data. */
	double (*scale)(const ModelSample *sample);

	ModelFlaw (*flaw)(const ModelSample *sample);
} ModelFamilyTraits;

extern const ModelFamilyTraits model_families[N_MODEL_FAMILIES];

static inline const ModelFamilyTraits *
model_kind_family(const ModelKind *kind)
{
	return &model_families[kind->family];
}

#endif /* CRM_MODEL_KINDS_FAMILIES_H */
