/* hex: bytes as lower-case hexadecimal and back. */
#ifndef CRYPTO_BASE_HEX_H
#define CRYPTO_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/** hex_encode - write 2 * @n digits and a NUL to @out (2n + 1 bytes). */
void hex_encode(const uint8_t *p, size_t n, char *out);

/**
 * hex_decode - exactly @n bytes from exactly 2 * @n digits (either case).
 * @len: bytes of @text. Return: 0 or ERR_MALFORMED.
 */
int hex_decode(const char *text, size_t len, uint8_t *out, size_t n);

#endif
