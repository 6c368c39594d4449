#include "node/wire/ticket.h"

#include <stdio.h>
#include <string.h>

#include "crypto/key.h"
#include "tests/lib/payload_kit.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
/* base32 of 32 zero bytes */
#define ZERO "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DID "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"

static int decode(const char *text, struct ticket *out)
{
    assert_int_equal(crypto_init(NULL), 0);
    ticket_deinit(out);
    ticket_init(out);
    return ticket_decode(text, strlen(text), out, NULL);
}

/* All hints come back, in the text that people see. */
TEST(ticket, round)
{
    struct buf b = BUF_INIT;
    struct ticket t;

    ticket_init(&t);
    assert_int_equal(decode("lyceum:" ZERO "?p=host.example:4000@" KEY
                            "&p=[::1]:5@" KEY "&a=" DID "&t=C%20%26%20D",
                            &t),
                     0);
    assert_int_equal(t.peer_count, 2);
    assert_string_equal(t.peers[0].address, "host.example:4000");
    assert_string_equal(t.peers[1].address, "[::1]:5");
    assert_int_equal(t.peers[1].node.b[31], 31);
    assert_true(t.has_author);
    assert_true(span_eq(buf_span(&t.title), kit_text("C & D")));
    assert_int_equal(ticket_encode(&t, &b), 0);
    assert_string_equal(buf_cstr(&b),
                        "lyceum:" ZERO "?p=host.example:4000@" KEY
                        "&p=[::1]:5@" KEY "&a=" DID "&t=C%20%26%20D");
    buf_deinit(&b);
    ticket_deinit(&t);
}

/* Only the scheme, the id and what follows it as "?" are a ticket. */
TEST(ticket, refused)
{
    static const char *const odd[] = {
        "",
        "lyceum:",
        "LYCEUM:" ZERO,
        "lyceum:" ZERO "a",
        "lyceum:" ZERO "&t=x",
        "lyceum:" ZERO "#",
        "lyceum:1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "lyceum:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "lyceum:" ZERO "?t=%",
        "lyceum:" ZERO "?t=%4",
        "lyceum:" ZERO "?x=%zz",
        "lyceum:" ZERO "?p=",
        "lyceum:" ZERO "?p=h:1@00",
        "lyceum:" ZERO "?p=h:0@" KEY,
        "lyceum:" ZERO "?p=h%00:1@" KEY,
        "lyceum:" ZERO "?a=did:key:zzz",
    };
    struct ticket t;

    ticket_init(&t);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (decode(odd[i], &t) != ERR_MALFORMED)
            fail_msg("'%s' is taken", odd[i]);
    ticket_deinit(&t);
}

/* What this version does not know is passed over; peers beyond 16 too. */
TEST(ticket, passed_over)
{
    struct buf b = BUF_INIT;
    struct ticket t;

    ticket_init(&t);
    assert_int_equal(decode("lyceum:" ZERO, &t), 0);
    assert_int_equal(decode("lyceum:" ZERO "?", &t), 0);
    assert_int_equal(decode("lyceum:" ZERO "?&&r=me&zz=1&q&t=%ff&t=ok", &t), 0);
    assert_int_equal(t.peer_count, 0);
    assert_true(span_eq(buf_span(&t.title), kit_text("ok")));
    (void)buf_append_str(&b, "lyceum:" ZERO "?");
    for (int i = 0; i < 20; i++)
        (void)buf_append_str(&b, "p=h:1@" KEY "&");
    assert_int_equal(decode(buf_cstr(&b), &t), 0);
    assert_int_equal(t.peer_count, TICKET_PEERS_MAX);
    buf_deinit(&b);
    ticket_deinit(&t);
}

/* Cut anywhere: refused, or fewer hints; never more than the whole says. */
TEST(ticket, truncated)
{
    static const char good[] = "lyceum:" ZERO "?p=[::1]:5@" KEY "&t=A%20B";
    struct ticket t;

    for (size_t n = 0; n < sizeof good; n++) {
        int rc;

        ticket_init(&t);
        rc = ticket_decode(good, n, &t, NULL);
        if (n < 59)
            assert_int_equal(rc, ERR_MALFORMED);
        if (rc == 0)
            assert_true(t.peer_count <= 1 && t.title.len <= 3);
        ticket_deinit(&t);
    }
}

/* Over 4,096 bytes is none; and what is written is never so long, whatever is
 * in it: its last hints are left out. */
TEST(ticket, longest)
{
    struct buf b = BUF_INIT;
    struct ticket t;
    struct ticket back;

    ticket_init(&t);
    t.peer_count = TICKET_PEERS_MAX;
    for (size_t i = 0; i < t.peer_count; i++) {
        memset(t.peers[i].address, 'h', 120);
        (void)snprintf(t.peers[i].address + 120, 8, ":%u", 40000);
    }
    for (int i = 0; i < 200; i++)
        (void)buf_append_str(&t.title, "\xf0\x9f\x93\x98");
    for (size_t before = 0; before < 2; before++) {
        buf_deinit(&b);
        (void)buf_append(&b, "#", before);
        assert_int_equal(ticket_encode(&t, &b), 0);
        assert_in_range(b.len - before, 1000, TICKET_MAX);
        ticket_init(&back);
        assert_int_equal(
            ticket_decode((char *)b.base + before, b.len - before, &back, NULL),
            0);
        assert_int_equal(back.peer_count, TICKET_PEERS_MAX);
        assert_int_equal(back.title.len, 0);
        ticket_deinit(&back);
    }
    while (b.len < TICKET_MAX + 1 + 1)
        (void)buf_append_str(&b, "&");
    ticket_init(&back);
    assert_int_equal(ticket_decode((char *)b.base + 1, TICKET_MAX, &back, NULL),
                     0);
    assert_int_equal(
        ticket_decode((char *)b.base + 1, TICKET_MAX + 1, &back, NULL),
        ERR_MALFORMED);
    ticket_deinit(&back);
    ticket_deinit(&t);
    buf_deinit(&b);
}

/* Addresses of peers: what is none. */
TEST(peer_address, refused)
{
    static const char *const odd[] = {"",
                                      "@",
                                      "h@" KEY,
                                      ":1@" KEY,
                                      "h:@" KEY,
                                      "h:1",
                                      "h:1@",
                                      "h:1@" KEY "0",
                                      "h:01@" KEY,
                                      "h:0@" KEY,
                                      "h:65536@" KEY,
                                      "h:-1@" KEY,
                                      "h h:1@" KEY,
                                      "h/:1@" KEY,
                                      "::1:1@" KEY,
                                      "[::g]:1@" KEY,
                                      "[]:1@" KEY,
                                      "h:1@@" KEY,
                                      "h:1:1@" KEY,
                                      "[::1:1@" KEY,
                                      "\xc3\xa9:1@" KEY};
    struct peer_address a;
    char text[300];

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (peer_address_parse(odd[i], strlen(odd[i]), &a, NULL) !=
            ERR_MALFORMED)
            fail_msg("'%s' is taken", odd[i]);
    for (size_t n = 100; n < 200; n++) {
        memset(text, 'h', n);
        (void)snprintf(text + n, sizeof text - n, ":1@" KEY);
        assert_int_equal(peer_address_parse(text, strlen(text), &a, NULL),
                         n + 2 < PEER_ADDRESS_MAX ? 0 : ERR_MALFORMED);
    }
}
