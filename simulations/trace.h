/* trace: what happened, a line an event. Keeps the last TRACE_KEPT lines and
 * the SHA-256 of all of them: two runs are the same when their hashes are. */
#ifndef SIMULATIONS_TRACE_H
#define SIMULATIONS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_KEPT 200
#define TRACE_LINE_MAX 160

struct trace;

/** trace_new - @all: every line goes there too; borrowed, NULL = nowhere. */
struct trace *trace_new(FILE *all);
void trace_free(struct trace *t);

/** trace_line - "[   1.250] " and the text, cut to TRACE_LINE_MAX. Seconds. */
void trace_line(struct trace *t, uint64_t now_us, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** trace_dump - the kept lines, oldest first. */
void trace_dump(const struct trace *t, FILE *out);

/** trace_hash - of all lines so far, as hexadecimal. */
void trace_hash(const struct trace *t, char out[65]);

/** trace_count - lines so far. */
uint64_t trace_count(const struct trace *t);

/** trace_same - S16: are both hashes the same? @why: what is to be said else.
 */
bool trace_same(const char first[65], const char again[65], char *why,
                size_t why_bytes);

#endif
