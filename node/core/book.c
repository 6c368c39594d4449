/* book: addresses of peers and when to dial them. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/address.h"

#define PORT_FLOOR 1024
#define HINTS_PER_PEER 32
#define BACKOFF_MAX_MS (3600u * 1000u)

static bool is_asked_for(const struct entry *b)
{
    return b->road == ROAD_EXPLICIT || b->road == ROAD_TICKET;
}

static struct entry *find(struct core *c, const struct node_id *node,
                          const char *address)
{
    for (size_t i = 0; i < c->book_count; i++)
        if (node_id_eq(&c->book[i].node, node) &&
            strcmp(c->book[i].address, address) == 0)
            return &c->book[i];
    return NULL;
}

static bool connected(const struct core *c, const struct node_id *node)
{
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        if (node_id_eq(&p->node, node) && !p->dropping)
            return true;
    return false;
}

/* Room for one more: the least useful idle entry goes when the book is full. */
static struct entry *make_room(struct core *c)
{
    struct entry *worst = NULL;

    if (c->book_count < BOOK_MAX) {
        if (c->book_count == c->book_cap) {
            size_t cap = c->book_cap ? 2 * c->book_cap : 16;
            struct entry *grown = realloc(c->book, cap * sizeof *grown);

            if (grown == NULL)
                return NULL;
            c->book = grown;
            c->book_cap = cap;
        }
        return &c->book[c->book_count++];
    }
    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (b->state == BOOK_IDLE && !is_asked_for(b) &&
            (worst == NULL || b->tries > worst->tries))
            worst = b;
    }
    return worst;
}

static struct entry *add(struct core *c, const struct node_id *node,
                         const char *address, enum core_road road,
                         enum peer_scope scope)
{
    struct entry *b = find(c, node, address);

    if (b == NULL) {
        b = make_room(c);
        if (b == NULL)
            return NULL;
        *b = (struct entry){.node = *node, .road = road, .scope = scope};
        (void)strncpy(b->address, address, sizeof b->address - 1);
        if (connected(c, node))
            b->state = BOOK_CONNECTED;
    }
    if (road == ROAD_EXPLICIT || road == ROAD_TICKET) {
        b->road = road; /* asked for anew: at once, whatever went before */
        b->tries = 0;
        b->next_ms = 0;
    }
    return b;
}

void book__hint(struct core *c, const struct core_event *ev)
{
    struct entry *b;

    if (node_id_eq(&ev->u.hint.node, &c->cfg.self))
        return;
    b = add(c, &ev->u.hint.node, ev->u.hint.address, ev->u.hint.road,
            ev->u.hint.scope);
    if (b != NULL && ev->u.hint.has_course) {
        b->has_course = true;
        b->course = ev->u.hint.course;
    }
    core__wake(c, c->now_ms);
}

/* SPEC 6.1: "A hint may only name addresses of the scope it came from: loopback
 * from a loopback peer, private and link-local from a peer on such a network,
 * public from anyone." */
static bool may_name(enum peer_scope from, enum peer_scope named)
{
    return named == SCOPE_PUBLIC || named == from;
}

void book__exchange(struct core *c, struct conn *from,
                    const struct course_id *course, const struct msg_peer *p)
{
    struct address a;
    char text[CORE_ADDRESS_MAX];
    enum peer_scope scope;
    struct entry *b;

    if (c->now_ms - from->hints_since_ms >= PEERS_WINDOW_MS) {
        from->hints_since_ms = c->now_ms;
        from->hints_taken = 0;
    }
    if (from->hints_taken++ >= HINTS_PER_PEER || p->port < PORT_FLOOR ||
        node_id_eq(&p->node, &c->cfg.self) ||
        !address_parse_host((const char *)p->host.p, p->host.len, a.ip) ||
        !address_scope(a.ip, &scope) || !may_name(from->scope, scope))
        return;
    a.port = p->port;
    address_format(&a, text);
    b = add(c, &p->node, text, ROAD_EXCHANGE, scope);
    if (b != NULL && b->road == ROAD_EXCHANGE) {
        b->has_course = true;
        b->course = *course;
    }
    core__wake(c, c->now_ms);
}

void book__up(struct core *c, struct conn *p)
{
    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (!node_id_eq(&b->node, &p->node))
            continue;
        b->state = BOOK_CONNECTED;
        if (p->outbound && strcmp(b->address, p->address) == 0) {
            b->tries = 0;
            p->road = b->road;
        }
    }
}

static uint64_t backoff(struct core *c, const struct entry *b)
{
    static const uint32_t asked_for[] = {1000, 2000, 5000};
    uint64_t ms;
    uint32_t n = b->tries != 0 ? b->tries - 1 : 0;

    if (is_asked_for(b))
        return asked_for[n < 3 ? n : 2];
    ms = c->cfg.limits.dial_backoff_ms << (n < 10 ? n : 10);
    ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
    return ms - ms / 5 + rng_below(&c->rng, 2 * ms / 5 + 1); /* +-20 % */
}

void book__down(struct core *c, const struct conn *p)
{
    if (connected(c, &p->node))
        return;
    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (!node_id_eq(&b->node, &p->node) || b->state != BOOK_CONNECTED)
            continue;
        b->state = BOOK_IDLE;
        b->tries++;
        b->next_ms = c->now_ms + backoff(c, b);
    }
}

void book__failed(struct core *c, const struct core_event *ev)
{
    struct entry *b =
        find(c, &ev->u.dial_failed.node, ev->u.dial_failed.address);

    if (b == NULL || b->state != BOOK_DIALLING)
        return;
    b->state = BOOK_IDLE;
    b->tries++;
    b->next_ms = c->now_ms + backoff(c, b);
    core__wake(c, c->now_ms);
}

static bool useful(struct core *c, const struct entry *b)
{
    if (b->has_course && b->road == ROAD_EXCHANGE)
        return topic__find(c, &b->course) != NULL;
    if (is_asked_for(b))
        return c->topics != NULL || b->tries < 3;
    return c->topics != NULL || b->tries == 0;
}

static uint32_t dials_out(const struct core *c)
{
    uint32_t n = 0;

    for (size_t i = 0; i < c->book_count; i++)
        n += c->book[i].state == BOOK_DIALLING && !is_asked_for(&c->book[i]);
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        n += p->outbound && p->road != ROAD_EXPLICIT && p->road != ROAD_TICKET;
    return n;
}

static void dial(struct core *c, struct entry *b)
{
    struct core_effect *fx = core__effect(c, FX_DIAL);

    b->state = BOOK_DIALLING;
    fx->u.dial.node = b->node;
    memcpy(fx->u.dial.address, b->address, sizeof b->address);
    fx->u.dial.road = b->road;
}

void book__tick(struct core *c)
{
    uint32_t out = dials_out(c);

    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (b->state != BOOK_IDLE || b->next_ms > c->now_ms || !useful(c, b) ||
            peer__banned(c, &b->node) || connected(c, &b->node))
            continue;
        if (!is_asked_for(b) && out >= c->cfg.limits.dials_max)
            continue;
        out += !is_asked_for(b);
        dial(c, b);
    }
}

bool book__busy(const struct core *c)
{
    for (size_t i = 0; i < c->book_count; i++) {
        const struct entry *b = &c->book[i];

        if (b->state == BOOK_DIALLING)
            return true;
        if (b->state == BOOK_IDLE && b->tries < 3 &&
            !peer__banned(c, &b->node) &&
            (b->road != ROAD_EXCHANGE || c->topics != NULL) &&
            (is_asked_for(b) || b->tries == 0))
            return true;
    }
    return false;
}
