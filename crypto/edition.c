#include "crypto/edition.h"

#include <string.h>

#include "crypto/payload_internal.h"

enum {
    TIME = 1,
    COURSE = 2,
    SEQ = 3,
    PREV = 4,
    TITLE = 5,
    SUMMARY = 6,
    LANGUAGE = 7,
    TAGS = 8,
    LEVEL = 9,
    TEACHES = 14,
    REQUIRES = 15,
    LICENCE = 16,
    CHANGE_NOTE = 17,
    INDEX_BLOB = 20,
    TREE_BLOB = 21,
    FILES = 22,
    BYTES = 23,
    CHUNKS = 24,
    STORED_BYTES = 25
};

#define BIT(k) (UINT64_C(1) << (k))
#define REQUIRED                                                               \
    (BIT(TIME) | BIT(COURSE) | BIT(SEQ) | BIT(TITLE) | BIT(INDEX_BLOB) |       \
     BIT(TREE_BLOB) | BIT(FILES) | BIT(BYTES) | BIT(CHUNKS) |                  \
     BIT(STORED_BYTES))

#define ENTRY_BYTES 40
#define ENTRIES_MAX 1200
#define FILES_MAX 100000
#define CHUNKS_MAX 4194304
#define BYTES_MAX (UINT64_C(1) << 53)

static bool level_ok(struct span s)
{
    static const char *const levels[] = {"beginner", "intermediate",
                                         "advanced"};

    for (size_t i = 0; i < 3; i++)
        if (s.len == strlen(levels[i]) && memcmp(s.p, levels[i], s.len) == 0)
            return true;
    return s.len == 0;
}

/* A BCP 47 tag in form: subtags of 1 to 8 letters or digits. */
static bool language_ok(struct span s)
{
    size_t run = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];

        if (c == '-') {
            if (run == 0)
                return false;
            run = 0;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   (c >= '0' && c <= '9')) {
            if (++run > 8)
                return false;
        } else {
            return false;
        }
    }
    return s.len <= 35 && (s.len == 0 || run != 0);
}

static bool blob_ok(struct span s)
{
    return s.len >= ENTRY_BYTES && s.len % ENTRY_BYTES == 0;
}

static const char *broken_text(const struct edition_payload *p)
{
    if (p->title.len == 0 ||
        !payload__text_ok(p->title, PAYLOAD_TITLE_CP, false))
        return "title: 1 to 200 characters, no control characters";
    if (!payload__text_ok(p->summary, PAYLOAD_TEXT_CP, true) ||
        !payload__text_ok(p->change_note, PAYLOAD_TEXT_CP, true))
        return "summary and change note: at most 4,000 characters";
    if (!payload__text_ok(p->licence, PAYLOAD_TITLE_CP, false))
        return "licence: at most 200 characters";
    if (!language_ok(p->language))
        return "language is not a tag like en or zh-CN";
    if (!level_ok(p->level))
        return "level is not beginner, intermediate or advanced";
    if (!payload__words_ok(p->tags, p->tag_count) ||
        !payload__words_ok(p->teaches, p->teach_count) ||
        !payload__words_ok(p->requires_, p->require_count))
        return "tags, teaches, requires: at most 32 of at most 64 characters";
    return NULL;
}

static const char *broken_rule(const struct edition_payload *p)
{
    if (p->time_ms >= PAYLOAD_TIME_MAX)
        return "time out of range";
    if (p->seq < 1 || p->seq > EDITION_SEQ_MAX)
        return "seq out of range";
    if (!blob_ok(p->index_blob) || !blob_ok(p->tree_blob) ||
        (p->index_blob.len + p->tree_blob.len) / ENTRY_BYTES > ENTRIES_MAX)
        return "blob entries: 1 or more each, at most 1,200 together";
    if (p->files > FILES_MAX || p->chunks > CHUNKS_MAX ||
        p->bytes >= BYTES_MAX || p->stored_bytes >= BYTES_MAX)
        return "totals out of range";
    return broken_text(p);
}

static uint64_t count_pairs(const struct edition_payload *p)
{
    return 10 + (uint64_t)((p->seq != 1) + (p->summary.len != 0) +
                           (p->language.len != 0) + (p->tag_count != 0) +
                           (p->level.len != 0) + (p->teach_count != 0) +
                           (p->require_count != 0) + (p->licence.len != 0) +
                           (p->change_note.len != 0));
}

static void put_uint(struct buf *out, uint64_t key, uint64_t v)
{
    cbor_put_uint(out, key);
    cbor_put_uint(out, v);
}

static void put_bytes(struct buf *out, uint64_t key, const void *p, size_t n)
{
    cbor_put_uint(out, key);
    cbor_put_bytes(out, p, n);
}

int edition_encode(const struct edition_payload *p, struct buf *out,
                   struct err *e)
{
    const char *broken = broken_rule(p);

    if (broken != NULL)
        return err_set(e, ERR_INVALID, "edition: %s", broken);
    cbor_put_map(out, count_pairs(p));
    put_uint(out, TIME, p->time_ms);
    put_bytes(out, COURSE, p->course.b, sizeof p->course.b);
    put_uint(out, SEQ, p->seq);
    if (p->seq != 1)
        put_bytes(out, PREV, p->prev.b, sizeof p->prev.b);
    payload__put_text(out, TITLE, p->title);
    payload__put_text(out, SUMMARY, p->summary);
    payload__put_text(out, LANGUAGE, p->language);
    payload__put_words(out, TAGS, p->tags, p->tag_count);
    payload__put_text(out, LEVEL, p->level);
    payload__put_words(out, TEACHES, p->teaches, p->teach_count);
    payload__put_words(out, REQUIRES, p->requires_, p->require_count);
    payload__put_text(out, LICENCE, p->licence);
    payload__put_text(out, CHANGE_NOTE, p->change_note);
    put_bytes(out, INDEX_BLOB, p->index_blob.p, p->index_blob.len);
    put_bytes(out, TREE_BLOB, p->tree_blob.p, p->tree_blob.len);
    put_uint(out, FILES, p->files);
    put_uint(out, BYTES, p->bytes);
    put_uint(out, CHUNKS, p->chunks);
    put_uint(out, STORED_BYTES, p->stored_bytes);
    return out->failed ? err_set(e, ERR_NOMEM, "edition") : 0;
}

static void read_text(struct payload *p, uint64_t key,
                      struct edition_payload *v)
{
    switch (key) {
    case TITLE:
        payload__text(p, key, PAYLOAD_TITLE_CP, false, &v->title);
        break;
    case SUMMARY:
        payload__text(p, key, PAYLOAD_TEXT_CP, true, &v->summary);
        break;
    case LANGUAGE:
        payload__text(p, key, PAYLOAD_TITLE_CP, false, &v->language);
        break;
    case TAGS:
        payload__words(p, key, v->tags, &v->tag_count);
        break;
    case LEVEL:
        payload__text(p, key, PAYLOAD_WORD_CP, false, &v->level);
        break;
    case TEACHES:
        payload__words(p, key, v->teaches, &v->teach_count);
        break;
    case REQUIRES:
        payload__words(p, key, v->requires_, &v->require_count);
        break;
    case LICENCE:
        payload__text(p, key, PAYLOAD_TITLE_CP, false, &v->licence);
        break;
    case CHANGE_NOTE:
        payload__text(p, key, PAYLOAD_TEXT_CP, true, &v->change_note);
        break;
    default:
        (void)cbor_skip(&p->in);
    }
}

static void read_key(struct payload *p, uint64_t key, struct edition_payload *v)
{
    switch (key) {
    case TIME:
        payload__uint(p, key, 0, PAYLOAD_TIME_MAX - 1, &v->time_ms);
        break;
    case COURSE:
        payload__fixed(p, key, v->course.b, sizeof v->course.b);
        break;
    case SEQ:
        payload__uint(p, key, 1, EDITION_SEQ_MAX, &v->seq);
        break;
    case PREV:
        payload__fixed(p, key, v->prev.b, sizeof v->prev.b);
        break;
    case INDEX_BLOB:
        payload__bytes(p, key, &v->index_blob);
        break;
    case TREE_BLOB:
        payload__bytes(p, key, &v->tree_blob);
        break;
    case FILES:
        payload__uint(p, key, 0, FILES_MAX, &v->files);
        break;
    case BYTES:
        payload__uint(p, key, 0, BYTES_MAX - 1, &v->bytes);
        break;
    case CHUNKS:
        payload__uint(p, key, 0, CHUNKS_MAX, &v->chunks);
        break;
    case STORED_BYTES:
        payload__uint(p, key, 0, BYTES_MAX - 1, &v->stored_bytes);
        break;
    default:
        read_text(p, key, v);
    }
}

int edition_decode(struct span payload, struct edition_payload *out,
                   struct err *e)
{
    struct edition_payload v = {0};
    const char *broken;
    struct payload p;
    uint64_t key;
    int rc;

    (void)payload__begin(&p, payload, e);
    while (payload__next(&p, &key))
        read_key(&p, key, &v);
    rc = payload__end(&p, REQUIRED);
    if (rc != 0)
        return rc;
    broken = broken_rule(&v);
    /* SPEC 3.3: "prev is absent exactly when seq is 1" */
    if (broken == NULL && ((p.seen & BIT(PREV)) != 0) != (v.seq != 1))
        broken = "prev does not fit seq";
    if (broken != NULL)
        return err_set(e, ERR_MALFORMED, "edition: %s", broken);
    *out = v;
    return 0;
}

int edition_check(struct span payload, const struct author_id *signer,
                  struct err *e)
{
    struct edition_payload v;

    (void)
        signer; /* whether he may speak for the course: the catalog's affair */
    return edition_decode(payload, &v, e);
}
