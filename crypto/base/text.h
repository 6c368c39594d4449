/* text: checks and codings of text that several layers need. Pure. */
#ifndef CRYPTO_BASE_TEXT_H
#define CRYPTO_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"

/** text_utf8_next - decode one code point at @p (before @end).
 *  Return: bytes used, 0 when it is not valid UTF-8 (overlong, surrogate...).
 */
size_t text_utf8_next(const uint8_t *p, const uint8_t *end, uint32_t *out_cp);

/** text_utf8_valid - is it UTF-8 from end to end? */
bool text_utf8_valid(const uint8_t *p, size_t len);

/** text_code_points - number of code points of valid UTF-8. */
size_t text_code_points(const uint8_t *p, size_t len);

/** text_is_control - C0, DEL, C1, bidi controls (U+202A-202E, U+2066-2069,
 *  U+200E, U+200F, U+061C), zero width (U+200B-200D, U+2060, U+FEFF). */
bool text_is_control(uint32_t cp);

/** text_for_terminal - append @p without control and bidi characters, invalid
 *  bytes as U+FFFD, at most @max_cp code points (then an ellipsis). */
void text_for_terminal(const uint8_t *p, size_t len, size_t max_cp,
                       struct buf *out);

/** text_percent_encode - append @p with everything outside A-Za-z0-9-._~ (and
 *  the bytes of @keep) as %XX. */
void text_percent_encode(const uint8_t *p, size_t len, const char *keep,
                         struct buf *out);
/** text_percent_decode - Return: 0 or ERR_MALFORMED. Appends. */
int text_percent_decode(const char *p, size_t len, struct buf *out);

/** text_base32_encode - RFC 4648, lower case, no padding. Appends. */
void text_base32_encode(const uint8_t *p, size_t len, struct buf *out);
/** text_base32_decode - exactly @n bytes; ERR_MALFORMED for other lengths,
 *  other letters, or spare bits that are not zero. Either case. */
int text_base32_decode(const char *p, size_t len, uint8_t *out, size_t n);

#endif
