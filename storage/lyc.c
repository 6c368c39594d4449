#include "storage/lyc.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/be.h"
#include "crypto/digest.h"
#include "crypto/record.h"
#include "storage/pack.h"

/* Not text, and different after whatever changes line ends. */
static const uint8_t magic[8] = {0x89, 'L', 'Y', 'C', '\r', '\n', 0x1a, '\n'};
static const uint8_t record_magic[4] = {'L', 'y', 'R', 'c'};
static const uint8_t end_magic[4] = {'L', 'y', 'E', 'n'};

#define FRAME_FIRST_BYTE 'L' /* of the pack's head, too */
#define WINDOW_BYTES (2u * 1024 * 1024)

/* The last 8 of @n bytes are the sum of those before. */
static void seal(uint8_t *p, size_t n)
{
    be_put(p + n - 8, digest_sum64(p, n - 8), 8);
}

static bool is_sealed(const uint8_t *p, size_t n)
{
    return be_get(p + n - 8, 8) == digest_sum64(p, n - 8);
}

/* ---- writing ---------------------------------------------------------------
 */

static int write_out(struct lyc_writer *w, const struct span *parts,
                     size_t count, struct err *e)
{
    int rc = w->write(w->user, parts, count, e);

    for (size_t i = 0; i < count && rc == 0; i++)
        w->bytes += parts[i].len;
    return rc;
}

int lyc_begin(struct lyc_writer *w, const struct lyc_head *head,
              lyc_write_fn *write, void *user, struct err *e)
{
    uint8_t bytes[LYC_HEAD_BYTES] = {0};
    struct span part = {bytes, sizeof bytes};

    *w = (struct lyc_writer){.write = write, .user = user};
    memcpy(bytes, magic, sizeof magic);
    be_put(bytes + 8, LYC_VERSION, 4);
    memcpy(bytes + 16, head->course.b, ID_BYTES);
    memcpy(bytes + 48, head->edition.b, ID_BYTES);
    be_put(bytes + 80, head->seq, 8);
    be_put(bytes + 88, head->since, 8);
    seal(bytes, sizeof bytes);
    return write_out(w, &part, 1, e);
}

int lyc_put_record(struct lyc_writer *w, struct span record, struct err *e)
{
    uint8_t head[LYC_RECORD_HEAD_BYTES];
    struct span parts[2] = {{head, sizeof head}, record};
    int rc;

    memcpy(head, record_magic, sizeof record_magic);
    be_put(head + 4, record.len, 4);
    be_put(head + 8, digest_sum64(record.p, record.len), 8);
    seal(head, sizeof head);
    rc = write_out(w, parts, 2, e);
    w->records += rc == 0;
    return rc;
}

int lyc_put_chunk(struct lyc_writer *w, const struct chunk_ref *ref,
                  const uint8_t *data, struct err *e)
{
    uint8_t head[PACK_HEAD_BYTES];
    struct span parts[2] = {{head, sizeof head}, {data, ref->stored_len}};
    int rc;

    pack_head_encode(ref, digest_sum64(data, ref->stored_len), head);
    rc = write_out(w, parts, 2, e);
    w->chunks += rc == 0;
    return rc;
}

int lyc_end(struct lyc_writer *w, struct err *e)
{
    uint8_t bytes[LYC_END_BYTES] = {0};
    struct span part = {bytes, sizeof bytes};

    memcpy(bytes, end_magic, sizeof end_magic);
    be_put(bytes + 8, w->records, 4);
    be_put(bytes + 12, w->chunks, 4);
    be_put(bytes + 16, w->bytes, 8);
    seal(bytes, sizeof bytes);
    return write_out(w, &part, 1, e);
}

uint64_t lyc_chunk_bytes(uint32_t stored_len)
{
    return (uint64_t)PACK_HEAD_BYTES + stored_len;
}

/* ---- reading: the window ---------------------------------------------------
 */

struct lyc_reader {
    lyc_read_fn *read;
    void *user;
    uint8_t *window; /* WINDOW_BYTES */
    size_t at, len;  /* what is not consumed yet: window[at..len) */
    uint64_t offset; /* of window[at] in the file */
    bool ended;      /* the input has no more */
    bool searching;  /* no frame stands where one should */
    bool unsure;     /* found by a search, and not proven by a digest since */
    bool has_chunk;  /* a chunk's frame stands at `at`, not consumed */
    struct chunk_ref ref;
    bool done;
    enum lyc_kind last; /* LYC_END or LYC_CUT, when done */
    uint32_t records, chunks, damaged;
};

static size_t left(const struct lyc_reader *r)
{
    return r->len - r->at;
}

/* At least @n bytes in the window, or all there are. */
static int need(struct lyc_reader *r, size_t n, struct err *e)
{
    if (left(r) >= n || r->ended)
        return 0;
    if (r->at + n > WINDOW_BYTES) {
        memmove(r->window, r->window + r->at, left(r));
        r->len -= r->at;
        r->at = 0;
    }
    while (left(r) < n && !r->ended) {
        size_t got = 0;
        int rc = r->read(r->user, r->window + r->len, WINDOW_BYTES - r->len,
                         &got, e);

        if (rc != 0)
            return rc;
        r->ended = got == 0;
        r->len += got;
    }
    return 0;
}

static void consume(struct lyc_reader *r, size_t n)
{
    r->at += n;
    r->offset += n;
}

/* From now on, byte by byte from behind where we are. */
static void lose_track(struct lyc_reader *r)
{
    r->damaged += !r->searching;
    r->searching = r->unsure = true;
    consume(r, left(r) != 0);
}

/* ---- reading: frames -------------------------------------------------------
 */

int lyc_open(lyc_read_fn *read, void *user, struct lyc_head *out_head,
             struct lyc_reader **out, struct err *e)
{
    struct lyc_reader *r = calloc(1, sizeof *r);
    const uint8_t *p;
    int rc;

    if (r != NULL)
        r->window = malloc(WINDOW_BYTES);
    if (r == NULL || r->window == NULL) {
        lyc_close(r);
        return err_set(e, ERR_NOMEM, "course file");
    }
    r->read = read;
    r->user = user;
    rc = need(r, LYC_HEAD_BYTES, e);
    p = r->window;
    if (rc == 0 &&
        (left(r) < sizeof magic || memcmp(p, magic, sizeof magic) != 0))
        rc = err_set(e, ERR_MALFORMED, "this is no course file");
    else if (rc == 0 && left(r) < LYC_HEAD_BYTES)
        rc = err_set(e, ERR_MALFORMED, "the file ends in its first bytes");
    else if (rc == 0 && be_get(p + 8, 4) != LYC_VERSION)
        rc = err_set(e, ERR_MALFORMED,
                     "a course file of version %u: only %u"
                     " is known here",
                     (unsigned)be_get(p + 8, 4), LYC_VERSION);
    else if (rc == 0 && !is_sealed(p, LYC_HEAD_BYTES))
        rc = err_set(e, ERR_MALFORMED, "the head of the file is damaged");
    if (rc != 0) {
        lyc_close(r);
        return rc;
    }
    memcpy(out_head->course.b, p + 16, ID_BYTES);
    memcpy(out_head->edition.b, p + 48, ID_BYTES);
    out_head->seq = be_get(p + 80, 8);
    out_head->since = be_get(p + 88, 8);
    consume(r, LYC_HEAD_BYTES);
    *out = r;
    return 0;
}

void lyc_close(struct lyc_reader *r)
{
    if (r == NULL)
        return;
    free(r->window);
    free(r);
}

uint32_t lyc_damaged(const struct lyc_reader *r)
{
    return r->damaged;
}

/* On to the next byte that may begin a frame. */
static int search(struct lyc_reader *r, struct err *e)
{
    for (;;) {
        const uint8_t *hit = NULL;
        int rc = need(r, LYC_RECORD_HEAD_BYTES, e);

        if (rc != 0 || left(r) == 0)
            return rc;
        hit = memchr(r->window + r->at, FRAME_FIRST_BYTE, left(r));
        if (hit == NULL) {
            consume(r, left(r));
            continue;
        }
        consume(r, (size_t)(hit - (r->window + r->at)));
        return 0;
    }
}

static int try_record(struct lyc_reader *r, struct lyc_item *out, bool *found,
                      struct err *e)
{
    const uint8_t *p = r->window + r->at;
    uint64_t sum;
    size_t n;
    int rc;

    if (left(r) < LYC_RECORD_HEAD_BYTES ||
        memcmp(p, record_magic, sizeof record_magic) != 0 ||
        !is_sealed(p, LYC_RECORD_HEAD_BYTES))
        return 0;
    n = (size_t)be_get(p + 4, 4);
    sum = be_get(p + 8, 8);
    if (n < 1 || n > RECORD_BYTES_MAX)
        return 0;
    rc = need(r, LYC_RECORD_HEAD_BYTES + n, e);
    p = r->window + r->at + LYC_RECORD_HEAD_BYTES;
    if (rc != 0 || left(r) < LYC_RECORD_HEAD_BYTES + n ||
        digest_sum64(p, n) != sum)
        return rc;
    *found = true;
    r->records++;
    out->kind = LYC_RECORD;
    out->record = (struct span){p, n};
    consume(r, LYC_RECORD_HEAD_BYTES + n); /* the bytes stay until need() */
    return 0;
}

static bool try_chunk(struct lyc_reader *r, struct lyc_item *out)
{
    struct pack_record head;

    if (left(r) < PACK_HEAD_BYTES ||
        pack_head_decode(r->window + r->at, &head) != 0)
        return false;
    r->has_chunk = true;
    r->ref = head.ref;
    out->kind = LYC_CHUNK;
    out->ref = head.ref;
    return true;
}

/* An end marker of another file, which may be in a chunk, says another place.
 */
static bool try_end(struct lyc_reader *r, struct lyc_item *out)
{
    const uint8_t *p = r->window + r->at;

    if (left(r) < LYC_END_BYTES ||
        memcmp(p, end_magic, sizeof end_magic) != 0 ||
        !is_sealed(p, LYC_END_BYTES) || be_get(p + 16, 8) != r->offset)
        return false;
    if (r->damaged == 0 &&
        (be_get(p + 8, 4) != r->records || be_get(p + 12, 4) != r->chunks))
        r->damaged++;
    r->done = true;
    r->last = out->kind = LYC_END;
    return true;
}

/* A frame where we stand. */
static int try_frame(struct lyc_reader *r, struct lyc_item *out, bool *found,
                     struct err *e)
{
    int rc = need(r, PACK_HEAD_BYTES, e);

    if (rc == 0)
        rc = try_record(r, out, found, e);
    if (rc == 0 && !*found)
        *found = try_end(r, out) || try_chunk(r, out);
    return rc;
}

/* Over a chunk that nobody wanted. One found by a search may be a fake whose
 * length leads astray. */
static int skip_chunk(struct lyc_reader *r, struct err *e)
{
    const uint8_t *bytes;
    size_t n = PACK_HEAD_BYTES + r->ref.stored_len;
    int rc;

    if (r->unsure) {
        rc = lyc_chunk(r, &bytes, e);
        return rc == ERR_CORRUPT || rc == ERR_NOT_FOUND ? 0 : rc;
    }
    rc = need(r, n, e);
    if (rc == 0) {
        r->has_chunk = false;
        r->chunks++;
        consume(r, n < left(r) ? n : left(r));
    }
    return rc;
}

int lyc_next(struct lyc_reader *r, struct lyc_item *out, struct err *e)
{
    struct lyc_item item = {.kind = r->last};
    bool found = r->done;
    int rc = r->has_chunk ? skip_chunk(r, e) : 0;

    while (rc == 0 && !found) {
        if (r->searching)
            rc = search(r, e);
        if (rc == 0 && r->damaged < LYC_DAMAGED_MAX)
            rc = try_frame(r, &item, &found, e);
        if (rc != 0 || found)
            break;
        r->done = found = left(r) == 0 || r->damaged >= LYC_DAMAGED_MAX;
        if (r->done)
            r->last = item.kind = LYC_CUT;
        else
            lose_track(r);
    }
    if (rc != 0)
        return rc;
    r->searching = false;
    *out = item;
    return 0;
}

int lyc_chunk(struct lyc_reader *r, const uint8_t **out, struct err *e)
{
    size_t n = PACK_HEAD_BYTES + r->ref.stored_len;
    struct chunk_id is;
    bool whole;
    int rc = need(r, n, e);

    if (rc != 0)
        return rc;
    r->has_chunk = false;
    whole = left(r) >= n;
    if (whole) {
        is = digest_chunk(r->window + r->at + PACK_HEAD_BYTES,
                          r->ref.stored_len);
        if (chunk_id_eq(&is, &r->ref.id)) {
            *out = r->window + r->at + PACK_HEAD_BYTES;
            consume(r, n); /* the bytes stay until need() */
            r->unsure = false;
            r->chunks++;
            return 0;
        }
    }
    r->searching = !whole; /* the end of the bytes is no damage */
    lose_track(r);
    return whole ? err_set(e, ERR_CORRUPT, "chunk '%.16s' is damaged",
                           chunk_id_hex(&r->ref.id).s)
                 : err_set(e, ERR_NOT_FOUND, "the file ends in a chunk");
}
