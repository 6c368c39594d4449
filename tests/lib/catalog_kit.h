/* catalog_kit: what the tests of the catalog share: people, a course of two of
 * them and its editions, a home with a catalog. */
#ifndef TESTS_LIB_CATALOG_KIT_H
#define TESTS_LIB_CATALOG_KIT_H

#include "crypto/course.h"
#include "crypto/edition.h"
#include "crypto/key.h"
#include "crypto/profile.h"
#include "storage/catalog.h"
#include "storage/catalog_log.h"
#include "tests/lib/keep.h"

/* ---- people and records
 * ------------------------------------------------------ */

static struct identity *ann;
static struct identity *bob;
static struct identity *eve;

static inline struct span text(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

static inline struct identity *person(uint8_t number)
{
    uint8_t seed[SEED_BYTES] = {number};
    struct identity *id = identity_from_seed(seed);

    assert_non_null(id);
    return id;
}

static inline void setup(void)
{
    if (ann != NULL)
        return;
    assert_int_equal(crypto_init(NULL), 0);
    ann = person(1);
    bob = person(2);
    eve = person(3);
}

struct rec {
    struct buf bytes;
    struct record_id id;
};

static inline struct rec sign(struct identity *who, enum record_type type,
                              struct buf *payload)
{
    struct rec r = {.bytes = BUF_INIT};
    struct err e = ERR_INIT;

    if (record_sign(who, type, "main", buf_span(payload), &r.bytes, &r.id,
                    &e) != 0)
        fail_msg("record_sign: %s", e.text);
    buf_deinit(payload);
    return r;
}

/* The course of Ann and Bob. */
static inline struct rec course(struct course_id *out_id)
{
    struct course_payload p = {.time_ms = 1, .author_count = 2, .threshold = 1};
    const struct author_id *a = identity_author(ann);
    const struct author_id *b = identity_author(bob);
    struct buf payload = BUF_INIT;
    struct rec r;

    p.title = text("A course");
    p.authors[memcmp(a->b, b->b, 32) > 0] = *a;
    p.authors[memcmp(a->b, b->b, 32) < 0] = *b;
    assert_int_equal(course_encode(&p, &payload, NULL), 0);
    r = sign(ann, RECORD_COURSE, &payload);
    memcpy(out_id->b, r.id.b, 32);
    return r;
}

static inline struct rec edition(struct identity *who,
                                 const struct course_id *c, uint64_t seq,
                                 const struct record_id *prev,
                                 const char *title)
{
    static const uint8_t entry[40] = {1, [35] = 9, [36] = 0, [39] = 9};
    struct edition_payload p = {.time_ms = 5,
                                .course = *c,
                                .seq = seq,
                                .title = text(title),
                                .index_blob = {entry, 40},
                                .tree_blob = {entry, 40}};
    struct buf payload = BUF_INIT;
    struct err e = ERR_INIT;

    if (prev != NULL)
        p.prev = *prev;
    if (edition_encode(&p, &payload, &e) != 0)
        fail_msg("edition_encode: %s", e.text);
    return sign(who, RECORD_EDITION, &payload);
}

static inline struct rec profile(struct identity *who, uint64_t time_ms,
                                 const char *name)
{
    struct profile_payload p = {.time_ms = time_ms, .name = text(name)};
    struct buf payload = BUF_INIT;

    memcpy(p.box_key, identity_box_public(who), 32);
    assert_int_equal(profile_encode(&p, &payload, NULL), 0);
    return sign(who, RECORD_PROFILE, &payload);
}

/* ---- a home with a catalog
 * ---------------------------------------------------- */

struct place_of_work {
    struct store *s;
    struct catalog *c;
};

static inline struct place_of_work open_in(const char *home)
{
    struct place_of_work w = {.s = keep_open(home)};
    struct err e = ERR_INIT;

    setup();
    if (catalog_open(home, w.s, "main", &w.c, &e) != 0)
        fail_msg("catalog_open: %s", e.text);
    return w;
}

static inline void close_it(struct place_of_work *w)
{
    catalog_close(w->c);
    store_close(w->s);
}

static inline int put(struct catalog *c, const struct rec *r, bool own)
{
    struct record_id id;
    int rc = catalog_put(c, r->bytes.base, r->bytes.len, own, &id, NULL);

    if (rc == 0 || rc == ERR_CONFLICT)
        assert_true(rc == ERR_CONFLICT || record_id_eq(&id, &r->id));
    return rc;
}

static inline bool holds(struct catalog *c, const struct rec *r)
{
    struct buf got = BUF_INIT;
    int rc = catalog_get(c, &r->id, &got, NULL);

    if (rc == 0) {
        assert_int_equal(got.len, r->bytes.len);
        assert_memory_equal(got.base, r->bytes.base, got.len);
    } else {
        assert_int_equal(rc, ERR_NOT_FOUND);
    }
    buf_deinit(&got);
    return rc == 0;
}

static inline uint64_t current(struct catalog *c, const struct course_id *id,
                               struct record_id *out)
{
    uint64_t seq = 0;

    return catalog_current(c, id, out, &seq, NULL) == 0 ? seq : 0;
}

static inline void drop(struct rec *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_deinit(&list[i].bytes);
}

/* A course and its editions 1 to 3. */
struct chain {
    struct course_id id;
    struct rec r[4];
};

static inline struct chain make_chain(void)
{
    struct chain c;

    setup();
    c.r[0] = course(&c.id);
    c.r[1] = edition(ann, &c.id, 1, NULL, "one");
    c.r[2] = edition(ann, &c.id, 2, &c.r[1].id, "two");
    c.r[3] = edition(ann, &c.id, 3, &c.r[2].id, "three");
    return c;
}

#endif
