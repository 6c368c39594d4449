#include "crypto/base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/err.h"

void buf_deinit(struct buf *b)
{
    free(b->base);
    *b = (struct buf)BUF_INIT;
}

int buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more;
    size_t cap = b->cap != 0 ? b->cap : 64;
    uint8_t *p;

    if (b->failed || need < b->len) {
        b->failed = true;
        return ERR_NOMEM;
    }
    if (need <= b->cap)
        return 0;
    while (cap < need) {
        if (cap > SIZE_MAX / 2) {
            cap = need;
            break;
        }
        cap *= 2;
    }
    p = realloc(b->base, cap);
    if (p == NULL) {
        b->failed = true;
        return ERR_NOMEM;
    }
    b->base = p;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    int rc = buf_reserve(b, n);

    if (rc != 0)
        return rc;
    if (n != 0)
        memcpy(b->base + b->len, p, n);
    b->len += n;
    return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

void buf_move(struct buf *dst, struct buf *src)
{
    buf_deinit(dst);
    *dst = *src;
    *src = (struct buf)BUF_INIT;
}

struct span buf_span(const struct buf *b)
{
    struct span s = {b->base, b->len};

    return s;
}

const char *buf_cstr(struct buf *b)
{
    if (buf_reserve(b, 1) != 0)
        return NULL;
    b->base[b->len] = '\0';
    return (const char *)b->base;
}

bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
