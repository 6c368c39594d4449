#include "simulations/trace.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/hex.h"
#include "simulations/mem.h"

struct trace {
    char lines[TRACE_KEPT][TRACE_LINE_MAX]; /* a ring */
    uint64_t count;
    crypto_hash_sha256_state hash;
    FILE *all;
};

struct trace *trace_new(FILE *all)
{
    struct trace *t = mem_new(1, sizeof *t);

    t->all = all;
    (void)crypto_hash_sha256_init(&t->hash);
    return t;
}

void trace_free(struct trace *t)
{
    free(t);
}

void trace_line(struct trace *t, uint64_t now_us, const char *fmt, ...)
{
    char *line = t->lines[t->count++ % TRACE_KEPT];
    uint64_t ms = now_us / 1000;
    va_list ap;
    int head = snprintf(line, TRACE_LINE_MAX, "[%4" PRIu64 ".%03" PRIu64 "] ",
                        ms / 1000, ms % 1000);
    size_t len;

    va_start(ap, fmt);
    (void)vsnprintf(line + head, TRACE_LINE_MAX - (size_t)head, fmt, ap);
    va_end(ap);
    len = strlen(line);
    line[len] = '\n'; /* part of what is hashed */
    (void)crypto_hash_sha256_update(&t->hash, (const uint8_t *)line, len + 1);
    line[len] = '\0';
    if (t->all != NULL)
        (void)fprintf(t->all, "%s\n", line);
}

void trace_dump(const struct trace *t, FILE *out)
{
    uint64_t first = t->count > TRACE_KEPT ? t->count - TRACE_KEPT : 0;

    for (uint64_t i = first; i < t->count; i++)
        (void)fprintf(out, "%s\n", t->lines[i % TRACE_KEPT]);
}

void trace_hash(const struct trace *t, char out[65])
{
    crypto_hash_sha256_state copy = t->hash;
    uint8_t digest[32];

    (void)crypto_hash_sha256_final(&copy, digest);
    hex_encode(digest, sizeof digest, out);
}

uint64_t trace_count(const struct trace *t)
{
    return t->count;
}

bool trace_same(const char first[65], const char again[65], char *why,
                size_t why_bytes)
{
    if (strcmp(first, again) == 0)
        return true;
    (void)snprintf(why, why_bytes, "a second run has trace %.16s, not %.16s",
                   again, first);
    return false;
}
