/* Backups of strangers: parts rise and keep to their lengths, and what is read
 * is, written again, the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "storage/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *p;
    size_t left;
};

static int mem_read(void *user, uint8_t *p, size_t cap, size_t *out_n,
                    struct err *e)
{
    struct memory *m = user;
    size_t n = m->left < cap ? m->left : cap;

    (void)e;
    if (n > 7)
        n = 7; /* as a pipe may */
    if (n != 0)
        memcpy(p, m->p, n);
    m->p += n;
    m->left -= n;
    *out_n = n;
    return 0;
}

static int mem_write(void *user, const struct span *parts, size_t count,
                     struct err *e)
{
    (void)e;
    for (size_t i = 0; i < count; i++)
        (void)buf_append(user, parts[i].p, parts[i].len);
    return 0;
}

struct copy {
    struct buf out;
    struct backup_writer w;
    unsigned last;
    uint64_t left;
};

static int on_part(void *user, enum backup_part part, uint64_t len,
                   struct err *e)
{
    struct copy *c = user;

    if (c->left != 0 || (unsigned)part <= c->last ||
        len > backup_part_max(part))
        abort();
    c->last = (unsigned)part;
    c->left = len;
    return backup_begin_part(&c->w, part, len, e);
}

static int on_bytes(void *user, const uint8_t *p, size_t n, struct err *e)
{
    struct copy *c = user;

    if (n > c->left)
        abort();
    c->left -= n;
    return backup_bytes(&c->w, p, n, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data, size};
    struct copy c = {.out = BUF_INIT};
    struct backup_sink sink = {on_part, on_bytes, &c};
    uint64_t time_ms = 0;

    /* The time stands before anything that depends on it. */
    for (size_t i = 16; i < 24 && i < size; i++)
        time_ms = time_ms << 8 | data[i];
    if (backup_begin(&c.w, mem_write, &c.out, time_ms, NULL) != 0)
        abort();
    if (backup_read(mem_read, &m, &sink, &time_ms, NULL) == 0 &&
        (c.left != 0 || backup_end(&c.w, NULL) != 0 || c.out.len != size ||
         memcmp(c.out.base, data, size) != 0))
        abort();
    buf_deinit(&c.out);
    return 0;
}
