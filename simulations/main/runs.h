/* runs: many seeds, one after the other or in several processes, whatever it is
 * that a seed stands for: some twice (S16), and how many an hour holds. */
#ifndef SIMULATIONS_MAIN_RUNS_H
#define SIMULATIONS_MAIN_RUNS_H

#include "simulations/main/jobs.h"

struct runs {
    uint64_t first, count, jobs;
    /* Does @seed, twice when @again. Return: well? */
    bool (*one)(const void *user, uint64_t seed, bool again, struct job *job);
    const void *user;
};

/** runs_all - Return: the exit code. @out_sums: as the runs left them. */
int runs_all(const struct runs *r, uint64_t out_sums[JOB_SUMS]);

/** runs_complain - @name broke in the run of @seed, told with how to replay it:
 *  @options is what goes between "./dev sim" and "--seed". */
void runs_complain(FILE *out, const char *options, uint64_t seed,
                   const char *name, const char *why, const char *more);

#endif
