#include "crypto/sheet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/test.h"

static const char known[] = "1: 000G4-0YQK0\n";

static void make(uint8_t seed[SEED_BYTES], struct buf *out)
{
    assert_int_equal(crypto_init(NULL), 0);
    for (int i = 0; i < SEED_BYTES; i++)
        seed[i] = (uint8_t)i;
    assert_int_equal(sheet_write(seed, out, NULL), 0);
    assert_non_null(buf_cstr(out));
}

static int read_text(const char *text, uint8_t out[SEED_BYTES], struct err *e)
{
    return sheet_read((const uint8_t *)text, strlen(text), out, e);
}

/* Its form is for ever: paper does not change. */
TEST(sheet_write, form)
{
    struct buf text = BUF_INIT;
    uint8_t seed[SEED_BYTES];

    make(seed, &text);
    assert_int_equal(text.len, SHEET_ROWS * strlen(known));
    assert_memory_equal(text.base, known, strlen(known));
    buf_deinit(&text);
}

/* As people type: other case, O for 0, I and L for 1, no dashes or too many, no
 * numbers, Windows lines, remarks; or numbered and in any order. */
TEST(sheet_read, tolerant)
{
    struct buf text = BUF_INIT;
    uint8_t seed[SEED_BYTES];
    uint8_t got[SEED_BYTES];
    char typed[1024] = "# mine\r\n\r\n";
    size_t n = strlen(typed);

    make(seed, &text);
    assert_int_equal(read_text((char *)text.base, got, NULL), 0);
    assert_memory_equal(got, seed, SEED_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)tolower(text.base[i]);

        if (i % 15 < 2 || c == '-')
            continue;
        if (c == '\n')
            typed[n++] = '\r';
        else if (c != ' ')
            typed[n++] = i % 3 ? '-' : ' ';
        typed[n++] = (char)(c == '0'   ? 'o'
                            : c == '1' ? (i % 2 ? 'i' : 'L')
                                       : c);
    }
    typed[n - 2] = '\0'; /* and no end of the last line */
    memset(got, 0, sizeof got);
    assert_int_equal(read_text(typed, got, NULL), 0);
    assert_memory_equal(got, seed, SEED_BYTES);
    n = 0;
    for (size_t row = SHEET_ROWS; row-- > 0; n += 15)
        memcpy(typed + n, text.base + 15 * row, 15);
    typed[n] = '\0';
    memset(got, 0, sizeof got);
    assert_int_equal(read_text(typed, got, NULL), 0);
    assert_memory_equal(got, seed, SEED_BYTES);
    buf_deinit(&text);
}

static bool names_row(const struct err *e, size_t row)
{
    char want[16];

    (void)snprintf(want, sizeof want, "row %zu", row);
    return strstr(e->text, want) != NULL;
}

/* Every wrong character is noticed, and its row is named. */
TEST(sheet_read, mistyped)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct buf text = BUF_INIT;
    uint8_t seed[SEED_BYTES];
    uint8_t got[SEED_BYTES] = {77};
    uint8_t before[SEED_BYTES] = {77};

    make(seed, &text);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t right = text.base[i];

        if (i % 15 < 3 || i % 15 == 8 || right == '\n')
            continue;
        for (const char *p = letters; *p != '\0'; p++) {
            struct err e = ERR_INIT;

            if (*p == right)
                continue;
            text.base[i] = (uint8_t)*p;
            assert_int_equal(read_text((char *)text.base, got, &e),
                             ERR_MALFORMED);
            assert_true(names_row(&e, i / 15 + 1));
        }
        text.base[i] = right;
    }
    assert_memory_equal(got, before, SEED_BYTES);
    buf_deinit(&text);
}

/* Rows that are missing, twice there, of a wrong length or in another's place
 * are named, too. */
TEST(sheet_read, wrong_rows)
{
    struct buf text = BUF_INIT;
    uint8_t seed[SEED_BYTES];
    uint8_t got[SEED_BYTES];
    char other[512];
    struct err e = ERR_INIT;

    make(seed, &text);
    for (size_t row = 0; row < SHEET_ROWS; row++) {
        size_t at = 15 * row;

        memcpy(other, text.base, text.len + 1); /* missing */
        memmove(other + at, other + at + 15, text.len - at - 15 + 1);
        assert_int_equal(read_text(other, got, &e), ERR_MALFORMED);
        assert_true(names_row(&e, row + 1));
        (void)snprintf(other, sizeof other, "%s%.15s", (char *)text.base,
                       (char *)text.base + at); /* twice */
        assert_int_equal(read_text(other, got, &e), ERR_MALFORMED);
        assert_true(names_row(&e, row + 1));
        memcpy(other, text.base, text.len + 1); /* short */
        memmove(other + at + 5, other + at + 6, text.len - at - 6 + 1);
        assert_int_equal(read_text(other, got, &e), ERR_MALFORMED);
        assert_true(names_row(&e, row + 1));
        memcpy(other, text.base, text.len + 1); /* U stands in no sheet */
        other[at + 5] = 'U';
        assert_int_equal(read_text(other, got, &e), ERR_MALFORMED);
        assert_true(names_row(&e, row + 1));
    }
    memcpy(other, text.base, text.len + 1); /* swapped, numbers kept */
    memcpy(other + 3, text.base + 18, 11);
    memcpy(other + 18, text.base + 3, 11);
    assert_int_equal(read_text(other, got, &e), ERR_MALFORMED);
    assert_true(names_row(&e, 1));
    assert_int_equal(read_text("", got, &e), ERR_MALFORMED);
    assert_true(names_row(&e, 1));
    buf_deinit(&text);
}

TEST(sheet_row, one)
{
    uint8_t part[4];
    struct err e = ERR_INIT;

    assert_int_equal(sheet_row(known, 14, 1, part, &e), 0);
    assert_int_equal(sheet_row(known, 14, 2, part, &e), ERR_MALFORMED);
    assert_int_equal(sheet_row(known + 3, 11, 2, part, &e), ERR_MALFORMED);
    assert_true(names_row(&e, 2));
    assert_int_equal(sheet_row("\x01", 1, 3, part, &e), ERR_MALFORMED);
}
