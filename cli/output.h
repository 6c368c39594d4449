/* output: figures and texts as people read them. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/say.h"

struct size_text {
    char s[40];
};

/** output_size - "12.3 MB": powers of 1000. */
struct size_text output_size(uint64_t bytes);

/** output_date - "2026-11-24 04:31", in the time zone of the place. */
struct size_text output_date(uint64_t time_ms);

/** output_count - "1 peer", "2 peers": @one is the text for one of them, the
 * next in the table that for more. */
struct size_text output_count(long long n, enum say one);

/** output_safe - a text of others for the terminal: no control or direction
 *  characters, at most 120 code points. Free with free(). Never NULL. */
char *output_safe(const char *text);

/** output_safe_long - the same for texts of ours that may hold such a text: at
 *  most @max_cp code points. */
char *output_safe_long(const char *text, size_t max_cp);

/** output_word - a word of an answer ("complete", "lan"), in the language
 * chosen;
 *  @word itself when it is none of those. */
const char *output_word(const char *word);

/** output_cell - @text and blanks up to @width columns; a Chinese character is
 *  two of them. @text: short, ours. */
struct size_text output_cell(const char *text, int width);

/** output_line - print @text made safe, and a newline. */
void output_line(const char *text);

/** Members of a JSON object, with fallbacks "" and 0. */
const char *output_text(const json_t *o, const char *key);
long long output_int(const json_t *o, const char *key);

#endif
