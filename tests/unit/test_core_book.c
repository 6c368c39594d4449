/* test_core_book: addresses: which are taken, when they are dialled, and who is
 * named to whom. */
#include "node/core/address.h"
#include "tests/lib/core_kit.h"

static void begin(struct kit *k, struct kit_course *co)
{
    kit_init(k);
    kit_course_init(co, 1, 10, 100);
    kit_start(k);
}

static void end(struct kit *k, struct kit_course *co)
{
    kit_deinit(k);
    kit_course_deinit(co);
}

static void hint(struct kit *k, uint8_t node, const char *address,
                 enum core_road road)
{
    struct core_event ev = {.kind = EV_HINT};

    ev.u.hint.node = kit_node(node);
    (void)snprintf(ev.u.hint.address, CORE_ADDRESS_MAX, "%s", address);
    ev.u.hint.road = road;
    ev.u.hint.scope = SCOPE_PUBLIC;
    kit_step(k, &ev);
}

static void dial_failed(struct kit *k, uint8_t node, const char *address)
{
    struct core_event ev = {.kind = EV_DIAL_FAILED};

    ev.u.dial_failed.node = kit_node(node);
    (void)snprintf(ev.u.dial_failed.address, CORE_ADDRESS_MAX, "%s", address);
    kit_step(k, &ev);
}

static void name_peer(struct kit *k, conn_no from,
                      const struct course_id *course, uint8_t node,
                      const char *host, uint16_t port)
{
    struct msg m = {.type = MSG_PEERS};

    m.u.peers.course = *course;
    m.u.peers.list[0].node = kit_node(node);
    m.u.peers.list[0].host = (struct span){(const uint8_t *)host, strlen(host)};
    m.u.peers.list[0].port = port;
    m.u.peers.count = 1;
    kit_say(k, from, &m);
}

/* ms until the next FX_DIAL; UINT64_MAX when it takes over @max. */
static uint64_t until_dial(struct kit *k, uint64_t max)
{
    for (uint64_t ms = 0; ms <= max; ms += 50) {
        if (kit_find(k, FX_DIAL) != NULL)
            return ms;
        kit_wait(k, 50);
    }
    return UINT64_MAX;
}

/* Asked for by name: at once, then after 1, 2, 5, 5 seconds. */
TEST(core_book, explicit_peer)
{
    static const uint64_t waits[] = {1000, 2000, 5000, 5000, 5000};
    const char *address = "host.example:22"; /* a name, and a low port */
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    hint(&k, 1, address, ROAD_EXPLICIT);
    assert_string_equal(kit_want(&k, FX_DIAL)->u.dial.address, address);
    for (size_t i = 0; i < 5; i++) {
        dial_failed(&k, 1, address);
        assert_in_range(until_dial(&k, 10000), waits[i], waits[i] + 200);
    }
    /* Named again: at once again. */
    dial_failed(&k, 1, address);
    hint(&k, 1, address, ROAD_TICKET);
    assert_non_null(kit_find(&k, FX_DIAL));
    end(&k, &co);
}

/* Connected: no more dials. Cut off: back to it. */
TEST(core_book, reconnect)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    hint(&k, 1, "8.8.8.8:4000", ROAD_TICKET);
    assert_non_null(kit_find(&k, FX_DIAL));
    kit_up_at(&k, 1, 1, true, SCOPE_PUBLIC, "8.8.8.8:4000");
    kit_hello(&k, 1, 4000);
    assert_int_equal(k.c->conns->road, ROAD_TICKET);
    assert_true(until_dial(&k, 20000) == UINT64_MAX);
    kit_down(&k, 1);
    assert_in_range(until_dial(&k, 10000), 1000, 1200);
    end(&k, &co);
}

/* One whose places are taken lets us in and hangs up: less and less often, once
 * a minute in the end, even when it was asked for by name. */
TEST(core_book, turned_away)
{
    uint64_t ms = 5000;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    hint(&k, 1, "8.8.8.8:4000", ROAD_EXPLICIT);
    assert_non_null(kit_find(&k, FX_DIAL));
    for (conn_no i = 1; i <= 8; i++) {
        kit_up_at(&k, i, 1, true, SCOPE_PUBLIC, "8.8.8.8:4000");
        kit_down(&k, i);
        assert_in_range(until_dial(&k, 2 * ms), ms - ms / 5, ms + ms / 5 + 200);
        ms = 2 * ms < 60000 ? 2 * ms : 60000;
    }
    kit_up_at(&k, 9, 1, true, SCOPE_PUBLIC, "8.8.8.8:4000");
    kit_hello(&k, 9, 4000);
    kit_down(&k, 9); /* it had a place */
    assert_in_range(until_dial(&k, 10000), 1000, 1200);
    end(&k, &co);
}

/* Hints that failed: 5 s doubled each time, give or take a fifth. */
TEST(core_book, back_off)
{
    uint64_t ms = 5000;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    hint(&k, 1, "8.8.8.8:4000", ROAD_LAST_SEEN);
    assert_non_null(kit_find(&k, FX_DIAL));
    for (int i = 0; i < 6; i++, ms *= 2) {
        dial_failed(&k, 1, "8.8.8.8:4000");
        assert_in_range(until_dial(&k, 2 * ms), ms - ms / 5, ms + ms / 5 + 200);
    }
    end(&k, &co);
}

/* At most eight dials that nobody asked for; those asked for do not count. */
TEST(core_book, dials_max)
{
    char address[CORE_ADDRESS_MAX];
    uint32_t dials = 0;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    for (uint8_t i = 1; i <= 20; i++) {
        (void)snprintf(address, sizeof address, "8.8.8.%u:4000", i);
        hint(&k, i, address, ROAD_LAN);
    }
    hint(&k, 30, "8.8.9.1:4000", ROAD_EXPLICIT);
    while (kit_find(&k, FX_DIAL) != NULL)
        dials++;
    assert_int_equal(dials, 9);
    dial_failed(&k, 1, "8.8.8.1:4000");
    assert_true(until_dial(&k, 500) < 500);
    end(&k, &co);
}

/* T29: what a peer may name, by where it is itself. */
TEST(core_book, scopes)
{
    static const struct {
        enum peer_scope from;
        const char *host;
        uint16_t port;
        bool taken;
    } cases[] = {
        {SCOPE_PUBLIC, "9.9.9.9", 4000, true},
        {SCOPE_PUBLIC, "2001:db8::1", 4000, true},
        {SCOPE_PUBLIC, "127.0.0.1", 4000, false},
        {SCOPE_PUBLIC, "::1", 4000, false},
        {SCOPE_PUBLIC, "::ffff:127.0.0.1", 4000, false},
        {SCOPE_PUBLIC, "::ffff:7f00:1", 4000, false},
        {SCOPE_PUBLIC, "192.168.1.1", 4000, false},
        {SCOPE_PUBLIC, "10.1.2.3", 4000, false},
        {SCOPE_PUBLIC, "172.16.0.1", 4000, false},
        {SCOPE_PUBLIC, "172.32.0.1", 4000, true},
        {SCOPE_PUBLIC, "169.254.169.254", 4000, false},
        {SCOPE_PUBLIC, "100.64.0.1", 4000, false},
        {SCOPE_PUBLIC, "fe80::1", 4000, false},
        {SCOPE_PUBLIC, "fd00::1", 4000, false},
        {SCOPE_PUBLIC, "0.0.0.0", 4000, false},
        {SCOPE_PUBLIC, "::", 4000, false},
        {SCOPE_PUBLIC, "224.0.0.1", 4000, false},
        {SCOPE_PUBLIC, "255.255.255.255", 4000, false},
        {SCOPE_PUBLIC, "ff02::1", 4000, false},
        {SCOPE_PUBLIC, "9.9.9.9", 25, false},
        {SCOPE_PUBLIC, "9.9.9.9", 1023, false},
        {SCOPE_PUBLIC, "9.9.9.9", 1024, true},
        {SCOPE_PUBLIC, "localhost", 4000, false},
        {SCOPE_PUBLIC, "peer.example", 4000, false},
        {SCOPE_PUBLIC, "9.9.9.9.9", 4000, false},
        {SCOPE_PUBLIC, "0x7f.1", 4000, false},
        {SCOPE_PUBLIC, "2130706433", 4000, false},
        {SCOPE_LAN, "192.168.1.1", 4000, true},
        {SCOPE_LAN, "fe80::1", 4000, true},
        {SCOPE_LAN, "9.9.9.9", 4000, true},
        {SCOPE_LAN, "127.0.0.1", 4000, false},
        {SCOPE_LAN, "127.0.0.1", 22, false},
        {SCOPE_LOOPBACK, "127.0.0.1", 4000, true},
        {SCOPE_LOOPBACK, "::1", 4000, true},
        {SCOPE_LOOPBACK, "192.168.1.1", 4000, false},
        {SCOPE_LOOPBACK, "9.9.9.9", 4000, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit k;
        struct kit_course co;

        begin(&k, &co);
        kit_fetch(&k, &co);
        kit_up_at(&k, 1, 1, false, cases[i].from, "8.8.4.1:9");
        kit_hello(&k, 1, 0);
        name_peer(&k, 1, &co.id, 2, cases[i].host, cases[i].port);
        if ((until_dial(&k, 300) != UINT64_MAX) != cases[i].taken)
            fail_msg("from %d: %s:%u", (int)cases[i].from, cases[i].host,
                     cases[i].port);
        end(&k, &co);
    }
}

/* Not our own key; not for a course that is not fetched; not a banned key. */
TEST(core_book, not_dialled)
{
    struct core_event ev = {.kind = EV_BLOCK};
    struct course_id other = {{9}};
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    kit_peer(&k, 1);
    name_peer(&k, 1, &co.id, 255, "9.9.9.9", 4000);
    name_peer(&k, 1, &other, 2, "9.9.9.9", 4000);
    ev.u.block.node = kit_node(3);
    ev.u.block.until_wall_ms = UINT64_MAX;
    kit_step(&k, &ev);
    name_peer(&k, 1, &co.id, 3, "9.9.9.9", 4000);
    assert_true(until_dial(&k, 3000) == UINT64_MAX);
    end(&k, &co);
}

/* Many keys at one address: one dial a minute. */
TEST(core_book, one_address)
{
    uint32_t dials = 0;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    kit_peer(&k, 1);
    for (uint8_t i = 2; i < 22; i++)
        name_peer(&k, 1, &co.id, i, "9.9.9.9", 4000);
    for (int second = 0; second < 100; second++) {
        const struct core_effect *fx;

        while ((fx = kit_find(&k, FX_DIAL)) != NULL) {
            dials++;
            dial_failed(&k, fx->u.dial.node.b[0], "9.9.9.9:4000");
        }
        kit_wait(&k, 1000);
    }
    assert_in_range(dials, 1, 2);
    end(&k, &co);
}

/* 32 a peer in ten minutes, whatever it sends; the book has its bound. */
TEST(core_book, flood)
{
    struct msg m = {.type = MSG_PEERS};
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_peer(&k, 1);
    m.u.peers.course = co.id;
    m.u.peers.count = 20;
    for (int round = 0; round < 5; round++) {
        for (uint8_t i = 0; i < 20; i++) {
            m.u.peers.list[i].node = kit_node((uint8_t)(2 + i + 20 * round));
            m.u.peers.list[i].host =
                (struct span){(const uint8_t *)"9.9.9.9", 7};
            m.u.peers.list[i].port = 4000;
        }
        kit_say(&k, 1, &m);
    }
    assert_int_equal(k.c->book_count, 32);
    kit_wait(&k, 600000);
    kit_say(&k, 1, &m);
    assert_int_equal(k.c->book_count, 32 + 20);
    for (uint32_t i = 0; i < 2 * BOOK_MAX; i++) {
        char address[CORE_ADDRESS_MAX];

        (void)snprintf(address, sizeof address, "7.7.%u.%u:4000", i / 256,
                       i % 256);
        hint(&k, 2, address, ROAD_LAST_SEEN);
    }
    assert_int_equal(k.c->book_count, BOOK_MAX);
    hint(&k, 1, "5.5.5.5:4000", ROAD_EXPLICIT); /* always room for that */
    assert_int_equal(k.c->book_count, BOOK_MAX);
    end(&k, &co);
}

/* A book full of one peer's addresses, all in use while it is connected, has
 * room for one that is asked for all the same. */
TEST(core_book, full_of_one)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_up_at(&k, 1, 2, false, SCOPE_PUBLIC, "9.9.9.9:4000");
    for (uint32_t i = 0; i < BOOK_MAX; i++) {
        char address[CORE_ADDRESS_MAX];

        (void)snprintf(address, sizeof address, "7.7.%u.%u:4000", i / 256,
                       i % 256);
        hint(&k, 2, address, ROAD_LAST_SEEN);
    }
    assert_null(kit_find(&k, FX_DIAL));
    hint(&k, 3, "5.5.5.5:4000", ROAD_LAST_SEEN);
    assert_null(kit_find(&k, FX_DIAL));
    hint(&k, 3, "5.5.5.5:4000", ROAD_EXPLICIT);
    assert_non_null(kit_find(&k, FX_DIAL));
    assert_int_equal(k.c->book_count, BOOK_MAX);
    end(&k, &co);
}

static void take_part(struct kit *k, conn_no conn, uint8_t node,
                      enum peer_scope scope, const char *address, uint16_t port,
                      const struct kit_course *co)
{
    kit_up_at(k, conn, node, false, scope, address);
    kit_hello(k, conn, port);
    kit_answer(k, conn, co);
    kit_have(k, conn, co, 0, 8);
}

/* Two who take part hear of each other, by host as seen and port as told. */
TEST(core_book, introductions)
{
    struct node_id two = kit_node(2);
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_learner(&k, &co, NULL);
    take_part(&k, 1, 1, SCOPE_PUBLIC, "8.8.8.1:55555", 4001, &co);
    take_part(&k, 2, 2, SCOPE_PUBLIC, "[2001:db8::2]:55555", 4002, &co);
    take_part(&k, 3, 3, SCOPE_LAN, "192.168.0.3:55555", 4003, &co);
    take_part(&k, 4, 4, SCOPE_LAN, "192.168.0.4:55555", 0, &co);
    kit_wait(&k, 1500);
    m = kit_must_send(&k, 1, MSG_PEERS);
    assert_int_equal(m->u.peers.count, 1); /* no LAN address to the public */
    assert_true(node_id_eq(&m->u.peers.list[0].node, &two));
    assert_int_equal(m->u.peers.list[0].port, 4002);
    assert_memory_equal(m->u.peers.list[0].host.p, "2001:db8:0:0:0:0:0:2", 20);
    m = kit_must_send(&k, 3, MSG_PEERS);
    assert_int_equal(m->u.peers.count, 2); /* 4 listens nowhere */
    m = kit_must_send(&k, 4, MSG_PEERS);
    assert_int_equal(m->u.peers.count, 3);
    kit_wait(&k, 5000);
    assert_null(kit_sent(&k, 1, MSG_PEERS)); /* once */
    end(&k, &co);
}

/* However many join, nobody is told of more than 32 in ten minutes. */
TEST(core_book, introductions_bounded)
{
    uint32_t told = 0;
    const struct msg *m;
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_learner(&k, &co, NULL);
    for (uint8_t i = 1; i <= 60; i++) {
        char address[CORE_ADDRESS_MAX];

        (void)snprintf(address, sizeof address, "8.8.8.%u:9999", i);
        take_part(&k, i, i, SCOPE_PUBLIC, address, 4000, &co);
        if (i % 10 == 0)
            kit_wait(&k, 1000);
    }
    while ((m = kit_sent(&k, 1, MSG_PEERS)) != NULL)
        told += (uint32_t)m->u.peers.count;
    assert_int_equal(told, 32);
    end(&k, &co);
}

static void block(struct kit *k, uint8_t node, uint64_t until)
{
    struct core_event ev = {.kind = EV_BLOCK};

    ev.u.block.node = kit_node(node);
    ev.u.block.until_wall_ms = until;
    kit_step(k, &ev);
}

/* A connection that may not stay: the book does not wait for it. */
TEST(core_book, unwanted)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    kit_fetch(&k, &co);
    hint(&k, 1, "8.8.8.8:4000", ROAD_EXPLICIT);
    assert_non_null(kit_find(&k, FX_DIAL));
    block(&k, 1, UINT64_MAX);
    kit_up_at(&k, 1, 1, true, SCOPE_PUBLIC, "8.8.8.8:4000");
    assert_true(kit_dropped(&k, 1));
    block(&k, 1, 0);
    assert_true(until_dial(&k, 3000) <= 1200);
    end(&k, &co);
}

/* A node that has nobody and wants nothing needs no timer. */
TEST(core_book, idle)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co);
    assert_true(core_deadline_ms(k.c) == UINT64_MAX);
    hint(&k, 1, "8.8.8.8:4000", ROAD_EXPLICIT);
    assert_non_null(kit_find(&k, FX_DIAL));
    for (int i = 0; i < 2; i++) {
        dial_failed(&k, 1, "8.8.8.8:4000");
        assert_true(until_dial(&k, 10000) < 10000);
    }
    dial_failed(&k, 1, "8.8.8.8:4000");
    assert_true(until_dial(&k, 20000) == UINT64_MAX);
    assert_true(core_deadline_ms(k.c) == UINT64_MAX);
    end(&k, &co);
}
