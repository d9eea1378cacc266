/*-------------------------------------------------------------------------
 *
 * pause.h
 *		The moments at which a long computation may be stopped.
 *
 * A user who cancels a query waits until the server looks for interrupts. Pure
 * code knows nothing of the server, so it calls pause_here() in every loop that
 * can take more than some tens of milliseconds. The server sets the hook once,
 * when it loads the library. Without a server the hook does nothing.
 *
 * The hook may leave by longjmp. So a caller owns no memory and no lock at that
 * moment, and leaves its arrays in a state that can be freed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_PAUSE_H
#define CRM_MATH_PAUSE_H

#include <stddef.h>

/* Steps of a cheap loop between two pauses. They take about 0.1 ms. */
#define PAUSE_INTERVAL 4096

extern void (*pause_here)(void);

/* For step 0, 1, 2, ... of a cheap loop: a pause at every 4096th of them. */
static inline void
pause_at(size_t step)
{
	if (step % PAUSE_INTERVAL == 0)
		pause_here();
}

#endif /* CRM_MATH_PAUSE_H */
