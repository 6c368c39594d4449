/* topic: courses that are to be complete here: asked of every peer, loaded from
 * the store, followed from edition to edition, and what is to be told about
 * them when nobody can help. */
#include "node/core/core_internal.h"

#include <stdlib.h>

#define ASK_LATER_MAX 16
#define ASK_AGAIN_MS 10000 /* no answer, or nobody said what it has */
#define NOTIFY_EVERY_MS 250
#define NOTIFY_IDLE_MS 1000
#define QUIET_MS 1000 /* nothing to ask anybody: then nobody is a source */

struct topic *topic__find(const struct core *c, const struct course_id *course)
{
    struct topic *t = c->topics;

    while (t != NULL && !course_id_eq(&t->course, course))
        t = t->next;
    return t;
}

static bool is_done(const struct topic *t)
{
    return t->swarm != NULL && t->swarm->completed;
}

/* ---- asking ------------------------------------------------------- */

struct ask *topic__ask_of(struct conn *p, const struct course_id *course)
{
    for (size_t i = 0; i < p->ask_count; i++)
        if (course_id_eq(&p->asks[i].course, course))
            return &p->asks[i];
    return NULL;
}

void topic__ask_again(struct core *c, const struct course_id *course,
                      struct conn *p, uint64_t at_ms)
{
    struct ask *a = topic__ask_of(p, course);
    struct ask *grown;

    if (a == NULL) {
        grown = core__grow(p->asks, &p->ask_cap, p->ask_count, sizeof *p->asks);
        p->failed |= grown == NULL;
        if (grown == NULL)
            return;
        p->asks = grown;
        a = &p->asks[p->ask_count++];
        *a = (struct ask){.course = *course};
    }
    a->state = ASK_DUE;
    a->at_ms = at_ms;
    c->look = true;
}

void topic__ask_later(struct core *c, const struct course_id *course,
                      struct conn *p, uint64_t at_ms)
{
    size_t others = 0;

    for (size_t i = 0; i < p->ask_count; i++)
        others += topic__find(c, &p->asks[i].course) == NULL;
    if (others < ASK_LATER_MAX)
        topic__ask_again(c, course, p, at_ms);
}

void topic__forget_ask(struct conn *p, const struct course_id *course)
{
    struct ask *a = topic__ask_of(p, course);

    if (a != NULL)
        *a = p->asks[--p->ask_count];
}

static void send_ask(struct core *c, struct conn *p, struct ask *a)
{
    struct msg m = {.type = MSG_ASK};

    a->state = ASK_SENT;
    a->at_ms = c->now_ms;
    a->request = p->next_request++;
    m.u.ask.request = a->request;
    m.u.ask.course = a->course;
    core__send(c, p, &m);
}

static void ask_due(struct core *c, struct conn *p)
{
    for (size_t i = 0; i < p->ask_count; i++) {
        struct ask *a = &p->asks[i];

        if (a->state == ASK_SENT && c->now_ms - a->at_ms >= ASK_AGAIN_MS) {
            a->state = ASK_DUE;
            a->at_ms = c->now_ms;
        }
        if (a->state != ASK_DUE || a->at_ms > c->now_ms)
            continue;
        if (!peer__pace(c, p))
            return; /* the rest at the next tick */
        send_ask(c, p, a);
    }
}

void topic__greet(struct core *c, struct conn *p)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next)
        topic__ask_again(c, &t->course, p, c->now_ms);
    topic__changed(c);
}

/* ---- life --------------------------------------------------------- */

/* A second fetch of the same: it hears what the first one knows. */
static void tell_again(struct core *c, struct topic *t)
{
    struct swarm *s = t->swarm;

    topic__changed(c);
    if (s == NULL)
        return;
    core__notify(c, &t->course, s,
                 s->has_manifest ? NOTICE_MANIFEST : NOTICE_EDITION);
    s->completed = false;
    swarm__check_complete(c, s);
}

bool topic__fetch(struct core *c, const struct course_id *course, bool listing)
{
    struct topic *t = topic__find(c, course);

    if (t != NULL) {
        t->listing &= listing;
        if (t->swarm != NULL)
            t->swarm->listing = t->listing;
        c->pump_all = true;
        tell_again(c, t);
        return true;
    }
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return false;
    t->course = *course;
    t->need_course = true;
    t->listing = listing;
    t->next = c->topics;
    c->topics = t;
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->greeted && !p->dropping)
            topic__ask_again(c, &t->course, p, c->now_ms);
    c->look = true;
    return true;
}

void topic__free(struct topic *t)
{
    buf_deinit(&t->course_record);
    free(t);
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
    if (t->swarm != NULL)
        swarm__stop(c, t->swarm);
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        topic__forget_ask(p, course);
    topic__free(t);
}

/* Peers who answered for the course take part. One who told of an edition that
 * was not loaded then is asked first: its answer to a HAVE of ours was that. */
static void join_all(struct core *c, struct topic *t)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct ask *a = topic__ask_of(p, &t->course);
        struct part *part;

        if (p->dropping || a == NULL || a->state != ASK_ANSWERED)
            continue;
        if (p->missed_have) {
            topic__ask_again(c, &t->course, p, c->now_ms);
            continue;
        }
        part = swarm__join(c, t->swarm, p);
        if (part != NULL && !part->told)
            have__tell(c, part);
    }
}

bool topic__follow(struct core *c, struct topic *t,
                   const struct core_edition *ed)
{
    struct swarm *old = t->swarm;
    struct swarm *s = swarm__open(c, ed);

    if (s == NULL || s == old)
        return s != NULL;
    t->swarm = s;
    t->edition = ed->edition;
    t->seq = ed->seq;
    t->told_no_source = false;
    s->fetching = true;
    s->listing = t->listing;
    if (old != NULL)
        swarm__stop(c, old);
    core__notify(c, &t->course, s, NOTICE_EDITION);
    if (s->has_manifest)
        core__notify(c, &t->course, s, NOTICE_MANIFEST);
    join_all(c, t);
    records__push(c, &t->course); /* to those who asked us and know less */
    swarm__check_complete(c, s);
    c->pump_all = true;
    return true;
}

/* ---- work --------------------------------------------------------- */

static void load_due(struct core *c, struct topic *t)
{
    struct load *l;

    if (t->loading || (!t->need_course && !t->need_edition) ||
        c->now_ms < t->retry_ms)
        return;
    l = load__new(c, t->need_course ? LOAD_TOPIC : LOAD_FETCH, 0);
    if (l == NULL)
        return; /* at the next tick */
    l->course = t->course;
    t->loading = true;
    if (t->need_course) {
        t->need_course = false;
        load__course(c, l);
    } else {
        t->need_edition = false;
        load__edition(c, l);
    }
}

void topic__work(struct core *c)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next)
        load_due(c, t);
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->greeted && !p->dropping)
            ask_due(c, p);
}

/* ---- nobody there, nobody knows ----------------------------------- */

struct view { /* of a topic, over all connections */
    bool anybody;
    bool waiting; /* for a dial, a HELLO, an answer */
    bool known;   /* somebody knows the course */
    bool unheard; /* somebody has not said what it has */
};

static void look_at(struct core *c, struct topic *t, struct conn *p,
                    struct view *v)
{
    const struct ask *a = topic__ask_of(p, &t->course);
    struct part *part = t->swarm != NULL ? swarm__part(t->swarm, p) : NULL;

    v->anybody |= p->greeted;
    v->waiting |=
        !p->greeted || a == NULL || a->state == ASK_DUE || a->state == ASK_SENT;
    v->known |= a != NULL && a->state == ASK_ANSWERED;
    if (part == NULL || part->heard)
        return;
    v->unheard = true;
    if (part->told && c->now_ms - part->told_ms >= ASK_AGAIN_MS) {
        part->told = false; /* something was lost: all over again */
        part->told_ms = c->now_ms;
        topic__ask_again(c, &t->course, p, c->now_ms);
    }
}

void core_asked(const struct core *c, const struct course_id *course,
                struct core_asked *out)
{
    const struct topic *t = topic__find(c, course);

    *out = (struct core_asked){.known = c->book_count != 0 || c->conns != NULL};
    if (t == NULL)
        return;
    out->waiting = t->loading || t->need_course || book__dialling(c);
    out->storing = t->storing != 0 || t->loading || t->need_edition;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct ask *a = topic__ask_of(p, course);
        bool said =
            a != NULL && (a->state == ASK_EMPTY || a->state == ASK_ANSWERED);

        if (p->dropping)
            continue;
        out->answered += said;
        out->knowing += a != NULL && a->state == ASK_ANSWERED;
        out->waiting |= !p->greeted || !said;
    }
}

static void notify_once(struct core *c, const struct topic *t, bool *told,
                        enum core_notice notice)
{
    if (*told)
        return;
    *told = true;
    if (t->withdrawn && t->swarm == NULL && notice != NOTICE_NO_PEERS)
        notice = NOTICE_WITHDRAWN;
    core__notify(c, &t->course, t->swarm, notice);
}

static bool offers_more(const struct swarm *s, const struct part *t)
{
    uint32_t n = bits_words(s->table->count);
    uint32_t left = s->table->count % EXTENT;

    if (t->all)
        return true;
    for (uint32_t e = 0; e < n && e < bits_words(t->has.count); e++) {
        uint64_t w = t->has.w[e] & ~s->have.w[e];

        if (e + 1 == n && left != 0)
            w &= (UINT64_C(1) << left) - 1;
        if (w != 0)
            return true;
    }
    return false;
}

/* Nothing of what is missing can be asked of any peer. One that is late or busy
 * is still a source. */
static bool is_quiet(const struct core *c, const struct swarm *s)
{
    if (s->loading_manifest || c->now_ms < s->pause_until_ms ||
        s->open_count != s->table->count - s->have_count)
        return false;
    for (const struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct part *t = swarm__part(s, p);

        if (t != NULL && t->heard && offers_more(s, t))
            return false;
    }
    return true;
}

static void watch_source(struct core *c, struct topic *t, const struct view *v)
{
    bool quiet = v->anybody && !v->waiting && !v->unheard &&
                 (t->swarm != NULL ? is_quiet(c, t->swarm)
                                   : v->known && !t->loading &&
                                         t->storing == 0 && !t->need_edition);

    if (!quiet)
        t->quiet_ms = 0;
    else if (t->quiet_ms == 0)
        t->quiet_ms = c->now_ms;
    else if (c->now_ms - t->quiet_ms >= QUIET_MS)
        notify_once(c, t, &t->told_no_source, NOTICE_NO_SOURCE);
}

static void watch(struct core *c, struct topic *t)
{
    struct view v = {.waiting = book__dialling(c)};

    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (!p->dropping)
            look_at(c, t, p, &v);
    if (!v.anybody && !v.waiting)
        notify_once(c, t, &t->told_no_peers, NOTICE_NO_PEERS);
    if (v.anybody && !v.waiting && !v.known && t->swarm == NULL &&
        !t->loading && t->storing == 0)
        notify_once(c, t, &t->told_unknown, NOTICE_UNKNOWN_COURSE);
    watch_source(c, t, &v);
}

void topic__changed(struct core *c)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next) {
        t->told_no_peers = t->told_unknown = t->told_no_source = false;
        t->quiet_ms = 0;
    }
    c->look = true;
}

static void progress(struct core *c, struct topic *t)
{
    const struct swarm *s = t->swarm;
    bool changed =
        s->have_count != t->notified_have || s->part_count != t->notified_parts;

    if (c->now_ms - t->notified_ms <
        (changed ? NOTIFY_EVERY_MS : NOTIFY_IDLE_MS))
        return;
    t->notified_ms = c->now_ms;
    t->notified_have = s->have_count;
    t->notified_parts = s->part_count;
    core__notify(c, &t->course, s, NOTICE_PROGRESS);
}

void topic__tick(struct core *c)
{
    for (struct topic *t = c->topics; t != NULL; t = t->next) {
        if (is_done(t))
            continue;
        watch(c, t);
        if (t->swarm != NULL)
            progress(c, t);
    }
}
