/* byzantine: many peers that attack one node over real ZeroMQ and CURVE, each
 * with a key of its own, for so many seconds. For the end-to-end tests.
 *
 *     byzantine HOST:PORT@KEY HOW PEERS SECONDS SEED COURSE EDITION
 *
 * HOW: valid (well formed, and wrong), mutated, replayed (its own words and the
 * node's, over and over), multipart (one message of 256 MiB a peer),
 * quiet (a greeting, and no more), huge (frames over the limit), dials
 * (handshakes and nothing else), silent (half a handshake); and of those who
 * say that they have the course (serve.h): garbage, liar, shifter, staller,
 * fleet. SIGTERM ends it sooner. Prints what it did as one JSON object. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/socket.h>
#include <zmq.h>

#include "tests/byzantine/serve.h"
#include "tests/byzantine/words.h"

#define PEERS_MAX 256
#define PART (64u * 1024u)
#define MULTIPART_BYTES (256ull << 20) /* that each of the peers has to say */
#define SERVE_TURNS 100000             /* before a server is somebody else */
#define ASK_TURNS 25
#define HEARD 64 /* messages that are kept to repeat */

struct attack {
    void *ctx;
    char endpoint[128];
    uint8_t node[32];
    struct sockaddr_in tcp;
    struct words words;
    struct serve serve;
    struct buf message;
    struct buf heard[HEARD];
    size_t heard_count;
    uint64_t messages, dials;
    _Atomic uint64_t bytes; /* that libzmq is done with */
};

struct peer {
    void *sock;
    int fd;        /* of one that knows no ZeroMQ; -1 */
    unsigned left; /* messages until it comes back as another */
};

typedef void turn_fn(struct attack *a, struct peer *p);

static struct attack attack;
static volatile sig_atomic_t stopped;
static uint8_t part[1u << 21];

static void die(const char *what)
{
    (void)fprintf(stderr, "byzantine: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set(void *sock, int option, int value)
{
    if (zmq_setsockopt(sock, option, &value, sizeof value) != 0)
        die("an option of libzmq");
}

/* ---- peers ------------------------------------------------------------- */

static void leave(struct peer *p)
{
    if (p->sock != NULL)
        (void)zmq_close(p->sock);
    p->sock = NULL;
}

static void say(struct attack *a, struct peer *p, const void *bytes, size_t n)
{
    if (zmq_send(p->sock, bytes, n, ZMQ_DONTWAIT) >= 0)
        a->messages++;
}

/* As somebody new. */
static void join(struct attack *a, struct peer *p, int queue)
{
    uint8_t public_key[32];
    uint8_t secret[32];

    leave(p);
    p->sock = zmq_socket(a->ctx, ZMQ_DEALER);
    if (p->sock == NULL)
        die("no more sockets");
    (void)crypto_box_keypair(public_key, secret);
    set(p->sock, ZMQ_LINGER, 0);
    set(p->sock, ZMQ_SNDHWM, queue);
    set(p->sock, ZMQ_RECONNECT_IVL, 200);
    (void)zmq_setsockopt(p->sock, ZMQ_CURVE_SERVERKEY, a->node, 32);
    (void)zmq_setsockopt(p->sock, ZMQ_CURVE_SECRETKEY, secret, 32);
    (void)zmq_setsockopt(p->sock, ZMQ_CURVE_PUBLICKEY, public_key, 32);
    if (zmq_connect(p->sock, a->endpoint) != 0)
        die("cannot connect");
    a->dials++;
}

static void join_and_greet(struct attack *a, struct peer *p)
{
    join(a, p, 100);
    words_hello(&a->message);
    say(a, p, a->message.base, a->message.len);
    p->left = 1 + (unsigned)rng_below(&a->words.rng, 60);
}

/* What the node says is kept, to be said again. */
static void hear(struct attack *a, struct peer *p)
{
    zmq_msg_t m;

    (void)zmq_msg_init(&m);
    while (zmq_msg_recv(&m, p->sock, ZMQ_DONTWAIT) >= 0) {
        struct buf *slot = &a->heard[a->heard_count++ % HEARD];

        slot->len = 0;
        (void)buf_append(slot, zmq_msg_data(&m), zmq_msg_size(&m));
    }
    (void)zmq_msg_close(&m);
}

static bool is_done(struct attack *a, struct peer *p)
{
    if (p->sock == NULL || p->left == 0) {
        join_and_greet(a, p);
        return true;
    }
    p->left--;
    hear(a, p);
    return false;
}

/* ---- what they do ------------------------------------------------------ */

static void do_valid(struct attack *a, struct peer *p)
{
    if (is_done(a, p))
        return;
    words_valid(&a->words, &a->message);
    say(a, p, a->message.base, a->message.len);
}

static void do_mutated(struct attack *a, struct peer *p)
{
    if (is_done(a, p))
        return;
    words_valid(&a->words, &a->message);
    if (rng_below(&a->words.rng, 2) == 0)
        words_mutate(&a->words, &a->message);
    say(a, p, a->message.base, a->message.len);
}

/* Each word goes out four times, with what the node has said in between. */
static void do_replayed(struct attack *a, struct peer *p)
{
    size_t n = a->heard_count < HEARD ? a->heard_count : HEARD;
    const struct buf *old;

    if (is_done(a, p))
        return;
    words_valid(&a->words, &a->message);
    for (int i = 0; i < 4; i++)
        say(a, p, a->message.base, a->message.len);
    if (n != 0) {
        old = &a->heard[rng_below(&a->words.rng, n)];
        say(a, p, old->base, old->len);
    }
}

static void on_part_gone(void *data, void *hint)
{
    (void)data;
    (void)hint;
    attack.bytes += PART;
}

/* Once, all that it has to say: libzmq sends what the node takes. */
static void do_multipart(struct attack *a, struct peer *p)
{
    if (p->sock != NULL)
        return;
    join(a, p, 0);
    words_hello(&a->message);
    say(a, p, a->message.base, a->message.len);
    for (uint64_t sent = 0; sent < MULTIPART_BYTES; sent += PART) {
        zmq_msg_t m;

        (void)zmq_msg_init_data(&m, part, PART, on_part_gone, NULL);
        (void)zmq_msg_send(
            &m, p->sock,
            ZMQ_DONTWAIT | (sent + PART < MULTIPART_BYTES ? ZMQ_SNDMORE : 0));
    }
}

/* Frames of up to 2 MiB, as the first thing said or after a greeting. */
static void do_huge(struct attack *a, struct peer *p)
{
    if (rng_below(&a->words.rng, 2) == 0)
        join(a, p, 100);
    else
        join_and_greet(a, p);
    for (int i = 0; i < 4; i++)
        say(a, p, part, (1u << 20) + rng_below(&a->words.rng, 1u << 20));
}

/* Nothing more: one connection that idles. */
static void do_quiet(struct attack *a, struct peer *p)
{
    if (p->sock == NULL)
        join_and_greet(a, p);
    hear(a, p);
}

static void say_answer(void *user, const uint8_t *bytes, size_t len)
{
    say(&attack, user, bytes, len);
}

static void do_serve(struct attack *a, struct peer *p)
{
    zmq_msg_t m;
    bool leaves = false;

    a->serve.say = say_answer;
    a->serve.user = p;
    if (p->sock == NULL || p->left == 0) {
        join_and_greet(a, p);
        p->left = SERVE_TURNS;
    }
    if (p->left % ASK_TURNS == 0)
        serve_ask(&a->serve); /* who asks is told what there is to be had */
    p->left--;
    (void)zmq_msg_init(&m);
    while (zmq_msg_recv(&m, p->sock, ZMQ_DONTWAIT) >= 0)
        leaves |= serve_hear(&a->serve, zmq_msg_data(&m), zmq_msg_size(&m));
    (void)zmq_msg_close(&m);
    if (leaves) /* at the next turn: what it has said is on its way first */
        p->left = 0;
}

static void do_dials(struct attack *a, struct peer *p)
{
    join(a, p, 100);
}

/* A greeting, or a part of one, or of something else; and no more. */
static void do_silent(struct attack *a, struct peer *p)
{
    uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1};
    size_t n = (size_t)rng_below(&a->words.rng, 65);

    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        die("no more descriptors");
    memcpy(greeting + 12, "CURVE", 5);
    if (rng_below(&a->words.rng, 4) == 0)
        greeting[rng_below(&a->words.rng, 64)] ^= 0x11;
    if (connect(p->fd, (struct sockaddr *)&a->tcp, sizeof a->tcp) == 0)
        (void)send(p->fd, greeting, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    a->dials++;
}

static const struct {
    const char *name;
    turn_fn *turn;
    long pause_ns; /* after a turn of all */
    enum serve_how serve;
} ways[] = {
    {"valid", do_valid, 200000, 0},
    {"mutated", do_mutated, 200000, 0},
    {"replayed", do_replayed, 200000, 0},
    {"multipart", do_multipart, 20000000, 0},
    {"quiet", do_quiet, 20000000, 0},
    {"huge", do_huge, 20000000, 0},
    {"dials", do_dials, 20000000, 0},
    {"silent", do_silent, 20000000, 0},
    {"garbage", do_serve, 2000000, SERVE_GARBAGE},
    {"liar", do_serve, 2000000, SERVE_LIAR},
    {"shifter", do_serve, 2000000, SERVE_SHIFTER},
    {"staller", do_serve, 2000000, SERVE_STALLER},
    {"fleet", do_serve, 20000000, SERVE_FLEET},
};

static void on_stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* ---- the command ------------------------------------------------------- */

static void parse_target(struct attack *a, const char *text)
{
    const char *at = strrchr(text, '@');
    const char *colon = strchr(text, ':');
    char host[64];

    if (at == NULL || colon == NULL || colon > at || at - text > 60 ||
        hex_decode(at + 1, strlen(at + 1), a->node, 32) != 0)
        die("HOST:PORT@KEY");
    (void)snprintf(a->endpoint, sizeof a->endpoint, "tcp://%.*s",
                   (int)(at - text), text);
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    a->tcp.sin_family = AF_INET;
    a->tcp.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &a->tcp.sin_addr) != 1)
        die("HOST must be an IPv4 address");
}

/* There is nothing left of what they had to say. */
static bool is_over(turn_fn *turn, size_t peers)
{
    return turn == do_multipart && attack.bytes >= peers * MULTIPART_BYTES;
}

static void go_on(turn_fn *turn, long pause_ns, size_t peers, double end)
{
    static struct peer all[PEERS_MAX];
    struct timespec pause = {0, pause_ns};

    for (size_t i = 0; i < peers; i++)
        all[i].fd = -1;
    while (!stopped && seconds() < end && !is_over(turn, peers)) {
        for (size_t i = 0; i < peers; i++)
            turn(&attack, &all[i]);
        (void)nanosleep(&pause, NULL);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed[4] = {0};
    size_t peers;
    size_t way = 0;

    if (argc != 8)
        die("HOST:PORT@KEY HOW PEERS SECONDS SEED COURSE EDITION");
    parse_target(&attack, argv[1]);
    while (way < sizeof ways / sizeof ways[0] &&
           strcmp(argv[2], ways[way].name) != 0)
        way++;
    peers = strtoul(argv[3], NULL, 10);
    if (way == sizeof ways / sizeof ways[0] || peers > PEERS_MAX)
        die("no such way, or too many peers");
    seed[0] = strtoull(argv[5], NULL, 10);
    rng_init(&attack.words.rng, seed);
    attack.serve.how = ways[way].serve;
    attack.serve.rng = &attack.words.rng;
    (void)signal(SIGTERM, on_stop);
    if (hex_decode(argv[6], strlen(argv[6]), attack.words.course.b, 32) != 0 ||
        hex_decode(argv[7], strlen(argv[7]), attack.words.edition.b, 32) != 0)
        die("COURSE and EDITION are 64 hex digits");
    attack.serve.course = attack.words.course;
    attack.serve.edition = attack.words.edition;
    attack.ctx = zmq_ctx_new();
    go_on(ways[way].turn, ways[way].pause_ns, peers,
          seconds() + strtod(argv[4], NULL));
    (void)printf("{\"messages\":%llu,\"dials\":%llu,\"bytes\":%llu,"
                 "\"wanted\":%llu}\n",
                 (unsigned long long)attack.messages,
                 (unsigned long long)attack.dials,
                 (unsigned long long)attack.bytes,
                 (unsigned long long)attack.serve.wanted);
    return 0;
}
