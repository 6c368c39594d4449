/* buf: a growable run of bytes with one owner, and span: bytes of another's.
 * A failed growth sticks (`failed`), so that a writer checks once at its end.
 */
#ifndef CRYPTO_BASE_BUF_H
#define CRYPTO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *p; /* borrowed */
    size_t len;
};

struct buf {
    uint8_t *base;
    size_t len;
    size_t cap;
    bool failed; /* an append ran out of memory; contents stop there */
};

#define BUF_INIT                                                               \
    {                                                                          \
        NULL, 0, 0, false                                                      \
    }

/** buf_deinit - free the bytes; @b is empty and usable again. */
void buf_deinit(struct buf *b);

/** buf_reserve - room for @more bytes behind len. Return: 0 or ERR_NOMEM. */
int buf_reserve(struct buf *b, size_t more);

/** buf_append - copy @n bytes to the end. Return: 0 or ERR_NOMEM (sticks). */
int buf_append(struct buf *b, const void *p, size_t n);

/** buf_append_str - the bytes of @s without its NUL. */
int buf_append_str(struct buf *b, const char *s);

/** buf_move - @dst (emptied first) takes what @src holds; @src is empty. */
void buf_move(struct buf *dst, struct buf *src);

/** buf_span - the contents, valid until @b changes. */
struct span buf_span(const struct buf *b);

/** buf_cstr - append a NUL behind len (not counted). NULL when out of memory.
 */
const char *buf_cstr(struct buf *b);

/** span_eq - same length and same bytes. Not constant-time: no secrets. */
bool span_eq(struct span a, struct span b);

#endif
