/* records: the signed statements behind a course: answered to those who ask,
 * checked when they come, handed to the catalog; and loads from the store. */
#include "node/core/core_internal.h"

#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/record.h"
#include "crypto/revocation.h"

#define RETRY_MS 5000
#define SPARE_RETRY_MS 500 /* there was no memory, or too much at once */
#define NOT_ASKED_COST 3
#define NOT_AUTHOR_COST 10

/* ---- what peers are interested in --------------------------------- */

static struct interest *interest_of(struct conn *p,
                                    const struct course_id *course)
{
    for (size_t i = 0; i < p->interest_count; i++)
        if (course_id_eq(&p->interests[i].course, course))
            return &p->interests[i];
    return NULL;
}

/* The newest few are remembered. */
static void note_interest(const struct core *c, struct conn *p,
                          const struct course_id *course)
{
    size_t at = p->interest_count;
    struct interest *grown;

    if (interest_of(p, course) != NULL)
        return;
    if (at == c->cfg.limits.interests_max) {
        at = p->interest_next++ % c->cfg.limits.interests_max;
    } else {
        grown = core__grow(p->interests, &p->interest_cap, at,
                           sizeof *p->interests);
        p->failed |= grown == NULL;
        if (grown == NULL)
            return;
        p->interests = grown;
        p->interest_count++;
    }
    p->interests[at] = (struct interest){.course = *course};
}

/* Both know this edition of the course now. */
static void note_edition(struct conn *p, const struct course_id *course,
                         const struct record_id *edition)
{
    struct interest *it = interest_of(p, course);

    if (it == NULL)
        return;
    it->has_edition = true;
    it->edition = *edition;
}

/* ---- RECORDS for those who ask ------------------------------------ */

/* Whoever asks about a course begins with it anew: its next HAVE is answered.
 */
static void forget_told(struct conn *p, const struct course_id *course)
{
    for (struct part *t = p->parts; t != NULL; t = t->next)
        if (course_id_eq(&t->swarm->course, course))
            t->told = false;
}

void records__ask(struct core *c, struct conn *p, const struct msg *m)
{
    struct load *l;

    if (!peer__spend(c, p)) {
        blame__penalty(c, p, 1);
        return;
    }
    note_interest(c, p, &m->u.ask.course);
    forget_told(p, &m->u.ask.course);
    l = load__new(c, LOAD_ANSWER, p->no);
    if (l == NULL)
        return; /* too much at once: it will ask again */
    l->request = m->u.ask.request;
    l->course = m->u.ask.course;
    load__course(c, l);
}

static void add_record(struct msg *m, const uint8_t *p, size_t len)
{
    if (p == NULL || len == 0)
        return;
    m->u.records.list[m->u.records.count].p = p;
    m->u.records.list[m->u.records.count++].len = len;
}

/* All in one message when it fits; else the edition last, in its own. */
static void send_records(struct core *c, struct conn *p, uint32_t request,
                         const struct core_event *ev)
{
    size_t bytes = ev->u.course.course_record_len +
                   ev->u.course.profile_record_len +
                   ev->u.course.edition_record_len;
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.request = request;
    for (size_t i = 0; i < ev->u.course.revocation_count; i++)
        bytes += ev->u.course.revocations[i].len;
    if (ev->u.course.found && (ev->u.course.edition_record != NULL ||
                               ev->u.course.revocation_count != 0)) {
        add_record(&m, ev->u.course.course_record,
                   ev->u.course.course_record_len);
        add_record(&m, ev->u.course.profile_record,
                   ev->u.course.profile_record_len);
        for (size_t i = 0; i < ev->u.course.revocation_count; i++)
            add_record(&m, ev->u.course.revocations[i].p,
                       ev->u.course.revocations[i].len);
        if (bytes > RECORD_BYTES_MAX && ev->u.course.edition_record != NULL) {
            core__send(c, p, &m);
            m.u.records.count = 0;
        }
        add_record(&m, ev->u.course.edition_record,
                   ev->u.course.edition_record_len);
    }
    core__send(c, p, &m);
}

static bool edition_id(const struct core *c, const struct core_event *ev,
                       struct record_id *out)
{
    struct record r;

    if (!ev->u.course.found || ev->u.course.edition_record == NULL ||
        record_decode(ev->u.course.edition_record,
                      ev->u.course.edition_record_len, c->cfg.network, &r,
                      NULL) != 0)
        return false;
    *out = r.id;
    return true;
}

/* The newest revocation that @ev tells of; zero: none. */
static struct record_id revocation_id(const struct core *c,
                                      const struct core_event *ev)
{
    struct record_id none = {{0}};
    struct record r;

    if (ev->u.course.revocation_count == 0 ||
        record_decode(ev->u.course.revocations[0].p,
                      ev->u.course.revocations[0].len, c->cfg.network, &r,
                      NULL) != 0)
        return none;
    return r.id;
}

static void note_revocation(struct conn *p, const struct course_id *course,
                            const struct record_id *id)
{
    struct interest *it = interest_of(p, course);

    if (it != NULL)
        it->revocation = *id;
}

static void answer_course(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct conn *p = peer__find(c, l->conn);
    struct record_id revocation = revocation_id(c, ev);
    struct record_id edition;

    if (p == NULL || p->dropping || ev->u.course.failed)
        return; /* who is told nothing asks again */
    note_revocation(p, &l->course, &revocation);
    if (edition_id(c, ev, &edition))
        note_edition(p, &l->course, &edition);
    send_records(c, p, l->request, ev);
}

static void push_course(struct core *c, const struct load *l,
                        const struct core_event *ev)
{
    struct record_id revocation = revocation_id(c, ev);
    struct record_id edition;
    bool has_edition = edition_id(c, ev, &edition);

    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct interest *it = interest_of(p, &l->course);
        bool news = it != NULL && has_edition &&
                    (!it->has_edition || !record_id_eq(&it->edition, &edition));

        if (it == NULL || p->dropping ||
            (!news && record_id_eq(&it->revocation, &revocation)))
            continue;
        if (has_edition)
            note_edition(p, &l->course, &edition);
        note_revocation(p, &l->course, &revocation);
        send_records(c, p, 0, ev);
    }
}

void records__push(struct core *c, const struct course_id *course)
{
    struct load *l = load__new(c, LOAD_PUSH, 0);

    if (l == NULL)
        return;
    l->course = *course;
    load__course(c, l);
}

/* The first record of the course that comes is the one: its id is the course's.
 * Without memory there is none yet. */
static void keep_course(struct topic *t, const uint8_t *p, size_t len)
{
    if (t->course_record.len == 0 && buf_append(&t->course_record, p, len) != 0)
        buf_deinit(&t->course_record);
}

/* What the catalog holds of a course that is to be fetched. */
static void begin_topic(struct core *c, const struct load *l,
                        const struct core_event *ev)
{
    struct topic *t = topic__find(c, &l->course);

    if (t == NULL)
        return;
    t->loading = false;
    c->look = true;
    if (ev->u.course.failed) {
        t->need_course = true;
        t->retry_ms = c->now_ms + SPARE_RETRY_MS;
    }
    if (!ev->u.course.found)
        return;
    keep_course(t, ev->u.course.course_record, ev->u.course.course_record_len);
    t->withdrawn |= ev->u.course.revocation_count != 0;
    /* One that is withdrawn and whole here is not offered, and still ours. */
    t->need_edition |= ev->u.course.edition_record != NULL || t->withdrawn;
}

void records__course(struct core *c, const struct core_event *ev)
{
    struct load l;

    if (!load__take(c, ev->u.course.token, &l))
        return;
    if (l.kind == LOAD_ANSWER)
        answer_course(c, &l, ev);
    else if (l.kind == LOAD_PUSH)
        push_course(c, &l, ev);
    else if (l.kind == LOAD_TOPIC)
        begin_topic(c, &l, ev);
}

void records__new_edition(struct core *c, const struct course_id *course)
{
    struct topic *t = topic__find(c, course);

    records__push(c, course);
    if (t == NULL)
        return;
    t->need_edition = true;
    c->look = true;
}

/* One that was told that nothing is here of the edition it wants. */
static void serve_interested(struct core *c, const struct course_id *course)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct interest *it = interest_of(p, course);

        if (it != NULL && it->has_edition && !p->dropping &&
            swarm__by_edition(c, &it->edition) == NULL)
            (void)records__serve(c, p, &it->edition);
    }
}

void records__gained(struct core *c, const struct course_id *course)
{
    records__new_edition(c, course);
    for (struct swarm *s = c->swarms; s != NULL; s = s->next)
        if (course_id_eq(&s->course, course))
            swarm__look_again(c, s);
    serve_interested(c, course);
}

/* ---- RECORDS that come -------------------------------------------- */

struct offer {   /* what one RECORDS message says */
    bool broken; /* something in it breaks the rules */
    struct course_id course;
    bool has_course; /* `course` is set */
    const struct span *course_record, *edition_record, *profile_record;
    const struct span *revocations[CORE_REVOCATIONS_MAX];
    struct author_id revokers[CORE_REVOCATIONS_MAX];
    struct record_id revocation; /* the first one */
    size_t revocation_count;
    struct record_id edition;
    struct author_id signer, profile_signer;
    uint64_t seq;
};

static void read_edition(const struct record *r, struct offer *o)
{
    struct edition_payload e;

    if (edition_decode(r->payload, &e, NULL) != 0) {
        o->broken = true;
        return;
    }
    o->course = e.course;
    o->has_course = true;
    o->edition = r->id;
    o->signer = r->signer;
    o->seq = e.seq;
}

static void read_revocation(const struct span *s, const struct record *r,
                            struct offer *o)
{
    struct revocation_payload p;

    o->broken |= revocation_decode(r->payload, &p, NULL) != 0 ||
                 o->revocation_count == CORE_REVOCATIONS_MAX ||
                 (o->has_course && !course_id_eq(&o->course, &p.course));
    if (o->broken)
        return;
    o->course = p.course;
    o->has_course = true;
    if (o->revocation_count == 0)
        o->revocation = r->id;
    o->revokers[o->revocation_count] = r->signer;
    o->revocations[o->revocation_count++] = s;
}

static void read_offer(const struct core *c, const struct msg *m,
                       struct offer *o)
{
    *o = (struct offer){0};
    for (size_t i = 0; i < m->u.records.count && !o->broken; i++) {
        const struct span *s = &m->u.records.list[i];
        struct record r;
        int rc = record_decode(s->p, s->len, c->cfg.network, &r, NULL);

        /* SPEC 6: "A record of an unknown type is left out, and not held
         * against the sender." */
        if (rc == ERR_REFUSED)
            continue;
        if (rc != 0) {
            o->broken = true;
        } else if (r.type == RECORD_COURSE) {
            o->course_record = s;
            if (!o->has_course)
                memcpy(o->course.b, r.id.b, ID_BYTES);
            o->broken |= memcmp(o->course.b, r.id.b, ID_BYTES) != 0;
            o->has_course = true;
        } else if (r.type == RECORD_PROFILE) {
            o->profile_record = s;
            o->profile_signer = r.signer;
        } else if (r.type == RECORD_REVOCATION) {
            read_revocation(s, &r, o);
        } else if (r.type == RECORD_EDITION) {
            struct course_id before = o->course;
            bool had = o->has_course;

            o->edition_record = s;
            read_edition(&r, o);
            o->broken |= had && !course_id_eq(&before, &o->course);
        }
    }
}

static bool is_author(const struct core *c, struct span course_record,
                      const struct author_id *signer)
{
    struct course_payload course;
    struct record r;

    return record_decode(course_record.p, course_record.len, c->cfg.network, &r,
                         NULL) == 0 &&
           course_decode(r.payload, &course, NULL) == 0 &&
           course_has_author(&course, signer);
}

/* Spans are pointed into `kept` only at the end of the step: it may move. */
static void keep_record(struct core *c, const uint8_t *p, size_t len)
{
    c->spans[c->span_count++].len = len;
    (void)buf_append(&c->kept, p, len);
}

/* What was kept goes to the catalog: one message, one effect. */
static struct load *store_kept(struct core *c, const struct course_id *course,
                               conn_no conn)
{
    struct load *l = c->kept.failed ? NULL : load__new(c, LOAD_STORE, conn);
    struct core_effect *fx;
    size_t at = 0;

    if (l == NULL)
        return NULL;
    l->course = *course;
    for (size_t i = 0; i < c->span_count; i++) {
        c->spans[i].p = c->kept.base + at;
        at += c->spans[i].len;
    }
    fx = core__effect(c, FX_STORE_RECORDS);
    fx->u.store_records.token = l->token;
    fx->u.store_records.records = c->spans;
    fx->u.store_records.count = c->span_count;
    return l;
}

static void keep_revocations(struct core *c, const struct offer *o)
{
    for (size_t i = 0; i < o->revocation_count; i++)
        keep_record(c, o->revocations[i]->p, o->revocations[i]->len);
}

/* @edition: the offer's, too; else what it withdraws alone. false: not now. */
static bool store_offer(struct core *c, struct topic *t, const struct offer *o,
                        bool edition)
{
    struct load *l;

    keep_record(c, t->course_record.base, t->course_record.len);
    if (o->profile_record != NULL &&
        is_author(c, buf_span(&t->course_record), &o->profile_signer))
        keep_record(c, o->profile_record->p, o->profile_record->len);
    keep_revocations(c, o);
    if (edition)
        keep_record(c, o->edition_record->p, o->edition_record->len);
    l = store_kept(c, &t->course, 0);
    if (l == NULL)
        return false;
    l->revoked = o->revocation_count != 0;
    t->storing++;
    if (!edition)
        return true;
    l->edition = o->edition;
    if (o->seq == t->seq)
        t->fork = o->edition;
    if (o->seq > t->storing_seq)
        t->storing_seq = o->seq;
    return true;
}

/* SPEC 3.3: "A seq below the current one never becomes current; seq MUST NOT
 * jump by more than 2^20". One of equal seq is a proof against its author: the
 * catalog is told, and keeps both. */
static bool is_wanted(const struct topic *t, const struct offer *o)
{
    uint64_t top = t->seq > t->storing_seq ? t->seq : t->storing_seq;

    if (o->seq == t->seq && t->swarm != NULL)
        return !record_id_eq(&o->edition, &t->edition) &&
               !record_id_eq(&o->edition, &t->fork);
    return o->seq > top && o->seq - t->seq <= EDITION_SEQ_JUMP_MAX;
}

/* Of what is withdrawn, keep what an author has said. */
static void check_revokers(struct core *c, struct conn *p, struct span course,
                           struct offer *o)
{
    size_t n = 0;

    for (size_t i = 0; i < o->revocation_count; i++)
        if (is_author(c, course, &o->revokers[i]))
            o->revocations[n++] = o->revocations[i];
    if (n < o->revocation_count)
        blame__penalty(c, p, NOT_AUTHOR_COST);
    else if (n != 0)
        note_revocation(p, &o->course, &o->revocation);
    o->revocation_count = n;
}

/* Of a course that nobody fetches here, its withdrawal is news all the same: we
 * may hold it, and be offering it. The catalog knows whether. When it cannot be
 * told now, the peer says it again. */
static void take_revocations(struct core *c, struct conn *p, struct offer *o)
{
    struct load *l;

    if (o->course_record == NULL || o->revocation_count == 0)
        return;
    check_revokers(c, p, *o->course_record, o);
    if (o->revocation_count == 0 || p->dropping)
        return;
    keep_revocations(c, o);
    l = store_kept(c, &o->course, p->no);
    if (l != NULL)
        l->revoked = true;
    else
        topic__ask_later(c, &o->course, p, c->now_ms + SPARE_RETRY_MS);
}

static bool take_edition(struct core *c, struct topic *t, struct conn *p,
                         const struct offer *o)
{
    if (!is_author(c, buf_span(&t->course_record), &o->signer)) {
        blame__penalty(c, p, NOT_AUTHOR_COST);
        return false;
    }
    note_edition(p, &t->course, &o->edition);
    return is_wanted(t, o);
}

/* false: it is to be asked for again. */
static bool take_offer(struct core *c, struct topic *t, struct conn *p,
                       struct offer *o)
{
    bool edition;

    if (o->course_record != NULL)
        keep_course(t, o->course_record->p, o->course_record->len);
    if (t->course_record.len == 0)
        return o->course_record == NULL;
    check_revokers(c, p, buf_span(&t->course_record), o);
    edition = o->edition_record != NULL && take_edition(c, t, p, o);
    t->withdrawn |= o->revocation_count != 0;
    return (!edition && o->revocation_count == 0) ||
           store_offer(c, t, o, edition);
}

/* Answers to what we asked are free; a push costs one of its requests. */
static bool is_expected(struct core *c, struct conn *p, const struct msg *m)
{
    if (m->u.records.request == 0)
        return peer__spend(c, p) && m->u.records.count != 0;
    if (m->u.records.request < p->next_request)
        return true;
    blame__penalty(c, p, NOT_ASKED_COST);
    return false;
}

static struct ask *ask_by_request(struct conn *p, uint32_t request)
{
    for (size_t i = 0; i < p->ask_count && request != 0; i++)
        if (p->asks[i].request == request)
            return &p->asks[i];
    return NULL;
}

/* Of a course that nobody fetches here one answer is all that was wanted. */
static void end_late_ask(const struct core *c, struct conn *p,
                         const struct ask *a)
{
    struct course_id course;

    if (a == NULL)
        return;
    course = a->course;
    if (topic__find(c, &course) == NULL)
        topic__forget_ask(p, &course);
}

/* It knows the course: from now on it takes part. */
static void take_part(struct core *c, struct topic *t, struct conn *p)
{
    struct part *part = t->swarm != NULL ? swarm__join(c, t->swarm, p) : NULL;

    if (part != NULL && (!part->told || !part->heard))
        have__tell(c, part);
}

void records__got(struct core *c, struct conn *p, const struct msg *m)
{
    struct ask *a = ask_by_request(p, m->u.records.request);
    bool asked = a != NULL;
    struct offer o;
    struct topic *t;

    if (!is_expected(c, p, m))
        return;
    c->look = true;
    if (m->u.records.count == 0) {
        if (asked && a->state == ASK_SENT)
            a->state = ASK_EMPTY;
        end_late_ask(c, p, a);
        return;
    }
    if (m->u.records.request != 0 && !asked)
        return; /* of a fetch that ended meanwhile */
    read_offer(c, m, &o);
    if (o.broken ||
        (asked && o.has_course && !course_id_eq(&a->course, &o.course))) {
        blame__protocol(c, p, "sent a record that breaks the rules");
        return;
    }
    end_late_ask(c, p, a);
    t = o.has_course ? topic__find(c, &o.course) : NULL;
    if (t == NULL) {
        take_revocations(c, p, &o);
        return;
    }
    if (!take_offer(c, t, p, &o)) {
        topic__ask_again(c, &t->course, p, c->now_ms + SPARE_RETRY_MS);
        return;
    }
    a = topic__ask_of(p, &t->course);
    if (p->dropping || a == NULL)
        return;
    if (o.edition_record == NULL) {
        if (asked && o.revocation_count != 0 && a->state == ASK_SENT)
            a->state = ASK_EMPTY; /* an edition may follow on its own */
        return;
    }
    a->state = ASK_ANSWERED;
    if (asked)
        take_part(c, t, p);
}

/* The catalog would not have it, or the disk. Somebody may know better. */
static void ask_all_again(struct core *c, struct topic *t)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (p->greeted && !p->dropping)
            topic__ask_again(c, &t->course, p, c->now_ms + RETRY_MS);
}

static void revoked_in_vain(struct core *c, const struct load *l, bool ok)
{
    struct conn *p = l->revoked && !ok ? peer__find(c, l->conn) : NULL;

    if (p != NULL && !p->dropping)
        topic__ask_later(c, &l->course, p, c->now_ms + RETRY_MS);
}

void records__stored(struct core *c, const struct core_event *ev)
{
    struct topic *t;
    struct load l;

    if (!load__take(c, ev->u.records_stored.token, &l))
        return;
    if (l.revoked && ev->u.records_stored.ok)
        records__push(c, &l.course);
    t = topic__find(c, &l.course);
    if (t == NULL || t->storing == 0) {
        revoked_in_vain(c, &l, ev->u.records_stored.ok);
        return;
    }
    c->look = true;
    if (--t->storing == 0)
        t->storing_seq = 0;
    if (!ev->u.records_stored.ok) {
        ask_all_again(c, t);
        return;
    }
    t->need_edition = true;
}

/* ---- editions from the store -------------------------------------- */

bool records__serve(struct core *c, struct conn *p,
                    const struct record_id *edition)
{
    const struct interest *it = NULL;
    struct load *l;

    for (size_t i = 0; i < c->load_count; i++)
        if (c->loads[i].kind == LOAD_SERVE && c->loads[i].conn == p->no &&
            record_id_eq(&c->loads[i].edition, edition))
            return true;
    for (size_t i = 0; i < p->interest_count && it == NULL; i++)
        if (p->interests[i].has_edition &&
            record_id_eq(&p->interests[i].edition, edition))
            it = &p->interests[i];
    l = it != NULL ? load__new(c, LOAD_SERVE, p->no) : NULL;
    if (l == NULL)
        return false;
    l->course = it->course;
    l->edition = *edition;
    load__edition(c, l);
    return true;
}

static void fetch_edition(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct topic *t = topic__find(c, &l->course);
    const struct core_edition *ed = &ev->u.edition.edition;

    if (t == NULL)
        return;
    t->loading = false;
    c->look = true;
    if (ev->u.edition.bad_manifest) {
        core__notify(c, &t->course, NULL, NOTICE_BAD_EDITION);
    } else if (ev->u.edition.failed) {
        t->need_edition = true;
        t->retry_ms = c->now_ms + SPARE_RETRY_MS;
    } else if (!ev->u.edition.found && t->withdrawn) {
        if (t->swarm != NULL && !t->swarm->completed)
            core__notify(c, &t->course, t->swarm, NOTICE_WITHDRAWN);
    } else if (!ev->u.edition.found) {
        t->need_edition = true; /* it was there a moment ago */
        t->retry_ms = c->now_ms + RETRY_MS;
    } else if ((ed->seq >= t->seq || t->withdrawn) &&
               !topic__follow(c, t, ed)) {
        t->need_edition = true;
        t->retry_ms = c->now_ms + SPARE_RETRY_MS;
    }
}

static void serve_edition(struct core *c, const struct load *l,
                          const struct core_event *ev)
{
    struct conn *p = peer__find(c, l->conn);
    const struct core_edition *ed = &ev->u.edition.edition;
    struct swarm *s;
    struct part *t;

    if (p == NULL || p->dropping || ev->u.edition.failed)
        return; /* who is told nothing asks again */
    if (!ev->u.edition.found || !record_id_eq(&ed->edition, &l->edition)) {
        have__tell_nothing(c, p, &l->edition);
        return;
    }
    s = swarm__open(c, ed);
    t = s != NULL ? swarm__join(c, s, p) : NULL;
    if (t != NULL && !t->told)
        have__tell(c, t);
}

/* A blob chunk went bad between its EV_STORED and now. */
static void lose_blobs(struct core *c, struct swarm *s,
                       const struct core_event *ev)
{
    const uint8_t *have =
        ev->u.edition.found ? ev->u.edition.edition.have : NULL;

    for (uint32_t i = 0; i < swarm__blobs(s); i++)
        if (have == NULL || (have[i / 8] & (0x80u >> (i % 8))) == 0)
            swarm__lost(c, s, i);
}

static void manifest_edition(struct core *c, const struct load *l,
                             const struct core_event *ev)
{
    struct swarm *s = swarm__by_no(c, l->swarm);

    if (s == NULL)
        return;
    s->loading_manifest = false;
    if (s->look_again)
        swarm__look_again(c, s);
    if (ev->u.edition.bad_manifest) {
        swarm__stop(c, s);
        core__notify(c, &s->course, s, NOTICE_BAD_EDITION);
        return;
    }
    if (ev->u.edition.failed)
        return; /* loaded again at the next tick */
    if (!ev->u.edition.found || !ev->u.edition.edition.has_manifest) {
        lose_blobs(c, s, ev);
        return;
    }
    if (s->has_manifest) {
        swarm__gain(s, &ev->u.edition.edition);
    } else {
        (void)swarm__open(c, &ev->u.edition.edition); /* the same one, grown */
        if (!s->has_manifest)
            return; /* out of memory: loaded again at the next tick */
        core__notify(c, &s->course, s, NOTICE_MANIFEST);
    }
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && t->told)
            have__tell(c, t);
    }
    swarm__check_complete(c, s);
    c->pump_all = true;
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
    else if (l.kind == LOAD_FETCH)
        fetch_edition(c, &l, ev);
    /* Loaded in vain: the peer went, or the course is not wanted any more. */
    if (ev->u.edition.found &&
        swarm__by_edition(c, &ev->u.edition.edition.edition) == NULL)
        core__effect(c, FX_RELEASE)->u.release.edition =
            ev->u.edition.edition.edition;
}
