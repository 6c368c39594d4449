#include "crypto/digest.h"

#include <pthread.h>
#include <string.h>

#include <sodium.h>

#include "tests/lib/test.h"

/* FIPS 180-4's examples. */
TEST(digest, vectors)
{
    uint8_t out[32];
    char hex[65];

    digest_sha256("", 0, out);
    hex_encode(out, 32, hex);
    assert_string_equal(
        hex,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256("abc", 3, out);
    hex_encode(out, 32, hex);
    assert_string_equal(
        hex,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* Many at once are what each is alone: every length around the edges of blocks
 * and padding, beside others that are shorter, longer and as long. */
TEST(digest, many)
{
    static uint8_t bytes[40000];
    struct span list[40];
    struct chunk_id got[40];
    uint8_t want[32];

    srandom(5);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(random() >> 8);
    for (size_t round = 0; round < 400; round++) {
        size_t count = round % 41;

        for (size_t i = 0; i < count; i++) {
            list[i].len = i % 2 == 0   ? round % 200
                          : i % 3 == 0 ? (size_t)random() % 300
                                       : (size_t)random() % (sizeof bytes / 2);
            list[i].p = bytes + (size_t)random() % (sizeof bytes / 2);
        }
        digest_many(list, count, got);
        for (size_t i = 0; i < count; i++) {
            (void)crypto_hash_sha256(want, list[i].p, list[i].len);
            assert_memory_equal(got[i].b, want, 32);
        }
    }
}

/* Two libraries agree at every length around the block and padding edges. */
TEST(digest, as_libsodium)
{
    uint8_t bytes[300];
    uint8_t want[32];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct chunk_id got = digest_chunk(bytes, n);

        (void)crypto_hash_sha256(want, bytes, n);
        assert_memory_equal(got.b, want, 32);
    }
}

/* XXH3's published value for no bytes; one bit changes the sum; never 0. */
TEST(digest, sum64)
{
    uint8_t bytes[200] = {0};
    uint64_t before = digest_sum64(bytes, sizeof bytes);

    assert_true(digest_sum64("", 0) == UINT64_C(0x2d06800538d394c2));
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_true(digest_sum64(bytes, sizeof bytes) != before);
        assert_true(digest_sum64(bytes, sizeof bytes) != 0);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static void *work(void *user)
{
    uint8_t bytes[777];
    struct chunk_id want;

    memset(bytes, *(const uint8_t *)user, sizeof bytes);
    (void)crypto_hash_sha256(want.b, bytes, sizeof bytes);
    for (int i = 0; i < 500; i++) {
        struct chunk_id got = digest_chunk(bytes, sizeof bytes);

        if (!chunk_id_eq(&got, &want))
            return user;
    }
    return NULL;
}

/* Threads do not disturb each other's sums. */
TEST(digest, threads)
{
    static uint8_t numbers[4] = {1, 2, 3, 4};
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]),
                         0);
    for (size_t i = 0; i < 4; i++) {
        void *bad = &numbers[0];

        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
}
