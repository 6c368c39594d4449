/* adversary: peers that mean harm or are broken. They hold real keys, speak the
 * protocol as far as it serves them, and know the real course. Written without
 * node/core on purpose: what they send depends on nothing that the core under
 * test would refuse to do. */
#ifndef SIMULATIONS_ADVERSARY_H
#define SIMULATIONS_ADVERSARY_H

#include <stdbool.h>
#include <stdint.h>

#include "simulations/sim_node.h"

enum adversary_kind {
    ADVERSARY_GARBAGE,   /* right length, wrong bytes, every n-th chunk */
    ADVERSARY_LIAR,      /* claims everything, refuses everything */
    ADVERSARY_SHIFTER,   /* claims other sets all the time, serves some */
    ADVERSARY_STALLER,   /* takes wants, answers none or the first few */
    ADVERSARY_FLOODER,   /* wants, asks, haves, unknown types, in masses */
    ADVERSARY_MALFORMED, /* half mutated frames and noise, half valid and wrong
                          */
    ADVERSARY_FORGER,    /* editions signed by a stranger */
    ADVERSARY_POISONER,  /* hints to forbidden and empty addresses */
    ADVERSARY_TRICKLER,  /* all that it owes, as slowly as it may */
    ADVERSARY_REPLAYER,  /* what others said, old records, old withdrawals */
    ADVERSARY_FREEZER,   /* serves, and hides that there is a newer edition */
    ADVERSARY_FLEET,     /* wrong bytes under one key after the other */
    ADVERSARY_DOUBLE,    /* has the author's key: forks, jumps, old editions */
    ADVERSARY_KIND_COUNT
};

struct adversary_config {
    enum adversary_kind kind;
    uint64_t rng_seed;
    struct sim_net_link link;
    enum peer_scope scope;
    bool rotates;      /* comes back under another key when it is shut out */
    size_t keys_max;   /* and has so many of them; 0 = no end */
    uint64_t until_us; /* attacks no more after that, and goes */
};

struct adversary;

/** adversary_kind_name - "garbage" and the like. */
const char *adversary_kind_name(enum adversary_kind kind);

struct adversary *adversary_new(const struct sim_env *env, uint32_t index,
                                const struct adversary_config *cfg);
void adversary_free(struct adversary *a);

/** adversary_target - @n is to be visited, again and again. */
void adversary_target(struct adversary *a, const struct sim_node *n);

/** adversary_mate - they name each other, to all who hear them. */
void adversary_mate(struct adversary *a, struct adversary *other);

/** adversary_key, adversary_address - for hints to it. The key is the first. */
const struct node_id *adversary_key(const struct adversary *a);
const char *adversary_address(const struct adversary *a);

/** adversary_start - it listens and begins to visit. */
void adversary_start(struct adversary *a);

/** adversary_keys - how many identities it has used. */
size_t adversary_keys(const struct adversary *a);

#endif
