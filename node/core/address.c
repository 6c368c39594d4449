#include "node/core/address.h"

#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A leading zero is octal to other readers: "0177.0.0.1" must not be one
 * address here and another where it is dialled. */
static bool parse_number(const char **at, const char *end, unsigned base,
                         int max_digits, uint32_t max, uint32_t *out)
{
    uint32_t v = 0;
    const char *start = *at;

    while (*at < end) {
        char ch = **at;
        unsigned d;

        if (ch >= '0' && ch <= '9')
            d = (unsigned)(ch - '0');
        else if (base == 16 && ch >= 'a' && ch <= 'f')
            d = (unsigned)(ch - 'a' + 10);
        else if (base == 16 && ch >= 'A' && ch <= 'F')
            d = (unsigned)(ch - 'A' + 10);
        else
            break;
        v = v * base + d;
        if (v > max || *at - start >= max_digits)
            return false;
        (*at)++;
    }
    *out = v;
    return *at != start && (base != 10 || *start != '0' || *at - start == 1);
}

static bool parse_v4(const char *p, size_t len, uint8_t out[16])
{
    const char *end = p + len;

    memcpy(out, mapped, sizeof mapped);
    for (int i = 0; i < 4; i++) {
        uint32_t v;

        if (i != 0 && (p == end || *p++ != '.'))
            return false;
        if (!parse_number(&p, end, 10, 3, 255, &v))
            return false;
        out[12 + i] = (uint8_t)v;
    }
    return p == end;
}

static bool parse_v6(const char *p, size_t len, uint8_t out[16])
{
    const char *end = p + len;
    uint16_t words[8] = {0};
    int n = 0;
    int gap = -1;

    if (len >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    }
    while (p < end && n < 8) {
        uint32_t v;

        if (!parse_number(&p, end, 16, 4, 0xffff, &v))
            return false;
        words[n++] = (uint16_t)v;
        if (p == end)
            break;
        if (*p++ != ':' || p == end)
            return false; /* a single ":" at the end */
        if (*p == ':') {
            if (gap >= 0)
                return false;
            gap = n;
            p++;
        }
    }
    if (p != end || (gap < 0 && n != 8) || (gap >= 0 && n == 8))
        return false;
    memset(out, 0, 16);
    for (int i = 0; i < n; i++) {
        int at = gap >= 0 && i >= gap ? 8 - n + i : i;

        out[2 * at] = (uint8_t)(words[i] >> 8);
        out[2 * at + 1] = (uint8_t)words[i];
    }
    return true;
}

bool address_parse_host(const char *text, size_t len, uint8_t out_ip[16])
{
    return memchr(text, ':', len) != NULL ? parse_v6(text, len, out_ip)
                                          : parse_v4(text, len, out_ip);
}

bool address_parse(const char *text, size_t len, struct address *out)
{
    struct address a;
    const char *end = text + len;
    const char *colon = end;
    const char *at;
    uint32_t port;
    size_t host;

    while (colon > text && colon[-1] != ':')
        colon--;
    if (colon == text)
        return false;
    at = colon;
    host = (size_t)(colon - text) - 1;
    if (!parse_number(&at, end, 10, 5, 65535, &port) || at != end)
        return false;
    if (host >= 2 && text[0] == '[' && text[host - 1] == ']') {
        if (!parse_v6(text + 1, host - 2, a.ip))
            return false;
    } else if (!parse_v4(text, host, a.ip)) {
        return false;
    }
    a.port = (uint16_t)port;
    *out = a;
    return true;
}

static bool is_v4(const uint8_t ip[16])
{
    return memcmp(ip, mapped, sizeof mapped) == 0;
}

size_t address_format_host(const uint8_t ip[16], char *out, size_t max)
{
    int n = 0;

    if (is_v4(ip))
        return (size_t)snprintf(out, max, "%u.%u.%u.%u", ip[12], ip[13], ip[14],
                                ip[15]);
    for (int i = 0; i < 8; i++)
        n += snprintf(out + n, max - (size_t)n, "%s%x", i != 0 ? ":" : "",
                      (unsigned)ip[2 * i] << 8 | ip[2 * i + 1]);
    return (size_t)n;
}

void address_format(const struct address *a, char out[CORE_ADDRESS_MAX])
{
    bool bare = is_v4(a->ip);
    char host[48];

    (void)address_format_host(a->ip, host, sizeof host);
    (void)snprintf(out, CORE_ADDRESS_MAX, bare ? "%s:%u" : "[%s]:%u", host,
                   a->port);
}

static bool scope_v4(const uint8_t *b, enum peer_scope *out)
{
    if (b[0] == 0 || b[0] >= 224)
        return false;
    if (b[0] == 127)
        *out = SCOPE_LOOPBACK;
    else if (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
             (b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) ||
             (b[0] == 100 && (b[1] & 0xc0) == 64))
        *out = SCOPE_LAN;
    else
        *out = SCOPE_PUBLIC;
    return true;
}

bool address_scope(const uint8_t ip[16], enum peer_scope *out)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t none[16];

    if (is_v4(ip))
        return scope_v4(ip + 12, out);
    if (memcmp(ip, loopback, 16) == 0) {
        *out = SCOPE_LOOPBACK;
        return true;
    }
    /* ::/96: unspecified, and IPv4 in the form that RFC 4291 gave up. */
    if (memcmp(ip, none, 12) == 0 || ip[0] == 0xff)
        return false;
    /* fe80::/10, the old site-local fec0::/10, fc00::/7 */
    if ((ip[0] == 0xfe && (ip[1] & 0x80) != 0) || (ip[0] & 0xfe) == 0xfc)
        *out = SCOPE_LAN;
    else
        *out = SCOPE_PUBLIC;
    return true;
}
