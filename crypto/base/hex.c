#include "crypto/base/hex.h"

#include "crypto/base/err.h"

void hex_encode(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *text, size_t len, uint8_t *out, size_t n)
{
    if (len != 2 * n)
        return ERR_MALFORMED;
    for (size_t i = 0; i < n; i++) {
        int hi = digit(text[2 * i]);
        int lo = digit(text[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return ERR_MALFORMED;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}
