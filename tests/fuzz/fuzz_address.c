/* "HOST:PORT" of strangers: what is read and written again reads the same. */
#include <stdlib.h>
#include <string.h>

#include "node/core/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_host(const struct address *a)
{
    char host[CORE_ADDRESS_MAX];
    uint8_t ip[16];
    size_t n = address_format_host(a->ip, host, sizeof host);

    if (!address_parse_host(host, n, ip) || memcmp(ip, a->ip, sizeof ip) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[CORE_ADDRESS_MAX];
    enum peer_scope scope;
    struct address a;
    struct address b;

    (void)address_parse_host((const char *)data, size, a.ip);
    if (!address_parse((const char *)data, size, &a))
        return 0;
    address_format(&a, text);
    if (!address_parse(text, strlen(text), &b) || a.port != b.port ||
        memcmp(a.ip, b.ip, sizeof a.ip) != 0)
        abort();
    same_host(&a);
    (void)address_scope(a.ip, &scope);
    return 0;
}
