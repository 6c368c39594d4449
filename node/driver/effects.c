/* effects: what the core asks for, done with sockets, store and catalog. */
#include "node/driver/node_internal.h"

#include <stdlib.h>
#include <string.h>

#define BANS_KEPT_MAX 4096

/* ---- records ----------------------------------------------------------------
 */

struct records_job {
    struct node *n;
    uint64_t token;
    struct buf *records;
    size_t count;
    bool ok;
    int rc;
    struct err err;
};

static void records_free(struct records_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        buf_deinit(&job->records[i]);
    free(job->records);
    free(job);
}

static void records_work(void *user)
{
    struct records_job *job = user;

    job->ok = true;
    for (size_t i = 0; i < job->count && job->ok; i++) {
        job->rc = catalog_put(job->n->catalog, job->records[i].base,
                              job->records[i].len, false, NULL, &job->err);

        /* A fork is kept as proof; the course goes on from what it was. */
        job->ok = job->rc == 0 || job->rc == ERR_CONFLICT ||
                  job->rc == ERR_LIMIT; /* more withdrawals than we keep */
    }
}

static void tell_stored(struct node *n, uint64_t token, bool ok)
{
    struct core_event ev = {.kind = EV_RECORDS_STORED};

    ev.u.records_stored.token = token;
    ev.u.records_stored.ok = ok;
    node__post(n, &ev);
}

static void records_done(void *user)
{
    struct records_job *job = user;

    tell_stored(job->n, job->token, job->ok);
    if (!job->ok && (job->rc == ERR_NO_SPACE || job->rc == ERR_IO))
        fetch__disk_failed(job->n, NULL, job->rc, &job->err);
    records_free(job);
}

static void store_records(struct node *n, const struct core_effect *fx)
{
    struct records_job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        tell_stored(n, fx->u.store_records.token, false);
        return;
    }
    job->n = n;
    job->token = fx->u.store_records.token;
    job->records = calloc(fx->u.store_records.count, sizeof *job->records);
    if (job->records == NULL) {
        tell_stored(n, job->token, false);
        free(job);
        return;
    }
    job->count = fx->u.store_records.count;
    for (size_t i = 0; i < job->count; i++) {
        const struct span *r = &fx->u.store_records.records[i];

        (void)buf_append(&job->records[i], r->p, r->len);
    }
    if (node_work(n, records_work, records_done, job) != 0) {
        tell_stored(n, job->token, false);
        records_free(job);
    }
}

/* ---- courses
 * ------------------------------------------------------------------ */

/* EV_COURSE on its way to the core, with the bytes it borrows. */
struct course_event {
    struct core_event ev;
    struct buf course, edition, profile, revoked;
};

/* Of the catalog: is it there? Not to be read for want of memory is no no. */
static bool found(struct course_event *e, int rc)
{
    e->ev.u.course.failed |= rc == ERR_NOMEM;
    return rc == 0;
}

static void load_profile(struct node *n, struct course_event *e)
{
    struct record r;

    if (record_decode(e->course.base, e->course.len, n->network, &r, NULL) == 0)
        (void)found(e,
                    catalog_profile(n->catalog, &r.signer, &e->profile, NULL));
    e->ev.u.course.profile_record = e->profile.base;
    e->ev.u.course.profile_record_len = e->profile.len;
}

static void add_revocation(void *user, struct span record)
{
    struct course_event *e = user;
    struct core_event *ev = &e->ev;

    if (found(e, buf_append(&e->revoked, record.p, record.len)))
        ev->u.course.revocations[ev->u.course.revocation_count++].len =
            record.len;
}

static void load_revocations(struct node *n, const struct course_id *course,
                             struct course_event *e)
{
    size_t at = 0;

    (void)found(e, catalog_revocations(n->catalog, course, CORE_REVOCATIONS_MAX,
                                       add_revocation, e, NULL));
    for (size_t i = 0; i < e->ev.u.course.revocation_count; i++) {
        e->ev.u.course.revocations[i].p = e->revoked.base + at;
        at += e->ev.u.course.revocations[i].len;
    }
}

/* What others are told of: nothing that is withdrawn, unless it is pinned. */
static int offered(struct node *n, const struct course_id *course,
                   struct record_id *out)
{
    char v[8];

    if (journal_get(n->choices, "pin", course_id_hex(course).s, 0, v,
                    sizeof v) == 0)
        return catalog_current(n->catalog, course, out, NULL, NULL);
    return catalog_offered(n->catalog, course, out, NULL, NULL);
}

static void load_edition_record(struct node *n, const struct course_id *course,
                                struct course_event *e)
{
    struct record_id edition;

    if (!found(e, offered(n, course, &edition)) ||
        !found(e, catalog_get(n->catalog, &edition, &e->edition, NULL)))
        return;
    e->ev.u.course.edition_record = e->edition.base;
    e->ev.u.course.edition_record_len = e->edition.len;
}

static void load_course(struct node *n, const struct core_effect *fx)
{
    const struct course_id *course = &fx->u.load_course.course;
    struct course_event e = {.ev.kind = EV_COURSE};
    struct record_id id;

    memcpy(id.b, course->b, sizeof id.b);
    e.ev.u.course.token = fx->u.load_course.token;
    e.ev.u.course.course = *course;
    if (found(&e, catalog_get(n->catalog, &id, &e.course, NULL))) {
        e.ev.u.course.found = true;
        e.ev.u.course.course_record = e.course.base;
        e.ev.u.course.course_record_len = e.course.len;
        load_profile(n, &e);
        load_revocations(n, course, &e);
    }
    load_edition_record(n, course, &e);
    node__post(n, &e.ev);
    buf_deinit(&e.course);
    buf_deinit(&e.edition);
    buf_deinit(&e.profile);
    buf_deinit(&e.revoked);
}

static void load_edition(struct node *n, const struct core_effect *fx)
{
    struct record_id edition = fx->u.load_edition.edition;
    int rc =
        fx->u.load_edition.named
            ? 0
            : node_edition(n, &fx->u.load_edition.course, &edition, NULL, NULL);

    if (rc == 0)
        holding__load(n, &edition, fx->u.load_edition.token);
    else
        holding__not_found(n, fx->u.load_edition.token, rc);
}

/* ---- peers
 * ---------------------------------------------------------------------- */

struct seen_job {
    struct node *n;
    struct node_id node;
    char address[CORE_ADDRESS_MAX];
};

static void seen_work(void *user)
{
    struct seen_job *job = user;
    struct id_hex hex = node_id_hex(&job->node);
    const char *values[1] = {job->address};
    char known[CORE_ADDRESS_MAX];

    if (journal_get(job->n->choices, "seen", hex.s, 0, known, sizeof known) ==
            0 &&
        strcmp(known, job->address) == 0)
        return;
    (void)journal_set(job->n->choices, "seen", hex.s, values, 1, NULL);
}

static void remember_address(struct node *n, const struct core_effect *fx)
{
    struct seen_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return;
    job->n = n;
    job->node = fx->u.address_worked.node;
    memcpy(job->address, fx->u.address_worked.address, sizeof job->address);
    if (node_work(n, seen_work, free, job) != 0)
        free(job);
}

static void dial(struct node *n, const struct core_effect *fx)
{
    struct core_event ev = {.kind = EV_DIAL_FAILED};

    if (n->transport != NULL && transport_dial(n->transport, &fx->u.dial.node,
                                               fx->u.dial.address, NULL) == 0)
        return;
    ev.u.dial_failed.node = fx->u.dial.node;
    memcpy(ev.u.dial_failed.address, fx->u.dial.address, CORE_ADDRESS_MAX);
    node__post(n, &ev);
}

static void count_fact(void *user, const char *key, const char *const *values,
                       size_t count)
{
    (void)key;
    (void)values;
    (void)count;
    ++*(size_t *)user;
}

static size_t bans_kept(struct node *n)
{
    size_t count = 0;

    journal_each(n->choices, "block", count_fact, &count);
    return count;
}

static void ban(struct node *n, const struct core_effect *fx)
{
    struct id_hex hex = node_id_hex(&fx->u.ban.node);
    char until[24];
    const char *values[2] = {until, fx->u.ban.why};

    (void)snprintf(until, sizeof until, "%llu",
                   (unsigned long long)fx->u.ban.until_wall_ms);
    if (bans_kept(n) >= BANS_KEPT_MAX)
        node__forget_old_bans(n);
    if (bans_kept(n) < BANS_KEPT_MAX) /* the core knows it until we stop */
        (void)journal_set(n->choices, "block", hex.s, values, 2, NULL);
    node__log(n, NODE_WARN, "peer.banned",
              (const char *const[]){"node", hex.s, "why", fx->u.ban.why,
                                    "until_ms", until, NULL});
    if (n->transport != NULL)
        transport_refuse(n->transport, &fx->u.ban.node,
                         fx->u.ban.until_wall_ms);
}

/* ---- the switch
 * -------------------------------------------------------------------- */

void node__carry_out(struct node *n, const struct core_effect *fx)
{
    switch (fx->kind) {
    case FX_SEND:
        /* A control message that finds the queue full is lost like any on a
         * broken line: deadlines ask again. */
        if (n->transport != NULL)
            (void)transport_send(n->transport, fx->u.send.conn, fx->u.send.data,
                                 fx->u.send.len);
        break;
    case FX_SERVE:
        serve__chunk(n, fx);
        break;
    case FX_STORE:
        intake__take(n, fx);
        break;
    case FX_STORE_RECORDS:
        store_records(n, fx);
        break;
    case FX_LOAD_COURSE:
        load_course(n, fx);
        break;
    case FX_LOAD_EDITION:
        load_edition(n, fx);
        break;
    case FX_LOAD_MANIFEST:
        holding__load(n, &fx->u.load_manifest.edition,
                      fx->u.load_manifest.token);
        break;
    case FX_RELEASE:
        holding__release(n, &fx->u.release.edition);
        break;
    case FX_DIAL:
        dial(n, fx);
        break;
    case FX_DROP:
        if (n->transport != NULL)
            transport_drop(n->transport, fx->u.drop.conn);
        break;
    case FX_BAN:
        ban(n, fx);
        break;
    case FX_ADDRESS_WORKED:
        remember_address(n, fx);
        break;
    case FX_NOTIFY:
        fetch__notice(n, fx);
        break;
    }
}
