/* fetch: one request to have a course here: asks the core, opens the folder it
 * goes to, watches that it moves, puts the files in place, says how it went. */
#include "node/driver/fetch_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define TIMEOUT_DEFAULT_MS 30000
#define UNREACHABLE_GRACE_MS 5000 /* before "nobody there" is an answer */
#define NEWS_GRACE_MS 3000        /* wait for word of a newer edition */
#define HEAD_TICK_MS 25
#define HEAD_ENOUGH 3      /* answers */
#define HEAD_SETTLE_MS 300 /* for dials to begin */
#define HEAD_LIMIT_MS 2000 /* for those who may answer or not */
#define NEWS_SETTLE_MS 300 /* after the first peer takes part */

static uint64_t now_ms(struct fetch *f)
{
    return uv_now(f->n->loop);
}

static void on_tick(uv_timer_t *timer);

/* Act on the next turn of the loop, never inside a step of the core. */
void fetch__kick(struct fetch *f)
{
    (void)uv_timer_start(&f->timer, on_tick, 0,
                         f->purpose == FETCH_HEAD ? HEAD_TICK_MS : TICK_MS);
}

void fetch__end_with(struct fetch *f, int rc, const struct err *e)
{
    if (f->ending)
        return;
    f->ending = true;
    f->rc = rc;
    if (e != NULL)
        f->err = *e;
    fetch__kick(f);
}

bool fetch__is_for(const struct fetch *f, const struct course_id *course)
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
        fetch__end_with(f, rc, &err);
}

static void tell_plan(struct fetch *f)
{
    struct fetch_status s;

    fetch__fill_status(f, &s);
    if (f->events.plan != NULL)
        f->events.plan(f->user, &s);
}

void fetch_prefer(struct fetch *f, uint32_t first, uint32_t count)
{
    struct core_event ev = {.kind = EV_PRIORITY};

    ev.u.priority.course = f->course;
    ev.u.priority.first = first;
    ev.u.priority.count = count;
    node__post(f->n, &ev);
}

static void prefer_lesson(struct fetch *f)
{
    const struct manifest *m = f->hm != NULL ? &f->hm->m : NULL;
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    int64_t file;

    if (m == NULL || f->lesson <= 0 || f->complete)
        return;
    if ((uint32_t)f->lesson > m->lesson_count) {
        struct err err = ERR_INIT;

        fetch__end_with(f,
                        err_set(&err, ERR_NOT_FOUND,
                                "the course has %u lessons", m->lesson_count),
                        &err);
        return;
    }
    file = manifest_find(m, m->lessons[f->lesson - 1].path);
    if (file < 0)
        return;
    manifest_slots_of(m, (uint32_t)file, 0, m->files[file].size, &first, &count,
                      &skip);
    fetch_prefer(f, first, count);
}

/* Is there nothing to fetch because its author withdrew it? ERR_REFUSED. */
static int check_withdrawn(struct fetch *f, struct err *e)
{
    struct record_id edition;
    int rc = catalog_offered(f->n->catalog, &f->course, &edition, NULL, e);

    if (rc != ERR_REFUSED)
        return 0;
    err_hint(e, "who has it keeps it; ask its author for what replaces it");
    return rc;
}

void fetch__note(struct fetch *f, enum core_notice notice)
{
    struct err err = ERR_INIT;
    struct core_progress p;

    if (f->purpose == FETCH_HEAD || f->state == FETCH_WRITING)
        return; /* this edition is put in place first: the next get moves on */
    switch (notice) {
    case NOTICE_EDITION:
        note_edition(f);
        break;
    case NOTICE_MANIFEST:
        note_manifest(f);
        if (f->purpose == FETCH_COURSE)
            check_room(f);
        tell_plan(f);
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
    case NOTICE_WITHDRAWN:
        if (check_withdrawn(f, &err) != 0)
            fetch__end_with(f, err.code, &err);
        break;
    case NOTICE_UNKNOWN_COURSE:
        if (f->unknown_ms == 0)
            f->unknown_ms = now_ms(f) + 1;
        break;
    case NOTICE_BAD_EDITION:
        fetch__end_with(
            f,
            err_set(&err, ERR_FAILED,
                    "the author's manifest breaks the rules: refused"),
            &err);
        break;
    }
    fetch__kick(f);
}

void fetch__notice(struct node *n, const struct core_effect *fx)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (fetch__is_for(f, &fx->u.notify.course))
            fetch__note(f, fx->u.notify.notice);
}

void fetch__no_memory(struct node *n, const struct course_id *course)
{
    struct err err = ERR_INIT;
    int rc = err_set(&err, ERR_NOMEM, "fetch");

    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (fetch__is_for(f, course))
            fetch__end_with(f, rc, &err);
}

void fetch__disk_failed(struct node *n, const struct target *target, int rc,
                        const struct err *e)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (target == NULL || f->folder.target == target)
            fetch__end_with(f, rc, e);
}

void fetch__intake_moved(struct node *n)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        if (f->ending || f->complete)
            fetch__kick(f);
}

static void on_closed(uv_handle_t *handle)
{
    struct fetch *f = handle->data;
    struct node *n = f->n;

    held_manifest_unref(f->hm);
    free(f->base);
    free(f->to);
    free(f);
    n->open_handles--;
    node__try_finish_close(n);
}

static void post_fetch(struct fetch *f, bool stop, bool listing)
{
    struct core_event ev = {.kind = stop ? EV_STOP_FETCH : EV_FETCH};

    if (stop) {
        ev.u.stop_fetch.course = f->course;
    } else {
        ev.u.fetch.course = f->course;
        ev.u.fetch.listing = listing;
    }
    node__post(f->n, &ev);
}

/* The core goes on as far as others need it. */
static void leave_core(struct fetch *f)
{
    bool shared = false;
    bool whole = false;

    for (struct fetch *o = f->n->fetches; o != NULL; o = o->next) {
        bool same = o != f && fetch__is_for(o, &f->course);

        shared |= same;
        whole |= same && o->purpose == FETCH_COURSE;
    }
    if (f->purpose == FETCH_RANGE)
        fetch_prefer(f, 0, 0);
    if (shared && (whole || f->purpose != FETCH_COURSE))
        return;
    post_fetch(f, true, false);
    if (shared)
        post_fetch(f, false, true);
}

/* Not a course that was fetched. */
static bool is_quiet(const struct fetch *f)
{
    return f->purpose == FETCH_HEAD || f->purpose == FETCH_RANGE;
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

    if (f->complete && (f->rc == 0 || f->whole))
        (void)catalog_set_held(f->n->catalog, &f->edition, HELD_COMPLETE, NULL);
    if ((f->rc == 0 && f->complete) || f->whole)
        f->state = FETCH_DONE;
    fetch__fill_status(f, &s);
    if (!is_quiet(f))
        log_end(f, &s);
    core_peers(f->n->core, false, fetch__add_peer, &peers);
    leave_core(f);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    s.folder = f->folder.target;
    if (f->events.done != NULL)
        f->events.done(f->user, f->rc, &f->err, &s, peers.list, peers.count);
    fetch__close_folder(f);
    free(peers.list);
    uv_close((uv_handle_t *)&f->timer, on_closed);
}

/* ---- the clock
 * -------------------------------------------------------------------------- */

static void watch_progress(struct fetch *f, const struct fetch_status *s)
{
    uint64_t mark = s->have_bytes + s->fetched_bytes + (uint64_t)s->state;
    struct target_progress t = {0};

    if (f->folder.target != NULL && !f->busy)
        target_progress(f->folder.target, &t);
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

    if (f->hm == NULL && check_withdrawn(f, &err) != 0) {
        fetch__end_with(f, err.code, &err);
        return;
    }
    if (f->purpose == FETCH_RANGE)
        rc = err_set(&err, rc, "%s", why);
    else if (f->hm != NULL && s->have_bytes != 0)
        rc = err_set(&err, ERR_PARTIAL,
                     "%s; %u chunks are missing, what came is kept", why,
                     s->missing_chunks);
    else
        rc = err_set(&err, rc, "%s", why);
    err_hint(&err, "run the same command again when a peer that has the "
                   "course is up, or name one with --peer HOST:PORT@KEY");
    fetch__end_with(f, rc, &err);
}

static void watch_clock(struct fetch *f, const struct fetch_status *s)
{
    uint64_t now = now_ms(f);

    if (f->no_peers_ms != 0 && (s->have_bytes == 0 || is_quiet(f)) &&
        now - f->start_ms >= UNREACHABLE_GRACE_MS)
        give_up(f, s, ERR_NETWORK, "no peer could be reached");
    else if (f->unknown_ms != 0 && now - f->unknown_ms >= UNREACHABLE_GRACE_MS)
        give_up(f, s, ERR_NETWORK, "no peer that was reached has this course");
    else if (now - f->moved_ms >= f->timeout_ms)
        give_up(f, s, f->met_ms != 0 ? ERR_TIMEOUT : ERR_NETWORK,
                f->met_ms != 0 ? "no progress within the time-out"
                               : "no peer could be reached");
}

/* Who needs nothing more at the start waits a moment for word of a newer
 * edition. */
static bool may_finish(const struct fetch *f)
{
    uint64_t now = uv_now(f->n->loop);
    bool check = f->purpose == FETCH_CHECK;
    struct core_asked a;

    if ((!f->complete && !check) || f->hm == NULL)
        return false;
    if ((!f->started_complete && !check) || f->n->transport == NULL)
        return true;
    core_asked(f->n->core, &f->course, &a);
    return f->no_peers_ms != 0 || now - f->start_ms >= NEWS_GRACE_MS ||
           (f->met_ms != 0 && now - f->met_ms >= NEWS_SETTLE_MS &&
            a.answered != 0 && !a.storing);
}

/* Who was asked has answered, or there is nobody to ask. */
static bool head_is_known(const struct fetch *f)
{
    uint64_t age = uv_now(f->n->loop) - f->start_ms;
    struct core_asked a;

    core_asked(f->n->core, &f->course, &a);
    if (f->offline || f->n->transport == NULL || !a.known ||
        age >= f->timeout_ms)
        return true;
    if (a.storing)
        return false;
    if (f->must ? a.knowing != 0 : a.answered != 0)
        return a.answered >= HEAD_ENOUGH || age >= HEAD_LIMIT_MS ||
               (!a.waiting && age >= HEAD_SETTLE_MS);
    if (f->must)
        return !a.waiting && age >= UNREACHABLE_GRACE_MS;
    return age >= HEAD_LIMIT_MS || (!a.waiting && age >= HEAD_SETTLE_MS);
}

static void go_on(struct fetch *f)
{
    if (f->purpose == FETCH_CHECK)
        fetch__end_with(f, 0, NULL);
    else if (fetch__needs_folder(f, &f->edition))
        (void)fetch__open_folder(f, f->hm, NULL, NULL);
    else if (f->folder.target == NULL)
        fetch__end_with(f, 0, NULL);
    else if (!fetch__folder_uses(f))
        fetch__start_finish(f);
}

static void move(struct fetch *f, const struct fetch_status *s)
{
    switch (f->purpose) {
    case FETCH_HEAD:
        if (head_is_known(f))
            fetch__end_with(f, 0, NULL);
        return;
    case FETCH_RANGE:
        if (f->idle)
            f->moved_ms = now_ms(f);
        else
            watch_clock(f, s);
        return;
    case FETCH_COURSE:
    case FETCH_CHECK:
        if (may_finish(f))
            go_on(f);
        else if (!f->complete)
            watch_clock(f, s);
        return;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct fetch *f = timer->data;
    struct fetch_status s;

    fetch__fill_status(f, &s);
    watch_progress(f, &s);
    if (!f->ending && f->events.progress != NULL)
        f->events.progress(f->user, &s);
    if (!f->ending && !f->busy)
        move(f, &s);
    if (!f->ending || f->busy)
        return;
    fetch__detach_folder(f);
    if (!fetch__folder_uses(f))
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
    struct core_event ev = {.kind = EV_FETCH};

    if (f != NULL && opt->to != NULL)
        f->to = strdup(opt->to);
    if (f == NULL || (opt->to != NULL && f->to == NULL)) {
        free(f);
        return err_set(e, ERR_NOMEM, "fetch");
    }
    f->n = n;
    f->events = *events;
    f->user = user;
    f->course = opt->course;
    f->follow = opt->follow;
    f->purpose = opt->purpose;
    f->must = opt->must;
    f->offline = opt->offline;
    f->lesson = opt->lesson;
    f->timeout_ms = opt->timeout_ms ? opt->timeout_ms : TIMEOUT_DEFAULT_MS;
    uv_update_time(n->loop);
    f->start_ms = f->moved_ms = uv_now(n->loop);
    core_peers(n->core, false, fetch__add_baseline, f);
    (void)uv_timer_init(n->loop, &f->timer);
    f->timer.data = f;
    n->open_handles++;
    f->next = n->fetches;
    n->fetches = f;
    fetch__kick(f);
    if (!is_quiet(f))
        log_begin(f);
    ev.u.fetch.course = opt->course;
    ev.u.fetch.listing = opt->purpose != FETCH_COURSE;
    node__post(n, &ev);
    *out = f;
    return 0;
}

struct held_manifest *fetch_manifest(const struct fetch *f)
{
    return f->hm;
}

void fetch_waiting(struct fetch *f, bool waiting)
{
    f->idle = !waiting;
}

void fetch_look_again(struct fetch *f)
{
    if (f->hm != NULL && !f->ending)
        fetch__look_for_holes(f);
}

void fetch_end(struct fetch *f)
{
    fetch__end_with(f, 0, NULL);
}

void fetch_cancel(struct fetch *f)
{
    struct err err = ERR_INIT;

    atomic_store(&f->stop, true);
    fetch__end_with(
        f, err_set(&err, ERR_INTERRUPTED, "interrupted; what came is kept"),
        &err);
}

void fetch__end_all(struct node *n)
{
    for (struct fetch *f = n->fetches; f != NULL; f = f->next)
        fetch_cancel(f);
}

void fetch__removed(struct node *n, const struct course_id *course)
{
    struct err err = ERR_INIT;

    (void)err_set(&err, ERR_NOT_FOUND, "the course was removed meanwhile");
    for (struct fetch *f = n->fetches; f != NULL; f = f->next) {
        if (!fetch__is_for(f, course))
            continue;
        atomic_store(&f->stop, true);
        fetch__end_with(f, err.code, &err);
    }
}
