/*-------------------------------------------------------------------------
 *
 * tile.c
 *		crm.tile: groups of nearly equal size that never split peers.
 *
 * ntile() counts rows. Equal customers may then fall into different groups,
 * and the order in which PostgreSQL happens to read them decides. Here the
 * group follows from the rank:
 *
 *	group = 1 + floor(groups * (rank - 1) / rows)
 *
 * Peers have one rank, so they have one group. Without peers at its bounds, a
 * group has as many rows as a group of ntile, or one more or less. A long run
 * of peers can leave a group empty. Example: values 1, 2, 2, 2 in 2 groups
 * have the ranks 1, 2, 2, 2 and the groups 1, 1, 1, 1.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "windowapi.h"

/* 10^6 * rows fits into 64 bits up to 9 * 10^12 rows. */
#define TILE_MAX_GROUPS 1000000

/* The state of a partition. PostgreSQL sets it to zero for the first row. */
typedef struct TileState
{
	int64 rows; /* of the partition; 0: not started */
	int64 rank; /* of the current row, from 0 */
	int32 groups; /* the argument at the first row */
} TileState;

/*
 * Reads the argument and counts the rows. Returns false if the argument is
 * NULL. The state is then not started, so the next row tries again, as ntile()
 * does.
 */
static bool
tile_start(WindowObject window, TileState *state)
{
	bool isnull;
	int32 groups;

	groups = DatumGetInt32(WinGetFuncArgCurrent(window, 0, &isnull));
	if (isnull)
		return false;
	if (groups < 1 || groups > TILE_MAX_GROUPS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_ARGUMENT_FOR_NTILE),
						errmsg("groups must be from 1 to %d, not %d",
							   TILE_MAX_GROUPS, groups)));
	state->rows = WinGetPartitionRowCount(window);
	state->groups = groups;
	return true;
}

PG_FUNCTION_INFO_V1(crm_tile);

/*
 * crm.tile(groups int) OVER (...)
 *
 * The first row of the partition decides "groups", as with ntile(). One
 * comparison with the row before tells whether the rank rises, so the function
 * is linear.
 */
Datum
crm_tile(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	int64 position = WinGetCurrentPosition(window);
	TileState *state = WinGetPartitionLocalMemory(window, sizeof(TileState));

	if (position > 0 && !WinRowsArePeers(window, position - 1, position))
		state->rank = position;
	/* Only the row before is looked at again. */
	WinSetMarkPosition(window, position);
	if (state->rows == 0 && !tile_start(window, state))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) (1 + state->groups * state->rank / state->rows));
}
