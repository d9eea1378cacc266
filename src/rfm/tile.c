/*-------------------------------------------------------------------------
 *
 * tile.c
 *		crm.tile: groups of nearly equal size that never split peers.
 *
 * ntile() counts rows, so that equal customers may fall into different
 * groups, decided by chance. Here the group follows from the rank:
 * 1 + floor(groups * (rank - 1) / rows). Without peers at its bounds a group
 * has as many rows as one of ntile, give or take one.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "windowapi.h"

/* Keeps groups * rows within 64 bits for any table. */
#define TILE_MAX_GROUPS 1000000

/* Of a partition; zero at its first row. */
typedef struct TileState
{
	int64 rows;
	int64 rank; /* of the current row, from 0 */
	int32 groups;
} TileState;

/* False where the argument is NULL. */
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

/* crm.tile(groups int) OVER (...); groups counts as of the first row */
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
