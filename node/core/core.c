#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define MIB (1024u * 1024u)
#define EFFECTS_READY 2048
#define ARENA_READY (64u * 1024u)
#define KEPT_READY (128u * 1024u) /* one message, and a course's record */

void core_limits_default(struct core_limits *l)
{
    *l = (struct core_limits){
        .window_start_bytes = 64 * 1024,
        .window_wan_bytes = 4 * MIB,
        .window_lan_bytes = 7 * MIB,
        .unstored_bytes = 16 * MIB,
        .want_queue_bytes = 8 * MIB,
        .unsent_start_bytes = 16 * 1024,
        .unsent_peer_bytes = 4 * MIB,
        .unsent_total_bytes = 48 * MIB,
        .ids_per_want = 16,
        .requests_per_s = 50,
        .connect_deadline_ms = 5000,
        .request_min_ms = 2000,
        .request_max_ms = 10000,
        .request_alone_ms = 120000,
        .ban_corrupt_ms = UINT64_C(24) * 3600 * 1000,
        .ban_corrupt_first_ms = UINT64_C(3600) * 1000,
        .ban_protocol_ms = UINT64_C(3600) * 1000,
        .ban_score_ms = 600 * 1000,
        .dials_max = 8,
        .dial_backoff_ms = 5000,
        .requests_max = REQS_MAX,
        .wanted_max = UPLOADS_MAX,
        .interests_max = INTERESTS_MAX,
        .serving_max = SERVING_MAX,
        .conns_max = CONNS_MAX,
        .known_max = KNOWN_MAX,
        .bans_max = BANS_MAX,
        .book_max = BOOK_MAX,
    };
}

/* ---- effects ------------------------------------------------------ */

/* Room for one more, and for @spare behind it. */
static bool make_room(struct core *c, size_t spare)
{
    struct core_effect *grown =
        core__grow(c->fx, &c->fx_cap, c->fx_count + spare, sizeof *c->fx);

    if (grown != NULL)
        c->fx = grown;
    return grown != NULL;
}

bool core__has_room(struct core *c)
{
    return make_room(c, EFFECTS_SPARE);
}

struct core_effect *core__effect(struct core *c, enum core_effect_kind kind)
{
    static struct core_effect lost; /* written to, never read */
    struct core_effect *fx;

    if (!make_room(c, 0))
        return &lost; /* more than EFFECTS_SPARE that nobody can do without */
    fx = &c->fx[c->fx_count++];
    memset(fx, 0, sizeof *fx);
    fx->kind = kind;
    return fx;
}

void *core__grow(void *list, size_t *cap, size_t count, size_t size)
{
    size_t more = *cap != 0 ? 2 * *cap : 16;
    void *grown;

    if (count < *cap)
        return list;
    grown = realloc(list, more * size);
    if (grown != NULL)
        *cap = more;
    return grown;
}

/* The arena may move while it grows: SENDs are pointed into it at the end. */
static bool add_fixup(struct core *c, size_t offset)
{
    struct fixup *grown =
        core__grow(c->fixups, &c->fixup_cap, c->fixup_count, sizeof *c->fixups);

    if (grown == NULL)
        return false;
    c->fixups = grown;
    c->fixups[c->fixup_count++] = (struct fixup){c->fx_count - 1, offset};
    return true;
}

/* What cannot be said is not left out: the peer would wait for it. */
static void fall_silent(struct core *c, struct conn *to, size_t arena_len)
{
    c->arena.len = arena_len;
    c->arena.failed = false; /* for the others */
    to->failed = c->any_failed = true;
}

void core__send(struct core *c, struct conn *to, const struct msg *m)
{
    size_t start = c->arena.len;
    struct core_effect *fx;
    int rc;

    if (to->dropping || to->failed || (to->lacks_peers && m->type == MSG_PEERS))
        return;
    rc = msg_encode(m, &c->arena, NULL);
    if (rc == ERR_NOMEM || !core__has_room(c)) {
        fall_silent(c, to, start);
        return;
    }
    if (rc != 0)
        return;
    fx = core__effect(c, FX_SEND);
    fx->u.send.conn = to->no;
    fx->u.send.len = c->arena.len - start;
    if (!add_fixup(c, start)) {
        c->fx_count--;
        fall_silent(c, to, start);
    }
}

/* A connection of which something was lost for want of memory ends: whoever
 * wanted it begins anew, with nothing missing. */
static void end_failed(struct core *c)
{
    if (!c->any_failed)
        return;
    c->any_failed = false;
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->failed)
            peer__drop(c, p);
}

void core__notify(struct core *c, const struct course_id *course,
                  const struct swarm *s, enum core_notice notice)
{
    struct core_effect *fx = core__effect(c, FX_NOTIFY);

    fx->u.notify.notice = notice;
    fx->u.notify.course = *course;
    fx->u.notify.swarm = s != NULL ? s->no : 0;
}

static void point_sends(struct core *c)
{
    for (size_t i = 0; i < c->fixup_count; i++)
        c->fx[c->fixups[i].effect].u.send.data =
            c->arena.base + c->fixups[i].offset;
}

/* ---- time --------------------------------------------------------- */

void core__wake(struct core *c, uint64_t at_ms)
{
    if (at_ms <= c->now_ms)
        at_ms = c->now_ms + 1;
    if (at_ms < c->tick_ms)
        c->tick_ms = at_ms;
}

/* Something with a deadline is under way. */
static bool is_busy(const struct core *c)
{
    if (c->unsent_bytes != 0)
        return true;
    for (const struct topic *t = c->topics; t != NULL; t = t->next)
        if (t->swarm == NULL || !t->swarm->completed)
            return true;
    for (const struct swarm *s = c->swarms; s != NULL; s = s->next)
        if (s->fresh_count != 0 || s->introduce)
            return true;
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->up_count != 0 || p->req_count != 0)
            return true;
    return false;
}

/* A node that has nobody and wants nothing sleeps until the next dial. */
static void set_tick(struct core *c)
{
    if (is_busy(c))
        core__wake(c, c->now_ms + TICK_BUSY_MS);
    else if (c->topics != NULL || c->conns != NULL || c->swarms != NULL)
        core__wake(c, c->now_ms + TICK_IDLE_MS);
    else
        core__wake(c, book__next_ms(c));
}

static void tick(struct core *c)
{
    c->tick_ms = UINT64_MAX;
    c->any_failed = true;
    peer__tick(c);
    ask__tick(c);
    swarm__tick(c);
    topic__tick(c);
    c->look = c->pump_all = c->pump_up = true;
}

uint64_t core_deadline_ms(const struct core *c)
{
    return c->tick_ms;
}

/* ---- events ------------------------------------------------------- */

/* SPEC 6: "PEERS can be done without: whoever hears UNSUPPORTED of it sends no
 * more on that connection." */
static void on_unsupported(struct conn *p, const struct msg *m)
{
    p->lacks_peers |= m->u.unsupported.type == MSG_PEERS;
}

static void on_body(struct core *c, struct conn *p, const struct msg *m)
{
    switch (m->type) {
    case MSG_HELLO:
        peer__hello(c, p, m);
        break;
    case MSG_ASK:
        records__ask(c, p, m);
        break;
    case MSG_RECORDS:
        records__got(c, p, m);
        break;
    case MSG_HAVE:
        have__hear(c, p, m);
        break;
    case MSG_WANT:
        upload__want(c, p, m);
        break;
    case MSG_CHUNK:
        request__chunk(c, p, m);
        break;
    case MSG_REFUSE:
        request__refused(c, p, m);
        break;
    case MSG_PEERS:
        exchange__peers(c, p, m);
        break;
    case MSG_CANCEL:
        upload__cancel(c, p, m);
        break;
    case MSG_UNSUPPORTED:
        on_unsupported(p, m);
        break;
    }
}

static void on_unknown(struct core *c, struct conn *p, const struct msg *m)
{
    struct msg out = {.type = MSG_UNSUPPORTED};
    uint8_t type = m->u.unsupported.type;

    /* SPEC 6: "Each unknown type is answered once by UNSUPPORTED and else
     * dropped; more than 10 messages of unknown types end the connection." */
    if (p->strange_count == STRANGE_MAX) {
        peer__drop(c, p);
        return;
    }
    if (memchr(p->strange, type, p->strange_count) == NULL) {
        out.u.unsupported.type = type;
        core__send(c, p, &out);
    }
    p->strange[p->strange_count++] = type;
}

static void on_message(struct core *c, const struct core_event *ev)
{
    struct conn *p = peer__find(c, ev->u.message.conn);
    struct msg m;
    int rc;

    if (p == NULL || p->dropping)
        return;
    p->said_ms = c->now_ms;
    rc = msg_decode(ev->u.message.data, ev->u.message.len, &m, NULL);
    if (rc == 0 && (m.type == MSG_HELLO) != p->greeted)
        on_body(c, p, &m);
    else if (rc == ERR_REFUSED && p->greeted)
        on_unknown(c, p, &m);
    else
        blame__protocol(c, p, "broke the protocol");
}

static void on_new_block(struct core *c, const struct core_event *ev)
{
    blame__set_ban(c, &ev->u.block.node, ev->u.block.until_wall_ms);
    if (ev->u.block.until_wall_ms <= c->wall_ms)
        return;
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (node_id_eq(&p->node, &ev->u.block.node))
            peer__drop(c, p);
}

static void on_priority(struct core *c, const struct core_event *ev)
{
    struct topic *t = topic__find(c, &ev->u.priority.course);

    if (t == NULL || t->swarm == NULL)
        return;
    t->swarm->priority_first = ev->u.priority.first;
    t->swarm->priority_count = ev->u.priority.count;
    c->pump_all = true;
}

static void on_lost(struct core *c, const struct core_event *ev)
{
    struct swarm *s = swarm__by_no(c, ev->u.lost.swarm);

    if (s != NULL)
        swarm__lost(c, s, ev->u.lost.slot);
}

/* Neither wanted nor offered any more. What is on its way to the store for a
 * swarm that is closed is no news to anybody. */
static void on_removed(struct core *c, const struct course_id *course)
{
    struct swarm *next;

    topic__stop(c, course);
    for (struct swarm *s = c->swarms; s != NULL; s = next) {
        next = s->next;
        if (course_id_eq(&s->course, course))
            swarm__close(c, s);
    }
}

static int dispatch(struct core *c, const struct core_event *ev)
{
    struct conn *p;

    switch (ev->kind) {
    case EV_PEER_UP:
        peer__up(c, ev);
        break;
    case EV_PEER_DOWN:
        peer__down(c, ev->u.down.conn);
        break;
    case EV_MESSAGE:
        on_message(c, ev);
        break;
    case EV_SENT:
        p = peer__find(c, ev->u.sent.conn);
        if (p != NULL)
            upload__sent(c, p, ev->u.sent.bytes);
        break;
    case EV_DIAL_FAILED:
        book__failed(c, ev);
        break;
    case EV_SERVED:
        upload__served(c, ev);
        break;
    case EV_STORED:
        request__stored(c, ev);
        break;
    case EV_RECORDS_STORED:
        records__stored(c, ev);
        break;
    case EV_COURSE:
        records__course(c, ev);
        break;
    case EV_EDITION:
        records__edition(c, ev);
        break;
    case EV_TIMEOUT:
        tick(c);
        break;
    case EV_FETCH:
        return topic__fetch(c, &ev->u.fetch.course, ev->u.fetch.listing)
                   ? 0
                   : ERR_NOMEM;
    case EV_STOP_FETCH:
        topic__stop(c, &ev->u.stop_fetch.course);
        break;
    case EV_PRIORITY:
        on_priority(c, ev);
        break;
    case EV_HINT:
        book__hint(c, ev);
        break;
    case EV_BLOCK:
        on_new_block(c, ev);
        break;
    case EV_NEW_EDITION:
        records__new_edition(c, &ev->u.new_edition.course);
        break;
    case EV_LOST:
        on_lost(c, ev);
        break;
    case EV_REMOVED:
        on_removed(c, &ev->u.removed.course);
        break;
    case EV_GAINED:
        records__gained(c, &ev->u.gained.course);
        break;
    case EV_WITHDRAWN:
        records__push(c, &ev->u.withdrawn.course);
        break;
    }
    return 0;
}

/* What the event made possible. */
static void follow_up(struct core *c)
{
    end_failed(c);
    if (c->look) {
        c->look = false;
        topic__work(c);
        book__work(c);
    }
    if (c->pump_all)
        ask__all(c);
    else if (c->pump_one != NULL)
        ask__one(c, c->pump_one);
    if (c->pump_up)
        upload__pump(c);
    end_failed(c);
    set_tick(c);
}

static void begin(struct core *c)
{
    c->fx_count = c->fixup_count = c->span_count = 0;
    c->arena.len = c->kept.len = 0;
    c->arena.failed = c->kept.failed = false;
}

int core_step(struct core *c, const struct core_event *ev,
              struct core_effects *out_fx, struct err *e)
{
    begin(c);
    return core_step_amid(c, ev, out_fx, e);
}

int core_step_amid(struct core *c, const struct core_event *ev,
                   struct core_effects *out_fx, struct err *e)
{
    c->pump_all = c->pump_up = c->look = false;
    c->pump_one = NULL;
    if (ev->now_ms > c->now_ms)
        c->now_ms = ev->now_ms; /* time never runs back in here */
    c->wall_ms = ev->wall_ms;
    if (dispatch(c, ev) != 0)
        return err_set(e, ERR_NOMEM, "core");
    follow_up(c);
    point_sends(c);
    out_fx->list = c->fx;
    out_fx->count = c->fx_count;
    return 0;
}

/* ---- life --------------------------------------------------------- */

/* What nobody would say again has its room beforehand: addresses and bans, and
 * the effects and records of a step. Connections can do without: end_failed. */
static bool make_ready(struct core *c)
{
    c->fx = calloc(EFFECTS_READY, sizeof *c->fx);
    c->fx_cap = EFFECTS_READY;
    c->book = calloc(c->cfg.limits.book_max + 1u, sizeof *c->book);
    c->bans = calloc(c->cfg.limits.bans_max + 1u, sizeof *c->bans);
    return c->fx != NULL && c->book != NULL && c->bans != NULL &&
           buf_reserve(&c->arena, ARENA_READY) == 0 &&
           buf_reserve(&c->kept, KEPT_READY) == 0;
}

struct core *core_new(const struct core_config *config)
{
    struct core *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->cfg = *config;
    if (!make_ready(c)) {
        core_free(c);
        return NULL;
    }
    rng_init(&c->rng, config->rng_seed);
    c->order_key = rng_next(&c->rng);
    c->tick_ms = UINT64_MAX;
    c->listen_port = config->listen_port;
    return c;
}

void core_free(struct core *c)
{
    if (c == NULL)
        return;
    while (c->conns != NULL)
        peer__down(c, c->conns->no);
    while (c->topics != NULL)
        topic__stop(c, &c->topics->course);
    while (c->known != NULL) {
        struct known *k = c->known;

        c->known = k->next;
        free(k);
    }
    while (c->swarms != NULL)
        swarm__close(c, c->swarms);
    free(c->book);
    free(c->bans);
    free(c->fx);
    free(c->fixups);
    buf_deinit(&c->arena);
    buf_deinit(&c->kept);
    free(c);
}

void core_set_listen_port(struct core *c, uint16_t port)
{
    c->listen_port = port;
}

/* ---- questions ---------------------------------------------------- */

uint64_t core_owed_bytes(const struct core *c, conn_no conn)
{
    for (const struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->no == conn)
            return p->inflight_bytes + p->req_count * MSG_CHUNK_HEAD;
    return 0;
}

size_t core_wanted(const struct core *c, conn_no conn)
{
    const struct conn *p = peer__find(c, conn);

    return p != NULL ? p->up_count : 0;
}

bool core_swarm_edition(const struct core *c, swarm_no no,
                        struct record_id *out_edition)
{
    const struct swarm *s = swarm__by_no(c, no);

    if (s != NULL)
        *out_edition = s->edition;
    return s != NULL;
}

static const struct swarm *swarm_of(const struct core *c,
                                    const struct course_id *course)
{
    const struct swarm *best = NULL;

    for (const struct topic *t = c->topics; t != NULL; t = t->next)
        if (course_id_eq(&t->course, course))
            return t->swarm;
    for (const struct swarm *s = c->swarms; s != NULL; s = s->next)
        if (course_id_eq(&s->course, course) &&
            (best == NULL || s->seq > best->seq))
            best = s;
    return best;
}

void core_progress(const struct core *c, const struct course_id *course,
                   struct core_progress *out)
{
    const struct swarm *s = swarm_of(c, course);

    *out = (struct core_progress){0};
    for (const struct topic *t = c->topics; t != NULL; t = t->next) {
        if (!course_id_eq(&t->course, course))
            continue;
        out->edition = t->edition;
        out->seq = t->seq;
    }
    if (s == NULL)
        return;
    out->known = true;
    out->swarm = s->no;
    out->edition = s->edition;
    out->seq = s->seq;
    out->has_manifest = s->has_manifest;
    out->slots = s->table->count;
    out->slots_have = s->have_count;
    out->stored_bytes = s->total_bytes;
    out->stored_bytes_have = s->have_bytes;
    out->fetched_bytes = s->fetched_bytes;
    out->fetched_chunks = s->fetched_chunks;
    out->rejected_chunks = s->rejected_chunks;
    out->rate_bps = s->rate_bps;
    out->peers = s->part_count;
    out->seeders = s->all_parts;
}

void core_peers(const struct core *c, bool connected,
                void (*fn)(void *user, const struct core_peer_info *p),
                void *user)
{
    for (int turn = 0; turn < (connected ? 1 : 2); turn++)
        for (const struct known *k = c->known; k != NULL; k = k->next) {
            struct core_peer_info info = {.node = k->node,
                                          .address = k->address,
                                          .outbound = k->outbound,
                                          .road = k->road,
                                          .scope = k->scope,
                                          .rtt_ms = k->rtt_ms,
                                          .received_bytes = k->received_bytes,
                                          .sent_bytes = k->sent_bytes,
                                          .rejected = k->rejected,
                                          .score = k->score};

            if (k->greeted && (k->conns != 0) == (turn == 0))
                fn(user, &info);
        }
}
