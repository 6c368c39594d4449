/* awake: a clock that stands still while this process does. What others have to
 * keep a deadline of ours by runs on it: that we were stopped, or waited for a
 * processor, is not their silence. Whoever owns one reads it more often than
 * every @step_ms while he waits for somebody. */
#ifndef NODE_DRIVER_AWAKE_H
#define NODE_DRIVER_AWAKE_H

#include <stdint.h>

struct awake {
    uint64_t step_ms; /* more than that between two looks we were not there */
    uint64_t seen_ms; /* of the clock, at the last look; 0 = none yet */
    uint64_t ms;
};

/** awake_ms - @clock_ms: a monotonic clock now. Return: never less than before,
 *  and at most step_ms more. */
static inline uint64_t awake_ms(struct awake *a, uint64_t clock_ms)
{
    uint64_t since = a->seen_ms != 0 ? clock_ms - a->seen_ms : 0;

    a->seen_ms = clock_ms;
    a->ms += since < a->step_ms ? since : a->step_ms;
    return a->ms;
}

#endif
