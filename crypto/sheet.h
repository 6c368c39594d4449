/* sheet: a seed as a text for paper, to be typed in again. Pure; shows nothing
 * of whose it is. Eight rows of ten characters of Crockford's base32 (no I, L,
 * O, U), as
 *
 *   1: 7ZQ4H-2MKE9
 *
 * A row is 6 bytes and 2 spare bits that are zero: 4 of the seed and 2 of a
 * check over the row's number and those 4. A mistyped or misplaced row passes
 * with a chance of 1 in 65,536, and is named.
 * Typed in, case, spaces and dashes are free, O is 0, I and L are 1; the number
 * in front may be left out where the rows come in order. Empty lines and lines
 * that begin with '#' are passed over. */
#ifndef CRYPTO_SHEET_H
#define CRYPTO_SHEET_H

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/key.h"

#define SHEET_ROWS 8
#define SHEET_TEXT_MAX 16384 /* of what is read, remarks and all */

/** sheet_write - @seed as SHEET_ROWS lines, appended to @out. ERR_NOMEM. */
int sheet_write(const uint8_t seed[SEED_BYTES], struct buf *out, struct err *e);

/** sheet_row - read one row, without its end of line.
 * @number: 1..SHEET_ROWS, which one it has to be. @out: its 4 bytes.
 * Return: 0; ERR_MALFORMED: @e names the row and what is wrong with it. */
int sheet_row(const char *line, size_t len, int number, uint8_t out[4],
              struct err *e);

/** sheet_read - a whole one. ERR_MALFORMED: the first row that is missing,
 * there twice or mistyped is named. */
int sheet_read(const uint8_t *text, size_t len, uint8_t out_seed[SEED_BYTES],
               struct err *e);

#endif
