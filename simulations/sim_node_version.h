/* sim_node_version: an honest node of a later version, or of an earlier one.
 * The later one says more than we know, as far as node/PROTOCOL.md lets it:
 * keys in bodies, types of messages and of records. The earlier one does not
 * know PEERS, which one can do without. The core of both is ours: what differs
 * is put on and taken off between core and network. */
#ifndef SIMULATIONS_SIM_NODE_VERSION_H
#define SIMULATIONS_SIM_NODE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_conn;
struct sim_node;

enum sim_version { SIM_VERSION_NOW, SIM_VERSION_LATER, SIM_VERSION_EARLIER };

#define SIM_STRANGE_TYPES 4

struct sim_talk {                        /* of one connection */
    uint32_t strange[SIM_STRANGE_TYPES]; /* sent, of types of the later one */
    bool refused[SIM_STRANGE_TYPES];     /* the other said UNSUPPORTED */
    bool greeted;                        /* HELLO was sent */
    uint64_t told_us;                    /* we said UNSUPPORTED of PEERS then */
    uint32_t not_known;                  /* messages that we do not know */
};

/** sim_node__say - send what the core says, as this version would. */
void sim_node__say(struct sim_node *n, struct sim_conn *to, const uint8_t *data,
                   size_t len);

/** sim_node__hear - true: that is not for the core. */
bool sim_node__hear(struct sim_node *n, struct sim_conn *from,
                    const uint8_t *data, size_t len);

#endif
