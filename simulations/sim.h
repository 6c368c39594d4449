/* sim: runs a plan: builds its world, lets the faults happen, checks the
 * invariants after every step, and that all honest learners end in time. */
#ifndef SIMULATIONS_SIM_H
#define SIMULATIONS_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "simulations/plan.h"

struct sim_result {
    const char *broken; /* name of the invariant; NULL: all held */
    char why[256];
    char hash[65];     /* of the trace */
    uint64_t lines;    /* of the trace */
    uint64_t events;   /* of the world */
    uint64_t done_ms;  /* when the last learner was complete; 0: none */
    uint64_t alone_ms; /* the same without the faults */
    uint64_t good_chunks, bad_chunks; /* stored and refused, all nodes */
    uint64_t good_bytes, got_bytes;   /* stored; all CHUNKs that came */
    uint64_t foe_waste_bytes;         /* came of foes, in vain */
    uint64_t bad_keys;
    uint64_t crashes;
    uint64_t allocs_failed;
    uint64_t proofs; /* kept, that the author signed two of one number */
};

/**
 * sim_run - run @p to its end, with faults or without.
 * @limit_ms: virtual time after which learners are late (L1).
 * @all: where every line of the trace goes, or NULL.
 * @tail: where the last lines go when an invariant breaks, or NULL.
 */
void sim_run(const struct plan *p, uint64_t limit_ms, FILE *all, FILE *tail,
             struct sim_result *out);

/**
 * sim_check - run @p without its faults first, to know how long it should take,
 * then as it is; L1's limit follows from both.
 */
void sim_check(const struct plan *p, FILE *all, FILE *tail,
               struct sim_result *out);

/**
 * sim_check_again - S16: run @p once more; @r, of the first time, is broken
 * when the trace is another one.
 */
void sim_check_again(const struct plan *p, struct sim_result *r);

#endif
