/*-------------------------------------------------------------------------
 *
 * key_set.h
 *		A set of keys of one type, told apart by their bytes.
 *
 * Keys that the type calls equal can have different bytes, as 'Jo' and 'JO' of
 * citext have. The set then holds both, which costs a note and changes no
 * result. In return no function of the type is called, so nothing that
 * somebody else has written runs here.
 *
 * A set has at most KEY_SET_MAX_KEYS keys and KEY_MAX_SIZE bytes a key, so the
 * memory of a statement is bounded however many rows it has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_WORKSPACE_KEY_SET_H
#define CRM_WORKSPACE_KEY_SET_H

#include "base/crm.h"

/*
 * The longest key, in bytes. An index takes rows of up to about 2700 bytes, so
 * every key within the limit can be noted and stored.
 */
#define KEY_MAX_SIZE 1024

#define KEY_SET_MAX_KEYS 65536

typedef struct KeySet KeySet;

/* A new, empty set for keys of that type, in a memory context of its own. */
extern KeySet *key_set_create(Oid type);
extern void key_set_free(KeySet *set);

/* True if the key is not too long. */
extern bool key_fits(Datum key, int16 type_length);

/* Adds a key, unless it is in the set. False: it is too long. */
extern bool key_set_add(KeySet *set, Datum key);

extern int key_set_count(const KeySet *set);

/* The keys. The array is valid until the set changes. */
extern Datum *key_set_keys(KeySet *set);

extern void key_set_empty(KeySet *set);

#endif /* CRM_WORKSPACE_KEY_SET_H */
