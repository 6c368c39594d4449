/* jobs: runs in several processes, told in order as if there were one. */
#ifndef SIMULATIONS_MAIN_JOBS_H
#define SIMULATIONS_MAIN_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JOB_SUMS 8

struct job {
    FILE *out;               /* what there is to say */
    uint64_t sums[JOB_SUMS]; /* this one's; added up over all */
};

/* Does the @i-th of them. Return: well? */
typedef bool job_fn(void *user, uint64_t i, struct job *job);

/**
 * jobs_run - @fn for 0 to @count - 1 in @jobs processes; what they write goes
 * to stdout in the order of their numbers.
 * @sums: uint64_t[JOB_SUMS], to which the jobs' are added.
 * Return: how many did not go well; a process that dies counts for all that it
 * has not done.
 */
uint64_t jobs_run(unsigned jobs, uint64_t count, job_fn *fn, void *user,
                  uint64_t *sums);

#endif
