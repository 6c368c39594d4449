#include "simulations/main/runs.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

#define TWICE_EVERY 50 /* seeds of which one is run twice */

static bool run(void *user, uint64_t i, struct job *job)
{
    const struct runs *r = user;
    uint64_t seed = r->first + i;

    return r->one(r->user, seed, seed % TWICE_EVERY == 0, job);
}

static double wall_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double used_s(int who)
{
    struct rusage u;

    (void)getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double cpu_s(void)
{
    return used_s(RUSAGE_SELF) + used_s(RUSAGE_CHILDREN);
}

/* By the clock, and by what the processors worked: the second is what the
 * machine can do when it does nothing else. */
static void tell_rate(const struct runs *r, double wall, double cpu)
{
    double n = (double)r->count * 3600;
    uint64_t jobs = r->jobs > 1 ? r->jobs : 1;

    if (r->count < 2 || wall <= 0 || cpu <= 0)
        return;
    (void)printf("%.0f an hour in %" PRIu64
                 " process%s; %.0f with a core each\n",
                 n / wall, jobs, jobs == 1 ? "" : "es", n / cpu * (double)jobs);
}

int runs_all(const struct runs *r, uint64_t out_sums[JOB_SUMS])
{
    double wall = wall_s();
    double cpu = cpu_s();
    struct runs copy = *r;
    uint64_t failed =
        jobs_run((unsigned)r->jobs, r->count, run, &copy, out_sums);

    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", r->count - failed,
                 failed);
    tell_rate(r, wall_s() - wall, cpu_s() - cpu);
    return failed != 0;
}

void runs_complain(FILE *out, const char *options, uint64_t seed,
                   const char *name, const char *why, const char *more)
{
    (void)fprintf(out,
                  "seed %" PRIu64 ": %s broken: %s\n"
                  "replay: ./dev sim %s--seed %" PRIu64 "%s --trace\n",
                  seed, name, why, options, seed, more);
}
