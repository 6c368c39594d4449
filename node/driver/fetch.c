/* fetch: one request to have a course here: asks the core, opens the folder it
 * goes to, watches that it moves, puts the files in place, says how it went. */
#include "node/driver/node_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define TIMEOUT_DEFAULT_MS 30000
#define UNREACHABLE_GRACE_MS 5000 /* before "nobody there" is an answer */
#define NEWS_GRACE_MS 3000        /* wait for word of a newer edition */
#define NEWS_SETTLE_MS 300        /* after the first peer takes part */
#define FINISH_TRIES 3

struct baseline { /* what a peer had sent before this fetch began */
    struct node_id node;
    uint64_t bytes;
    uint32_t rejected;
};

struct fetch {
    struct fetch *next;
    struct node *n;
    struct fetch_events events;
    void *user;
    struct course_id course;
    char *to;
    int32_t lesson;
    uint64_t timeout_ms;

    enum fetch_state state;
    struct record_id edition;
    struct held_manifest *hm;
    struct target *target;
    struct held_manifest *target_hm; /* which it borrows */
    struct record_id target_edition;
    struct target *retired; /* of an edition that was overtaken */
    struct held_manifest *retired_hm;
    bool busy;     /* a worker has the target */
    bool complete; /* every slot is held */
    bool started_complete;
    int tries;

    uint64_t start_ms;
    uint64_t moved_ms; /* last progress */
    uint64_t moved_mark;
    uint64_t no_peers_ms; /* 0 = not so */
    uint64_t unknown_ms;  /* every peer said: unknown; 0 = not so */
    uint64_t met_ms;      /* first peer that takes part; 0 = none yet */
    bool have_reused;
    uint32_t reused;
    struct baseline *base;
    size_t base_count;

    _Atomic bool stop; /* for the worker that has the target */
    bool ending;
    int rc;
    struct err err;
    uv_timer_t timer;
};

static uint64_t now_ms(struct fetch *f)
{
    return uv_now(f->n->loop);
}

static void on_tick(uv_timer_t *timer);

/* Act on the next turn of the loop, never inside a step of the core. */
static void kick(struct fetch *f)
{
    (void)uv_timer_start(&f->timer, on_tick, 0, TICK_MS);
}

static void end_with(struct fetch *f, int rc, const struct err *e)
{
    if (f->ending)
        return;
    f->ending = true;
    f->rc = rc;
    if (e != NULL)
        f->err = *e;
    kick(f);
}

static bool is_for(const struct fetch *f, const struct course_id *course)
{
    return !f->ending && course_id_eq(&f->course, course);
}

/* ---- what the core says
 * ------------------------------------------------------------ */

static void note_edition(struct fetch *f)
{
    struct core_progress p;

    core_progress(f->n->core, &f->course, &p);
    if (f->state != FETCH_LOOKING && record_id_eq(&f->edition, &p.edition))
        return;
    f->edition = p.edition;
    f->state = FETCH_LISTING;
    f->complete = false;
    f->unknown_ms = 0;
    held_manifest_unref(f->hm);
    f->hm = NULL;
}

static void note_manifest(struct fetch *f)
{
    struct core_progress p;
    struct holding *h;

    note_edition(f);
    core_progress(f->n->core, &f->course, &p);
    h = holding__find(f->n, &f->edition);
    if (h != NULL && h->hm != NULL && f->hm == NULL) {
        f->hm = h->hm;
        f->hm->refs++;
    }
    if (!f->have_reused) {
        f->have_reused = true;
        f->reused = p.slots_have > p.fetched_chunks
                        ? p.slots_have - p.fetched_chunks
                        : 0;
    }
    f->state = FETCH_MOVING;
    if (catalog_held(f->n->catalog, &f->edition) == HELD_NOTHING)
        (void)catalog_set_held(f->n->catalog, &f->edition, HELD_PARTIAL, NULL);
}

/* Said before the disk is full rather than after. */
static void check_room(struct fetch *f)
{
    struct core_progress p;
    struct err err = ERR_INIT;
    int rc;

    core_progress(f->n->core, &f->course, &p);
    rc = store_room(f->n->store, p.stored_bytes - p.stored_bytes_have, &err);
    if (rc == ERR_NO_SPACE)
        end_with(f, rc, &err);
}

static void prefer_lesson(struct fetch *f)
{
    struct node_event *e;
    const struct manifest *m = f->hm != NULL ? &f->hm->m : NULL;
    uint32_t skip;
    int64_t file;

    if (m == NULL || f->lesson <= 0 || f->complete)
        return;
    if ((uint32_t)f->lesson > m->lesson_count) {
        struct err err = ERR_INIT;

        end_with(f,
                 err_set(&err, ERR_NOT_FOUND, "the course has %u lessons",
                         m->lesson_count),
                 &err);
        return;
    }
    file = manifest_find(m, m->lessons[f->lesson - 1].path);
    e = file >= 0 ? node__event(f->n, EV_PRIORITY) : NULL;
    if (e == NULL)
        return;
    e->ev.u.priority.course = f->course;
    manifest_slots_of(m, (uint32_t)file, 0, m->files[file].size,
                      &e->ev.u.priority.first, &e->ev.u.priority.count, &skip);
    node__post(f->n, e);
}

static void note(struct fetch *f, enum core_notice notice)
{
    struct err err = ERR_INIT;
    struct core_progress p;

    if (f->state == FETCH_WRITING)
        return; /* this edition is put in place first: the next get moves on */
    switch (notice) {
    case NOTICE_EDITION:
        note_edition(f);
        break;
    case NOTICE_MANIFEST:
        note_manifest(f);
        check_room(f);
        prefer_lesson(f);
        break;
    case NOTICE_PROGRESS:
        return;
    case NOTICE_COMPLETE:
        note_manifest(f);
        core_progress(f->n->core, &f->course, &p);
        f->started_complete = p.fetched_chunks == 0;
        f->complete = true;
        break;
    case NOTICE_NO_PEERS:
        if (f->no_peers_ms == 0)
            f->no_peers_ms = now_ms(f) + 1;
        break;
    case NOTICE_NO_SOURCE:
        break; /* the time-out decides: a source may come back */
    case NOTICE_UNKNOWN_COURSE:
        if (f->unknown_ms == 0)
            f->unknown_ms = now_ms(f) + 1;
        break;
    case NOTICE_BAD_EDITION:
        end_with(f,
                 err_set(&err, ERR_FAILED,
                         "the author's manifest breaks the rules: refused"),
                 &err);
        break;
    }
    kick(f);
}

void fetch__notice(struct node *n, const struct core_effect *fx)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (is_for(f, &fx->u.notify.course))
            note(f, fx->u.notify.notice);
}

void fetch__disk_failed(struct node *n, const struct target *target, int rc,
                        const struct err *e)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (target == NULL || f->target == target)
            end_with(f, rc, e);
}

void fetch__intake_moved(struct node *n)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (f->ending || f->complete)
            kick(f);
}

/* ---- the folder
 * ---------------------------------------------------------------------- */

static bool needs_folder(const struct fetch *f, const struct record_id *edition)
{
    return f->to != NULL && !f->busy &&
           (f->target == NULL || !record_id_eq(&f->target_edition, edition));
}

bool fetch__wants_folder(const struct node *n, const struct course_id *course)
{
    const struct fetch *f = n->fetches;

    while (f != NULL && !(is_for(f, course) && f->to != NULL))
        f = f->next;
    return f != NULL;
}

struct folder_job {
    struct fetch *f;
    struct held_manifest *hm;
    struct target *target;
    int rc;
    struct err err;
    void (*then)(void *user); /* NULL for all but the last */
    void *then_user;
};

static void folder_work(void *user)
{
    struct folder_job *job = user;

    job->rc = target_open(job->f->n->store, job->f->n->home, job->f->to,
                          &job->hm->edition, &job->hm->m, job->f->target,
                          &job->target, &job->err);
}

/* Once no chunk is on its way to it any more. */
static void drop_retired(struct fetch *f)
{
    if (f->retired == NULL || intake__uses(f->n, f->retired))
        return;
    for (struct holding *h = f->n->holdings; h != NULL; h = h->next)
        if (h->target == f->retired)
            h->target = NULL;
    target_close(f->retired);
    held_manifest_unref(f->retired_hm);
    f->retired = NULL;
    f->retired_hm = NULL;
}

static void adopt_target(struct fetch *f, struct folder_job *job)
{
    struct holding *h = holding__find(f->n, &job->hm->edition);

    drop_retired(f);
    if (f->target != NULL && f->retired == NULL) {
        f->retired = f->target;
        f->retired_hm = f->target_hm;
    } else if (f->target != NULL) { /* a third edition at once */
        target_close(job->target);
        end_with(f, ERR_CONFLICT, NULL);
        return;
    }
    f->target = job->target;
    target_watch(f->target, &f->stop);
    f->target_hm = job->hm;
    f->target_hm->refs++;
    f->target_edition = job->hm->edition;
    held_manifest_unref(f->hm);
    f->hm = job->hm;
    f->hm->refs++;
    if (h != NULL && h->target == NULL)
        h->target = f->target;
}

static void folder_done(void *user)
{
    struct folder_job *job = user;
    struct fetch *f = job->f;

    f->busy = false;
    if (job->rc == 0)
        adopt_target(f, job);
    else
        end_with(f, job->rc, &job->err);
    if (job->then != NULL)
        job->then(job->then_user);
    held_manifest_unref(job->hm);
    free(job);
    kick(f);
}

static int open_folder(struct fetch *f, struct held_manifest *hm,
                       void (*then)(void *user), void *then_user)
{
    struct folder_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return ERR_NOMEM;
    job->f = f;
    job->hm = hm;
    job->then = then;
    job->then_user = then_user;
    if (node_work(f->n, folder_work, folder_done, job) != 0) {
        free(job);
        return ERR_NOMEM;
    }
    hm->refs++;
    f->busy = true;
    return 0;
}

void fetch__manifest_ready(struct node *n, struct holding *h,
                           void (*then)(void *user), void *user)
{
    struct fetch *f = n->fetches;

    while (f != NULL &&
           !(is_for(f, &h->course) && needs_folder(f, &h->edition)))
        f = f->next;
    /* One folder takes the chunks as they come; others are filled at the end
     * from what is held then. */
    if (f == NULL || open_folder(f, h->hm, then, user) != 0)
        then(user);
}

/* ---- the end
 * -------------------------------------------------------------------------- */

struct finish_job {
    struct fetch *f;
    int rc;
    struct err err;
};

static void finish_work(void *user)
{
    struct finish_job *job = user;

    job->rc = target_finish(job->f->target, &job->err);
}

/* Files that are whole are in place now; what the store turned out to lack is
 * fetched again. */
static void look_for_holes(struct fetch *f)
{
    const struct chunk_table *t = &f->hm->m.table;
    uint8_t *bits = calloc(1, t->count / 8 + 1);
    struct holding *h = holding__find(f->n, &f->edition);
    struct core_progress p;
    uint32_t held = 0;

    core_progress(f->n->core, &f->course, &p);
    if (bits != NULL && h != NULL && p.known &&
        record_id_eq(&p.edition, &f->edition) &&
        store_have(f->n->store, t->refs, t->count, bits, &held, NULL) == 0) {
        for (uint32_t i = 0; i < t->count; i++) {
            struct node_event *e;

            if ((bits[i / 8] & (0x80u >> (i % 8))) != 0)
                continue;
            e = node__event(f->n, EV_LOST);
            if (e == NULL)
                break;
            e->ev.u.lost.swarm = p.swarm;
            e->ev.u.lost.slot = i;
            node__post(f->n, e);
        }
        holding__incomplete(f->n, h);
    }
    free(bits);
}

static void note_root(struct fetch *f)
{
    struct id_hex course = course_id_hex(&f->course);
    struct id_hex edition = record_id_hex(&f->edition);
    char *dir = realpath(f->to, NULL);
    const char *values[2] = {dir != NULL ? dir : f->to, edition.s};

    (void)journal_set(f->n->roots, "fetched", course.s, values, 2, NULL);
    free(dir);
}

/* Word of a newer edition may have come while files were put in place. */
static void catch_up(struct fetch *f)
{
    struct core_progress p;

    core_progress(f->n->core, &f->course, &p);
    if (record_id_eq(&p.edition, &f->edition)) {
        look_for_holes(f);
        return;
    }
    note(f, NOTICE_EDITION);
    if (p.has_manifest)
        note(f, NOTICE_MANIFEST);
    if (p.has_manifest && p.slots_have == p.slots)
        note(f, NOTICE_COMPLETE);
}

static void finish_done(void *user)
{
    struct finish_job *job = user;
    struct fetch *f = job->f;

    f->busy = false;
    if (job->rc == ERR_PARTIAL && f->complete && !f->ending &&
        ++f->tries < FINISH_TRIES) {
        f->state = FETCH_MOVING;
        f->complete = false;
        catch_up(f);
        kick(f);
    } else if (!f->ending) {
        if (job->rc == 0)
            note_root(f);
        end_with(f, job->rc, &job->err);
    }
    free(job);
    kick(f);
}

static void start_finish(struct fetch *f)
{
    struct finish_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return;
    job->f = f;
    f->state = FETCH_WRITING;
    if (node_work(f->n, finish_work, finish_done, job) == 0)
        f->busy = true;
    else
        free(job);
}

static void fill_status(struct fetch *f, struct fetch_status *s)
{
    struct core_progress p;

    *s = (struct fetch_status){
        .state = f->state, .course = f->course, .edition = f->edition};
    core_progress(f->n->core, &f->course, &p);
    s->seq = p.seq;
    if (f->hm != NULL) {
        s->content_bytes = f->hm->m.bytes;
        s->files = f->hm->m.file_count;
        s->seq = f->hm->seq;
    }
    s->total_bytes = p.stored_bytes;
    s->have_bytes = p.stored_bytes_have;
    s->fetched_bytes = p.fetched_bytes;
    s->fetched_chunks = p.fetched_chunks;
    s->rejected_chunks = p.rejected_chunks;
    s->missing_chunks = p.slots - p.slots_have;
    s->reused_chunks = f->reused;
    s->rate_bps = p.rate_bps;
    s->peers = p.peers;
    s->seeders = p.seeders;
    s->elapsed_ms = now_ms(f) - f->start_ms;
}

struct peer_list {
    struct fetch *f;
    struct fetch_peer *list;
    size_t count;
};

static const struct baseline *baseline_of(const struct fetch *f,
                                          const struct node_id *node)
{
    static const struct baseline none;

    for (size_t i = 0; i < f->base_count; i++)
        if (node_id_eq(&f->base[i].node, node))
            return &f->base[i];
    return &none;
}

static void add_peer(void *user, const struct core_peer_info *p)
{
    struct peer_list *l = user;
    const struct baseline *b = baseline_of(l->f, &p->node);
    struct fetch_peer *grown;

    if (p->received_bytes == b->bytes && p->rejected == b->rejected)
        return;
    for (size_t i = 0; i < l->count; i++)
        if (node_id_eq(&l->list[i].node, &p->node))
            return;
    grown = realloc(l->list, (l->count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    l->list = grown;
    l->list[l->count++] = (struct fetch_peer){
        p->node, p->received_bytes - b->bytes, p->rejected - b->rejected};
}

static void add_baseline(void *user, const struct core_peer_info *p)
{
    struct fetch *f = user;
    struct baseline *grown =
        realloc(f->base, (f->base_count + 1) * sizeof *grown);

    if (grown == NULL)
        return;
    f->base = grown;
    f->base[f->base_count++] =
        (struct baseline){p->node, p->received_bytes, p->rejected};
}

static void on_closed(uv_handle_t *handle)
{
    struct fetch *f = handle->data;
    struct node *n = f->n;

    held_manifest_unref(f->hm);
    held_manifest_unref(f->target_hm);
    held_manifest_unref(f->retired_hm);
    free(f->base);
    free(f->to);
    free(f);
    n->open_handles--;
    node__try_finish_close(n);
}

static bool shared_course(const struct fetch *f)
{
    for (struct fetch *o = f->n->fetches; o != NULL; o = o->next)
        if (o != f && is_for(o, &f->course))
            return true;
    return false;
}

static void detach_targets(struct fetch *f)
{
    for (struct holding *h = f->n->holdings; h != NULL; h = h->next)
        if (h->target != NULL &&
            (h->target == f->target || h->target == f->retired))
            h->target = NULL;
}

static void stop_in_core(struct fetch *f)
{
    struct node_event *e = node__event(f->n, EV_STOP_FETCH);

    if (e != NULL)
        e->ev.u.stop_fetch.course = f->course;
    node__post(f->n, e);
}

static void log_begin(struct fetch *f)
{
    node__log(
        f->n, NODE_INFO, "get.begin",
        (const char *const[]){"course", course_id_hex(&f->course).s, NULL});
}

static void log_end(struct fetch *f, const struct fetch_status *s)
{
    char bytes[24];
    char ms[24];

    (void)snprintf(bytes, sizeof bytes, "%llu",
                   (unsigned long long)s->fetched_bytes);
    (void)snprintf(ms, sizeof ms, "%llu", (unsigned long long)s->elapsed_ms);
    node__log(f->n, f->rc == 0 ? NODE_INFO : NODE_WARN,
              f->rc == 0 ? "get.done" : "get.failed",
              (const char *const[]){
                  "course", course_id_hex(&f->course).s, "fetched_bytes", bytes,
                  "ms", ms, f->rc != 0 ? "why" : NULL, f->err.text, NULL});
}

/* Nothing of ours is with a worker any more: report and go. */
static void end_now(struct fetch *f)
{
    struct fetch **at = &f->n->fetches;
    struct fetch_status s;
    struct peer_list peers = {f, NULL, 0};

    if (f->complete && f->rc == 0)
        (void)catalog_set_held(f->n->catalog, &f->edition, HELD_COMPLETE, NULL);
    if (f->rc == 0)
        f->state = FETCH_DONE;
    fill_status(f, &s);
    log_end(f, &s);
    core_peers(f->n->core, false, add_peer, &peers);
    if (!shared_course(f))
        stop_in_core(f);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    target_close(f->target);
    target_close(f->retired);
    if (f->events.done != NULL)
        f->events.done(f->user, f->rc, &f->err, &s, peers.list, peers.count);
    free(peers.list);
    uv_close((uv_handle_t *)&f->timer, on_closed);
}

/* ---- the clock
 * -------------------------------------------------------------------------- */

static void watch_progress(struct fetch *f, const struct fetch_status *s)
{
    uint64_t mark = s->have_bytes + s->fetched_bytes + (uint64_t)s->state;
    struct target_progress t = {0};

    if (f->target != NULL && !f->busy)
        target_progress(f->target, &t);
    mark += t.bytes_done;
    if (mark != f->moved_mark || f->busy) {
        f->moved_mark = mark;
        f->moved_ms = now_ms(f);
    }
    if (s->peers != 0) {
        f->no_peers_ms = 0;
        if (f->met_ms == 0)
            f->met_ms = now_ms(f);
    }
}

static void give_up(struct fetch *f, const struct fetch_status *s, int rc,
                    const char *why)
{
    struct err err = ERR_INIT;

    if (f->hm != NULL && s->have_bytes != 0)
        rc = err_set(&err, ERR_PARTIAL,
                     "%s; %u chunks are missing, what came is kept", why,
                     s->missing_chunks);
    else
        rc = err_set(&err, rc, "%s", why);
    err_hint(&err, "run the same command again when a peer that has the "
                   "course is up, or name one with --peer HOST:PORT@KEY");
    end_with(f, rc, &err);
}

static void watch_clock(struct fetch *f, const struct fetch_status *s)
{
    uint64_t now = now_ms(f);

    if (f->no_peers_ms != 0 && s->have_bytes == 0 &&
        now - f->start_ms >= UNREACHABLE_GRACE_MS)
        give_up(f, s, ERR_NETWORK, "no peer could be reached");
    else if (f->unknown_ms != 0 && now - f->unknown_ms >= UNREACHABLE_GRACE_MS)
        give_up(f, s, ERR_NETWORK, "no peer that was reached has this course");
    else if (now - f->moved_ms >= f->timeout_ms)
        give_up(f, s, f->met_ms != 0 ? ERR_TIMEOUT : ERR_NETWORK,
                f->met_ms != 0 ? "no progress within the time-out"
                               : "no peer could be reached");
}

/* A course that was whole at the start waits a moment for word of a newer
 * edition. */
static bool may_finish(const struct fetch *f)
{
    uint64_t now = uv_now(f->n->loop);

    if (!f->complete || f->hm == NULL)
        return false;
    if (!f->started_complete || f->n->transport == NULL)
        return true;
    return f->no_peers_ms != 0 || now - f->start_ms >= NEWS_GRACE_MS ||
           (f->met_ms != 0 && now - f->met_ms >= NEWS_SETTLE_MS);
}

static void go_on(struct fetch *f)
{
    if (f->to == NULL)
        end_with(f, 0, NULL);
    else if (needs_folder(f, &f->edition))
        (void)open_folder(f, f->hm, NULL, NULL);
    else if (!intake__uses(f->n, f->target) &&
             (f->retired == NULL || !intake__uses(f->n, f->retired)))
        start_finish(f);
}

static void on_tick(uv_timer_t *timer)
{
    struct fetch *f = timer->data;
    struct fetch_status s;

    fill_status(f, &s);
    watch_progress(f, &s);
    if (!f->ending && f->events.progress != NULL)
        f->events.progress(f->user, &s);
    if (!f->ending && !f->busy && may_finish(f))
        go_on(f);
    else if (!f->ending && !f->busy && !f->complete)
        watch_clock(f, &s);
    if (!f->ending || f->busy)
        return;
    detach_targets(f);
    if ((f->target == NULL || !intake__uses(f->n, f->target)) &&
        (f->retired == NULL || !intake__uses(f->n, f->retired)))
        end_now(f);
}

/* ---- commands
 * ------------------------------------------------------------------------------
 */

int fetch_start(struct node *n, const struct fetch_options *opt,
                const struct fetch_events *events, void *user,
                struct fetch **out, struct err *e)
{
    struct fetch *f = calloc(1, sizeof *f);
    struct node_event *ev = node__event(n, EV_FETCH);

    if (f != NULL && opt->to != NULL)
        f->to = strdup(opt->to);
    if (f == NULL || ev == NULL || (opt->to != NULL && f->to == NULL)) {
        free(f);
        free(ev);
        return err_set(e, ERR_NOMEM, "fetch");
    }
    f->n = n;
    f->events = *events;
    f->user = user;
    f->course = opt->course;
    f->lesson = opt->lesson;
    f->timeout_ms = opt->timeout_ms ? opt->timeout_ms : TIMEOUT_DEFAULT_MS;
    uv_update_time(n->loop);
    f->start_ms = f->moved_ms = uv_now(n->loop);
    core_peers(n->core, false, add_baseline, f);
    (void)uv_timer_init(n->loop, &f->timer);
    f->timer.data = f;
    n->open_handles++;
    f->next = n->fetches;
    n->fetches = f;
    kick(f);
    log_begin(f);
    ev->ev.u.fetch.course = opt->course;
    node__post(n, ev);
    *out = f;
    return 0;
}

void fetch_cancel(struct fetch *f)
{
    struct err err = ERR_INIT;

    atomic_store(&f->stop, true);
    end_with(f,
             err_set(&err, ERR_INTERRUPTED, "interrupted; what came is kept"),
             &err);
}

void fetch__end_all(struct node *n)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        fetch_cancel(f);
}
