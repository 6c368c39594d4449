/* sim_net: the virtual network. Hosts with an uplink and a downlink that their
 * connections share, a latency each, connections that carry whole messages in
 * order or break, partitions, hosts that vanish. It stands where node/driver's
 * transport stands and behaves as that does towards the core; it knows no
 * protocol. Everything it reports, it reports from an event of the world, never
 * from inside a call. */
#ifndef SIMULATIONS_SIM_NET_H
#define SIMULATIONS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/ids.h"
#include "node/core/core.h"
#include "simulations/world.h"

/* Control bytes waiting in one connection; what comes on top is lost. */
#define SIM_NET_CONTROL_MAX (8u * 1024u * 1024u)
/* A connection across a partition is given up after this long. */
#define SIM_NET_SILENCE_US UINT64_C(15000000)
/* Of a connection that is half open the one side hears after this long: the
 * heartbeat of node/driver/link.c. */
#define SIM_NET_DEAF_US UINT64_C(120000000)

struct sim_net;
typedef uint32_t host_no;

struct sim_net_link {
    uint64_t up_bps; /* bytes a second, all connections together */
    uint64_t down_bps;
    uint64_t latency_us; /* from the host to the middle of the network */
};

struct sim_net_events {
    /* Is @node let in? Asked of the listening side. */
    bool (*admit)(void *user, const struct node_id *node);
    void (*up)(void *user, conn_no conn, const struct node_id *node,
               bool outbound, enum core_road road, enum peer_scope scope,
               const char *address);
    void (*down)(void *user, conn_no conn);
    /* @data: borrowed for the call. */
    void (*message)(void *user, conn_no conn, const uint8_t *data, size_t len);
    /* @bytes of chunk frames have left. */
    void (*sent)(void *user, conn_no conn, uint32_t bytes);
    void (*dial_failed)(void *user, const struct node_id *node,
                        const char *address, bool refused);
};

struct sim_net *sim_net_new(struct world *w, uint64_t rng_seed);
void sim_net_free(struct sim_net *net);

/**
 * sim_net_add - a host, listening, with an address of its own.
 * @scope: SCOPE_LAN (10.0.0.0/8) or SCOPE_PUBLIC (198.18.0.0/15).
 * @events, @user: borrowed for the network's life.
 */
host_no sim_net_add(struct sim_net *net, const struct node_id *key,
                    const struct sim_net_link *link, enum peer_scope scope,
                    const struct sim_net_events *events, void *user);

/** sim_net_address - "HOST:PORT" where @h listens; lives as long as @net. */
const char *sim_net_address(const struct sim_net *net, host_no h);

/** sim_net_port - the port of that. */
uint16_t sim_net_port(const struct sim_net *net, host_no h);

/** sim_net_set_key - who @h is for connections from now on. */
void sim_net_set_key(struct sim_net *net, host_no h, const struct node_id *key);

/** sim_net_dial - up or dial_failed follows. @address is copied. */
void sim_net_dial(struct sim_net *net, host_no h, const struct node_id *node,
                  const char *address, enum core_road road);

/**
 * sim_net_send - queue one message; the bytes are copied.
 * @chunk: reported by `sent` once it has left.
 * Return: 0; ERR_AGAIN: the queue is full (control only), and nothing of the
 * message is sent; ERR_NOT_FOUND.
 */
int sim_net_send(struct sim_net *net, host_no h, conn_no conn,
                 const uint8_t *data, size_t len, bool chunk);

/** sim_net_queued - chunk bytes of @conn that have not left. */
uint64_t sim_net_queued(const struct sim_net *net, conn_no conn);

/** sim_net_drop - end a connection; both sides hear of it. */
void sim_net_drop(struct sim_net *net, host_no h, conn_no conn);

/** sim_net_cut_one - break a connection of the living ones, the @pick-th
 *  modulo their number. false: there is none. */
bool sim_net_cut_one(struct sim_net *net, uint64_t pick);

/** sim_net_half_one - break one, chosen likewise, so that only one side knows;
 *  what the other sends gets nowhere for SIM_NET_DEAF_US. */
bool sim_net_half_one(struct sim_net *net, uint64_t pick);

/** sim_net_set_up - false: the host is gone, its connections with it, without
 *  a word to itself. true: it listens again. */
void sim_net_set_up(struct sim_net *net, host_no h, bool up);

/** sim_net_set_group - hosts of different groups do not reach each other. All
 *  begin in group 0. */
void sim_net_set_group(struct sim_net *net, host_no h, uint32_t group);

/** sim_net_set_one_way - what goes from a lower group to a higher one gets
 *  through, until sim_net_heal. Nothing is heard of its arrival. */
void sim_net_set_one_way(struct sim_net *net, bool one_way);

/** sim_net_move - @h has another address from now on, and its connections are
 *  lost: it hears of that soon, the others later. */
void sim_net_move(struct sim_net *net, host_no h);

/** sim_net_freeze - @h hears of nothing until then; what comes waits. Others
 *  give its connections up when that takes too long. */
void sim_net_freeze(struct sim_net *net, host_no h, uint64_t until_us);

/** sim_net_set_control_max - instead of SIM_NET_CONTROL_MAX, for all. */
void sim_net_set_control_max(struct sim_net *net, size_t bytes);

/** sim_net_heal - all hosts in group 0; what was held up moves on. */
void sim_net_heal(struct sim_net *net);

/** sim_net_carries - does @conn carry messages both ways just now? */
bool sim_net_carries(const struct sim_net *net, conn_no conn);

/** sim_net_conns - living connections. */
size_t sim_net_conns(const struct sim_net *net);

#endif
