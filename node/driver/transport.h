/* transport: ZeroMQ sockets with CURVE in a libuv loop. One ROUTER for those
 * who dial us, one DEALER for each we dial. A peer is its CURVE key as ZAP
 * reports it. Holds the four defences: the undelivered-bytes watchdog, a ZAP
 * handler that fails closed, ZMQ_MAXMSGSIZE before bind, no trust in routing
 * ids. Knows no protocol: one message is one frame of bytes. All calls and
 * callbacks on the loop's thread. Source: node/PROTOCOL.md section 5. */
#ifndef NODE_DRIVER_TRANSPORT_H
#define NODE_DRIVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>
#include <zmq.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "node/core/core.h"

struct transport;

struct transport_events {
    /* A handshake is done. @address: "HOST:PORT" of the other side, borrowed.
     */
    void (*up)(void *user, conn_no conn, const struct node_id *node,
               bool outbound, enum peer_scope scope, const char *address);
    void (*down)(void *user, conn_no conn);
    /* One frame. Move the message away (zmq_msg_move) to keep it without a
     * copy; else it is closed after the call. */
    void (*message)(void *user, conn_no conn, zmq_msg_t *msg);
    /* @bytes of chunks given to transport_send_chunk have left our memory.
     * Nothing is told of a connection that has ended. */
    void (*sent)(void *user, conn_no conn, uint32_t bytes);
    /* A dial came to nothing. @refused: reached, but not admitted. */
    void (*dial_failed)(void *user, const struct node_id *node,
                        const char *address, bool refused);
    /* How many bytes this connection owes us (watchdog). */
    uint64_t (*owed)(void *user, conn_no conn);
};

struct transport_config {
    uint8_t secret_key[32]; /* CURVE; copied, wiped on close */
    struct node_id node;    /* its public key */
    const char *listen;     /* "ADDR:PORT", port 0 = any; NULL = dial only */
    uint32_t inbound_max;   /* 0 = 64, and 64 more on the LAN */
    uint64_t undelivered_max_bytes;   /* 0 = 8 MiB beyond what is owed; of a
                                         newcomer never more than 2 MiB */
    uint64_t undelivered_total_bytes; /* 0 = 128 MiB */
    uint64_t handshake_ms;            /* 0 = 5,000 inbound, 3,000 dialling */
};

/** transport_open - sockets up, ZAP first, self-check done (dialling ourselves
 *  with NULL must fail). Callbacks may call anything here, transport_close too.
 *  ERR_CONFLICT: the address is taken. After a failure the loop still has
 *  handles to close: run it before uv_loop_close. */
int transport_open(uv_loop_t *loop, const struct transport_config *config,
                   const struct transport_events *events, void *user,
                   struct transport **out, struct err *e);

/** transport_close - end all connections; @closed is called from the loop when
 *  every handle is closed and @t is freed. */
void transport_close(struct transport *t, void (*closed)(void *user));

/** transport_address - "HOST:PORT" as bound, or "" when not listening. */
const char *transport_address(const struct transport *t);

/** transport_dial - connect to @node at @address ("HOST:PORT"). Names are
 *  resolved on uv's pool. up or dial_failed follows within 10 s. ERR_INVALID:
 *  no such address. */
int transport_dial(struct transport *t, const struct node_id *node,
                   const char *address, struct err *e);

/** transport_send - a control message. ERR_AGAIN: the peer's queue is full, at
 *  2 MiB or, with 48 MiB waiting for all peers, at 64 KiB (the message was not
 *  taken); ERR_NOT_FOUND: no such connection. */
int transport_send(struct transport *t, conn_no conn, const uint8_t *data,
                   size_t len);

/**
 * transport_chunk_buffer - memory for one CHUNK frame of @len bytes, from a
 * pool that keeps freed memory. Give it to transport_send_chunk or
 * transport_chunk_discard. NULL when out of memory.
 */
uint8_t *transport_chunk_buffer(struct transport *t, size_t len);
void transport_chunk_discard(struct transport *t, uint8_t *buffer);

/** transport_send_chunk - send a buffer of transport_chunk_buffer whole, no
 *  copy. On ERR_AGAIN and ERR_NOT_FOUND the buffer stays yours. */
int transport_send_chunk(struct transport *t, conn_no conn, uint8_t *buffer,
                         size_t len);

/** transport_drop - end this connection; down follows from the loop. */
void transport_drop(struct transport *t, conn_no conn);

/** transport_refuse - let this key in no more until @until_wall_ms (Unix time
 * in ms; 0 = lift). Does not end connections. Of 4,096 refused keys the one
 * whose refusal ends first makes room. */
void transport_refuse(struct transport *t, const struct node_id *node,
                      uint64_t until_wall_ms);

/** transport_scope_of - of a literal "HOST:PORT"; names count as public. */
enum peer_scope transport_scope_of(const char *address);

/** transport_tune_memory - once at start: keep freed message memory in the
 *  process, whose page faults cost more than hashing does. */
void transport_tune_memory(void);

/** transport_check_means - before any other thread: may this process open
 * enough files, and has it room for its threads? libzmq and libuv abort where
 * they meet such a limit later. Raises the limit of files as far as it may.
 *  ERR_LIMIT, ERR_NOMEM. */
int transport_check_means(struct err *e);

struct transport_stats {
    uint32_t inbound, outbound;
    uint64_t refused; /* by ZAP */
    uint64_t watchdog_cuts;
    uint64_t multipart_cuts;
};
void transport_stats(const struct transport *t, struct transport_stats *out);

#endif
