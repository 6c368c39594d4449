/* The transport under attack: each limit bounds the attacker and leaves the
 * honest peer alone. */
#include "tests/integration/transport_rig.h"

#include <poll.h>
#include <pthread.h>

static const struct transport_config fast = {.handshake_ms = 500};

static bool honest_works(struct side *server, uint64_t within_ms)
{
    struct side honest = {0};
    uint64_t end = now_ms() + within_ms;

    side_open(&honest, NULL, NULL);
    server->echo = true;
    assert_int_equal(transport_dial(honest.t, &server->id,
                                    transport_address(server->t), NULL),
                     0);
    while (honest.ups == 0 && honest.dials_failed == 0 && now_ms() < end)
        (void)uv_run(&loop, UV_RUN_ONCE);
    if (honest.ups != 0)
        side_hello(&honest);
    while (honest.ups != 0 && honest.messages == 0 && now_ms() < end)
        (void)uv_run(&loop, UV_RUN_ONCE);
    server->echo = false;
    end = (uint64_t)honest.messages;
    side_close(&honest);
    return end == 1;
}

/* ---- memory ------------------------------------------------------------- */

static uint8_t part[64 * KIB];

static void keep(void *data, void *hint)
{
    (void)data;
    (void)hint;
}

/* One message of so many parts, without memory of its own. */
static void send_parts(struct raw *r, size_t parts)
{
    for (size_t i = 0; i < parts; i++) {
        zmq_msg_t m;

        (void)zmq_msg_init_data(&m, part, sizeof part, keep, NULL);
        assert_true(zmq_msg_send(&m, r->sock,
                                 ZMQ_DONTWAIT |
                                     (i + 1 < parts ? ZMQ_SNDMORE : 0)) >= 0);
    }
}

/* Attackers that send a message without end; a transfer goes on beside them. */
static void endless_multipart(size_t attackers, size_t budget)
{
    struct side server = {0};
    struct side honest = {0};
    struct raw raws[8];
    uint64_t end = now_ms() + 20000;
    size_t before;
    int echoed;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&honest, NULL, NULL);
    side_join(&honest, &server);
    for (size_t i = 0; i < attackers; i++) {
        raw_init(&raws[i]);
        raw_connect(&raws[i], &server, NULL);
        raw_hello(&raws[i]);
    }
    RUN_UNTIL(server.ups == (int)attackers + 1, 10000);
    server.echo = true;
    before = memory_mark();
    for (size_t i = 0; i < attackers; i++)
        send_parts(&raws[i], 3200); /* 200 MiB each */
    while (side_stats(&server).watchdog_cuts < attackers && now_ms() < end) {
        echoed = honest.messages;
        side_hello(&honest);
        RUN_UNTIL(honest.messages == echoed + 1, 5000);
    }
    RUN_UNTIL(server.downs == (int)attackers, 10000);
    assert_int_equal(honest.downs, 0);
    assert_int_equal(side_stats(&server).watchdog_cuts, attackers);
    assert_true(memory_peak() < before + budget);
    for (size_t i = 0; i < attackers; i++)
        raw_deinit(&raws[i]);
    side_close(&honest);
    side_close(&server);
    rig_deinit();
}

TEST(attack_multipart, endless)
{
    endless_multipart(1, 32 * MIB);
}

TEST(attack_multipart, endless_from_eight)
{
    endless_multipart(8, 160 * MIB);
}

/* A relay in front of @to that lets so many bytes through, then holds. */
struct relay {
    pthread_t thread;
    int listener, stop[2];
    uint16_t port, to;
    size_t limit;
};

static void pump(int from, int to, size_t *left)
{
    uint8_t buffer[16 * 1024];
    size_t want = *left < sizeof buffer ? *left : sizeof buffer;
    ssize_t n = recv(from, buffer, want, MSG_DONTWAIT);

    if (n > 0 && send(to, buffer, (size_t)n, MSG_NOSIGNAL) == n)
        *left -= (size_t)n;
    else if (n == 0)
        *left = 0;
}

static void *relay_run(void *user)
{
    struct relay *r = user;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(r->to),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int in = accept(r->listener, NULL, NULL);
    int out = socket(AF_INET, SOCK_STREAM, 0);
    size_t back = SIZE_MAX;
    struct pollfd p[3] = {{.fd = r->stop[0], .events = POLLIN}};

    (void)connect(out, (struct sockaddr *)&a, sizeof a);
    while (p[0].revents == 0) {
        p[1] = (struct pollfd){.fd = r->limit != 0 ? in : -1, .events = POLLIN};
        p[2] = (struct pollfd){.fd = back != 0 ? out : -1, .events = POLLIN};
        if (poll(p, 3, -1) < 0)
            break;
        if (p[1].revents != 0)
            pump(in, out, &r->limit);
        if (p[2].revents != 0)
            pump(out, in, &back);
    }
    (void)close(in);
    (void)close(out);
    return NULL;
}

static void relay_start(struct relay *r, const struct side *to, size_t limit)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;

    r->to = side_port(to);
    r->limit = limit;
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(r->listener, 1), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&a, &n), 0);
    r->port = ntohs(a.sin_port);
    assert_int_equal(pipe(r->stop), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, relay_run, r), 0);
}

static void relay_stop(struct relay *r)
{
    assert_int_equal(write(r->stop[1], "x", 1), 1);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    (void)close(r->stop[0]);
    (void)close(r->stop[1]);
    (void)close(r->listener);
}

/* Many who each stay below the limit of one: the budget of all is kept, and no
 * more of them are cut than that takes. */
TEST(attack_multipart, together)
{
    struct transport_config c = {.undelivered_max_bytes = 2 * MIB,
                                 .undelivered_total_bytes = 4 * MIB};
    struct side server = {0};
    struct raw raws[4];
    struct relay relays[4];

    rig_init();
    side_open(&server, "127.0.0.1:0", &c);
    for (size_t i = 0; i < 4; i++) {
        relay_start(&relays[i], &server, 3 * MIB / 2);
        raw_init(&raws[i]);
        raw_connect_port(&raws[i], &server, relays[i].port, NULL);
        raw_hello(&raws[i]);
    }
    RUN_UNTIL(server.ups == 4, 5000);
    for (size_t i = 0; i < 4; i++)
        send_parts(&raws[i], 160); /* 10 MiB */
    RUN_UNTIL(server.downs == 2, 5000);
    run_for(500);
    assert_int_equal(server.downs, 2);
    assert_int_equal(side_stats(&server).watchdog_cuts, 2);
    assert_true(honest_works(&server, 5000));
    for (size_t i = 0; i < 4; i++) {
        raw_deinit(&raws[i]);
        relay_stop(&relays[i]);
    }
    side_close(&server);
    rig_deinit();
}

/* A short one is cut too: one message is one frame. Who has sent it does not
 * come back. */
TEST(attack_multipart, two_parts)
{
    struct side server = {0};
    struct raw r;
    struct raw back;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    raw_init(&r);
    raw_connect(&r, &server, NULL);
    raw_hello(&r);
    RUN_UNTIL(server.ups == 1, 5000);
    send_parts(&r, 2);
    RUN_UNTIL(server.downs == 1, 5000);
    assert_int_equal(server.messages, 1);
    assert_int_equal(side_stats(&server).multipart_cuts, 1);
    raw_init(&back);
    back.id = r.id;
    memcpy(back.secret, r.secret, sizeof back.secret);
    raw_connect(&back, &server, NULL);
    raw_hello(&back);
    RUN_UNTIL(side_stats(&server).refused == 1, 5000);
    raw_deinit(&back);
    raw_deinit(&r);
    raw_init(&r);
    raw_connect(&r, &server, NULL);
    send_parts(&r, 1000); /* as the first thing it says */
    RUN_UNTIL(side_stats(&server).multipart_cuts +
                      side_stats(&server).watchdog_cuts ==
                  2,
              5000);
    assert_int_equal(server.ups, 1);
    assert_true(honest_works(&server, 5000));
    raw_deinit(&r);
    side_close(&server);
    rig_deinit();
}

/* Whom we dial may not do it either. */
TEST(attack_multipart, from_the_listener)
{
    struct side client = {0};
    struct node_id id;
    uint8_t secret[32];
    char address[64];
    char who[64];
    size_t n = sizeof address;
    void *ctx = zmq_ctx_new();
    void *router = zmq_socket(ctx, ZMQ_ROUTER);
    int got = -1;

    rig_init();
    new_key(&id, secret);
    (void)link__set_int(router, ZMQ_CURVE_SERVER, 1);
    (void)link__set_int(router, ZMQ_LINGER, 0);
    (void)zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret, 32);
    assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    (void)zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, address, &n);
    side_open(&client, NULL, NULL);
    assert_int_equal(transport_dial(client.t, &id, address + 6, NULL), 0);
    RUN_UNTIL(client.ups == 1, 5000);
    side_hello(&client);
    while (got <= 0) {
        (void)uv_run(&loop, UV_RUN_ONCE);
        got = zmq_recv(router, who, sizeof who, ZMQ_DONTWAIT);
    }
    (void)zmq_send(router, who, (size_t)got, ZMQ_SNDMORE);
    (void)zmq_send(router, "a", 1, ZMQ_SNDMORE);
    (void)zmq_send(router, "b", 1, 0);
    RUN_UNTIL(client.downs == 1, 5000);
    assert_int_equal(client.messages, 0);
    assert_int_equal(side_stats(&client).multipart_cuts, 1);
    side_close(&client);
    (void)zmq_close(router);
    (void)zmq_ctx_term(ctx);
    rig_deinit();
}

/* Nine bytes of a stranger reserve nothing. */
TEST(attack_frame, gibibyte_before_the_handshake)
{
    static const uint8_t head[9] = {0x06, 0, 0, 0, 0, 0x40};
    struct side server = {0};
    uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1};
    uint64_t start;
    size_t before;
    int fd;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    fd = tcp_connect(&server);
    memcpy(greeting + 12, "CURVE", 5);
    assert_int_equal(send(fd, greeting, sizeof greeting, 0), 64);
    run_for(50);
    assert_false(tcp_ended(fd, NULL));
    before = memory_mark();
    start = now_ms();
    assert_int_equal(send(fd, head, sizeof head, 0), 9);
    RUN_UNTIL(tcp_ended(fd, NULL), 2000);
    assert_true(now_ms() - start < 100);
    assert_true(memory_peak() < before + MIB);
    (void)close(fd);
    side_close(&server);
    rig_deinit();
}

TEST(attack_frame, one_byte_too_long)
{
    struct side server = {0};
    struct raw r;
    uint8_t *p = calloc(1, FRAME_PAYLOAD_MAX + 1);

    rig_init();
    assert_non_null(p);
    side_open(&server, "127.0.0.1:0", NULL);
    server.owed = 2 * MIB;
    raw_init(&r);
    raw_connect(&r, &server, NULL);
    raw_hello(&r);
    RUN_UNTIL(server.messages == 1, 5000);
    (void)zmq_send(r.sock, p, FRAME_PAYLOAD_MAX, ZMQ_DONTWAIT);
    RUN_UNTIL(server.messages == 2, 5000);
    assert_int_equal(server.received, 5 + FRAME_PAYLOAD_MAX);
    (void)zmq_send(r.sock, p, FRAME_PAYLOAD_MAX + 1, ZMQ_DONTWAIT);
    RUN_UNTIL(server.downs == 1, 5000);
    assert_int_equal(server.messages, 2);
    raw_deinit(&r);
    free(p);
    side_close(&server);
    rig_deinit();
}

/* ---- who may ------------------------------------------------------------ */

/* With its ZAP handler gone the listener lets in nobody; who is in stays. */
TEST(attack_zap, handler_gone)
{
    struct side server = {0};
    struct side old = {0};
    struct raw r[4];

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    side_open(&old, NULL, NULL);
    side_join(&old, &server);
    zap__close(server.t);
    for (size_t i = 0; i < 4; i++) {
        raw_init(&r[i]);
        raw_connect(&r[i], &server, NULL);
        raw_hello(&r[i]);
    }
    run_for(1200);
    assert_int_equal(server.ups, 1);
    assert_int_equal(server.messages, 1);
    side_hello(&old);
    RUN_UNTIL(server.messages == 2, 2000);
    for (size_t i = 0; i < 4; i++)
        raw_deinit(&r[i]);
    side_close(&old);
    side_close(&server);
    rig_deinit();
}

/* A banned key is refused while the ban lasts, and no longer. */
TEST(attack_zap, banned_key)
{
    struct side server = {0};
    struct side client = {0};
    const char *at;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    side_open(&client, NULL, NULL);
    at = transport_address(server.t);
    transport_refuse(server.t, &client.id, UINT64_MAX);
    assert_int_equal(transport_dial(client.t, &server.id, at, NULL), 0);
    RUN_UNTIL(client.dials_refused == 1, 5000);
    assert_int_equal(side_stats(&server).refused, 1);
    assert_true(honest_works(&server, 5000)); /* from the same address */
    transport_refuse(server.t, &client.id, 0);
    side_join(&client, &server);
    transport_drop(client.t, client.conn);
    RUN_UNTIL(client.downs == 1, 5000);
    transport_refuse(server.t, &client.id, 1000); /* long over */
    side_join(&client, &server);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* A school behind one address: more than strangers would have places. */
TEST(attack_zap, thirty_keys_of_one_address)
{
    struct side server = {.echo = true};
    struct side clients[30] = {0};
    struct transport_config small = {.inbound_max = 16};

    rig_init();
    side_open(&server, "127.0.0.1:0", &small);
    for (size_t i = 0; i < 30; i++) {
        side_open(&clients[i], NULL, NULL);
        assert_int_equal(transport_dial(clients[i].t, &server.id,
                                        transport_address(server.t), NULL),
                         0);
    }
    for (size_t i = 0; i < 30; i++) {
        RUN_UNTIL(clients[i].ups == 1, 10000);
        side_hello(&clients[i]);
    }
    for (size_t i = 0; i < 30; i++)
        RUN_UNTIL(clients[i].messages == 1, 10000);
    assert_int_equal(side_stats(&server).inbound, 30);
    for (size_t i = 0; i < 30; i++)
        side_close(&clients[i]);
    side_close(&server);
    rig_deinit();
}

/* Three of a key are enough, whether or not they have spoken yet. The third is
 * for a peer whose other two are dead without our knowing: the core chooses. */
TEST(attack_zap, fourth_connection_of_a_key)
{
    struct side server = {0};
    struct side client = {0};

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    side_open(&client, NULL, NULL);
    side_join(&client, &server);
    for (int ups = 2; ups <= 3; ups++) {
        assert_int_equal(transport_dial(client.t, &server.id,
                                        transport_address(server.t), NULL),
                         0);
        RUN_UNTIL(client.ups == ups, 5000);
    }
    assert_int_equal(
        transport_dial(client.t, &server.id, transport_address(server.t), NULL),
        0);
    RUN_UNTIL(client.dials_failed == 1, 5000);
    assert_true(honest_works(&server, 5000));
    /* Two never said a word: they are hung up on, their places are free. */
    RUN_UNTIL(client.downs == 2, 5000);
    run_for(200);
    side_join(&client, &server);
    side_close(&client);
    side_close(&server);
    rig_deinit();
}

/* Return: how many are let in, until nobody has come for a second. */
static int join_from(struct side *server, struct raw *raws, size_t n,
                     const char *source)
{
    int ups = server->ups;
    int before;

    for (size_t i = 0; i < n; i++) {
        raw_init(&raws[i]);
        raw_connect(&raws[i], server, source);
        raw_hello(&raws[i]);
    }
    do {
        before = server->ups;
        run_for(1000);
    } while (server->ups != before);
    return server->ups - ups;
}

/* One network cannot hold all places: the fullest gives way to others. */
TEST(attack_zap, full_house)
{
    struct transport_config small = {.inbound_max = 8};
    struct side server = {0};
    struct raw many[12];
    struct raw other[2];

    rig_init();
    side_open(&server, "127.0.0.1:0", &small);
    server.t->gate.all_public = true;
    assert_int_equal(join_from(&server, many, 12, "127.0.1.1"), 8);
    assert_int_equal(server.downs, 0);
    assert_int_equal(join_from(&server, other, 2, "127.0.2.1"), 2);
    assert_int_equal(server.downs, 2);
    assert_int_equal(side_stats(&server).inbound, 8);
    for (size_t i = 0; i < 12; i++)
        raw_deinit(&many[i]);
    for (size_t i = 0; i < 2; i++)
        raw_deinit(&other[i]);
    side_close(&server);
    rig_deinit();
}

/* Fresh keys from one public address use up its own handshakes only. */
TEST(attack_zap, handshake_rate)
{
    struct transport_config roomy = {.inbound_max = 1000};
    struct side server = {0};
    struct raw many[80];
    struct raw other;
    int in;

    rig_init();
    side_open(&server, "127.0.0.1:0", &roomy);
    server.t->gate.all_public = true;
    in = join_from(&server, many, 80, "127.0.1.1");
    assert_true(in >= 64 && in <= 72);
    assert_int_equal(join_from(&server, &other, 1, "127.0.1.2"), 1);
    for (size_t i = 0; i < 80; i++)
        raw_deinit(&many[i]);
    raw_deinit(&other);
    side_close(&server);
    rig_deinit();
}

/* ---- routing ids -------------------------------------------------------- */

/* Ids are ours to give: who brings one is not heard. */
TEST(attack_routing_id, chosen)
{
    struct side server = {0};
    struct raw two[2];

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    for (size_t i = 0; i < 2; i++) {
        raw_init(&two[i]);
        assert_int_equal(
            zmq_setsockopt(two[i].sock, ZMQ_ROUTING_ID, "alice", 5), 0);
        raw_connect(&two[i], &server, NULL);
        raw_hello(&two[i]);
    }
    run_for(300);
    RUN_UNTIL(server.t->accepted_count == 0, 5000); /* both hung up on */
    assert_int_equal(server.ups, 0);
    assert_int_equal(server.messages, 0);
    assert_true(honest_works(&server, 5000));
    for (size_t i = 0; i < 2; i++)
        raw_deinit(&two[i]);
    side_close(&server);
    rig_deinit();
}

/* Not even another's own id gets a thief his messages. */
TEST(attack_routing_id, stolen)
{
    struct side server = {.echo = true};
    struct side victim = {0};
    struct raw thief;
    char buffer[16];

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    side_open(&victim, NULL, NULL);
    side_join(&victim, &server);
    RUN_UNTIL(victim.messages == 1, 5000);
    raw_init(&thief);
    assert_int_equal(zmq_setsockopt(thief.sock, ZMQ_ROUTING_ID,
                                    server.t->links->routing_id,
                                    ROUTING_ID_BYTES),
                     0);
    raw_connect(&thief, &server, NULL);
    raw_hello(&thief);
    for (int i = 2; i < 40; i++) {
        side_hello(&victim);
        RUN_UNTIL(victim.messages == i, 2000);
        run_for(10);
        assert_int_equal(
            zmq_recv(thief.sock, buffer, sizeof buffer, ZMQ_DONTWAIT), -1);
    }
    assert_int_equal(server.messages, 39);
    assert_int_equal(server.ups, 1);
    RUN_UNTIL(server.t->accepted_count == 1, 5000); /* the thief is out */
    assert_int_equal(server.downs, 0);
    raw_deinit(&thief);
    side_close(&victim);
    side_close(&server);
    rig_deinit();
}

/* ---- handshakes --------------------------------------------------------- */

static void greeting_of(uint8_t out[64], uint8_t major, const char *mechanism)
{
    memset(out, 0, 64);
    out[0] = 0xff;
    out[9] = 0x7f;
    out[10] = major;
    out[11] = 1;
    memcpy(out + 12, mechanism, strlen(mechanism));
}

static void expect_turned_away(struct side *server, const void *p, size_t len)
{
    int fd = tcp_connect(server);
    size_t got = 0;

    assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
    RUN_UNTIL(tcp_ended(fd, &got), 2000);
    assert_true(got <= 64); /* the greeting, and nothing of service */
    (void)close(fd);
}

/* Nothing but CURVE, nothing before ZMTP 3. */
TEST(attack_handshake, downgrade)
{
    static const uint8_t v1[] = {0x01, 0x00, 0x06, 0x00, 'h',
                                 'e',  'l',  'l',  'o'};
    static const uint8_t v2[] = {0xff, 0, 0, 0, 0, 0,   0,   0,   1,   0x7f, 1,
                                 5,    0, 0, 0, 6, 'h', 'e', 'l', 'l', 'o'};
    static const char *const mechanisms[] = {"NULL", "PLAIN", "GSSAPI", "",
                                             "X"};
    struct side server = {0};
    uint8_t g[64];

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    expect_turned_away(&server, v1, sizeof v1);
    expect_turned_away(&server, v2, sizeof v2);
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        greeting_of(g, 3, mechanisms[i]);
        expect_turned_away(&server, g, sizeof g);
    }
    greeting_of(g, 2, "CURVE");
    expect_turned_away(&server, g, sizeof g);
    assert_int_equal(server.ups, 0);
    assert_true(honest_works(&server, 5000));
    side_close(&server);
    rig_deinit();
}

/* CURVE commands that are none: wrong length, wrong box, wrong order. */
TEST(attack_handshake, garbage)
{
    static const char *const names[] = {"HELLO", "INITIATE", "MESSAGE", "READY",
                                        "ERROR"};
    static const size_t lens[] = {0, 1, 100, 194, 10000};
    struct side server = {0};
    uint8_t *p = malloc(64 + 9 + 16 + 10000);

    rig_init();
    assert_non_null(p);
    side_open(&server, "127.0.0.1:0", &fast);
    greeting_of(p, 3, "CURVE");
    for (size_t i = 0; i < 25; i++) {
        const char *name = names[i / 5];
        size_t n = strlen(name);
        size_t body = 1 + n + lens[i % 5];
        int fd = tcp_connect(&server);
        size_t len = 64 + 9 + body;

        p[64] = 0x06; /* a long command */
        memset(p + 65, 0, 8);
        p[71] = (uint8_t)(body >> 8);
        p[72] = (uint8_t)body;
        p[73] = (uint8_t)n;
        memcpy(p + 74, name, n);
        randombytes_buf(p + 74 + n, lens[i % 5]);
        assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
        RUN_UNTIL(tcp_ended(fd, NULL), 2000);
        (void)close(fd);
    }
    assert_int_equal(server.ups, 0);
    assert_true(honest_works(&server, 5000));
    free(p);
    side_close(&server);
    rig_deinit();
}

/* The deadline is for the whole handshake, not for the next byte. */
TEST(attack_handshake, byte_by_byte)
{
    struct side server = {0};
    uint8_t g[64];
    uint64_t start;
    int fd;

    rig_init();
    side_open(&server, "127.0.0.1:0", &fast);
    greeting_of(g, 3, "CURVE");
    fd = tcp_connect(&server);
    start = now_ms();
    for (size_t i = 0; i < 64 && !tcp_ended(fd, NULL); i++) {
        (void)send(fd, g + i, 1, MSG_NOSIGNAL);
        run_for(50);
    }
    assert_true(tcp_ended(fd, NULL));
    assert_in_range(now_ms() - start, 400, 1500);
    (void)close(fd);
    side_close(&server);
    rig_deinit();
}

/* Silence uses descriptors only, and those not for long. */
TEST(attack_handshake, silent_connections)
{
    static int fds[500];
    struct side server = {0};
    size_t before;

    rig_init();
    side_open(&server, "127.0.0.1:0", NULL);
    before = memory_mark();
    for (size_t i = 0; i < 500; i++)
        fds[i] = tcp_connect(&server);
    RUN_UNTIL(server.t->accepted_count == 500, 5000);
    assert_true(honest_works(&server, 6000));
    assert_true(memory_peak() < before + 48 * MIB);
    for (size_t i = 0; i < 500; i++)
        RUN_UNTIL(tcp_ended(fds[i], NULL), 8000);
    for (size_t i = 0; i < 500; i++)
        (void)close(fds[i]);
    RUN_UNTIL(server.t->accepted_count == 0, 2000);
    side_close(&server);
    rig_deinit();
}
