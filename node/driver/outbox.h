/* outbox: what one connection has given to libzmq and still takes memory.
 * Messages are freed on libzmq's own thread, often after the connection has
 * ended, so an outbox lives until the last of them. Thread-safe. */
#ifndef NODE_DRIVER_OUTBOX_H
#define NODE_DRIVER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>
#include <zmq.h>

#include "node/driver/slab.h"

struct bell; /* wakes the loop; one for all outboxes of a transport */
struct outbox;

/** bell_new - @async is rung whenever chunks have left. NULL: no memory. */
struct bell *bell_new(uv_async_t *async);
/** bell_mute - @async is about to be closed: ring it no more. */
void bell_mute(struct bell *b);
void bell_unref(struct bell *b);
/** bell_control_bytes - of control messages queued in all its outboxes. */
size_t bell_control_bytes(struct bell *b);

struct outbox *outbox_new(struct bell *b);
void outbox_unref(struct outbox *o);

/** outbox_chunk_buffer - @len bytes of @s to fill. NULL: no memory. */
uint8_t *outbox_chunk_buffer(struct slab *s, size_t len);
void outbox_chunk_discard(struct slab *s, uint8_t *buffer);

/** outbox_chunk - make @out a message of @buffer, which it owns from now on. */
int outbox_chunk(struct outbox *o, struct slab *s, uint8_t *buffer, size_t len,
                 zmq_msg_t *out);
/** outbox_chunk_back - close a message that was not sent; the buffer is the
 *  caller's again. */
void outbox_chunk_back(uint8_t *buffer, zmq_msg_t *msg);
/** outbox_take_gone - chunk bytes that have left since the last call. */
uint32_t outbox_take_gone(struct outbox *o);

/** outbox_control - make @out a message with a copy of @data. */
int outbox_control(struct outbox *o, const uint8_t *data, size_t len,
                   zmq_msg_t *out);
/** outbox_control_bytes - of control messages queued now. */
size_t outbox_control_bytes(struct outbox *o);

#endif
