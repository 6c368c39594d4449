/* payload_kit: what the tests of the record payloads share: maps with one value
 * exchanged, and the numbers that wrap in somebody's integer type. */
#ifndef TESTS_LIB_PAYLOAD_KIT_H
#define TESTS_LIB_PAYLOAD_KIT_H

#include <string.h>

#include "crypto/base/buf.h"
#include "crypto/cbor.h"
#include "tests/lib/test.h"

/* security.md's list, and the edges of signed types. */
static const uint64_t kit_odd_numbers[] = {
    UINT64_C(1) << 31,       (UINT64_C(1) << 31) + 1, UINT64_C(1) << 32,
    (UINT64_C(1) << 32) + 1, UINT64_C(1) << 48,       UINT64_C(1) << 53,
    (UINT64_C(1) << 63) - 1, UINT64_C(1) << 63,       UINT64_MAX,
};
#define KIT_ODD_NUMBERS (sizeof kit_odd_numbers / sizeof kit_odd_numbers[0])

static inline struct span kit_text(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

/* @map with the value of @key exchanged for the bytes @value, or without the
 * pair when there are none. */
static inline struct buf kit_with(struct span map, uint64_t key,
                                  struct span value)
{
    struct buf out = BUF_INIT;
    struct cbor_in in;
    uint64_t pairs = 0;
    bool found = false;

    cbor_in_init(&in, map.p, map.len);
    assert_int_equal(cbor_read_map(&in, &pairs), 0);
    cbor_put_map(&out, value.len != 0 ? pairs : pairs - 1);
    for (uint64_t i = 0; i < pairs; i++) {
        const uint8_t *start;
        uint64_t k;

        assert_int_equal(cbor_read_uint(&in, &k), 0);
        start = in.p;
        assert_int_equal(cbor_skip(&in), 0);
        found = found || k == key;
        if (k == key && value.len == 0)
            continue;
        cbor_put_uint(&out, k);
        if (k == key)
            (void)buf_append(&out, value.p, value.len);
        else
            (void)buf_append(&out, start, (size_t)(in.p - start));
    }
    assert_true(found && !out.failed);
    return out;
}

static inline struct buf kit_with_number(struct span map, uint64_t key,
                                         uint64_t number)
{
    struct buf value = BUF_INIT;
    struct buf out;

    cbor_put_uint(&value, number);
    out = kit_with(map, key, buf_span(&value));
    buf_deinit(&value);
    return out;
}

/* xorshift: the same run each time. */
static inline uint64_t kit_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* 1 to @max_cp code points of several lengths, into @out (4 * @max_cp). */
static inline struct span kit_random_text(uint64_t *state, size_t max_cp,
                                          char *out)
{
    static const char *const points[] = {"a", " ", "\xc3\xa9", "\xe8\xaf\xbe",
                                         "\xf0\x9f\x93\x98"};
    size_t cp = 1 + (size_t)(kit_next(state) % max_cp);
    size_t len = 0;

    for (size_t i = 0; i < cp; i++) {
        const char *p = points[kit_next(state) % 5];

        memcpy(out + len, p, strlen(p));
        len += strlen(p);
    }
    return (struct span){(const uint8_t *)out, len};
}

#endif
