#include "node/driver/transport_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MIB (1024ull * 1024ull)
#define SLAB_KEEP (24 * MIB)
#define MAX_SOCKETS 4096
#define FILES_WANTED 8192
#define AWAKE_STEP_MS 500 /* the watchdog looks at least twice as often */

/* Below these libzmq and libuv abort the process, sooner or later. */
#define FILES_LEAST 64u
#define ROOM_LEAST (160 * MIB)

/* Control messages that wait for one who does not read, or for all of them. */
#define CONTROL_MAX (2 * MIB)
#define CONTROL_TOTAL_MAX (48 * MIB)
#define CONTROL_ALWAYS (64u * 1024u) /* even when that is reached */

void transport_tune_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024 * 1024);
    (void)mallopt(M_TOP_PAD, 4 * 1024 * 1024);
}

enum peer_scope transport_scope_of(const char *address)
{
    enum peer_scope scope = SCOPE_PUBLIC;
    struct address a;

    if (address_parse(address, strlen(address), &a))
        (void)address_scope(a.ip, &scope);
    return scope;
}

/* ---- open --------------------------------------------------------------- */

static void raise_nofile(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= FILES_WANTED)
        return;
    r.rlim_cur = r.rlim_max < FILES_WANTED ? r.rlim_max : FILES_WANTED;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

int transport_check_means(struct err *e)
{
    struct rlimit r;
    void *room;
    int rc;

    raise_nofile();
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < FILES_LEAST) {
        rc = err_set(e, ERR_LIMIT,
                     "a process may have %llu files open here, a node needs %u",
                     (unsigned long long)r.rlim_cur, FILES_LEAST);
        err_hint(e, "ulimit -n %u", FILES_WANTED);
        return rc;
    }
    room = mmap(NULL, ROOM_LEAST, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                /* cppcheck-suppress invalidFunctionArg; an anonymous map */
                -1, 0);
    if (room == MAP_FAILED) {
        rc =
            err_set(e, ERR_NOMEM, "a node needs %llu MiB of address space more",
                    ROOM_LEAST / MIB);
        err_hint(e, "ulimit -v unlimited");
        return rc;
    }
    (void)munmap(room, ROOM_LEAST);
    return 0;
}

static void on_async(uv_async_t *async)
{
    struct transport *t = async->data;

    transport__reap(t);
    for (struct link *l = t->links; l != NULL && !t->closing; l = l->next) {
        uint32_t bytes = outbox_take_gone(l->outbox);

        if (bytes != 0 && !l->ending)
            t->ev.sent(t->user, l->no, bytes);
    }
}

static void fill_defaults(struct transport_config *c)
{
    if (c->inbound_max == 0)
        c->inbound_max = 64;
    if (c->undelivered_max_bytes == 0)
        c->undelivered_max_bytes = 8 * MIB;
    if (c->undelivered_total_bytes == 0)
        c->undelivered_total_bytes = 128 * MIB;
    if (c->handshake_ms == 0)
        c->handshake_ms = 5000;
}

static int open_base(struct transport *t, struct err *e)
{
    t->ctx = zmq_ctx_new();
    t->slab = slab_new(SLAB_KEEP);
    t->bell = bell_new(&t->async);
    if (t->ctx == NULL || t->slab == NULL || t->bell == NULL)
        return err_set(e, ERR_NOMEM, "transport");
    (void)zmq_ctx_set(t->ctx, ZMQ_MAX_SOCKETS, MAX_SOCKETS);
    t->has_watchdog = watchdog__open(t) == 0;
    t->has_async = uv_async_init(t->loop, &t->async, on_async) == 0;
    t->async.data = t;
    if (!t->has_watchdog || !t->has_async)
        return err_set(e, ERR_FAILED, "transport: no descriptors left");
    uv_unref((uv_handle_t *)&t->async);
    return 0;
}

static void free_transport(struct transport *t)
{
    transport__reap(t);
    if (t->ctx != NULL)
        (void)zmq_ctx_term(t->ctx);
    if (t->slab != NULL)
        slab_unref(t->slab);
    if (t->bell != NULL)
        bell_unref(t->bell);
    if (t->sentinel_fd >= 0)
        (void)close(t->sentinel_fd);
    zap__deinit(t);
    free(t->accepted);
    sodium_memzero(t, sizeof *t);
    free(t);
}

int transport_open(uv_loop_t *loop, const struct transport_config *config,
                   const struct transport_events *events, void *user,
                   struct transport **out, struct err *e)
{
    struct transport *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL)
        return err_set(e, ERR_NOMEM, "transport");
    raise_nofile();
    t->loop = loop;
    t->awake.step_ms = AWAKE_STEP_MS;
    t->cfg = *config;
    t->ev = *events;
    t->user = user;
    t->sentinel_fd = -1;
    fill_defaults(&t->cfg);
    rc = open_base(t, e);
    if (rc == 0)
        rc = zap__open(t, e); /* before anything is bound */
    if (rc == 0 && t->cfg.listen != NULL)
        rc = router__open(t, e);
    if (rc == 0 && t->has_router)
        rc = self_check(t->address, e);
    if (rc != 0) {
        transport_close(t, NULL);
        return rc;
    }
    *out = t;
    return 0;
}

/* ---- close -------------------------------------------------------------- */

void transport__reap(struct transport *t)
{
    while (t->dead != NULL) {
        struct link *l = t->dead;

        t->dead = l->next_dead;
        outbox_unref(l->outbox);
        free(l);
    }
}

void transport__part_closed(struct transport *t)
{
    void (*closed)(void *) = t->closed;
    void *user = t->user;

    t->open_parts--;
    if (!t->closing || t->open_parts != 0)
        return;
    free_transport(t);
    if (closed != NULL)
        closed(user);
}

static void on_part_closed(struct zuv *z)
{
    transport__part_closed(z->data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    transport__part_closed(handle->data);
}

void transport_close(struct transport *t, void (*closed)(void *user))
{
    t->closing = true;
    t->closed = closed;
    t->open_parts++; /* this call */
    if (t->bell != NULL)
        bell_mute(t->bell);
    for (struct link *l = t->links; l != NULL; l = l->next) {
        l->silent = true; /* the user is going */
        if (l->outbound)
            link__cut(l);
        else
            link__ended(l);
    }
    if (t->has_router) {
        t->open_parts++;
        (void)zmq_socket_monitor(t->router.sock, NULL, 0);
        zuv_close(&t->router, on_part_closed);
    }
    if (t->has_monitor) {
        t->open_parts++;
        zuv_close(&t->monitor, on_part_closed);
    }
    zap__close(t);
    if (t->has_async) {
        t->open_parts++;
        uv_close((uv_handle_t *)&t->async, on_handle_closed);
    }
    if (t->has_watchdog) {
        t->open_parts += 2;
        watchdog__close(t, on_handle_closed);
    }
    transport__part_closed(t);
}

uint64_t transport__now_ms(struct transport *t)
{
    return awake_ms(&t->awake, uv_now(t->loop));
}

/* ---- calls -------------------------------------------------------------- */

const char *transport_address(const struct transport *t)
{
    return t->address;
}

int transport_dial(struct transport *t, const struct node_id *node,
                   const char *address, struct err *e)
{
    return link__dial(t, node, address, e);
}

static struct link *find_link(const struct transport *t, conn_no conn)
{
    struct link *l = t->links;

    while (l != NULL && l->no != conn)
        l = l->next;
    return l != NULL && l->is_up && !l->ending ? l : NULL;
}

static int code_of_errno(void)
{
    return zmq_errno() == EAGAIN ? ERR_AGAIN : ERR_NOT_FOUND;
}

/* On failure the message stays the caller's. */
static int send_msg(struct transport *t, const struct link *l, zmq_msg_t *m)
{
    void *sock = l->outbound ? l->data.sock : t->router.sock;

    /* A full queue is found out about at this frame. */
    if (!l->outbound && zmq_send(sock, l->routing_id, ROUTING_ID_BYTES,
                                 ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return code_of_errno();
    return zmq_msg_send(m, sock, ZMQ_DONTWAIT) >= 0 ? 0 : code_of_errno();
}

static bool control_is_full(struct transport *t, const struct link *l)
{
    size_t own = outbox_control_bytes(l->outbox);

    return own >= CONTROL_MAX ||
           (own >= CONTROL_ALWAYS &&
            bell_control_bytes(t->bell) >= CONTROL_TOTAL_MAX);
}

int transport_send(struct transport *t, conn_no conn, const uint8_t *data,
                   size_t len)
{
    struct link *l = find_link(t, conn);
    zmq_msg_t m;
    int rc;

    if (l == NULL)
        return ERR_NOT_FOUND;
    if (control_is_full(t, l) || outbox_control(l->outbox, data, len, &m) != 0)
        return ERR_AGAIN;
    rc = send_msg(t, l, &m);
    if (rc != 0)
        (void)zmq_msg_close(&m);
    return rc;
}

uint8_t *transport_chunk_buffer(struct transport *t, size_t len)
{
    return outbox_chunk_buffer(t->slab, len);
}

void transport_chunk_discard(struct transport *t, uint8_t *buffer)
{
    outbox_chunk_discard(t->slab, buffer);
}

int transport_send_chunk(struct transport *t, conn_no conn, uint8_t *buffer,
                         size_t len)
{
    struct link *l = find_link(t, conn);
    zmq_msg_t m;
    int rc;

    if (l == NULL)
        return ERR_NOT_FOUND;
    if (outbox_chunk(l->outbox, t->slab, buffer, len, &m) != 0)
        return ERR_AGAIN;
    rc = send_msg(t, l, &m);
    if (rc != 0)
        outbox_chunk_back(buffer, &m);
    return rc;
}

void transport_drop(struct transport *t, conn_no conn)
{
    struct link *l = find_link(t, conn);

    if (l != NULL)
        link__cut(l);
}

void transport_refuse(struct transport *t, const struct node_id *node,
                      uint64_t until_wall_ms)
{
    zap__refuse(t, node, until_wall_ms);
}

void transport_stats(const struct transport *t, struct transport_stats *out)
{
    *out = t->stats;
    out->inbound = t->inbound;
    out->outbound = t->outbound;
}
