/* plan_cut: a plan made smaller: without some of what goes wrong, with fewer
 * nodes, foes, chunks. A cut is a value that a command line can say, so that
 * what was made smaller can be run again exactly. */
#ifndef SIMULATIONS_PLAN_CUT_H
#define SIMULATIONS_PLAN_CUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "simulations/plan.h"

#define PLAN_CUT_TEXT_MAX 512

struct plan_cut {
    uint64_t without; /* bits: parts by number */
    uint32_t seeders, learners, foes, editions, chunks; /* 0 = as it is */
};

/** plan_cut_parts - how many parts there are; their numbers begin at 0. */
unsigned plan_cut_parts(void);

/** plan_cut_part - "crash", "staller" and the like. */
const char *plan_cut_part(unsigned part);

/** plan_cut_has - would @p be another plan without @part? */
bool plan_cut_has(const struct plan *p, unsigned part);

/** plan_cut_apply - cut @p down; never below one of a kind. */
void plan_cut_apply(const struct plan_cut *cut, struct plan *p);

/**
 * plan_cut_option - take "--without a,b" or "--learners 2" into @cut.
 * Return: false when it is no such option, or its value is none.
 */
bool plan_cut_option(struct plan_cut *cut, const char *option,
                     const char *value);

/** plan_cut_text - the options that say @cut, each with a space before it. */
void plan_cut_text(const struct plan_cut *cut, char out[PLAN_CUT_TEXT_MAX]);

/** plan_words - what happens in @p, for people. */
void plan_words(const struct plan *p, FILE *out);

#endif
