#include "crypto/base/text.h"

#include <string.h>

#include "crypto/base/err.h"
#include "crypto/base/hex.h"

size_t text_utf8_next(const uint8_t *p, const uint8_t *end, uint32_t *out_cp)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t cp = p[0];

    if (p[0] >= 0x80) {
        if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)(end - p) < n)
            return 0;
        cp = p[0] & (0xffu >> (n + 1));
        for (size_t i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            cp = cp << 6 | (p[i] & 0x3fu);
        }
        if ((n == 3 && cp < 0x800) || (n == 4 && cp < 0x10000) ||
            cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return 0;
    }
    *out_cp = cp;
    return n;
}

bool text_utf8_valid(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    uint32_t cp;

    while (p < end) {
        size_t n = text_utf8_next(p, end, &cp);

        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

size_t text_code_points(const uint8_t *p, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += (p[i] & 0xc0) != 0x80;
    return count;
}

bool text_is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           cp == 0x2060 || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

void text_for_terminal(const uint8_t *p, size_t len, size_t max_cp,
                       struct buf *out)
{
    const uint8_t *end = p + len;
    size_t shown = 0;

    while (p < end) {
        uint32_t cp = 0;
        size_t n = text_utf8_next(p, end, &cp);

        if (n != 0 && text_is_control(cp)) {
            p += n;
            continue;
        }
        if (shown++ == max_cp) {
            (void)buf_append_str(out, "\xe2\x80\xa6");
            return;
        }
        if (n == 0)
            (void)buf_append_str(out, "\xef\xbf\xbd");
        else
            (void)buf_append(out, p, n);
        p += n != 0 ? n : 1;
    }
}

static bool is_plain(uint8_t c, const char *keep)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') ||
           (c != 0 && (strchr("-._~", c) != NULL || strchr(keep, c) != NULL));
}

void text_percent_encode(const uint8_t *p, size_t len, const char *keep,
                         struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        char code[3] = {'%', digits[p[i] >> 4], digits[p[i] & 15]};

        if (is_plain(p[i], keep))
            (void)buf_append(out, p + i, 1);
        else
            (void)buf_append(out, code, sizeof code);
    }
}

int text_percent_decode(const char *p, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)p[i];

        if (c == '%') {
            if (len - i < 3 || hex_decode(p + i + 1, 2, &c, 1) != 0)
                return ERR_MALFORMED;
            i += 2;
        }
        if (buf_append(out, &c, 1) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

static const char base32_letters[] = "abcdefghijklmnopqrstuvwxyz234567";

void text_base32_encode(const uint8_t *p, size_t len, struct buf *out)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | p[i];
        for (held += 8; held >= 5; held -= 5)
            (void)buf_append(out, &base32_letters[bits >> (held - 5) & 31], 1);
    }
    if (held != 0)
        (void)buf_append(out, &base32_letters[bits << (5 - held) & 31], 1);
}

static int base32_value(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

int text_base32_decode(const char *p, size_t len, uint8_t *out, size_t n)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t made = 0;

    if (len != (n * 8 + 4) / 5)
        return ERR_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        int v = base32_value(p[i]);

        if (v < 0)
            return ERR_MALFORMED;
        bits = bits << 5 | (uint32_t)v;
        held += 5;
        if (held >= 8) {
            held -= 8;
            out[made++] = (uint8_t)(bits >> held);
        }
    }
    return (bits & ((1u << held) - 1)) == 0 ? 0 : ERR_MALFORMED;
}
