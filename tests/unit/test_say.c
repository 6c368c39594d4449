/* The table's own lines, which are static: so say.c itself is part of this. */
#include "cli/say.c"

#include <ctype.h>

#include "crypto/base/text.h"
#include "tests/lib/test.h"

#define ARGUMENTS_MAX 9

struct format {
    char kind[ARGUMENTS_MAX + 1][8]; /* [n]: what argument n is, from 1 on */
    int count;
    int numbered;
    int in_order;
};

static void take(struct format *f, int at, const char *kind, size_t len,
                 const char *text)
{
    if (at < 1 || at > ARGUMENTS_MAX || len == 0 || len >= sizeof f->kind[0])
        fail_msg("odd format: %s", text);
    if (f->kind[at][0] != '\0' &&
        (strlen(f->kind[at]) != len || memcmp(f->kind[at], kind, len) != 0))
        fail_msg("argument %d is two things: %s", at, text);
    memcpy(f->kind[at], kind, len);
    f->count = at > f->count ? at : f->count;
}

/* Length and conversion of each argument; flags and widths may differ. */
static struct format parse(const char *text)
{
    struct format f = {.count = 0};

    for (const char *p = text; *p != '\0'; p++) {
        const char *start;
        int at = 0;

        if (*p != '%' || *++p == '%')
            continue;
        for (start = p; isdigit((unsigned char)*p); p++)
            at = at * 10 + (*p - '0');
        if (*p == '$' && p != start) {
            f.numbered++;
            p++;
        } else {
            p = start;
            at = ++f.in_order;
        }
        p += strspn(p, "-+ #0123456789.");
        start = p;
        p += strspn(p, "hljztL");
        if (strchr("diouxXfFeEgGcsp", *p) == NULL || *p == '\0')
            fail_msg("no conversion of ours: %s", text);
        take(&f, at, start, (size_t)(p + 1 - start), text);
    }
    if (f.numbered != 0 && f.in_order != 0)
        fail_msg("numbers half of its arguments: %s", text);
    for (int i = 1; i <= f.count; i++)
        if (f.kind[i][0] == '\0')
            fail_msg("leaves out argument %d: %s", i, text);
    return f;
}

/* The parser itself tells apart what differs. */
TEST(say, parser)
{
    struct format a = parse("%s of %lld, 100 %%");
    struct format b = parse("%2$lld \xe2\x80\x9c%1$s\xe2\x80\x9d");
    struct format c = parse("%lld of %s");

    assert_memory_equal(a.kind, b.kind, sizeof a.kind);
    assert_memory_not_equal(a.kind, c.kind, sizeof a.kind);
    assert_int_equal(a.count, 2);
    assert_string_equal(parse("%5.1f").kind[1], "f");
    assert_string_equal(parse("%zu").kind[1], "zu");
}

/* Both languages take the same arguments, so that one call fits both. */
TEST(say, same_arguments)
{
    for (int i = 0; i < SAY_COUNT; i++) {
        const char *en = say_in((enum say)i, SAY_EN);
        const char *zh = say_in((enum say)i, SAY_ZH);
        struct format a = parse(en);
        struct format b = parse(zh);

        if (a.count != b.count || memcmp(a.kind, b.kind, sizeof a.kind) != 0)
            fail_msg("'%s' and '%s' take other arguments", en, zh);
    }
}

/* Nothing is left empty; both are UTF-8 without what steers a terminal. */
TEST(say, texts)
{
    for (int i = 0; i < SAY_COUNT; i++)
        for (int lang = SAY_EN; lang <= SAY_ZH; lang++) {
            const char *s = say_in((enum say)i, (enum say_lang)lang);
            const uint8_t *p = (const uint8_t *)s;
            const uint8_t *end = p + strlen(s);

            assert_true(p != end);
            while (p < end) {
                uint32_t cp = 0;
                size_t n = text_utf8_next(p, end, &cp);

                if (n == 0 || (text_is_control(cp) && cp != '\n'))
                    fail_msg("text %d, language %d: %s", i, lang, s);
                if (lang == SAY_EN && cp > 0x7f)
                    fail_msg("English beyond ASCII: %s", s);
                p += n;
            }
        }
}

/* A language named wins over the environment; there LC_ALL comes first, and
 * what is unset or empty asks the next. */
TEST(say, languages)
{
    static const struct {
        const char *named, *all, *messages, *lang;
        enum say_lang want;
    } cases[] = {
        {"zh", "en_US.UTF-8", "", "", SAY_ZH},
        {"en", "zh_CN.UTF-8", "", "", SAY_EN},
        {NULL, "zh_CN.UTF-8", "C", "C", SAY_ZH},
        {NULL, "", "zh_TW", "C", SAY_ZH},
        {NULL, "", "", "zh_CN.UTF-8", SAY_ZH},
        {NULL, "C", "zh_CN", "zh_CN", SAY_EN},
        {NULL, "", "", "", SAY_EN},
        {NULL, "", "", "de_DE.UTF-8", SAY_EN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(setenv("LC_ALL", cases[i].all, 1), 0);
        assert_int_equal(setenv("LC_MESSAGES", cases[i].messages, 1), 0);
        assert_int_equal(setenv("LANG", cases[i].lang, 1), 0);
        say_set_lang(cases[i].named);
        assert_int_equal(say_lang(), cases[i].want);
        assert_ptr_equal(say(SAY_DONE), say_in(SAY_DONE, cases[i].want));
    }
}
