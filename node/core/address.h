/* address: "HOST:PORT" texts with literal addresses, and their scopes. Pure: no
 * names are looked up. Source: node/PROTOCOL.md 6.1. */
#ifndef NODE_CORE_ADDRESS_H
#define NODE_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/core/core.h"

struct address {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
};

/** address_parse - "1.2.3.4:5" or "[v6]:5". false: a name, or nonsense. */
bool address_parse(const char *text, size_t len, struct address *out);

/** address_parse_host - the host part alone, without port or brackets. */
bool address_parse_host(const char *text, size_t len, uint8_t out_ip[16]);

/** address_format - as text; IPv6 in brackets. */
void address_format(const struct address *a, char out[CORE_ADDRESS_MAX]);

/** address_format_host - the host alone, no brackets. @max: at least 40.
 *  Return: its length; a NUL follows. */
size_t address_format_host(const uint8_t ip[16], char *out, size_t max);

/** address_scope - false: one that no peer can have (0/8, multicast, ...). */
bool address_scope(const uint8_t ip[16], enum peer_scope *out);

#endif
