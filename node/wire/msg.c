#include "node/wire/msg.h"

#include <string.h>

#include "crypto/cbor.h"

#define PROTOCOL_MAX_AGENT 64u
#define NETWORK_MAX 32u

static int bad(struct err *e, const char *why)
{
    return err_set(e, ERR_MALFORMED, "message: %s", why);
}

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

/* ---- reading ------------------------------------------------------ */

/* Messages have all of their keys, in order: an optional key is asked for with
 * at_key. SPEC 2: "Unknown map keys in a payload or message are ignored" */
struct body {
    struct cbor_in in;
    uint64_t left;
};

static bool at_key(struct body *b, uint64_t key)
{
    while (b->left != 0) {
        struct cbor_in ahead = b->in;
        uint64_t k;

        if (cbor_read_uint(&ahead, &k) != 0 || k > key)
            return false;
        b->in = ahead;
        b->left--;
        if (k == key)
            return true;
        (void)cbor_skip(&b->in);
    }
    return false;
}

static void want_key(struct body *b, uint64_t key)
{
    if (!at_key(b, key))
        b->in.failed = true;
}

static uint64_t take_uint(struct body *b, uint64_t key, uint64_t max)
{
    uint64_t v = 0;

    want_key(b, key);
    if (cbor_read_uint(&b->in, &v) != 0 || v > max) {
        b->in.failed = true;
        return 0;
    }
    return v;
}

static void take_text(struct body *b, uint64_t key, size_t max,
                      struct span *out)
{
    want_key(b, key);
    if (cbor_read_text(&b->in, out) != 0 || out->len > max)
        b->in.failed = true;
}

static void take_id(struct body *b, uint64_t key, uint8_t out[ID_BYTES])
{
    want_key(b, key);
    (void)cbor_read_fixed(&b->in, out, ID_BYTES);
}

static uint64_t take_list(struct body *b, uint64_t max)
{
    uint64_t n = 0;

    if (cbor_read_array(&b->in, &n) != 0 || n > max) {
        b->in.failed = true;
        return 0;
    }
    return n;
}

static void read_hello(struct body *b, struct msg *m)
{
    m->u.hello.version = take_uint(b, 1, UINT32_MAX);
    take_text(b, 2, NETWORK_MAX, &m->u.hello.network);
    m->u.hello.listen_port = (uint16_t)take_uint(b, 3, UINT16_MAX);
    take_text(b, 4, PROTOCOL_MAX_AGENT, &m->u.hello.agent);
}

static void read_ask(struct body *b, struct msg *m)
{
    m->u.ask.request = (uint32_t)take_uint(b, 1, UINT32_MAX);
    take_id(b, 2, m->u.ask.course.b);
}

static void read_records(struct body *b, struct msg *m)
{
    uint64_t n;

    m->u.records.request = (uint32_t)take_uint(b, 1, UINT32_MAX);
    want_key(b, 2);
    n = take_list(b, MSG_RECORDS_MAX);
    for (uint64_t i = 0; i < n && !b->in.failed; i++)
        (void)cbor_read_bytes(&b->in, &m->u.records.list[i]);
    m->u.records.count = (size_t)n;
}

/* SPEC 6: "windows, each at most 262,144 bits, most significant bit first,
 * first a multiple of 8, spare bits zero" */
static void read_window(struct body *b, uint32_t slots, struct msg_window *w)
{
    uint64_t first = 0;
    uint64_t shape = 0;
    struct span bits = {NULL, 0};
    uint32_t spare;

    if (cbor_read_array(&b->in, &shape) != 0 || shape != 2 ||
        cbor_read_uint(&b->in, &first) != 0 ||
        cbor_read_bytes(&b->in, &bits) != 0 || first % 8 != 0 ||
        first >= slots || bits.len == 0 || bits.len > MSG_WINDOW_BITS_MAX / 8 ||
        bits.len > (slots - first + 7) / 8) {
        b->in.failed = true;
        return;
    }
    w->first = (uint32_t)first;
    w->bits = bits.p;
    w->bit_count = (uint32_t)bits.len * 8;
    if (w->bit_count > slots - w->first) {
        spare = w->bit_count - (slots - w->first);
        w->bit_count = slots - w->first;
        if ((bits.p[bits.len - 1] & ((1u << spare) - 1)) != 0)
            b->in.failed = true;
    }
}

static void read_have(struct body *b, struct msg *m)
{
    uint64_t n = 0;

    take_id(b, 1, m->u.have.edition.b);
    m->u.have.slots = (uint32_t)take_uint(
        b, 2, MANIFEST_CHUNKS_MAX + MANIFEST_BLOB_ENTRIES_MAX);
    if (at_key(b, 3)) {
        bool all = false;

        /* false is another spelling of its absence: refused */
        if (cbor_read_bool(&b->in, &all) != 0 || !all)
            b->in.failed = true;
        m->u.have.all = all;
    }
    if (at_key(b, 4))
        n = take_list(b, MSG_WINDOWS_MAX);
    for (uint64_t i = 0; i < n && !b->in.failed; i++)
        read_window(b, m->u.have.slots, &m->u.have.windows[i]);
    m->u.have.count = (size_t)n;
}

static void read_want(struct body *b, struct msg *m)
{
    uint64_t n;

    take_id(b, 1, m->u.want.edition.b);
    m->u.want.request = (uint32_t)take_uint(b, 2, UINT32_MAX);
    want_key(b, 3);
    n = take_list(b, MSG_WANT_MAX);
    if (n == 0 || n - 1 > UINT32_MAX - m->u.want.request)
        b->in.failed = true;
    for (uint64_t i = 0; i < n && !b->in.failed; i++) {
        uint64_t slot = 0;

        if (cbor_read_uint(&b->in, &slot) != 0 || slot > UINT32_MAX)
            b->in.failed = true;
        m->u.want.slots[i] = (uint32_t)slot;
    }
    m->u.want.count = (size_t)n;
}

static void read_refuse(struct body *b, struct msg *m)
{
    uint64_t reason;

    m->u.refuse.request = (uint32_t)take_uint(b, 1, UINT32_MAX);
    m->u.refuse.count = (uint32_t)take_uint(b, 2, UINT32_MAX);
    reason = take_uint(b, 3, REFUSE_POLICY);
    if (reason == 0 || m->u.refuse.count == 0 ||
        m->u.refuse.count - 1 > UINT32_MAX - m->u.refuse.request)
        b->in.failed = true;
    m->u.refuse.reason = (enum refuse_reason)reason;
}

static void read_peer(struct body *b, struct msg_peer *p)
{
    uint64_t shape = 0;
    uint64_t port = 0;

    if (cbor_read_array(&b->in, &shape) != 0 || shape != 3 ||
        cbor_read_fixed(&b->in, p->node.b, sizeof p->node.b) != 0 ||
        cbor_read_text(&b->in, &p->host) != 0 ||
        cbor_read_uint(&b->in, &port) != 0 || port > UINT16_MAX || port == 0 ||
        p->host.len == 0 || p->host.len > MSG_HOST_MAX)
        b->in.failed = true;
    p->port = (uint16_t)port;
}

static void read_peers(struct body *b, struct msg *m)
{
    uint64_t n;

    take_id(b, 1, m->u.peers.course.b);
    want_key(b, 2);
    n = take_list(b, MSG_PEERS_MAX);
    for (uint64_t i = 0; i < n && !b->in.failed; i++)
        read_peer(b, &m->u.peers.list[i]);
    m->u.peers.count = (size_t)n;
}

static void read_cancel(struct body *b, struct msg *m)
{
    m->u.cancel.request = (uint32_t)take_uint(b, 1, UINT32_MAX);
    m->u.cancel.count = (uint32_t)take_uint(b, 2, UINT32_MAX);
    if (m->u.cancel.count == 0 ||
        m->u.cancel.count - 1 > UINT32_MAX - m->u.cancel.request)
        b->in.failed = true;
}

static bool read_body(struct body *b, struct msg *m)
{
    switch (m->type) {
    case MSG_HELLO:
        read_hello(b, m);
        return true;
    case MSG_ASK:
        read_ask(b, m);
        return true;
    case MSG_RECORDS:
        read_records(b, m);
        return true;
    case MSG_HAVE:
        read_have(b, m);
        return true;
    case MSG_WANT:
        read_want(b, m);
        return true;
    case MSG_REFUSE:
        read_refuse(b, m);
        return true;
    case MSG_PEERS:
        read_peers(b, m);
        return true;
    case MSG_CANCEL:
        read_cancel(b, m);
        return true;
    case MSG_UNSUPPORTED:
        m->u.unsupported.type = (uint8_t)take_uint(b, 1, UINT8_MAX);
        return true;
    case MSG_CHUNK:
        break;
    }
    return false;
}

static bool is_known(uint8_t type)
{
    return type >= MSG_HELLO && type <= MSG_UNSUPPORTED;
}

static int decode_chunk(const uint8_t *frame, size_t len, struct msg *out,
                        struct err *e)
{
    if (len <= MSG_CHUNK_HEAD || len > MSG_CHUNK_MAX)
        return bad(e, "CHUNK of a wrong size");
    out->type = MSG_CHUNK;
    out->u.chunk.request = get_u32(frame + 1);
    out->u.chunk.stored.p = frame + MSG_CHUNK_HEAD;
    out->u.chunk.stored.len = len - MSG_CHUNK_HEAD;
    return 0;
}

int msg_decode(const uint8_t *frame, size_t len, struct msg *out, struct err *e)
{
    struct body b = {.left = 0};
    int rc;

    if (len == 0)
        return bad(e, "empty");
    if (frame[0] == MSG_CHUNK) /* the hot path: nothing else is touched */
        return decode_chunk(frame, len, out, e);
    if (len > MSG_CONTROL_MAX)
        return bad(e, "over 64 KiB");
    memset(out, 0, sizeof *out);
    if (!is_known(frame[0])) {
        out->u.unsupported.type = frame[0];
        return err_set(e, ERR_REFUSED, "message of type 0x%02x", frame[0]);
    }
    rc = cbor_check(frame + 1, len - 1, 0, e);
    if (rc != 0)
        return ERR_MALFORMED;
    out->type = (enum msg_type)frame[0];
    cbor_in_init(&b.in, frame + 1, len - 1);
    (void)cbor_read_map(&b.in, &b.left);
    if (b.in.failed || !read_body(&b, out) || b.in.failed)
        return bad(e, "a body of another shape");
    for (; b.left != 0; b.left--) {
        (void)cbor_skip(&b.in);
        (void)cbor_skip(&b.in);
    }
    return cbor_done(&b.in) ? 0 : bad(e, "a body of another shape");
}

/* ---- writing ------------------------------------------------------ */

static void put_uint(struct buf *out, uint64_t key, uint64_t v)
{
    cbor_put_uint(out, key);
    cbor_put_uint(out, v);
}

static void put_id(struct buf *out, uint64_t key, const uint8_t id[ID_BYTES])
{
    cbor_put_uint(out, key);
    cbor_put_bytes(out, id, ID_BYTES);
}

static void put_text(struct buf *out, uint64_t key, struct span s)
{
    cbor_put_uint(out, key);
    cbor_put_text(out, (const char *)s.p, s.len);
}

static void put_have(const struct msg *m, struct buf *out)
{
    size_t n = m->u.have.count;

    cbor_put_map(out, 2u + (m->u.have.all ? 1u : 0u) + (n != 0 ? 1u : 0u));
    put_id(out, 1, m->u.have.edition.b);
    put_uint(out, 2, m->u.have.slots);
    if (m->u.have.all) {
        cbor_put_uint(out, 3);
        cbor_put_bool(out, true);
    }
    if (n == 0)
        return;
    cbor_put_uint(out, 4);
    cbor_put_array(out, n);
    for (size_t i = 0; i < n; i++) {
        const struct msg_window *w = &m->u.have.windows[i];

        cbor_put_array(out, 2);
        cbor_put_uint(out, w->first);
        cbor_put_bytes(out, w->bits, (w->bit_count + 7) / 8);
    }
}

static void put_want(const struct msg *m, struct buf *out)
{
    cbor_put_map(out, 3);
    put_id(out, 1, m->u.want.edition.b);
    put_uint(out, 2, m->u.want.request);
    cbor_put_uint(out, 3);
    cbor_put_array(out, m->u.want.count);
    for (size_t i = 0; i < m->u.want.count; i++)
        cbor_put_uint(out, m->u.want.slots[i]);
}

static void put_peers(const struct msg *m, struct buf *out)
{
    cbor_put_map(out, 2);
    put_id(out, 1, m->u.peers.course.b);
    cbor_put_uint(out, 2);
    cbor_put_array(out, m->u.peers.count);
    for (size_t i = 0; i < m->u.peers.count; i++) {
        const struct msg_peer *p = &m->u.peers.list[i];

        cbor_put_array(out, 3);
        cbor_put_bytes(out, p->node.b, sizeof p->node.b);
        cbor_put_text(out, (const char *)p->host.p, p->host.len);
        cbor_put_uint(out, p->port);
    }
}

static void put_records(const struct msg *m, struct buf *out)
{
    cbor_put_map(out, 2);
    put_uint(out, 1, m->u.records.request);
    cbor_put_uint(out, 2);
    cbor_put_array(out, m->u.records.count);
    for (size_t i = 0; i < m->u.records.count; i++)
        cbor_put_bytes(out, m->u.records.list[i].p, m->u.records.list[i].len);
}

static void put_range(struct buf *out, uint32_t request, uint32_t count,
                      bool more)
{
    cbor_put_map(out, more ? 3 : 2);
    put_uint(out, 1, request);
    put_uint(out, 2, count);
}

static void put_body(const struct msg *m, struct buf *out)
{
    uint8_t head[MSG_CHUNK_HEAD];

    switch (m->type) {
    case MSG_HELLO:
        cbor_put_map(out, 4);
        put_uint(out, 1, m->u.hello.version);
        put_text(out, 2, m->u.hello.network);
        put_uint(out, 3, m->u.hello.listen_port);
        put_text(out, 4, m->u.hello.agent);
        break;
    case MSG_ASK:
        cbor_put_map(out, 2);
        put_uint(out, 1, m->u.ask.request);
        put_id(out, 2, m->u.ask.course.b);
        break;
    case MSG_RECORDS:
        put_records(m, out);
        break;
    case MSG_HAVE:
        put_have(m, out);
        break;
    case MSG_WANT:
        put_want(m, out);
        break;
    case MSG_CHUNK:
        msg_chunk_head(m->u.chunk.request, head);
        (void)buf_append(out, head + 1, sizeof head - 1);
        (void)buf_append(out, m->u.chunk.stored.p, m->u.chunk.stored.len);
        break;
    case MSG_REFUSE:
        put_range(out, m->u.refuse.request, m->u.refuse.count, true);
        put_uint(out, 3, m->u.refuse.reason);
        break;
    case MSG_PEERS:
        put_peers(m, out);
        break;
    case MSG_CANCEL:
        put_range(out, m->u.cancel.request, m->u.cancel.count, false);
        break;
    case MSG_UNSUPPORTED:
        cbor_put_map(out, 1);
        put_uint(out, 1, m->u.unsupported.type);
        break;
    }
}

int msg_encode(const struct msg *m, struct buf *out, struct err *e)
{
    size_t start = out->len;
    uint8_t type = (uint8_t)m->type;

    (void)buf_append(out, &type, 1);
    put_body(m, out);
    if (out->failed)
        return err_set(e, ERR_NOMEM, "message");
    if (m->type != MSG_CHUNK && out->len - start > MSG_CONTROL_MAX) {
        out->len = start;
        return err_set(e, ERR_LIMIT, "message of over 64 KiB");
    }
    return 0;
}

void msg_chunk_head(uint32_t request, uint8_t out[MSG_CHUNK_HEAD])
{
    out[0] = MSG_CHUNK;
    out[1] = (uint8_t)(request >> 24);
    out[2] = (uint8_t)(request >> 16);
    out[3] = (uint8_t)(request >> 8);
    out[4] = (uint8_t)request;
}
