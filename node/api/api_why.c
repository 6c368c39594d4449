/* api_why: what of a course is missing here, and what stands in the way. Facts
 * only: the command puts them into words. */
#include "node/api/api_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/edition.h"
#include "node/api/past.h"
#include "storage/beneath.h"

#define LISTED_MAX 100
#define PATH_CAP 4200

struct why {
    struct api_call *call;
    struct node *n;
    struct course_id course;
    struct record_id edition;
    struct buf record;
    struct edition_payload p; /* borrows record */
    struct held_manifest *hm; /* NULL: only the record is here */
    uint8_t *held;            /* bits of the slots, with hm */
    uint64_t chunks, bytes;   /* missing */
    json_t *o;
    json_t *reasons;
};

static void reason(struct why *w, const char *code)
{
    (void)json_array_append_new(w->reasons, json_string(code));
}

static void set(struct why *w, const char *key, json_t *value)
{
    (void)json_object_set_new(w->o, key, value);
}

static void set_u64(struct why *w, const char *key, uint64_t v)
{
    set(w, key, json_integer((json_int_t)v));
}

/* ---- what is missing ------------------------------------------------- */

static int look_up(struct why *w)
{
    struct catalog *c = node_catalog(w->n);
    struct err *e = &w->call->err;
    struct record r;
    int rc = api__local(w->n, &w->course, &w->edition, NULL, NULL);

    if (rc != 0) /* withdrawn, then: what it was is still to be said */
        rc = catalog_current(c, &w->course, &w->edition, NULL, e);
    if (rc == 0)
        rc = catalog_get(c, &w->edition, &w->record, e);
    if (rc == 0)
        rc = record_decode(w->record.base, w->record.len, node_network(w->n),
                           &r, e);
    return rc == 0 ? edition_decode(r.payload, &w->p, e) : rc;
}

static bool is_held(const struct why *w, uint32_t slot)
{
    return (w->held[slot / 8] & (0x80u >> (slot % 8))) != 0;
}

static int count_missing(struct why *w)
{
    const struct chunk_table *t;
    uint32_t held;
    int rc;

    if (node_manifest_load(w->n, &w->edition, &w->hm, NULL) != 0) {
        w->chunks = w->p.chunks;
        w->bytes = w->p.stored_bytes;
        return 0;
    }
    t = &w->hm->m.table;
    w->held = calloc(1, t->count / 8 + 1);
    if (w->held == NULL)
        return err_set(&w->call->err, ERR_NOMEM, "why");
    rc = store_have(node_store(w->n), t->refs, t->count, w->held, &held,
                    &w->call->err);
    for (uint32_t i = 0; rc == 0 && i < t->count; i++) {
        w->chunks += !is_held(w, i);
        w->bytes += is_held(w, i) ? 0 : t->refs[i].stored_len;
    }
    return rc;
}

static bool is_whole(const struct why *w, uint32_t file)
{
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    manifest_slots_of(&w->hm->m, file, 0, w->hm->m.files[file].size, &first,
                      &count, &skip);
    for (uint32_t i = 0; i < count; i++)
        if (!is_held(w, first + i))
            return false;
    return true;
}

static json_t *broken_lessons(const struct why *w, uint32_t *out_count)
{
    const struct manifest *m = &w->hm->m;
    json_t *list = json_array();

    for (uint32_t i = 0; i < m->lesson_count; i++) {
        int64_t file = manifest_find(m, m->lessons[i].path);

        if (file < 0 || is_whole(w, (uint32_t)file))
            continue;
        if ((*out_count)++ < LISTED_MAX)
            (void)json_array_append_new(
                list,
                json_pack("{s:i, s:s, s:s}", "lesson", (int)i + 1, "title",
                          m->lessons[i].title, "path", m->lessons[i].path));
    }
    return list;
}

static json_t *broken_files(const struct why *w, uint32_t *out_count)
{
    const struct manifest *m = &w->hm->m;
    json_t *list = json_array();

    for (uint32_t i = 0; i < m->file_count; i++)
        if (!is_whole(w, i) && (*out_count)++ < LISTED_MAX)
            (void)json_array_append_new(list, json_string(m->files[i].path));
    return list;
}

static void tell_missing(struct why *w)
{
    json_t *files = json_array();
    json_t *lessons = json_array();
    uint32_t file_count = (uint32_t)w->p.files;
    uint32_t lesson_count = 0;

    if (w->hm != NULL) {
        file_count = 0;
        json_decref(files);
        json_decref(lessons);
        files = broken_files(w, &file_count);
        lessons = broken_lessons(w, &lesson_count);
    }
    set(w, "missing",
        json_pack("{s:I, s:I, s:b, s:I, s:o, s:I, s:o}", "chunks",
                  (json_int_t)w->chunks, "bytes", (json_int_t)w->bytes,
                  "list_here", w->hm != NULL, "file_count",
                  (json_int_t)file_count, "files", files, "lesson_count",
                  (json_int_t)lesson_count, "lessons", lessons));
}

/* ---- where it was ---------------------------------------------------- */

/* Files that hold missing chunks, as far as the store remembers. */
static void tell_away(struct why *w)
{
    json_t *list = json_array();
    char last[PATH_CAP] = "";
    char path[PATH_CAP];
    enum store_file_state state;

    for (uint32_t i = 0; w->hm != NULL && i < w->hm->m.table.count; i++) {
        if (is_held(w, i) ||
            store_file_of(node_store(w->n), &w->hm->m.table.refs[i].id, path,
                          sizeof path, &state) != 0 ||
            state == STORE_FILE_SAME || strcmp(path, last) == 0)
            continue;
        (void)snprintf(last, sizeof last, "%s", path);
        if (json_array_size(list) < LISTED_MAX)
            (void)json_array_append_new(
                list,
                json_pack("{s:s, s:s}", "path", path, "state",
                          state == STORE_FILE_ABSENT ? "gone" : "edited"));
    }
    if (json_array_size(list) != 0)
        reason(w, "files_changed");
    set(w, "away", list);
}

struct folder { /* one that the course lies in */
    struct why *w;
    json_t *list;
    const char *kind;
};

/* By names and sizes: lyceum verify reads all bytes. */
static const char *state_of(const struct why *w, const char *dir,
                            uint64_t *out_absent, uint64_t *out_edited)
{
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return "gone";
    for (uint32_t i = 0; w->hm != NULL && i < w->hm->m.file_count; i++) {
        const struct manifest_file *f = &w->hm->m.files[i];
        int fd = beneath_open(root, f->path, O_PATH, 0);
        struct stat st;

        if (fd < 0)
            ++*out_absent;
        else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
                 (uint64_t)st.st_size != f->size)
            ++*out_edited;
        if (fd >= 0)
            (void)close(fd);
    }
    (void)close(root);
    return *out_absent + *out_edited == 0 ? "same" : "edited";
}

static void tell_folder(struct folder *f, const char *dir)
{
    uint64_t absent = 0;
    uint64_t edited = 0;
    const char *state = state_of(f->w, dir, &absent, &edited);

    if (strcmp(state, "gone") == 0)
        reason(f->w, "folder_gone");
    else if (strcmp(state, "edited") == 0)
        reason(f->w, "folder_edited");
    (void)json_array_append_new(
        f->list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "path", dir, "kind",
                           f->kind, "state", state, "absent",
                           (json_int_t)absent, "edited", (json_int_t)edited));
}

static void note_in_place(void *user, const char *dir,
                          const char *const *values, size_t count)
{
    struct folder *f = user;

    if (count >= 1 && strcmp(values[0], course_id_hex(&f->w->course).s) == 0)
        tell_folder(f, dir);
}

static void tell_folders(struct why *w)
{
    struct id_hex hex = course_id_hex(&w->course);
    struct folder f = {w, json_array(), "in_place"};
    char dir[PATH_CAP];

    journal_each(node_roots(w->n), "inplace", note_in_place, &f);
    f.kind = "published";
    if (json_array_size(f.list) == 0 &&
        journal_get(node_roots(w->n), "published", hex.s, 0, dir, sizeof dir) ==
            0 &&
        dir[0] == '/')
        tell_folder(&f, dir);
    f.kind = "fetched";
    if (journal_get(node_roots(w->n), "fetched", hex.s, 0, dir, sizeof dir) ==
        0)
        tell_folder(&f, dir);
    set(w, "folders", f.list);
}

/* ---- the rest that the home knows ------------------------------------ */

static void tell_disk(struct why *w)
{
    struct store_usage use = {0};
    bool full = store_room(node_store(w->n), w->bytes, NULL) == ERR_NO_SPACE;

    (void)store_usage(node_store(w->n), &use, NULL);
    if (full && w->bytes != 0)
        reason(w, "disk_full");
    set(w, "disk",
        json_pack("{s:I, s:I, s:b}", "free_bytes", (json_int_t)use.free_bytes,
                  "need_bytes", (json_int_t)w->bytes, "full", full));
}

struct newest {
    struct why *w;
    uint64_t newest, whole;
};

static void note_edition(void *user, const struct record_id *edition,
                         uint64_t seq)
{
    struct newest *x = user;
    uint64_t stored;

    if (x->newest == 0)
        x->newest = seq;
    if (x->whole == 0 &&
        strcmp(api__held(x->w->n, edition, &stored), "complete") == 0)
        x->whole = seq;
}

/* A newer one that is known, an older one that is whole. */
static void tell_editions(struct why *w)
{
    struct newest x = {.w = w};

    (void)catalog_editions(node_catalog(w->n), &w->course, note_edition, &x,
                           NULL);
    set_u64(w, "newest", x.newest);
    set_u64(w, "whole_edition", x.whole);
    if (x.newest > w->p.seq)
        reason(w, "newer_known");
}

static void tell_past(struct why *w)
{
    json_t *last = past_last(w->n, &w->course);
    json_t *peers = past_peers(w->n, &w->course);
    const char *code = json_string_value(json_object_get(last, "code"));
    bool blocked = false;

    if (w->chunks != 0 && code == NULL)
        reason(w, "never_fetched");
    else if (w->chunks != 0 && strcmp(code, "ok") != 0)
        reason(w, "last_get_failed");
    for (size_t i = 0; i < json_array_size(peers); i++)
        blocked |=
            json_is_true(json_object_get(json_array_get(peers, i), "blocked"));
    if (blocked)
        reason(w, "blocked");
    set(w, "last_get", last);
    set(w, "seen", peers);
}

static void tell_all(struct why *w)
{
    struct buf title = BUF_INIT;

    api__title(w->n, &w->course, &title);
    set(w, "course", json_string(course_id_hex(&w->course).s));
    set(w, "title", json_stringn((const char *)title.base, title.len));
    buf_deinit(&title);
    set_u64(w, "edition", w->p.seq);
    set(w, "state",
        json_string(w->hm == NULL    ? "listed"
                    : w->chunks != 0 ? "partial"
                                     : "complete"));
    set(w, "ok", json_boolean(w->chunks == 0));
    tell_missing(w);
    api__tell_withdrawn(w->n, &w->course, &w->edition, w->p.seq, w->o);
    if (json_is_true(json_object_get(w->o, "withdrawn")))
        reason(w, "withdrawn");
    tell_disk(w);
    tell_away(w);
    tell_folders(w);
    tell_editions(w);
    tell_past(w);
}

int api_why(struct api_call *call)
{
    struct why w = {.call = call, .n = call->n};
    int rc =
        api__resolve(call->n, api__text(call, "course"), &w.course, &call->err);

    if (rc == 0)
        rc = look_up(&w);
    if (rc == 0)
        rc = count_missing(&w);
    if (rc == 0) {
        call->course = w.course;
        w.o = json_pack("{s:i}", "v", 1);
        w.reasons = json_array();
        tell_all(&w);
        set(&w, "reasons", w.reasons);
        call->result = w.o;
    }
    free(w.held);
    held_manifest_unref(w.hm);
    buf_deinit(&w.record);
    return rc;
}

/* ---- what only the loop knows ---------------------------------------- */

static void note_peer(void *user, const struct core_peer_info *p)
{
    json_t *o = user;
    json_t *seen = json_object_get(o, "seen");
    struct id_hex hex = node_id_hex(&p->node);
    json_int_t n = json_integer_value(json_object_get(o, "peers"));

    (void)json_object_set_new(o, "peers", json_integer(n + 1));
    for (size_t i = 0; i < json_array_size(seen); i++) {
        json_t *s = json_array_get(seen, i);

        if (strcmp(json_string_value(json_object_get(s, "node")), hex.s) == 0)
            (void)json_object_set_new(s, "connected", json_true());
    }
}

int api_why_peers(struct api_call *call)
{
    json_t *o = call->result;
    json_t *reasons = json_object_get(o, "reasons");
    bool ok = json_is_true(json_object_get(o, "ok"));
    bool online = node_transport(call->n) != NULL;
    struct core_progress p;
    int rc;

    core_progress(node_core(call->n), &call->course, &p);
    (void)json_object_set_new(o, "peers", json_integer(0));
    core_peers(node_core(call->n), true, note_peer, o);
    (void)json_object_set_new(o, "online", json_boolean(online));
    (void)json_object_set_new(o, "fetching", json_boolean(p.known && !ok));
    (void)json_object_set_new(o, "sources", json_integer((json_int_t)p.peers));
    (void)json_object_set_new(o, "seeders",
                              json_integer((json_int_t)p.seeders));
    if (ok)
        return 0;
    if (!online)
        (void)json_array_append_new(reasons, json_string("not_online"));
    else if (json_integer_value(json_object_get(o, "peers")) == 0)
        (void)json_array_append_new(reasons, json_string("no_peers"));
    rc = err_set(&call->err, ERR_PARTIAL,
                 "%lld chunks of edition %lld are not"
                 " here",
                 (long long)json_integer_value(
                     json_object_get(json_object_get(o, "missing"), "chunks")),
                 (long long)json_integer_value(json_object_get(o, "edition")));
    err_hint(&call->err, "see above; lyceum get fetches what others have");
    return rc;
}
