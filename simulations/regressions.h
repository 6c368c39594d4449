/* regressions: seeds that found a bug once. simulations/regressions.txt keeps
 * them, a line each: scenario, seed, cuts as on the command line, "#", what it
 * was. Empty lines and such that begin with "#" are for people. */
#ifndef SIMULATIONS_REGRESSIONS_H
#define SIMULATIONS_REGRESSIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "simulations/plan.h"

/** regressions_parse - one line. false: it is none. @line is taken apart. */
bool regressions_parse(char *line, struct plan *out);

/**
 * regressions_run - all of @path; what fails is told to @out.
 * Return: how many failed; -1: it cannot be read, or a line is none.
 */
int regressions_run(const char *path, FILE *out);

#endif
