#include "tests/lib/test.h"

#include "crypto/cbor.h"

static int check(const char *bytes, size_t n)
{
    return cbor_check((const uint8_t *)bytes, n, 0, NULL);
}

#define OK(s) assert_int_equal(check(s, sizeof(s) - 1), 0)
#define BAD(s) assert_int_not_equal(check(s, sizeof(s) - 1), 0)

/* RFC 8949 appendix A, as far as the subset goes, is taken. */
TEST(cbor, good_items)
{
    OK("\x00");
    OK("\x17");
    OK("\x18\x18");
    OK("\x19\x03\xe8");
    OK("\x1b\xff\xff\xff\xff\xff\xff\xff\xff");
    OK("\x20");
    OK("\x39\x03\xe7");
    OK("\xf4");
    OK("\xf6");
    OK("\x44\x01\x02\x03\x04");
    OK("\x62\xc3\xbc");
    OK("\x80");
    OK("\x83\x01\x82\x02\x03\x82\x04\x05");
    OK("\xa2\x01\x02\x03\x04");
}

/* Every looser spelling is refused, and so is every truncation of a good one.
 */
TEST(cbor, bad_items)
{
    static const char good[] = "\xa2\x01\x82\x02\x03\x03\x43"
                               "abc";

    BAD("\x18\x17");             /* not minimal */
    BAD("\x19\x00\xff");         /* not minimal */
    BAD("\x9f\x01\xff");         /* indefinite */
    BAD("\xa2\x01\x01\x01\x02"); /* repeated key */
    BAD("\xa2\x02\x01\x01\x02"); /* unsorted */
    BAD("\xf9\x7e\x00");         /* float */
    BAD("\xf7");                 /* undefined */
    BAD("\xc1\x00");             /* tag */
    BAD("\x62\xc3\x28");         /* not UTF-8 */
    BAD("\x63\xed\xa0\x80");     /* a surrogate */
    BAD("\x00\x00");             /* trailing */
    BAD("\x9a\x10\x00\x00\x00");
    BAD("\x5b\x7f\xff\xff\xff\xff\xff\xff\xff");
    BAD("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01");
    OK("\x81\x81\x81\x81\x81\x81\x81\x81\x01");
    for (size_t n = 0; n + 1 < sizeof good; n++)
        assert_int_not_equal(check(good, n), 0);
}

/* What the writer makes, the reader reads. */
TEST(cbor, round_trip)
{
    struct buf b = BUF_INIT;
    struct cbor_in in;
    struct span s;
    uint64_t n;
    int64_t i;

    cbor_put_array(&b, 3);
    cbor_put_uint(&b, UINT64_MAX);
    cbor_put_int(&b, -500);
    cbor_put_text(&b, "hi", 2);
    assert_int_equal(cbor_check(b.base, b.len, 0, NULL), 0);
    cbor_in_init(&in, b.base, b.len);
    assert_int_equal(cbor_read_array(&in, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(cbor_read_uint(&in, &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(cbor_read_int(&in, &i), 0);
    assert_int_equal(i, -500);
    assert_int_equal(cbor_read_text(&in, &s), 0);
    assert_int_equal(s.len, 2);
    assert_true(cbor_done(&in));
    assert_int_not_equal(cbor_read_uint(&in, &n), 0); /* and failure sticks */
    buf_deinit(&b);
}
