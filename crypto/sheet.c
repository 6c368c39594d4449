#include "crypto/sheet.h"

#include <string.h>

#include <sodium.h>

#include "crypto/digest.h"

#define ROW_SEED (SEED_BYTES / SHEET_ROWS)
#define ROW_CHECK 2
#define ROW_BYTES (ROW_SEED + ROW_CHECK)
#define ROW_CHARS 10 /* 48 bits in fives, 2 to spare */
#define GROUP 5

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void check_of(int number, const uint8_t part[ROW_SEED],
                     uint8_t out[ROW_CHECK])
{
    uint8_t bytes[16 + ROW_SEED] = "lyceum-sheet 1";
    uint8_t digest[32];

    bytes[15] = (uint8_t)number;
    memcpy(bytes + 16, part, ROW_SEED);
    digest_sha256(bytes, sizeof bytes, digest);
    memcpy(out, digest, ROW_CHECK);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(digest, sizeof digest);
}

int sheet_write(const uint8_t seed[SEED_BYTES], struct buf *out, struct err *e)
{
    for (int row = 1; row <= SHEET_ROWS; row++) {
        const uint8_t *part = seed + (row - 1) * ROW_SEED;
        char line[] = "1: AAAAA-AAAAA\n";
        uint8_t check[ROW_CHECK];
        uint64_t bits = 0;

        check_of(row, part, check);
        for (int i = 0; i < ROW_SEED; i++)
            bits = bits << 8 | part[i];
        for (int i = 0; i < ROW_CHECK; i++)
            bits = bits << 8 | check[i];
        bits <<= 5 * ROW_CHARS - 8 * ROW_BYTES;
        line[0] = (char)('0' + row);
        for (int i = 0; i < ROW_CHARS; i++)
            line[3 + i + i / GROUP] =
                alphabet[bits >> (5 * (ROW_CHARS - 1 - i)) & 31];
        (void)buf_append_str(out, line);
        sodium_memzero(line, sizeof line);
    }
    return out->failed ? err_set(e, ERR_NOMEM, "sheet") : 0;
}

/* ---- reading --------------------------------------------------------- */

/* The value of a character, as people copy it by hand; -1: none. */
static int value_of(char c)
{
    const char *at;

    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The number that stands in front of a row ("3:", "3." or "3)"), moved over;
 * 0: none. */
static int take_number(const char **line, size_t *len)
{
    size_t at = 0;

    while (at < *len && is_blank((*line)[at]))
        at++;
    if (at + 1 < *len && (*line)[at] >= '1' && (*line)[at] < '1' + SHEET_ROWS &&
        memchr(":.)", (*line)[at + 1], 3) != NULL) {
        int number = (*line)[at] - '0';

        *line += at + 2;
        *len -= at + 2;
        return number;
    }
    return 0;
}

static int take_bits(const char *line, size_t len, int number,
                     uint64_t *out_bits, struct err *e)
{
    uint64_t bits = 0;
    int n = 0;

    for (size_t i = 0; i < len; i++) {
        int v = value_of(line[i]);

        if (is_blank(line[i]) || line[i] == '-')
            continue;
        if (v < 0 && line[i] > ' ' && line[i] <= '~')
            return err_set(e, ERR_MALFORMED,
                           "row %d: '%.1s' stands in no sheet", number,
                           line + i);
        if (v < 0)
            return err_set(e, ERR_MALFORMED,
                           "row %d: there is a character that stands in no"
                           " sheet",
                           number);
        bits = bits << 5 | (uint64_t)v;
        if (n < 2 * ROW_CHARS)
            n++;
    }
    if (n != ROW_CHARS)
        return err_set(e, ERR_MALFORMED, "row %d has %s than %d characters",
                       number, n < ROW_CHARS ? "less" : "more", ROW_CHARS);
    *out_bits = bits;
    return 0;
}

int sheet_row(const char *line, size_t len, int number, uint8_t out[4],
              struct err *e)
{
    const int spare = 5 * ROW_CHARS - 8 * ROW_BYTES;
    uint8_t bytes[ROW_BYTES];
    uint8_t check[ROW_CHECK];
    uint64_t bits;
    int said = take_number(&line, &len);
    int rc;

    if (said != 0 && said != number)
        return err_set(e, ERR_MALFORMED, "row %d is wanted, not row %d", number,
                       said);
    rc = take_bits(line, len, number, &bits, e);
    if (rc != 0)
        return rc;
    for (int i = 0; i < ROW_BYTES; i++)
        bytes[i] = (uint8_t)(bits >> (spare + 8 * (ROW_BYTES - 1 - i)));
    check_of(number, bytes, check);
    if ((bits & ((1u << spare) - 1)) != 0 ||
        memcmp(check, bytes + ROW_SEED, ROW_CHECK) != 0)
        rc = err_set(e, ERR_MALFORMED, "row %d is mistyped", number);
    else
        memcpy(out, bytes, ROW_SEED);
    sodium_memzero(bytes, sizeof bytes);
    return rc;
}

static bool is_remark(const char *line, size_t len)
{
    while (len != 0 && is_blank(*line)) {
        line++;
        len--;
    }
    return len == 0 || *line == '#';
}

struct reading {
    uint8_t seed[SEED_BYTES];
    bool got[SHEET_ROWS + 1];
    int next; /* of a row without a number */
};

static int read_line(struct reading *r, const char *line, size_t len,
                     struct err *e)
{
    const char *rest = line;
    size_t left = len;
    int number = take_number(&rest, &left);

    if (number == 0)
        number = r->next;
    if (number > SHEET_ROWS)
        return err_set(e, ERR_MALFORMED, "there are more than %d rows",
                       SHEET_ROWS);
    if (r->got[number])
        return err_set(e, ERR_MALFORMED, "row %d is there twice", number);
    r->got[number] = true;
    r->next = number + 1;
    return sheet_row(rest, left, number, r->seed + (number - 1) * ROW_SEED, e);
}

int sheet_read(const uint8_t *text, size_t len, uint8_t out_seed[SEED_BYTES],
               struct err *e)
{
    struct reading r = {.next = 1};
    const char *at = (const char *)text;
    const char *end = at + len;
    int rc = len <= SHEET_TEXT_MAX
                 ? 0
                 : err_set(e, ERR_MALFORMED, "too long for a sheet");

    while (rc == 0 && at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((nl != NULL ? nl : end) - at);

        if (!is_remark(at, n))
            rc = read_line(&r, at, n, e);
        at += n + (nl != NULL);
    }
    for (int row = 1; row <= SHEET_ROWS && rc == 0; row++)
        if (!r.got[row])
            rc = err_set(e, ERR_MALFORMED, "row %d is missing", row);
    if (rc == 0)
        memcpy(out_seed, r.seed, SEED_BYTES);
    sodium_memzero(&r, sizeof r);
    return rc;
}
