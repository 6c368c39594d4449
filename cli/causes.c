/* A text is a chain, outermost first: `open '/a: b': Permission denied`. Each
 * link was made by a format, and what went into it may hold links again. The
 * reading that is taken leaves the fewest characters to values: the longest
 * words win, and a value that looks like the end of a link does not mislead. */
#include "cli/causes.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

#define VALUES_MAX 9
#define STEPS_MAX 2000000u /* some ms; a text of ours takes a few hundred */
#define DEPTH_MAX 6        /* of links in values of links */
#define CUT_NEAR 8         /* bytes that a cut inside a character may cost */
#define CUT_LEAST 4        /* of a format's own characters before a cut */

struct cause {
    const char *en, *zh;
};

static const struct cause table[] = {
#define X(en, zh) {en, zh},
#include "cli/causes.inc"
#undef X
};

#define CAUSE_COUNT (sizeof table / sizeof table[0])

struct value {
    size_t at, len;
};

struct reading {               /* the best one of what begins at one place */
    const struct cause *cause; /* NULL: as it stands */
    struct value values[VALUES_MAX];
    size_t end; /* the text's, or where the ": " of the next link is */
    long told;  /* higher is better: characters of formats, next links too */
    bool any;   /* a format of ours, here or in a next link */
    bool known; /* all of this is */
};

struct text {
    const char *s;
    size_t len;
    bool cut; /* its last bytes were lost: ERR_TEXT_MAX */
    unsigned depth;
    unsigned *steps;          /* left, for all of it */
    struct reading *readings; /* [len + 1] */
};

struct attempt {
    const struct cause *cause;
    size_t start;
    struct value values[VALUES_MAX];
    int count;
    long literals;
};

struct conversion {
    int at;     /* which argument, from 0 on; -1: the next */
    bool words; /* a %s */
    const char *next;
};

static const struct reading *read_at(struct text *t, size_t start);
static long span_told(const struct text *t, struct value v);

/* ---- formats --------------------------------------------------------- */

static struct conversion conversion_at(const char *percent)
{
    const char *p = percent + 1;
    size_t digits = strspn(p, "0123456789");
    struct conversion c = {.at = -1};

    if (digits != 0 && p[digits] == '$') {
        c.at = p[0] - '1';
        p += digits + 1;
    }
    p += strspn(p, "-+ #0123456789.*hljztL");
    c.words = *p == 's';
    c.next = *p != '\0' ? p + 1 : p;
    return c;
}

static bool behind(const char *start, const char *p, const char *mark)
{
    size_t n = strlen(mark);

    return (size_t)(p - start) >= n && memcmp(p - n, mark, n) == 0;
}

/* Does argument @n hold a cause? Not between quotation marks. */
static bool is_nested(const struct cause *cause, int n)
{
    int next = 0;

    for (const char *p = cause->zh; (p = strchr(p, '%')) != NULL;) {
        struct conversion c = conversion_at(p);
        bool quoted = behind(cause->zh, p, "“") || behind(cause->zh, p, "'") ||
                      strncmp(c.next, "”", strlen("”")) == 0 || *c.next == '\'';

        if (p[1] == '%') {
            p += 2;
            continue;
        }
        if ((c.at >= 0 ? c.at : next++) == n)
            return c.words && !quoted;
        p = c.next;
    }
    return false;
}

/* ---- reading --------------------------------------------------------- */

static bool link_ends(const struct text *t, size_t at)
{
    return at == t->len ||
           (at + 2 <= t->len && memcmp(t->s + at, ": ", 2) == 0);
}

static void consider(struct text *t, const struct attempt *a, size_t end)
{
    struct reading *best = &t->readings[a->start];
    long told = 2 * a->literals - 1; /* of equals, fewer links */

    for (int i = 0; i < a->count; i++)
        if (a->values[i].len != 0 && is_nested(a->cause, i))
            told += span_told(t, a->values[i]);
    if (end < t->len)
        told += read_at(t, end + 2)->told;
    if (told <= best->told)
        return;
    best->cause = a->cause;
    memcpy(best->values, a->values, sizeof best->values);
    best->end = end;
    best->told = told;
    best->any = true;
}

static size_t number_len(const struct text *t, size_t at)
{
    size_t n = at < t->len && t->s[at] == '-';

    while (at + n < t->len && isxdigit((unsigned char)t->s[at + n]))
        n++;
    return n;
}

/* Goes on with @fmt at @at; tells of every way through. */
static void match(struct text *t, struct attempt a, const char *fmt, size_t at)
{
    struct conversion c;

    if (*t->steps == 0)
        return;
    (*t->steps)--;
    for (; *fmt != '\0' && (*fmt != '%' || fmt[1] == '%'); fmt++, at++) {
        fmt += *fmt == '%';
        if (at == t->len && t->cut && a.literals >= CUT_LEAST)
            consider(t, &a, at);
        if (at == t->len || t->s[at] != *fmt)
            return;
        a.literals++;
    }
    if (*fmt == '\0') {
        if (link_ends(t, at))
            consider(t, &a, at);
        return;
    }
    if (a.count == VALUES_MAX)
        return;
    c = conversion_at(fmt);
    a.values[a.count].at = at;
    if (!c.words) {
        size_t n = number_len(t, at);

        a.values[a.count++].len = n;
        if (n != 0)
            match(t, a, c.next, at + n);
        return;
    }
    /* At the end of a format it takes all: a cause, or what anyone wrote. */
    for (size_t end = *c.next == '\0' ? t->len : at; end <= t->len; end++) {
        if (*c.next != '%' && *c.next != '\0' && end < t->len &&
            t->s[end] != *c.next)
            continue;
        a.values[a.count].len = end - at;
        a.count++;
        match(t, a, c.next, end);
        a.count--;
    }
}

static const struct reading *read_at(struct text *t, size_t start)
{
    struct reading *best = &t->readings[start];
    size_t end = start;

    if (best->known)
        return best;
    while (!link_ends(t, end))
        end++;
    best->end = end;
    best->told = -1;
    if (end < t->len) {
        best->told += read_at(t, end + 2)->told;
        best->any = read_at(t, end + 2)->any;
    }
    for (size_t i = 0; i < CAUSE_COUNT; i++)
        match(t, (struct attempt){.cause = &table[i], .start = start},
              table[i].en, start);
    best->known = true;
    return best;
}

static struct text span_open(const struct text *t, struct value v)
{
    struct text inner = {.s = t->s + v.at,
                         .len = v.len,
                         .cut = t->cut && v.at + v.len == t->len,
                         .depth = t->depth + 1,
                         .steps = t->steps};

    inner.readings = calloc(v.len + 1, sizeof *inner.readings);
    if (inner.readings == NULL)
        abort();
    return inner;
}

static long span_told(const struct text *t, struct value v)
{
    struct text inner;
    long told;

    if (t->depth == DEPTH_MAX)
        return 0;
    inner = span_open(t, v);
    told = read_at(&inner, 0)->told;
    free(inner.readings);
    return told > 0 ? told : 0;
}

/* ---- writing --------------------------------------------------------- */

static void put(struct buf *out, const char *s, size_t n)
{
    if (buf_append(out, s, n) != 0)
        abort();
}

static void write_text(struct text *t, size_t start, struct buf *out);

static void write_link(const struct text *t, const struct reading *r,
                       struct buf *out)
{
    const char *p = r->cause->zh;
    int next = 0;

    for (;;) {
        size_t n = strcspn(p, "%");
        struct conversion c;
        const struct value *v;
        int at;

        put(out, p, n);
        p += n;
        if (*p == '\0')
            return;
        c = conversion_at(p);
        if (p[1] == '%') {
            put(out, "%", 1);
            p += 2;
            continue;
        }
        at = c.at >= 0 ? c.at : next++;
        v = &r->values[at];
        if (v->len != 0 && t->depth < DEPTH_MAX && is_nested(r->cause, at)) {
            struct text inner = span_open(t, *v);

            write_text(&inner, 0, out);
            free(inner.readings);
        } else {
            put(out, t->s + v->at, v->len);
        }
        p = c.next;
    }
}

static void write_text(struct text *t, size_t start, struct buf *out)
{
    const struct reading *r = read_at(t, start);

    if (!r->any) {
        put(out, t->s + start, t->len - start);
        return;
    }
    if (r->cause != NULL)
        write_link(t, r, out);
    else
        put(out, t->s + start, r->end - start);
    if (r->end < t->len) {
        put(out, "：", strlen("："));
        write_text(t, r->end + 2, out);
    }
}

char *causes_in(enum say_lang lang, const char *text)
{
    unsigned steps = STEPS_MAX;
    struct text whole = {.s = text, .len = strlen(text), .steps = &steps};
    struct text t;
    struct buf out = BUF_INIT;

    whole.cut = whole.len + CUT_NEAR >= ERR_TEXT_MAX;
    if (lang == SAY_EN) {
        put(&out, text, whole.len);
    } else {
        t = span_open(&whole, (struct value){0, whole.len});
        write_text(&t, 0, &out);
        free(t.readings);
    }
    if (buf_cstr(&out) == NULL)
        abort();
    return (char *)out.base;
}

char *causes_say(const char *text)
{
    return causes_in(say_lang(), text);
}
