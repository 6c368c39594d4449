/* api_store: verify, gc and export. */
#include "node/api/api_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

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

/* ---- gc
 * ------------------------------------------------------------------------------
 */

#define OLDER_MAX 1000 /* editions looked at for one that is whole */

struct live { /* chunk ids in an open-addressed table */
    struct node *n;
    struct chunk_id *slots;
    size_t cap, count;
    int rc; /* of the first course that cannot be looked through */
    struct err *err;
};

static size_t place_of(const struct live *l, const struct chunk_id *id)
{
    uint64_t h;
    size_t at;
    static const struct chunk_id none;

    memcpy(&h, id->b, sizeof h);
    at = (size_t)h & (l->cap - 1);
    while (!chunk_id_eq(&l->slots[at], &none) &&
           !chunk_id_eq(&l->slots[at], id))
        at = (at + 1) & (l->cap - 1);
    return at;
}

static int add_live(struct live *l, const struct chunk_id *id)
{
    size_t at;

    if (2 * (l->count + 1) > l->cap) {
        struct live grown = *l;

        grown.cap = l->cap ? 2 * l->cap : 4096;
        grown.slots = calloc(grown.cap, sizeof *grown.slots);
        if (grown.slots == NULL)
            return err_set(l->err, ERR_NOMEM, "gc");
        for (size_t i = 0; i < l->cap; i++)
            grown.slots[place_of(&grown, &l->slots[i])] = l->slots[i];
        free(l->slots);
        *l = grown;
    }
    at = place_of(l, id);
    if (!chunk_id_eq(&l->slots[at], id)) {
        l->slots[at] = *id;
        l->count++;
    }
    return 0;
}

static bool is_live(void *user, const struct chunk_id *id)
{
    const struct live *l = user;

    return l->cap != 0 && chunk_id_eq(&l->slots[place_of(l, id)], id);
}

/* Half a manifest: what there is of it. */
static int keep_blobs(struct live *l, const struct record_id *edition)
{
    struct chunk_table t = CHUNK_TABLE_INIT;
    struct buf bytes = BUF_INIT;
    struct edition_payload p;
    struct record r;
    int rc = catalog_get(node_catalog(l->n), edition, &bytes, l->err);

    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, node_network(l->n), &r,
                           l->err);
    if (rc == 0)
        rc = edition_decode(r.payload, &p, l->err);
    if (rc == 0)
        rc = chunk_table_from_blobs(p.index_blob, p.tree_blob, &t, l->err);
    for (uint32_t i = 0; i < t.count && rc == 0; i++)
        rc = add_live(l, &t.refs[i].id);
    chunk_table_deinit(&t);
    buf_deinit(&bytes);
    return rc == ERR_NOT_FOUND ? 0 : rc; /* not even its record is here */
}

/* What cannot be read just now may not look like what nobody wants. A manifest
 * that has not come yet, breaks the rules, or is an older edition's that no get
 * would mend, names no more than its blobs. */
static int keep_edition(struct live *l, const struct record_id *edition,
                        bool current)
{
    bool mend =
        current && catalog_held(node_catalog(l->n), edition) != HELD_NOTHING;
    struct held_manifest *hm = NULL;
    int rc = node_manifest_load(l->n, edition, &hm, l->err);

    if (rc == ERR_MALFORMED || rc == ERR_LIMIT ||
        ((rc == ERR_NOT_FOUND || rc == ERR_CORRUPT) && !mend))
        return keep_blobs(l, edition);
    for (uint32_t i = 0; rc == 0 && i < hm->m.table.count; i++)
        rc = add_live(l, &hm->m.table.refs[i].id);
    held_manifest_unref(hm);
    return rc;
}

static int keep_named(struct live *l, const char *verb, const char *course)
{
    struct record_id id;
    char hex[80];
    int rc = 0;

    for (size_t i = 1; rc == 0 && journal_get(node_roots(l->n), verb, course, i,
                                              hex, sizeof hex) == 0;
         i++)
        if (strlen(hex) == 2 * sizeof id.b &&
            hex_decode(hex, strlen(hex), id.b, sizeof id.b) == 0)
            rc = keep_edition(l, &id, false);
    return rc;
}

/* The newest, and down to one that is whole. Of courses published here, all. */
static int keep_chain(struct live *l, const struct course_id *course,
                      const char *hex)
{
    struct record_id id;
    uint64_t top;
    uint64_t last;
    bool whole = false;
    char dir[4096];
    bool own;
    int rc = catalog_current(node_catalog(l->n), course, &id, &top, l->err);

    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    own = journal_get(node_roots(l->n), "published", hex, 0, dir, sizeof dir) ==
          0;
    last = own || top < OLDER_MAX ? 1 : top - OLDER_MAX;
    for (uint64_t seq = top; seq >= last && (own || !whole) && rc == 0; seq--) {
        rc = catalog_edition(node_catalog(l->n), course, seq, &id, l->err);
        if (rc == 0) {
            rc = keep_edition(l, &id, seq == top);
            whole = catalog_held(node_catalog(l->n), &id) == HELD_COMPLETE;
        } else if (rc == ERR_NOT_FOUND) {
            rc = 0;
        }
    }
    return rc;
}

/* Besides, the one that is shown, and what a folder holds or is about to. */
static int keep_editions(struct live *l, const struct course_id *course)
{
    struct id_hex hex = course_id_hex(course);
    struct record_id id;
    int rc = keep_chain(l, course, hex.s);

    if (rc == 0) {
        rc = api__local(l->n, course, &id, NULL, l->err);
        rc = rc == 0               ? keep_edition(l, &id, false)
             : rc == ERR_NOT_FOUND ? 0
                                   : rc;
    }
    if (rc == 0)
        rc = keep_named(l, "fetched", hex.s);
    return rc != 0 ? rc : keep_named(l, "filling", hex.s);
}

static void keep_course(void *user, const struct course_id *course)
{
    struct live *l = user;

    if (l->rc != 0)
        return;
    l->rc = keep_editions(l, course);
    if (l->rc == ERR_NOT_FOUND || l->rc == ERR_CORRUPT)
        err_hint(l->err, "lyceum get %.16s mends it, lyceum rm gives it up",
                 course_id_hex(course).s);
    if (l->rc != 0)
        err_wrap(l->err, "course '%.16s'", course_id_hex(course).s);
}

static pthread_mutex_t sweeping = PTHREAD_MUTEX_INITIALIZER;
static uint64_t mark; /* another one after each sweep; 0 = none yet */

/* Any value but the last one, of another run of the node too. */
static void new_mark(void)
{
    uint64_t m;

    randombytes_buf(&m, sizeof m);
    mark = m >> 12 | 1; /* JSON has 53 bits */
}

uint64_t api__sweep_mark(void)
{
    if (mark == 0)
        new_mark();
    return mark;
}

void api__hold_sweeps(void)
{
    (void)pthread_mutex_lock(&sweeping);
}

void api__let_sweeps(void)
{
    (void)pthread_mutex_unlock(&sweeping);
}

int api_gc(struct api_call *call)
{
    struct live l = {.n = call->n, .err = &call->err};
    struct store_swept swept = {0};
    int rc;

    api__hold_sweeps();
    rc = catalog_courses(node_catalog(call->n), keep_course, &l, &call->err);
    if (rc == 0)
        rc = l.rc;
    if (rc == 0)
        rc = store_sweep(node_store(call->n), is_live, &l, &call->cancel,
                         &swept, &call->err);
    new_mark();
    api__let_sweeps();
    free(l.slots);
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:I, s:I, s:I}", "v", 1, "removed_chunks",
                      (json_int_t)swept.chunks_removed, "freed_bytes",
                      (json_int_t)swept.bytes_freed, "packs_rewritten",
                      (json_int_t)swept.packs_rewritten);
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
                                 .m = &hm->m};

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
