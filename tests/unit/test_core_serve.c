/* test_core_serve: being asked: records, have, chunks, and many who ask. */
#include "tests/lib/core_kit.h"

#define LEN 100000u

static void begin(struct kit *k, struct kit_course *co, uint32_t slots)
{
    kit_init(k);
    kit_course_init(co, 1, slots, LEN);
    kit_start(k);
}

static void end(struct kit *k, struct kit_course *co)
{
    kit_deinit(k);
    kit_course_deinit(co);
}

static void ask(struct kit *k, conn_no conn, uint32_t request,
                const struct kit_course *co)
{
    struct msg m = {.type = MSG_ASK};

    m.u.ask.request = request;
    m.u.ask.course = co->id;
    kit_say(k, conn, &m);
}

static void have_nothing(struct kit *k, conn_no conn,
                         const struct kit_course *co)
{
    struct msg m = {.type = MSG_HAVE};

    m.u.have.edition = co->edition;
    m.u.have.slots = co->full.count;
    kit_say(k, conn, &m);
}

/* Peer @n asks, and takes part in a swarm that is all here. */
static void learner(struct kit *k, uint8_t n, const struct kit_course *co)
{
    const struct core_effect *fx;

    kit_peer(k, n);
    ask(k, n, 1, co);
    kit_course(k, co);
    assert_int_equal(kit_must_send(k, n, MSG_RECORDS)->u.records.count, 3);
    have_nothing(k, n, co);
    fx = kit_find(k, FX_LOAD_EDITION);
    if (fx != NULL)
        kit_edition_for(k, fx->u.load_edition.token, co, true, NULL, true);
    assert_true(kit_must_send(k, n, MSG_HAVE)->u.have.all);
}

static void want(struct kit *k, conn_no conn, const struct kit_course *co,
                 uint32_t request, uint32_t first, size_t count)
{
    struct msg m = {.type = MSG_WANT};

    m.u.want.edition = co->edition;
    m.u.want.request = request;
    m.u.want.count = count;
    for (size_t i = 0; i < count; i++)
        m.u.want.slots[i] = first + (uint32_t)i;
    kit_say(k, conn, &m);
}

static void served(struct kit *k, const struct core_effect *serve,
                   enum serve_result result)
{
    struct core_event ev = {.kind = EV_SERVED};

    ev.u.served.conn = serve->u.serve.conn;
    ev.u.served.swarm = serve->u.serve.swarm;
    ev.u.served.slot = serve->u.serve.slot;
    ev.u.served.request = serve->u.serve.request;
    ev.u.served.bytes = LEN + MSG_CHUNK_HEAD;
    ev.u.served.result = result;
    kit_step(k, &ev);
}

static void sent(struct kit *k, conn_no conn)
{
    struct core_event ev = {.kind = EV_SENT};

    ev.u.sent.conn = conn;
    ev.u.sent.bytes = LEN + MSG_CHUNK_HEAD;
    kit_step(k, &ev);
}

/* The next FX_SERVE is carried out; to whom? 0 = there is none. */
static conn_no serve_one(struct kit *k)
{
    const struct core_effect *fx = kit_find(k, FX_SERVE);
    conn_no conn;

    if (fx == NULL)
        return 0;
    conn = fx->u.serve.conn;
    served(k, fx, SERVE_OK);
    return conn;
}

/* An unknown course gets an empty answer, a known one its records. */
TEST(core_serve, ask_and_have)
{
    const struct core_effect *fx;
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_peer(&k, 1);
    ask(&k, 1, 7, &co);
    kit_course(&k, NULL);
    m = kit_must_send(&k, 1, MSG_RECORDS);
    assert_int_equal(m->u.records.request, 7);
    assert_int_equal(m->u.records.count, 0);
    /* A HAVE for what it was not told of is answered with nothing. */
    have_nothing(&k, 1, &co);
    m = kit_must_send(&k, 1, MSG_HAVE);
    assert_int_equal(m->u.have.slots, 0);
    assert_null(kit_find(&k, FX_LOAD_EDITION));

    learner(&k, 2, &co);
    want(&k, 2, &co, 50, 3, 2);
    fx = kit_want(&k, FX_SERVE);
    assert_int_equal(fx->u.serve.slot, 3);
    assert_int_equal(fx->u.serve.request, 50);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.request, 51);
    end(&k, &co);
}

/* What is not here is refused in one message, and nobody is punished. */
TEST(core_serve, not_here)
{
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    want(&k, 1, &co, 10, 18, 5);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.slot, 18);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.slot, 19);
    m = kit_must_send(&k, 1, MSG_REFUSE);
    assert_int_equal(m->u.refuse.request, 12);
    assert_int_equal(m->u.refuse.count, 3);
    assert_int_equal(m->u.refuse.reason, REFUSE_NOT_HERE);
    assert_null(kit_sent(&k, 1, MSG_REFUSE));
    end(&k, &co);
}

/* 4 MiB a peer with the transport; 8 MiB wanted, then the oldest are refused.
 */
TEST(core_serve, bounds)
{
    const struct msg *m;
    uint32_t out = 0;
    uint32_t refused = 0;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 256);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 0, 250);
    while (kit_find(&k, FX_SERVE) != NULL)
        out++;
    assert_int_equal(out, 42);
    while ((m = kit_sent(&k, 1, MSG_REFUSE)) != NULL) {
        assert_int_equal(m->u.refuse.reason, REFUSE_BUSY);
        assert_int_equal(m->u.refuse.request, 1); /* the oldest */
        refused += m->u.refuse.count;
    }
    assert_int_equal(refused, 250 - 83);
    end(&k, &co);
}

/* One chunk a thousand times: a thousand entries at most, of its own share. */
TEST(core_serve, one_chunk_a_thousand_times)
{
    struct kit k;
    struct kit_course co;
    uint32_t out = 0;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    learner(&k, 2, &co);
    for (uint32_t i = 0; i < 1000; i++)
        want(&k, 1, &co, 1 + i, 5, 1);
    want(&k, 2, &co, 1, 6, 1);
    while (kit_find(&k, FX_SERVE) != NULL)
        out++;
    assert_int_equal(out, 42 + 1);
    assert_true(k.c->conns->up_bytes <= 8 * 1024 * 1024);
    end(&k, &co);
}

/* Turns by bytes: who wants much gets no more than who wants as much. */
TEST(core_serve, fair)
{
    uint32_t got[4] = {0};
    struct kit k;
    struct kit_course co;
    conn_no to;

    kit_init(&k);
    k.config.limits.unsent_total_bytes = 300000;
    kit_course_init(&co, 1, 100, LEN);
    kit_start(&k);
    for (uint8_t i = 1; i <= 3; i++)
        learner(&k, i, &co);
    want(&k, 1, &co, 1, 0, 80); /* first, and a lot */
    want(&k, 2, &co, 1, 0, 80);
    want(&k, 3, &co, 1, 0, 80);
    for (int i = 0; i < 90; i++) {
        to = serve_one(&k);
        assert_true(to != 0);
        got[to]++;
        sent(&k, to);
    }
    assert_in_range(got[1], 26, 36);
    assert_in_range(got[2], 26, 34);
    assert_in_range(got[3], 26, 34);
    end(&k, &co);
}

/* Two who ask for the same get different pieces first. */
TEST(core_serve, different_pieces)
{
    bool sent_once[100] = {false};
    struct kit k;
    struct kit_course co;

    kit_init(&k);
    k.config.limits.unsent_total_bytes = 3 * LEN;
    kit_course_init(&co, 1, 100, LEN);
    kit_start(&k);
    learner(&k, 1, &co);
    learner(&k, 2, &co);
    want(&k, 1, &co, 1, 10, 20);
    want(&k, 2, &co, 1, 10, 20);
    for (int i = 0; i < 20; i++) {
        const struct core_effect *fx = kit_want(&k, FX_SERVE);
        conn_no to = fx->u.serve.conn;

        assert_false(sent_once[fx->u.serve.slot]);
        sent_once[fx->u.serve.slot] = true;
        served(&k, fx, SERVE_OK);
        sent(&k, to);
    }
    for (int i = 0; i < 20; i++)
        sent(&k, serve_one(&k)); /* and everything in the end */
    assert_null(kit_find(&k, FX_SERVE));
    end(&k, &co);
}

/* Two learners, and room for one chunk that is not sent. */
static void begin_one_by_one(struct kit *k, struct kit_course *co,
                             uint32_t slots)
{
    kit_init(k);
    k->config.limits.unsent_total_bytes = LEN;
    kit_course_init(co, 1, slots, LEN);
    kit_start(k);
    learner(k, 1, co);
    learner(k, 2, co);
}

/* Who asks only for what was sent to others gets a turn of four, as long as
 * others ask for something new; and all of it in the end. */
TEST(core_serve, steps_back)
{
    uint32_t got[3] = {0};
    struct kit k;
    struct kit_course co;

    begin_one_by_one(&k, &co, 100);
    want(&k, 1, &co, 1, 10, 10);
    for (int i = 0; i < 10; i++)
        sent(&k, serve_one(&k));
    want(&k, 1, &co, 11, 20, 12);
    want(&k, 2, &co, 1, 10, 10);
    for (int i = 0; i < 15; i++) {
        conn_no to = serve_one(&k);

        assert_true(to != 0);
        got[to]++;
        sent(&k, to);
    }
    assert_int_equal(got[1], 12);
    assert_int_equal(got[2], 3);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(serve_one(&k), 2);
        sent(&k, 2);
    }
    end(&k, &co);
}

/* When everything was sent to somebody, everything is new again. */
TEST(core_serve, rounds)
{
    struct kit k;
    struct kit_course co;

    begin_one_by_one(&k, &co, 8);
    want(&k, 1, &co, 1, 0, co.full.count);
    for (uint32_t i = 0; i < co.full.count; i++)
        sent(&k, serve_one(&k));
    want(&k, 2, &co, 1, 4, 2);
    want(&k, 1, &co, 100, 4, 4); /* of these 4 and 5 go to 2, or the others */
    for (uint32_t seen = 0, i = 0; i < 4; i++) {
        const struct core_effect *fx = kit_want(&k, FX_SERVE);
        conn_no to = fx->u.serve.conn;

        assert_int_equal(seen >> fx->u.serve.slot & 1, 0);
        seen |= 1u << fx->u.serve.slot;
        served(&k, fx, SERVE_OK);
        sent(&k, to);
    }
    end(&k, &co);
}

static void begin_thin(struct kit *k, struct kit_course *co)
{
    kit_init(k);
    k->config.limits.unsent_start_bytes = 16 * 1024;
    kit_course_init(co, 1, 80, LEN);
    kit_start(k);
}

/* To a peer whose line is slow no more is handed over than it takes in a
 * quarter of a second, so that nothing that is said later has to wait for long.
 */
TEST(core_serve, slow_line)
{
    struct kit k;
    struct kit_course co;
    uint32_t out = 0;

    begin_thin(&k, &co);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 0, 80);
    for (uint32_t i = 0; i < 20; i++) { /* a chunk in a tenth of a second */
        while (serve_one(&k) != 0)
            out++;
        assert_in_range(out - i, 1, 3);
        kit_wait(&k, 100);
        sent(&k, 1);
    }
    end(&k, &co);
}

/* Where it is fast, that is soon seen. */
TEST(core_serve, fast_line)
{
    struct kit k;
    struct kit_course co;
    uint32_t out = 0;

    begin_thin(&k, &co);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 0, 80);
    assert_int_equal(serve_one(&k), 1);
    assert_int_equal(serve_one(&k), 0);
    sent(&k, 1); /* at once */
    while (serve_one(&k) != 0)
        out++;
    assert_int_equal(out, 2);
    for (int i = 0; i < 10; i++) { /* 10 MB/s */
        kit_wait(&k, 10);
        sent(&k, 1);
        while (serve_one(&k) != 0)
            out++;
    }
    assert_in_range(out - 10, 20, 30);
    end(&k, &co);
}

/* On a thin line they take turns: not a chunk for each of them at once. One who
 * takes nothing holds up the others for two seconds, and no longer. */
TEST(core_serve, thin_line)
{
    struct kit k;
    struct kit_course co;
    uint32_t out = 0;
    conn_no to;

    begin_thin(&k, &co);
    for (conn_no i = 1; i <= 8; i++)
        learner(&k, (uint8_t)i, &co);
    want(&k, 1, &co, 1, 0, 2);
    assert_int_equal(serve_one(&k), 1);
    kit_wait(&k, 1000); /* 100 kB/s */
    sent(&k, 1);
    assert_int_equal(serve_one(&k), 1);
    for (conn_no i = 2; i <= 8; i++)
        want(&k, i, &co, 1, 0, 10);
    while ((to = serve_one(&k)) != 0)
        out++;
    assert_int_equal(out, 0); /* what is out is a second's worth already */
    kit_wait(&k, 2100);
    while ((to = serve_one(&k)) != 0)
        out++;
    assert_int_equal(out, 1);
    end(&k, &co);
}

/* Sums of what is with the transport come back to nothing. */
TEST(core_serve, unsent)
{
    struct kit k;
    struct kit_course co;
    uint32_t out = 0;

    begin(&k, &co, 80);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 0, 80);
    while (serve_one(&k) != 0)
        out++;
    assert_int_equal(out, 42);
    for (uint32_t i = 0; i < 80; i++) {
        sent(&k, 1);
        out += serve_one(&k) != 0;
    }
    assert_int_equal(out, 80);
    assert_int_equal(k.c->unsent_bytes, 0);
    want(&k, 1, &co, 100, 0, 20);
    assert_true(serve_one(&k) != 0);
    kit_down(&k, 1); /* with much under way */
    assert_int_equal(k.c->unsent_bytes, 0);
    end(&k, &co);
}

/* A full transport: the same slots again, in their order, after a while. */
TEST(core_serve, again)
{
    const struct core_effect *fx[3];
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 4, 3);
    for (int i = 0; i < 3; i++)
        fx[i] = kit_want(&k, FX_SERVE);
    for (int i = 0; i < 3; i++)
        served(&k, fx[i], SERVE_AGAIN);
    assert_null(kit_find(&k, FX_SERVE));
    assert_int_equal(k.c->unsent_bytes, 0);
    kit_wait(&k, 25);
    for (uint32_t i = 0; i < 3; i++) {
        fx[0] = kit_want(&k, FX_SERVE);
        assert_int_equal(fx[0]->u.serve.request, 1 + i);
        assert_int_equal(fx[0]->u.serve.slot, 4 + i);
    }
    end(&k, &co);
}

/* The store lost it: refused, and not offered to anybody any more. */
TEST(core_serve, missing)
{
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 4, 1);
    served(&k, kit_want(&k, FX_SERVE), SERVE_MISSING);
    m = kit_must_send(&k, 1, MSG_REFUSE);
    assert_int_equal(m->u.refuse.reason, REFUSE_NOT_HERE);
    want(&k, 1, &co, 2, 4, 1);
    assert_null(kit_find(&k, FX_SERVE));
    assert_int_equal(kit_must_send(&k, 1, MSG_REFUSE)->u.refuse.request, 2);
    end(&k, &co);
}

/* It lies in a file that may come back: refused now, asked for again later. */
TEST(core_serve, away)
{
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 4, 1);
    served(&k, kit_want(&k, FX_SERVE), SERVE_AWAY);
    m = kit_must_send(&k, 1, MSG_REFUSE);
    assert_int_equal(m->u.refuse.reason, REFUSE_NOT_HERE);
    assert_int_equal(m->u.refuse.request, 1);
    want(&k, 1, &co, 2, 4, 1);
    served(&k, kit_want(&k, FX_SERVE), SERVE_OK);
    assert_null(kit_sent(&k, 1, MSG_REFUSE));
    end(&k, &co);
}

/* A CANCEL is answered by REFUSE for what is not under way, and only that. */
TEST(core_serve, cancel)
{
    struct msg m = {.type = MSG_CANCEL};
    const struct msg *r;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 80);
    learner(&k, 1, &co);
    want(&k, 1, &co, 1, 0, 80);
    m.u.cancel.request = 41;
    m.u.cancel.count = 10;
    kit_say(&k, 1, &m);
    r = kit_must_send(&k, 1, MSG_REFUSE);
    assert_int_equal(r->u.refuse.request, 43);
    assert_int_equal(r->u.refuse.count, 8);
    assert_int_equal(r->u.refuse.reason, REFUSE_BUSY);
    assert_null(kit_sent(&k, 1, MSG_REFUSE));
    end(&k, &co);
}

/* A swarm that was put away is loaded again when somebody wants of it. */
TEST(core_serve, loaded_again)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    kit_wait(&k, 62000);
    assert_non_null(kit_find(&k, FX_RELEASE));
    want(&k, 1, &co, 1, 0, 4);
    assert_int_equal(kit_must_send(&k, 1, MSG_REFUSE)->u.refuse.reason,
                     REFUSE_BUSY);
    kit_edition(&k, &co, true, NULL, true);
    want(&k, 1, &co, 5, 0, 4);
    assert_non_null(kit_find(&k, FX_SERVE));
    end(&k, &co);
}

/* Loads for a peer are bounded; others still get theirs. */
TEST(core_serve, loads)
{
    struct kit_course co;
    uint32_t loads = 0;
    struct kit k;

    begin(&k, &co, 20);
    kit_peer(&k, 1);
    kit_peer(&k, 2);
    for (uint32_t i = 0; i < 40; i++)
        ask(&k, 1, 1 + i, &co);
    while (kit_find(&k, FX_LOAD_COURSE) != NULL)
        loads++;
    assert_int_equal(loads, LOADS_PER_PEER);
    ask(&k, 2, 1, &co);
    assert_non_null(kit_find(&k, FX_LOAD_COURSE));
    end(&k, &co);
}

/* Idle swarms that only serve are bounded: the one unused longest goes. */
TEST(core_serve, many_editions)
{
    static struct kit_course co[SERVING_MAX + 2];
    size_t released = 0;
    struct kit k;

    kit_init(&k);
    kit_start(&k);
    for (uint8_t i = 0; i < SERVING_MAX + 2; i++) {
        kit_course_init(&co[i], (uint8_t)(i + 1), 4, LEN);
        kit_wait(&k, 100);
        learner(&k, (uint8_t)(i + 1), &co[i]);
    }
    while (kit_find(&k, FX_RELEASE) != NULL)
        released++;
    assert_int_equal(released, 2);
    assert_null(swarm__by_edition(k.c, &co[0].edition));
    assert_non_null(swarm__by_edition(k.c, &co[2].edition));
    kit_deinit(&k);
    for (size_t i = 0; i < SERVING_MAX + 2; i++)
        kit_course_deinit(&co[i]);
}

/* A new edition is pushed to whoever asked about the course, once. */
TEST(core_serve, push)
{
    struct core_event ev = {.kind = EV_NEW_EDITION};
    struct kit_course newer;
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_next_edition(&newer, &co, 1, 30, LEN);
    learner(&k, 1, &co);
    kit_peer(&k, 2); /* never asked */
    kit_peer(&k, 3); /* asked before anything was known here */
    ask(&k, 3, 1, &co);
    kit_course(&k, NULL);
    assert_int_equal(kit_must_send(&k, 3, MSG_RECORDS)->u.records.count, 0);
    ev.u.new_edition.course = co.id;
    kit_step(&k, &ev);
    kit_course(&k, &newer);
    m = kit_must_send(&k, 1, MSG_RECORDS);
    assert_int_equal(m->u.records.request, 0);
    assert_true(m->u.records.count >= 2);
    assert_null(kit_sent(&k, 2, MSG_RECORDS));
    assert_non_null(kit_sent(&k, 3, MSG_RECORDS));
    kit_step(&k, &ev);
    kit_course(&k, &newer);
    assert_null(kit_sent(&k, 1, MSG_RECORDS));
    end(&k, &co);
    kit_course_deinit(&newer);
}

/* Who asks again begins anew: its HAVE is answered once more. */
TEST(core_serve, asks_again)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    learner(&k, 1, &co);
    have_nothing(&k, 1, &co);
    assert_null(kit_sent(&k, 1, MSG_HAVE));
    ask(&k, 1, 2, &co);
    have_nothing(&k, 1, &co);
    assert_non_null(kit_sent(&k, 1, MSG_HAVE));
    end(&k, &co);
}

/* A learner passes on what it has while it still fetches the rest. */
TEST(core_serve, while_fetching)
{
    static const uint8_t have[] = {0xff, 0x00, 0x00};
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_learner(&k, &co, have);
    kit_peer(&k, 1);
    kit_answer(&k, 1, &co);
    want(&k, 1, &co, 1, 6, 4);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.slot, 6);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.slot, 7);
    assert_null(kit_find(&k, FX_SERVE));
    assert_int_equal(kit_must_send(&k, 1, MSG_REFUSE)->u.refuse.count, 2);
    end(&k, &co);
}

static void gained(struct kit *k, const struct kit_course *co)
{
    struct core_event ev = {.kind = EV_GAINED};

    ev.u.gained.course = co->id;
    kit_step(k, &ev);
    kit_course(k, co); /* for those who know less */
}

/* A peer that takes part while @have is here, or nothing: NULL @manifest. */
static void part_of(struct kit *k, const struct kit_course *co, bool manifest,
                    const uint8_t *have, bool found)
{
    const struct core_effect *fx;

    kit_peer(k, 1);
    ask(k, 1, 1, co);
    kit_course(k, co);
    have_nothing(k, 1, co);
    fx = kit_want(k, FX_LOAD_EDITION);
    kit_edition_for(k, fx->u.load_edition.token, found ? co : NULL, manifest,
                    have, false);
}

/* Chunks came by another road: whoever was told of less hears of the rest, and
 * is served it. */
TEST(core_serve, gained)
{
    uint8_t some[3] = {0xf0, 0, 0};
    const struct core_effect *fx;
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    part_of(&k, &co, true, some, true);
    m = kit_must_send(&k, 1, MSG_HAVE);
    assert_false(m->u.have.all);
    assert_int_equal(m->u.have.slots, 20);
    gained(&k, &co);
    fx = kit_want(&k, FX_LOAD_MANIFEST);
    gained(&k, &co); /* while it is looked at: once more then */
    assert_null(kit_find(&k, FX_LOAD_MANIFEST));
    kit_edition_for(&k, fx->u.load_manifest.token, &co, true, some, false);
    (void)kit_must_send(&k, 1, MSG_HAVE);
    fx = kit_want(&k, FX_LOAD_MANIFEST);
    kit_edition_for(&k, fx->u.load_manifest.token, &co, true, NULL, true);
    assert_true(kit_must_send(&k, 1, MSG_HAVE)->u.have.all);
    want(&k, 1, &co, 50, 13, 1);
    assert_int_equal(kit_want(&k, FX_SERVE)->u.serve.slot, 13);
    end(&k, &co);
}

/* The same where only the blobs were known, or nothing at all. */
TEST(core_serve, gained_from_little)
{
    const struct core_effect *fx;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    part_of(&k, &co, false, NULL, true);
    assert_int_equal(kit_must_send(&k, 1, MSG_HAVE)->u.have.slots, KIT_BLOBS);
    gained(&k, &co);
    fx = kit_want(&k, FX_LOAD_MANIFEST);
    kit_edition_for(&k, fx->u.load_manifest.token, &co, true, NULL, true);
    assert_true(kit_must_send(&k, 1, MSG_HAVE)->u.have.all);
    end(&k, &co);

    begin(&k, &co, 20);
    part_of(&k, &co, false, NULL, false);
    assert_int_equal(kit_must_send(&k, 1, MSG_HAVE)->u.have.slots, 0);
    gained(&k, &co);
    fx = kit_want(&k, FX_LOAD_EDITION);
    kit_edition_for(&k, fx->u.load_edition.token, &co, true, NULL, true);
    assert_true(kit_must_send(&k, 1, MSG_HAVE)->u.have.all);
    end(&k, &co);
}

/* A fetch of the same course hears that there is nothing left to ask for. */
TEST(core_serve, gained_while_fetching)
{
    const struct core_effect *fx;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    gained(&k, &co);
    fx = kit_want(&k, FX_LOAD_MANIFEST);
    kit_edition_for(&k, fx->u.load_manifest.token, &co, true, NULL, true);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    assert_int_equal(kit_progress(&k, &co).slots_have, 20);
    end(&k, &co);
}
