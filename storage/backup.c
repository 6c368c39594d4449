#include "storage/backup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/base/be.h"
#include "crypto/digest.h"

#define VERSION 1
#define HEAD 32
#define PART 24
#define END 40 /* 8 and the digest */
#define PIECE (64u * 1024u)

static const uint8_t magic[8] = {0x89, 'L', 'Y', 'B', '\r', '\n', 0x1a, '\n'};
static const uint8_t part_magic[4] = {'L', 'y', 'P', 't'};
static const uint8_t end_magic[4] = {'L', 'y', 'E', 'n'};

uint64_t backup_part_max(enum backup_part part)
{
    switch (part) {
#define X(name, number, max)                                                   \
    case BACKUP_##name:                                                        \
        return max;
        BACKUP_PARTS(X)
#undef X
    }
    return 0;
}

/* ---- writing --------------------------------------------------------- */

static int emit(struct backup_writer *w, const void *p, size_t n, struct err *e)
{
    struct span s = {p, n};
    int rc = w->write(w->user, &s, 1, e);

    (void)crypto_hash_sha256_update(&w->sum, p, n);
    w->at += n;
    return rc;
}

int backup_begin(struct backup_writer *w, backup_write_fn *write, void *user,
                 uint64_t time_ms, struct err *e)
{
    uint8_t head[HEAD] = {0};

    *w = (struct backup_writer){.write = write, .user = user};
    (void)crypto_hash_sha256_init(&w->sum);
    memcpy(head, magic, sizeof magic);
    be_put(head + 8, VERSION, 4);
    be_put(head + 16, time_ms, 8);
    be_put(head + 24, digest_sum64(head, 24), 8);
    return emit(w, head, sizeof head, e);
}

int backup_begin_part(struct backup_writer *w, enum backup_part part,
                      uint64_t len, struct err *e)
{
    uint8_t head[PART];

    if (len > backup_part_max(part))
        return err_set(e, ERR_LIMIT, "part %d of %" PRIu64 " bytes", (int)part,
                       len);
    w->last = (unsigned)part;
    w->left = len;
    memcpy(head, part_magic, sizeof part_magic);
    be_put(head + 4, (uint64_t)part, 4);
    be_put(head + 8, len, 8);
    be_put(head + 16, digest_sum64(head, 16), 8);
    return emit(w, head, sizeof head, e);
}

int backup_bytes(struct backup_writer *w, const void *p, size_t n,
                 struct err *e)
{
    w->left -= n;
    return emit(w, p, n, e);
}

int backup_end(struct backup_writer *w, struct err *e)
{
    uint8_t end[END] = {0};

    memcpy(end, end_magic, sizeof end_magic);
    (void)crypto_hash_sha256_update(&w->sum, end, END - 32);
    (void)crypto_hash_sha256_final(&w->sum, end + END - 32);
    return w->write(w->user, &(struct span){end, sizeof end}, 1, e);
}

/* ---- reading --------------------------------------------------------- */

struct reader {
    backup_read_fn *read;
    void *user;
    const struct backup_sink *sink;
    crypto_hash_sha256_state sum;
    uint64_t at;
};

static int damaged(const struct reader *r, struct err *e)
{
    return err_set(e, ERR_CORRUPT, "the backup is damaged near byte %" PRIu64,
                   r->at);
}

/* @n bytes or less where the file ends. */
static int take(struct reader *r, uint8_t *p, size_t n, size_t *out_n,
                struct err *e)
{
    size_t got = 0;

    while (got < n) {
        size_t more = 0;
        int rc = r->read(r->user, p + got, n - got, &more, e);

        if (rc != 0)
            return rc;
        if (more == 0)
            break;
        got += more;
    }
    r->at += got;
    *out_n = got;
    return 0;
}

static int take_all(struct reader *r, uint8_t *p, size_t n, struct err *e)
{
    size_t got = 0;
    int rc = take(r, p, n, &got, e);

    if (rc == 0 && got != n)
        rc = err_set(e, ERR_CORRUPT,
                     "the backup is cut off after %" PRIu64 " bytes", r->at);
    return rc;
}

static int read_head(struct reader *r, uint64_t *out_time_ms, struct err *e)
{
    uint8_t head[HEAD];
    size_t n = 0;
    int rc = take(r, head, sizeof head, &n, e);
    size_t known = n < sizeof magic ? n : sizeof magic;

    if (rc != 0)
        return rc;
    if (n == 0 || memcmp(head, magic, known) != 0)
        return err_set(e, ERR_MALFORMED, "this is no backup of a home");
    if (n != sizeof head)
        return err_set(e, ERR_CORRUPT, "the backup is cut off after %zu bytes",
                       n);
    if (be_get(head + 24, 8) != digest_sum64(head, 24) ||
        be_get(head + 12, 4) != 0)
        return damaged(r, e);
    if (be_get(head + 8, 4) != VERSION)
        return err_set(e, ERR_MALFORMED,
                       "the backup is of version %u, and this program reads %d",
                       (unsigned)be_get(head + 8, 4), VERSION);
    (void)crypto_hash_sha256_update(&r->sum, head, sizeof head);
    *out_time_ms = be_get(head + 16, 8);
    return 0;
}

static int read_bytes(struct reader *r, uint64_t len, struct err *e)
{
    uint8_t piece[PIECE];
    int rc = 0;

    while (len != 0 && rc == 0) {
        size_t n = len < sizeof piece ? (size_t)len : sizeof piece;

        rc = take_all(r, piece, n, e);
        if (rc == 0)
            rc = r->sink->bytes(r->sink->user, piece, n, e);
        (void)crypto_hash_sha256_update(&r->sum, piece, n);
        len -= n;
    }
    return rc;
}

/* @head: the first 8 of its bytes. */
static int read_part(struct reader *r, uint8_t head[PART], unsigned *last,
                     struct err *e)
{
    int rc = take_all(r, head + 8, PART - 8, e);
    unsigned part = (unsigned)be_get(head + 4, 4);
    uint64_t len = be_get(head + 8, 8);

    if (rc != 0)
        return rc;
    if (be_get(head + 16, 8) != digest_sum64(head, 16) || part <= *last ||
        part > BACKUP_PART_LAST ||
        len > backup_part_max((enum backup_part)part))
        return damaged(r, e);
    *last = part;
    (void)crypto_hash_sha256_update(&r->sum, head, PART);
    rc = r->sink->part(r->sink->user, (enum backup_part)part, len, e);
    return rc == 0 ? read_bytes(r, len, e) : rc;
}

static int read_end(struct reader *r, const uint8_t head[8], struct err *e)
{
    uint8_t said[32];
    uint8_t is[32];
    uint8_t more;
    size_t n = 0;
    int rc = take_all(r, said, sizeof said, e);

    if (rc != 0)
        return rc;
    (void)crypto_hash_sha256_update(&r->sum, head, 8);
    (void)crypto_hash_sha256_final(&r->sum, is);
    if (be_get(head + 4, 4) != 0 || memcmp(said, is, sizeof is) != 0)
        return err_set(e, ERR_CORRUPT,
                       "the backup has changed since it was written");
    rc = take(r, &more, 1, &n, e);
    if (rc == 0 && n != 0)
        rc = err_set(e, ERR_CORRUPT,
                     "something stands behind the end of the backup");
    return rc;
}

int backup_read(backup_read_fn *read, void *user,
                const struct backup_sink *sink, uint64_t *out_time_ms,
                struct err *e)
{
    struct reader r = {.read = read, .user = user, .sink = sink};
    uint64_t time_ms = 0;
    unsigned last = 0;
    int rc;

    (void)crypto_hash_sha256_init(&r.sum);
    rc = read_head(&r, &time_ms, e);
    while (rc == 0) {
        uint8_t head[PART];

        rc = take_all(&r, head, 8, e);
        if (rc != 0)
            break;
        if (memcmp(head, end_magic, sizeof end_magic) == 0) {
            rc = read_end(&r, head, e);
            break;
        }
        rc = memcmp(head, part_magic, sizeof part_magic) == 0
                 ? read_part(&r, head, &last, e)
                 : damaged(&r, e);
    }
    if (rc == 0)
        *out_time_ms = time_ms;
    return rc;
}
