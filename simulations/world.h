/* world: the virtual clock and the queue of what is going to happen. Events
 * fire in the order of (time, number), so that a run is a function of its seed
 * alone. Knows nothing of nodes or networks. An event owns nothing: who
 * schedules one for a thing that may vanish names it by number and looks it up.
 */
#ifndef SIMULATIONS_WORLD_H
#define SIMULATIONS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct world;

typedef void world_fn(void *user, uint64_t arg);

/** world_new - the clock stands at 0. */
struct world *world_new(void);
void world_free(struct world *w);

/** world_now_us - virtual microseconds since the beginning. */
uint64_t world_now_us(const struct world *w);

/**
 * world_at - call @fn(@user, @arg) at @at_us; a time that has passed means now,
 * behind all that is due now already.
 */
void world_at(struct world *w, uint64_t at_us, world_fn *fn, void *user,
              uint64_t arg);

/** world_after - the same, @delay_us from now. */
void world_after(struct world *w, uint64_t delay_us, world_fn *fn, void *user,
                 uint64_t arg);

/** world_step - let the next event happen. false: none is left. */
bool world_step(struct world *w);

/** world_next_us - when the next one is due; UINT64_MAX: none is left. */
uint64_t world_next_us(const struct world *w);

/** world_count - events that have happened. */
uint64_t world_count(const struct world *w);

#endif
