/* fetch_folder: the folder that a fetch goes to: opened once the manifest is
 * known, filled as chunks come, put in order at the end. */
#include "node/driver/fetch_internal.h"

#include <stdlib.h>
#include <string.h>

#define FINISH_TRIES 3

/* ---- opening it
 * --------------------------------------------------------------- */

/* Is that of @edition all that the folder of the course has? Not if another one
 * was on its way there and never came to its end: a rollback, say. */
static bool has_only(const struct fetch *f, const struct record_id *edition)
{
    struct id_hex hex = course_id_hex(&f->course);
    char at[80];
    char dir[4096];

    return journal_get(f->n->roots, "fetched", hex.s, 1, at, sizeof at) == 0 &&
           strcmp(at, record_id_hex(edition).s) == 0 &&
           (journal_get(f->n->roots, "filling", hex.s, 0, dir, sizeof dir) !=
                0 ||
            strcmp(dir, f->to) != 0);
}

bool fetch__needs_folder(const struct fetch *f, const struct record_id *edition)
{
    if (f->to == NULL || f->busy ||
        (f->folder.target != NULL &&
         record_id_eq(&f->folder.hm->edition, edition)))
        return false;
    return !f->follow || f->folder.target != NULL || !has_only(f, edition);
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
    struct folder folder;
    const struct folder *overtaken; /* or NULL */
    int rc;
    struct err err;
    void (*then)(void *user); /* NULL for all but the last */
    void *then_user;
};

static void folder_work(void *user)
{
    struct folder_job *job = user;

    job->rc = folder_open(job->f->n, job->f->to, job->overtaken, &job->folder,
                          &job->err);
}

/* Once no chunk is on its way to it any more. What it has of the next edition
 * was copied from its partials by then, unless that is yet to come. */
static void drop_retired(struct fetch *f)
{
    if (f->retired.target == NULL || intake__uses(f->n, f->retired.target))
        return;
    for (struct holding *h = f->n->holdings; h != NULL; h = h->next)
        if (h->target == f->retired.target)
            h->target = NULL;
    folder_close(&f->retired, false);
}

static void adopt_target(struct fetch *f, struct folder_job *job)
{
    struct holding *h = holding__find(f->n, &job->folder.hm->edition);

    drop_retired(f);
    if (f->folder.target != NULL && f->retired.target != NULL) {
        folder_close(&job->folder, false); /* a third edition at once */
        fetch__end_with(f, ERR_CONFLICT, NULL);
        return;
    }
    if (f->folder.target != NULL)
        f->retired = f->folder;
    f->folder = job->folder;
    target_watch(f->folder.target, &f->stop);
    if (f->hm == NULL) { /* else it may be that of a newer edition by now */
        f->hm = f->folder.hm;
        f->hm->refs++;
    }
    if (h != NULL && h->target == NULL)
        h->target = f->folder.target;
}

static void folder_done(void *user)
{
    struct folder_job *job = user;
    struct fetch *f = job->f;

    f->busy = false;
    if (job->rc == 0) {
        adopt_target(f, job);
    } else {
        folder_close(&job->folder, false);
        fetch__end_with(f, job->rc, &job->err);
    }
    if (job->then != NULL)
        job->then(job->then_user);
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
    job->folder.hm = hm;
    job->overtaken = f->folder.target != NULL ? &f->folder : NULL;
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

/* ---- closing it
 * ------------------------------------------------------------------ */

bool fetch__folder_uses(const struct fetch *f)
{
    return (f->folder.target != NULL && intake__uses(f->n, f->folder.target)) ||
           (f->retired.target != NULL && intake__uses(f->n, f->retired.target));
}

void fetch__detach_folder(struct fetch *f)
{
    for (struct holding *h = f->n->holdings; h != NULL; h = h->next)
        if (h->target != NULL &&
            (h->target == f->folder.target || h->target == f->retired.target))
            h->target = NULL;
}

void fetch__close_folder(struct fetch *f)
{
    folder_close(&f->folder, false);
    /* What was of use of it lies in the folder now. */
    folder_close(&f->retired, f->whole);
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

    job->rc = target_finish(job->f->folder.target, &job->err);
}

/* Files that are whole are in place now; what the store turned out to lack is
 * fetched again. */
void fetch__look_for_holes(struct fetch *f)
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
            struct core_event ev = {.kind = EV_LOST};

            if ((bits[i / 8] & (0x80u >> (i % 8))) != 0)
                continue;
            ev.u.lost.swarm = p.swarm;
            ev.u.lost.slot = i;
            node__post(f->n, &ev);
        }
        holding__incomplete(f->n, h);
    }
    free(bits);
}

/* Word of a newer edition may have come while files were put in place. */
static void catch_up(struct fetch *f)
{
    struct core_progress p;

    core_progress(f->n->core, &f->course, &p);
    if (record_id_eq(&p.edition, &f->edition)) {
        fetch__look_for_holes(f);
        return;
    }
    fetch__note(f, NOTICE_EDITION);
    if (p.has_manifest)
        fetch__note(f, NOTICE_MANIFEST);
    if (p.has_manifest && p.slots_have == p.slots)
        fetch__note(f, NOTICE_COMPLETE);
}

static void count_kept(void *user, const char *path, const char *beside)
{
    (void)path;
    (void)beside;
    ++*(size_t *)user;
}

/* All is here; files of the user's stand where some of it would. */
static void end_whole(struct fetch *f)
{
    struct err err = ERR_INIT;
    size_t kept = 0;

    f->whole = true;
    (void)folder_placed(f->n, &f->folder, f->to, NULL);
    target_each_kept(f->folder.target, count_kept, &kept);
    if (kept == 0) {
        fetch__end_with(f, 0, NULL);
        return;
    }
    (void)err_set(&err, ERR_CONFLICT,
                  "%zu files in '%s' were changed there and stay as they are",
                  kept, f->to);
    err_hint(&err, "compare each with the new one beside it, then remove one");
    fetch__end_with(f, err.code, &err);
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
            end_whole(f);
        else
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
