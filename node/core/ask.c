/* ask: how much is asked of whom, and what happens when it does not come. A
 * window of bytes for each peer, one for all that is not stored yet; deadlines;
 * and the end game, when what is left is on its way already. */
#include "node/core/core_internal.h"

#define PROBE_EVERY_MS 60000
#define ENDGAME_AGE_MS 500 /* asked so long ago that asking twice may pay */
#define ENDGAME_BATCH 4
#define MOVE_MS                                                                \
    200 /* a queue that is longer than this may be worth leaving               \
         */
#define UNDER_WAY (16u * 1024u) /* the head of a queue: it comes anyhow */
#define WINDOW_LEAST (16u * 1024u)

/* ---- room --------------------------------------------------------- */

static bool is_idle(const struct conn *p)
{
    return p->req_count == 0;
}

/* An idle peer may always be asked for one: limits may be below a chunk. */
static bool has_room(struct core *c, const struct conn *p)
{
    if (p->req_count >= c->cfg.limits.requests_max ||
        (p->inflight_bytes >= p->window_bytes && !is_idle(p)))
        return false;
    if (c->unstored_bytes < c->cfg.limits.unstored_bytes)
        return true;
    c->starved = true;
    return false;
}

/* So that there is not one WANT a chunk, an eighth of the window must be free:
 * at full speed some 14 chunks. */
static bool worth_asking(const struct conn *p)
{
    return is_idle(p) ||
           (p->inflight_bytes < p->window_bytes &&
            p->window_bytes - p->inflight_bytes >= p->window_bytes / 8);
}

static bool may_ask(const struct core *c, const struct part *t)
{
    const struct swarm *s = t->swarm;

    return s->fetching && !s->completed && t->heard &&
           !(s->listing && s->has_manifest && s->priority_count == 0) &&
           c->now_ms >= t->pause_until_ms && c->now_ms >= s->pause_until_ms;
}

/* ---- one request -------------------------------------------------- */

/* What it delivers; one that has delivered nothing yet is like the others. */
static uint64_t rate_of(const struct core *c, const struct conn *p)
{
    return p->rate_bps != 0 ? p->rate_bps : c->usual_rate_bps;
}

/* How long until @p has sent @bytes more, by what it does now. */
static uint64_t wait_ms(const struct core *c, const struct conn *p,
                        uint64_t bytes)
{
    uint64_t rate = rate_of(c, p);

    return p->rtt_ms + (rate != 0 ? bytes * 1000 / rate : 0);
}

static uint64_t patience(const struct core *c, const struct conn *p,
                         uint64_t bytes)
{
    const struct core_limits *l = &c->cfg.limits;
    uint64_t rate = rate_of(c, p);
    uint64_t ms = 4 * (uint64_t)p->rtt_ms;

    if (rate != 0)
        ms += 2 * bytes * 1000 / rate;
    ms = ms > l->request_min_ms ? ms : l->request_min_ms;
    return ms < l->request_max_ms ? ms : l->request_max_ms;
}

static bool note_request(struct core *c, struct conn *p, struct swarm *s,
                         uint32_t slot)
{
    struct request r = {.id = p->next_request,
                        .slot = slot,
                        .swarm = s,
                        .len = s->table->refs[slot].stored_len,
                        .live = true,
                        .sent_ms = c->now_ms};

    if (is_idle(p)) { /* the clock of its rate starts with work */
        p->rate_since_ms = p->heard_ms = c->now_ms;
        p->rate_bytes = 0;
    }
    r.patience_ms = patience(c, p, p->inflight_bytes + r.len);
    if (!request__push(p, &r))
        return false;
    p->next_request++;
    swarm__hold(s, slot);
    c->unstored_bytes += r.len;
    return true;
}

struct want { /* a WANT being filled */
    struct core *c;
    struct part *t;
    struct msg m;
};

static void begin_want(struct want *w, struct core *c, struct part *t)
{
    w->c = c;
    w->t = t;
    w->m.type = MSG_WANT;
    w->m.u.want.edition = t->swarm->edition;
    w->m.u.want.count = 0;
}

static void send_want(struct want *w)
{
    if (w->m.u.want.count != 0)
        core__send(w->c, w->t->conn, &w->m);
    w->m.u.want.count = 0;
}

static bool add_want(struct want *w, uint32_t slot)
{
    struct conn *p = w->t->conn;
    uint32_t max = w->c->cfg.limits.ids_per_want;

    if (w->m.u.want.count == 0)
        w->m.u.want.request = p->next_request;
    if (!note_request(w->c, p, w->t->swarm, slot))
        return false;
    w->m.u.want.slots[w->m.u.want.count++] = slot;
    if (w->m.u.want.count >= max || w->m.u.want.count == MSG_WANT_MAX)
        send_want(w);
    return true;
}

/* ---- the end game ------------------------------------------------- */

/* Would @than be much sooner with @r of @o, before which @ahead bytes (and its
 * own) are owed? One that has been silent for long may not speak again. */
static bool is_slow(const struct core *c, const struct conn *o,
                    const struct conn *than, const struct request *r,
                    uint64_t ahead)
{
    uint64_t age = c->now_ms - r->sent_ms;
    uint64_t quiet = c->now_ms - o->heard_ms;
    uint64_t next = wait_ms(c, o, request__at(o, 0)->len);
    uint64_t here = wait_ms(c, than, r->len);

    if (age < ENDGAME_AGE_MS || rate_of(c, o) == 0)
        return age >= ENDGAME_AGE_MS;
    if (quiet > next + ENDGAME_AGE_MS)
        return true;
    return wait_ms(c, o, ahead) >
           (quiet < next ? quiet : next) + MOVE_MS + 2 * here;
}

/* Everything is on its way: what others are slow with is asked of an idle peer
 * too. The first to come cancels the other. */
static void ask_twice(struct want *w)
{
    struct part *t = w->t;
    struct swarm *s = t->swarm;
    uint32_t asked = 0;

    for (struct conn *o = w->c->conns; o != NULL; o = o->next) {
        uint64_t ahead = 0;

        for (size_t i = 0; i < o->req_count && o != t->conn; i++) {
            const struct request *r = request__at(o, i);

            ahead += r->len;
            if (asked == ENDGAME_BATCH ||
                (asked != 0 && !has_room(w->c, t->conn)))
                return;
            if (r->live && r->swarm == s &&
                !node_id_eq(&o->node, &t->conn->node) &&
                s->copies[r->slot] < COPIES_MAX &&
                !bits_get(&s->have, r->slot) && swarm__part_has(t, r->slot) &&
                is_slow(w->c, o, t->conn, r, ahead))
                asked += add_want(w, r->slot);
        }
    }
}

/* ---- from a long queue to a short one ------------------------------ */

static bool is_ours_to_move(const struct part *t, const struct request *r)
{
    return r->live && r->swarm == t->swarm &&
           !bits_get(&t->swarm->have, r->slot) && swarm__part_has(t, r->slot) &&
           t->swarm->copies[r->slot] < COPIES_MAX;
}

/* The end of @o's queue, as far as this peer would be much sooner; not what its
 * transport has already, for that comes all the same. */
static void move_from(struct want *w, struct conn *o)
{
    struct conn *p = w->t->conn;
    uint64_t ahead = o->inflight_bytes;

    for (size_t i = o->req_count; i-- > 1 && has_room(w->c, p);) {
        const struct request *r = request__at(o, i);

        if (wait_ms(w->c, o, ahead) <
            MOVE_MS + 4 * wait_ms(w->c, p, p->inflight_bytes + r->len))
            return;
        ahead -= r->len;
        if (ahead < UNDER_WAY)
            return;
        if (is_ours_to_move(w->t, r) && add_want(w, r->slot))
            request__give_up(w->c, o, i);
    }
}

/* What waits in the queue of a narrow link is taken from a neighbour who has it
 * by now: so a class does not load its one seeder with what it could share. */
static void move_requests(struct want *w)
{
    const struct conn *p = w->t->conn;

    for (struct conn *o = w->c->conns; o != NULL; o = o->next)
        if (o != p && o->req_count > 1 && !node_id_eq(&o->node, &p->node))
            move_from(w, o);
}

/* ---- one part ----------------------------------------------------- */

/* A slow or distrusted peer gets one request at a time, for what nobody better
 * offers; a slow one a probe for anything once a minute. */
static bool is_lone(const struct part *t)
{
    return t->distrusted || request__is_slow(t->conn);
}

static bool is_probe(const struct core *c, const struct conn *p)
{
    return request__is_slow(p) && c->now_ms >= p->probe_ms;
}

static void ask_lone(struct core *c, struct part *t)
{
    struct conn *p = t->conn;
    bool probe = is_probe(c, p);
    struct want w;
    uint32_t slot;

    if (!is_idle(p) || !has_room(c, p) || !picker__next(c, t, !probe, &slot))
        return;
    if (probe)
        p->probe_ms = c->now_ms + PROBE_EVERY_MS;
    begin_want(&w, c, t);
    (void)add_want(&w, slot);
    send_want(&w);
}

/* Return: was anything asked? */
static bool ask_part(struct core *c, struct part *t)
{
    uint32_t before = t->conn->next_request;
    struct swarm *s = t->swarm;
    struct want w;
    uint32_t slot;

    if (!may_ask(c, t) || !worth_asking(t->conn))
        return false;
    if (is_lone(t)) {
        ask_lone(c, t);
        return t->conn->next_request != before;
    }
    begin_want(&w, c, t);
    while (s->open_count != 0 && has_room(c, t->conn) &&
           picker__next(c, t, false, &slot))
        if (!add_want(&w, slot))
            break;
    if (has_room(c, t->conn))
        move_requests(&w); /* it has nothing that is not asked of others */
    if (s->open_count == 0 && is_idle(t->conn) && has_room(c, t->conn))
        ask_twice(&w);
    send_want(&w);
    return t->conn->next_request != before;
}

/* Swarms take turns at a peer: the first that asked goes to the end. */
static void to_the_end(struct part *t)
{
    struct part **link = &t->conn->parts;

    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    while (*link != NULL)
        link = &(*link)->next;
    *link = t;
    t->next = NULL;
}

/* It refused more than one in five of what it had promised. */
static bool breaks_word(const struct part *t)
{
    return t->refused * 4 > t->answered;
}

enum whom { KEEP_WORD, BREAK_WORD, ANYBODY };

static void ask_some(struct core *c, struct conn *p, enum whom whom)
{
    struct part *first = NULL;

    for (struct part *t = p->parts; t != NULL; t = t->next)
        if ((whom == ANYBODY ||
             whom == (breaks_word(t) ? BREAK_WORD : KEEP_WORD)) &&
            ask_part(c, t) && first == NULL)
            first = t;
    if (first != NULL)
        to_the_end(first);
}

void ask__one(struct core *c, struct conn *p)
{
    ask_some(c, p, ANYBODY);
}

/* All, beginning behind the one that began last time: when the room for what is
 * not stored runs out, it is not always the same who get none. Whoever promises
 * and refuses comes last: else one slot that is left goes from liar to liar. */
void ask__all(struct core *c)
{
    struct conn *start = c->conns;

    c->starved = false;
    while (start != NULL && start->no <= c->asked_last)
        start = start->next;
    if (start == NULL)
        start = c->conns;
    if (start == NULL)
        return;
    c->asked_last = start->no;
    for (enum whom whom = KEEP_WORD; whom <= BREAK_WORD; whom++) {
        for (struct conn *p = start; p != NULL; p = p->next)
            ask_some(c, p, whom);
        for (struct conn *p = c->conns; p != start; p = p->next)
            ask_some(c, p, whom);
    }
}

/* ---- what does not come ------------------------------------------- */

/* Two owe it beyond their time: the one who was asked first is told that it
 * need not send it any more. */
static void give_up_first(struct core *c, const struct swarm *s, uint32_t slot)
{
    struct conn *whose = NULL;
    size_t which = 0;
    uint32_t overdue = 0;

    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->req_count; i++) {
            const struct request *r = request__at(p, i);

            if (r->swarm != s || r->slot != slot || r->live || r->cancelled)
                continue;
            overdue++;
            if (whose == NULL ||
                r->sent_ms < request__at(whose, which)->sent_ms) {
                whose = p;
                which = i;
            }
        }
    if (overdue > 1)
        request__give_up(c, whose, which);
}

/* As long as nobody else offers the slot, there is no point in being hasty. One
 * that was not known yet when it was asked is measured by what others do by
 * now. */
static bool is_late(const struct core *c, const struct conn *p,
                    const struct request *r, bool *alone)
{
    uint64_t age = c->now_ms - r->sent_ms;
    uint64_t most =
        p->rate_bps != 0 ? r->patience_ms : patience(c, p, p->inflight_bytes);

    *alone = swarm__sources(r->swarm, r->slot) < 2;
    return age >= (*alone ? c->cfg.limits.request_alone_ms : most);
}

/* What was cancelled is answered too, by REFUSE or by what was under way. One
 * that keeps silent has its window full of it: it is slow, and nobody is to
 * wait for what it offers. */
static void watch_cancelled(const struct core *c, struct request *r)
{
    r->late |= r->cancelled && c->now_ms - r->sent_ms >= r->patience_ms;
}

static bool watch_conn(struct core *c, struct conn *p)
{
    bool any = false;

    for (size_t i = 0; i < p->req_count; i++) {
        struct request *r = request__at(p, i);
        bool alone;

        watch_cancelled(c, r);
        if (!r->live || !is_late(c, p, r, &alone))
            continue;
        any = true;
        request__overdue(c, p, i);
        if (alone)
            request__give_up(c, p, i); /* anybody, even this one, asked anew */
        else
            give_up_first(c, r->swarm, r->slot);
    }
    return any;
}

static void shrink(struct conn *p)
{
    p->window_bytes = p->rate_bps > WINDOW_LEAST ? p->rate_bps : WINDOW_LEAST;
}

void ask__tick(struct core *c)
{
    uint64_t alone_ms = c->cfg.limits.request_alone_ms;

    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        if (watch_conn(c, p)) {
            /* One for all that are late together: it is one fault. */
            request__note_late(c, p, true);
            blame__late(p);
            shrink(p);
            c->pump_all = true;
        }
        if (p->req_count != 0 && c->now_ms - p->heard_ms >= 2 * alone_ms)
            peer__drop(c, p); /* nothing at all, for minutes */
        request__forget_old(c, p, 2 * alone_ms);
    }
}
