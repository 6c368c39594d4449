/* core_kit: a core driven by hand. Events go in through kit_* calls, the
 * effects of each step are kept until a test takes them, and core_check is
 * asked after every step. Small courses with real records; the chunks' bytes
 * are never looked at, since digests are the driver's. */
#ifndef TESTS_LIB_CORE_KIT_H
#define TESTS_LIB_CORE_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/profile.h"
#include "crypto/record.h"
#include "node/core/core.h"
#include "node/core/core_internal.h"
#include "node/wire/msg.h"
#include "tests/lib/test.h"

#define KIT_BLOBS 2 /* one for the index, one for the tree */

/* ---- courses ------------------------------------------------------ */

struct kit_course {
    struct identity *author;
    struct course_id id;
    struct record_id edition;
    uint64_t seq;
    struct buf course_record, edition_record, profile_record;
    struct chunk_table blobs, full;
};

static inline void kit_sign(const struct identity *who, enum record_type type,
                            const struct buf *payload, struct buf *out,
                            struct record_id *out_id)
{
    assert_int_equal(
        record_sign(who, type, "main", buf_span(payload), out, out_id, NULL),
        0);
}

static inline void kit_make_course(struct kit_course *k)
{
    struct course_payload p = {.time_ms = 1, .author_count = 1, .threshold = 1};
    struct profile_payload me = {.time_ms = 1, .box_key = {9}};
    struct buf payload = BUF_INIT;
    struct record_id id;

    p.title = (struct span){(const uint8_t *)"Course", 6};
    p.authors[0] = *identity_author(k->author);
    assert_int_equal(course_encode(&p, &payload, NULL), 0);
    kit_sign(k->author, RECORD_COURSE, &payload, &k->course_record, &id);
    memcpy(k->id.b, id.b, sizeof id.b);
    payload.len = 0;
    me.name = (struct span){(const uint8_t *)"Ada", 3};
    assert_int_equal(profile_encode(&me, &payload, NULL), 0);
    kit_sign(k->author, RECORD_PROFILE, &payload, &k->profile_record, NULL);
    buf_deinit(&payload);
}

static inline void kit_make_edition(struct kit_course *k, uint64_t seq,
                                    const struct record_id *prev)
{
    struct edition_payload p = {.time_ms = 1, .seq = seq};
    struct buf payload = BUF_INIT;
    uint8_t entries[KIT_BLOBS][40];

    for (uint32_t i = 0; i < KIT_BLOBS; i++)
        chunk_entry_encode(&k->full.refs[i], entries[i]);
    p.course = k->id;
    p.title = (struct span){(const uint8_t *)"Course", 6};
    p.index_blob = (struct span){entries[0], 40};
    p.tree_blob = (struct span){entries[1], 40};
    p.chunks = k->full.count - KIT_BLOBS;
    if (prev != NULL)
        p.prev = *prev;
    k->seq = seq;
    k->edition_record.len = 0;
    assert_int_equal(edition_encode(&p, &payload, NULL), 0);
    kit_sign(k->author, RECORD_EDITION, &payload, &k->edition_record,
             &k->edition);
    buf_deinit(&payload);
}

static inline void kit_tables(struct kit_course *k, uint32_t slots,
                              uint32_t len)
{
    k->full.refs = calloc(slots, sizeof *k->full.refs);
    assert_non_null(k->full.refs);
    k->full.count = slots;
    k->full.index_count = k->full.tree_count = 1;
    for (uint32_t i = 0; i < slots; i++) {
        k->full.refs[i] = (struct chunk_ref){.stored_len = len, .raw_len = len};
        memcpy(k->full.refs[i].id.b, &i, sizeof i);
    }
    k->blobs = k->full;
    k->blobs.count = KIT_BLOBS;
}

/** kit_course_init - course number @seed with @slots chunks of @len bytes. */
static inline void kit_course_init(struct kit_course *k, uint8_t seed,
                                   uint32_t slots, uint32_t len)
{
    uint8_t bytes[SEED_BYTES] = {seed, 1};

    assert_int_equal(crypto_init(NULL), 0);
    *k = (struct kit_course){.author = identity_from_seed(bytes)};
    kit_tables(k, slots, len);
    kit_make_course(k);
    kit_make_edition(k, 1, NULL);
}

/** kit_next_edition - another edition of @of's course. */
static inline void kit_next_edition(struct kit_course *k,
                                    const struct kit_course *of, uint8_t seed,
                                    uint32_t slots, uint32_t len)
{
    uint8_t bytes[SEED_BYTES] = {seed, 1};

    *k = (struct kit_course){.author = identity_from_seed(bytes)};
    k->id = of->id;
    (void)buf_append(&k->course_record, of->course_record.base,
                     of->course_record.len);
    kit_tables(k, slots, len);
    kit_make_edition(k, of->seq + 1, &of->edition);
}

static inline void kit_course_deinit(struct kit_course *k)
{
    identity_free(k->author);
    free(k->full.refs);
    buf_deinit(&k->course_record);
    buf_deinit(&k->edition_record);
    buf_deinit(&k->profile_record);
}

/* ---- the core ----------------------------------------------------- */

#define KIT_LOG_MAX 65536

struct kit_seen { /* an effect, with its borrowed bytes copied */
    struct core_effect fx;
    uint8_t *bytes;
    size_t len;
    bool taken;
};

struct kit {
    struct core *c;
    struct core_config config;
    uint64_t now_ms, wall_ms;
    struct kit_seen *log;
    size_t count;
    struct msg m; /* of kit_sent; borrows from the log */
};

static inline struct node_id kit_node(uint8_t n)
{
    struct node_id id = {{n, 0x77}};

    return id;
}

static inline void kit_init(struct kit *k)
{
    *k = (struct kit){.now_ms = 1000000, .wall_ms = 1700000000000};
    k->config.self = kit_node(255);
    k->config.rng_seed[0] = 7;
    k->config.network = "main";
    k->config.agent = "kit";
    k->config.listen_port = 4242;
    core_limits_default(&k->config.limits);
    /* Much at once, so that a test need not begin slowly. */
    k->config.limits.window_start_bytes = 256 * 1024;
    k->config.limits.unsent_start_bytes = k->config.limits.unsent_peer_bytes;
    k->log = calloc(KIT_LOG_MAX, sizeof *k->log);
    assert_non_null(k->log);
}

static inline void kit_start(struct kit *k)
{
    k->c = core_new(&k->config);
    assert_non_null(k->c);
}

static inline void kit_clear(struct kit *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->log[i].bytes);
    k->count = 0;
}

static inline void kit_deinit(struct kit *k)
{
    kit_clear(k);
    core_free(k->c);
    free(k->log);
}

static inline void kit_keep(struct kit *k, const struct core_effect *fx)
{
    struct kit_seen *s = &k->log[k->count++];

    assert_true(k->count < KIT_LOG_MAX);
    *s = (struct kit_seen){.fx = *fx};
    if (fx->kind == FX_SEND) {
        s->len = fx->u.send.len;
        s->bytes = malloc(s->len);
        assert_non_null(s->bytes);
        memcpy(s->bytes, fx->u.send.data, s->len);
        s->fx.u.send.data = s->bytes;
    }
}

static inline void kit_step(struct kit *k, struct core_event *ev)
{
    struct core_effects fx;
    const char *why;

    ev->now_ms = k->now_ms;
    ev->wall_ms = k->wall_ms;
    assert_int_equal(core_step(k->c, ev, &fx, NULL), 0);
    for (size_t i = 0; i < fx.count; i++)
        kit_keep(k, &fx.list[i]);
    why = core_check(k->c);
    if (why != NULL)
        fail_msg("core_check: %s", why);
}

/** kit_wait - let @ms pass, with every timer that falls due. */
static inline void kit_wait(struct kit *k, uint64_t ms)
{
    uint64_t end = k->now_ms + ms;
    uint64_t start = k->now_ms;

    while (core_deadline_ms(k->c) <= end) {
        struct core_event ev = {.kind = EV_TIMEOUT};

        if (core_deadline_ms(k->c) > k->now_ms)
            k->now_ms = core_deadline_ms(k->c);
        k->wall_ms = k->wall_ms - start + k->now_ms;
        start = k->now_ms;
        kit_step(k, &ev);
    }
    k->wall_ms += end - start;
    k->now_ms = end;
}

/* ---- what came out ------------------------------------------------ */

/** kit_find - the first effect of @kind not taken yet; it is taken. */
static inline const struct core_effect *kit_find(struct kit *k,
                                                 enum core_effect_kind kind)
{
    for (size_t i = 0; i < k->count; i++)
        if (!k->log[i].taken && k->log[i].fx.kind == kind) {
            k->log[i].taken = true;
            return &k->log[i].fx;
        }
    return NULL;
}

/** kit_want - as kit_find, and it must be there. */
static inline const struct core_effect *kit_want(struct kit *k,
                                                 enum core_effect_kind kind)
{
    const struct core_effect *fx = kit_find(k, kind);

    if (fx == NULL)
        fail_msg("no effect of kind %d", (int)kind);
    return fx;
}

/** kit_sent - the first message of @type to @conn not taken yet, or NULL. */
static inline const struct msg *kit_sent(struct kit *k, conn_no conn,
                                         enum msg_type type)
{
    for (size_t i = 0; i < k->count; i++) {
        struct kit_seen *s = &k->log[i];

        if (s->taken || s->fx.kind != FX_SEND || s->fx.u.send.conn != conn ||
            s->bytes[0] != (uint8_t)type)
            continue;
        s->taken = true;
        assert_int_equal(msg_decode(s->bytes, s->len, &k->m, NULL), 0);
        return &k->m;
    }
    return NULL;
}

static inline const struct msg *kit_must_send(struct kit *k, conn_no conn,
                                              enum msg_type type)
{
    const struct msg *m = kit_sent(k, conn, type);

    if (m == NULL)
        fail_msg("no message of type %d to %d", (int)type, (int)conn);
    return m;
}

static inline bool kit_notified(struct kit *k, enum core_notice notice)
{
    bool any = false;

    for (size_t i = 0; i < k->count; i++)
        if (!k->log[i].taken && k->log[i].fx.kind == FX_NOTIFY &&
            k->log[i].fx.u.notify.notice == notice)
            any = k->log[i].taken = true;
    return any;
}

static inline bool kit_dropped(struct kit *k, conn_no conn)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->log[i].fx.kind == FX_DROP && k->log[i].fx.u.drop.conn == conn)
            return true;
    return false;
}

/** kit_banned - for how long; 0 = not. */
static inline uint64_t kit_banned(const struct kit *k, uint8_t node)
{
    struct node_id id = kit_node(node);

    for (size_t i = 0; i < k->count; i++)
        if (k->log[i].fx.kind == FX_BAN &&
            node_id_eq(&k->log[i].fx.u.ban.node, &id))
            return k->log[i].fx.u.ban.until_wall_ms - k->wall_ms;
    return 0;
}

/* ---- what goes in ------------------------------------------------- */

static inline void kit_up_at(struct kit *k, conn_no conn, uint8_t node,
                             bool outbound, enum peer_scope scope,
                             const char *address)
{
    struct core_event ev = {.kind = EV_PEER_UP};

    ev.u.up.conn = conn;
    ev.u.up.node = kit_node(node);
    ev.u.up.outbound = outbound;
    ev.u.up.scope = scope;
    ev.u.up.road = outbound ? ROAD_EXPLICIT : ROAD_INBOUND;
    ev.u.up.address = address;
    kit_step(k, &ev);
}

static inline void kit_frame(struct kit *k, conn_no conn, const uint8_t *data,
                             size_t len)
{
    struct core_event ev = {.kind = EV_MESSAGE};

    ev.u.message.conn = conn;
    ev.u.message.data = data;
    ev.u.message.len = len;
    kit_step(k, &ev);
}

static inline void kit_say(struct kit *k, conn_no conn, const struct msg *m)
{
    struct buf frame = BUF_INIT;

    assert_int_equal(msg_encode(m, &frame, NULL), 0);
    kit_frame(k, conn, frame.base, frame.len);
    buf_deinit(&frame);
}

static inline void kit_hello(struct kit *k, conn_no conn, uint16_t port)
{
    struct msg m = {.type = MSG_HELLO};

    m.u.hello.version = 1;
    m.u.hello.network = (struct span){(const uint8_t *)"main", 4};
    m.u.hello.listen_port = port;
    m.u.hello.agent = (struct span){(const uint8_t *)"kit", 3};
    kit_say(k, conn, &m);
}

/** kit_peer - connection @n of node @n, greeted, from a public address. */
static inline void kit_peer(struct kit *k, uint8_t n)
{
    char address[CORE_ADDRESS_MAX];

    (void)snprintf(address, sizeof address, "8.8.4.%u:5000", n);
    kit_up_at(k, n, n, false, SCOPE_PUBLIC, address);
    kit_hello(k, n, 5000);
    assert_non_null(kit_sent(k, n, MSG_HELLO));
}

static inline void kit_down(struct kit *k, conn_no conn)
{
    struct core_event ev = {.kind = EV_PEER_DOWN};

    ev.u.down.conn = conn;
    kit_step(k, &ev);
}

static inline void kit_fetch(struct kit *k, const struct kit_course *co)
{
    struct core_event ev = {.kind = EV_FETCH};

    ev.u.fetch.course = co->id;
    kit_step(k, &ev);
}

static inline void kit_stop(struct kit *k, const struct kit_course *co)
{
    struct core_event ev = {.kind = EV_STOP_FETCH};

    ev.u.stop_fetch.course = co->id;
    kit_step(k, &ev);
}

/** kit_course - answer the FX_LOAD_COURSE; @co NULL: not held. */
static inline void kit_course(struct kit *k, const struct kit_course *co)
{
    const struct core_effect *fx = kit_want(k, FX_LOAD_COURSE);
    struct core_event ev = {.kind = EV_COURSE};

    ev.u.course.token = fx->u.load_course.token;
    ev.u.course.course = fx->u.load_course.course;
    if (co != NULL) {
        ev.u.course.found = true;
        ev.u.course.course_record = co->course_record.base;
        ev.u.course.course_record_len = co->course_record.len;
        ev.u.course.edition_record = co->edition_record.base;
        ev.u.course.edition_record_len = co->edition_record.len;
        ev.u.course.profile_record = co->profile_record.base;
        ev.u.course.profile_record_len = co->profile_record.len;
    }
    kit_step(k, &ev);
}

static inline void kit_edition_for(struct kit *k, uint64_t token,
                                   const struct kit_course *co, bool manifest,
                                   const uint8_t *have, bool all)
{
    struct core_event ev = {.kind = EV_EDITION};

    ev.u.edition.token = token;
    if (co != NULL) {
        ev.u.edition.found = true;
        ev.u.edition.edition.edition = co->edition;
        ev.u.edition.edition.course = co->id;
        ev.u.edition.edition.seq = co->seq;
        ev.u.edition.edition.table = manifest ? &co->full : &co->blobs;
        ev.u.edition.edition.has_manifest = manifest;
        ev.u.edition.edition.have = have;
        ev.u.edition.edition.have_all = all;
    }
    kit_step(k, &ev);
}

/** kit_edition - answer the FX_LOAD_EDITION. */
static inline void kit_edition(struct kit *k, const struct kit_course *co,
                               bool manifest, const uint8_t *have, bool all)
{
    const struct core_effect *fx = kit_want(k, FX_LOAD_EDITION);

    kit_edition_for(k, fx->u.load_edition.token, co, manifest, have, all);
}

/** kit_learner - a fetch of @co, whose manifest is held and @have of it. */
static inline void kit_learner(struct kit *k, const struct kit_course *co,
                               const uint8_t *have)
{
    kit_fetch(k, co);
    kit_course(k, co);
    kit_edition(k, co, true, have, false);
}

static inline void kit_records(struct kit *k, conn_no conn, uint32_t request,
                               const struct kit_course *co)
{
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.request = request;
    if (co != NULL) {
        m.u.records.list[0] = buf_span(&co->course_record);
        m.u.records.list[1] = buf_span(&co->edition_record);
        m.u.records.count = 2;
        if (co->profile_record.len != 0) {
            m.u.records.list[2] = buf_span(&co->profile_record);
            m.u.records.count = 3;
        }
    }
    kit_say(k, conn, &m);
}

/** kit_answer - @conn answers the ASK that it was sent. */
static inline void kit_answer(struct kit *k, conn_no conn,
                              const struct kit_course *co)
{
    const struct msg *m = kit_must_send(k, conn, MSG_ASK);

    kit_records(k, conn, m->u.ask.request, co);
}

/** kit_have_all - @conn has everything of @co. */
static inline void kit_have_all(struct kit *k, conn_no conn,
                                const struct kit_course *co)
{
    struct msg m = {.type = MSG_HAVE};

    m.u.have.edition = co->edition;
    m.u.have.slots = co->full.count;
    m.u.have.all = true;
    kit_say(k, conn, &m);
}

/** kit_have - @conn has @count slots from @first (a multiple of 8). */
static inline void kit_have(struct kit *k, conn_no conn,
                            const struct kit_course *co, uint32_t first,
                            uint32_t count)
{
    struct msg m = {.type = MSG_HAVE};
    uint8_t bits[512] = {0};

    assert_true(count <= 8 * sizeof bits);
    for (uint32_t i = 0; i < count; i++)
        bits[i / 8] |= (uint8_t)(0x80u >> (i % 8));
    m.u.have.edition = co->edition;
    m.u.have.slots = co->full.count;
    m.u.have.windows[0] = (struct msg_window){first, count, bits};
    m.u.have.count = 1;
    kit_say(k, conn, &m);
}

/** kit_seeder - peer @n is there, knows the course, and has all of it. */
static inline void kit_seeder(struct kit *k, uint8_t n,
                              const struct kit_course *co)
{
    kit_peer(k, n);
    kit_answer(k, n, co);
    kit_have_all(k, n, co);
}

static inline void kit_chunk(struct kit *k, conn_no conn, uint32_t request,
                             uint32_t len)
{
    struct msg m = {.type = MSG_CHUNK};
    uint8_t *bytes = calloc(1, len);

    assert_non_null(bytes);
    m.u.chunk.request = request;
    m.u.chunk.stored = (struct span){bytes, len};
    kit_say(k, conn, &m);
    free(bytes);
}

static inline void kit_stored(struct kit *k, const struct core_effect *store,
                              enum store_result result)
{
    struct core_event ev = {.kind = EV_STORED};

    ev.u.stored.conn = store->u.store.conn;
    ev.u.stored.swarm = store->u.store.swarm;
    ev.u.stored.slot = store->u.store.slot;
    ev.u.stored.result = result;
    kit_step(k, &ev);
}

/* ---- asked slots, in the order they were asked -------------------- */

struct kit_asked {
    conn_no conn;
    uint32_t request;
    uint32_t slot;
};

/** kit_asked - all WANTs to @conn (0 = to anybody) not taken yet. */
static inline size_t kit_asked(struct kit *k, conn_no conn,
                               struct kit_asked *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < k->count; i++) {
        struct kit_seen *s = &k->log[i];
        struct msg m;

        if (s->taken || s->fx.kind != FX_SEND || s->bytes[0] != MSG_WANT ||
            (conn != 0 && s->fx.u.send.conn != conn))
            continue;
        s->taken = true;
        assert_int_equal(msg_decode(s->bytes, s->len, &m, NULL), 0);
        for (size_t w = 0; w < m.u.want.count; w++) {
            assert_true(n < max);
            out[n++] = (struct kit_asked){s->fx.u.send.conn,
                                          m.u.want.request + (uint32_t)w,
                                          m.u.want.slots[w]};
        }
    }
    return n;
}

/** kit_give - @a's peer answers; its chunk is stored with @result. */
static inline void kit_give(struct kit *k, const struct kit_asked *a,
                            uint32_t len, enum store_result result)
{
    const struct core_effect *fx;

    kit_chunk(k, a->conn, a->request, len);
    fx = kit_want(k, FX_STORE);
    assert_int_equal(fx->u.store.slot, a->slot);
    assert_int_equal(fx->u.store.body_offset, MSG_CHUNK_HEAD);
    kit_stored(k, fx, result);
}

/** kit_serve_all - everybody but @silent answers all, until nothing is asked.
 */
static inline size_t kit_serve_all(struct kit *k, conn_no silent, uint32_t len)
{
    struct kit_asked a[2048];
    size_t served = 0;
    size_t n;

    while ((n = kit_asked(k, 0, a, 2048)) != 0) {
        size_t before = served;

        for (size_t i = 0; i < n; i++) {
            const struct core_effect *fx;

            if (a[i].conn == silent)
                continue;
            kit_chunk(k, a[i].conn, a[i].request, len);
            fx = kit_find(k, FX_STORE);
            if (fx != NULL)
                kit_stored(k, fx, STORE_OK);
            served++;
        }
        if (served == before)
            break;
    }
    return served;
}

static inline struct core_progress kit_progress(const struct kit *k,
                                                const struct kit_course *co)
{
    struct core_progress p;

    core_progress(k->c, &co->id, &p);
    return p;
}

#endif
