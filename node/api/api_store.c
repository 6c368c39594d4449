/* api_store: verify and export. */
#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/edition.h"
#include "node/driver/in_place.h"
#include "storage/export.h"
#include "storage/target.h"

/* ---- verify
 * ---------------------------------------------------------------------- */

struct verify {
    struct api_call *call;
    json_t *bad;
    json_t *edited;
    uint64_t chunks, missing, courses;
    const char *course; /* hex, of the one being looked at */
    bool in_place;      /* it is in the author's own files */
    size_t away;        /* of those, how many are not as they were */
    bool bad_in_place;
};

static void note_file(void *user, const char *path, enum target_file_state st)
{
    struct verify *v = user;

    (void)json_array_append_new(
        v->edited,
        json_pack("{s:s, s:s, s:s}", "course", v->course, "path", path, "state",
                  st == TARGET_ABSENT ? "absent" : "edited"));
}

static void verify_folder(struct verify *v, struct held_manifest *hm)
{
    struct node *n = v->call->n;
    char edition[80];
    char dir[4096];

    if (journal_get(node_roots(n), "fetched", v->course, 0, dir, sizeof dir) !=
            0 ||
        journal_get(node_roots(n), "fetched", v->course, 1, edition,
                    sizeof edition) != 0 ||
        strcmp(edition, record_id_hex(&hm->edition).s) != 0)
        return;
    (void)export_compare(node_store(n), &hm->m, dir, note_file, v, NULL);
}

static bool is_noted(const struct verify *v, const char *path)
{
    for (size_t i = json_array_size(v->edited); i-- > 0;)
        if (strcmp(json_string_value(
                       json_object_get(json_array_get(v->edited, i), "path")),
                   path) == 0)
            return true;
    return false;
}

/* Is the chunk in a file of the author's own that is not what it was? */
static bool is_away(struct verify *v, const struct chunk_id *id)
{
    char path[4200];
    enum store_file_state state;

    if (!v->in_place ||
        store_file_of(node_store(v->call->n), id, path, sizeof path, &state) !=
            0 ||
        state == STORE_FILE_SAME)
        return false;
    if (!is_noted(v, path)) {
        note_file(v, path,
                  state == STORE_FILE_ABSENT ? TARGET_ABSENT : TARGET_EDITED);
        v->away++;
    }
    return true;
}

static int verify_course(struct verify *v, const struct course_id *course)
{
    struct node *n = v->call->n;
    struct id_hex hex = course_id_hex(course);
    struct held_manifest *hm = NULL;
    struct record_id edition;
    struct err e = ERR_INIT;
    bool lost = false;

    v->course = hex.s;
    v->in_place = in_place_course(n, course, NULL);
    if (api__local(n, course, &edition, NULL, NULL) != 0)
        return 0;
    v->courses++;
    if (node_manifest_load(n, &edition, &hm, &e) != 0) {
        if (e.code != ERR_NOT_FOUND)
            (void)json_array_append_new(
                v->bad,
                json_pack("{s:s, s:s}", "course", hex.s, "why", e.text));
        if (catalog_held(node_catalog(n), &edition) == HELD_COMPLETE)
            (void)catalog_set_held(node_catalog(n), &edition, HELD_PARTIAL,
                                   NULL);
        return 0;
    }
    atomic_fetch_add(&v->call->total, hm->m.table.count);
    for (uint32_t i = 0; i < hm->m.table.count; i++) {
        const struct chunk_ref *ref = &hm->m.table.refs[i];
        int rc;

        if (atomic_load(&v->call->cancel)) {
            held_manifest_unref(hm);
            return err_set(&v->call->err, ERR_INTERRUPTED, "interrupted");
        }
        atomic_fetch_add(&v->call->done, 1);
        rc = store_verify(node_store(n), &ref->id, &e);
        if (rc == 0) {
            v->chunks++;
            (void)is_away(v, &ref->id);
        } else if (rc == ERR_CORRUPT) {
            lost = true;
            v->bad_in_place |= v->in_place;
            (void)json_array_append_new(
                v->bad, json_pack("{s:s, s:s, s:i, s:s}", "course", hex.s,
                                  "chunk", chunk_id_hex(&ref->id).s, "slot",
                                  (int)i, "why", e.text));
        } else if (rc == ERR_NOT_FOUND) {
            lost |= !is_away(v, &ref->id);
            v->missing++;
        } else {
            held_manifest_unref(hm);
            v->call->err = e;
            return rc;
        }
    }
    if (lost && catalog_held(node_catalog(n), &edition) == HELD_COMPLETE)
        (void)catalog_set_held(node_catalog(n), &edition, HELD_PARTIAL, NULL);
    if (!lost && !v->in_place)
        verify_folder(v, hm);
    held_manifest_unref(hm);
    return 0;
}

struct verify_all {
    struct verify *v;
    int rc;
};

static void verify_each(void *user, const struct course_id *course)
{
    struct verify_all *a = user;

    if (a->rc == 0)
        a->rc = verify_course(a->v, course);
}

static int verdict(const struct verify *v)
{
    static const char own[] = "publish the folder again, or put the file back "
                              "as it was";
    const json_t *first = json_array_get(v->edited, 0);
    struct err *e = &v->call->err;
    int rc = 0;

    if (json_array_size(v->bad) != 0) {
        const json_t *why = json_object_get(json_array_get(v->bad, 0), "why");

        rc = err_set(e, ERR_CORRUPT, "%zu chunks are bad: %.400s",
                     json_array_size(v->bad), json_string_value(why));
        err_hint(e, "%s",
                 v->bad_in_place
                     ? own
                     : "lyceum get fetches them again from any peer");
    } else if (v->away != 0) {
        rc = err_set(e, ERR_PARTIAL,
                     "%zu of the files that stay in place %s what was"
                     " published: '%.400s'",
                     v->away, v->away == 1 ? "is not" : "are not",
                     json_string_value(json_object_get(first, "path")));
        err_hint(e, "%s", own);
    }
    return rc;
}

int api_verify(struct api_call *call)
{
    struct verify v = {
        .call = call, .bad = json_array(), .edited = json_array()};
    struct verify_all all = {&v, 0};
    struct course_id course;
    int rc;

    if (api__flag(call, "all")) {
        rc = catalog_courses(node_catalog(call->n), verify_each, &all,
                             &call->err);
        rc = rc == 0 ? all.rc : rc;
    } else {
        rc = api__resolve(call->n, api__text(call, "course"), &course,
                          &call->err);
        if (rc == 0)
            rc = verify_course(&v, &course);
    }
    /* What was found bad does not come back at a power cut, if that can be. */
    (void)store_sync(node_store(call->n), NULL);
    if (rc != 0) {
        json_decref(v.bad);
        json_decref(v.edited);
        return rc;
    }
    rc = verdict(&v);
    call->result = json_pack(
        "{s:i, s:b, s:I, s:I, s:I, s:o, s:o}", "v", 1, "ok", rc == 0, "courses",
        (json_int_t)v.courses, "chunks", (json_int_t)v.chunks, "missing",
        (json_int_t)v.missing, "bad", v.bad, "edited", v.edited);
    return rc;
}

/* ---- export
 * -----------------------------------------------------------------------------
 */

static int open_target(struct api_call *call, const char *dir,
                       const struct held_manifest *hm, struct target **out)
{
    struct target_options opt = {.home = node_home(call->n),
                                 .dir = dir,
                                 .edition = hm->edition,
                                 .seq = hm->seq,
                                 .m = &hm->m,
                                 .keeps = true};

    return target_open(node_store(call->n), &opt, out, &call->err);
}

int api_export(struct api_call *call)
{
    const char *dir = api__text(call, "dir");
    struct held_manifest *hm = NULL;
    struct target *t = NULL;
    struct target_progress done = {0};
    struct course_id course;
    struct record_id edition;
    int rc;

    if (dir == NULL)
        return err_set(&call->err, ERR_INVALID, "no folder named");
    rc = api__resolve(call->n, api__text(call, "course"), &course, &call->err);
    if (rc == 0)
        rc = api__local(call->n, &course, &edition, NULL, &call->err);
    if (rc == 0) {
        rc = node_manifest_load(call->n, &edition, &hm, &call->err);
        if (rc == ERR_NOT_FOUND)
            rc = err_set(&call->err, ERR_PARTIAL,
                         "the course is not here yet:"
                         " only its record is");
    }
    if (rc == 0)
        rc = open_target(call, dir, hm, &t);
    if (rc == 0) {
        target_watch(t, &call->cancel);
        rc = target_finish(t, &call->err);
        target_progress(t, &done);
        if (rc == 0 || rc == ERR_PARTIAL)
            call->result = json_pack("{s:i, s:s, s:I, s:I, s:I}", "v", 1,
                                     "course", course_id_hex(&course).s,
                                     "edition", (json_int_t)hm->seq, "files",
                                     (json_int_t)done.files_done, "bytes",
                                     (json_int_t)done.bytes_done);
    }
    if (rc == ERR_PARTIAL)
        err_hint(&call->err, "lyceum get fetches the rest");
    target_close(t);
    held_manifest_unref(hm);
    return rc;
}
