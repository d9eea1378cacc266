/*-------------------------------------------------------------------------
 *
 * families.h
 *		What the kinds of model for the same sort of customer have in common.
 *
 * The family of a kind says which two or three numbers describe a customer,
 * and with them which aggregate fits the kind. Everything that differs from
 * family to family, and not from kind to kind, is a row of model_families.
 * Pure C.
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
	const char *describes; /* for the error that a kind is not of the family */
	const char *aggregate; /* which fits its kinds */
	const ModelKind *best; /* asks for its best kind; NULL where it has none */
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
