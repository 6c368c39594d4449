#include "storage/catalog_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/base/be.h"
#include "crypto/digest.h"
#include "crypto/record.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define HEAD 20u
#define SEARCH_BYTES (64u * 1024u)

static const uint8_t magic[4] = {'L', 'y', 'R', 'c'};

static uint64_t sum_of(const uint8_t head[HEAD], const uint8_t *p, size_t len)
{
    return digest_sum64(head, 12) ^ digest_sum64(p, len);
}

static void make_head(uint8_t head[HEAD], const uint8_t *p, size_t len,
                      uint32_t flags)
{
    memcpy(head, magic, sizeof magic);
    be_put(head + 4, len, 4);
    be_put(head + 8, flags, 4);
    be_put(head + 12, sum_of(head, p, len), 8);
}

int catalog_log_open(const char *home, struct catalog_log *out, struct err *e)
{
    struct catalog_log l = {.fd = -1};
    char *dir = NULL;
    int rc = 0;

    if (asprintf(&dir, "%s/records", home) < 0)
        return err_set(e, ERR_NOMEM, "record file");
    if (asprintf(&l.path, "%s/000001.log", dir) < 0) {
        free(dir);
        return err_set(e, ERR_NOMEM, "record file");
    }
    if (disk_mkdir(dir, 0700) != 0 && errno != EEXIST)
        rc = err_errno(e, errno, "make folder '%s'", dir);
    if (rc == 0) {
        l.fd =
            disk_open(l.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (l.fd < 0)
            rc = err_errno(e, errno, "open '%s'", l.path);
    }
    if (rc == 0)
        rc = file_io_sync_dir(dir, e);
    if (rc == 0)
        rc = file_io_sync_dir(home, e);
    free(dir);
    if (rc != 0)
        catalog_log_close(&l);
    else
        *out = l;
    return rc;
}

void catalog_log_close(struct catalog_log *l)
{
    if (l->fd >= 0)
        (void)disk_close(l->fd);
    l->fd = -1;
    free(l->path);
    l->path = NULL;
}

void catalog_log_undo(struct catalog_log *l, uint64_t at)
{
    /* Where this fails, the next entry still goes over the old one; but a
     * record whose number and chunks are free again may not come back. */
    if (disk_ftruncate(l->fd, (off_t)at) == 0)
        (void)file_io_sync(l->fd, NULL);
    l->end = at;
}

int catalog_log_append(struct catalog_log *l, const uint8_t *p, size_t len,
                       uint32_t flags, uint64_t *out_at, struct err *e)
{
    uint8_t head[HEAD];
    uint64_t at = l->end;
    int rc;

    make_head(head, p, len, flags);
    rc = file_io_write(l->fd, head, sizeof head, at, e);
    if (rc == 0)
        rc = file_io_write(l->fd, p, len, at + HEAD, e);
    if (rc == 0)
        rc = file_io_sync(l->fd, e);
    if (rc != 0) {
        catalog_log_undo(l, at);
        err_wrap(e, "write '%s'", l->path);
        return rc;
    }
    l->end = at + HEAD + len;
    *out_at = at;
    return 0;
}

int catalog_log_read(const struct catalog_log *l, uint64_t at, struct buf *out,
                     uint32_t *out_flags, uint64_t *out_next, struct err *e)
{
    uint8_t head[HEAD];
    size_t len;
    int rc = file_io_read(l->fd, head, sizeof head, at, e);

    out->len = 0;
    if (rc != 0)
        return rc;
    len = (size_t)be_get(head + 4, 4);
    if (memcmp(head, magic, sizeof magic) != 0 || len == 0 ||
        len > RECORD_BYTES_MAX)
        return err_set(e, ERR_CORRUPT, "no entry at %llu of '%s'",
                       (unsigned long long)at, l->path);
    if (buf_reserve(out, len) != 0)
        return err_set(e, ERR_NOMEM, "record");
    rc = file_io_read(l->fd, out->base, len, at + HEAD, e);
    if (rc != 0)
        return rc;
    if (sum_of(head, out->base, len) != be_get(head + 12, 8))
        return err_set(e, ERR_CORRUPT, "entry at %llu of '%s' has changed",
                       (unsigned long long)at, l->path);
    out->len = len;
    *out_flags = (uint32_t)be_get(head + 8, 4);
    *out_next = at + HEAD + len;
    return 0;
}

/* The next place at or behind @at where a head may stand, or @size. */
static int search(const struct catalog_log *l, uint64_t at, uint64_t size,
                  uint64_t *out, struct err *e)
{
    uint8_t bytes[SEARCH_BYTES];

    while (at + HEAD <= size) {
        size_t n =
            size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;
        const uint8_t *hit;
        int rc = file_io_read(l->fd, bytes, n, at, e);

        if (rc != 0)
            return rc;
        hit = memmem(bytes, n, magic, sizeof magic);
        if (hit != NULL) {
            *out = at + (uint64_t)(hit - bytes);
            return 0;
        }
        at += n - (sizeof magic - 1);
    }
    *out = size;
    return 0;
}

/* Nothing whole stands from @at to @end, and there an entry begins, or none. */
static bool is_gap(const struct catalog_log *l, uint64_t at, uint64_t end)
{
    uint8_t head[sizeof magic];
    struct buf bytes = BUF_INIT;
    uint32_t flags;
    uint64_t next;
    bool gap = end == l->end ||
               (end < l->end &&
                file_io_read(l->fd, head, sizeof head, end, NULL) == 0 &&
                memcmp(head, magic, sizeof magic) == 0);

    while (gap && at < end) {
        gap = search(l, at, end, &at, NULL) == 0 &&
              (at == end || catalog_log_read(l, at, &bytes, &flags, &next,
                                             NULL) == ERR_CORRUPT);
        at++;
    }
    buf_deinit(&bytes);
    return gap;
}

int catalog_log_mend(struct catalog_log *l, uint64_t at, const uint8_t *p,
                     size_t len, uint32_t flags, struct err *e)
{
    uint8_t head[HEAD];
    int rc;

    if (!is_gap(l, at, at + HEAD + len))
        return err_set(e, ERR_NOT_FOUND, "another entry at %llu of '%s'",
                       (unsigned long long)at, l->path);
    rc = file_io_read(l->fd, head, sizeof head, at, e);
    if (rc == 0 && memcmp(head, magic, sizeof magic) == 0 &&
        be_get(head + 4, 4) == len)
        flags |= (uint32_t)be_get(head + 8, 4) & CATALOG_LOG_OWN;
    make_head(head, p, len, flags);
    if (rc == 0)
        rc = file_io_write(l->fd, head, sizeof head, at, e);
    if (rc == 0)
        rc = file_io_write(l->fd, p, len, at + HEAD, e);
    return rc == 0 ? file_io_sync(l->fd, e) : rc;
}

int catalog_log_scan(struct catalog_log *l, uint64_t from, bool keep_tail,
                     int (*fn)(void *user, const struct buf *bytes,
                               uint32_t flags, uint64_t at),
                     void *user, struct err *e)
{
    struct buf bytes = BUF_INIT;
    uint64_t at = from;
    uint64_t end = from;
    struct stat st;
    int rc = 0;

    if (disk_fstat(l->fd, &st) != 0)
        return err_errno(e, errno, "stat '%s'", l->path);
    file_io_uncache(l->fd); /* a killed run may have failed to sync it */
    while (rc == 0 && at < (uint64_t)st.st_size) {
        uint32_t flags;
        uint64_t next;

        rc = catalog_log_read(l, at, &bytes, &flags, &next, e);
        if (rc == 0) {
            rc = fn(user, &bytes, flags, at);
            at = end = next;
        } else if (rc == ERR_CORRUPT) {
            rc = search(l, at + 1, (uint64_t)st.st_size, &at, e);
        }
    }
    buf_deinit(&bytes);
    if (keep_tail)
        end = (uint64_t)st.st_size;
    if (rc == 0 && end < (uint64_t)st.st_size &&
        disk_ftruncate(l->fd, (off_t)end) != 0)
        rc = err_errno(e, errno, "cut the torn tail of '%s'", l->path);
    if (rc == 0) /* a killed run may have written what it did not sync */
        rc = file_io_sync(l->fd, e);
    if (rc == 0)
        l->end = end;
    return rc;
}
