/* flow: how courses spread over very many nodes, piece by piece, without
 * packets: uplinks and downlinks as budgets in bytes, chunks as bits, words of
 * the protocol as counts. Time goes in steps. What a chunk's way through the
 * protocol takes (its wire, HAVE, WANT) is one delay, what a node needs before
 * its first chunk another. Pure, and a function of its seed.
 *
 * What it leaves out: loss, churn, liars, disks, differing links, CPU. */
#ifndef SIMULATIONS_SCALE_FLOW_H
#define SIMULATIONS_SCALE_FLOW_H

#include <stdint.h>

#define FLOW_CHUNKS_MAX 256u /* of a course */
#define FLOW_AHEAD_MAX 32u

struct flow_params {
    uint32_t learners;
    uint32_t courses;      /* of one publisher; each learner fetches one */
    uint32_t mirrors;      /* that hold all of them, besides the publisher */
    uint32_t chunks;       /* of a course */
    uint32_t chunk_bytes;  /* raw */
    uint32_t stored_bytes; /* of them, on average, as sent */
    uint64_t up_bps, down_bps; /* bytes a second, of each node */
    uint64_t latency_us;       /* from a node to the middle of the network */
    uint32_t join_spread_ms;
    uint32_t links_max; /* connections of one node */
    uint32_t dials;     /* of a learner, besides those to the sources */
    uint64_t rng_seed;
};

/* What is fitted to the packet level; README.md says how. */
struct flow_fit {
    double start_rtts;   /* before the first chunk, in round trips */
    double start_ms;     /* and besides */
    double relay_rtts;   /* from a chunk's coming to its going on */
    double relay_ms;     /* and besides */
    double words_a_link; /* HELLO, ASK, RECORDS, first HAVE; both sides */
    double peers_a_link; /* PEERS, both sides */
    double chunks_a_want;
    uint32_t ahead;    /* chunks asked of one peer before the first has come */
    double patience_s; /* fewer, when that takes longer */
};

struct flow_result {
    double mean_s, last_s; /* from a learner's start to its last chunk */
    double copies;         /* of a course that the publisher has sent */
    double links;          /* connections of a learner, on average */
    double messages;       /* a learner's, sent and received */
    double control;        /* those of them that are no CHUNK */
};

/** flow_run - Never fails: the simulators have no use for less memory. */
void flow_run(const struct flow_params *p, const struct flow_fit *fit,
              struct flow_result *out);

#endif
