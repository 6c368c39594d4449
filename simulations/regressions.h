/* regressions: seeds that found a bug once. simulations/regressions.txt keeps
 * them, a line each: scenario, seed, cuts as on the command line, "#", what it
 * was; or --disk --seed and a number. Empty lines and such that begin with "#"
 * are for people. */
#ifndef SIMULATIONS_REGRESSIONS_H
#define SIMULATIONS_REGRESSIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "simulations/plan.h"

/** regressions_parse - one line. false: it is none. @line is taken apart. */
bool regressions_parse(char *line, struct plan *out);

/** regressions_parse_disk - is it one of the disk? @out_seed: which. */
bool regressions_parse_disk(const char *line, uint64_t *out_seed);

/**
 * regressions_run - all of @path; what fails is told to @out.
 * Return: how many failed; -1: it cannot be read, or a line is none.
 */
int regressions_run(const char *path, FILE *out);

#endif
