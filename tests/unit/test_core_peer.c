/* test_core_peer: HELLO, who may come, who has to go. */
#include "tests/lib/core_kit.h"

static void begin(struct kit *k)
{
    kit_init(k);
    kit_start(k);
}

static void say_hello(struct kit *k, conn_no conn, uint64_t version,
                      const char *network)
{
    struct msg m = {.type = MSG_HELLO};

    m.u.hello.version = version;
    m.u.hello.network =
        (struct span){(const uint8_t *)network, strlen(network)};
    kit_say(k, conn, &m);
}

/* Each side says HELLO first; ours is sent without waiting. */
TEST(core_peer, hello)
{
    const struct msg *m;
    struct kit k;

    begin(&k);
    kit_up_at(&k, 1, 1, true, SCOPE_PUBLIC, "8.8.8.8:4000");
    m = kit_must_send(&k, 1, MSG_HELLO);
    assert_int_equal(m->u.hello.version, 1);
    assert_int_equal(m->u.hello.listen_port, 4242);
    assert_null(kit_find(&k, FX_ADDRESS_WORKED));
    kit_hello(&k, 1, 0);
    assert_string_equal(
        kit_want(&k, FX_ADDRESS_WORKED)->u.address_worked.address,
        "8.8.8.8:4000");
    core_set_listen_port(k.c, 99);
    kit_up_at(&k, 2, 2, false, SCOPE_PUBLIC, "8.8.8.9:4000");
    assert_int_equal(kit_must_send(&k, 2, MSG_HELLO)->u.hello.listen_port, 99);
    kit_deinit(&k);
}

/* Silence is no crime, but it ends the connection. */
TEST(core_peer, silent)
{
    struct kit k;

    begin(&k);
    kit_up_at(&k, 1, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    kit_wait(&k, 4900);
    assert_false(kit_dropped(&k, 1));
    kit_wait(&k, 200);
    assert_true(kit_dropped(&k, 1));
    assert_int_equal(kit_banned(&k, 1), 0);
    kit_deinit(&k);
}

TEST(core_peer, other_version_or_network)
{
    struct kit k;

    begin(&k);
    kit_up_at(&k, 1, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    say_hello(&k, 1, 2, "main");
    assert_true(kit_dropped(&k, 1));
    kit_up_at(&k, 2, 2, false, SCOPE_PUBLIC, "8.8.8.9:4000");
    say_hello(&k, 2, 1, "test");
    assert_true(kit_dropped(&k, 2));
    assert_int_equal(kit_banned(&k, 1) + kit_banned(&k, 2), 0);
    kit_deinit(&k);
}

/* HELLO missing or twice, and a malformed body: an hour. */
TEST(core_peer, protocol_broken)
{
    struct msg ask = {.type = MSG_ASK};
    struct kit k;

    begin(&k);
    kit_up_at(&k, 1, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    kit_say(&k, 1, &ask);
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    kit_peer(&k, 2);
    kit_hello(&k, 2, 1);
    assert_int_equal(kit_banned(&k, 2), 3600 * 1000);
    kit_peer(&k, 3);
    kit_frame(&k, 3, (const uint8_t[]){MSG_ASK, 0xa0}, 2);
    assert_int_equal(kit_banned(&k, 3), 3600 * 1000);
    assert_true(kit_dropped(&k, 1) && kit_dropped(&k, 2) && kit_dropped(&k, 3));
    kit_deinit(&k);
}

/* Each unknown type is answered once; ten are borne. */
TEST(core_peer, unknown_types)
{
    struct kit k;

    begin(&k);
    kit_peer(&k, 1);
    for (int i = 0; i < 9; i++)
        kit_frame(&k, 1, (const uint8_t[]){0x21, 0xa0}, 2);
    kit_frame(&k, 1, (const uint8_t[]){0x0b}, 1);
    assert_int_equal(kit_must_send(&k, 1, MSG_UNSUPPORTED)->u.unsupported.type,
                     0x21);
    assert_int_equal(kit_must_send(&k, 1, MSG_UNSUPPORTED)->u.unsupported.type,
                     0x0b);
    assert_null(kit_sent(&k, 1, MSG_UNSUPPORTED));
    assert_false(kit_dropped(&k, 1));
    kit_frame(&k, 1, (const uint8_t[]){0x21, 0xa0}, 2);
    assert_true(kit_dropped(&k, 1));
    assert_int_equal(kit_banned(&k, 1), 0);
    kit_deinit(&k);
}

/* Whoever does not know PEERS is not told of peers again. */
TEST(core_peer, lacks_peers)
{
    struct kit_course co;
    struct msg m = {.type = MSG_UNSUPPORTED};
    struct kit k;

    begin(&k);
    kit_course_init(&co, 3, 20, 100);
    kit_learner(&k, &co, NULL);
    m.u.unsupported.type = MSG_PEERS;
    for (uint8_t n = 1; n <= 3; n++) {
        kit_seeder(&k, n, &co);
        if (n == 2)
            kit_say(&k, 2, &m);
        kit_wait(&k, 10000);
    }
    (void)kit_must_send(&k, 1, MSG_PEERS);
    (void)kit_must_send(&k, 1, MSG_PEERS);
    assert_null(kit_sent(&k, 2, MSG_PEERS));
    kit_deinit(&k);
    kit_course_deinit(&co);
}

/* Two connections a key. With a third the one goes that has been silent for
 * the longest: it may be dead without our knowing, and so may both. Our own key
 * may not come at all. */
TEST(core_peer, per_key)
{
    struct kit k;

    begin(&k);
    kit_up_at(&k, 1, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    kit_up_at(&k, 2, 1, true, SCOPE_PUBLIC, "8.8.8.8:5000");
    kit_wait(&k, 1000);
    kit_hello(&k, 2, 0);
    kit_wait(&k, 1000);
    kit_hello(&k, 1, 0);
    assert_false(kit_dropped(&k, 1) || kit_dropped(&k, 2));
    kit_up_at(&k, 3, 1, false, SCOPE_PUBLIC, "8.8.8.8:4001");
    assert_true(kit_dropped(&k, 2));
    assert_false(kit_dropped(&k, 1) || kit_dropped(&k, 3));
    kit_wait(&k, 1000);
    kit_hello(&k, 3, 0);
    kit_up_at(&k, 4, 1, false, SCOPE_PUBLIC, "8.8.8.8:4002");
    assert_true(kit_dropped(&k, 1)); /* both of the first are replaced */
    assert_false(kit_dropped(&k, 3) || kit_dropped(&k, 4));
    kit_down(&k, 1);
    kit_down(&k, 2);
    kit_up_at(&k, 5, 255, true, SCOPE_LOOPBACK, "127.0.0.1:4242");
    assert_true(kit_dropped(&k, 5));
    kit_deinit(&k);
}

static void block(struct kit *k, uint8_t node, uint64_t until)
{
    struct core_event ev = {.kind = EV_BLOCK};

    ev.u.block.node = kit_node(node);
    ev.u.block.until_wall_ms = until;
    kit_step(k, &ev);
}

/* A blocked key is cut off and kept out until its time, or until it is lifted.
 */
TEST(core_peer, block)
{
    struct kit k;

    begin(&k);
    kit_peer(&k, 1);
    block(&k, 1, k.wall_ms + 10000);
    assert_true(kit_dropped(&k, 1));
    kit_down(&k, 1);
    kit_up_at(&k, 11, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_true(kit_dropped(&k, 11));
    kit_wait(&k, 10001);
    kit_up_at(&k, 12, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_false(kit_dropped(&k, 12));
    block(&k, 1, UINT64_MAX);
    assert_true(kit_dropped(&k, 12));
    block(&k, 1, 0);
    kit_up_at(&k, 13, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_false(kit_dropped(&k, 13));
    kit_deinit(&k);
}

/* A ban lasts by the monotonic clock: a wall clock that jumps by years neither
 * ends it nor makes it last. */
TEST(core_peer, ban_and_wall_clock)
{
    const uint64_t ten_years_ms = UINT64_C(315576000000);
    struct kit k;

    begin(&k);
    kit_peer(&k, 1);
    kit_frame(&k, 1, (const uint8_t *)"\x01\xff", 2);
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    kit_down(&k, 1);
    k.wall_ms += ten_years_ms;
    kit_up_at(&k, 11, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_true(kit_dropped(&k, 11));
    k.wall_ms -= 2 * ten_years_ms;
    kit_wait(&k, 3600 * 1000 + 1);
    kit_up_at(&k, 12, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_false(kit_dropped(&k, 12));
    kit_deinit(&k);
}

/* However many keys are banned, the list stays within its bound, and the ones
 * that last longest stay on it. */
TEST(core_peer, many_bans)
{
    struct core_event ev = {.kind = EV_BLOCK};
    struct kit k;

    begin(&k);
    block(&k, 1, UINT64_MAX);
    for (uint32_t i = 0; i < BANS_MAX + 100; i++) {
        memcpy(ev.u.block.node.b, &i, sizeof i);
        ev.u.block.node.b[20] = 1;
        ev.u.block.until_wall_ms = k.wall_ms + 1000 + i;
        kit_step(&k, &ev);
    }
    assert_int_equal(k.c->ban_count, BANS_MAX);
    kit_up_at(&k, 1, 1, false, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_true(kit_dropped(&k, 1));
    kit_deinit(&k);
}

/* However many keys come and go, what is remembered of them is bounded. */
TEST(core_peer, many_keys)
{
    struct core_event ev = {.kind = EV_PEER_UP};
    struct kit k;

    begin(&k);
    ev.u.up.address = "8.8.8.8:4000";
    for (uint32_t i = 0; i < KNOWN_MAX + 50; i++) {
        memcpy(ev.u.up.node.b, &i, sizeof i);
        ev.u.up.node.b[20] = 1;
        ev.u.up.conn = i + 1;
        ev.kind = EV_PEER_UP;
        kit_step(&k, &ev);
        kit_down(&k, i + 1);
    }
    assert_int_equal(k.c->known_count, KNOWN_MAX);
    for (uint32_t i = 0; i <= CONNS_MAX; i++) {
        memcpy(ev.u.up.node.b, &i, sizeof i);
        ev.u.up.conn = 10000 + i;
        kit_step(&k, &ev);
    }
    assert_int_equal(k.c->conn_count, CONNS_MAX);
    assert_true(kit_dropped(&k, 10000 + CONNS_MAX));
    kit_deinit(&k);
}

static bool comes(struct kit *k, conn_no conn, bool outbound)
{
    struct core_event ev = {.kind = EV_PEER_UP};

    memcpy(ev.u.up.node.b, &conn, sizeof conn);
    ev.u.up.node.b[20] = 1;
    ev.u.up.conn = conn;
    ev.u.up.address = "8.8.8.8:4000";
    ev.u.up.outbound = outbound;
    kit_step(k, &ev);
    return !kit_dropped(k, conn);
}

static void ask_for(struct kit *k, conn_no conn)
{
    struct core_event ev = {.kind = EV_HINT};

    memcpy(ev.u.hint.node.b, &conn, sizeof conn);
    ev.u.hint.node.b[20] = 1;
    ev.u.hint.road = ROAD_TICKET;
    (void)snprintf(ev.u.hint.address, CORE_ADDRESS_MAX, "8.8.8.8:4000");
    kit_step(k, &ev);
}

/* Strangers leave room for whom we dial, and hints for whom somebody asked for.
 */
TEST(core_peer, crowd)
{
    conn_no conn = 1;
    struct kit k;

    begin(&k);
    while (conn <= CONNS_MAX)
        assert_true(comes(&k, conn++, false));
    assert_false(comes(&k, conn++, false));
    for (int i = 0; i < CONNS_DIALLED; i++)
        assert_true(comes(&k, conn++, true));
    assert_false(comes(&k, conn++, true));
    for (int i = 0; i < CONNS_DIALLED; i++) {
        ask_for(&k, conn);
        assert_true(comes(&k, conn++, true));
    }
    ask_for(&k, conn);
    assert_false(comes(&k, conn, true));
    kit_deinit(&k);
}

/* 50 requests a second are served; a flood costs the flooder. */
TEST(core_peer, requests_a_second)
{
    struct msg ask = {.type = MSG_ASK};
    int answered = 0;
    struct kit k;

    begin(&k);
    kit_peer(&k, 1);
    for (int i = 0; i < 90; i++) {
        ask.u.ask.request = (uint32_t)i + 1;
        kit_say(&k, 1, &ask);
        while (kit_find(&k, FX_LOAD_COURSE) != NULL) {
            struct core_event ev = {.kind = EV_COURSE};

            ev.u.course.token = k.c->last_token;
            kit_step(&k, &ev);
        }
        answered += kit_sent(&k, 1, MSG_RECORDS) != NULL;
    }
    assert_int_equal(answered, 50);
    assert_int_equal(kit_banned(&k, 1), 0);
    kit_wait(&k, 1000);
    ask.u.ask.request++;
    kit_say(&k, 1, &ask);
    assert_non_null(kit_find(&k, FX_LOAD_COURSE));
    for (int i = 0; i < 200; i++)
        kit_say(&k, 1, &ask);
    assert_int_equal(kit_banned(&k, 1), 600 * 1000);
    kit_deinit(&k);
}

struct listed {
    int count;
    uint64_t received;
};

static void count_peer(void *user, const struct core_peer_info *p)
{
    struct listed *l = user;

    l->count++;
    l->received += p->received_bytes;
}

/* A peer that has gone is still on the list of all, with what it gave. */
TEST(core_peer, listed_when_gone)
{
    struct listed now = {0, 0};
    struct listed all = {0, 0};
    struct kit_course co;
    struct kit k;

    begin(&k);
    kit_course_init(&co, 1, 10, 500);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    (void)kit_serve_all(&k, 0, 500);
    kit_up_at(&k, 9, 9, false, SCOPE_PUBLIC, "8.8.8.8:4000"); /* no HELLO */
    kit_down(&k, 1);
    core_peers(k.c, true, count_peer, &now);
    core_peers(k.c, false, count_peer, &all);
    assert_int_equal(now.count, 0);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.received, 5000);
    kit_deinit(&k);
    kit_course_deinit(&co);
}

/* Time that runs backwards changes nothing. */
TEST(core_peer, clock_backwards)
{
    struct kit k;

    begin(&k);
    kit_peer(&k, 1);
    k.now_ms = 5;
    k.wall_ms = 5;
    kit_peer(&k, 2);
    assert_false(kit_dropped(&k, 2));
    assert_true(core_deadline_ms(k.c) > 1000000);
    kit_deinit(&k);
}
