/* api_publish: a folder becomes an edition. The node does the work and hands
 * back what is to be signed; the key never comes here. */
#include "node/api/api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "node/driver/clock.h"
#include "node/driver/in_place.h"
#include "storage/codec.h"
#include "storage/import.h"
#include "storage/keyfile.h"
#include "storage/seq_file.h"

#define TITLE_KEY_MAX 4200

static json_t *hex_json(struct span s)
{
    char *hex = malloc(2 * s.len + 1);
    json_t *j = NULL;

    if (hex != NULL) {
        hex_encode(s.p, s.len, hex);
        j = json_string(hex);
    }
    free(hex);
    return j;
}

struct publish {
    struct api_call *call;
    struct node *n;
    char root[TITLE_KEY_MAX]; /* what the folder is known by */
    struct author_id author;
    struct course_id course;
    struct buf course_payload; /* of a course that is not signed yet */
    bool is_new;
    bool is_fresh; /* nobody else can know of it */
    struct import_result result;
    struct buf edition_payload;
    struct record_id current;
    uint64_t seq;
    bool unchanged;
    uint64_t mark; /* of the last gc before the walk */
    char *dir;     /* real path of what is published */
    bool in_place;
};

/* ---- which course a folder is
 * --------------------------------------------------- */

static void make_root(struct publish *p)
{
    const char *id = p->result.info.id;

    if (id != NULL)
        (void)snprintf(p->root, sizeof p->root, "id:%.200s", id);
    else
        (void)snprintf(p->root, sizeof p->root, "%s", p->dir);
}

/* As it was the last time, unless something else is said. */
static int choose_place(struct publish *p, const char *dir)
{
    bool copy = api__flag(p->call, "copy");

    p->in_place = api__flag(p->call, "in_place");
    if (p->in_place && copy)
        return err_set(&p->call->err, ERR_INVALID,
                       "in place or as a copy: not both");
    p->dir = realpath(dir, NULL);
    if (p->dir == NULL)
        return err_errno(&p->call->err, errno, "'%.400s'", dir);
    if (!copy && !p->in_place)
        p->in_place = in_place_is(p->n, p->dir);
    return 0;
}

static int draft_course(struct publish *p)
{
    struct course_payload c = {
        .time_ms = wall_clock_ms(), .author_count = 1, .threshold = 1};

    c.title = p->result.edition.title;
    c.authors[0] = p->author;
    randombytes_buf(c.nonce, sizeof c.nonce);
    return course_encode(&c, &p->course_payload, &p->call->err);
}

/* The draft is on the disk before its id is used: a killed first publish goes
 * on with the same course. */
static int reserve(struct publish *p)
{
    char *hex = malloc(2 * p->course_payload.len + 1);
    char since[SEQ_FILE_DOUBT_CHARS];
    const char *values[2] = {hex, since};
    int rc;

    if (hex == NULL)
        return err_set(&p->call->err, ERR_NOMEM, "publish");
    hex_encode(p->course_payload.base, p->course_payload.len, hex);
    seq_file_doubt_name(node_home(p->n), since);
    rc = journal_set(node_roots(p->n), "draft", p->root, values, 2,
                     &p->call->err);
    free(hex);
    return rc;
}

static bool take_draft(struct publish *p)
{
    char *hex = malloc(65536);
    size_t n = 0;
    bool ok = false;

    if (hex != NULL &&
        journal_get(node_roots(p->n), "draft", p->root, 0, hex, 65536) == 0) {
        n = strlen(hex) / 2;
        if (buf_reserve(&p->course_payload, n) == 0 &&
            hex_decode(hex, 2 * n, p->course_payload.base, n) == 0) {
            p->course_payload.len = n;
            ok = true;
        }
    }
    free(hex);
    return ok;
}

/* Was the draft made since the numbers of this home are doubted? Then nobody
 * else can have gone on with it. */
static bool is_of_this_home(const struct publish *p)
{
    char since[SEQ_FILE_DOUBT_CHARS];
    char now[SEQ_FILE_DOUBT_CHARS];

    seq_file_doubt_name(node_home(p->n), now);
    return journal_get(node_roots(p->n), "draft", p->root, 1, since,
                       sizeof since) == 0 &&
           strcmp(since, now) == 0;
}

static int course_id_of_draft(struct publish *p)
{
    struct record_id id;
    int rc = record_id_of(&p->author, RECORD_COURSE, node_network(p->n),
                          buf_span(&p->course_payload), &id, &p->call->err);

    if (rc == 0)
        memcpy(p->course.b, id.b, sizeof id.b);
    return rc;
}

static bool is_known(struct publish *p)
{
    struct buf bytes = BUF_INIT;
    struct record_id id;
    bool known;

    memcpy(id.b, p->course.b, sizeof id.b);
    known = catalog_get(node_catalog(p->n), &id, &bytes, NULL) == 0;
    buf_deinit(&bytes);
    return known;
}

static int find_course(struct publish *p)
{
    const char *named = api__text(p->call, "course");
    char hex[80];
    int rc;

    if (named != NULL)
        return api__resolve(p->n, named, &p->course, &p->call->err);
    if (journal_get(node_roots(p->n), "folder", p->root, 0, hex, sizeof hex) ==
            0 &&
        hex_decode(hex, strlen(hex), p->course.b, sizeof p->course.b) == 0 &&
        is_known(p))
        return 0;
    p->is_new = true;
    if (take_draft(p) && course_id_of_draft(p) == 0) {
        p->is_new = !is_known(p);
        p->is_fresh = p->is_new && is_of_this_home(p);
        return 0;
    }
    p->is_fresh = true;
    p->course_payload.len = 0;
    rc = draft_course(p);
    if (rc == 0 && !api__flag(p->call, "dry_run"))
        rc = reserve(p);
    return rc == 0 ? course_id_of_draft(p) : rc;
}

/* ---- the edition
 * --------------------------------------------------------------------- */

static void compare_current(struct publish *p)
{
    struct buf bytes = BUF_INIT;
    struct edition_payload now;
    const struct edition_payload *e = &p->result.edition;
    struct record r;

    if (catalog_get(node_catalog(p->n), &p->current, &bytes, NULL) == 0 &&
        record_decode(bytes.base, bytes.len, node_network(p->n), &r, NULL) ==
            0 &&
        edition_decode(r.payload, &now, NULL) == 0)
        p->unchanged =
            span_eq(now.index_blob, e->index_blob) &&
            span_eq(now.tree_blob, e->tree_blob) &&
            span_eq(now.title, e->title) && span_eq(now.summary, e->summary) &&
            span_eq(now.language, e->language) &&
            span_eq(now.level, e->level) && span_eq(now.licence, e->licence);
    buf_deinit(&bytes);
}

static int make_edition(struct publish *p)
{
    struct edition_payload *e = &p->result.edition;
    uint64_t top = 0;
    int rc = catalog_next_seq(node_catalog(p->n), &p->author, &p->course,
                              &p->seq, &p->call->err);

    if (rc != 0)
        return rc;
    /* To offer again what was withdrawn takes a new edition of the same. */
    if (catalog_current(node_catalog(p->n), &p->course, &p->current, &top,
                        NULL) == 0 &&
        !catalog_withdrawn(node_catalog(p->n), &p->course, &p->current, top,
                           NULL))
        compare_current(p);
    if (!p->unchanged && !api__flag(p->call, "yes"))
        rc = api__check_head(p->n, &p->course, &p->author, &p->call->err);
    if (rc != 0)
        return rc;
    e->time_ms = wall_clock_ms();
    e->course = p->course;
    e->seq = p->seq;
    if (p->seq != 1 && top != p->seq - 1) {
        rc = err_set(&p->call->err, ERR_CONFLICT,
                     "edition %llu was signed here before, but its record is"
                     " not in this home",
                     (unsigned long long)(p->seq - 1));
        err_hint(&p->call->err, "get the course from a peer first, then"
                                " publish again");
        return rc;
    }
    e->prev = p->current;
    return edition_encode(e, &p->edition_payload, &p->call->err);
}

/* ---- prepare
 * ---------------------------------------------------------------------------
 */

static json_t *notes_of(const struct import_result *r)
{
    json_t *a = json_array();

    for (size_t i = 0; i < r->note_count; i++)
        (void)json_array_append_new(a, json_string(r->notes[i]));
    return a;
}

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

static json_t *answer(struct publish *p)
{
    const struct import_result *r = &p->result;
    json_t *o = json_pack("{s:i, s:s, s:I, s:b, s:b}", "v", 1, "course",
                          course_id_hex(&p->course).s, "edition",
                          (json_int_t)(p->unchanged ? p->seq - 1 : p->seq),
                          "new_course", p->is_new, "unchanged", p->unchanged);

    set(o, "files", json_integer((json_int_t)r->files));
    set(o, "bytes", json_integer((json_int_t)r->bytes));
    set(o, "chunks", json_integer((json_int_t)r->chunks));
    set(o, "new_chunks", json_integer((json_int_t)r->new_chunks));
    set(o, "stored_bytes", json_integer((json_int_t)r->stored_bytes));
    set(o, "new_stored_bytes", json_integer((json_int_t)r->new_stored_bytes));
    set(o, "title",
        json_stringn((const char *)r->edition.title.p, r->edition.title.len));
    set(o, "notes", notes_of(r));
    set(o, "read_bytes", json_integer((json_int_t)r->read_bytes));
    set(o, "in_place", json_boolean(p->in_place));
    set(o, "ask", json_boolean(!p->is_fresh));
    set(o, "must_ask", json_boolean(api__must_ask(p->n, &p->course)));
    set(o, "root", json_string(p->root));
    set(o, "dir", json_string(p->dir));
    set(o, "mark", json_integer((json_int_t)p->mark));
    if (p->unchanged)
        set(o, "record", json_string(record_id_hex(&p->current).s));
    if (p->is_new)
        set(o, "course_payload", hex_json(buf_span(&p->course_payload)));
    set(o, "edition_payload", hex_json(buf_span(&p->edition_payload)));
    return o;
}

static int prepare(struct publish *p)
{
    struct api_call *call = p->call;
    struct vault_info who;
    struct import_options opt = {
        .zstd_level = api__flag(call, "best") ? CODEC_LEVEL_BEST : 0,
        .dry_run = api__flag(call, "dry_run"),
        .allow_secrets = api__flag(call, "allow_secrets"),
        .reread = api__flag(call, "reread") || api__flag(call, "copy"),
        .now_ms = wall_clock_ms()};
    int rc = api__folder(call, "dir", &opt.dir);

    if (rc == 0)
        rc = choose_place(p, opt.dir);
    if (rc != 0)
        return rc;
    opt.in_place = p->in_place;
    rc = keyfile_identity_info(node_home(p->n), &who, &call->err);
    if (rc == ERR_NOT_FOUND) {
        rc = err_set(&call->err, ERR_KEY_NEEDED, "there is no identity here");
        err_hint(&call->err, "lyceum init makes one");
    }
    if (rc != 0)
        return rc;
    p->author = who.author;
    api__hold_sweeps();
    p->mark = api__sweep_mark();
    api__let_sweeps();
    rc = import_run(node_store(p->n), &opt, &call->import, &p->result,
                    &call->err);
    if (rc == 0)
        make_root(p);
    if (rc == 0)
        rc = find_course(p);
    if (rc == 0)
        rc = make_edition(p);
    /* Durable before anything refers to it. */
    if (rc == 0 && !opt.dry_run)
        rc = store_sync(node_store(p->n), &call->err);
    if (rc == 0 && !opt.dry_run && p->unchanged)
        rc = in_place_keep(p->n, p->dir, p->in_place, &p->course, &p->current,
                           &call->err);
    if (rc == 0)
        call->result = answer(p);
    return rc;
}

int api_prepare(struct api_call *call)
{
    struct publish p = {.call = call, .n = call->n};
    int rc = prepare(&p);

    import_result_deinit(&p.result);
    buf_deinit(&p.course_payload);
    buf_deinit(&p.edition_payload);
    free(p.dir);
    return rc;
}

/* ---- commit
 * -------------------------------------------------------------------------------
 */

static int from_hex(struct api_call *call, const char *key, struct buf *out)
{
    const char *hex = api__text(call, key);
    size_t n = hex != NULL ? strlen(hex) / 2 : 0;

    if (n == 0 || buf_reserve(out, n) != 0 ||
        hex_decode(hex, 2 * n, out->base, n) != 0)
        return err_set(&call->err, ERR_INVALID, "no %s", key);
    out->len = n;
    return 0;
}

static int put(struct api_call *call, const struct buf *record,
               struct record_id *out)
{
    return catalog_put(node_catalog(call->n), record->base, record->len, true,
                       out, &call->err);
}

/* A gc between prepare and commit may have taken chunks that were here before
 * and that nothing named yet. */
static int still_held(struct api_call *call, const struct buf *edition)
{
    json_t *mark = json_object_get(call->args, "mark");
    struct held_manifest *hm = NULL;
    int rc;

    if ((uint64_t)json_integer_value(mark) == api__sweep_mark())
        return 0;
    rc = node_manifest_of(call->n, buf_span(edition), &hm, &call->err);

    for (uint32_t i = 0; rc == 0 && i < hm->m.table.count; i++)
        if (!store_has(node_store(call->n), &hm->m.table.refs[i].id))
            rc = ERR_NOT_FOUND;
    held_manifest_unref(hm);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = err_set(&call->err, ERR_CONFLICT,
                 "a gc took chunks of this edition before it was signed");
    err_hint(&call->err, "publish the folder again");
    return rc;
}

/* What the folder is from now on: the next publish finds the course by it. */
static int keep_roots(struct api_call *call, const char *course,
                      const char *root)
{
    int rc = journal_set(node_roots(call->n), "folder", root, &course, 1,
                         &call->err);

    if (rc == 0)
        rc = journal_set(node_roots(call->n), "published", course, &root, 1,
                         &call->err);
    if (rc == 0)
        rc = journal_unset(node_roots(call->n), "draft", root, &call->err);
    if (rc == 0)
        rc =
            journal_unset(node_choices(call->n), "removed", course, &call->err);
    return rc;
}

static int commit(struct api_call *call, struct buf *course_record,
                  struct buf *edition_record)
{
    const char *course = api__text(call, "course");
    const char *root = api__text(call, "root");
    struct record_id edition;
    int rc;

    if (course == NULL || root == NULL ||
        hex_decode(course, strlen(course), call->course.b,
                   sizeof call->course.b) != 0)
        return err_set(&call->err, ERR_INVALID, "no course");
    rc = from_hex(call, "edition_record", edition_record);
    if (rc == 0 && api__text(call, "course_record") != NULL)
        rc = from_hex(call, "course_record", course_record);
    if (rc == 0)
        rc = still_held(call, edition_record);
    if (rc == 0 && course_record->len != 0)
        rc = put(call, course_record, NULL);
    if (rc == 0)
        rc = put(call, edition_record, &edition);
    if (rc == 0)
        rc = api__signed_here(call, &call->course);
    if (rc == 0)
        rc = keep_roots(call, course, root);
    if (rc == 0 && api__text(call, "dir") != NULL)
        rc = in_place_keep(call->n, api__text(call, "dir"),
                           api__flag(call, "in_place"), &call->course, &edition,
                           &call->err);
    if (rc != 0)
        return rc;
    (void)catalog_set_held(node_catalog(call->n), &edition, HELD_COMPLETE,
                           NULL);
    call->result =
        json_pack("{s:i, s:s}", "v", 1, "record", record_id_hex(&edition).s);
    return 0;
}

int api_commit(struct api_call *call)
{
    struct buf course = BUF_INIT;
    struct buf edition = BUF_INIT;
    int rc;

    api__hold_sweeps();
    rc = commit(call, &course, &edition);
    api__let_sweeps();
    buf_deinit(&course);
    buf_deinit(&edition);
    return rc;
}

int api_committed(struct api_call *call)
{
    node_new_edition(call->n, &call->course);
    return 0;
}
