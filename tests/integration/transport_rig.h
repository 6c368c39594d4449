/* transport_rig: transports, raw libzmq clients and raw sockets in one process
 * and one loop, for test_transport.c and test_transport_attacks.c. */
#ifndef TESTS_INTEGRATION_TRANSPORT_RIG_H
#define TESTS_INTEGRATION_TRANSPORT_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "node/driver/transport_internal.h"
#include "tests/lib/test.h"

#define UNUSED __attribute__((unused))
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

static uv_loop_t loop;
static uv_timer_t ticker;

/* A transport and all that it has told. */
struct side {
    struct transport *t;
    struct node_id id;
    uint8_t secret[32];
    int ups, downs, dials_failed, dials_refused, messages;
    conn_no conn; /* the newest that is up */
    enum peer_scope scope;
    char address[CORE_ADDRESS_MAX];
    uint64_t sent, received, owed;
    conn_no sent_conn;
    bool echo;
    bool closed;
    void (*on_message)(struct side *s, conn_no conn, zmq_msg_t *msg);
};

static void rig_up(void *user, conn_no conn, const struct node_id *node,
                   bool outbound, enum peer_scope scope, const char *address)
{
    struct side *s = user;

    (void)node;
    (void)outbound;
    s->ups++;
    s->conn = conn;
    s->scope = scope;
    (void)snprintf(s->address, sizeof s->address, "%s", address);
}

static void rig_down(void *user, conn_no conn)
{
    struct side *s = user;

    (void)conn;
    s->downs++;
}

static void rig_message(void *user, conn_no conn, zmq_msg_t *msg)
{
    struct side *s = user;

    s->messages++;
    s->received += zmq_msg_size(msg);
    if (s->on_message != NULL)
        s->on_message(s, conn, msg);
    if (s->echo)
        assert_int_equal(
            transport_send(s->t, conn, zmq_msg_data(msg), zmq_msg_size(msg)),
            0);
}

static void rig_sent(void *user, conn_no conn, uint32_t bytes)
{
    struct side *s = user;

    s->sent += bytes;
    s->sent_conn = conn;
}

static void rig_dial_failed(void *user, const struct node_id *node,
                            const char *address, bool refused)
{
    struct side *s = user;

    (void)node;
    (void)address;
    s->dials_failed++;
    s->dials_refused += refused;
}

static uint64_t rig_owed(void *user, conn_no conn)
{
    const struct side *s = user;

    (void)conn;
    return s->owed;
}

static const struct transport_events rig_events = {
    rig_up, rig_down, rig_message, rig_sent, rig_dial_failed, rig_owed};

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static void rig_init(void)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_timer_init(&loop, &ticker), 0);
    assert_int_equal(uv_timer_start(&ticker, on_tick, 2, 2), 0);
}

static void rig_deinit(void)
{
    uv_close((uv_handle_t *)&ticker, NULL);
    while (uv_run(&loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&loop), 0);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* Run the loop until @cond holds; fail when it does not within @ms. */
#define RUN_UNTIL(cond, ms)                                                    \
    do {                                                                       \
        uint64_t end_ = now_ms() + (ms);                                       \
        while (!(cond) && now_ms() < end_)                                     \
            (void)uv_run(&loop, UV_RUN_ONCE);                                  \
        assert_true(cond);                                                     \
    } while (0)

static UNUSED void run_for(uint64_t ms)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static void new_key(struct node_id *out, uint8_t secret[32])
{
    assert_int_equal(crypto_box_keypair(out->b, secret), 0);
}

static struct transport_config side_config(struct side *s, const char *listen)
{
    struct transport_config c = {.node = s->id, .listen = listen};

    memcpy(c.secret_key, s->secret, sizeof c.secret_key);
    return c;
}

/* @listen: NULL = dial only. @c: NULL = defaults. */
static void side_open(struct side *s, const char *listen,
                      const struct transport_config *c)
{
    struct transport_config config;
    struct err e = ERR_INIT;

    new_key(&s->id, s->secret);
    config = side_config(s, listen);
    if (c != NULL) {
        config.inbound_max = c->inbound_max;
        config.undelivered_max_bytes = c->undelivered_max_bytes;
        config.undelivered_total_bytes = c->undelivered_total_bytes;
        config.handshake_ms = c->handshake_ms;
    }
    if (transport_open(&loop, &config, &rig_events, s, &s->t, &e) != 0)
        fail_msg("%s", e.text);
}

static void on_side_closed(void *user)
{
    struct side *s = user;

    s->closed = true;
}

static void side_close(struct side *s)
{
    transport_close(s->t, on_side_closed);
    s->t = NULL;
    RUN_UNTIL(s->closed, 5000);
}

static uint16_t side_port(const struct side *s)
{
    struct address a;
    const char *text = transport_address(s->t);

    assert_true(address_parse(text, strlen(text), &a));
    return a.port;
}

static UNUSED void side_hello(struct side *s)
{
    assert_int_equal(transport_send(s->t, s->conn, (const uint8_t *)"hello", 5),
                     0);
}

/* @from dials @to; both are up when this returns. */
static UNUSED void side_join(struct side *from, struct side *to)
{
    int ups = from->ups;
    int others = to->ups;

    assert_int_equal(
        transport_dial(from->t, &to->id, transport_address(to->t), NULL), 0);
    RUN_UNTIL(from->ups == ups + 1, 5000);
    side_hello(from);
    RUN_UNTIL(to->ups == others + 1, 5000);
}

static struct transport_stats side_stats(const struct side *s)
{
    struct transport_stats st;

    transport_stats(s->t, &st);
    return st;
}

/* ---- raw libzmq clients ------------------------------------------------- */

struct raw {
    void *ctx, *sock;
    struct node_id id;
    uint8_t secret[32];
};

static UNUSED void raw_init(struct raw *r)
{
    int zero = 0;

    r->ctx = zmq_ctx_new();
    assert_non_null(r->ctx);
    r->sock = zmq_socket(r->ctx, ZMQ_DEALER);
    assert_non_null(r->sock);
    new_key(&r->id, r->secret);
    assert_int_equal(zmq_setsockopt(r->sock, ZMQ_LINGER, &zero, sizeof zero),
                     0);
    assert_int_equal(zmq_setsockopt(r->sock, ZMQ_SNDHWM, &zero, sizeof zero),
                     0);
    assert_int_equal(link__set_int(r->sock, ZMQ_RECONNECT_IVL, -1), 0);
}

/* @source: "127.0.1.1", or NULL for any. */
static UNUSED void raw_connect_port(struct raw *r, const struct side *to,
                                    uint16_t port, const char *source)
{
    char endpoint[128];

    assert_int_equal(zmq_setsockopt(r->sock, ZMQ_CURVE_SERVERKEY, to->id.b, 32),
                     0);
    assert_int_equal(
        zmq_setsockopt(r->sock, ZMQ_CURVE_SECRETKEY, r->secret, 32), 0);
    assert_int_equal(zmq_setsockopt(r->sock, ZMQ_CURVE_PUBLICKEY, r->id.b, 32),
                     0);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://%s%s127.0.0.1:%u",
                   source != NULL ? source : "", source != NULL ? ":0;" : "",
                   port);
    assert_int_equal(zmq_connect(r->sock, endpoint), 0);
}

static UNUSED void raw_connect(struct raw *r, const struct side *to,
                               const char *source)
{
    raw_connect_port(r, to, side_port(to), source);
}

static UNUSED void raw_hello(struct raw *r)
{
    assert_int_equal(zmq_send(r->sock, "hello", 5, ZMQ_DONTWAIT), 5);
}

static UNUSED void raw_deinit(struct raw *r)
{
    (void)zmq_close(r->sock);
    (void)zmq_ctx_term(r->ctx);
}

/* ---- raw sockets -------------------------------------------------------- */

static UNUSED int tcp_connect(const struct side *to)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(side_port(to)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Reads what there is; true once the other side has ended the connection. */
static UNUSED bool tcp_ended(int fd, size_t *total)
{
    uint8_t buffer[4096];

    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);

        if (n < 0)
            return errno != EAGAIN;
        if (n == 0)
            return true;
        if (total != NULL)
            *total += (size_t)n;
    }
}

/* ---- memory ------------------------------------------------------------- */

static size_t status_kib(const char *name)
{
    char line[256];
    size_t value = 0;
    FILE *f = fopen("/proc/self/status", "r");

    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoul(line + strlen(name), NULL, 10);
    (void)fclose(f);
    assert_true(value != 0);
    return value;
}

/* Resident bytes now; what memory_peak says counts from here. */
static UNUSED size_t memory_mark(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    assert_non_null(f);
    (void)fputs("5", f);
    (void)fclose(f);
    return status_kib("VmRSS:") * KIB;
}

static UNUSED size_t memory_peak(void)
{
    return status_kib("VmHWM:") * KIB;
}

/* ASan would keep what is freed, and so hide whether we do. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

#endif
