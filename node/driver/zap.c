/* zap: who may shake hands with us (RFC 27). In the same loop: libzmq's I/O
 * thread waits for the answer. Fails closed: with the domain enforced and
 * nobody answering, nobody gets in. Answers from memory, never from disk.
 *
 * 400 is for ever: the client's socket tries no more. 300 is "not now". */
#include "node/driver/transport_internal.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "node/driver/clock.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define FRAMES_MAX 12
#define PER_KEY_MAX 3 /* one more than the core keeps: it says which goes */
#define OVERALL_PER_S 100
#define ADDRESS_PER_S 2
#define ADDRESS_BURST 64
#define REFUSED_MAX 4096

/* Frames of a request; the first two are the ROUTER's envelope. */
enum {
    F_ID,
    F_EMPTY,
    F_VERSION,
    F_REQUEST,
    F_DOMAIN,
    F_ADDRESS,
    F_IDENTITY,
    F_MECHANISM,
    F_KEY,
    FRAMES
};

/* ---- refused keys ------------------------------------------------------- */

static struct refusal *refusal_of(struct gate *g, const struct node_id *node)
{
    for (size_t i = 0; i < g->refused_count; i++)
        if (node_id_eq(&g->refused[i].node, node))
            return &g->refused[i];
    return NULL;
}

/* A place for one more; when full, that of the refusal that ends first. */
static struct refusal *new_refusal(struct gate *g)
{
    struct refusal *first = g->refused;

    if (g->refused_count == g->refused_cap && g->refused_cap < REFUSED_MAX) {
        size_t cap = g->refused_cap != 0 ? 2 * g->refused_cap : 16;
        struct refusal *grown = realloc(g->refused, cap * sizeof *grown);

        if (grown == NULL)
            return NULL;
        g->refused = grown;
        g->refused_cap = cap;
    }
    if (g->refused_count < g->refused_cap)
        return &g->refused[g->refused_count++];
    for (size_t i = 1; i < g->refused_count; i++)
        if (g->refused[i].until_wall_ms < first->until_wall_ms)
            first = &g->refused[i];
    return first;
}

void zap__refuse(struct transport *t, const struct node_id *node,
                 uint64_t until_wall_ms)
{
    struct gate *g = &t->gate;
    struct refusal *r = refusal_of(g, node);

    if (until_wall_ms == 0) {
        if (r != NULL)
            *r = g->refused[--g->refused_count];
        return;
    }
    if (r == NULL)
        r = new_refusal(g);
    if (r != NULL)
        *r = (struct refusal){*node, until_wall_ms};
}

/* ---- handshakes --------------------------------------------------------- */

enum peer_scope zap__scope(const struct transport *t, const struct address *a)
{
    enum peer_scope scope = SCOPE_PUBLIC;

    if (!t->gate.all_public)
        (void)address_scope(a->ip, &scope);
    return scope;
}

static uint64_t prefix(const uint8_t ip[16], size_t first, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | ip[first + i];
    return v;
}

static bool is_v4(const uint8_t ip[16])
{
    return prefix(ip, 0, 8) == 0 && prefix(ip, 8, 4) == 0xffff;
}

/* /24 or /56: who holds one address there can have the others. */
static uint64_t group_of(const uint8_t ip[16])
{
    return is_v4(ip) ? prefix(ip, 12, 3) : prefix(ip, 0, 7) << 8;
}

/* One IPv4 address or a /64. */
static uint64_t origin_of(const uint8_t ip[16])
{
    return is_v4(ip) ? prefix(ip, 12, 4) : prefix(ip, 0, 8);
}

static bool spend(struct bucket *b, uint64_t now_ms, double per_s, double burst)
{
    b->tokens += (double)(now_ms - b->at_ms) * per_s / 1000;
    b->at_ms = now_ms;
    if (b->tokens > burst)
        b->tokens = burst;
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}

static struct bucket *bucket_of(struct gate *g, uint64_t origin,
                                uint64_t now_ms)
{
    struct bucket *oldest = g->buckets;

    for (size_t i = 0; i < g->bucket_count; i++) {
        if (g->buckets[i].origin == origin)
            return &g->buckets[i];
        if (g->buckets[i].at_ms < oldest->at_ms)
            oldest = &g->buckets[i];
    }
    if (g->bucket_count < BUCKETS)
        oldest = &g->buckets[g->bucket_count++];
    *oldest = (struct bucket){origin, now_ms, ADDRESS_BURST};
    return oldest;
}

static bool spend_handshake(struct transport *t, const struct address *a)
{
    uint64_t now = uv_now(t->loop);
    struct bucket *b = bucket_of(&t->gate, origin_of(a->ip), now);

    return spend(b, now, ADDRESS_PER_S, ADDRESS_BURST) &&
           spend(&t->gate.overall, now, OVERALL_PER_S, OVERALL_PER_S);
}

/* ---- how many ----------------------------------------------------------- */

static void drop_grant(struct gate *g, size_t i)
{
    g->grants[i] = g->grants[--g->grant_count];
}

/* The oldest grant of that address, when there are more than connections that
 * may become one. Not counted: the one that is being judged. */
static bool drop_surplus(struct transport *t, const uint8_t ip[16])
{
    struct gate *g = &t->gate;
    size_t granted = 0;
    size_t living = 0;
    size_t oldest = 0;

    for (size_t i = 0; i < t->accepted_count; i++)
        living += t->accepted[i].link == NULL &&
                  memcmp(t->accepted[i].peer.ip, ip, 16) == 0;
    for (size_t i = 0; i < g->grant_count; i++) {
        if (memcmp(g->grants[i].ip, ip, 16) != 0)
            continue;
        if (granted++ == 0 ||
            g->grants[i].since_ms < g->grants[oldest].since_ms)
            oldest = i;
    }
    if (granted == 0 || granted < living)
        return false;
    drop_grant(g, oldest);
    return true;
}

/* Who has not spoken by then is hung up on (watchdog.c); who has hung up, or
 * was killed, waits for no place. */
static void drop_old_grants(struct transport *t, const struct address *a)
{
    struct gate *g = &t->gate;
    uint64_t now = transport__now_ms(t);

    router__drain(t); /* the ends that are known */
    for (size_t i = g->grant_count; i-- > 0;)
        if (now - g->grants[i].since_ms > 2 * t->cfg.handshake_ms)
            drop_grant(g, i);
    while (drop_surplus(t, a->ip))
        ;
}

void zap__redeem(struct transport *t, const struct node_id *node)
{
    struct gate *g = &t->gate;

    for (size_t i = 0; i < g->grant_count; i++) {
        if (!node_id_eq(&g->grants[i].node, node))
            continue;
        drop_grant(g, i);
        return;
    }
}

static bool is_counted(const struct link *l)
{
    return !l->outbound && !l->ending;
}

static uint32_t count_key(const struct transport *t, const struct node_id *node)
{
    uint32_t n = 0;

    for (const struct link *l = t->links; l != NULL; l = l->next)
        n += is_counted(l) && node_id_eq(&l->node, node);
    for (size_t i = 0; i < t->gate.grant_count; i++)
        n += node_id_eq(&t->gate.grants[i].node, node);
    return n;
}

static uint32_t count_all(const struct transport *t, bool public_only)
{
    uint32_t n = 0;

    for (const struct link *l = t->links; l != NULL; l = l->next)
        n += is_counted(l) && (!public_only || l->scope == SCOPE_PUBLIC);
    for (size_t i = 0; i < t->gate.grant_count; i++)
        n += !public_only || t->gate.grants[i].is_public;
    return n;
}

static uint32_t count_group(const struct transport *t, uint64_t group)
{
    uint32_t n = 0;

    for (const struct link *l = t->links; l != NULL; l = l->next)
        n += is_counted(l) && l->scope == SCOPE_PUBLIC &&
             group_of(l->peer.ip) == group;
    for (size_t i = 0; i < t->gate.grant_count; i++)
        n += t->gate.grants[i].is_public && t->gate.grants[i].group == group;
    return n;
}

/* When full, the newest unproven connection of the fullest group goes, so that
 * one network cannot hold all places. false: the newcomer is of that group. */
static bool make_room(struct transport *t, uint64_t group)
{
    struct link *victim = NULL;
    uint32_t most = count_group(t, group) + 1;

    for (struct link *l = t->links; l != NULL; l = l->next) {
        uint32_t n;

        if (!is_counted(l) || l->scope != SCOPE_PUBLIC ||
            l->delivered >= PROVEN_BYTES)
            continue;
        n = count_group(t, group_of(l->peer.ip));
        if (n > most) { /* the list has the newest first */
            most = n;
            victim = l;
        }
    }
    if (victim == NULL)
        return false;
    link__cut(victim);
    return true;
}

static bool grant(struct transport *t, const struct node_id *node,
                  const struct address *a, bool is_public)
{
    struct gate *g = &t->gate;

    if (g->grant_count == g->grant_cap) {
        size_t cap = g->grant_cap != 0 ? 2 * g->grant_cap : 16;
        struct grant *grown = realloc(g->grants, cap * sizeof *grown);

        if (grown == NULL)
            return false;
        g->grants = grown;
        g->grant_cap = cap;
    }
    g->grants[g->grant_count] =
        (struct grant){.node = *node,
                       .is_public = is_public,
                       .group = group_of(a->ip),
                       .since_ms = transport__now_ms(t)};
    memcpy(g->grants[g->grant_count++].ip, a->ip, sizeof a->ip);
    return true;
}

/* ---- the handler -------------------------------------------------------- */

static const char *judge_key(struct transport *t, const struct node_id *node,
                             const struct address *a)
{
    bool is_public = zap__scope(t, a) == SCOPE_PUBLIC;
    const struct refusal *r = refusal_of(&t->gate, node);

    if (node_id_eq(node, &t->cfg.node))
        return "400"; /* ourselves */
    if (r != NULL && r->until_wall_ms > wall_clock_ms())
        return "400";
    drop_old_grants(t, a);
    if (is_public && !spend_handshake(t, a))
        return "300";
    if (count_key(t, node) >= PER_KEY_MAX)
        return "300";
    if (count_all(t, false) >= 2 * t->cfg.inbound_max)
        return "300";
    if (is_public && count_all(t, true) >= t->cfg.inbound_max &&
        !make_room(t, group_of(a->ip)))
        return "300";
    return grant(t, node, a, is_public) ? "200" : "300";
}

/* As libzmq writes it: "::ffff:1.2.3.4" on a socket for both families, with a
 * zone where it is link-local. Left as zeros, which count as one public
 * address, when it is anything else. */
static void read_address(zmq_msg_t *frame, struct address *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[64];
    size_t n = zmq_msg_size(frame);

    if (n >= sizeof text)
        return;
    memcpy(text, zmq_msg_data(frame), n);
    text[n] = '\0';
    text[strcspn(text, "%")] = '\0';
    if (inet_pton(AF_INET6, text, out->ip) == 1)
        return;
    if (inet_pton(AF_INET, text, out->ip + sizeof mapped) == 1)
        memcpy(out->ip, mapped, sizeof mapped);
}

static const char *judge(struct transport *t, zmq_msg_t *f, size_t count,
                         struct node_id *out_node)
{
    struct address a = {{0}, 0};

    if (count != FRAMES || zmq_msg_size(&f[F_KEY]) != sizeof out_node->b ||
        zmq_msg_size(&f[F_MECHANISM]) != 5 ||
        memcmp(zmq_msg_data(&f[F_MECHANISM]), "CURVE", 5) != 0)
        return "400";
    memcpy(out_node->b, zmq_msg_data(&f[F_KEY]), sizeof out_node->b);
    read_address(&f[F_ADDRESS], &a);
    return judge_key(t, out_node, &a);
}

static void send_frame(void *sock, const void *p, size_t n, bool more)
{
    (void)zmq_send(sock, p, n, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

static void answer(struct transport *t, zmq_msg_t *f, size_t count)
{
    struct node_id node = {{0}};
    const char *code = judge(t, f, count, &node);
    bool ok = code[0] == '2';
    void *sock = t->zap.sock;
    struct id_hex hex = node_id_hex(&node);

    t->stats.refused += !ok;
    if (count <= F_REQUEST)
        return;
    send_frame(sock, zmq_msg_data(&f[F_ID]), zmq_msg_size(&f[F_ID]), true);
    send_frame(sock, "", 0, true);
    send_frame(sock, "1.0", 3, true);
    send_frame(sock, zmq_msg_data(&f[F_REQUEST]), zmq_msg_size(&f[F_REQUEST]),
               true);
    send_frame(sock, code, 3, true);
    send_frame(sock, "", 0, true);
    send_frame(sock, hex.s, ok ? 2 * ID_BYTES : 0, true);
    send_frame(sock, "", 0, false);
}

/* Return: how many frames, 0 when none waits. */
static size_t receive(void *sock, zmq_msg_t f[FRAMES_MAX])
{
    size_t count = 0;
    bool more = true;

    while (more && count < FRAMES_MAX) {
        (void)zmq_msg_init(&f[count]);
        if (zmq_msg_recv(&f[count], sock, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&f[count]);
            break;
        }
        more = zmq_msg_more(&f[count++]) != 0;
    }
    return count;
}

static void on_request(struct zuv *z)
{
    struct transport *t = z->data;

    transport__reap(t);
    for (int budget = ZUV_BUDGET; budget > 0 && !t->closing; budget--) {
        zmq_msg_t f[FRAMES_MAX];
        size_t count = receive(z->sock, f);

        if (count == 0)
            return;
        answer(t, f, count);
        for (size_t i = 0; i < count; i++)
            (void)zmq_msg_close(&f[i]);
    }
}

int zap__open(struct transport *t, struct err *e)
{
    void *sock = zmq_socket(t->ctx, ZMQ_ROUTER);

    t->gate.overall = (struct bucket){0, uv_now(t->loop), OVERALL_PER_S};
    if (sock != NULL && link__set_int(sock, ZMQ_LINGER, 0) == 0 &&
        zmq_bind(sock, ZAP_ENDPOINT) == 0 &&
        zuv_open(t->loop, &t->zap, sock, on_request, t) == 0) {
        t->has_zap = true;
        return 0;
    }
    (void)err_set(e, ERR_FAILED, "zap: %s", zmq_strerror(zmq_errno()));
    if (sock != NULL)
        (void)zmq_close(sock);
    return ERR_FAILED;
}

static void on_closed(struct zuv *z)
{
    transport__part_closed(z->data);
}

void zap__close(struct transport *t)
{
    if (!t->has_zap)
        return;
    t->has_zap = false;
    t->open_parts++;
    zuv_close(&t->zap, on_closed);
}

void zap__deinit(struct transport *t)
{
    free(t->gate.refused);
    free(t->gate.grants);
}
