#include "tests/lib/test.h"

#include <string.h>

#include "crypto/did.h"
#include "crypto/key.h"

/* The public keys of RFC 8032 7.1 (tests 1 to 3) and of the example in the
 * did:key specification. The texts were computed with another base58 over the
 * keys that Python's cryptography makes of the seeds, the first with Node's
 * crypto too. */
static const struct {
    const char *key;
    const char *did;
} vectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "did:key:z6MkiaMbhXHNA4eJVCCj8dbzKzTgYDKf6crKgHVHid1F1WCT"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "did:key:z6MkwSD8dBdqcXQzKJZQFPy2hh2izzxskndKCjdmC2dBpfME"},
    {"2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6",
     "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"},
};

static int decode(const char *text)
{
    struct author_id id;

    assert_int_equal(crypto_init(NULL), 0);
    return did_decode(text, strlen(text), &id, NULL);
}

TEST(did, vectors)
{
    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[DID_TEXT_MAX];
        struct author_id key;
        struct author_id back;

        assert_int_equal(hex_decode(vectors[i].key, 64, key.b, 32), 0);
        did_encode(&key, text);
        assert_string_equal(text, vectors[i].did);
        assert_int_equal(did_decode(text, strlen(text), &back, NULL), 0);
        assert_true(author_id_eq(&key, &back));
    }
}

/* Keys of other kinds (X25519, secp256k1, a hash), one byte more or fewer, and
 * a multicodec in a longer spelling of its varint. */
TEST(did, other_kinds)
{
    assert_int_equal(
        decode("did:key:z6LSrApwZptxFR4jy6U8Z8exYPwTqSXniWLqihApE1oK9WsK"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z6MmCBEC8Z68HYaEZHiUwEH9G85W4MurAzV91nKPRkYZsK8D"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z6DtcHQYE8h631D7sY9TnXRWusFsyJr7A7ypfWCaWwCt8HpD"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:zQc7VAdGR2QXSE3DiTAo5AzgunHVyFvptUMSPwatEtY7MHj"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:zQeckHN9FGhBanGv7VfdNCgoaDjXjrsXJPT8AdyxjuP1as9oM"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z2DQYFhy74hg5eM3VNHKxySLj7rqfiJ7SZ3Gyokjx1w6yGc"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:zQhVUgtputZFHVUhQ1GVSMvkKF42LVkH2XZp5GatPYTC5Uim7"),
        ERR_MALFORMED);
}

/* y = 1 (the neutral point), p, p + 1 and 0: of small order or not canonical.
 */
TEST(did, odd_points)
{
    assert_int_equal(
        decode("did:key:z6MkeXATEjyXENzBXBxgC5EHk2JE5aqd7qMGGtDpLUH1e2Sj"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z6MkvUK5T7wX3YKPL8TakfM6vdwQQtkJSzV8fTKGdgosTh6E"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z6MkvYDV6cfbwNp6jpaZGAcYpZgdfuK59wb3FKdA8t7sBVka"),
        ERR_MALFORMED);
    assert_int_equal(
        decode("did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP"),
        ERR_MALFORMED);
}

/* A did has one spelling: no leading ones, no letters outside base58 (0OIl, a
 * NUL, a high byte), no other head, no cut, nothing behind. */
TEST(did, spellings)
{
    const char *good = vectors[0].did;
    const size_t len = strlen(good);
    static const char odd[] = {'0', 'O', 'I', 'l', '+', '/', ' ', '\0', '\x80'};
    char text[256];
    struct author_id id;

    assert_int_equal(crypto_init(NULL), 0);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(did_decode(good, n, &id, NULL), ERR_MALFORMED);
    for (size_t at = 0; at < len; at++)
        for (size_t i = 0; i < sizeof odd; i++) {
            memcpy(text, good, len);
            text[at] = odd[i];
            assert_int_equal(did_decode(text, len, &id, NULL), ERR_MALFORMED);
        }
    for (size_t ones = 1; ones < 100; ones++) {
        memcpy(text, good, 9);
        memset(text + 9, '1', ones);
        memcpy(text + 9 + ones, good + 9, len - 9);
        assert_int_equal(did_decode(text, len + ones, &id, NULL),
                         ERR_MALFORMED);
        memcpy(text, good, len);
        assert_int_equal(did_decode(text, len + ones, &id, NULL),
                         ERR_MALFORMED);
    }
    memset(text, 'z', sizeof text);
    memcpy(text, good, 9);
    for (size_t n = 9; n < sizeof text; n++)
        assert_int_equal(did_decode(text, n, &id, NULL), ERR_MALFORMED);
    assert_int_equal(decode("DID:key:z6Mk"), ERR_MALFORMED);
    assert_int_equal(
        decode("did:web:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Z"),
        ERR_MALFORMED);
}

/* What is refused leaves the caller's id alone. */
TEST(did, untouched)
{
    struct author_id id = {{7}};
    const struct author_id before = id;

    assert_int_equal(did_decode(vectors[0].did, 40, &id, NULL), ERR_MALFORMED);
    assert_true(author_id_eq(&id, &before));
}

/* Any person's did comes back, and one letter changed is another or none. */
TEST(did, round_trip)
{
    assert_int_equal(crypto_init(NULL), 0);
    for (unsigned i = 0; i < 200; i++) {
        uint8_t seed[SEED_BYTES] = {(uint8_t)i, 42};
        struct identity *who = identity_from_seed(seed);
        char text[DID_TEXT_MAX];
        struct author_id back;
        size_t at = 13 + i % 43;

        assert_non_null(who);
        did_encode(identity_author(who), text);
        assert_int_equal(strlen(text), 56);
        assert_int_equal(did_decode(text, 56, &back, NULL), 0);
        assert_true(author_id_eq(&back, identity_author(who)));
        text[at] = text[at] == 'a' ? 'b' : 'a';
        if (did_decode(text, 56, &back, NULL) == 0)
            assert_false(author_id_eq(&back, identity_author(who)));
        identity_free(who);
    }
}
