#include "crypto/payload_internal.h"

#include "crypto/base/text.h"

int payload__begin(struct payload *p, struct span data, struct err *e)
{
    int rc = cbor_check(data.p, data.len, 0, e);

    *p = (struct payload){.e = e, .rc = rc};
    if (rc != 0)
        return rc;
    cbor_in_init(&p->in, data.p, data.len);
    if (cbor_read_map(&p->in, &p->left) != 0)
        p->rc = err_set(e, ERR_MALFORMED, "payload is not a map");
    return p->rc;
}

bool payload__next(struct payload *p, uint64_t *out_key)
{
    while (p->rc == 0 && p->left != 0) {
        uint64_t key;

        p->left--;
        if (cbor_read_uint(&p->in, &key) != 0) {
            p->rc = err_set(p->e, ERR_MALFORMED, "key that is not a number");
            return false;
        }
        if (key < 64) {
            p->seen |= UINT64_C(1) << key;
            *out_key = key;
            return true;
        }
        (void)cbor_skip(&p->in);
    }
    return false;
}

int payload__end(struct payload *p, uint64_t required)
{
    uint64_t missing = required & ~p->seen;

    if (p->rc == 0 && p->in.failed)
        p->rc = err_set(p->e, ERR_MALFORMED, "payload of another shape");
    for (unsigned k = 0; p->rc == 0 && missing != 0 && k < 64; k++)
        if ((missing >> k & 1) != 0)
            p->rc = err_set(p->e, ERR_MALFORMED, "key %u is missing", k);
    return p->rc;
}

void payload__fail(struct payload *p, uint64_t key, const char *why)
{
    if (p->rc == 0)
        p->rc = err_set(p->e, ERR_MALFORMED, "key %u: %s", (unsigned)key, why);
}

void payload__uint(struct payload *p, uint64_t key, uint64_t min, uint64_t max,
                   uint64_t *out)
{
    uint64_t v;

    if (cbor_read_uint(&p->in, &v) != 0)
        payload__fail(p, key, "not a number");
    else if (v < min || v > max)
        payload__fail(p, key, "out of range");
    else
        *out = v;
}

void payload__fixed(struct payload *p, uint64_t key, uint8_t *out, size_t n)
{
    if (cbor_read_fixed(&p->in, out, n) != 0)
        payload__fail(p, key, "not bytes of the right length");
}

void payload__bytes(struct payload *p, uint64_t key, struct span *out)
{
    if (cbor_read_bytes(&p->in, out) != 0)
        payload__fail(p, key, "not bytes");
}

bool payload__text_ok(struct span s, size_t max_cp, bool lines)
{
    const uint8_t *p = s.p;
    const uint8_t *end = s.p + s.len;
    size_t count = 0;

    while (p < end) {
        uint32_t cp;
        size_t n = text_utf8_next(p, end, &cp);

        if (n == 0 || ++count > max_cp)
            return false;
        if ((cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) &&
            !(lines && (cp == '\n' || cp == '\t')))
            return false;
        p += n;
    }
    return true;
}

void payload__text(struct payload *p, uint64_t key, size_t max_cp, bool lines,
                   struct span *out)
{
    if (cbor_read_text(&p->in, out) != 0)
        payload__fail(p, key, "not text");
    else if (out->len == 0 || !payload__text_ok(*out, max_cp, lines))
        payload__fail(p, key, "empty, too long or with control characters");
}

void payload__words(struct payload *p, uint64_t key, struct span *list,
                    size_t *out_count)
{
    uint64_t n;

    if (cbor_read_array(&p->in, &n) != 0 || n == 0 || n > PAYLOAD_LIST_MAX) {
        payload__fail(p, key, "not a list of 1 to 32 texts");
        return;
    }
    for (uint64_t i = 0; i < n && p->rc == 0; i++)
        payload__text(p, key, PAYLOAD_WORD_CP, false, &list[i]);
    *out_count = (size_t)n;
}

bool payload__words_ok(const struct span *list, size_t count)
{
    if (count > PAYLOAD_LIST_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (list[i].len == 0 ||
            !payload__text_ok(list[i], PAYLOAD_WORD_CP, false))
            return false;
    return true;
}

void payload__put_text(struct buf *out, uint64_t key, struct span s)
{
    if (s.len == 0)
        return;
    cbor_put_uint(out, key);
    cbor_put_text(out, (const char *)s.p, s.len);
}

void payload__put_words(struct buf *out, uint64_t key, const struct span *list,
                        size_t count)
{
    if (count == 0)
        return;
    cbor_put_uint(out, key);
    cbor_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        cbor_put_text(out, (const char *)list[i].p, list[i].len);
}
