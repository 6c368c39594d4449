/* router: who dials us. One ROUTER for all; who is behind a frame, ZAP has said
 * (User-Id), never the routing id. */
#include "node/driver/transport_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ENFORCE_DOMAIN                                                         \
    93 /* ZMQ_ZAP_ENFORCE_DOMAIN: zmq.h hides it as draft                      \
        */
#define MONITOR_ENDPOINT "inproc://monitor-router"
#define BACKLOG 1024
#define ACCEPTED_MAX 6000
#define FILES_KEPT 256 /* descriptors that strangers may not use up */

/* ---- TCP connections ---------------------------------------------------- */

bool router__peer_of(int fd, struct address *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_storage ss;
    socklen_t n = sizeof ss;

    if (getpeername(fd, (struct sockaddr *)&ss, &n) != 0)
        return false;
    if (ss.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&ss;

        memcpy(out->ip, mapped, sizeof mapped);
        memcpy(out->ip + sizeof mapped, &in->sin_addr, 4);
        out->port = ntohs(in->sin_port);
        return true;
    }
    if (ss.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;

        memcpy(out->ip, &in6->sin6_addr, 16);
        out->port = ntohs(in6->sin6_port);
        return true;
    }
    return false;
}

/* What has come already would still be read, and decrypted, byte for byte. Here
 * the kernel throws it away uncopied. */
static void discard(int fd)
{
    static uint8_t nothing[256 * 1024];

    while (recv(fd, nothing, sizeof nothing, MSG_TRUNC | MSG_DONTWAIT) > 0)
        ;
}

/* The descriptor is libzmq's, which closes it when it likes, and the number may
 * by now be that of another. */
void router__hang_up(int fd, const struct address *peer)
{
    struct address now;

    if (fd >= 0 && router__peer_of(fd, &now) && now.port == peer->port &&
        memcmp(now.ip, peer->ip, sizeof now.ip) == 0 &&
        shutdown(fd, SHUT_RDWR) == 0)
        discard(fd);
}

static struct accepted *accepted_of(struct transport *t, int fd)
{
    for (size_t i = 0; i < t->accepted_count; i++)
        if (t->accepted[i].fd == fd)
            return &t->accepted[i];
    return NULL;
}

static bool grow_accepted(struct transport *t)
{
    size_t cap = t->accepted_cap != 0 ? 2 * t->accepted_cap : 64;
    struct accepted *grown;

    if (t->accepted_count >= t->accepted_max)
        return false;
    if (t->accepted_count < t->accepted_cap)
        return true;
    grown = realloc(t->accepted, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    t->accepted = grown;
    t->accepted_cap = cap;
    return true;
}

static void forget(struct transport *t, int fd)
{
    struct accepted *a = accepted_of(t, fd);
    struct link *l;

    if (a == NULL)
        return;
    l = a->link;
    *a = t->accepted[--t->accepted_count];
    if (l != NULL)
        link__ended(l);
}

static void on_accepted(struct transport *t, int fd)
{
    struct accepted a = {.fd = fd, .since_ms = transport__now_ms(t)};

    forget(t, fd); /* should its end have been missed */
    if (!router__peer_of(fd, &a.peer))
        return; /* gone again */
    if (!grow_accepted(t)) {
        router__hang_up(fd, &a.peer);
        return;
    }
    t->accepted[t->accepted_count++] = a;
    watchdog__watch(t, fd);
    watchdog__start(t);
}

void router__drain(struct transport *t)
{
    uint16_t event;
    int32_t value;

    while (!t->closing && link__next_event(t->monitor.sock, &event, &value)) {
        if (event == ZMQ_EVENT_ACCEPTED)
            on_accepted(t, value);
        else if (event == ZMQ_EVENT_DISCONNECTED)
            forget(t, value);
    }
}

static void on_monitor_in(struct zuv *z)
{
    struct transport *t = z->data;

    transport__reap(t);
    router__drain(t);
}

/* ---- frames ------------------------------------------------------------- */

static struct link *find(struct transport *t, const void *id, size_t len)
{
    struct link *l = t->last_in;

    if (len != ROUTING_ID_BYTES)
        return NULL;
    if (l != NULL && memcmp(l->routing_id, id, len) == 0)
        return l;
    for (l = t->links; l != NULL; l = l->next)
        if (!l->outbound && memcmp(l->routing_id, id, len) == 0)
            break;
    if (l != NULL)
        t->last_in = l;
    return l;
}

static bool user_id(zmq_msg_t *m, struct node_id *out)
{
    const char *hex = zmq_msg_gets(m, "User-Id");

    return hex != NULL && hex_decode(hex, strlen(hex), out->b, ID_BYTES) == 0;
}

static void hang_up_sender(struct transport *t, zmq_msg_t *m)
{
    const struct accepted *a = accepted_of(t, zmq_msg_get(m, ZMQ_SRCFD));

    if (a != NULL)
        router__hang_up(a->fd, &a->peer);
}

/* libzmq counts: of two ids on one descriptor the later is the living one. */
static bool is_later(const uint8_t *id, const uint8_t *than)
{
    uint32_t x = 0;
    uint32_t y = 0;

    for (size_t i = 1; i < ROUTING_ID_BYTES; i++) {
        x = x << 8 | id[i];
        y = y << 8 | than[i];
    }
    return x - y < UINT32_MAX / 2;
}

/* The first frame of a routing id. */
static struct link *admit(struct transport *t, zmq_msg_t *id, zmq_msg_t *m,
                          const struct node_id *node)
{
    const uint8_t *bytes = zmq_msg_data(id);
    struct accepted *a;
    struct link *l;
    int fd = zmq_msg_get(m, ZMQ_SRCFD);

    router__drain(t); /* the end of an earlier user of this number, too */
    if (zmq_msg_size(id) != ROUTING_ID_BYTES || bytes[0] != 0) {
        hang_up_sender(t, m); /* ids are ours to give */
        return NULL;
    }
    a = accepted_of(t, fd);
    if (a == NULL)
        return NULL; /* the sender has gone already */
    if (a->link != NULL) {
        struct link *before = a->link;

        if (!is_later(bytes, before->routing_id))
            return NULL; /* a frame that its sender did not live to see read */
        a->link = NULL;
        link__ended(before);
        a = accepted_of(t, fd);
    }
    l = a != NULL ? link__new(t, false) : NULL;
    if (l == NULL) {
        hang_up_sender(t, m);
        return NULL;
    }
    a->link = l;
    l->node = *node;
    l->fd = fd;
    l->peer = a->peer;
    l->scope = zap__scope(t, &a->peer);
    address_format(&a->peer, l->address);
    memcpy(l->routing_id, bytes, ROUTING_ID_BYTES);
    t->last_in = l;
    zap__redeem(t, node);
    link__up(l);
    return l;
}

/* SPEC 5: "A peer is its CURVE key, never its routing id." */
static void on_frame(struct transport *t, zmq_msg_t *id, zmq_msg_t *m)
{
    struct node_id node;
    struct link *l;

    if (!user_id(m, &node)) {
        hang_up_sender(t, m); /* nobody let this one in */
        return;
    }
    l = find(t, zmq_msg_data(id), zmq_msg_size(id));
    if (l == NULL)
        l = admit(t, id, m, &node);
    if (l == NULL)
        return;
    if (!node_id_eq(&l->node, &node))
        hang_up_sender(t, m);
    else
        link__deliver(l, m);
}

/* SPEC 5: "A message of more frames is a protocol error." */
static void on_multipart(struct transport *t, zmq_msg_t *id, zmq_msg_t *m)
{
    struct link *l = find(t, zmq_msg_data(id), zmq_msg_size(id));

    t->stats.multipart_cuts++;
    if (l != NULL)
        watchdog__refuse(l);
    else
        hang_up_sender(t, m);
    while (zmq_msg_more(m) &&
           zmq_msg_recv(m, t->router.sock, ZMQ_DONTWAIT) >= 0)
        continue;
}

/* false: nothing there. */
static bool receive_one(struct transport *t)
{
    void *sock = t->router.sock;
    zmq_msg_t id;
    zmq_msg_t m;
    bool got;

    (void)zmq_msg_init(&id);
    (void)zmq_msg_init(&m);
    got = zmq_msg_recv(&id, sock, ZMQ_DONTWAIT) >= 0;
    if (got && zmq_msg_more(&id) && zmq_msg_recv(&m, sock, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_more(&m))
            on_multipart(t, &id, &m);
        else
            on_frame(t, &id, &m);
    }
    (void)zmq_msg_close(&m);
    (void)zmq_msg_close(&id);
    return got;
}

static void on_router_in(struct zuv *z)
{
    struct transport *t = z->data;

    transport__reap(t);
    for (int i = 0; i < ZUV_BUDGET && !t->closing; i++)
        if (!receive_one(t))
            return;
}

/* ---- open --------------------------------------------------------------- */

static int set_options(struct transport *t, void *sock)
{
    int rc = link__socket_options(t, sock);

    rc |= link__set_int(sock, ZMQ_CURVE_SERVER, 1);
    rc |= zmq_setsockopt(sock, ZMQ_ZAP_DOMAIN, "lyceum", 6);
    rc |= link__set_int(sock, ENFORCE_DOMAIN, 1);
    rc |= link__set_int(sock, ZMQ_ROUTER_MANDATORY, 1);
    rc |= link__set_int(sock, ZMQ_BACKLOG, BACKLOG);
    rc |= link__set_int(sock, ZMQ_HANDSHAKE_IVL, (int)t->cfg.handshake_ms);
    return rc;
}

/* "[::ffff:1.2.3.4]:5" is "1.2.3.4:5" to everybody but the kernel. */
static void plain_v4(char *address)
{
    static const char mapped[] = "[::ffff:";
    char *end = strchr(address, ']');

    if (strncmp(address, mapped, sizeof mapped - 1) != 0 || end == NULL ||
        memchr(address, '.', (size_t)(end - address)) == NULL)
        return;
    memmove(end, end + 1, strlen(end + 1) + 1);
    memmove(address, address + sizeof mapped - 1,
            strlen(address + sizeof mapped - 1) + 1);
}

static int bind_to(struct transport *t, void *sock, struct err *e)
{
    char endpoint[CORE_ADDRESS_MAX + 8];
    char last[CORE_ADDRESS_MAX + 8] = "";
    size_t n = sizeof last;
    int rc;

    (void)snprintf(endpoint, sizeof endpoint, "tcp://%s", t->cfg.listen);
    if (zmq_bind(sock, endpoint) != 0) {
        rc = zmq_errno() == EADDRINUSE ? ERR_CONFLICT : ERR_NETWORK;
        (void)err_set(e, rc, "listen on '%s': %s", t->cfg.listen,
                      zmq_strerror(zmq_errno()));
        err_hint(e, "choose another with --listen ADDR:PORT; port 0 takes a "
                    "free one");
        return rc;
    }
    if (zmq_getsockopt(sock, ZMQ_LAST_ENDPOINT, last, &n) != 0 ||
        strncmp(last, "tcp://", 6) != 0)
        return err_set(e, ERR_FAILED, "listen on '%s': no address",
                       t->cfg.listen);
    plain_v4(last + 6);
    (void)snprintf(t->address, sizeof t->address, "%.*s", CORE_ADDRESS_MAX - 1,
                   last + 6);
    return 0;
}

static void *open_monitor(struct transport *t, void *sock)
{
    void *pair;

    if (zmq_socket_monitor(sock, MONITOR_ENDPOINT,
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
        return NULL;
    pair = zmq_socket(t->ctx, ZMQ_PAIR);
    /* No limit: where this queue is full, libzmq's I/O thread waits. */
    if (pair != NULL && (link__set_int(pair, ZMQ_RCVHWM, 0) != 0 ||
                         link__set_int(pair, ZMQ_LINGER, 0) != 0 ||
                         zmq_connect(pair, MONITOR_ENDPOINT) != 0)) {
        (void)zmq_close(pair);
        pair = NULL;
    }
    return pair;
}

static size_t accepted_max(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur <= 2 * FILES_KEPT)
        return FILES_KEPT;
    r.rlim_cur -= FILES_KEPT;
    return r.rlim_cur < ACCEPTED_MAX ? (size_t)r.rlim_cur : ACCEPTED_MAX;
}

int router__open(struct transport *t, struct err *e)
{
    void *sock = zmq_socket(t->ctx, ZMQ_ROUTER);
    void *pair = NULL;
    int rc = ERR_FAILED;

    t->accepted_max = accepted_max();
    if (sock != NULL && set_options(t, sock) == 0)
        pair = open_monitor(t, sock);
    if (pair == NULL)
        (void)err_set(e, rc, "listen: %s", zmq_strerror(zmq_errno()));
    else
        rc = bind_to(t, sock, e);
    if (rc == 0) {
        t->has_monitor =
            zuv_open(t->loop, &t->monitor, pair, on_monitor_in, t) == 0;
        t->has_router = t->has_monitor && zuv_open(t->loop, &t->router, sock,
                                                   on_router_in, t) == 0;
        if (t->has_router)
            return 0;
        rc = err_set(e, ERR_FAILED, "listen: poll");
        if (t->has_monitor)
            pair = NULL; /* transport_close has it */
    }
    if (pair != NULL)
        (void)zmq_close(pair);
    if (sock != NULL)
        (void)zmq_close(sock);
    return rc;
}
