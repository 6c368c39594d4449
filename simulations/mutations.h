/* mutations: defects put in on purpose, one at a time, and the invariant that
 * must catch each: a checker that cannot fail checks nothing. */
#ifndef SIMULATIONS_MUTATIONS_H
#define SIMULATIONS_MUTATIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "simulations/plan.h"

struct mutation {
    enum sim_break broken;
    const char *name;
    const char *scenario;  /* where it shows */
    const char *invariant; /* by whose name it must be caught */
};

/** mutations - the table, ended by a NULL name. */
const struct mutation *mutations(void);

/**
 * mutations_seed - the first seed that catches @m.
 * @out_by: the invariant that did; static text.
 * Return: 0 when none of the first @seeds does.
 */
uint64_t mutations_seed(const struct mutation *m, uint64_t seeds,
                        const char **out_by);

/** mutations_try - a line of the table. false: not caught, or by another. */
bool mutations_try(const struct mutation *m, uint64_t seeds, FILE *out);

/**
 * mutations_head, mutations_line - of the table that is printed, for the
 * defects of other tables too.
 * @by: NULL: not caught. @seed: of how many, at most, were tried.
 */
void mutations_head(FILE *out);
void mutations_line(FILE *out, const char *name, const char *where,
                    const char *must, const char *by, uint64_t seed,
                    uint64_t seeds);

#endif
