#include "node/driver/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/driver/node_internal.h"
#include "node/driver/reader_run.h"

#define TICK_MS 20
#define READERS_MAX 32
#define AHEAD_BYTES (8u << 20)
#define NEAR_NAMES 3

struct reader {
    struct reader *next;
    struct node *n;
    struct course_id course;
    char *path;
    struct reader_range range; /* as asked for */
    int fd;
    bool offline;
    uint64_t timeout_ms;
    reader_done_fn *done;
    void *user;

    struct held_manifest *hm; /* of the edition that is read */
    uint32_t file;
    uint64_t off, end;                 /* of the range, in the file */
    uint64_t written;                  /* up to here, of runs that are over */
    struct held_manifest *hm_new;      /* what to go on with after this run */
    struct reader_run *run;            /* NULL: none */
    struct fetch *fetch;               /* NULL: none */
    uint32_t ahead_first, ahead_count; /* told to the fetch */

    uint64_t start_ms, first_ms, fetched_bytes;
    bool ending, closed;
    int rc;
    struct err err;
    uv_timer_t timer;
};

static void end_with(struct reader *r, int rc, const struct err *e)
{
    if (r->ending)
        return;
    r->ending = true;
    r->rc = rc;
    if (e != NULL)
        r->err = *e;
    if (r->run != NULL)
        atomic_store(&r->run->stop, true);
    if (r->fetch != NULL)
        fetch_end(r->fetch);
}

/* ---- which bytes ----------------------------------------------------- */

/* Files that it may have been: the same name elsewhere, or longer ones. */
static void hint_names(const struct manifest *m, const char *path,
                       struct err *e)
{
    const char *name = strrchr(path, '/');
    char list[320] = "";
    size_t found = 0;
    size_t n = 0;

    name = name != NULL && name[1] != '\0' ? name + 1 : path;
    for (uint32_t i = 0; i < m->file_count && found < NEAR_NAMES; i++) {
        const char *p = m->files[i].path;

        if (strstr(p, name) == NULL || n + strlen(p) + 3 > sizeof list)
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
                              found++ != 0 ? ", " : "", p);
    }
    if (found != 0)
        err_hint(e, "there is: %s", list);
    else
        err_hint(e, "lyceum info COURSE lists what is in it");
}

/* The range in the file of @hm. ERR_NOT_FOUND, ERR_INVALID. */
static int locate(const struct reader *r, const struct held_manifest *hm,
                  uint32_t *out_file, uint64_t *out_off, uint64_t *out_end,
                  struct err *e)
{
    int64_t file = manifest_find(&hm->m, r->path);
    const struct reader_range *g = &r->range;
    uint64_t size;
    int rc;

    if (file < 0) {
        rc = err_set(e, ERR_NOT_FOUND, "edition %llu has no file '%.200s'",
                     (unsigned long long)hm->seq, r->path);
        hint_names(&hm->m, r->path, e);
        return rc;
    }
    size = hm->m.files[file].size;
    *out_file = (uint32_t)file;
    *out_off = g->tail ? size - (g->len < size ? g->len : size) : g->off;
    if (*out_off > size || (*out_off == size && g->off != 0 && !g->tail)) {
        rc = err_set(e, ERR_INVALID,
                     "the range begins behind the end: the file has %llu bytes",
                     (unsigned long long)size);
        return rc;
    }
    *out_end = g->len < size - *out_off ? *out_off + g->len : size;
    return 0;
}

/* Is all that is still to be read the same in @hm? Then nobody notices. */
static bool goes_on(const struct reader *r, const struct held_manifest *hm,
                    uint32_t file, uint64_t off, uint64_t end)
{
    uint32_t first[2];
    uint32_t count[2];
    uint32_t skip[2];
    const struct chunk_ref *a;
    const struct chunk_ref *b;

    if (off != r->off || end != r->end)
        return false;
    manifest_slots_of(&r->hm->m, r->file, off, end - off, &first[0], &count[0],
                      &skip[0]);
    manifest_slots_of(&hm->m, file, off, end - off, &first[1], &count[1],
                      &skip[1]);
    if (count[0] != count[1] || skip[0] != skip[1])
        return false;
    a = &r->hm->m.table.refs[first[0]];
    b = &hm->m.table.refs[first[1]];
    for (uint32_t i = 0; i < count[0]; i++)
        if (!chunk_id_eq(&a[i].id, &b[i].id))
            return false;
    return true;
}

/* ---- runs ------------------------------------------------------------ */

static uint64_t written(const struct reader *r)
{
    return r->run != NULL ? atomic_load(&r->run->at) : r->written;
}

static void start_run(struct reader *r)
{
    struct reader_run *run = calloc(1, sizeof *run);
    struct err err = ERR_INIT;

    if (run != NULL)
        *run = (struct reader_run){.store = r->n->store,
                                   .m = &r->hm->m,
                                   .file = r->file,
                                   .off = r->written,
                                   .end = r->end,
                                   .fd = r->fd};
    r->ahead_count = 0;
    if (run == NULL || reader_run_start(run) != 0) {
        free(run);
        end_with(r, err_set(&err, ERR_NOMEM, "read"), &err);
        return;
    }
    r->run = run;
}

/* Takes @hm. */
static void begin(struct reader *r, struct held_manifest *hm)
{
    struct err err = ERR_INIT;
    uint64_t off = 0;
    uint64_t end = 0;
    uint32_t file = 0;
    int rc = locate(r, hm, &file, &off, &end, &err);

    if (rc == 0 && r->hm != NULL && r->written != r->off &&
        !goes_on(r, hm, file, off, end)) {
        rc = err_set(&err, ERR_CONFLICT,
                     "edition %llu, with another '%.200s', came while edition"
                     " %llu was read",
                     (unsigned long long)hm->seq, r->path,
                     (unsigned long long)r->hm->seq);
        err_hint(&err, "run the same command again to read the new one");
    }
    if (rc != 0) {
        held_manifest_unref(hm);
        end_with(r, rc, &err);
        return;
    }
    if (r->hm == NULL || r->written == r->off)
        r->written = off;
    held_manifest_unref(r->hm);
    r->hm = hm;
    r->file = file;
    r->off = off;
    r->end = end;
    start_run(r);
}

/* ---- the fetch ------------------------------------------------------- */

static void on_plan(void *user, const struct fetch_status *s)
{
    struct reader *r = user;
    struct held_manifest *hm =
        r->fetch != NULL ? fetch_manifest(r->fetch) : NULL;

    (void)s;
    r->ahead_count = 0; /* a new swarm has not been told */
    if (hm == NULL || r->ending)
        return;
    if (r->hm != NULL && record_id_eq(&r->hm->edition, &hm->edition)) {
        fetch_look_again(r->fetch); /* it was taken for whole, maybe */
        return;
    }
    hm->refs++;
    if (r->run == NULL) {
        begin(r, hm);
        return;
    }
    held_manifest_unref(r->hm_new);
    r->hm_new = hm;
    atomic_store(&r->run->stop, true);
}

static void on_fetched(void *user, int rc, const struct err *e,
                       const struct fetch_status *s,
                       const struct fetch_peer *peers, size_t peer_count)
{
    struct reader *r = user;

    (void)peers;
    (void)peer_count;
    r->fetch = NULL;
    r->fetched_bytes = s->fetched_bytes;
    end_with(r, rc, e);
}

static void start_fetch(struct reader *r)
{
    static const struct fetch_events events = {NULL, on_plan, on_fetched};
    struct fetch_options opt = {.course = r->course,
                                .purpose = FETCH_RANGE,
                                .timeout_ms = r->timeout_ms};
    struct err err = ERR_INIT;
    int rc = 0;

    if (r->offline) {
        rc = err_set(&err, ERR_NETWORK,
                     "not all of it is here, and --offline was said");
        err_hint(&err, "run the same command without --offline");
    }
    if (rc == 0)
        rc = fetch_start(r->n, &opt, &events, r, &r->fetch, &err);
    if (rc != 0)
        end_with(r, rc, &err);
}

/* What is to come next: from what is being written, some way ahead. Whoever
 * waits says so again, for another reader of the course may have said since
 * what he wants: the last word counts. */
static void look_ahead(struct reader *r, bool waiting)
{
    uint64_t at = written(r);
    uint64_t bytes = 0;
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    uint32_t n = 0;

    manifest_slots_of(&r->hm->m, r->file, at, r->end - at, &first, &count,
                      &skip);
    while (n < count && bytes < AHEAD_BYTES)
        bytes += r->hm->m.table.refs[first + n++].stored_len;
    if (n == 0 || (!waiting && first == r->ahead_first && n == r->ahead_count))
        return;
    r->ahead_first = first;
    r->ahead_count = n;
    fetch_prefer(r->fetch, first, n);
}

/* ---- the clock ------------------------------------------------------- */

static void end_run(struct reader *r)
{
    struct reader_run *run = r->run;
    struct held_manifest *hm = r->hm_new;

    reader_run_join(run);
    r->run = NULL;
    r->hm_new = NULL;
    r->written = atomic_load(&run->at);
    r->closed = run->closed;
    if (r->closed || r->written == r->end) {
        end_with(r, 0, NULL);
    } else if (run->rc != 0 && run->rc != ERR_CORRUPT &&
               run->rc != ERR_NOT_FOUND) {
        end_with(r, run->rc, &run->err);
    } else if (!r->ending && hm != NULL) {
        begin(r, hm);
        hm = NULL;
    } else if (!r->ending) { /* a chunk was lost */
        if (r->fetch != NULL)
            fetch_look_again(r->fetch);
        start_run(r);
    }
    held_manifest_unref(hm);
    free(run);
}

static void on_closed(uv_handle_t *handle)
{
    struct reader *r = handle->data;
    struct node *n = r->n;

    held_manifest_unref(r->hm);
    free(r->path);
    free(r);
    n->open_handles--;
    node__try_finish_close(n);
}

static void end_now(struct reader *r)
{
    struct reader **at = &r->n->readers;
    struct reader_status s = {
        .seq = r->hm != NULL ? r->hm->seq : 0,
        .size = r->hm != NULL ? r->hm->m.files[r->file].size : 0,
        .off = r->off,
        .len = r->end - r->off,
        .done_bytes = r->written - r->off,
        .first_ms = r->first_ms,
        .elapsed_ms = uv_now(r->n->loop) - r->start_ms,
        .fetched_bytes = r->fetched_bytes,
        .closed = r->closed};

    if ((r->rc == ERR_NETWORK || r->rc == ERR_TIMEOUT) && s.done_bytes != 0) {
        struct err was = r->err;

        r->rc = err_set(&r->err, ERR_PARTIAL, "%s; %llu of %llu bytes came",
                        was.text, (unsigned long long)s.done_bytes,
                        (unsigned long long)s.len);
        err_hint(&r->err, "the rest: --range %llu-%llu",
                 (unsigned long long)r->written,
                 (unsigned long long)r->end - 1);
    }
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    (void)close(r->fd); /* who reads the pipe may wait for its end */
    r->done(r->user, r->rc, &r->err, &s);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void on_tick(uv_timer_t *timer)
{
    struct reader *r = timer->data;

    if (r->first_ms == 0 && r->hm != NULL && written(r) > r->off)
        r->first_ms = uv_now(r->n->loop) - r->start_ms;
    if (r->run != NULL && atomic_load(&r->run->ended))
        end_run(r);
    if (r->run != NULL && !r->ending) {
        bool waiting = atomic_load(&r->run->waiting);

        if (waiting && r->fetch == NULL)
            start_fetch(r);
        if (r->fetch != NULL) {
            fetch_waiting(r->fetch, waiting);
            look_ahead(r, waiting);
        }
    }
    if (r->ending && r->run == NULL && r->fetch == NULL)
        end_now(r);
}

/* ---- commands -------------------------------------------------------- */

static size_t count_readers(const struct node *n)
{
    size_t count = 0;

    for (const struct reader *r = n->readers; r != NULL; r = r->next)
        count++;
    return count;
}

static struct reader *make(struct node *n, const struct reader_options *opt,
                           struct err *e)
{
    struct reader *r;

    if (count_readers(n) >= READERS_MAX) {
        (void)err_set(e, ERR_LIMIT, "%d files are being read already",
                      READERS_MAX);
        return NULL;
    }
    r = calloc(1, sizeof *r);
    if (r != NULL)
        r->path = strdup(opt->path);
    if (r == NULL || r->path == NULL) {
        free(r);
        (void)err_set(e, ERR_NOMEM, "read");
        return NULL;
    }
    r->n = n;
    r->course = opt->course;
    r->range = opt->range;
    r->fd = opt->fd;
    r->offline = opt->offline;
    r->timeout_ms = opt->timeout_ms;
    return r;
}

/* What is here of an edition that has the file is read at once; else peers say
 * which edition it is. */
static void first_run(struct reader *r, struct held_manifest *hm)
{
    if (hm != NULL && (r->offline || manifest_find(&hm->m, r->path) >= 0)) {
        begin(r, hm);
        return;
    }
    held_manifest_unref(hm);
    start_fetch(r);
}

int reader_start(struct node *n, const struct reader_options *opt,
                 reader_done_fn *done, void *user, struct reader **out,
                 struct err *e)
{
    struct reader *r = make(n, opt, e);

    if (r == NULL) {
        (void)close(opt->fd);
        held_manifest_unref(opt->hm);
        return e != NULL ? e->code : ERR_LIMIT;
    }
    r->done = done;
    r->user = user;
    r->start_ms = uv_now(n->loop);
    r->next = n->readers;
    n->readers = r;
    (void)uv_timer_init(n->loop, &r->timer);
    r->timer.data = r;
    n->open_handles++;
    (void)uv_timer_start(&r->timer, on_tick, 0, TICK_MS);
    *out = r;
    first_run(r, opt->hm);
    return 0;
}

void reader_cancel(struct reader *r)
{
    struct err err = ERR_INIT;

    end_with(r,
             err_set(&err, ERR_INTERRUPTED, "interrupted; what came is kept"),
             &err);
}

void reader__end_all(struct node *n)
{
    for (struct reader *r = n->readers; r != NULL; r = r->next)
        reader_cancel(r);
}
