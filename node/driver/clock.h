/* clock: the time of day, for what others or another run must understand. How
 * long something takes is asked of the loop. */
#ifndef NODE_DRIVER_CLOCK_H
#define NODE_DRIVER_CLOCK_H

#include <stdint.h>
#include <time.h>

/** wall_clock_ms - milliseconds since 1970, UTC. */
static inline uint64_t wall_clock_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif
