/* sim_net_internal: the network's own structures. sim_net.c makes and ends
 * connections, sim_net_flow.c moves messages through them, sim_net_fault.c
 * breaks things. */
#ifndef SIMULATIONS_SIM_NET_INTERNAL_H
#define SIMULATIONS_SIM_NET_INTERNAL_H

#include "node/core/rng.h"
#include "simulations/sim_net.h"

struct item { /* a message on its way */
    struct item *next;
    conn_no from;
    size_t len;
    bool chunk;
    uint8_t data[];
};

struct end { /* one side of a connection */
    conn_no no;
    host_no host;
    bool open; /* its host believes in it */
    struct item *queue, **queue_tail;
    uint64_t control_bytes, chunk_bytes; /* queued */
    struct item *flight, **flight_tail;  /* sent, not delivered, in order */
    struct item *not_arrived;            /* first of flight still on the wire */
    uint32_t held; /* that a partition keeps from arriving */
    uint64_t flight_bytes;
    uint64_t unacked_bytes; /* delivered, and the sender cannot hear of it */
    uint64_t arrives_us;    /* the last one sent: order is kept */
    struct end *next_active;
    bool active; /* in its host's list of ends with something to send */
};

struct pair {
    struct end end[2]; /* the listener, the dialler */
    size_t live_at;
    bool dead; /* carries nothing any more */
    bool half; /* and the side that is open has not heard of it */
};

struct host {
    struct node_id key;
    struct sim_net_link link;
    enum peer_scope scope;
    const struct sim_net_events *events;
    void *user;
    char address[CORE_ADDRESS_MAX];
    uint16_t port;
    bool up;
    uint32_t life; /* counts crashes and starts */
    uint32_t group;
    uint32_t moves;           /* how often its address has changed */
    uint64_t frozen_until_us; /* it takes no notice of anything until then */
    struct item *sending;     /* on the uplink now */
    struct end *active, **active_tail;
    uint64_t down_free_us;
};

struct dial {
    struct dial *next;
    uint64_t no;
    host_no host, target;
    uint32_t life;
    struct node_id node;
    char address[CORE_ADDRESS_MAX];
    enum core_road road;
    bool refused;
};

struct sim_net {
    struct world *world;
    struct rng rng;
    struct host **hosts;
    size_t host_count;
    struct pair **pairs; /* by number; NULL when both sides know it is over */
    size_t pair_count, pair_cap;
    struct pair **live; /* those that are not NULL */
    size_t live_count;
    struct dial *dials;
    uint64_t dial_numbers;
    bool one_way; /* what goes to a higher group gets through */
    size_t control_max;
};

/* sim_net.c */
/** Another one at each move, and never one that was another host's. */
void sim_net__give_address(struct host *h, host_no no);
struct pair *sim_net__pair(const struct sim_net *net, conn_no conn);
/** sim_net__blocked - does nothing get from @from to @to? */
bool sim_net__blocked(const struct sim_net *net, host_no from, host_no to);
bool sim_net__frozen(const struct sim_net *net, host_no h);
uint64_t sim_net__latency_us(struct sim_net *net, host_no a, host_no b);
void sim_net__forget(struct sim_net *net, struct pair *p);

/* Ends it; each side hears of it after its delay, or never: UINT64_MAX. */
void sim_net__kill(struct sim_net *net, struct pair *p,
                   const uint64_t delay_us[2]);
/* Ends it if it cannot be used any more @after_us from now. */
void sim_net__doubt(struct sim_net *net, const struct pair *p,
                    uint64_t after_us);

/* sim_net_flow.c */
void sim_net__kick(struct sim_net *net, host_no h);        /* use the uplink */
void sim_net__release(struct sim_net *net, struct end *e); /* what was held */
/* All messages are lost. */
void sim_net__empty(struct sim_net *net, struct pair *p);

#endif
