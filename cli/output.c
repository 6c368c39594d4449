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

const char *output_word(const char *word)
{
    static const struct {
        const char *word;
        enum say id;
    } words[] = {
        {"complete", SAY_IS_COMPLETE},
        {"partial", SAY_IS_PARTIAL},
        {"listed", SAY_IS_LISTED},
        {"locked", SAY_IS_LOCKED},
        {"page", SAY_A_PAGE},
        {"video", SAY_A_VIDEO},
        {"audio", SAY_AN_AUDIO},
        {"document", SAY_A_DOCUMENT},
        {"code", SAY_A_CODE},
        {"other", SAY_ANOTHER_KIND},
        {"in", SAY_INWARDS},
        {"out", SAY_OUTWARDS},
        {"inbound", SAY_ROAD_INBOUND},
        {"peer", SAY_ROAD_PEER},
        {"ticket", SAY_ROAD_TICKET},
        {"exchange", SAY_ROAD_EXCHANGE},
        {"lan", SAY_ROAD_LAN},
        {"last-seen", SAY_ROAD_LAST_SEEN},
        {"chunks", SAY_UNIT_CHUNKS},
        {"ok", SAY_IS_OK},
        {"warning", SAY_IS_A_WARNING},
        {"problem", SAY_IS_A_PROBLEM},
        {"home", SAY_CHECK_HOME},
        {"node", SAY_CHECK_NODE},
        {"config", SAY_CHECK_CONFIG},
        {"identity", SAY_CHECK_IDENTITY},
        {"index", SAY_CHECK_INDEX},
        {"disk", SAY_CHECK_DISK},
        {"filesystem", SAY_CHECK_FILESYSTEM},
        {"files", SAY_CHECK_FILES},
        {"clock", SAY_CHECK_CLOCK},
        {"port", SAY_CHECK_PORT},
        {"mdns", SAY_CHECK_MDNS},
        {"nat", SAY_CHECK_NAT},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, word) == 0)
            return say(words[i].id);
    return word;
}

struct size_text output_cell(const char *text, int width)
{
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = p + strlen(text);
    struct size_text t;

    while (p < end) {
        uint32_t cp = 0;
        size_t n = text_utf8_next(p, end, &cp);

        p += n != 0 ? n : 1;
        width -= cp >= 0x2e80 ? 2 : 1;
    }
    (void)snprintf(t.s, sizeof t.s, "%s%*s", text, width > 0 ? width : 0, "");
    return t;
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
