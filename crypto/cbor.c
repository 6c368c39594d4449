#include "crypto/cbor.h"

#include "crypto/base/text.h"

/* ---- heads
 * ------------------------------------------------------------------- */

struct head {
    uint8_t major;
    uint64_t value;
    size_t bytes; /* of the head itself */
};

/* Return: NULL, or what is wrong. */
static const char *head_read(const uint8_t *p, const uint8_t *end,
                             struct head *h)
{
    uint8_t info;
    size_t more;

    if (p >= end)
        return "truncated";
    info = p[0] & 31;
    h->major = (uint8_t)(p[0] >> 5);
    h->value = info;
    h->bytes = 1;
    if (info < 24)
        return NULL;
    if (info > 27)
        return info == 31 ? "indefinite length" : "reserved head";
    more = (size_t)1 << (info - 24);
    if ((size_t)(end - p) - 1 < more)
        return "truncated";
    h->value = 0;
    for (size_t i = 0; i < more; i++)
        h->value = h->value << 8 | p[1 + i];
    h->bytes = 1 + more;
    if (h->major == 7)
        return "float or simple value";
    if (more == 1 ? h->value < 24 : h->value >> (more * 4) == 0)
        return "head that is not minimal";
    return NULL;
}

/* ---- the check
 * ------------------------------------------------------------------ */

struct checker {
    const uint8_t *p;
    const uint8_t *end;
    struct err *e;
};

static int bad(struct checker *c, const char *why)
{
    return err_set(c->e, ERR_MALFORMED, "%s", why);
}

static int check_item(struct checker *c, unsigned depth);

static int check_string(struct checker *c, const struct head *h)
{
    const uint8_t *start = c->p;

    if (h->value > (uint64_t)(c->end - c->p))
        return bad(c, "truncated");
    c->p += h->value;
    if (h->major == 3 && !text_utf8_valid(start, (size_t)h->value))
        return bad(c, "text that is not UTF-8");
    return 0;
}

static int check_array(struct checker *c, const struct head *h, unsigned depth)
{
    if (h->value > (uint64_t)(c->end - c->p))
        return bad(c, "truncated");
    for (uint64_t i = 0; i < h->value; i++) {
        int rc = check_item(c, depth);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static bool before(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < n; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i];
    return a.len < b.len;
}

/* Keys ascend bytewise, as encoded. */
static int check_map(struct checker *c, const struct head *h, unsigned depth)
{
    struct span last = {NULL, 0};

    if (h->value > CBOR_MAP_KEYS_MAX)
        return err_set(c->e, ERR_LIMIT, "map of over %d keys",
                       CBOR_MAP_KEYS_MAX);
    for (uint64_t i = 0; i < h->value; i++) {
        struct span key = {c->p, 0};
        int rc = check_item(c, depth);

        key.len = (size_t)(c->p - key.p);
        if (rc != 0)
            return rc;
        if (i != 0 && !before(last, key))
            return bad(c, "map keys that are unsorted or repeated");
        last = key;
        rc = check_item(c, depth);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int check_item(struct checker *c, unsigned depth)
{
    struct head h;
    const char *why = head_read(c->p, c->end, &h);

    if (why != NULL)
        return bad(c, why);
    c->p += h.bytes;
    switch (h.major) {
    case 0:
    case 1:
        return 0;
    case 2:
    case 3:
        return check_string(c, &h);
    case 4:
    case 5:
        if (depth == CBOR_DEPTH_MAX)
            return err_set(c->e, ERR_LIMIT, "nested over %d deep",
                           CBOR_DEPTH_MAX);
        return h.major == 4 ? check_array(c, &h, depth + 1)
                            : check_map(c, &h, depth + 1);
    case 6:
        return bad(c, "tag that has no place here");
    default:
        return h.value >= 20 && h.value <= 22 ? 0 : bad(c, "simple value");
    }
}

int cbor_check(const uint8_t *data, size_t len, uint64_t tag, struct err *e)
{
    struct checker c = {data, data + len, e};
    struct head h;
    int rc;

    if (tag != 0) {
        const char *why = head_read(c.p, c.end, &h);

        if (why != NULL)
            return bad(&c, why);
        if (h.major != 6 || h.value != tag)
            return bad(&c, "not the tag expected");
        c.p += h.bytes;
    }
    rc = check_item(&c, 0);
    if (rc == 0 && c.p != c.end)
        rc = bad(&c, "trailing bytes");
    return rc;
}

/* ---- reading
 * ---------------------------------------------------------------------- */

void cbor_in_init(struct cbor_in *in, const uint8_t *data, size_t len)
{
    in->p = data;
    in->end = data + len;
    in->failed = false;
}

static int fail(struct cbor_in *in)
{
    in->failed = true;
    return ERR_MALFORMED;
}

enum cbor_type cbor_peek(const struct cbor_in *in)
{
    static const enum cbor_type types[7] = {CBOR_UINT, CBOR_NEGINT, CBOR_BYTES,
                                            CBOR_TEXT, CBOR_ARRAY,  CBOR_MAP,
                                            CBOR_TAG};

    if (in->failed || in->p >= in->end)
        return CBOR_END;
    if (in->p[0] >> 5 < 7)
        return types[in->p[0] >> 5];
    if (in->p[0] == 0xf4 || in->p[0] == 0xf5)
        return CBOR_BOOL;
    return in->p[0] == 0xf6 ? CBOR_NULL : CBOR_END;
}

static int take_head(struct cbor_in *in, uint8_t major, uint64_t *out)
{
    struct head h;

    if (in->failed || head_read(in->p, in->end, &h) != NULL || h.major != major)
        return fail(in);
    in->p += h.bytes;
    *out = h.value;
    return 0;
}

int cbor_read_uint(struct cbor_in *in, uint64_t *out)
{
    return take_head(in, 0, out);
}

int cbor_read_int(struct cbor_in *in, int64_t *out)
{
    bool negative = cbor_peek(in) == CBOR_NEGINT;
    uint64_t v;

    if (take_head(in, negative ? 1 : 0, &v) != 0)
        return ERR_MALFORMED;
    if (v > INT64_MAX)
        return fail(in);
    *out = negative ? -1 - (int64_t)v : (int64_t)v;
    return 0;
}

static int take_string(struct cbor_in *in, uint8_t major, struct span *out)
{
    uint64_t len;

    if (take_head(in, major, &len) != 0)
        return ERR_MALFORMED;
    if (len > (uint64_t)(in->end - in->p))
        return fail(in);
    out->p = in->p;
    out->len = (size_t)len;
    in->p += len;
    return 0;
}

int cbor_read_bytes(struct cbor_in *in, struct span *out)
{
    return take_string(in, 2, out);
}

int cbor_read_text(struct cbor_in *in, struct span *out)
{
    return take_string(in, 3, out);
}

static int take_count(struct cbor_in *in, uint8_t major, uint64_t *out)
{
    uint64_t n;

    if (take_head(in, major, &n) != 0)
        return ERR_MALFORMED;
    if (n > (uint64_t)(in->end - in->p))
        return fail(in);
    *out = n;
    return 0;
}

int cbor_read_array(struct cbor_in *in, uint64_t *out_count)
{
    return take_count(in, 4, out_count);
}

int cbor_read_map(struct cbor_in *in, uint64_t *out_pairs)
{
    return take_count(in, 5, out_pairs);
}

int cbor_read_tag(struct cbor_in *in, uint64_t *out)
{
    return take_head(in, 6, out);
}

int cbor_read_bool(struct cbor_in *in, bool *out)
{
    if (cbor_peek(in) != CBOR_BOOL)
        return fail(in);
    *out = *in->p++ == 0xf5;
    return 0;
}

int cbor_read_fixed(struct cbor_in *in, uint8_t *out, size_t n)
{
    struct span s;

    if (cbor_read_bytes(in, &s) != 0)
        return ERR_MALFORMED;
    if (s.len != n)
        return fail(in);
    for (size_t i = 0; i < n; i++)
        out[i] = s.p[i];
    return 0;
}

int cbor_skip(struct cbor_in *in)
{
    struct checker c = {in->p, in->end, NULL};

    if (in->failed || check_item(&c, 0) != 0)
        return fail(in);
    in->p = c.p;
    return 0;
}

bool cbor_done(const struct cbor_in *in)
{
    return !in->failed && in->p == in->end;
}

/* ---- writing
 * ------------------------------------------------------------------------ */

static void put_head(struct buf *out, uint8_t major, uint64_t v)
{
    uint8_t b[9];
    size_t more = v < 24        ? 0
                  : v <= 0xff   ? 1
                  : v <= 0xffff ? 2
                  : v >> 32     ? 8
                                : 4;
    uint8_t info = more == 0   ? (uint8_t)v
                   : more == 1 ? 24
                   : more == 2 ? 25
                   : more == 4 ? 26
                               : 27;

    b[0] = (uint8_t)(major << 5 | info);
    for (size_t i = 0; i < more; i++)
        b[1 + i] = (uint8_t)(v >> (8 * (more - 1 - i)));
    (void)buf_append(out, b, 1 + more);
}

void cbor_put_uint(struct buf *out, uint64_t v)
{
    put_head(out, 0, v);
}

void cbor_put_int(struct buf *out, int64_t v)
{
    if (v < 0)
        put_head(out, 1, (uint64_t)(-1 - v));
    else
        put_head(out, 0, (uint64_t)v);
}

void cbor_put_bytes(struct buf *out, const void *p, size_t n)
{
    put_head(out, 2, n);
    (void)buf_append(out, p, n);
}

void cbor_put_text(struct buf *out, const char *p, size_t n)
{
    put_head(out, 3, n);
    (void)buf_append(out, p, n);
}

void cbor_put_array(struct buf *out, uint64_t count)
{
    put_head(out, 4, count);
}

void cbor_put_map(struct buf *out, uint64_t pairs)
{
    put_head(out, 5, pairs);
}

void cbor_put_tag(struct buf *out, uint64_t tag)
{
    put_head(out, 6, tag);
}

void cbor_put_bool(struct buf *out, bool v)
{
    put_head(out, 7, v ? 21 : 20);
}
