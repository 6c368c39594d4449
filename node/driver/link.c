/* link: one connection, dialled (a DEALER of its own) or accepted (a routing
 * id of the ROUTER). */
#include "node/driver/transport_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define DIAL_MS 10000
#define UNSENT_MAX (128 * 1024) /* bytes the kernel holds and has not sent */

/* A high-water mark counts messages, not bytes: it only backs up the limits in
 * bytes of the core (chunks), transport.c (control) and watchdog (received). */
#define SEND_QUEUE_MAX 1000
#define RECEIVE_QUEUE_MAX 256

/* libzmq forgets its timer only at a whole frame: shorter ones would cut a slow
 * peer in the middle of a chunk. */
#define HEARTBEAT_MS 30000
#define HEARTBEAT_TIMEOUT_MS 120000
#define HEARTBEAT_TTL_MS 180000

struct link *link__new(struct transport *t, bool outbound)
{
    struct link *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->outbox = outbox_new(t->bell);
    if (l->outbox == NULL) {
        free(l);
        return NULL;
    }
    l->t = t;
    l->no = ++t->last_no;
    l->outbound = outbound;
    l->fd = -1;
    l->next = t->links;
    t->links = l;
    if (outbound)
        t->outbound++;
    else
        t->inbound++;
    return l;
}

static void bury(struct link *l)
{
    struct transport *t = l->t;
    struct link **at = &t->links;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next; /* who stands on it still finds the rest */
    l->dead = true;
    l->next_dead = t->dead;
    t->dead = l;
    if (t->last_in == l)
        t->last_in = NULL;
    if (l->outbound)
        t->outbound--;
    else
        t->inbound--;
}

/* What the kernel takes before it has sent it stands in front of everything
 * that is said later: an answer, a piece of news, the chunk that matters more
 * now. */
static void keep_short(int fd)
{
    const int bytes = UNSENT_MAX;

    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
                         sizeof bytes);
}

void link__up(struct link *l)
{
    keep_short(l->fd);
    l->is_up = true;
    l->t->ev.up(l->t->user, l->no, &l->node, l->outbound, l->scope, l->address);
}

void link__ended(struct link *l)
{
    struct transport *t = l->t;

    l->ending = true;
    l->fd = -1;
    bury(l);
    if (!l->silent && l->is_up)
        t->ev.down(t->user, l->no);
    else if (!l->silent && l->outbound)
        t->ev.dial_failed(t->user, &l->node, l->address, l->refused);
    if (l->outbound)
        transport__part_closed(t);
}

static void on_socket_closed(struct zuv *z)
{
    struct link *l = z->data;

    if (--l->open_sockets == 0)
        link__ended(l);
}

static void end_outbound(struct link *l)
{
    l->fd = -1;
    if (l->looking_up) {
        (void)uv_cancel((uv_req_t *)&l->lookup); /* on_found comes anyway, */
        if (!l->silent)                          /* but maybe late */
            l->t->ev.dial_failed(l->t->user, &l->node, l->address, false);
        l->silent = true;
    } else {
        (void)zmq_socket_monitor(l->data.sock, NULL, 0);
        zuv_close(&l->data, on_socket_closed);
        zuv_close(&l->monitor, on_socket_closed);
    }
}

void link__cut(struct link *l)
{
    if (l->ending)
        return;
    l->ending = true;
    if (l->outbound) {
        end_outbound(l);
        return;
    }
    /* The ROUTER has no call for this: end the TCP connection below it. The
     * monitor tells when it is gone. */
    router__hang_up(l->fd, &l->peer);
}

/* What a frame of @n bytes takes on the wire: CURVE's MESSAGE and ZMTP's head,
 * short or long. */
static uint64_t on_the_wire(size_t n)
{
    return (uint64_t)n + 33 + (n + 33 > 255 ? 9 : 2);
}

void link__deliver(struct link *l, zmq_msg_t *msg)
{
    l->delivered += on_the_wire(zmq_msg_size(msg));
    if (!l->ending)
        l->t->ev.message(l->t->user, l->no, msg);
}

/* ---- sockets ------------------------------------------------------------ */

int link__set_int(void *sock, int option, int v)
{
    return zmq_setsockopt(sock, option, &v, sizeof v);
}

int link__socket_options(const struct transport *t, void *sock)
{
    int64_t max = FRAME_MAX;
    int64_t back = 0;
    size_t n = sizeof back;
    int rc = 0;

    rc |= link__set_int(sock, ZMQ_LINGER, 0);
    rc |= link__set_int(sock, ZMQ_IPV6, 1);
    rc |= link__set_int(sock, ZMQ_SNDHWM, SEND_QUEUE_MAX);
    rc |= link__set_int(sock, ZMQ_RCVHWM, RECEIVE_QUEUE_MAX);
    rc |= link__set_int(sock, ZMQ_TCP_KEEPALIVE, 1);
    rc |= link__set_int(sock, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    rc |= link__set_int(sock, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    rc |= link__set_int(sock, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS);
    rc |= zmq_setsockopt(sock, ZMQ_MAXMSGSIZE, &max, sizeof max);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_SECRETKEY, t->cfg.secret_key, 32);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_PUBLICKEY, t->cfg.node.b, 32);
    /* Without a limit nine bytes of a stranger reserve 1 GiB. */
    if (zmq_getsockopt(sock, ZMQ_MAXMSGSIZE, &back, &n) != 0 || back != max)
        rc = -1;
    return rc;
}

bool link__next_event(void *sock, uint16_t *out_event, int32_t *out_value)
{
    zmq_msg_t f;
    bool got = false;

    (void)zmq_msg_init(&f);
    if (zmq_msg_recv(&f, sock, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_size(&f) == 6) {
            memcpy(out_event, zmq_msg_data(&f), 2);
            memcpy(out_value, (uint8_t *)zmq_msg_data(&f) + 2, 4);
            got = true;
        }
        while (zmq_msg_more(&f) && zmq_msg_recv(&f, sock, ZMQ_DONTWAIT) >= 0)
            continue; /* the endpoint */
    }
    (void)zmq_msg_close(&f);
    return got;
}

static void connected(struct link *l, int fd)
{
    struct address peer;

    if (!router__peer_of(fd, &peer))
        return; /* gone again: the monitor says so next */
    l->fd = fd;
    l->peer = peer;
    l->scope = zap__scope(l->t, &peer);
    watchdog__watch(l->t, fd);
}

static void take_events(struct link *l)
{
    uint16_t event;
    int32_t value;

    while (!l->ending && link__next_event(l->monitor.sock, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            connected(l, value);
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            if (!l->is_up)
                link__up(l);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            l->refused = true;
            link__cut(l);
            break;
        case ZMQ_EVENT_DISCONNECTED:
        case ZMQ_EVENT_CLOSED:
            link__cut(l);
            break;
        default: /* libzmq's list, not ours */
            break;
        }
    }
}

static void on_dealer_event(struct zuv *z)
{
    take_events(z->data);
}

static void on_dealer_in(struct zuv *z)
{
    struct link *l = z->data;

    for (int i = 0; i < ZUV_BUDGET && !l->ending; i++) {
        zmq_msg_t m;

        (void)zmq_msg_init(&m);
        if (zmq_msg_recv(&m, z->sock, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&m);
            return;
        }
        if (!l->is_up)
            take_events(l); /* the message has overtaken the monitor */
        if (zmq_msg_more(&m)) {
            l->t->stats.multipart_cuts++;
            link__cut(l); /* what follows goes with the socket */
        } else if (!l->ending) {
            if (!l->is_up)
                link__up(l);
            link__deliver(l, &m);
        }
        (void)zmq_msg_close(&m);
    }
}

/* ---- dialling ----------------------------------------------------------- */

static void *open_dealer(const struct link *l)
{
    const struct transport *t = l->t;
    void *sock = zmq_socket(t->ctx, ZMQ_DEALER);
    int handshake_ms =
        t->cfg.handshake_ms < 3000 ? (int)t->cfg.handshake_ms : 3000;
    int rc;

    if (sock == NULL)
        return NULL;
    rc = link__socket_options(t, sock);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_SERVERKEY, l->node.b, 32);
    rc |= link__set_int(sock, ZMQ_IMMEDIATE, 1);
    rc |= link__set_int(sock, ZMQ_RECONNECT_IVL, -1);
    rc |= link__set_int(sock, ZMQ_HANDSHAKE_IVL, handshake_ms);
    if (rc == 0)
        return sock;
    (void)zmq_close(sock);
    return NULL;
}

static void *open_monitor(const struct link *l, void *sock)
{
    char endpoint[64];
    void *pair;

    (void)snprintf(endpoint, sizeof endpoint, "inproc://monitor-%llu",
                   (unsigned long long)l->no);
    if (zmq_socket_monitor(sock, endpoint, ZMQ_EVENT_ALL) != 0)
        return NULL;
    pair = zmq_socket(l->t->ctx, ZMQ_PAIR);
    if (pair != NULL && (link__set_int(pair, ZMQ_LINGER, 0) != 0 ||
                         zmq_connect(pair, endpoint) != 0)) {
        (void)zmq_close(pair);
        pair = NULL;
    }
    return pair;
}

/* @address: literal. On failure nothing is left open. */
static int connect_to(struct link *l, const char *address, struct err *e)
{
    char endpoint[CORE_ADDRESS_MAX + 8];
    void *sock = open_dealer(l);
    void *pair = sock != NULL ? open_monitor(l, sock) : NULL;

    (void)snprintf(endpoint, sizeof endpoint, "tcp://%s", address);
    if (pair == NULL || zmq_connect(sock, endpoint) != 0)
        goto fail;
    if (zuv_open(l->t->loop, &l->data, sock, on_dealer_in, l) != 0)
        goto fail;
    if (zuv_open(l->t->loop, &l->monitor, pair, on_dealer_event, l) != 0)
        goto fail_data;
    l->open_sockets = 2;
    return 0;
fail_data:
    (void)zmq_close(pair);
    l->ending = true;
    l->open_sockets = 1; /* its handles close from the loop */
    zuv_close(&l->data, on_socket_closed);
    return err_set(e, ERR_FAILED, "dial '%s'", address);
fail:
    (void)err_set(e, ERR_NETWORK, "dial '%s': %s", address,
                  zmq_strerror(zmq_errno()));
    if (sock != NULL)
        (void)zmq_close(sock);
    if (pair != NULL)
        (void)zmq_close(pair);
    return ERR_NETWORK;
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct link *l = req->data;
    char host[64];
    char port[8];
    char address[CORE_ADDRESS_MAX];

    l->looking_up = false;
    if (status == 0 && !l->ending &&
        getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        (void)snprintf(address, sizeof address,
                       strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host,
                       port);
        status = connect_to(l, address, NULL);
    } else {
        status = ERR_NETWORK;
    }
    uv_freeaddrinfo(found);
    if (status != 0 && l->open_sockets == 0)
        link__ended(l);
}

/* libzmq would look the name up on its I/O thread and stop every connection
 * meanwhile; uv does it on the pool. */
static int look_up(struct link *l, struct err *e)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(l->address, ':');
    char host[CORE_ADDRESS_MAX];
    char *name = host;
    size_t len = colon != NULL ? (size_t)(colon - l->address) : 0;
    char *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;

    if (len == 0 || port == 0 || port > 65535 || *end != '\0')
        return err_set(e, ERR_INVALID, "'%s' is not HOST:PORT", l->address);
    memcpy(host, l->address, len);
    host[len] = '\0';
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        name++;
    }
    l->lookup.data = l;
    if (uv_getaddrinfo(l->t->loop, &l->lookup, on_found, name, colon + 1,
                       &hints) != 0)
        return err_set(e, ERR_NETWORK, "look up '%s'", name);
    l->looking_up = true;
    return 0;
}

int link__dial(struct transport *t, const struct node_id *node,
               const char *address, struct err *e)
{
    struct address literal;
    struct link *l;
    int rc;

    if (strlen(address) >= CORE_ADDRESS_MAX)
        return err_set(e, ERR_INVALID, "'%s' is too long", address);
    l = link__new(t, true);
    if (l == NULL)
        return err_set(e, ERR_NOMEM, "dial");
    l->node = *node;
    l->scope = transport_scope_of(address);
    (void)snprintf(l->address, sizeof l->address, "%s", address);
    l->deadline_ms = transport__now_ms(t) + DIAL_MS;
    t->open_parts++;
    if (!address_parse(address, strlen(address), &literal))
        rc = look_up(l, e);
    else if (literal.port == 0)
        rc = err_set(e, ERR_INVALID, "'%s': port 0", address);
    else
        rc = connect_to(l, address, e);
    if (rc == 0) {
        watchdog__start(t);
        return 0;
    }
    l->silent = true; /* the caller is told here */
    if (l->open_sockets == 0)
        link__ended(l);
    return rc;
}
