#include "tests/lib/test.h"

#include <string.h>

#include "crypto/key.h"

/* Computed without libsodium: Python's hashlib.blake2b (salt: the number 1,
 * person: the context) for crypto_kdf, Ed25519 and X25519 of its cryptography
 * module; the box secret is the first half of SHA-512 of the box seed. */
static const struct {
    uint8_t first, step;
    const char *sign;
    const char *box;
} vectors[] = {
    {0, 1, "c551e5241bca24372d04d9d6028369d06bf4676b939934d7d1485721a23eda5c",
     "75aba3f9755c75c3d0ada73462f19599a6e0ffc7bcb127a0faa327eb5bf2ea3c"},
    {0xff, 0,
     "c3450a1953d27413d11a34a22d14b2fa39c5c6b3434020d9ae74f3ae1d4bcac7",
     "6d93939c0e4c686bb5da4ada688845f9f81feeaac52b94cc4f00788eec6db11e"},
    {0, 0, "acfca20781842a3dc47f801f05b1776b1f8ac9d7636f53e2e4ec765227b9bff9",
     "1dc5d8243a0de5e44f2688355746b7875e7cfddf63d0b03edce5cd533fa45843"},
};

static void fill(const char *hex, uint8_t out[32])
{
    assert_int_equal(hex_decode(hex, strlen(hex), out, 32), 0);
}

/* A seed means the same keys for ever. */
TEST(identity, derivation)
{
    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t seed[SEED_BYTES];
        uint8_t sign[32];
        uint8_t box[32];
        struct identity *id;

        for (size_t k = 0; k < sizeof seed; k++)
            seed[k] = (uint8_t)(vectors[i].first + k * vectors[i].step);
        fill(vectors[i].sign, sign);
        fill(vectors[i].box, box);
        id = identity_from_seed(seed);
        assert_non_null(id);
        assert_memory_equal(identity_author(id)->b, sign, 32);
        assert_memory_equal(identity_box_public(id), box, 32);
        assert_memory_equal(identity_seed(id), seed, sizeof seed);
        identity_free(id);
    }
}

/* Two people are not one, nor are a person's two keys. */
TEST(identity, fresh)
{
    struct identity *a;
    struct identity *b;

    assert_int_equal(crypto_init(NULL), 0);
    a = identity_generate();
    b = identity_generate();
    assert_non_null(a);
    assert_non_null(b);
    assert_false(author_id_eq(identity_author(a), identity_author(b)));
    assert_memory_not_equal(identity_box_public(a), identity_author(a)->b, 32);
    assert_true(author_id_valid(identity_author(a)));
    identity_free(a);
    identity_free(b);
    identity_free(NULL);
}

/* The secret 1, 2, .. 32; its public key as Python's cryptography computes it.
 */
TEST(node_key, known)
{
    uint8_t secret[32];
    uint8_t want[32];
    struct node_id made;

    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(i + 1);
    fill("07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c",
         want);
    node_key_public(secret, &made);
    assert_memory_equal(made.b, want, 32);
}

TEST(node_key, fresh)
{
    uint8_t a[32];
    uint8_t b[32];
    struct node_id pa;
    struct node_id pb;
    struct node_id again;

    assert_int_equal(crypto_init(NULL), 0);
    node_key_generate(a, &pa);
    node_key_generate(b, &pb);
    assert_memory_not_equal(a, b, 32);
    assert_false(node_id_eq(&pa, &pb));
    node_key_public(a, &again);
    assert_true(node_id_eq(&pa, &again));
}

/* Points of order 1, 2, 4 and 8 speak for nobody, in no spelling. */
TEST(author_id, small_order)
{
    static const char *const low[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };

    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
        struct author_id a;

        fill(low[i], a.b);
        assert_false(author_id_valid(&a));
    }
}

/* An X25519 key is no author: of many, none is taken whose bytes are no point
 * of the group; about one of sixteen looks like one by chance. */
TEST(author_id, box_keys)
{
    unsigned taken = 0;

    assert_int_equal(crypto_init(NULL), 0);
    for (unsigned i = 0; i < 400; i++) {
        uint8_t seed[SEED_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8), 9};
        struct identity *id = identity_from_seed(seed);
        struct author_id a;

        assert_non_null(id);
        memcpy(a.b, identity_box_public(id), 32);
        taken += author_id_valid(&a);
        identity_free(id);
    }
    assert_in_range(taken, 5, 60);
}
