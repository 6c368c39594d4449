/* book: addresses of peers and when to dial them. Those that somebody asked for
 * (--peer, a ticket) are dialled at once and again; all others are only hints:
 * few at a time, with back-off. */
#include "node/core/core_internal.h"

#include <string.h>

#include "node/core/address.h"

#define PORT_FLOOR 1024
#define TAKEN_MAX 32 /* a peer, in the time below */
#define TAKEN_MS 600000
#define BACKOFF_MAX_MS 3600000u
#define TURNED_AWAY_MAX_MS 60000u
#define ADDRESS_EVERY_MS 60000 /* dials of one hinted address */
#define WITHOUT_COURSE 3       /* dials of one asked for, nothing to fetch */

static bool is_asked_for(const struct entry *b)
{
    return b->road == ROAD_EXPLICIT || b->road == ROAD_TICKET;
}

static struct entry *find(const struct core *c, const struct node_id *node,
                          const char *address)
{
    for (size_t i = 0; i < c->book_count; i++)
        if (node_id_eq(&c->book[i].node, node) &&
            strcmp(c->book[i].address, address) == 0)
            return &c->book[i];
    return NULL;
}

static bool is_connected(const struct core *c, const struct node_id *node)
{
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        if (node_id_eq(&p->node, node) && !p->dropping)
            return true;
    return false;
}

/* ---- entries ------------------------------------------------------ */

static bool is_worse(const struct entry *b, const struct entry *than)
{
    if ((b->state == BOOK_IDLE) != (than->state == BOOK_IDLE))
        return b->state == BOOK_IDLE;
    return b->tries > than->tries;
}

/* A full book gives up the idle hint that failed most; a new hint may not push
 * out one that was not tried. What somebody asks for always finds a place: one
 * peer could fill the book with addresses of its own, all of them in use. */
static struct entry *take_place(struct core *c, bool asked_for)
{
    struct entry *worst = NULL;

    if (c->book_count < c->cfg.limits.book_max)
        return &c->book[c->book_count++];
    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if ((b->state == BOOK_IDLE || asked_for) && !is_asked_for(b) &&
            (worst == NULL || is_worse(b, worst)))
            worst = b;
    }
    return worst != NULL && (worst->tries != 0 || asked_for) ? worst : NULL;
}

static struct entry *add(struct core *c, const struct node_id *node,
                         const char *address, enum core_road road,
                         enum peer_scope scope)
{
    struct entry *b = find(c, node, address);
    bool asked_for = road == ROAD_EXPLICIT || road == ROAD_TICKET;

    if (b == NULL) {
        b = take_place(c, asked_for);
        if (b == NULL)
            return NULL;
        *b = (struct entry){.node = *node, .road = road, .scope = scope};
        (void)strncpy(b->address, address, sizeof b->address - 1);
        if (is_connected(c, node))
            b->state = BOOK_CONNECTED;
    }
    if (asked_for) { /* anew: at once, whatever went before */
        b->road = road;
        b->tries = 0;
        b->next_ms = 0;
    }
    c->look = true;
    return b;
}

void book__hint(struct core *c, const struct core_event *ev)
{
    struct entry *b;

    if (node_id_eq(&ev->u.hint.node, &c->cfg.self))
        return;
    b = add(c, &ev->u.hint.node, ev->u.hint.address, ev->u.hint.road,
            ev->u.hint.scope);
    if (b == NULL)
        return;
    if (ev->u.hint.has_course) {
        b->has_course = true;
        b->course = ev->u.hint.course;
    }
    topic__changed(c);
}

/* SPEC 6.1: "A hint may only name addresses of the scope it came from: loopback
 * from a loopback peer, private and link-local from a peer on such a network,
 * public from anyone." */
static bool may_name(enum peer_scope from, enum peer_scope named)
{
    return named == SCOPE_PUBLIC || named == from;
}

/* SPEC 6: "A receiver takes at most 32 per peer in 10 minutes." */
static bool may_take(const struct core *c, struct conn *from)
{
    if (c->now_ms - from->hints_taken_ms >= TAKEN_MS) {
        from->hints_taken_ms = c->now_ms;
        from->hints_taken = 0;
    }
    return from->hints_taken++ < TAKEN_MAX;
}

/* SPEC 6.1: "Unspecified, multicast and own addresses are dropped; so are ports
 * below 1024." */
static bool is_fit(const struct core *c, const struct conn *from,
                   const struct msg_peer *p, struct address *out,
                   enum peer_scope *out_scope)
{
    out->port = p->port;
    return p->port >= PORT_FLOOR && !node_id_eq(&p->node, &c->cfg.self) &&
           address_parse_host((const char *)p->host.p, p->host.len, out->ip) &&
           address_scope(out->ip, out_scope) &&
           may_name(from->scope, *out_scope);
}

void book__exchange(struct core *c, struct conn *from,
                    const struct course_id *course, const struct msg_peer *p)
{
    char text[CORE_ADDRESS_MAX];
    enum peer_scope scope;
    struct address a;
    struct entry *b;

    if (!may_take(c, from) || !is_fit(c, from, p, &a, &scope))
        return;
    address_format(&a, text);
    b = add(c, &p->node, text, ROAD_EXCHANGE, scope);
    if (b != NULL && b->road == ROAD_EXCHANGE) {
        b->has_course = true;
        b->course = *course;
    }
}

/* ---- what became of a dial ---------------------------------------- */

bool book__asked_for(const struct core *c, const struct core_event *ev)
{
    const struct entry *b = find(c, &ev->u.up.node, ev->u.up.address);

    return b != NULL && is_asked_for(b);
}

void book__up(struct core *c, struct conn *p)
{
    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (!node_id_eq(&b->node, &p->node))
            continue;
        b->state = BOOK_CONNECTED;
        if (p->outbound && strcmp(b->address, p->address) == 0)
            p->road = b->road;
    }
}

/* Not before it has spoken: one whose places are taken lets us in, and hangs
 * up. */
void book__greeted(struct core *c, const struct conn *p)
{
    struct entry *b = find(c, &p->node, p->address);

    if (b != NULL && p->outbound)
        b->tries = 0;
}

/* Who is not there is tried again soon, when somebody asked for it; who is
 * there and turns us away has no place for us, and thousands like us. */
static uint64_t backoff(struct core *c, const struct entry *b, bool turned_away)
{
    static const uint32_t asked_for_ms[] = {1000, 2000, 5000};
    uint64_t max = is_asked_for(b) ? TURNED_AWAY_MAX_MS : BACKOFF_MAX_MS;
    uint32_t n = b->tries - 1;
    uint64_t ms;

    if (is_asked_for(b) && !turned_away)
        return asked_for_ms[n < 2 ? n : 2];
    ms = c->cfg.limits.dial_backoff_ms << (n < 10 ? n : 10);
    ms = ms < max ? ms : max;
    return ms - ms / 5 + rng_below(&c->rng, 2 * ms / 5 + 1); /* +-20 % */
}

static void failed(struct core *c, struct entry *b, bool turned_away)
{
    b->state = BOOK_IDLE;
    b->tries++;
    b->next_ms = c->now_ms + backoff(c, b, turned_away);
    c->look = true;
}

void book__down(struct core *c, const struct conn *p)
{
    if (is_connected(c, &p->node))
        return;
    for (size_t i = 0; i < c->book_count; i++)
        if (node_id_eq(&c->book[i].node, &p->node) &&
            c->book[i].state == BOOK_CONNECTED)
            failed(c, &c->book[i], p->outbound && !p->greeted);
}

void book__unwanted(struct core *c, const struct core_event *ev)
{
    struct entry *b = find(c, &ev->u.up.node, ev->u.up.address);

    if (b == NULL || b->state != BOOK_DIALLING)
        return;
    if (is_connected(c, &b->node))
        b->state = BOOK_CONNECTED;
    else
        failed(c, b, false);
}

void book__failed(struct core *c, const struct core_event *ev)
{
    struct entry *b =
        find(c, &ev->u.dial_failed.node, ev->u.dial_failed.address);

    if (b != NULL && b->state == BOOK_DIALLING)
        failed(c, b, false);
}

/* ---- dialling ----------------------------------------------------- */

static bool is_useful(const struct core *c, const struct entry *b)
{
    if (b->road == ROAD_EXCHANGE)
        return b->has_course && topic__find(c, &b->course) != NULL;
    if (is_asked_for(b))
        return c->topics != NULL || b->tries < WITHOUT_COURSE;
    return c->topics != NULL || b->tries == 0;
}

/* A hint can put any key to an address: the address is spared all the same. */
static bool dialled_lately(const struct core *c, const struct entry *b)
{
    for (size_t i = 0; i < c->book_count; i++) {
        const struct entry *o = &c->book[i];

        if (o->last_ms != 0 && c->now_ms - o->last_ms < ADDRESS_EVERY_MS &&
            strcmp(o->address, b->address) == 0)
            return true;
    }
    return false;
}

static bool may_dial(const struct core *c, const struct entry *b,
                     uint32_t dials_out)
{
    if (b->state != BOOK_IDLE || !is_useful(c, b) ||
        (!is_asked_for(b) && dials_out >= c->cfg.limits.dials_max))
        return false;
    return !is_connected(c, &b->node) && !blame__banned(c, &b->node);
}

static uint32_t count_dials(const struct core *c)
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
    b->last_ms = c->now_ms;
    fx->u.dial.node = b->node;
    memcpy(fx->u.dial.address, b->address, sizeof b->address);
    fx->u.dial.road = b->road;
}

void book__work(struct core *c)
{
    uint32_t dials_out = count_dials(c);

    for (size_t i = 0; i < c->book_count; i++) {
        struct entry *b = &c->book[i];

        if (b->next_ms > c->now_ms || !may_dial(c, b, dials_out))
            continue;
        if (!core__has_room(c))
            return;
        if (b->road == ROAD_EXCHANGE && dialled_lately(c, b)) {
            b->next_ms = c->now_ms + ADDRESS_EVERY_MS;
            continue;
        }
        dials_out += !is_asked_for(b);
        dial(c, b);
    }
}

bool book__dialling(const struct core *c)
{
    for (size_t i = 0; i < c->book_count; i++)
        if (c->book[i].state == BOOK_DIALLING && c->book[i].tries == 0)
            return true;
    return false;
}

uint64_t book__next_ms(const struct core *c)
{
    uint32_t dials_out = count_dials(c);
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < c->book_count; i++)
        if (c->book[i].next_ms < next && may_dial(c, &c->book[i], dials_out))
            next = c->book[i].next_ms;
    return next;
}
