/* records: which courses are to be complete here, and the records that say what
 * that means: asked of peers, checked, handed to the catalog. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"

/* ---- loads under way
 * ---------------------------------------------------------------- */

struct load *load__new(struct core *c, enum load_kind kind)
{
    struct load *l;

    if (c->load_count == LOADS_MAX)
        return NULL;
    l = &c->loads[c->load_count++];
    *l = (struct load){.token = ++c->last_token, .kind = kind};
    return l;
}

bool load__take(struct core *c, uint64_t token, struct load *out)
{
    for (size_t i = 0; i < c->load_count; i++) {
        if (c->loads[i].token != token)
            continue;
        *out = c->loads[i];
        c->loads[i] = c->loads[--c->load_count];
        return true;
    }
    return false;
}

static size_t loads_of(const struct core *c, conn_no conn)
{
    size_t n = 0;

    for (size_t i = 0; i < c->load_count; i++)
        n += c->loads[i].conn == conn;
    return n;
}

static void load_course(struct core *c, const struct load *l)
{
    struct core_effect *fx = core__effect(c, FX_LOAD_COURSE);

    fx->u.load_course.token = l->token;
    fx->u.load_course.course = l->course;
}

static void load_edition(struct core *c, const struct load *l)
{
    struct core_effect *fx = core__effect(c, FX_LOAD_EDITION);

    fx->u.load_edition.token = l->token;
    fx->u.load_edition.course = l->course;
}

/* ---- topics
 * ----------------------------------------------------------------------------
 */

struct topic *topic__find(struct core *c, const struct course_id *course)
{
    struct topic *t = c->topics;

    while (t != NULL && !course_id_eq(&t->course, course))
        t = t->next;
    return t;
}

static void ask(struct core *c, struct topic *t, struct conn *p)
{
    struct msg m = {.type = MSG_ASK};
    size_t at = 0;

    while (at < ASKED_MAX && p->asks[at].state != ASK_NONE &&
           !course_id_eq(&p->asks[at].course, &t->course))
        at++;
    if (at == ASKED_MAX)
        at = (size_t)rng_below(&c->rng, ASKED_MAX);
    p->asks[at].course = t->course;
    p->asks[at].state = ASK_SENT;
    p->asks[at].request = p->next_request++;
    m.u.ask.request = p->asks[at].request;
    m.u.ask.course = t->course;
    core__send(c, p, &m);
}

static void load_topic(struct core *c, struct topic *t)
{
    struct load *l = load__new(c, LOAD_FETCH);

    if (l == NULL || t->loading)
        return;
    l->course = t->course;
    t->loading = true;
    load_edition(c, l);
}

void topic__fetch(struct core *c, const struct course_id *course)
{
    struct topic *t = topic__find(c, course);
    struct load *l;

    if (t != NULL) { /* a second fetch: tell it what the first one knows */
        t->told_no_peers = t->told_unknown = false;
        if (t->swarm != NULL) {
            core__notify(c, course, t->swarm,
                         t->swarm->has_manifest ? NOTICE_MANIFEST
                                                : NOTICE_EDITION);
            t->swarm->completed = false;
            swarm__check_complete(c, t->swarm);
        }
        return;
    }
    t = calloc(1, sizeof *t);
    if (t == NULL) {
        c->oom = true;
        return;
    }
    t->course = *course;
    t->next = c->topics;
    c->topics = t;
    l = load__new(c, LOAD_TOPIC);
    if (l != NULL) {
        l->course = *course;
        load_course(c, l);
    }
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->greeted && !p->dropping)
            ask(c, t, p);
    core__wake(c, c->now_ms);
}

void topic__stop(struct core *c, const struct course_id *course)
{
    struct topic **at = &c->topics;
    struct topic *t;

    while (*at != NULL && !course_id_eq(&(*at)->course, course))
        at = &(*at)->next;
    t = *at;
    if (t == NULL)
        return;
    *at = t->next;
    if (t->swarm != NULL) {
        t->swarm->fetching = false;
        request__forget_swarm(c, t->swarm);
        t->swarm->used_ms = c->now_ms;
    }
    buf_deinit(&t->course_record);
    free(t);
}

/* A new connection: what is wanted, and what we take part in already. */
void topic__greet(struct core *c, struct conn *p)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next) {
        t->told_no_peers = t->told_unknown = false;
        ask(c, t, p);
    }
}

static struct swarm *open_swarm(struct core *c, struct topic *t,
                                const struct core_edition *ed)
{
    struct swarm *s = swarm__open(c, ed);
    struct swarm *old = t->swarm;

    if (s == NULL)
        return NULL;
    if (old != NULL && old != s) {
        old->fetching = false;
        request__forget_swarm(c, old);
        old->used_ms = c->now_ms;
    }
    s->fetching = true;
    t->swarm = s;
    t->edition = ed->edition;
    t->seq = ed->seq;
    return s;
}

static void join_everybody(struct core *c, struct topic *t)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *part;

        if (!p->greeted || p->dropping)
            continue;
        for (size_t i = 0; i < ASKED_MAX; i++) {
            if (p->asks[i].state != ASK_ANSWERED ||
                !course_id_eq(&p->asks[i].course, &t->course))
                continue;
            part = swarm__join(c, t->swarm, p);
            if (part != NULL)
                swarm__tell(c, part);
        }
    }
}

/* ---- RECORDS for those who ask
 * ------------------------------------------------------------ */

void records__ask(struct core *c, struct conn *p, const struct msg *m)
{
    struct load *l;

    if (!peer__spend(c, p)) {
        peer__penalty(c, p, 1);
        return;
    }
    if (loads_of(c, p->no) >= LOADS_PER_PEER)
        return; /* it asks again, or has too much to ask */
    l = load__new(c, LOAD_ANSWER);
    if (l == NULL)
        return;
    l->conn = p->no;
    l->request = m->u.ask.request;
    l->course = m->u.ask.course;
    load_course(c, l);
}

static void note_interest(struct conn *p, const struct course_id *course,
                          const struct record_id *edition)
{
    size_t at = 0;

    while (at < p->interest_count &&
           !course_id_eq(&p->interests[at].course, course))
        at++;
    if (at == ASKED_MAX)
        at = 0;
    else if (at == p->interest_count)
        p->interest_count++;
    p->interests[at].course = *course;
    p->interests[at].has_edition = edition != NULL;
    if (edition != NULL)
        p->interests[at].edition = *edition;
}

static void add_record(struct msg *m, const uint8_t *p, size_t len)
{
    if (p == NULL || len == 0)
        return;
    m->u.records.list[m->u.records.count].p = p;
    m->u.records.list[m->u.records.count++].len = len;
}

static void send_records(struct core *c, struct conn *p, uint32_t request,
                         const struct core_event *ev)
{
    struct msg m = {.type = MSG_RECORDS};
    struct record r;
    bool has_edition = false;

    m.u.records.request = request;
    if (ev->u.course.found && ev->u.course.edition_record != NULL) {
        has_edition = record_decode(ev->u.course.edition_record,
                                    ev->u.course.edition_record_len,
                                    c->cfg.network, &r, NULL) == 0;
        add_record(&m, ev->u.course.course_record,
                   ev->u.course.course_record_len);
        add_record(&m, ev->u.course.profile_record,
                   ev->u.course.profile_record_len);
    }
    note_interest(p, &ev->u.course.course, has_edition ? &r.id : NULL);
    if (!has_edition) {
        m.u.records.count = 0;
        core__send(c, p, &m);
        return;
    }
    /* An edition near the limit goes in a message of its own, first the course
     * that it needs. */
    if (ev->u.course.edition_record_len > MSG_CONTROL_MAX / 2) {
        core__send(c, p, &m);
        m.u.records.count = 0;
    }
    add_record(&m, ev->u.course.edition_record,
               ev->u.course.edition_record_len);
    core__send(c, p, &m);
}

static void answer_course(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct conn *p = peer__find(c, l->conn);

    if (p != NULL && !p->dropping)
        send_records(c, p, l->request, ev);
}

static void push_course(struct core *c, const struct core_event *ev)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        for (size_t i = 0; i < p->interest_count; i++)
            if (course_id_eq(&p->interests[i].course, &ev->u.course.course) &&
                !p->dropping)
                send_records(c, p, 0, ev);
}

/* What the catalog holds of a course that we are to fetch. */
static void begin_topic(struct core *c, const struct core_event *ev)
{
    struct topic *t = topic__find(c, &ev->u.course.course);

    if (t == NULL || !ev->u.course.found)
        return;
    t->course_record.len = 0;
    (void)buf_append(&t->course_record, ev->u.course.course_record,
                     ev->u.course.course_record_len);
    t->has_course = true;
    if (ev->u.course.edition_record != NULL)
        load_topic(c, t);
}

void records__course(struct core *c, const struct core_event *ev)
{
    struct load l;

    if (!load__take(c, ev->u.course.token, &l))
        return;
    if (l.kind == LOAD_ANSWER)
        answer_course(c, &l, ev);
    else if (l.kind == LOAD_PUSH)
        push_course(c, ev);
    else
        begin_topic(c, ev);
}

void records__new_edition(struct core *c, const struct course_id *course)
{
    struct topic *t = topic__find(c, course);
    struct load *l = load__new(c, LOAD_PUSH);

    if (l != NULL) {
        l->course = *course;
        load_course(c, l);
    }
    if (t != NULL)
        load_topic(c, t);
}

/* ---- RECORDS that we asked for
 * --------------------------------------------------------------- */

struct offer { /* what one RECORDS message says */
    const struct span *course, *edition, *profile;
    struct edition_payload payload;
    struct record_id id;
    struct author_id signer;
};

static bool same_course(const struct record *r, const struct course_id *course)
{
    return memcmp(r->id.b, course->b, ID_BYTES) == 0;
}

/* false: a record that breaks the rules, which its sender should have seen. */
static bool sort_offer(struct core *c, struct topic *t, const struct msg *m,
                       struct offer *o)
{
    for (size_t i = 0; i < m->u.records.count; i++) {
        const struct span *s = &m->u.records.list[i];
        struct record r;

        if (record_decode(s->p, s->len, c->cfg.network, &r, NULL) != 0)
            return false;
        if (r.type == RECORD_COURSE && same_course(&r, &t->course)) {
            o->course = s;
        } else if (r.type == RECORD_PROFILE) {
            o->profile = s;
        } else if (r.type == RECORD_EDITION) {
            o->edition = s;
            o->id = r.id;
            o->signer = r.signer;
            if (edition_decode(r.payload, &o->payload, NULL) != 0 ||
                !course_id_eq(&o->payload.course, &t->course))
                return false;
        }
    }
    return true;
}

static bool author_may(struct core *c, const struct topic *t,
                       const struct author_id *signer)
{
    struct course_payload course;
    struct record r;

    return record_decode(t->course_record.base, t->course_record.len,
                         c->cfg.network, &r, NULL) == 0 &&
           course_decode(r.payload, &course, NULL) == 0 &&
           course_has_author(&course, signer);
}

static void keep_span(struct core *c, struct span *list, size_t *n,
                      size_t *offsets, const struct span *s)
{
    if (s == NULL)
        return;
    offsets[*n] = c->kept.len;
    list[*n].len = s->len;
    (void)buf_append(&c->kept, s->p, s->len);
    (*n)++;
}

static void store_offer(struct core *c, struct topic *t, const struct offer *o)
{
    struct load *l = load__new(c, LOAD_STORE);
    struct core_effect *fx;
    struct span course = buf_span(&t->course_record);
    size_t offsets[4];
    size_t n = 0;

    if (l == NULL)
        return;
    l->course = t->course;
    l->seq = o->payload.seq;
    l->edition = o->id;
    t->storing = true;
    keep_span(c, c->spans, &n, offsets, &course);
    keep_span(c, c->spans, &n, offsets, o->profile);
    keep_span(c, c->spans, &n, offsets, o->edition);
    for (size_t i = 0; i < n; i++)
        c->spans[i].p = c->kept.base + offsets[i];
    fx = core__effect(c, FX_STORE_RECORDS);
    fx->u.store_records.token = l->token;
    fx->u.store_records.records = c->spans;
    fx->u.store_records.count = n;
}

static void take_offer(struct core *c, struct topic *t, struct conn *p,
                       const struct offer *o)
{
    if (!author_may(c, t, &o->signer)) {
        peer__penalty(c, p, 10);
        return;
    }
    /* SPEC 3.3: "A seq below the current one never becomes current; seq MUST
     * NOT jump by more than 2^20" */
    if (o->payload.seq > t->seq && !t->storing &&
        o->payload.seq - t->seq <= EDITION_SEQ_JUMP_MAX)
        store_offer(c, t, o);
}

static struct topic *topic_of_answer(struct core *c, struct conn *p,
                                     const struct msg *m, size_t *out_ask)
{
    for (size_t i = 0; i < ASKED_MAX; i++) {
        if (p->asks[i].state == ASK_NONE ||
            p->asks[i].request != m->u.records.request)
            continue;
        *out_ask = i;
        return topic__find(c, &p->asks[i].course);
    }
    *out_ask = ASKED_MAX;
    return NULL;
}

/* A pushed edition: which of our topics is it for? */
static struct topic *topic_of_push(struct core *c, const struct msg *m)
{
    for (size_t i = 0; i < m->u.records.count; i++) {
        struct edition_payload e;
        struct record r;

        if (record_decode(m->u.records.list[i].p, m->u.records.list[i].len,
                          c->cfg.network, &r, NULL) == 0 &&
            r.type == RECORD_EDITION &&
            edition_decode(r.payload, &e, NULL) == 0)
            return topic__find(c, &e.course);
    }
    return NULL;
}

void records__got(struct core *c, struct conn *p, const struct msg *m)
{
    size_t at = ASKED_MAX;
    struct topic *t;
    struct offer o = {0};

    if (m->u.records.request == 0) {
        if (!peer__spend(c, p))
            return;
        t = topic_of_push(c, m);
    } else {
        t = topic_of_answer(c, p, m, &at);
        if (at == ASKED_MAX) {
            peer__penalty(c, p, 3); /* nobody asked */
            return;
        }
    }
    if (t == NULL)
        return;
    if (m->u.records.count == 0) {
        if (at != ASKED_MAX && p->asks[at].state == ASK_SENT)
            p->asks[at].state = ASK_EMPTY;
        core__wake(c, c->now_ms);
        return;
    }
    if (at != ASKED_MAX)
        p->asks[at].state = ASK_ANSWERED;
    if (!sort_offer(c, t, m, &o)) {
        peer__ban(c, p, c->cfg.limits.ban_protocol_ms,
                  "sent a record that breaks the rules");
        return;
    }
    if (o.course != NULL && !t->has_course) {
        (void)buf_append(&t->course_record, o.course->p, o.course->len);
        t->has_course = !t->course_record.failed;
    }
    if (o.edition != NULL && t->has_course)
        take_offer(c, t, p, &o);
    if (t->swarm != NULL && at != ASKED_MAX) {
        struct part *part = swarm__join(c, t->swarm, p);

        if (part != NULL && !part->told)
            swarm__tell(c, part);
    }
}

void records__stored(struct core *c, const struct core_event *ev)
{
    struct topic *t;
    struct load l;

    if (!load__take(c, ev->u.records_stored.token, &l))
        return;
    t = topic__find(c, &l.course);
    if (t == NULL)
        return;
    t->storing = false;
    if (ev->u.records_stored.ok)
        load_topic(c, t);
}

/* ---- editions from the store
 * ------------------------------------------------------------------- */

static void fetch_edition(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct topic *t = topic__find(c, &l->course);
    struct swarm *s;

    if (t == NULL)
        return;
    t->loading = false;
    if (ev->u.edition.bad_manifest) {
        core__notify(c, &t->course, NULL, NOTICE_BAD_EDITION);
        return;
    }
    if (!ev->u.edition.found || ev->u.edition.edition.seq < t->seq)
        return;
    s = open_swarm(c, t, &ev->u.edition.edition);
    if (s == NULL)
        return;
    core__notify(c, &t->course, s, NOTICE_EDITION);
    if (s->has_manifest)
        core__notify(c, &t->course, s, NOTICE_MANIFEST);
    join_everybody(c, t);
    swarm__check_complete(c, s);
    c->pump_down = true;
    core__wake(c, c->now_ms);
}

static void serve_edition(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct conn *p = peer__find(c, l->conn);
    struct swarm *s;
    struct part *part;

    if (!ev->u.edition.found ||
        !record_id_eq(&ev->u.edition.edition.edition, &l->edition))
        return;
    s = swarm__open(c, &ev->u.edition.edition);
    if (s == NULL || p == NULL || p->dropping)
        return;
    part = swarm__join(c, s, p);
    if (part != NULL && !part->told)
        swarm__tell(c, part);
}

static void manifest_edition(struct core *c, const struct load *l,
                             const struct core_event *ev)
{
    struct swarm *s = swarm__by_no(c, l->swarm);

    if (s == NULL)
        return;
    s->loading_manifest = false;
    if (ev->u.edition.bad_manifest) {
        s->fetching = false;
        core__notify(c, &s->course, s, NOTICE_BAD_EDITION);
        return;
    }
    if (!ev->u.edition.found) { /* a blob chunk went bad meanwhile */
        for (uint32_t i = 0; i < swarm__blobs(s); i++)
            swarm__lost(c, s, i);
        return;
    }
    if (!ev->u.edition.edition.has_manifest)
        return;
    (void)swarm__open(c, &ev->u.edition.edition); /* the same one, grown */
    core__notify(c, &s->course, s, NOTICE_MANIFEST);
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *part = swarm__part(s, p);

        if (part != NULL)
            swarm__tell(c, part);
    }
    swarm__check_complete(c, s);
    c->pump_down = true;
}

void records__edition(struct core *c, const struct core_event *ev)
{
    struct load l;

    if (!load__take(c, ev->u.edition.token, &l))
        return;
    if (l.kind == LOAD_SERVE)
        serve_edition(c, &l, ev);
    else if (l.kind == LOAD_MANIFEST)
        manifest_edition(c, &l, ev);
    else
        fetch_edition(c, &l, ev);
}

/* ---- nobody there, nobody knows
 * ------------------------------------------------------------------ */

static void watch_topic(struct core *c, struct topic *t)
{
    bool anybody = false;
    bool waiting = false;
    bool known = false;

    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        if (p->dropping)
            continue;
        anybody |= p->greeted;
        waiting |= !p->greeted;
        for (size_t i = 0; i < ASKED_MAX; i++) {
            if (!course_id_eq(&p->asks[i].course, &t->course))
                continue;
            waiting |= p->asks[i].state == ASK_SENT;
            known |= p->asks[i].state == ASK_ANSWERED;
        }
    }
    for (size_t i = 0; i < c->book_count; i++)
        waiting |= c->book[i].state == BOOK_DIALLING;
    if (!anybody && !waiting && !t->told_no_peers) {
        t->told_no_peers = true;
        core__notify(c, &t->course, t->swarm, NOTICE_NO_PEERS);
    }
    if (anybody && !waiting && !known && t->swarm == NULL && !t->loading &&
        !t->storing && !t->told_unknown) {
        t->told_unknown = true;
        core__notify(c, &t->course, NULL, NOTICE_UNKNOWN_COURSE);
    }
}

void topic__tick(struct core *c)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next) {
        watch_topic(c, t);
        if (t->swarm != NULL && c->now_ms - t->notified_ms >= 250) {
            t->notified_ms = c->now_ms;
            core__notify(c, &t->course, t->swarm, NOTICE_PROGRESS);
        }
    }
}
