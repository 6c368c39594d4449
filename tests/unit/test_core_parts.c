/* test_core_parts: the small pure things below the core. */
#include <string.h>

#include "node/core/address.h"
#include "node/core/bits.h"
#include "node/core/rng.h"
#include "tests/lib/test.h"

static void parsed(const char *text, const char *formatted)
{
    char out[CORE_ADDRESS_MAX];
    struct address a;

    if (!address_parse(text, strlen(text), &a))
        fail_msg("refused: %s", text);
    address_format(&a, out);
    assert_string_equal(out, formatted);
}

/* What is accepted, and how it is written. */
TEST(address, accepted)
{
    parsed("1.2.3.4:5", "1.2.3.4:5");
    parsed("255.255.255.255:65535", "255.255.255.255:65535");
    parsed("[::]:1", "[0:0:0:0:0:0:0:0]:1");
    parsed("[::1]:1", "[0:0:0:0:0:0:0:1]:1");
    parsed("[2001:DB8::]:80", "[2001:db8:0:0:0:0:0:0]:80");
    parsed("[1:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7:8]:9");
    parsed("[1::8]:9", "[1:0:0:0:0:0:0:8]:9");
    parsed("[::ffff:7f00:1]:9", "127.0.0.1:9"); /* one spelling for one thing */
}

TEST(address, refused)
{
    static const char *const cases[] = {
        "",
        ":",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:65536",
        "1.2.3:4",
        "1.2.3.4.5:6",
        "256.1.1.1:1",
        "1.2.3.4:1 ",
        " 1.2.3.4:1",
        "host:1",
        "[::1]",
        "::1:80",
        "[:::]:1",
        "[1:2]:3",
        "[1::2::3]:4",
        "[12345::]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[::1:]:1",
        "[:1::]:1",
        "[fe80::1%eth0]:1",
        "[]:1",
        "1.2.3.4:99999999999999999999",
        "-1.2.3.4:5",
        "1..3.4:5",
        "[1:2:3:4:5:6:7::8]:1",
    };
    struct address a;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (address_parse(cases[i], strlen(cases[i]), &a))
            fail_msg("accepted: %s", cases[i]);
}

/* Sets of slots: words inside, bytes most significant bit first outside. */
TEST(bits, bytes)
{
    static const uint8_t in[] = {0x80, 0x01, 0xff, 0xff};
    uint8_t out[4];
    struct bits b;

    assert_true(bits_init(&b, 100));
    bits_from_bytes(&b, 8, in, 20);
    assert_true(bits_get(&b, 8) && bits_get(&b, 23) && bits_get(&b, 24));
    assert_false(bits_get(&b, 9) || bits_get(&b, 28));
    assert_int_equal(bits_total(&b), 6);
    bits_to_bytes(&b, 8, 20, out);
    assert_memory_equal(out, ((const uint8_t[]){0x80, 0x01, 0xf0}), 3);
    bits_from_bytes(&b, 96, in + 2, 16); /* beyond the end: not kept */
    assert_int_equal(bits_total(&b), 10);
    assert_true(bits_grow(&b, 200));
    assert_int_equal(bits_total(&b), 10);
    assert_false(bits_get(&b, 100) || bits_get(&b, 1000));
    bits_set(&b, 199);
    bits_clear(&b, 8);
    assert_int_equal(bits_total(&b), 10);
    bits_deinit(&b);
    bits_deinit(&b);
}

/* The same seed, the same numbers; another, others. All zero is no trap. */
TEST(rng, repeats)
{
    static const uint64_t zero[4];
    static const uint64_t one[4] = {1};
    struct rng a, b, c;
    uint64_t seen = 0;
    int other = 0;

    rng_init(&a, zero);
    rng_init(&b, zero);
    rng_init(&c, one);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_next(&a);

        assert_true(x == rng_next(&b));
        other += x != rng_next(&c);
        seen |= UINT64_C(1) << rng_below(&a, 8);
        (void)rng_below(&b, 8);
    }
    assert_int_equal(seen, 0xff);
    assert_true(other >= 98);
}
