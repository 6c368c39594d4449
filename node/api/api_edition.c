/* api_edition: which edition of a course this home shows, and going back to an
 * older one. */
#include "node/api/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/driver/folder.h"

int api__local(struct node *n, const struct course_id *course,
               struct record_id *out_edition, uint64_t *out_seq, struct err *e)
{
    char at[32];
    uint64_t seq;

    if (journal_get(node_choices(n), "at", course_id_hex(course).s, 0, at,
                    sizeof at) == 0) {
        seq = strtoull(at, NULL, 10);
        if (catalog_edition(node_catalog(n), course, seq, out_edition, NULL) ==
            0) {
            if (out_seq != NULL)
                *out_seq = seq;
            return 0;
        }
    }
    return node_edition(n, course, out_edition, out_seq, e);
}

int api__newest(struct api_call *call, const struct course_id *course)
{
    return journal_unset(node_choices(call->n), "at", course_id_hex(course).s,
                         &call->err);
}

/* ---- back
 * -------------------------------------------------------------------- */

struct rollback {
    struct api_call *call;
    struct node *n;
    struct course_id course;
    uint64_t from, to;
    struct folder folder;
    char dir[4096]; /* empty: it lies in the home alone */
};

static int choose(struct rollback *b)
{
    json_t *wanted = json_object_get(b->call->args, "edition");
    struct record_id edition;
    int rc = api__local(b->n, &b->course, &edition, &b->from, &b->call->err);

    if (rc != 0)
        return rc;
    b->to = wanted != NULL ? (uint64_t)json_integer_value(wanted) : b->from - 1;
    if (b->to == 0) {
        rc = err_set(&b->call->err, ERR_NOT_FOUND,
                     "there is no edition before edition %llu",
                     (unsigned long long)b->from);
    } else {
        rc = catalog_edition(node_catalog(b->n), &b->course, b->to, &edition,
                             NULL);
        if (rc != 0)
            rc = err_set(&b->call->err, ERR_NOT_FOUND,
                         "edition %llu of this course is not known here",
                         (unsigned long long)b->to);
    }
    if (rc != 0) {
        err_hint(&b->call->err,
                 "lyceum info COURSE --versions shows which are");
        return rc;
    }
    rc = node_manifest_load(b->n, &edition, &b->folder.hm, &b->call->err);
    if (rc != ERR_NOT_FOUND)
        return rc;
    return err_set(&b->call->err, ERR_PARTIAL,
                   "what edition %llu holds is not here any more",
                   (unsigned long long)b->to);
}

static int all_held(struct rollback *b)
{
    const struct chunk_table *t = &b->folder.hm->m.table;
    uint8_t *bits = calloc(1, t->count / 8 + 1);
    uint32_t held = 0;
    int rc = bits != NULL ? store_have(node_store(b->n), t->refs, t->count,
                                       bits, &held, &b->call->err)
                          : err_set(&b->call->err, ERR_NOMEM, "rollback");

    free(bits);
    if (rc != 0 || held == t->count)
        return rc;
    rc = err_set(&b->call->err, ERR_PARTIAL,
                 "%u chunks of edition %llu are not here any more",
                 t->count - held, (unsigned long long)b->to);
    err_hint(&b->call->err,
             "nothing was changed; a gc keeps only what is shown");
    return rc;
}

static void find_folder(struct rollback *b)
{
    struct stat st;

    if (journal_get(node_roots(b->n), "fetched", course_id_hex(&b->course).s, 0,
                    b->dir, sizeof b->dir) != 0 ||
        stat(b->dir, &st) != 0 || !S_ISDIR(st.st_mode))
        b->dir[0] = '\0';
}

static int fill_folder(struct rollback *b)
{
    struct err *e = &b->call->err;
    int rc = folder_open(b->n, b->dir, NULL, &b->folder, e);

    if (rc == 0) {
        target_watch(b->folder.target, &b->call->cancel);
        rc = target_finish(b->folder.target, e);
    }
    return rc == 0 ? folder_placed(b->n, &b->folder, b->dir, e) : rc;
}

static int answer(struct rollback *b)
{
    json_t *edited = json_array();
    json_t *o = json_pack("{s:i, s:s, s:I, s:I, s:I, s:I}", "v", 1, "course",
                          course_id_hex(&b->course).s, "edition",
                          (json_int_t)b->to, "from", (json_int_t)b->from,
                          "files", (json_int_t)b->folder.hm->m.file_count,
                          "bytes", (json_int_t)b->folder.hm->m.bytes);

    if (b->folder.target != NULL)
        target_each_kept(b->folder.target, api__add_kept, edited);
    (void)json_object_set_new(o, "edited", edited);
    b->call->result = o;
    if (json_array_size(edited) == 0)
        return 0;
    (void)err_set(&b->call->err, ERR_CONFLICT,
                  "%zu files in '%s' were changed there and stay as they are",
                  json_array_size(edited), b->dir);
    err_hint(&b->call->err, "compare each with the one beside it");
    return ERR_CONFLICT;
}

static int roll_back(struct rollback *b)
{
    char at[32];
    const char *values[1] = {at};
    int rc = choose(b);

    if (rc == 0)
        rc = all_held(b);
    if (rc != 0)
        return rc;
    find_folder(b);
    if (b->dir[0] != '\0')
        rc = fill_folder(b);
    (void)snprintf(at, sizeof at, "%llu", (unsigned long long)b->to);
    if (rc == 0)
        rc = journal_set(node_choices(b->n), "at", course_id_hex(&b->course).s,
                         values, 1, &b->call->err);
    return rc == 0 ? answer(b) : rc;
}

int api_rollback(struct api_call *call)
{
    struct rollback b = {.call = call, .n = call->n};
    int rc =
        api__resolve(call->n, api__text(call, "course"), &b.course, &call->err);

    api__hold_sweeps();
    if (rc == 0)
        rc = roll_back(&b);
    api__let_sweeps();
    folder_close(&b.folder, false);
    return rc;
}
