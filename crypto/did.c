#include "crypto/did.h"

#include <string.h>

#include "crypto/key.h"

#define PREFIX "did:key:z"
#define RAW_BYTES 34 /* multicodec varint ed 01, then the key */

static const char alphabet[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* The raw value starts with 0xed, so base58's leading zeros never occur. */
static size_t base58_encode(const uint8_t *raw, size_t n, char *out)
{
    uint8_t digits[DID_TEXT_MAX] = {0};
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t carry = raw[i];

        for (size_t j = 0; j < len; j++) {
            carry += (uint32_t)digits[j] << 8;
            digits[j] = (uint8_t)(carry % 58);
            carry /= 58;
        }
        for (; carry != 0; carry /= 58)
            digits[len++] = (uint8_t)(carry % 58);
    }
    for (size_t j = 0; j < len; j++)
        out[j] = alphabet[digits[len - 1 - j]];
    return len;
}

static int base58_decode(const char *text, size_t len, uint8_t *raw, size_t n)
{
    memset(raw, 0, n);
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;
        uint32_t carry = at != NULL ? (uint32_t)(at - alphabet) : 0;

        if (at == NULL)
            return ERR_MALFORMED;
        for (size_t j = n; j-- > 0;) {
            carry += (uint32_t)raw[j] * 58;
            raw[j] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            return ERR_MALFORMED;
    }
    return 0;
}

void did_encode(const struct author_id *author, char out[DID_TEXT_MAX])
{
    uint8_t raw[RAW_BYTES] = {0xed, 0x01};
    size_t at = sizeof PREFIX - 1;

    memcpy(raw + 2, author->b, sizeof author->b);
    memcpy(out, PREFIX, at);
    at += base58_encode(raw, sizeof raw, out + at);
    out[at] = '\0';
}

int did_decode(const char *text, size_t len, struct author_id *out,
               struct err *e)
{
    size_t skip = sizeof PREFIX - 1;
    uint8_t raw[RAW_BYTES];
    struct author_id author;

    if (len <= skip || len >= DID_TEXT_MAX || memcmp(text, PREFIX, skip) != 0)
        return err_set(e, ERR_MALFORMED, "not a did:key");
    /* '1' is a leading zero: another spelling of the same number. */
    if (text[skip] == '1' ||
        base58_decode(text + skip, len - skip, raw, sizeof raw) != 0)
        return err_set(e, ERR_MALFORMED, "not base58 of 34 bytes");
    if (raw[0] != 0xed || raw[1] != 0x01)
        return err_set(e, ERR_MALFORMED, "not an Ed25519 key");
    memcpy(author.b, raw + 2, sizeof author.b);
    if (!author_id_valid(&author))
        return err_set(e, ERR_MALFORMED, "not a valid Ed25519 key");
    *out = author;
    return 0;
}
