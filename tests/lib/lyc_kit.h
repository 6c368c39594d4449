/* lyc_kit: what the tests of pack and unpack share: nodes that are real but for
 * their network, asked through the api; a course published and signed by hand;
 * an expert, a file of his, and a learner. */
#ifndef TESTS_LIB_LYC_KIT_H
#define TESTS_LIB_LYC_KIT_H

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/profile.h"
#include "node/api/api.h"
#include "storage/import.h"
#include "storage/lyc.h"
#include "tests/lib/keep.h"

/* ---- a node, and what is asked of it
 * ----------------------------------------------- */

#define PATH_ROOM 400

struct rig {
    char home[PATH_ROOM];
    uv_loop_t loop;
    struct node *n;
    json_t *last;
    bool stop; /* the call as soon as it runs */
};

static inline void rig_open(struct rig *r, const char *home)
{
    struct node_config config = {.home = r->home, .offline = true};
    struct err e = ERR_INIT;

    (void)snprintf(r->home, sizeof r->home, "%s", home);
    assert_int_equal(crypto_init(NULL), 0);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    if (node_open(&r->loop, &config, &r->n, &e) != 0)
        fail_msg("node_open: %s", e.text);
}

static inline void rig_new(struct rig *r)
{
    *r = (struct rig){.n = NULL};
    rig_open(r, test_tmpdir());
}

static inline void rig_close(struct rig *r)
{
    node_close(r->n, NULL, NULL);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    json_decref(r->last);
    r->last = NULL;
}

static inline void on_emit(void *user, const json_t *message, bool last)
{
    struct rig *r = user;

    if (last)
        r->last = json_deep_copy(message);
}

/* *out_result: borrowed until the next call; NULL: none came. */
static inline int ask(struct rig *r, json_t *request, const json_t **out_result)
{
    struct api_call *call = api_begin(r->n, request, on_emit, r);
    const json_t *error;

    assert_non_null(call);
    json_decref(r->last);
    r->last = NULL;
    if (r->stop)
        api_cancel(call);
    while (r->last == NULL)
        (void)uv_run(&r->loop, UV_RUN_ONCE);
    json_decref(request);
    *out_result = json_object_get(r->last, "result");
    error = json_object_get(r->last, "error");
    return error != NULL
               ? api_code_of(json_string_value(json_object_get(error, "code")))
               : 0;
}

static inline const char *said(const struct rig *r, const char *what)
{
    const char *s = json_string_value(
        json_object_get(json_object_get(r->last, "error"), what));

    return s != NULL ? s : "";
}

static inline int unpack(struct rig *r, const char *path, const json_t **out)
{
    return ask(r, json_pack("{s:s, s:s}", "op", "unpack", "file", path), out);
}

static inline json_int_t number(const json_t *result, const char *key)
{
    assert_true(json_is_integer(json_object_get(result, key)));
    return json_integer_value(json_object_get(result, key));
}

static inline bool is_complete(const json_t *result)
{
    return strcmp(json_string_value(json_object_get(result, "state")),
                  "complete") == 0;
}

static inline uint64_t chunks_of(struct rig *r)
{
    struct store_usage use;

    assert_int_equal(store_usage(node_store(r->n), &use, NULL), 0);
    return use.chunks;
}

static inline uint64_t packed_bytes(struct rig *r)
{
    struct store_usage use;

    assert_int_equal(store_usage(node_store(r->n), &use, NULL), 0);
    return use.pack_bytes;
}

/* ---- a course, published by hand
 * -------------------------------------------------- */

#define MEDIA_BYTES ((1u << 20) + (1u << 19))

struct course {
    struct identity *author;
    struct course_id id;
    struct buf course_record, profile_record;
    struct buf edition[3]; /* records of editions 1, 2, ... */
    struct record_id edition_id[3];
    uint64_t seq;
    char dir[PATH_ROOM];
};

static inline void sign(const struct course *c, enum record_type type,
                        const struct buf *payload, struct buf *out,
                        struct record_id *out_id)
{
    assert_int_equal(record_sign(c->author, type, "main", buf_span(payload),
                                 out, out_id, NULL),
                     0);
}

static inline struct span text(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

static inline void make_course(struct course *c, uint8_t seed)
{
    uint8_t bytes[SEED_BYTES] = {seed, 77};
    struct course_payload p = {.time_ms = 1,
                               .title = text("Knots"),
                               .author_count = 1,
                               .threshold = 1};
    struct profile_payload me = {
        .time_ms = 1, .name = text("Ada"), .box_key = {9}};
    struct buf payload = BUF_INIT;
    struct record_id id;

    *c = (struct course){.author = identity_from_seed(bytes)};
    p.authors[0] = *identity_author(c->author);
    assert_int_equal(course_encode(&p, &payload, NULL), 0);
    sign(c, RECORD_COURSE, &payload, &c->course_record, &id);
    memcpy(c->id.b, id.b, sizeof id.b);
    payload.len = 0;
    assert_int_equal(profile_encode(&me, &payload, NULL), 0);
    sign(c, RECORD_PROFILE, &payload, &c->profile_record, NULL);
    buf_deinit(&payload);
}

static inline void write_noise(const char *dir, const char *name, uint64_t seed,
                               size_t n)
{
    uint8_t *p = malloc(n);
    uint8_t key[randombytes_SEEDBYTES] = {(uint8_t)seed};

    assert_non_null(p);
    randombytes_buf_deterministic(p, n, key);
    keep_write(keep_path(dir, name), p, n);
    free(p);
}

/* The folder as it is, as the next edition. */
static inline void publish(struct rig *r, struct course *c)
{
    struct import_options opt = {.dir = c->dir};
    struct import_progress progress = {0};
    struct import_result made = {0};
    struct buf payload = BUF_INIT;
    struct buf *record = &c->edition[c->seq];
    struct err e = ERR_INIT;

    if (import_run(node_store(r->n), &opt, &progress, &made, &e) != 0)
        fail_msg("import_run: %s", e.text);
    made.edition.time_ms = 1000 + c->seq;
    made.edition.course = c->id;
    made.edition.seq = c->seq + 1;
    if (c->seq != 0)
        made.edition.prev = c->edition_id[c->seq - 1];
    assert_int_equal(edition_encode(&made.edition, &payload, &e), 0);
    sign(c, RECORD_EDITION, &payload, record, &c->edition_id[c->seq]);
    assert_int_equal(catalog_put(node_catalog(r->n), record->base, record->len,
                                 true, NULL, &e),
                     0);
    c->seq++;
    buf_deinit(&payload);
    import_result_deinit(&made);
}

/* An expert with one edition: a video and some pages. */
static inline void publish_first(struct rig *r, struct course *c, uint8_t seed)
{
    make_course(c, seed);
    (void)snprintf(c->dir, sizeof c->dir, "%s", test_tmpdir());
    write_noise(c->dir, "video.bin", seed, MEDIA_BYTES);
    write_noise(c->dir, "notes.bin", seed + 1, 70000);
    keep_write(keep_path(c->dir, "page.md"), "# Knots\n", 8);
    assert_int_equal(catalog_put(node_catalog(r->n), c->course_record.base,
                                 c->course_record.len, true, NULL, NULL),
                     0);
    assert_int_equal(catalog_put(node_catalog(r->n), c->profile_record.base,
                                 c->profile_record.len, true, NULL, NULL),
                     0);
    publish(r, c);
}

static inline void publish_second(struct rig *r, struct course *c)
{
    keep_write(keep_path(c->dir, "page.md"), "# Bends\n", 8);
    write_noise(c->dir, "more.bin", 200, 50000);
    publish(r, c);
}

static inline void course_free(struct course *c)
{
    identity_free(c->author);
    buf_deinit(&c->course_record);
    buf_deinit(&c->profile_record);
    for (size_t i = 0; i < 3; i++)
        buf_deinit(&c->edition[i]);
}

static inline int pack_to(struct rig *r, const struct course *c,
                          const char *path, uint64_t since, const json_t **out)
{
    return ask(r,
               json_pack("{s:s, s:s, s:s, s:I}", "op", "pack", "course",
                         course_id_hex(&c->id).s, "file", path, "since",
                         (json_int_t)since),
               out);
}

/* Packs into a new file; its path is for the caller to keep. */
static inline void pack(struct rig *r, const struct course *c, uint64_t since,
                        char path[PATH_ROOM])
{
    const json_t *result;

    (void)snprintf(path, PATH_ROOM, "%s/course.lyc", test_tmpdir());
    if (pack_to(r, c, path, since, &result) != 0)
        fail_msg("pack: %s", said(r, "why"));
    assert_int_equal(number(result, "bytes"), keep_size(path));
}

struct stage { /* an expert, a file of his course, a learner */
    struct rig expert, learner;
    struct course c;
    char file[PATH_ROOM];
    uint64_t chunks; /* that the file brings */
};

static inline void set_stage(struct stage *s)
{
    rig_new(&s->expert);
    rig_new(&s->learner);
    publish_first(&s->expert, &s->c, 1);
    pack(&s->expert, &s->c, 0, s->file);
    s->chunks = chunks_of(&s->expert);
}

static inline void clear_stage(struct stage *s)
{
    rig_close(&s->expert);
    rig_close(&s->learner);
    course_free(&s->c);
}

static inline void must_be_whole(struct rig *r, const char *file,
                                 uint64_t fetched)
{
    const json_t *result;

    if (unpack(r, file, &result) != 0)
        fail_msg("unpack: %s", said(r, "why"));
    assert_true(is_complete(result));
    assert_int_equal(number(result, "fetched_chunks"), fetched);
}

#endif
