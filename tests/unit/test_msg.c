/* test_msg: every message there and back, and every refusal. */
#include <stdlib.h>
#include <string.h>

#include "node/wire/msg.h"
#include "tests/lib/test.h"

static struct span text(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

/* Encodes, decodes, encodes again: the same bytes; and no prefix is accepted.
 */
static void there_and_back(const struct msg *m, struct msg *out,
                           struct buf *frame)
{
    struct buf again = BUF_INIT;

    frame->len = 0;
    assert_int_equal(msg_encode(m, frame, NULL), 0);
    assert_int_equal(msg_decode(frame->base, frame->len, out, NULL), 0);
    assert_int_equal(out->type, m->type);
    assert_int_equal(msg_encode(out, &again, NULL), 0);
    assert_true(span_eq(buf_span(frame), buf_span(&again)));
    buf_deinit(&again);
}

static void no_prefix(const struct buf *frame)
{
    struct msg m;

    for (size_t n = 0; n < frame->len; n++) {
        uint8_t *copy = malloc(n + 1); /* exact, for ASan */

        assert_non_null(copy);
        memcpy(copy, frame->base, n);
        assert_int_equal(msg_decode(copy, n, &m, NULL), ERR_MALFORMED);
        free(copy);
    }
}

TEST(msg, hello)
{
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_HELLO};
    struct msg o;

    m.u.hello.version = 1;
    m.u.hello.network = text("main");
    m.u.hello.listen_port = 65535;
    m.u.hello.agent = text("lyceum/0.1");
    there_and_back(&m, &o, &f);
    assert_true(span_eq(o.u.hello.network, m.u.hello.network));
    assert_true(span_eq(o.u.hello.agent, m.u.hello.agent));
    assert_int_equal(o.u.hello.listen_port, 65535);
    no_prefix(&f);
    m.u.hello.agent =
        text("0123456789012345678901234567890123456789012345678901234567890123"
             "4");
    f.len = 0;
    assert_int_equal(msg_encode(&m, &f, NULL), 0);
    assert_int_equal(msg_decode(f.base, f.len, &o, NULL), ERR_MALFORMED);
    buf_deinit(&f);
}

TEST(msg, ask_and_records)
{
    static const uint8_t record[] = {1, 2, 3};
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_ASK};
    struct msg o;

    m.u.ask.request = UINT32_MAX;
    memset(m.u.ask.course.b, 7, 32);
    there_and_back(&m, &o, &f);
    assert_true(course_id_eq(&o.u.ask.course, &m.u.ask.course));
    no_prefix(&f);

    m = (struct msg){.type = MSG_RECORDS};
    there_and_back(&m, &o, &f); /* none at all */
    assert_int_equal(o.u.records.count, 0);
    for (size_t i = 0; i < MSG_RECORDS_MAX; i++)
        m.u.records.list[i] = (struct span){record, sizeof record};
    m.u.records.count = MSG_RECORDS_MAX;
    m.u.records.request = 9;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.records.count, MSG_RECORDS_MAX);
    assert_int_equal(o.u.records.list[15].len, 3);
    no_prefix(&f);
    buf_deinit(&f);
}

static struct msg have(uint32_t slots)
{
    struct msg m = {.type = MSG_HAVE};

    memset(m.u.have.edition.b, 3, 32);
    m.u.have.slots = slots;
    return m;
}

TEST(msg, have)
{
    static const uint8_t bits[] = {0x80, 0xff, 0xe0};
    struct buf f = BUF_INIT;
    struct msg m = have(19);
    struct msg o;

    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.have.count, 0);
    assert_false(o.u.have.all);
    m.u.have.all = true;
    there_and_back(&m, &o, &f);
    assert_true(o.u.have.all);
    m.u.have.all = false;
    m.u.have.windows[0] = (struct msg_window){0, 19, bits};
    m.u.have.windows[1] = (struct msg_window){8, 8, bits + 1};
    m.u.have.count = 2;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.have.count, 2);
    assert_int_equal(o.u.have.windows[0].bit_count, 19);
    assert_int_equal(o.u.have.windows[1].first, 8);
    assert_int_equal(o.u.have.windows[1].bit_count, 8);
    assert_int_equal(o.u.have.windows[1].bits[0], 0xff);
    no_prefix(&f);
    buf_deinit(&f);
}

static void refused(const struct msg *m)
{
    struct buf f = BUF_INIT;
    struct msg o;

    assert_int_equal(msg_encode(m, &f, NULL), 0);
    assert_int_equal(msg_decode(f.base, f.len, &o, NULL), ERR_MALFORMED);
    buf_deinit(&f);
}

/* Windows: inside, at multiples of 8, not empty, spare bits zero, bounded. */
TEST(msg, have_refused)
{
    static uint8_t bits[MSG_WINDOW_BITS_MAX / 8 + 1];
    struct msg m = have(19);

    memset(bits, 0xff, sizeof bits);
    m.u.have.count = 1;
    m.u.have.windows[0] = (struct msg_window){0, 24, bits};
    refused(&m); /* spare bits */
    m.u.have.windows[0] = (struct msg_window){4, 8, bits};
    refused(&m);
    m.u.have.windows[0] = (struct msg_window){24, 8, bits};
    refused(&m);
    m.u.have.windows[0] = (struct msg_window){0, 32, bits};
    refused(&m);
    m.u.have.windows[0] = (struct msg_window){0, 0, bits};
    refused(&m);
    m = have(MANIFEST_CHUNKS_MAX);
    m.u.have.count = 1;
    m.u.have.windows[0] = (struct msg_window){0, MSG_WINDOW_BITS_MAX + 8, bits};
    refused(&m);
    m = have(MANIFEST_CHUNKS_MAX + MANIFEST_BLOB_ENTRIES_MAX + 1);
    refused(&m);
}

TEST(msg, want)
{
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_WANT};
    struct msg o;

    refused(&m); /* nothing wanted */
    m.u.want.request = 100;
    m.u.want.count = MSG_WANT_MAX;
    for (uint32_t i = 0; i < MSG_WANT_MAX; i++)
        m.u.want.slots[i] = i * 1000;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.want.count, MSG_WANT_MAX);
    assert_int_equal(o.u.want.slots[255], 255000);
    m.u.want.count = 2;
    there_and_back(&m, &o, &f);
    no_prefix(&f);
    m.u.want.request = UINT32_MAX; /* numbers may not wrap */
    refused(&m);
    m.u.want.count = 1;
    there_and_back(&m, &o, &f);
    buf_deinit(&f);
}

TEST(msg, chunk)
{
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_CHUNK};
    struct msg o;
    uint8_t head[MSG_CHUNK_HEAD];
    uint8_t *big = calloc(1, CHUNK_RAW_MAX + 1);

    assert_non_null(big);
    m.u.chunk.request = 0x01020304;
    m.u.chunk.stored = (struct span){big, CHUNK_RAW_MAX};
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.chunk.request, 0x01020304);
    assert_int_equal(o.u.chunk.stored.len, CHUNK_RAW_MAX);
    msg_chunk_head(0x01020304, head);
    assert_memory_equal(head, f.base, MSG_CHUNK_HEAD);
    assert_ptr_equal(o.u.chunk.stored.p, f.base + MSG_CHUNK_HEAD);
    assert_int_equal(msg_decode(f.base, MSG_CHUNK_HEAD, &o, NULL),
                     ERR_MALFORMED);
    m.u.chunk.stored.len = CHUNK_RAW_MAX + 1;
    refused(&m);
    free(big);
    buf_deinit(&f);
}

TEST(msg, refuse_and_cancel)
{
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_REFUSE};
    struct msg o;

    m.u.refuse.request = 5;
    m.u.refuse.count = 3;
    m.u.refuse.reason = REFUSE_BUSY;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.refuse.count, 3);
    assert_int_equal(o.u.refuse.reason, REFUSE_BUSY);
    no_prefix(&f);
    m.u.refuse.reason = (enum refuse_reason)4;
    refused(&m);
    m.u.refuse.reason = (enum refuse_reason)0;
    refused(&m);
    m.u.refuse.reason = REFUSE_POLICY;
    m.u.refuse.count = 0;
    refused(&m);
    m.u.refuse.request = UINT32_MAX;
    m.u.refuse.count = 2;
    refused(&m);

    m = (struct msg){.type = MSG_CANCEL};
    m.u.cancel.request = 5;
    m.u.cancel.count = 1;
    there_and_back(&m, &o, &f);
    no_prefix(&f);
    m.u.cancel.count = 0;
    refused(&m);
    m.u.cancel.request = UINT32_MAX;
    m.u.cancel.count = 2;
    refused(&m);
    buf_deinit(&f);
}

TEST(msg, peers)
{
    char long_host[MSG_HOST_MAX + 2];
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_PEERS};
    struct msg o;

    for (size_t i = 0; i < MSG_PEERS_MAX; i++) {
        m.u.peers.list[i].node.b[0] = (uint8_t)i;
        m.u.peers.list[i].host = text("2001:db8::1");
        m.u.peers.list[i].port = (uint16_t)(4000 + i);
    }
    m.u.peers.count = 2;
    there_and_back(&m, &o, &f);
    no_prefix(&f);
    m.u.peers.count = MSG_PEERS_MAX;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.peers.count, MSG_PEERS_MAX);
    assert_int_equal(o.u.peers.list[31].port, 4031);
    m.u.peers.list[3].port = 0;
    refused(&m);
    m.u.peers.list[3].port = 1;
    m.u.peers.list[3].host.len = 0;
    refused(&m);
    memset(long_host, 'a', sizeof long_host);
    m.u.peers.list[3].host =
        (struct span){(const uint8_t *)long_host, MSG_HOST_MAX + 1};
    refused(&m);
    buf_deinit(&f);
}

TEST(msg, unsupported)
{
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_UNSUPPORTED};
    struct msg o;

    m.u.unsupported.type = 0x2f;
    there_and_back(&m, &o, &f);
    assert_int_equal(o.u.unsupported.type, 0x2f);
    no_prefix(&f);
    buf_deinit(&f);
}

/* Keys that nobody knows yet are passed over, wherever they stand. */
TEST(msg, unknown_keys)
{
    static const uint8_t cancel[] = {0x09, 0xa4, 0x00, 0x81, 0xf5, 0x01,
                                     0x05, 0x02, 0x07, 0x18, 0x63, 0x60};
    static const uint8_t too_late[] = {0x09, 0xa2, 0x00, 0x05, 0x02, 0x07};
    struct msg o;

    assert_int_equal(msg_decode(cancel, sizeof cancel, &o, NULL), 0);
    assert_int_equal(o.u.cancel.request, 5);
    assert_int_equal(o.u.cancel.count, 7);
    assert_int_equal(msg_decode(too_late, sizeof too_late, &o, NULL),
                     ERR_MALFORMED);
}

/* An unknown type is told apart from a broken message, whatever follows it. */
TEST(msg, unknown_type)
{
    static const uint8_t types[] = {0x00, 0x0b, 0x20, 0x40, 0xff};
    struct msg o;

    for (size_t i = 0; i < sizeof types; i++) {
        const uint8_t frame[] = {types[i], 0xff, 0xff};

        assert_int_equal(msg_decode(frame, sizeof frame, &o, NULL),
                         ERR_REFUSED);
        assert_int_equal(o.u.unsupported.type, types[i]);
    }
}

/* Bodies of another shape: too long a list, a wrong type, a key too few, keys
 * beside the known ones (accepted), junk behind the body. */
TEST(msg, shapes)
{
    static const struct {
        const char *bytes;
        size_t len;
        int rc;
    } cases[] = {
        {"\x0a\xa1\x01\x05", 4, 0},
        {"\x0a\xa2\x01\x05\x18\x63\xf6", 7, 0}, /* 99: null, ignored */
        {"\x0a\xa0", 2, ERR_MALFORMED},
        {"\x0a\xa1\x02\x05", 4, ERR_MALFORMED},
        {"\x0a\xa2\x00\x05\x01\x05", 6, 0},             /* 0: ignored, too */
        {"\x0a\xa1\x01\x19\x01\x00", 6, ERR_MALFORMED}, /* 256 */
        {"\x0a\xa1\x01\x61\x61", 5, ERR_MALFORMED},
        {"\x0a\x81\x05", 3, ERR_MALFORMED},
        {"\x0a\xa1\x01\x05\x00", 5, ERR_MALFORMED},
        {"\x0a\xa1\x01\x18\x05", 5, ERR_MALFORMED}, /* not minimal */
        {"\x0a\xbf\x01\x05\xff", 5, ERR_MALFORMED}, /* indefinite */
        {"\x09\xa2\x01\x05\x02\x01", 6, 0},
        {"\x09\xa2\x02\x01\x01\x05", 6, ERR_MALFORMED}, /* unsorted */
        {"\x09\xa2\x01\x05\x01\x05", 6, ERR_MALFORMED}, /* twice */
        {"\x09\xa2\x01\x20\x02\x01", 6, ERR_MALFORMED}, /* -1 */
        {"\x09\xa2\x01\x1b\x00\x00\x00\x01\x00\x00\x00\x00\x02\x01", 14,
         ERR_MALFORMED}, /* 2^32 */
        {"\x09\xa2\x01\x05\x02\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 14,
         ERR_MALFORMED}, /* 2^64 - 1 */
        {"\x03\xa2\x01\x05\x02\x91\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40"
         "\x40\x40\x40\x40\x40\x40\x40",
         23, ERR_MALFORMED}, /* 17 records */
        {"\x03\xa2\x01\x05\x02\x9a\x04\x00\x00\x00", 10, ERR_MALFORMED},
        {"", 0, ERR_MALFORMED},
        {"\x01", 1, ERR_MALFORMED},
    };
    struct msg o;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc =
            msg_decode((const uint8_t *)cases[i].bytes, cases[i].len, &o, NULL);

        if (rc != cases[i].rc)
            fail_msg("case %d: %d", (int)i, rc);
    }
}

/* Over 64 KiB: not sent, and not read. */
TEST(msg, too_long)
{
    uint8_t *big = calloc(1, MSG_CONTROL_MAX + 1);
    struct buf f = BUF_INIT;
    struct msg m = {.type = MSG_RECORDS};

    assert_non_null(big);
    (void)buf_append(&f, "xyz", 3);
    m.u.records.list[0] = (struct span){big, MSG_CONTROL_MAX};
    m.u.records.count = 1;
    assert_int_equal(msg_encode(&m, &f, NULL), ERR_LIMIT);
    assert_int_equal(f.len, 3);
    big[0] = MSG_ASK;
    assert_int_equal(msg_decode(big, MSG_CONTROL_MAX + 1, &m, NULL),
                     ERR_MALFORMED);
    free(big);
    buf_deinit(&f);
}
