#include "crypto/vault.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/test.h"

#define WORDS "correct horse"

static struct identity *person(void)
{
    uint8_t seed[SEED_BYTES] = {1, 2, 3};
    struct identity *id;

    assert_int_equal(crypto_init(NULL), 0);
    id = identity_from_seed(seed);
    assert_non_null(id);
    return id;
}

static struct buf vault_of(const char *passphrase)
{
    struct identity *id = person();
    struct buf b = BUF_INIT;

    assert_int_equal(vault_seal(id, "Ann B\xc3\xa9", passphrase,
                                passphrase != NULL ? strlen(passphrase) : 0,
                                true, &b, NULL),
                     0);
    identity_free(id);
    return b;
}

static int open_with(const void *text, size_t len, const char *passphrase)
{
    struct identity *id = NULL;
    int rc = vault_open(text, len, passphrase,
                        passphrase != NULL ? strlen(passphrase) : 0, &id, NULL);

    assert_true((rc == 0) == (id != NULL));
    identity_free(id);
    return rc;
}

/* Sealed and plain: the same person comes out, and the passphrase is asked for
 * where there is one; a wrong one, an empty one and a longer one do not do. */
TEST(vault, round)
{
    struct identity *want = person();
    struct vault_info info;

    for (int sealed = 0; sealed < 2; sealed++) {
        const char *words = sealed ? WORDS : NULL;
        struct buf b = vault_of(words);
        struct identity *got = NULL;

        assert_int_equal(vault_read(b.base, b.len, &info, NULL), 0);
        assert_int_equal(info.sealed, sealed);
        assert_string_equal(info.name, "Ann B\xc3\xa9");
        assert_true(author_id_eq(&info.author, identity_author(want)));
        assert_int_equal(vault_open(b.base, b.len, words,
                                    words != NULL ? strlen(words) : 0, &got,
                                    NULL),
                         0);
        assert_memory_equal(identity_seed(got), identity_seed(want),
                            SEED_BYTES);
        identity_free(got);
        if (sealed) {
            assert_int_equal(open_with(b.base, b.len, NULL), ERR_KEY_NEEDED);
            assert_int_equal(open_with(b.base, b.len, ""), ERR_KEY_NEEDED);
            assert_int_equal(open_with(b.base, b.len, WORDS " "),
                             ERR_KEY_NEEDED);
        }
        buf_deinit(&b);
    }
    identity_free(want);
}

/* The same seed is never sealed to the same bytes, and never stands there in
 * the clear. */
TEST(vault, fresh_salt)
{
    struct identity *id = person();
    struct buf a = vault_of(WORDS);
    struct buf b = vault_of(WORDS);
    char hex[2 * SEED_BYTES + 1];

    assert_false(span_eq(buf_span(&a), buf_span(&b)));
    hex_encode(identity_seed(id), SEED_BYTES, hex);
    assert_null(strstr(buf_cstr(&a), hex));
    buf_deinit(&a);
    buf_deinit(&b);
    identity_free(id);
}

/* Cut anywhere, or with something behind it, it is no key file. */
TEST(vault, truncated)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        struct buf b = vault_of(sealed ? WORDS : NULL);

        for (size_t n = 0; n < b.len; n++)
            assert_int_equal(open_with(b.base, n, WORDS), ERR_MALFORMED);
        assert_int_equal(buf_append_str(&b, "\n"), 0);
        assert_int_equal(open_with(b.base, b.len, WORDS), ERR_MALFORMED);
        buf_deinit(&b);
    }
}

/* The highest bit of each byte: never a key file, but for the name, which is
 * open and which nobody relies on. */
TEST(vault, flipped_high)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        struct buf b = vault_of(sealed ? WORDS : NULL);
        const char *text = buf_cstr(&b);
        size_t name = (size_t)(strstr(text, "name: ") - text) + 6;
        size_t kdf = (size_t)(strstr(text, "kdf: ") - text);

        for (size_t i = 0; i < b.len; i++) {
            if (i >= name && i < kdf - 1)
                continue;
            b.base[i] ^= 0x80;
            assert_int_equal(open_with(b.base, b.len, WORDS), ERR_MALFORMED);
            b.base[i] ^= 0x80;
        }
        buf_deinit(&b);
    }
}

/* The lowest bit of each byte: never another seed. Only the name, which nobody
 * relies on, may differ. Of the digits that cost a stretching each, every
 * twelfth is tried. */
TEST(vault, flipped_low)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        struct buf b = vault_of(sealed ? WORDS : NULL);
        const char *text = buf_cstr(&b);
        size_t name = (size_t)(strstr(text, "name: ") - text) + 6;
        size_t kdf = (size_t)(strstr(text, "kdf: ") - text);

        for (size_t i = 0; i < b.len; i++) {
            int rc;

            if (sealed && i > kdf + 30 && i % 12 != 0)
                continue;
            b.base[i] ^= 1;
            rc = open_with(b.base, b.len, WORDS);
            if (rc == 0 && !(i >= name && i < kdf - 1))
                fail_msg("byte %zu may differ", i);
            b.base[i] ^= 1;
        }
        buf_deinit(&b);
    }
}

static int with_kdf(const char *kdf)
{
    struct buf b = vault_of(NULL);
    const char *text = buf_cstr(&b);
    int head = (int)(strstr(text, "kdf: ") - text);
    char bent[1024];
    char zeros[97];
    int n;
    int rc;

    memset(zeros, '0', sizeof zeros - 1);
    zeros[96] = '\0';
    n = snprintf(bent, sizeof bent, "%.*skdf: %s\nseed: %.48s %.96s\n", head,
                 text, kdf, zeros, zeros);
    rc = open_with(bent, (size_t)n, WORDS);
    buf_deinit(&b);
    return rc;
}

#define SALT " 000102030405060708090a0b0c0d0e0f"

/* Hostile costs are refused before anything of them is tried: the largest of
 * these would take a terabyte or a year. */
TEST(vault, hostile_parameters)
{
    assert_int_equal(with_kdf("argon2id 3 67108864" SALT), ERR_KEY_NEEDED);
    assert_int_equal(with_kdf("argon2id 3 1073741825" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 3 67108863" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 3 999999999999" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 3 1099511627776" SALT), ERR_MALFORMED);
    assert_int_equal(with_kdf("argon2id 3 0" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 3 67108865" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 1 67108864" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 0 67108864" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 11 67108864" SALT), ERR_REFUSED);
    assert_int_equal(with_kdf("argon2id 4294967299 67108864" SALT),
                     ERR_REFUSED);
}

/* Other functions, signs, spaces and lengths are no parameters. */
TEST(vault, odd_parameters)
{
    static const char *const odd[] = {
        "",
        " ",
        "none none",
        "argon2i 3 67108864" SALT,
        "argon2id 3 67108864",
        "argon2id -3 67108864" SALT,
        "argon2id 3 +67108864" SALT,
        "argon2id 3 0x4000000" SALT,
        "argon2id 18446744073709551619 67108864" SALT,
        "argon2id 3 67108864" SALT "00",
        "argon2id 3 67108864" SALT " 00",
        "argon2id 3 67108864 00",
        "scrypt 3 67108864" SALT,
    };

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_int_equal(with_kdf(odd[i]), ERR_MALFORMED);
}

/* A plain file whose did is another's opens for nobody. */
TEST(vault, other_did)
{
    struct buf b = vault_of(NULL);
    char *at = strstr((char *)(uintptr_t)buf_cstr(&b), "did:key:");

    memcpy(at, "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw", 56);
    assert_int_equal(open_with(b.base, b.len, NULL), ERR_MALFORMED);
    buf_deinit(&b);
}

/* Names: as long as they may be, with what would break a line, and too long. */
TEST(vault, names)
{
    struct identity *id = person();
    char name[VAULT_NAME_MAX + 1];
    struct vault_info info;
    struct buf b = BUF_INIT;

    memset(name, '\n', sizeof name);
    name[VAULT_NAME_MAX] = '\0';
    assert_int_equal(vault_seal(id, name, NULL, 0, true, &b, NULL),
                     ERR_INVALID);
    name[VAULT_NAME_MAX - 1] = '\0';
    assert_int_equal(vault_seal(id, name, NULL, 0, true, &b, NULL), 0);
    assert_int_equal(vault_read(b.base, b.len, &info, NULL), 0);
    assert_string_equal(info.name, name);
    buf_deinit(&b);
    assert_int_equal(vault_seal(id, "\xff", NULL, 0, true, &b, NULL),
                     ERR_INVALID);
    assert_int_equal(b.len, 0);
    identity_free(id);
}
