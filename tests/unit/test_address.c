#include "node/core/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/payload_kit.h"

static bool reads(const char *text, struct address *out)
{
    return address_parse(text, strlen(text), out);
}

static bool host(const char *text, uint8_t ip[16])
{
    return address_parse_host(text, strlen(text), ip);
}

/* The scope of literal @text; -1: one that no peer can have. */
static int scope(const char *text)
{
    enum peer_scope s;
    uint8_t ip[16];

    if (!host(text, ip))
        fail_msg("'%s' is not read", text);
    return address_scope(ip, &s) ? (int)s : -1;
}

/* What the C library's inet_pton reads, and only that, is an address; the dots
 * at the end of an IPv6 address are the one form left out. */
TEST(address, as_inet_pton)
{
    static const char letters[] = "0123456789abcfF:::..1";
    static const char *const starts[] = {"1.2.3.4",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fe80::1",
                                         "2001:db8::7:8",
                                         "1:2:3:4:5:6:7:8",
                                         "::ffff:102:304",
                                         "1:2:3:4:5:6:7::",
                                         "0:0::0"};
    uint64_t rng = 99;

    for (int round = 0; round < 200000; round++) {
        char text[48];
        uint8_t want[16] = {[10] = 0xff, [11] = 0xff};
        uint8_t got[16];
        size_t len;
        bool good;

        (void)snprintf(text, sizeof text, "%s", starts[kit_next(&rng) % 10]);
        len = strlen(text);
        for (uint64_t edits = kit_next(&rng) % 3; edits > 0; edits--) {
            size_t at = (size_t)(kit_next(&rng) % len);
            char letter = letters[kit_next(&rng) % (sizeof letters - 1)];

            if (kit_next(&rng) % 2 == 0) {
                text[at] = letter;
            } else if (len + 1 < sizeof text) {
                memmove(text + at + 1, text + at, len - at + 1);
                text[at] = letter;
                len++;
            }
        }
        good = strchr(text, ':') != NULL
                   ? strchr(text, '.') == NULL &&
                         inet_pton(AF_INET6, text, want) == 1
                   : inet_pton(AF_INET, text, want + 12) == 1;
        if (host(text, got) != good)
            fail_msg("'%s' %s", text, good ? "is not read" : "is read");
        if (good)
            assert_memory_equal(got, want, 16);
    }
}

/* Numbers that others would read as octal, long ports, names, brackets. */
TEST(address, refused)
{
    static const char *const odd[] = {"",
                                      ":",
                                      "1.2.3.4",
                                      "1.2.3.4:",
                                      ":80",
                                      "1.2.3:80",
                                      "0177.0.0.1:80",
                                      "010.0.0.1:80",
                                      "1.2.3.4:080",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:-1",
                                      "1.2.3.4: 80",
                                      "1.2.3.4:80 ",
                                      "256.1.1.1:80",
                                      "1.2.3.4.5:80",
                                      "localhost:80",
                                      "[::1]",
                                      "[::1]:",
                                      "[]:80",
                                      "[1.2.3.4]:80",
                                      "::1:80",
                                      "[::1:80",
                                      "::1]:80",
                                      "[fe80::1%1]:80",
                                      "[00001::]:80",
                                      "[:::]:80",
                                      "[1::2::3]:80",
                                      "1.2.3.4:99999999999"};
    struct address before = {{3}, 4};
    struct address a = before;

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (reads(odd[i], &a))
            fail_msg("'%s' is read", odd[i]);
    assert_memory_equal(&a, &before, sizeof a);
}

/* What is written is read as the same. */
TEST(address, round_trip)
{
    uint64_t rng = 5;

    for (int round = 0; round < 5000; round++) {
        struct address a = {.port = (uint16_t)kit_next(&rng)};
        struct address back;
        char text[CORE_ADDRESS_MAX];

        for (size_t i = 0; i < 16; i++)
            a.ip[i] = kit_next(&rng) % 3 == 0 ? (uint8_t)kit_next(&rng) : 0;
        if (round % 2 == 0)
            memcpy(a.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        address_format(&a, text);
        if (!reads(text, &back))
            fail_msg("'%s' is not read", text);
        assert_memory_equal(a.ip, back.ip, 16);
        assert_int_equal(a.port, back.port);
    }
}

/* The longest host fits where the header says it does. */
TEST(address, longest)
{
    uint8_t ip[16];
    char text[40];

    memset(ip, 0xff, sizeof ip);
    assert_int_equal(address_format_host(ip, text, sizeof text), 39);
    assert_string_equal(text, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

/* The edges of each range, and IPv4 in its IPv6 dress. */
TEST(address, scopes)
{
    assert_int_equal(scope("127.0.0.1"), SCOPE_LOOPBACK);
    assert_int_equal(scope("127.255.255.255"), SCOPE_LOOPBACK);
    assert_int_equal(scope("::1"), SCOPE_LOOPBACK);
    assert_int_equal(scope("::ffff:7f00:1"), SCOPE_LOOPBACK);
    assert_int_equal(scope("10.0.0.0"), SCOPE_LAN);
    assert_int_equal(scope("172.16.0.0"), SCOPE_LAN);
    assert_int_equal(scope("172.31.255.255"), SCOPE_LAN);
    assert_int_equal(scope("192.168.0.1"), SCOPE_LAN);
    assert_int_equal(scope("169.254.169.254"), SCOPE_LAN);
    assert_int_equal(scope("100.64.0.1"), SCOPE_LAN);
    assert_int_equal(scope("fe80::1"), SCOPE_LAN);
    assert_int_equal(scope("fec0::1"), SCOPE_LAN);
    assert_int_equal(scope("fd00::1"), SCOPE_LAN);
    assert_int_equal(scope("::ffff:a00:1"), SCOPE_LAN);
    assert_int_equal(scope("9.255.255.255"), SCOPE_PUBLIC);
    assert_int_equal(scope("11.0.0.0"), SCOPE_PUBLIC);
    assert_int_equal(scope("126.255.255.255"), SCOPE_PUBLIC);
    assert_int_equal(scope("128.0.0.0"), SCOPE_PUBLIC);
    assert_int_equal(scope("172.15.255.255"), SCOPE_PUBLIC);
    assert_int_equal(scope("172.32.0.0"), SCOPE_PUBLIC);
    assert_int_equal(scope("100.63.255.255"), SCOPE_PUBLIC);
    assert_int_equal(scope("100.128.0.0"), SCOPE_PUBLIC);
    assert_int_equal(scope("223.255.255.255"), SCOPE_PUBLIC);
    assert_int_equal(scope("2001:db8::1"), SCOPE_PUBLIC);
    assert_int_equal(scope("fbff::1"), SCOPE_PUBLIC);
    assert_int_equal(scope("fe7f::1"), SCOPE_PUBLIC);
}

/* No peer is at 0/8, multicast, the reserved end, or in ::/96, where an old
 * form would hide 127.0.0.1. */
TEST(address, scopeless)
{
    static const char *const odd[] = {
        "0.0.0.0",    "0.1.2.3",         "224.0.0.1", "239.255.255.255",
        "240.0.0.1",  "255.255.255.255", "::",        "ff02::1",
        "::ffff:0:0", "::ffff:e000:1",   "::7f00:1",  "::2"};

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (scope(odd[i]) != -1)
            fail_msg("'%s' has a scope", odd[i]);
}
