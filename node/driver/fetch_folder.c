/* fetch_folder: the folder that a fetch goes to: opened once the manifest is
 * known, filled as chunks come, put in order at the end. */
#include "node/driver/fetch_internal.h"

#include <stdlib.h>

#define FINISH_TRIES 3

/* ---- the folder
 * ---------------------------------------------------------------------- */

bool fetch__needs_folder(const struct fetch *f, const struct record_id *edition)
{
    return f->to != NULL && !f->busy &&
           (f->target == NULL || !record_id_eq(&f->target_edition, edition));
}

bool fetch__wants_folder(const struct node *n, const struct course_id *course)
{
    const struct fetch *f = n->fetches;

    while (f != NULL && !(fetch__is_for(f, course) && f->to != NULL))
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
        fetch__end_with(f, ERR_CONFLICT, NULL);
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
        fetch__end_with(f, job->rc, &job->err);
    if (job->then != NULL)
        job->then(job->then_user);
    held_manifest_unref(job->hm);
    free(job);
    fetch__kick(f);
}

int fetch__open_folder(struct fetch *f, struct held_manifest *hm,
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

    while (f != NULL && !(fetch__is_for(f, &h->course) &&
                          fetch__needs_folder(f, &h->edition)))
        f = f->next;
    /* One folder takes the chunks as they come; others are filled at the end
     * from what is held then. */
    if (f == NULL || fetch__open_folder(f, h->hm, then, user) != 0)
        then(user);
}

/* ---- the end --------------------------------------------------------------
 */

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
    fetch__note(f, NOTICE_EDITION);
    if (p.has_manifest)
        fetch__note(f, NOTICE_MANIFEST);
    if (p.has_manifest && p.slots_have == p.slots)
        fetch__note(f, NOTICE_COMPLETE);
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
        fetch__kick(f);
    } else if (!f->ending) {
        if (job->rc == 0)
            note_root(f);
        fetch__end_with(f, job->rc, &job->err);
    }
    free(job);
    fetch__kick(f);
}

void fetch__start_finish(struct fetch *f)
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
