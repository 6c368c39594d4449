/* msg: the messages between peers, encoded and decoded. Pure; allocates nothing
 * when decoding: what it hands out points into the frame. Does not judge what a
 * message means, only its form. Source: node/PROTOCOL.md section 6. */
#ifndef NODE_WIRE_MSG_H
#define NODE_WIRE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"

#define MSG_CONTROL_MAX 65536u
#define MSG_CHUNK_HEAD 5u /* type byte and request id */
#define MSG_CHUNK_MAX (MSG_CHUNK_HEAD + CHUNK_RAW_MAX)
#define MSG_WANT_MAX 256u
#define MSG_WINDOW_BITS_MAX 262144u
#define MSG_PEERS_MAX 32u
#define MSG_RECORDS_MAX 16u
#define MSG_WINDOWS_MAX 64u
#define MSG_HOST_MAX 96u

enum msg_type {
    MSG_HELLO = 0x01,
    MSG_ASK = 0x02,
    MSG_RECORDS = 0x03,
    MSG_HAVE = 0x04,
    MSG_WANT = 0x05,
    MSG_CHUNK = 0x06,
    MSG_REFUSE = 0x07,
    MSG_PEERS = 0x08,
    MSG_CANCEL = 0x09,
    MSG_UNSUPPORTED = 0x0a,
};

enum refuse_reason {
    REFUSE_NOT_HERE = 1,
    REFUSE_BUSY = 2,
    REFUSE_POLICY = 3,
};

struct msg_window {
    uint32_t first;     /* slot, multiple of 8 */
    uint32_t bit_count; /* multiple of 8 unless it ends at the last slot */
    const uint8_t *bits;
};

struct msg_peer {
    struct node_id node;
    struct span host; /* text */
    uint16_t port;
};

struct msg {
    enum msg_type type;
    union {
        struct {
            uint64_t version;
            struct span network;
            uint16_t listen_port;
            struct span agent;
        } hello;
        struct {
            uint32_t request;
            struct course_id course;
        } ask;
        struct {
            uint32_t request;
            struct span list[MSG_RECORDS_MAX];
            size_t count;
        } records;
        struct {
            struct record_id edition;
            uint32_t slots;
            bool all;
            struct msg_window windows[MSG_WINDOWS_MAX];
            size_t count;
        } have;
        struct {
            struct record_id edition;
            uint32_t request;
            uint32_t slots[MSG_WANT_MAX];
            size_t count;
        } want;
        struct {
            uint32_t request;
            struct span stored;
        } chunk;
        struct {
            uint32_t request;
            uint32_t count;
            enum refuse_reason reason;
        } refuse;
        struct {
            struct course_id course;
            struct msg_peer list[MSG_PEERS_MAX];
            size_t count;
        } peers;
        struct {
            uint32_t request;
            uint32_t count;
        } cancel;
        struct {
            uint8_t type;
        } unsupported;
    } u;
};

/**
 * msg_decode - read one frame.
 * @out: filled on success; spans borrow @frame.
 * Return: 0; ERR_REFUSED for a type that is not known (out->u.unsupported.type
 *         is set); ERR_MALFORMED for everything else that is not right.
 */
int msg_decode(const uint8_t *frame, size_t len, struct msg *out,
               struct err *e);

/**
 * msg_encode - append the frame of @m to @out. CHUNK too, for tests and the
 * simulator; the driver writes that head in place with msg_chunk_head.
 * A decoded frame encodes to the same bytes.
 * Return: 0, ERR_LIMIT when it would be over MSG_CONTROL_MAX, ERR_NOMEM.
 */
int msg_encode(const struct msg *m, struct buf *out, struct err *e);

/** msg_chunk_head - the 5 bytes before the stored bytes of a CHUNK. */
void msg_chunk_head(uint32_t request, uint8_t out[MSG_CHUNK_HEAD]);

#endif
