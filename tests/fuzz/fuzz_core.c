/* fuzz_core: the input drives a core step by step: connections come and go,
 * frames arrive (whole ones, and raw bytes), the driver answers what it was
 * asked for, late or never. After every step the core is asked about itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/record.h"
#include "crypto/revocation.h"
#include "node/core/core.h"
#include "node/wire/msg.h"

#define SLOTS 70
#define BLOBS 2
#define LEN 900
#define CONNS 6
#define PENDING 64
#define WANTED 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct course_id course;
    struct record_id edition;
    struct buf course_record, edition_record, revocation;
    struct chunk_ref refs[SLOTS];
    struct chunk_table full, blobs;
} world;

static struct {
    const uint8_t *p;
    size_t left;
    struct core *c;
    uint64_t now_ms;
    struct core_effect pending[PENDING]; /* asked of the driver */
    size_t pending_count;
    struct {
        conn_no conn;
        uint32_t request;
    } wanted[WANTED]; /* asked of peers */
    size_t wanted_count;
    conn_no conns[CONNS];
    conn_no last_conn;
} run;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_core: %s\n", what);
    abort();
}

static uint8_t take(void)
{
    if (run.left == 0)
        return 0;
    run.left--;
    return *run.p++;
}

/* ---- the course -------------------------------------------------- */

static void make_records(const struct identity *who)
{
    struct course_payload course = {
        .time_ms = 1, .author_count = 1, .threshold = 1};
    struct edition_payload edition = {.time_ms = 1, .seq = 1};
    struct revocation_payload gone = {.time_ms = 1, .seq = 1};
    struct buf payload = BUF_INIT;
    struct record_id id;
    uint8_t entries[BLOBS][40];

    course.title = (struct span){(const uint8_t *)"c", 1};
    course.authors[0] = *identity_author(who);
    need(course_encode(&course, &payload, NULL) == 0 &&
             record_sign(who, RECORD_COURSE, "main", buf_span(&payload),
                         &world.course_record, &id, NULL) == 0,
         "course");
    memcpy(world.course.b, id.b, sizeof id.b);
    for (size_t i = 0; i < BLOBS; i++)
        chunk_entry_encode(&world.refs[i], entries[i]);
    edition.course = world.course;
    edition.title = course.title;
    edition.index_blob = (struct span){entries[0], 40};
    edition.tree_blob = (struct span){entries[1], 40};
    payload.len = 0;
    need(edition_encode(&edition, &payload, NULL) == 0 &&
             record_sign(who, RECORD_EDITION, "main", buf_span(&payload),
                         &world.edition_record, &world.edition, NULL) == 0,
         "edition");
    gone.course = world.course;
    gone.reason = course.title;
    payload.len = 0;
    need(revocation_encode(&gone, &payload, NULL) == 0 &&
             record_sign(who, RECORD_REVOCATION, "main", buf_span(&payload),
                         &world.revocation, NULL, NULL) == 0,
         "revocation");
    buf_deinit(&payload);
}

static void make_world(void)
{
    static const uint8_t seed[SEED_BYTES] = {1};
    struct identity *who;

    need(crypto_init(NULL) == 0, "crypto");
    who = identity_from_seed(seed);
    need(who != NULL, "identity");
    for (uint32_t i = 0; i < SLOTS; i++) {
        world.refs[i].stored_len = world.refs[i].raw_len = LEN;
        world.refs[i].id.b[0] = (uint8_t)i;
    }
    world.full = (struct chunk_table){world.refs, SLOTS, 1, 1};
    world.blobs = (struct chunk_table){world.refs, BLOBS, 1, 1};
    make_records(who);
    identity_free(who);
}

/* ---- steps ------------------------------------------------------- */

static void see_wants(const struct core_effect *fx)
{
    struct msg m;

    need(msg_decode(fx->u.send.data, fx->u.send.len, &m, NULL) == 0,
         "the core sent what cannot be read");
    for (size_t i = 0; m.type == MSG_WANT && i < m.u.want.count; i++) {
        size_t at = run.wanted_count++ % WANTED;

        run.wanted[at].conn = fx->u.send.conn;
        run.wanted[at].request = m.u.want.request + (uint32_t)i;
    }
}

static void see(const struct core_effect *fx)
{
    switch (fx->kind) {
    case FX_SEND:
        see_wants(fx);
        break;
    case FX_SERVE:
    case FX_STORE:
    case FX_STORE_RECORDS:
    case FX_LOAD_COURSE:
    case FX_LOAD_EDITION:
    case FX_LOAD_MANIFEST:
    case FX_DIAL:
        if (run.pending_count < PENDING)
            run.pending[run.pending_count++] = *fx;
        break;
    case FX_RELEASE:
    case FX_DROP:
    case FX_BAN:
    case FX_ADDRESS_WORKED:
    case FX_NOTIFY:
        break;
    }
}

static void step(struct core_event *ev)
{
    struct core_effects fx;
    const char *why;

    ev->now_ms = run.now_ms;
    ev->wall_ms = run.now_ms;
    need(core_step(run.c, ev, &fx, NULL) == 0, "core_step");
    for (size_t i = 0; i < fx.count; i++)
        see(&fx.list[i]);
    why = core_check(run.c);
    need(why == NULL, why);
}

static void say(conn_no conn, const struct msg *m)
{
    struct core_event ev = {.kind = EV_MESSAGE};
    struct buf frame = BUF_INIT;

    if (msg_encode(m, &frame, NULL) == 0) {
        ev.u.message.conn = conn;
        ev.u.message.data = frame.base;
        ev.u.message.len = frame.len;
        step(&ev);
    }
    buf_deinit(&frame);
}

static void connect_peer(size_t i, uint8_t how)
{
    struct core_event ev = {.kind = EV_PEER_UP};
    struct msg hello = {.type = MSG_HELLO};

    ev.u.up.conn = run.conns[i] = ++run.last_conn;
    ev.u.up.node.b[0] = (uint8_t)(1 + i / 2); /* two share a key */
    ev.u.up.outbound = (how & 1) != 0;
    ev.u.up.scope = (enum peer_scope)(how / 2 % 3);
    ev.u.up.address = "9.9.9.9:4000";
    step(&ev);
    hello.u.hello.version = 1;
    hello.u.hello.network = (struct span){(const uint8_t *)"main", 4};
    hello.u.hello.listen_port = 4000;
    if ((how & 64) == 0)
        say(run.conns[i], &hello);
}

static void disconnect(size_t i)
{
    struct core_event ev = {.kind = EV_PEER_DOWN};

    ev.u.down.conn = run.conns[i];
    step(&ev);
}

static void raw(conn_no conn, size_t n)
{
    struct core_event ev = {.kind = EV_MESSAGE};
    uint8_t *copy;

    n = n < run.left ? n : run.left;
    copy = malloc(n + 1); /* exact, for the sanitizer */
    need(copy != NULL, "memory");
    memcpy(copy, run.p, n);
    run.p += n;
    run.left -= n;
    ev.u.message.conn = conn;
    ev.u.message.data = copy;
    ev.u.message.len = n;
    step(&ev);
    free(copy);
}

static void have(conn_no conn, uint8_t how)
{
    struct msg m = {.type = MSG_HAVE};
    uint8_t bits[2] = {take(), take()};

    m.u.have.edition = world.edition;
    m.u.have.slots = (how & 3) == 0   ? BLOBS
                     : (how & 3) == 1 ? SLOTS + 1
                                      : SLOTS;
    m.u.have.all = (how & 4) != 0;
    if ((how & 8) != 0) {
        m.u.have.windows[0] = (struct msg_window){how / 32 * 8u, 16, bits};
        m.u.have.count = 1;
    }
    say(conn, &m);
}

static void want(conn_no conn)
{
    struct msg m = {.type = MSG_WANT};

    m.u.want.edition = world.edition;
    m.u.want.request = take() * 16u + 1;
    m.u.want.count = take() % 20 + 1u;
    for (size_t i = 0; i < m.u.want.count; i++)
        m.u.want.slots[i] = take() % (SLOTS + 2);
    say(conn, &m);
}

static void ask_or_cancel(conn_no conn, uint8_t how)
{
    struct msg m = {.type = MSG_ASK};

    m.u.ask.request = how;
    m.u.ask.course = world.course;
    if ((how & 1) != 0) {
        m = (struct msg){.type = MSG_CANCEL};
        m.u.cancel.request = take() * 16u + 1;
        m.u.cancel.count = take() + 1u;
    }
    say(conn, &m);
}

static void records(conn_no conn, uint32_t request)
{
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.request = request;
    m.u.records.list[0] = buf_span(&world.course_record);
    m.u.records.list[1] = buf_span(&world.edition_record);
    m.u.records.count = 2;
    if (request % 4 == 3)
        m.u.records.list[1] = buf_span(&world.revocation);
    else if (request % 4 == 2)
        m.u.records.list[m.u.records.count++] = buf_span(&world.revocation);
    say(conn, &m);
}

/* One of the slots that were wanted of a peer. */
static void answer_want(uint8_t which, uint8_t how)
{
    static const uint8_t bytes[LEN];
    size_t n = run.wanted_count < WANTED ? run.wanted_count : WANTED;
    struct msg m = {.type = MSG_CHUNK};

    if (n == 0)
        return;
    m.u.chunk.request = run.wanted[which % n].request;
    m.u.chunk.stored = (struct span){bytes, LEN - (how % 64 == 63)};
    if (how % 8 == 7) {
        m = (struct msg){.type = MSG_REFUSE};
        m.u.refuse.request = run.wanted[which % n].request;
        m.u.refuse.count = 1u + how / 64;
        m.u.refuse.reason = (enum refuse_reason)(1 + how / 8 % 3);
    }
    say(run.wanted[which % n].conn, &m);
}

/* ---- the driver's answers ---------------------------------------- */

static void load_course(const struct core_effect *fx, bool held, bool gone)
{
    struct core_event ev = {.kind = EV_COURSE};

    ev.u.course.token = fx->u.load_course.token;
    ev.u.course.course = fx->u.load_course.course;
    if (held) {
        ev.u.course.found = true;
        ev.u.course.course_record = world.course_record.base;
        ev.u.course.course_record_len = world.course_record.len;
        ev.u.course.edition_record = world.edition_record.base;
        ev.u.course.edition_record_len = world.edition_record.len;
    }
    if (held && gone) {
        ev.u.course.revocations[0] = buf_span(&world.revocation);
        ev.u.course.revocation_count = 1;
    }
    step(&ev);
}

static void load_edition(uint64_t token, uint8_t how)
{
    static const uint8_t have_some[] = {0xc0, 0x0f, 0, 0xff, 0, 0, 0, 0, 0};
    struct core_event ev = {.kind = EV_EDITION};

    ev.u.edition.token = token;
    ev.u.edition.found = how % 8 != 7;
    ev.u.edition.bad_manifest = how % 64 == 63;
    ev.u.edition.edition.edition = world.edition;
    ev.u.edition.edition.course = world.course;
    ev.u.edition.edition.seq = 1;
    ev.u.edition.edition.has_manifest = (how & 1) != 0;
    ev.u.edition.edition.table = (how & 1) != 0 ? &world.full : &world.blobs;
    ev.u.edition.edition.have = (how & 2) != 0 ? have_some : NULL;
    ev.u.edition.edition.have_all = (how & 12) == 4;
    step(&ev);
}

static void store(const struct core_effect *fx, uint8_t how)
{
    struct core_event ev = {.kind = EV_STORED};

    ev.u.stored.conn = fx->u.store.conn;
    ev.u.stored.swarm = fx->u.store.swarm;
    ev.u.stored.slot = fx->u.store.slot;
    ev.u.stored.result = how % 16 == 15  ? STORE_BAD
                         : how % 16 == 7 ? STORE_FAILED
                                         : STORE_OK;
    step(&ev);
}

static void serve(const struct core_effect *fx, uint8_t how)
{
    struct core_event ev = {.kind = EV_SERVED};

    ev.u.served.conn = fx->u.serve.conn;
    ev.u.served.swarm = fx->u.serve.swarm;
    ev.u.served.slot = fx->u.serve.slot;
    ev.u.served.request = fx->u.serve.request;
    ev.u.served.bytes = LEN + MSG_CHUNK_HEAD;
    ev.u.served.result = (enum serve_result)(how % 4);
    step(&ev);
    if (how % 4 != SERVE_OK || (how & 4) != 0)
        return;
    ev = (struct core_event){.kind = EV_SENT};
    ev.u.sent.conn = fx->u.serve.conn;
    ev.u.sent.bytes = LEN + MSG_CHUNK_HEAD;
    step(&ev);
}

static void records_stored(const struct core_effect *fx, uint8_t how)
{
    struct core_event ev = {.kind = EV_RECORDS_STORED};

    ev.u.records_stored.token = fx->u.store_records.token;
    ev.u.records_stored.ok = how % 4 != 3;
    step(&ev);
}

static void dial_failed(const struct core_effect *fx)
{
    struct core_event ev = {.kind = EV_DIAL_FAILED};

    ev.u.dial_failed.node = fx->u.dial.node;
    memcpy(ev.u.dial_failed.address, fx->u.dial.address, CORE_ADDRESS_MAX);
    step(&ev);
}

static void drive(uint8_t which, uint8_t how)
{
    struct core_effect fx;

    if (run.pending_count == 0)
        return;
    which = (uint8_t)(which % run.pending_count);
    fx = run.pending[which];
    run.pending_count--;
    memmove(&run.pending[which], &run.pending[which + 1],
            (run.pending_count - which) * sizeof fx);
    if (fx.kind == FX_STORE)
        store(&fx, how);
    else if (fx.kind == FX_SERVE)
        serve(&fx, how);
    else if (fx.kind == FX_STORE_RECORDS)
        records_stored(&fx, how);
    else if (fx.kind == FX_LOAD_COURSE)
        load_course(&fx, (how & 1) == 0, (how & 6) == 6);
    else if (fx.kind == FX_LOAD_EDITION)
        load_edition(fx.u.load_edition.token, how);
    else if (fx.kind == FX_LOAD_MANIFEST)
        load_edition(fx.u.load_manifest.token, how | 1);
    else
        dial_failed(&fx);
}

static void command(uint8_t which, uint8_t arg)
{
    static const enum core_event_kind kinds[] = {
        EV_FETCH,       EV_STOP_FETCH, EV_PRIORITY, EV_HINT,  EV_BLOCK,
        EV_NEW_EDITION, EV_LOST,       EV_REMOVED,  EV_GAINED};
    struct core_event ev = {.kind = kinds[which % 8]};

    if (ev.kind == EV_PRIORITY) {
        ev.u.priority.course = world.course;
        ev.u.priority.first = arg;
        ev.u.priority.count = take();
    } else if (ev.kind == EV_HINT) {
        ev.u.hint.node.b[0] = arg % 8;
        (void)snprintf(ev.u.hint.address, CORE_ADDRESS_MAX, "9.9.9.%u:4000",
                       arg % 4u);
        ev.u.hint.road = (enum core_road)(arg / 8 % 6);
    } else if (ev.kind == EV_BLOCK) {
        ev.u.block.node.b[0] = arg % 8;
        ev.u.block.until_wall_ms = (arg & 8) != 0 ? run.now_ms + 100 : 0;
    } else if (ev.kind == EV_LOST) {
        ev.u.lost.swarm = 1;
        ev.u.lost.slot = arg;
    } else {
        ev.u.fetch.course = world.course;
    }
    step(&ev);
}

static void pass_time(uint8_t how)
{
    struct core_event ev = {.kind = EV_TIMEOUT};

    run.now_ms += (how & 0x80) != 0 ? how * 1000u : how;
    if (core_deadline_ms(run.c) <= run.now_ms)
        step(&ev);
}

static void act(void)
{
    uint8_t op = take();
    uint8_t arg = take();
    size_t i = arg % CONNS;

    switch (op % 12) {
    case 0:
        connect_peer(i, take());
        break;
    case 1:
        disconnect(i);
        break;
    case 2:
        raw(run.conns[i], take());
        break;
    case 3:
        have(run.conns[i], take());
        break;
    case 4:
        want(run.conns[i]);
        break;
    case 5:
        ask_or_cancel(run.conns[i], take());
        break;
    case 6:
        records(run.conns[i], take() % 8);
        break;
    case 7:
    case 8:
        answer_want(arg, take());
        break;
    case 9:
        drive(arg, take());
        break;
    case 10:
        command(arg, take());
        break;
    default:
        pass_time(arg);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core_config config = {.network = "main", .agent = "fuzz"};

    if (world.course_record.len == 0)
        make_world();
    memset(&run, 0, sizeof run);
    run.p = data;
    run.left = size;
    run.now_ms = 1000000;
    memset(config.self.b, 0xff, sizeof config.self.b);
    core_limits_default(&config.limits);
    if ((take() & 1) != 0) { /* limits that bite */
        config.limits.window_start_bytes = 3 * LEN;
        config.limits.unstored_bytes = 5 * LEN;
        config.limits.want_queue_bytes = 4 * LEN;
        config.limits.unsent_peer_bytes = 2 * LEN;
        config.limits.unsent_total_bytes = 3 * LEN;
        config.limits.ids_per_want = 2;
    }
    run.c = core_new(&config);
    need(run.c != NULL, "core_new");
    while (run.left != 0)
        act();
    core_free(run.c);
    return 0;
}
