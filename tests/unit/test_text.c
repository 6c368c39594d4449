#include "tests/lib/test.h"

#include <string.h>

#include "crypto/base/err.h"
#include "crypto/base/text.h"

static void shows(const char *in, const char *out)
{
    struct buf b = BUF_INIT;

    text_for_terminal((const uint8_t *)in, strlen(in), 20, &b);
    assert_string_equal(buf_cstr(&b), out);
    buf_deinit(&b);
}

/* Nothing that steers a terminal or turns a line around gets through. */
TEST(text, terminal)
{
    shows("plain 第一课", "plain 第一课");
    shows("a\x1b]0;title\x07z", "a]0;titlez");
    shows("x\u202egnp.exe\u2066", "xgnp.exe");
    shows("bad\xff\xfe!", "bad\ufffd\ufffd!");
    shows("0123456789012345678901234", "01234567890123456789…");
    shows("c1\xc2\x9b", "c1");
}

TEST(text, utf8)
{
    assert_true(text_utf8_valid((const uint8_t *)"é€😀", 9));
    assert_false(text_utf8_valid((const uint8_t *)"\xc0\xaf", 2));
    assert_false(text_utf8_valid((const uint8_t *)"\xed\xa0\x80", 3));
    assert_false(text_utf8_valid((const uint8_t *)"\xf4\x90\x80\x80", 4));
    assert_false(text_utf8_valid((const uint8_t *)"\xe2\x82", 2));
}

/* base32: every length comes back; spare bits and other letters do not. */
TEST(text, base32)
{
    for (size_t n = 1; n < 40; n++) {
        uint8_t in[40];
        uint8_t out[40];
        struct buf b = BUF_INIT;

        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * 37 + n);
        text_base32_encode(in, n, &b);
        assert_int_equal(
            text_base32_decode((const char *)b.base, b.len, out, n), 0);
        assert_memory_equal(in, out, n);
        assert_int_not_equal(
            text_base32_decode((const char *)b.base, b.len - 1, out, n), 0);
        buf_deinit(&b);
    }
    assert_int_not_equal(text_base32_decode("a1", 2, (uint8_t[1]){0}, 1), 0);
    assert_int_not_equal(text_base32_decode("ab", 2, (uint8_t[1]){0}, 1), 0);
}
