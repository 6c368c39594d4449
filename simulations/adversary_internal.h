/* adversary_internal: adversary.c answers, adversary_attack.c begins,
 * adversary_replay.c repeats what others said, adversary_conspire.c names
 * others of its kind. */
#ifndef SIMULATIONS_ADVERSARY_INTERNAL_H
#define SIMULATIONS_ADVERSARY_INTERNAL_H

#include "node/wire/msg.h"
#include "simulations/adversary.h"

struct visit { /* a connection */
    conn_no conn;
    struct node_id node;
    char name[ROSTER_NAME_MAX];
    uint32_t claims;
};

#define HEARD_MAX 32 /* frames kept to be said again */

struct owed { /* a trickler's answer, all in good time */
    conn_no conn;
    const struct course_kit_edition *edition;
    uint32_t slot, request;
};

struct adversary {
    const struct sim_env *env;
    struct adversary_config cfg;
    char name[ROSTER_NAME_MAX];
    struct node_id key, first_key;
    size_t keys;
    host_no host;
    struct rng rng;
    struct visit *visits;
    size_t visit_count;
    const struct sim_node **targets;
    size_t target_count;
    uint64_t asked;    /* slots that it was asked for */
    uint64_t every;    /* garbage: every so many-th */
    uint64_t good_for; /* staller: serves the first so many */
    struct buf forged; /* an edition record */
    struct owed *owed; /* by the order of asking; answered up to owed_done */
    size_t owed_count, owed_done;
    struct buf heard[HEARD_MAX]; /* a ring */
    size_t heard_count;
    const struct adversary **mates;
    size_t mate_count;
};

/* adversary.c */
bool adversary__over(const struct adversary *a);
void adversary__send_raw(struct adversary *a, conn_no conn, const uint8_t *data,
                         size_t len);
void adversary__send(struct adversary *a, conn_no conn, const struct msg *m);
void adversary__claim(struct adversary *a, conn_no conn,
                      const struct record_id *edition);

/* adversary_attack.c */
void adversary__attack(
    struct adversary *a); /* now and then, if it is its way */
void adversary__forge(struct adversary *a);
/** An edition that breaks the chain, or an old one. */
struct span adversary__odd_record(struct adversary *a);

/* adversary_conspire.c */
/** adversary__conspire - from now on, if it has mates. */
void adversary__conspire(struct adversary *a);

/* adversary_replay.c */
void adversary__hear(struct adversary *a, const uint8_t *data, size_t len);
void adversary__replay(struct adversary *a, conn_no conn);
/** adversary__forget - frees what was heard. */
void adversary__forget(struct adversary *a);

#endif
