#include "cli/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "crypto/base/text.h"

#define SHOWN_CP 60
#define OPTIONS_MAX 64
#define TIMEOUT_UNITS_MAX 1000000u

struct used { /* an option that was given: is it one of the command's? */
    const char *name;
    size_t len;
};

struct parse {
    struct cli *c;
    struct used used[OPTIONS_MAX];
    size_t used_count;
    const char *list[CLI_WORDS_MAX + 2];
    size_t count;
    bool too_many;
    const char *unknown; /* first option that no command has */
    size_t unknown_len;
};

static int usage(struct cli *c, enum say id, const char *p, size_t len)
{
    struct buf safe = BUF_INIT;
    int rc;

    text_for_terminal((const uint8_t *)p, len, SHOWN_CP, &safe);
    rc = buf_cstr(&safe) != NULL
             ? err_set(&c->err, ERR_INVALID, say(id), (const char *)safe.base)
             : ERR_NOMEM;
    err_hint(&c->err, say(SAY_TRY_HELP), c->command != NULL ? " " : "",
             c->command != NULL ? c->command->name : "");
    buf_deinit(&safe);
    return rc;
}

/* ---- values ---------------------------------------------------------- */

static bool parse_time(const char *v, uint64_t *out_ms)
{
    char *end;
    unsigned long n = v[0] >= '0' && v[0] <= '9' ? strtoul(v, &end, 10) : 0;
    uint64_t unit = 1000;

    if (n == 0 || n > TIMEOUT_UNITS_MAX)
        return false;
    if (strcmp(end, "ms") == 0)
        unit = 1;
    else if (strcmp(end, "m") == 0)
        unit = 60000;
    else if (strcmp(end, "h") == 0)
        unit = 3600000;
    else if (*end != '\0' && strcmp(end, "s") != 0)
        return false;
    *out_ms = n * unit;
    return true;
}

static bool is_choice(const char *choices, const char *v)
{
    size_t n = strlen(v);

    for (const char *p = choices; p != NULL; p = strchr(p, '|')) {
        p += *p == '|';
        if (n != 0 && strncmp(p, v, n) == 0 && (p[n] == '|' || p[n] == '\0'))
            return true;
    }
    return false;
}

static bool parse_number(const char *v, long *out)
{
    char *end;
    long n = v[0] >= '0' && v[0] <= '9' ? strtol(v, &end, 10) : 0;

    if (n <= 0 || n > INT32_MAX || *end != '\0')
        return false;
    *out = n;
    return true;
}

static bool set_option(struct cli *c, const struct option_spec *o,
                       const char *value)
{
    void *at = (char *)c + o->offset;

    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_TEXT:
    case OPTION_PNG:
        memcpy(at, &value, sizeof value);
        return true;
    case OPTION_NUMBER:
        return parse_number(value, at);
    case OPTION_TIME:
        return parse_time(value, at);
    case OPTION_CHOICE:
        if (!is_choice(o->value, value))
            return false;
        memcpy(at, &value, sizeof value);
        return true;
    case OPTION_LIST:
        if (c->peer_count == CLI_PEERS_MAX)
            return false;
        c->peers[c->peer_count++] = value;
        return true;
    }
    return false;
}

/* ---- the arguments --------------------------------------------------- */

/* `--qr COURSE` and `--qr FILE.png` are both meant. */
static bool is_png(const char *arg)
{
    size_t n = strlen(arg);

    return n > 4 && strcasecmp(arg + n - 4, ".png") == 0;
}

/* @i: of the option; moved on when the next argument is its value. */
static int take_option(struct parse *p, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    const char *eq = strchr(arg, '=');
    size_t len = eq != NULL ? (size_t)(eq - arg) : strlen(arg);
    const struct option_spec *o = commands_option(arg, len, NULL);
    const char *value = eq != NULL ? eq + 1 : NULL;

    if (o == NULL) {
        if (p->unknown == NULL) {
            p->unknown = arg;
            p->unknown_len = len;
        }
        return 0;
    }
    if (o->kind == OPTION_FLAG && value != NULL)
        return usage(p->c, SAY_NO_VALUE, arg, len);
    if (o->kind == OPTION_PNG && value == NULL)
        value = *i + 1 < argc && is_png(argv[*i + 1]) ? argv[++*i] : "";
    if (o->kind != OPTION_FLAG && value == NULL) {
        if (*i + 1 == argc)
            return usage(p->c, SAY_NEEDS_VALUE, arg, len);
        value = argv[++*i];
    }
    if (!set_option(p->c, o, value))
        return usage(p->c, SAY_BAD_VALUE, arg, len);
    if (p->c->lang != NULL) /* also for what is wrong with the rest */
        say_set_lang(p->c->lang);
    if (p->used_count < OPTIONS_MAX)
        p->used[p->used_count++] = (struct used){arg, len};
    return 0;
}

static int take_all(struct parse *p, int argc, char **argv)
{
    bool options = true;
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        const char *arg = argv[i];

        if (options && strcmp(arg, "--") == 0)
            options = false;
        else if (options && arg[0] == '-' && arg[1] != '\0')
            rc = take_option(p, argc, argv, &i);
        else if (p->count < CLI_WORDS_MAX + 2)
            p->list[p->count++] = arg;
        else
            p->too_many = true;
    }
    return rc;
}

/* What is passed on to a node is JSON, and JSON is UTF-8. */
static int check_utf8(struct cli *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!text_utf8_valid((const uint8_t *)argv[i], strlen(argv[i])))
            return usage(c, SAY_NOT_UTF8, argv[i], strlen(argv[i]));
    return 0;
}

static int check_options(struct parse *p)
{
    if (p->unknown != NULL)
        return usage(p->c, SAY_UNKNOWN_OPTION, p->unknown, p->unknown_len);
    for (size_t i = 0; i < p->used_count; i++)
        if (commands_option(p->used[i].name, p->used[i].len, p->c->command) ==
            NULL)
            return usage(p->c, SAY_UNKNOWN_OPTION, p->used[i].name,
                         p->used[i].len);
    return 0;
}

static int unknown_command(struct cli *c, const char *word)
{
    bool group = commands_is_group(word);
    int rc =
        usage(c, group ? SAY_GROUP : SAY_UNKNOWN_COMMAND, word, strlen(word));

    if (group)
        err_hint(&c->err, say(SAY_TRY_HELP), " ", word);
    return rc;
}

static int choose(struct parse *p)
{
    struct cli *c = p->c;
    size_t used = 0;

    c->command = commands_find(p->list, p->count, &used);
    if (c->command == NULL)
        return unknown_command(c, p->list[0]);
    c->word_count = p->count - used;
    if (p->too_many || c->word_count < c->command->min_words ||
        c->word_count > c->command->max_words)
        return usage(c, SAY_WORD_COUNT, c->command->name,
                     strlen(c->command->name));
    memcpy(c->words, p->list + used, c->word_count * sizeof c->words[0]);
    return check_options(p);
}

static int choose_help(struct parse *p)
{
    size_t skip = p->count != 0 && strcmp(p->list[0], "help") == 0;
    size_t used = 0;

    p->c->help = true;
    p->c->word_count =
        p->count - skip < CLI_WORDS_MAX ? p->count - skip : CLI_WORDS_MAX;
    memcpy(p->c->words, p->list + skip,
           p->c->word_count * sizeof p->c->words[0]);
    if (p->count == skip || commands_is_group(p->list[skip]))
        return 0;
    if (commands_find(p->list + skip, p->count - skip, &used) == NULL)
        return unknown_command(p->c, p->list[skip]);
    return 0;
}

int words_parse(struct cli *c, int argc, char **argv)
{
    struct parse p = {.c = c};
    int rc = take_all(&p, argc, argv);

    if (rc == 0)
        rc = check_utf8(c, argc, argv);
    if (rc != 0 || c->version)
        return rc;
    if (c->help || (p.count != 0 && strcmp(p.list[0], "help") == 0))
        return choose_help(&p);
    if (p.count == 0)
        return p.unknown != NULL ? check_options(&p) : 0;
    return choose(&p);
}
