#include "node/driver/folder.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the folder holds --------------------------------------------------
 */

struct was {
    char dir[4096];
    struct record_id editions[FOLDER_BEFORE_MAX + 1];
    size_t count;
    bool known; /* one of them is the one that is wanted, or whole */
    bool unfinished;
};

static void note_was(struct was *w, const char *hex)
{
    struct record_id id;

    if (w->count == sizeof w->editions / sizeof w->editions[0] ||
        strlen(hex) != 2 * sizeof id.b ||
        hex_decode(hex, strlen(hex), id.b, sizeof id.b) != 0)
        return;
    for (size_t i = 0; i < w->count; i++)
        if (record_id_eq(&w->editions[i], &id))
            return;
    w->editions[w->count++] = id;
}

static bool same_dir(struct node *n, const char *verb, const char *course,
                     const char *dir)
{
    char was[4096];

    return journal_get(node_roots(n), verb, course, 0, was, sizeof was) == 0 &&
           strcmp(was, dir) == 0;
}

static void look_up(struct node *n, const struct course_id *course,
                    const char *dir, struct was *w)
{
    struct id_hex hex = course_id_hex(course);
    char edition[80];

    if (same_dir(n, "fetched", hex.s, dir)) {
        w->known = true;
        if (journal_get(node_roots(n), "fetched", hex.s, 1, edition,
                        sizeof edition) == 0)
            note_was(w, edition);
    }
    if (!same_dir(n, "filling", hex.s, dir))
        return;
    w->known = true;
    for (size_t i = 1; journal_get(node_roots(n), "filling", hex.s, i, edition,
                                   sizeof edition) == 0;
         i++) {
        note_was(w, edition);
        w->unfinished = true;
    }
}

/* ---- opening it
 * --------------------------------------------------------------- */

static void load_before(struct node *n, const struct was *w, struct folder *f,
                        struct target_options *opt)
{
    for (size_t i = 0; i < w->count; i++) {
        struct held_manifest *hm = NULL;
        size_t at = opt->before_count;

        if (record_id_eq(&w->editions[i], &f->hm->edition) ||
            at == FOLDER_BEFORE_MAX ||
            node_manifest_load(n, &w->editions[i], &hm, NULL) != 0)
            continue;
        f->before[at] = hm;
        opt->before[opt->before_count++] = &hm->m;
    }
}

/* From now on files of this edition may be there. */
static int note_filling(struct node *n, const struct folder *f, const char *dir,
                        const struct was *w, struct err *e)
{
    struct id_hex course = course_id_hex(&f->hm->course);
    struct id_hex hex[1 + FOLDER_BEFORE_MAX];
    const char *values[2 + FOLDER_BEFORE_MAX] = {dir, hex[0].s};
    size_t count = 1;

    hex[0] = record_id_hex(&f->hm->edition);
    for (size_t i = 0; i < w->count && count < 1 + FOLDER_BEFORE_MAX; i++) {
        if (record_id_eq(&w->editions[i], &f->hm->edition))
            continue;
        hex[count] = record_id_hex(&w->editions[i]);
        values[1 + count] = hex[count].s;
        count++;
    }
    return journal_set(node_roots(n), "filling", course.s, values, 1 + count,
                       e);
}

/* Then nobody else may have its chunks: they stay in the home. */
static bool is_own(struct node *n, const struct course_id *course)
{
    char dir[4096];

    return journal_get(node_roots(n), "published", course_id_hex(course).s, 0,
                       dir, sizeof dir) == 0;
}

int folder_open(struct node *n, const char *to, const struct folder *overtaken,
                struct folder *f, struct err *e)
{
    struct was was = {.known = false};
    struct target_options opt = {.home = node_home(n),
                                 .dir = to,
                                 .edition = f->hm->edition,
                                 .seq = f->hm->seq,
                                 .m = &f->hm->m};
    char *dir = realpath(to, NULL);
    int rc;

    if (dir != NULL)
        look_up(n, &f->hm->course, dir, &was);
    free(dir);
    load_before(n, &was, f, &opt);
    if (overtaken != NULL)
        opt.before[opt.before_count++] = &overtaken->hm->m;
    opt.keeps = is_own(n, &f->hm->course);
    opt.known = was.known || overtaken != NULL;
    opt.unfinished = was.unfinished || overtaken != NULL;
    rc = target_open(node_store(n), &opt, &f->target, e);
    if (rc != 0)
        return rc;
    dir = realpath(to, NULL);
    rc = note_filling(n, f, dir != NULL ? dir : to, &was, e);
    free(dir);
    return rc;
}

int folder_placed(struct node *n, const struct folder *f, const char *to,
                  struct err *e)
{
    struct id_hex course = course_id_hex(&f->hm->course);
    struct id_hex edition = record_id_hex(&f->hm->edition);
    char *dir = realpath(to, NULL);
    const char *values[2] = {dir != NULL ? dir : to, edition.s};
    int rc = journal_set(node_roots(n), "fetched", course.s, values, 2, e);

    if (rc == 0)
        rc = journal_unset(node_roots(n), "filling", course.s, e);
    free(dir);
    return rc;
}

void folder_close(struct folder *f, bool discard)
{
    if (discard)
        target_discard(f->target);
    else
        target_close(f->target);
    held_manifest_unref(f->hm);
    for (size_t i = 0; i < FOLDER_BEFORE_MAX; i++)
        held_manifest_unref(f->before[i]);
    memset(f, 0, sizeof *f);
}
