/* The transport between honest nodes, and its ordinary failures. */
#include "tests/integration/transport_rig.h"

#include <netdb.h>

/* ---- messages ----------------------------------------------------------- */

#define ECHO_MESSAGES 10000
#define ECHO_WINDOW (3 * MIB / 2)

static uint8_t pattern[MIB];
static size_t next_back, in_flight;

static void fill_pattern(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* Around the lengths where ZMTP or libzmq change their ways. */
static size_t echo_len(size_t i)
{
    static const size_t lens[] = {1,   2,   29,  33,  34,   189,  221,
                                  222, 223, 255, 256, 1000, 8192, 8193};

    if (i % 500 == 0)
        return MIB - i / 500;
    if (i % 25 == 0)
        return 64 * KIB + i;
    return lens[i % (sizeof lens / sizeof lens[0])];
}

static void on_echo(struct side *s, conn_no conn, zmq_msg_t *msg)
{
    size_t len = echo_len(next_back);
    size_t from = next_back % 1000;

    (void)s;
    (void)conn;
    if (len + from > sizeof pattern)
        from = 0;
    assert_int_equal(zmq_msg_size(msg), len);
    assert_memory_equal(zmq_msg_data(msg), pattern + from, len);
    in_flight -= len;
    next_back++;
}

/* Whatever its length, a message comes back once, whole and in order. Not the
 * first one: a stranger may only greet. */
TEST(transport, echo)
{
    struct side server = {0};
    struct side client = {.on_message = on_echo};
    size_t next = 0;
    uint64_t end = now_ms() + 50000;

    rig_init();
    fill_pattern();
    next_back = in_flight = 0;
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    assert_int_equal(client.scope, SCOPE_LOOPBACK);
    assert_string_equal(client.address, transport_address(server.t));
    server.echo = true;
    while (next_back < ECHO_MESSAGES && now_ms() < end) {
        while (next < ECHO_MESSAGES && in_flight < ECHO_WINDOW) {
            size_t len = echo_len(next);
            size_t from = len + next % 1000 > sizeof pattern ? 0 : next % 1000;

            assert_int_equal(
                transport_send(client.t, client.conn, pattern + from, len), 0);
            in_flight += len;
            next++;
        }
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(next_back, ECHO_MESSAGES);
    assert_int_equal(server.messages, ECHO_MESSAGES + 1);
    assert_int_equal(server.ups, 1);
    assert_int_equal(side_stats(&server).watchdog_cuts, 0);
    side_close(&client);
    RUN_UNTIL(server.downs == 1, 5000);
    side_close(&server);
    rig_deinit();
}

static void send_chunks(struct side *from, struct side *to, size_t total,
                        size_t window)
{
    const size_t len = 64 * KIB;
    size_t given = 0;
    uint64_t end = now_ms() + 50000;

    from->sent = to->received = 0;
    while (from->sent < total && now_ms() < end) {
        while (given < total && given - from->sent < window) {
            uint8_t *b = transport_chunk_buffer(from->t, len);

            assert_non_null(b);
            memset(b, (int)(given / len), len);
            assert_int_equal(transport_send_chunk(from->t, from->conn, b, len),
                             0);
            given += len;
        }
        to->owed = total - to->received;
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(from->sent, total);
    assert_int_equal(from->sent_conn, from->conn);
    RUN_UNTIL(to->received == total, 5000);
    to->owed = 0;
}

static void on_chunk(struct side *s, conn_no conn, zmq_msg_t *msg)
{
    const uint8_t *p = zmq_msg_data(msg);
    size_t len = zmq_msg_size(msg);
    uint8_t no = (uint8_t)(s->received / len - 1);

    (void)conn;
    assert_int_equal(len, 64 * KIB);
    assert_int_equal(p[0], no);
    assert_int_equal(p[len - 1], no);
}

/* Chunks are accounted to the byte, and memory stays near the window. */
TEST(transport, chunks)
{
    struct side server = {0};
    struct side client = {0};
    size_t before;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    server.on_message = client.on_message = on_chunk;
    before = memory_mark();
    send_chunks(&server, &client, 200 * MIB, 4 * MIB);
    send_chunks(&client, &server, 16 * MIB, 7 * MIB);
    assert_true(memory_peak() < before + 96 * MIB);
    assert_int_equal(side_stats(&client).watchdog_cuts, 0);
    assert_int_equal(side_stats(&server).watchdog_cuts, 0);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* A buffer that was not taken is still ours. */
TEST(transport, chunk_without_connection)
{
    struct side s = {0};
    uint8_t *b;

    rig_init();
    side_open(&s, "127.0.0.1:0", NULL);
    b = transport_chunk_buffer(s.t, 100);
    assert_non_null(b);
    assert_int_equal(transport_send_chunk(s.t, 77, b, 100), ERR_NOT_FOUND);
    memset(b, 1, 100);
    transport_chunk_discard(s.t, b);
    assert_int_equal(transport_send(s.t, 77, (const uint8_t *)"x", 1),
                     ERR_NOT_FOUND);
    side_close(&s);
    rig_deinit();
}

/* ---- a peer that does not read ------------------------------------------ */

static size_t stuff_control(struct side *s, conn_no conn)
{
    size_t taken = 0;
    uint64_t end = now_ms() + 20000;
    int refusals = 0;

    /* What is refused at first may find room once the I/O thread has moved
     * bytes into the kernel. */
    while (refusals < 50 && now_ms() < end) {
        int rc = transport_send(s->t, conn, pattern, 64 * KIB);

        assert_true(rc == 0 || rc == ERR_AGAIN);
        taken += rc == 0 ? 64 * KIB : 0;
        refusals = rc == 0 ? 0 : refusals + 1;
        if (rc != 0)
            run_for(4);
    }
    assert_int_equal(refusals, 50);
    return taken;
}

/* Returns bytes taken; at the end one buffer is refused and still ours. */
static size_t stuff_chunks(struct side *s, conn_no conn)
{
    size_t taken = 0;
    int rc = 0;

    while (rc == 0 && taken < 4096 * MIB) {
        uint8_t *b = transport_chunk_buffer(s->t, 4 * KIB);

        assert_non_null(b);
        rc = transport_send_chunk(s->t, conn, b, 4 * KIB);
        if (rc == 0) {
            taken += 4 * KIB;
        } else {
            memset(b, 1, 4 * KIB);
            transport_chunk_discard(s->t, b);
        }
    }
    assert_int_equal(rc, ERR_AGAIN);
    return taken;
}

/* Who does not read fills his own queue only, and that one has an end. */
TEST(transport, peer_that_never_reads)
{
    struct side server = {0};
    struct side honest = {0};
    struct raw lazy = {0};
    conn_no lazy_conn;
    int one = 1;
    int small = 64 * 1024;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&honest, NULL, NULL);
    raw_init(&lazy);
    (void)zmq_setsockopt(lazy.sock, ZMQ_RCVHWM, &one, sizeof one);
    (void)zmq_setsockopt(lazy.sock, ZMQ_RCVBUF, &small, sizeof small);
    raw_connect(&lazy, &server, NULL);
    raw_hello(&lazy);
    RUN_UNTIL(server.ups == 1, 5000);
    lazy_conn = server.conn;
    assert_true(stuff_control(&server, lazy_conn) < 24 * MIB);
    assert_true(stuff_chunks(&server, lazy_conn) < 24 * MIB);
    side_join(&honest, &server);
    server.echo = true;
    for (int i = 1; i <= 20; i++) {
        side_hello(&honest);
        RUN_UNTIL(honest.messages == i, 2000);
    }
    transport_drop(server.t, lazy_conn);
    RUN_UNTIL(server.downs == 1, 5000);
    assert_int_equal(side_stats(&server).inbound, 1);
    raw_deinit(&lazy);
    side_close(&honest);
    side_close(&server);
    rig_deinit();
}

/* The same for those we dial: a full DEALER gives the buffer back. */
TEST(transport, listener_that_never_reads)
{
    struct side client = {0};
    struct node_id id;
    uint8_t secret[32];
    char address[64];
    size_t n = sizeof address;
    void *ctx = zmq_ctx_new();
    void *router = zmq_socket(ctx, ZMQ_ROUTER);

    rig_init();
    new_key(&id, secret);
    (void)link__set_int(router, ZMQ_CURVE_SERVER, 1);
    (void)link__set_int(router, ZMQ_LINGER, 0);
    (void)link__set_int(router, ZMQ_RCVHWM, 1);
    (void)link__set_int(router, ZMQ_RCVBUF, 65536);
    (void)zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret, 32);
    assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    (void)zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, address, &n);
    side_open(&client, NULL, NULL);
    assert_int_equal(transport_dial(client.t, &id, address + 6, NULL), 0);
    RUN_UNTIL(client.ups == 1, 5000);
    assert_true(stuff_chunks(&client, client.conn) < 24 * MIB);
    transport_drop(client.t, client.conn);
    assert_int_equal(client.downs, 0); /* not before the loop has run */
    RUN_UNTIL(client.downs == 1, 5000);
    side_close(&client);
    (void)zmq_close(router);
    (void)zmq_ctx_term(ctx);
    rig_deinit();
}

/* ---- a process that stands still ---------------------------------------- */

#define STOPPED_US 1500000

/* Stopped, or without a processor, for longer than a newcomer may be silent: he
 * has spoken meanwhile, and is heard. */
TEST(transport_stopped, newcomer)
{
    struct transport_config c = {.handshake_ms = 300};
    struct side server = {0};
    struct raw r;

    rig_init();
    side_open(&server, "127.0.0.1:0", &c);
    raw_init(&r);
    raw_connect(&r, &server, NULL);
    raw_hello(&r);
    RUN_UNTIL(server.t->gate.grant_count == 1 || server.ups == 1, 5000);
    (void)usleep(STOPPED_US);
    RUN_UNTIL(server.messages == 1, 5000);
    run_for(500);
    assert_int_equal(server.downs, 0);
    raw_deinit(&r);
    side_close(&server);
    rig_deinit();
}

/* What was said meanwhile is not held against who said it. */
TEST(transport_stopped, whole_messages)
{
    struct side server = {0};
    struct raw r;

    rig_init();
    fill_pattern();
    side_open(&server, "127.0.0.1:0", NULL);
    raw_init(&r);
    raw_connect(&r, &server, NULL);
    raw_hello(&r);
    RUN_UNTIL(server.messages == 1, 5000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(zmq_send(r.sock, pattern, MIB, ZMQ_DONTWAIT), MIB);
    (void)usleep(STOPPED_US);
    RUN_UNTIL(server.messages == 5, 5000);
    assert_int_equal(server.downs, 0);
    assert_int_equal(side_stats(&server).watchdog_cuts, 0);
    raw_deinit(&r);
    side_close(&server);
    rig_deinit();
}

/* A dial has its ten seconds of our own time. */
TEST(transport_stopped, dial)
{
    struct side server = {0};
    struct side client = {0};

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    assert_int_equal(
        transport_dial(client.t, &server.id, transport_address(server.t), NULL),
        0);
    client.t->links->deadline_ms -= 9000;
    (void)usleep(STOPPED_US);
    RUN_UNTIL(client.ups == 1, 5000);
    assert_int_equal(client.dials_failed, 0);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* ---- dialling ----------------------------------------------------------- */

/* Nobody there, nothing but silence there, a name that is none. */
TEST(transport_dial, comes_to_nothing)
{
    struct side s = {0};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    char address[64];
    struct transport_config fast = {.handshake_ms = 300};

    rig_init();
    side_open(&s, NULL, &fast);
    assert_int_equal(bind(silent, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&a, &n), 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(transport_dial(s.t, &s.id, address, NULL), 0);
    RUN_UNTIL(s.dials_failed == 1, 5000);
    assert_int_equal(s.dials_refused, 0);
    assert_int_equal(listen(silent, 4), 0);
    assert_int_equal(transport_dial(s.t, &s.id, address, NULL), 0);
    RUN_UNTIL(s.dials_failed == 2, 5000);
    assert_int_equal(transport_dial(s.t, &s.id, "nobody.invalid:4001", NULL),
                     0);
    RUN_UNTIL(s.dials_failed == 3, 12000);
    assert_int_equal(s.ups, 0);
    assert_int_equal(side_stats(&s).outbound, 0);
    (void)close(silent);
    side_close(&s);
    rig_deinit();
}

TEST(transport_dial, no_address)
{
    static const char *const bad[] = {"",          ":1",        "host",
                                      "host:",     "host:0",    "host:65536",
                                      "1.2.3.4:0", "1.2.3.4:x", "[::1]"};
    struct side s = {0};

    rig_init();
    side_open(&s, NULL, NULL);
    assert_string_equal(transport_address(s.t), "");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(transport_dial(s.t, &s.id, bad[i], NULL), ERR_INVALID);
    run_for(20);
    assert_int_equal(s.dials_failed, 0);
    side_close(&s);
    rig_deinit();
}

/* A chroot without /etc/hosts knows no names at all. */
static bool names_work(void)
{
    struct addrinfo *found = NULL;
    bool ok = getaddrinfo("localhost", NULL, NULL, &found) == 0;

    if (ok)
        freeaddrinfo(found);
    return ok;
}

/* A name is looked up; a wrong key reaches the node but is not admitted. */
TEST(transport_dial, name_and_wrong_key)
{
    struct side server = {.echo = true};
    struct side client = {0};
    char address[64];

    if (!names_work())
        skip();
    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    (void)snprintf(address, sizeof address, "localhost:%u", side_port(&server));
    assert_int_equal(transport_dial(client.t, &client.id, address, NULL), 0);
    RUN_UNTIL(client.dials_refused == 1, 5000);
    assert_int_equal(client.ups, 0);
    assert_int_equal(transport_dial(client.t, &server.id, address, NULL), 0);
    RUN_UNTIL(client.ups == 1, 5000);
    assert_int_equal(client.scope, SCOPE_LOOPBACK);
    assert_string_equal(client.address, address);
    side_hello(&client);
    RUN_UNTIL(client.messages == 1, 5000);
    assert_int_equal(server.ups, 1);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* Closing while a dial or a lookup is under way tells nobody anything. */
TEST(transport_dial, closed_meanwhile)
{
    struct side s = {0};

    rig_init();
    side_open(&s, NULL, NULL);
    assert_int_equal(transport_dial(s.t, &s.id, "localhost:9", NULL), 0);
    assert_int_equal(transport_dial(s.t, &s.id, "127.0.0.1:9", NULL), 0);
    side_close(&s);
    assert_int_equal(s.dials_failed, 0);
    rig_deinit();
}

TEST(transport_open, address_taken)
{
    struct side first = {0};
    struct side second = {0};
    struct transport_config c;
    struct err e = ERR_INIT;

    rig_init();
    side_open(&first, "127.0.0.1:0", NULL);
    new_key(&second.id, second.secret);
    c = side_config(&second, transport_address(first.t));
    assert_int_equal(
        transport_open(&loop, &c, &rig_events, &second, &second.t, &e),
        ERR_CONFLICT);
    assert_null(second.t);
    assert_true(e.hint[0] != '\0');
    side_close(&first);
    rig_deinit();
}

/* The defences that libzmq could silently lack. */
TEST(transport_open, options_are_in_force)
{
    struct side s = {0};
    int64_t max = 0;
    size_t n = sizeof max;
    int v = 0;
    size_t m = sizeof v;

    rig_init();
    side_open(&s, "127.0.0.1:0", NULL);
    assert_int_equal(zmq_getsockopt(s.t->router.sock, ZMQ_MAXMSGSIZE, &max, &n),
                     0);
    assert_int_equal(max, (int64_t)MSG_CHUNK_MAX + 4096 + 33);
    assert_int_equal(zmq_getsockopt(s.t->router.sock, 93, &v, &m), 0);
    assert_int_equal(v, 1);
    side_close(&s);
    rig_deinit();
}

TEST(transport_open, ipv6)
{
    struct side server = {.echo = true};
    struct side client = {0};

    rig_init();
    side_open(&server, "[::1]:0", NULL);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    RUN_UNTIL(client.messages == 1, 5000);
    assert_int_equal(server.scope, SCOPE_LOOPBACK);
    assert_int_equal(strncmp(transport_address(server.t), "[::1]:", 6), 0);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

TEST(transport_scope_of, addresses)
{
    assert_int_equal(transport_scope_of("127.0.0.1:1"), SCOPE_LOOPBACK);
    assert_int_equal(transport_scope_of("192.168.1.2:1"), SCOPE_LAN);
    assert_int_equal(transport_scope_of("[fe80::1]:1"), SCOPE_LAN);
    assert_int_equal(transport_scope_of("1.2.3.4:1"), SCOPE_PUBLIC);
    assert_int_equal(transport_scope_of("localhost:1"), SCOPE_PUBLIC);
}

/* ---- ends --------------------------------------------------------------- */

/* Either side may end it; both are told once. */
TEST(transport_drop, by_either_side)
{
    struct side server = {0};
    struct side client = {0};

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    transport_drop(server.t, server.conn);
    assert_int_equal(
        transport_send(server.t, server.conn, (const uint8_t *)"x", 1),
        ERR_NOT_FOUND);
    RUN_UNTIL(server.downs == 1 && client.downs == 1, 5000);
    side_join(&client, &server);
    transport_drop(client.t, client.conn);
    RUN_UNTIL(server.downs == 2 && client.downs == 2, 5000);
    run_for(50);
    assert_int_equal(server.downs + client.downs, 4);
    assert_int_equal(client.dials_failed, 0);
    assert_int_equal(side_stats(&server).inbound, 0);
    assert_int_equal(side_stats(&client).outbound, 0);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* A reset in the middle of chunks ends the connection, and only that one. */
TEST(transport_drop, reset_in_mid_message)
{
    struct linger hard = {1, 0};
    struct side server = {0};
    struct side client = {0};

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    for (int i = 0; i < 4; i++) {
        uint8_t *b = transport_chunk_buffer(server.t, MIB);

        assert_non_null(b);
        memset(b, i, MIB);
        assert_int_equal(transport_send_chunk(server.t, server.conn, b, MIB),
                         0);
    }
    assert_int_equal(setsockopt(client.t->links->fd, SOL_SOCKET, SO_LINGER,
                                &hard, sizeof hard),
                     0);
    side_close(&client);
    RUN_UNTIL(server.downs == 1, 5000);
    assert_int_equal(side_stats(&server).inbound, 0);
    run_for(20); /* what was in flight comes back without harm */
    client = (struct side){0};
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

static long cpu_us(void)
{
    struct rusage r;

    (void)getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static bool all_quiet(const struct side *sides, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!sides[i].t->armed)
            return false;
    return true;
}

/* With its connections quiet, a node hardly wakes up; without any, not at all.
 */
TEST(transport, idle)
{
    struct side sides[5] = {0}; /* the first one listens */
    uint64_t end;
    long before;
    int turns = 0;

    rig_init();
    side_open(&sides[0], "127.0.0.1:0", NULL);
    for (size_t i = 1; i < 5; i++) {
        side_open(&sides[i], NULL, NULL);
        side_join(&sides[i], &sides[0]);
    }
    RUN_UNTIL(all_quiet(sides, 5), 5000);
    (void)uv_timer_start(&ticker, on_tick, 1000, 1000);
    before = cpu_us();
    for (end = now_ms() + 1000; now_ms() < end; turns++)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_in_range(turns, 1, 30); /* five transports, four times a second */
    assert_true(cpu_us() - before < 20000);
    (void)uv_timer_start(&ticker, on_tick, 2, 2);
    side_hello(&sides[2]);
    RUN_UNTIL(sides[0].messages == 5, 2000);
    RUN_UNTIL(!sides[0].t->armed || sides[0].t->quiet == 0, 2000);
    for (size_t i = 1; i < 5; i++)
        side_close(&sides[i]);
    RUN_UNTIL(!sides[0].t->watching, 5000);
    side_close(&sides[0]);
    rig_deinit();
}
