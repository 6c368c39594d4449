#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/buf.h"
#include "crypto/base/text.h"

#define SHOWN_CP 120

struct size_text output_size(uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    struct size_text t;
    double v = (double)bytes;
    size_t u = 0;

    while (v >= 999.95 && u < 5) {
        v /= 1000;
        u++;
    }
    (void)snprintf(t.s, sizeof t.s, u == 0 ? "%.0f %s" : "%.1f %s", v,
                   units[u]);
    return t;
}

struct size_text output_date(uint64_t time_ms)
{
    time_t at = (time_t)(time_ms / 1000);
    struct size_text t = {"?"};
    struct tm tm;

    if (localtime_r(&at, &tm) != NULL &&
        strftime(t.s, sizeof t.s, "%Y-%m-%d %H:%M", &tm) == 0)
        (void)snprintf(t.s, sizeof t.s, "?");
    return t;
}

struct size_text output_count(long long n, enum say one)
{
    struct size_text t;

    (void)snprintf(t.s, sizeof t.s, say(n == 1 ? one : one + 1), n);
    return t;
}

char *output_safe_long(const char *text, size_t max_cp)
{
    struct buf b = BUF_INIT;

    text_for_terminal((const uint8_t *)text, strlen(text), max_cp, &b);
    if (buf_cstr(&b) == NULL)
        abort();
    return (char *)b.base;
}

char *output_safe(const char *text)
{
    return output_safe_long(text, SHOWN_CP);
}

void output_line(const char *text)
{
    char *safe = output_safe(text);

    printf("%s\n", safe);
    free(safe);
}

const char *output_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

long long output_int(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}
