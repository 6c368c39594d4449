#include "storage/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/base/be.h"
#include "crypto/digest.h"
#include "storage/disk.h"
#include "storage/file_io.h"

static const uint8_t magic[4] = {'L', 'y', 'P', 'k'};

#define SEARCH_BYTES CHUNK_RAW_MAX

void pack_head_encode(const struct chunk_ref *ref, uint64_t sum,
                      uint8_t out[PACK_HEAD_BYTES])
{
    memcpy(out, magic, sizeof magic);
    be_put(out + 4, ref->stored_len, 4);
    be_put(out + 8, ref->raw_len, 4);
    be_put(out + 12, ref->flags, 4);
    memcpy(out + 16, ref->id.b, sizeof ref->id.b);
    be_put(out + 48, sum, 8);
    be_put(out + 56, digest_sum64(out, 56), 8);
}

int pack_head_decode(const uint8_t in[PACK_HEAD_BYTES], struct pack_record *out)
{
    struct pack_record r = {0};

    if (memcmp(in, magic, sizeof magic) != 0 ||
        be_get(in + 56, 8) != digest_sum64(in, 56))
        return ERR_MALFORMED;
    r.ref.stored_len = (uint32_t)be_get(in + 4, 4);
    r.ref.raw_len = (uint32_t)be_get(in + 8, 4);
    r.ref.flags = (uint8_t)be_get(in + 12, 4);
    memcpy(r.ref.id.b, in + 16, sizeof r.ref.id.b);
    r.sum = be_get(in + 48, 8);
    if (r.ref.stored_len < 1 || r.ref.stored_len > CHUNK_RAW_MAX)
        return ERR_MALFORMED;
    *out = r;
    return 0;
}

void pack_path(const char *home, uint32_t number, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/packs/%06u.pack", home, number);
}

/* ---- scanning
 * ------------------------------------------------------------------- */

struct scan {
    int fd;
    uint64_t size;
    uint8_t *bytes; /* SEARCH_BYTES: holds a whole chunk, too */
};

/* The next place at or behind @at where a valid header stands, or size. */
static int search(struct scan *s, uint64_t at, uint64_t *out, struct err *e)
{
    while (at + PACK_HEAD_BYTES <= s->size) {
        uint64_t left = s->size - at;
        size_t n = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;
        struct pack_record r;
        int rc = file_io_read(s->fd, s->bytes, n, at, e);

        if (rc != 0)
            return rc;
        for (size_t i = 0; i + PACK_HEAD_BYTES <= n; i++) {
            const uint8_t *hit =
                memchr(s->bytes + i, magic[0], n - PACK_HEAD_BYTES - i + 1);

            if (hit == NULL)
                break;
            i = (size_t)(hit - s->bytes);
            if (pack_head_decode(hit, &r) == 0) {
                *out = at + i;
                return 0;
            }
        }
        at += n - (PACK_HEAD_BYTES - 1);
    }
    *out = s->size;
    return 0;
}

/* *out_good: a whole record with the right bytes stands at @at. */
static int read_record(struct scan *s, uint64_t at, struct pack_record *r,
                       bool *out_good, struct err *e)
{
    uint8_t head[PACK_HEAD_BYTES];
    struct chunk_id is;
    int rc;

    *out_good = false;
    if (at + PACK_HEAD_BYTES > s->size)
        return 0;
    rc = file_io_read(s->fd, head, sizeof head, at, e);
    if (rc != 0 || pack_head_decode(head, r) != 0)
        return rc;
    r->offset = at + PACK_HEAD_BYTES;
    if (r->offset + r->ref.stored_len > s->size)
        return 0;
    rc = file_io_read(s->fd, s->bytes, r->ref.stored_len, r->offset, e);
    if (rc != 0)
        return rc;
    is = digest_chunk(s->bytes, r->ref.stored_len);
    *out_good = chunk_id_eq(&is, &r->ref.id) &&
                digest_sum64(s->bytes, r->ref.stored_len) == r->sum;
    return 0;
}

int pack_scan(int fd, uint64_t from,
              int (*fn)(void *user, const struct pack_record *r), void *user,
              uint64_t *out_end, struct err *e)
{
    struct scan s = {.fd = fd, .bytes = malloc(SEARCH_BYTES)};
    uint64_t end = from;
    uint64_t at = from;
    struct stat st;
    int rc = 0;

    if (s.bytes == NULL)
        return err_set(e, ERR_NOMEM, "scan");
    if (disk_fstat(fd, &st) != 0)
        rc = err_errno(e, errno, "stat");
    s.size = rc == 0 ? (uint64_t)st.st_size : 0;
    while (rc == 0 && at < s.size) {
        struct pack_record r;
        bool good;

        rc = read_record(&s, at, &r, &good, e);
        if (rc == 0 && good) {
            rc = fn(user, &r);
            at = end = r.offset + r.ref.stored_len;
        } else if (rc == 0) {
            rc = search(&s, at + 1, &at, e);
        }
    }
    free(s.bytes);
    if (rc == 0)
        *out_end = end;
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

int pack_list(const char *home, int (*fn)(void *user, uint32_t number),
              void *user, struct err *e)
{
    char path[4096];
    uint32_t *list = NULL;
    size_t count = 0;
    const char *d;
    struct disk_dir *dir;
    int rc = 0;

    (void)snprintf(path, sizeof path, "%s/packs", home);
    dir = disk_dir_open(path);
    if (dir == NULL)
        return err_errno(e, errno, "open folder '%s'", path);
    while ((d = disk_dir_next(dir)) != NULL && rc == 0) {
        char *end;
        unsigned long n = strtoul(d, &end, 10);
        uint32_t *grown;

        if (d[0] < '0' || d[0] > '9' || strcmp(end, ".pack") != 0 || n == 0 ||
            n >= (1ul << 30))
            continue;
        grown = realloc(list, (count + 1) * sizeof *list);
        if (grown == NULL)
            rc = err_set(e, ERR_NOMEM, "packs");
        else
            (list = grown)[count++] = (uint32_t)n;
    }
    disk_dir_close(dir);
    if (count != 0)
        qsort(list, count, sizeof *list, by_number);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = fn(user, list[i]);
    free(list);
    return rc;
}
