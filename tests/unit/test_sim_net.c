#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "simulations/sim_net.h"

#define MS UINT64_C(1000)

/* A host that writes down what it hears. */
struct probe {
    struct sim_net *net;
    struct world *w;
    host_no no;
    struct node_id key;
    bool shut;
    conn_no conn; /* the last one that came up */
    uint32_t ups, downs, failed, refused, messages;
    uint64_t bytes, sent_bytes, last_us;
    uint8_t first_bytes[64];
};

static bool on_admit(void *user, const struct node_id *node)
{
    (void)node;
    return !((struct probe *)user)->shut;
}

static void on_up(void *user, conn_no conn, const struct node_id *node,
                  bool outbound, enum core_road road, enum peer_scope scope,
                  const char *address)
{
    struct probe *p = user;

    (void)node;
    assert_true(outbound || road == ROAD_INBOUND);
    assert_int_equal(scope, SCOPE_LAN);
    assert_memory_equal(address, "10.", 3);
    p->conn = conn;
    p->ups++;
}

static void on_down(void *user, conn_no conn)
{
    (void)conn;
    ((struct probe *)user)->downs++;
}

static void on_message(void *user, conn_no conn, const uint8_t *data,
                       size_t len)
{
    struct probe *p = user;

    assert_true(conn == p->conn);
    if (p->messages < sizeof p->first_bytes)
        p->first_bytes[p->messages] = data[0];
    p->messages++;
    p->bytes += len;
    p->last_us = world_now_us(p->w);
}

static void on_sent(void *user, conn_no conn, uint32_t bytes)
{
    (void)conn;
    ((struct probe *)user)->sent_bytes += bytes;
}

static void on_dial_failed(void *user, const struct node_id *node,
                           const char *address, bool refused)
{
    struct probe *p = user;

    (void)node;
    (void)address;
    p->failed++;
    p->refused += refused;
}

static const struct sim_net_events events = {
    on_admit, on_up, on_down, on_message, on_sent, on_dial_failed};

struct bed {
    struct world *w;
    struct sim_net *net;
    struct probe p[3];
};

/* Three hosts, 10 ms from each other, 1 MB/s each way. */
static void make(struct bed *b)
{
    struct sim_net_link link = {1000000, 1000000, 5 * MS};

    memset(b, 0, sizeof *b);
    b->w = world_new();
    b->net = sim_net_new(b->w, 1);
    for (uint8_t i = 0; i < 3; i++) {
        b->p[i].net = b->net;
        b->p[i].w = b->w;
        b->p[i].key.b[0] = (uint8_t)(i + 1);
        b->p[i].no = sim_net_add(b->net, &b->p[i].key, &link, SCOPE_LAN,
                                 &events, &b->p[i]);
    }
}

static void drop(struct bed *b)
{
    sim_net_free(b->net);
    world_free(b->w);
}

static void nothing(void *user, uint64_t arg)
{
    (void)user;
    (void)arg;
}

/* The clock stands at @us afterwards. */
static void run_until(struct bed *b, uint64_t us)
{
    world_at(b->w, us, nothing, NULL, 0);
    while (world_next_us(b->w) <= us)
        (void)world_step(b->w);
}

static void dial(struct bed *b, int from, int to)
{
    sim_net_dial(b->net, b->p[from].no, &b->p[to].key,
                 sim_net_address(b->net, b->p[to].no), ROAD_EXPLICIT);
}

static int send_bytes(struct bed *b, int from, uint8_t first, size_t len,
                      bool chunk)
{
    static uint8_t bytes[1 << 20];

    bytes[0] = first;
    return sim_net_send(b->net, b->p[from].no, b->p[from].conn, bytes, len,
                        chunk);
}

/* Messages come whole, in order, and no sooner than latency and rate allow. */
TEST(sim_net_send, in_order)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_int_equal(b.p[0].ups, 1);
    assert_int_equal(b.p[1].ups, 1);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(send_bytes(&b, 0, i, i == 0 ? 100000 : 10, i == 0), 0);
    run_until(&b, 10000 * MS);
    assert_int_equal(b.p[1].messages, 10);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(b.p[1].first_bytes[i], i);
    assert_int_equal(b.p[0].sent_bytes, 100000);
    /* 100 ms up, 10 ms on the wire, 100 ms down. */
    assert_in_range(b.p[1].last_us, 709 * MS, 716 * MS);
    drop(&b);
}

/* Two connections of one host share its uplink. */
TEST(sim_net_send, uplink_is_shared)
{
    struct bed b;
    conn_no first;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    first = b.p[0].conn;
    dial(&b, 0, 2);
    run_until(&b, 1000 * MS);
    for (int i = 0; i < 40; i++) {
        uint8_t bytes[10000] = {0};

        assert_int_equal(send_bytes(&b, 0, 1, sizeof bytes, true), 0);
        assert_int_equal(
            sim_net_send(b.net, b.p[0].no, first, bytes, sizeof bytes, true),
            0);
    }
    run_until(&b, 1440 * MS); /* half of the 800 kB are through */
    assert_in_range(b.p[1].bytes, 180000, 220000);
    assert_in_range(b.p[2].bytes, 180000, 220000);
    run_until(&b, 5000 * MS);
    assert_int_equal(b.p[1].bytes, 400000);
    assert_int_equal(b.p[2].bytes, 400000);
    drop(&b);
}

/* A full queue takes no more, and what it took arrives. */
TEST(sim_net_send, queue_limit)
{
    struct bed b;
    uint64_t taken = 0;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    while (send_bytes(&b, 0, 1, 65536, false) == 0)
        taken += 65536;
    assert_in_range(taken, SIM_NET_CONTROL_MAX - 65536, SIM_NET_CONTROL_MAX);
    assert_int_equal(send_bytes(&b, 0, 1, 65536, false), ERR_AGAIN);
    run_until(&b, 60000 * MS);
    assert_true(b.p[1].bytes == taken);
    assert_int_equal(
        sim_net_send(b.net, b.p[0].no, 9999, (const uint8_t *)"x", 1, false),
        ERR_NOT_FOUND);
    drop(&b);
}

/* Chunk bytes count as queued until they have left. */
TEST(sim_net_queued, counts)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_int_equal(send_bytes(&b, 0, 1, 100000, true), 0);
    assert_int_equal(send_bytes(&b, 0, 1, 100000, true), 0);
    assert_true(sim_net_queued(b.net, b.p[0].conn) == 200000);
    run_until(&b, 650 * MS);
    assert_true(sim_net_queued(b.net, b.p[0].conn) == 100000);
    run_until(&b, 900 * MS);
    assert_true(sim_net_queued(b.net, b.p[0].conn) == 0);
    drop(&b);
}

/* The wrong key, a shut door, a dead host: three kinds of no. */
TEST(sim_net_dial, refused)
{
    struct bed b;

    make(&b);
    sim_net_dial(b.net, b.p[0].no, &b.p[2].key,
                 sim_net_address(b.net, b.p[1].no), ROAD_EXPLICIT);
    run_until(&b, 500 * MS);
    assert_int_equal(b.p[0].refused, 1);
    b.p[1].shut = true;
    dial(&b, 0, 1);
    run_until(&b, 1000 * MS);
    assert_int_equal(b.p[0].refused, 2);
    sim_net_set_up(b.net, b.p[2].no, false);
    dial(&b, 0, 2);
    run_until(&b, 2000 * MS);
    assert_int_equal(b.p[0].failed, 2); /* it takes the time-out to know */
    run_until(&b, 9000 * MS);
    assert_int_equal(b.p[0].failed, 3);
    assert_int_equal(b.p[0].refused, 2);
    assert_int_equal(b.p[0].ups + b.p[1].ups + b.p[2].ups, 0);
    drop(&b);
}

/* Both sides of a dropped or broken connection hear of it, once. */
TEST(sim_net_drop, both_sides)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    dial(&b, 0, 2);
    run_until(&b, 500 * MS);
    assert_int_equal(sim_net_conns(b.net), 2);
    sim_net_drop(b.net, b.p[1].no, b.p[1].conn);
    sim_net_drop(b.net, b.p[1].no, b.p[1].conn);
    assert_int_equal(sim_net_send(b.net, b.p[1].no, b.p[1].conn,
                                  (const uint8_t *)"x", 1, false),
                     ERR_NOT_FOUND);
    run_until(&b, 1000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[1].downs, 1);
    assert_true(sim_net_cut_one(b.net, 7));
    run_until(&b, 3000 * MS);
    assert_int_equal(b.p[0].downs, 2);
    assert_int_equal(b.p[2].downs, 1);
    assert_false(sim_net_cut_one(b.net, 7));
    drop(&b);
}

/* A short partition only delays; a long one ends the connection. */
TEST(sim_net_set_group, partition)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_int_equal(send_bytes(&b, 0, 1, 1000, false), 0);
    sim_net_set_group(b.net, b.p[1].no, 1);
    assert_int_equal(send_bytes(&b, 0, 2, 1000, false), 0);
    run_until(&b, 5000 * MS);
    assert_int_equal(b.p[1].messages, 0);
    sim_net_heal(b.net);
    run_until(&b, 6000 * MS);
    assert_int_equal(b.p[1].messages, 2);
    assert_int_equal(b.p[1].first_bytes[0], 1);
    assert_int_equal(b.p[1].downs, 0);
    run_until(&b, 30000 * MS); /* the first partition's watch is over */
    sim_net_set_group(b.net, b.p[1].no, 1);
    dial(&b, 1, 2);
    run_until(&b, 60000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[1].downs, 1);
    assert_int_equal(b.p[1].failed, 1);
    drop(&b);
}

/* Who crashes hears nothing; the other side does; both can meet again. */
TEST(sim_net_set_up, crash)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_int_equal(send_bytes(&b, 1, 1, 500000, true), 0);
    sim_net_set_up(b.net, b.p[1].no, false);
    dial(&b, 0, 1); /* fails: nobody is there */
    run_until(&b, 30000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[1].downs, 0);
    assert_int_equal(b.p[1].sent_bytes, 0);
    assert_int_equal(b.p[0].failed, 1);
    sim_net_set_up(b.net, b.p[1].no, true);
    dial(&b, 0, 1);
    run_until(&b, 31000 * MS);
    assert_int_equal(b.p[0].ups, 2);
    assert_int_equal(b.p[1].ups, 2);
    drop(&b);
}

/* A slow receiver holds a fast sender back: what has not left stays queued. */
TEST(sim_net_send, back_pressure)
{
    struct sim_net_link slow = {1000000, 10000, 5 * MS};
    struct bed b;
    struct probe p;

    make(&b);
    p = b.p[1];
    p.key.b[0] = 77;
    p.no = sim_net_add(b.net, &p.key, &slow, SCOPE_LAN, &events, &p);
    sim_net_dial(b.net, b.p[0].no, &p.key, sim_net_address(b.net, p.no),
                 ROAD_EXPLICIT);
    run_until(&b, 500 * MS);
    for (int i = 0; i < 30; i++)
        assert_int_equal(send_bytes(&b, 0, 1, 100000, true), 0);
    run_until(&b, 20000 * MS);
    assert_in_range(p.bytes, 100000, 200000);
    assert_in_range(sim_net_queued(b.net, b.p[0].conn), 2000000, 2400000);
    drop(&b);
}

/* One direction gets through, without the other side's thanks: the sender is
 * held back in time, and both give up what is only half a connection. */
TEST(sim_net_set_one_way, half_a_connection)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    sim_net_set_one_way(b.net, true);
    sim_net_set_group(b.net, b.p[1].no, 1); /* 0 to 1 gets through */
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_bytes(&b, 0, 1, 100000, true), 0);
    assert_int_equal(send_bytes(&b, 1, 2, 1000, false), 0);
    dial(&b, 0, 1); /* no answer comes */
    run_until(&b, 10000 * MS);
    assert_in_range(b.p[1].bytes, 500000, 700000);
    assert_int_equal(b.p[0].messages, 0);
    assert_int_equal(b.p[0].failed, 1);
    sim_net_heal(b.net);
    run_until(&b, 15000 * MS);
    assert_int_equal(b.p[1].bytes, 2000000);
    assert_int_equal(b.p[0].messages, 1);
    sim_net_set_one_way(b.net, true);
    sim_net_set_group(b.net, b.p[1].no, 1);
    run_until(&b, 31000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[1].downs, 1);
    drop(&b);
}

/* One side knows; the other sends into the void until its buffer is full, and
 * hears of it when its heartbeat fails. */
TEST(sim_net_half_one, one_side_learns_late)
{
    struct bed b;
    int deaf;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_true(sim_net_half_one(b.net, 5));
    run_until(&b, 3000 * MS);
    assert_int_equal(b.p[0].downs + b.p[1].downs, 1);
    assert_false(sim_net_half_one(b.net, 5)); /* it is none any more */
    deaf = b.p[0].downs == 0 ? 0 : 1;
    while (send_bytes(&b, deaf, 1, 65536, false) == 0)
        ;
    assert_int_equal(send_bytes(&b, deaf, 1, 1000, true), 0);
    run_until(&b, 119000 * MS);
    assert_true(sim_net_queued(b.net, b.p[deaf].conn) == 1000);
    assert_int_equal(b.p[0].messages + b.p[1].messages, 0);
    assert_int_equal(b.p[0].downs + b.p[1].downs, 1);
    run_until(&b, 121000 * MS);
    assert_int_equal(b.p[deaf].downs, 1);
    assert_int_equal(sim_net_conns(b.net), 0);
    drop(&b);
}

/* At another address: the old one answers no more, the new one does. */
TEST(sim_net_move, another_address)
{
    char old[CORE_ADDRESS_MAX];
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    (void)snprintf(old, sizeof old, "%s", sim_net_address(b.net, b.p[1].no));
    sim_net_move(b.net, b.p[1].no);
    assert_string_not_equal(old, sim_net_address(b.net, b.p[1].no));
    run_until(&b, 3000 * MS);
    assert_int_equal(b.p[1].downs, 1);
    assert_int_equal(b.p[0].downs, 0);
    sim_net_dial(b.net, b.p[0].no, &b.p[1].key, old, ROAD_EXPLICIT);
    run_until(&b, 20000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[0].failed, 1);
    dial(&b, 0, 1);
    run_until(&b, 21000 * MS);
    assert_int_equal(b.p[0].ups, 2);
    drop(&b);
}

/* Who stands still hears all of it afterwards, in order; unless it took so long
 * that the others have given up. */
TEST(sim_net_freeze, short_and_long)
{
    struct bed b;

    make(&b);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    sim_net_freeze(b.net, b.p[1].no, 8000 * MS);
    for (uint8_t i = 0; i < 5; i++)
        assert_int_equal(send_bytes(&b, 0, i, 1000, false), 0);
    dial(&b, 0, 1); /* nobody answers */
    run_until(&b, 7999 * MS);
    assert_int_equal(b.p[1].messages, 0);
    assert_int_equal(b.p[0].failed, 1);
    run_until(&b, 8000 * MS);
    assert_int_equal(b.p[1].messages, 5);
    for (uint8_t i = 0; i < 5; i++)
        assert_int_equal(b.p[1].first_bytes[i], i);
    run_until(&b, 30000 * MS);
    assert_int_equal(b.p[0].downs + b.p[1].downs, 0);
    sim_net_freeze(b.net, b.p[1].no, 60000 * MS);
    run_until(&b, 50000 * MS);
    assert_int_equal(b.p[0].downs, 1);
    assert_int_equal(b.p[1].downs, 0);
    run_until(&b, 60001 * MS);
    assert_int_equal(b.p[1].downs, 1);
    drop(&b);
}

/* A small queue takes one message whatever its size, and then none in part. */
TEST(sim_net_set_control_max, whole_or_nothing)
{
    struct bed b;

    make(&b);
    sim_net_set_control_max(b.net, 1000);
    dial(&b, 0, 1);
    run_until(&b, 500 * MS);
    assert_int_equal(send_bytes(&b, 0, 1, 5000, false), 0); /* on the wire */
    assert_int_equal(send_bytes(&b, 0, 2, 5000, false), ERR_AGAIN);
    run_until(&b, 1000 * MS);
    assert_int_equal(send_bytes(&b, 0, 3, 600, false), 0);
    assert_int_equal(send_bytes(&b, 0, 4, 400, false), 0);
    assert_int_equal(send_bytes(&b, 0, 5, 1, false), ERR_AGAIN);
    run_until(&b, 2000 * MS);
    assert_int_equal(b.p[1].messages, 3);
    assert_int_equal(b.p[1].bytes, 6000);
    assert_int_equal(b.p[1].first_bytes[2], 4);
    drop(&b);
}
