#include "cli/complete.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "crypto/key.h"
#include "node/api/client.h"
#include "storage/config.h"

#define USED_MAX 64
#define PATIENCE_S 1
#define ID_SHOWN 12 /* digits of an id: enough for any one home */

struct line {
    const char *cur; /* what is being typed */
    size_t cur_len;
    const char *words[CLI_WORDS_MAX + 2]; /* before it; no options */
    size_t count;
    bool options_ended;
    const struct option_spec *used[USED_MAX];
    size_t used_count;
    const struct option_spec *waits; /* for the value that is being typed */
    const char *home;                /* of --home, or NULL */
    const char *course;              /* the command's first word, or NULL */
};

/* ---- what stands before ----------------------------------------------- */

static bool is_png(const char *word)
{
    size_t n = strlen(word);

    return n > 4 && strcasecmp(word + n - 4, ".png") == 0;
}

static const struct option_spec *find_option(const char *word)
{
    return commands_option(word, strcspn(word, "="), NULL);
}

static void take_value(struct line *l, const struct option_spec *o,
                       const char *value)
{
    if (strcmp(o->name, "--home") == 0)
        l->home = value;
    if (strcmp(o->name, "--lang") == 0)
        say_set_lang(value);
}

/* @i: of the option; moved on when its value is the next word. @last: what is
 * being typed. */
static void take_option(struct line *l, char **words, int *i, int last)
{
    const struct option_spec *o = find_option(words[*i]);
    const char *eq = strchr(words[*i], '=');

    if (o == NULL)
        return;
    if (l->used_count < USED_MAX)
        l->used[l->used_count++] = o;
    if (o->kind == OPTION_FLAG)
        return;
    if (eq != NULL)
        take_value(l, o, eq + 1);
    else if (*i + 1 == last)
        l->waits = o;
    else if (o->kind != OPTION_PNG || is_png(words[*i + 1]))
        take_value(l, o, words[++*i]);
}

static void take(struct line *l, int count, char **words)
{
    l->cur = count != 0 ? words[count - 1] : "";
    for (int i = 0; i < count - 1; i++) {
        const char *w = words[i];

        if (!l->options_ended && strcmp(w, "--") == 0)
            l->options_ended = true;
        else if (!l->options_ended && w[0] == '-' && w[1] != '\0')
            take_option(l, words, &i, count - 1);
        else if (l->count < CLI_WORDS_MAX + 2)
            l->words[l->count++] = w;
    }
    if (l->count != 0 && strcmp(l->words[0], "help") == 0)
        memmove(l->words, l->words + 1, --l->count * sizeof l->words[0]);
    l->cur_len = strlen(l->cur);
}

/* ---- values ----------------------------------------------------------- */

static bool fits(const struct line *l, const char *value)
{
    return strncmp(value, l->cur, l->cur_len) == 0;
}

static void offer(const struct line *l, const char *value, const char *about)
{
    if (!fits(l, value))
        return;
    if (about != NULL && about[0] != '\0')
        printf("%s\t%s\n", value, about);
    else
        printf("%s\n", value);
}

static void give_up(int number)
{
    (void)number;
    _exit(0);
}

/* What the node says, or NULL; @request is taken. Who holds the home may be
 * stuck; a home that nobody holds is opened here, and must be closed in peace.
 */
static json_t *ask(const struct line *l, json_t *request)
{
    struct cli c = {.offline = true, .quiet = true};
    char index[HOME_PATH_MAX + 16];
    char holder[128];
    json_t *result = NULL;

    if (home_find(l->home, c.home, NULL) != 0)
        goto out;
    (void)snprintf(index, sizeof index, "%s/index.db", c.home);
    if (access(index, F_OK) != 0 || crypto_init(NULL) != 0)
        goto out;
    (void)fflush(stdout);
    c.command = commands_all();
    if (home_holder(c.home, holder, sizeof holder)) {
        (void)signal(SIGALRM, give_up);
        (void)alarm(PATIENCE_S);
    }
    if (cli_open(&c, false) == 0 && client_hosts(c.client))
        (void)alarm(0);
    if (c.client != NULL)
        (void)cli_call(&c, json_incref(request), &result);
    client_close(c.client);
out:
    json_decref(request);
    return result;
}

static size_t named(const json_t *list, const char *slug)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        n += strcmp(output_text(json_array_get(list, i), "slug"), slug) == 0;
    return n;
}

/* By the title's slug; by id when that is what is being typed, or when the slug
 * does not say which. */
static void offer_courses(const struct line *l)
{
    json_t *names = ask(l, json_pack("{s:s}", "op", "names"));
    const json_t *list = json_object_get(names, "courses");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        const char *slug = output_text(o, "slug");
        char *title = output_safe(output_text(o, "title"));
        char id[ID_SHOWN + 1];

        (void)snprintf(id, sizeof id, "%s", output_text(o, "course"));
        if (slug[0] != '\0' && named(list, slug) == 1 && fits(l, slug))
            offer(l, slug, title);
        else if (l->cur_len != 0 || slug[0] == '\0' || named(list, slug) != 1)
            offer(l, id, title);
        free(title);
    }
    json_decref(names);
}

/* Files of the course that stands before, folder by folder. */
static void offer_paths(const struct line *l)
{
    json_t *r = ask(l, json_pack("{s:s, s:s*, s:s}", "op", "paths", "course",
                                 l->course, "prefix", l->cur));
    const json_t *paths = json_object_get(r, "paths");

    for (size_t i = 0; i < json_array_size(paths); i++)
        offer(l, json_string_value(json_array_get(paths, i)), NULL);
    json_decref(r);
}

static void offer_settings(const struct line *l)
{
    for (const char *const *k = config_keys(); *k != NULL; k++)
        offer(l, *k, NULL);
}

/* One alternative of "TICKET|COURSE", "[FILE.png]", "bash|zsh|fish". */
static void offer_one(const struct line *l, const char *what, size_t len)
{
    char word[32];

    (void)snprintf(word, sizeof word, "%.*s", (int)len, what);
    if (strncmp(word, "COURSE", 6) == 0)
        offer_courses(l);
    else if (strcmp(word, "DIR") == 0)
        printf(":dirs\n");
    else if (strncmp(word, "FILE", 4) == 0)
        printf(":files\n");
    else if (strcmp(word, "PATH") == 0)
        offer_paths(l);
    else if (strcmp(word, "SETTING") == 0)
        offer_settings(l);
    else if (strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == NULL)
        offer(l, word, NULL);
}

/* @what: of the table, up to its end or a space. */
static void offer_value(const struct line *l, const char *what)
{
    size_t n;

    for (; *what != '\0' && *what != ' '; what += n) {
        what += strspn(what, "[|]");
        n = strcspn(what, "[|] ");
        if (n != 0)
            offer_one(l, what, n);
    }
}

/* ---- options, commands, their words ------------------------------------ */

static void offer_option(const struct line *l, const struct option_spec *o)
{
    if (o->help[0] == NULL)
        return;
    for (size_t i = 0; i < l->used_count && o->kind != OPTION_LIST; i++)
        if (l->used[i] == o)
            return;
    offer(l, o->name, o->help[say_lang()]);
}

static void offer_options(struct line *l, const struct command *cmd)
{
    const char *eq = strchr(l->cur, '=');
    const struct option_spec *o = eq != NULL ? find_option(l->cur) : NULL;

    if (eq != NULL) {
        l->cur = eq + 1;
        l->cur_len = strlen(l->cur);
        if (o != NULL && o->kind != OPTION_TIME && o->value != NULL)
            offer_value(l, o->value);
        return;
    }
    for (size_t i = 0;
         cmd != NULL && i < COMMAND_OPTIONS_MAX && cmd->options[i] != NULL; i++)
        offer_option(l, cmd->options[i]);
    for (o = commands_globals(); o->name != NULL; o++)
        offer_option(l, o);
}

/* "run, start, stop": of a first word that has second ones. */
static void about_group(const char *first, size_t len, char *out, size_t cap)
{
    size_t used = 0;

    out[0] = '\0';
    for (const struct command *c = commands_all(); c->name != NULL; c++)
        if (strncmp(c->name, first, len) == 0 && c->name[len] == ' ' &&
            used < cap)
            used += (size_t)snprintf(out + used, cap - used, "%s%s",
                                     used != 0 ? ", " : "", c->name + len + 1);
}

static const struct command *of_first_word(const char *first, size_t len)
{
    const struct command *c = commands_all();

    while (strncmp(c->name, first, len) != 0 ||
           (c->name[len] != ' ' && c->name[len] != '\0'))
        c++;
    return c;
}

static void offer_first_words(const struct line *l)
{
    char first[32];
    char about[160];
    const char *words[] = {first};
    size_t used;

    for (const struct command *c = commands_all(); c->name != NULL; c++) {
        size_t len = strcspn(c->name, " ");
        const struct command *alone;

        if (of_first_word(c->name, len) != c)
            continue; /* it was there already */
        (void)snprintf(first, sizeof first, "%.*s", (int)len, c->name);
        about_group(c->name, len, about, sizeof about);
        alone = commands_find(words, 1, &used);
        offer(l, first, alone != NULL ? alone->help[say_lang()] : about);
    }
    offer(l, "help", commands_option("--help", 6, NULL)->help[say_lang()]);
}

static void offer_second_words(const struct line *l)
{
    size_t len = strlen(l->words[0]);

    for (const struct command *c = commands_all(); c->name != NULL; c++)
        if (strncmp(c->name, l->words[0], len) == 0 && c->name[len] == ' ')
            offer(l, c->name + len + 1, c->help[say_lang()]);
}

/* The @n-th of its words; more of the same kind when there may be more. */
static void offer_word(const struct line *l, const struct command *cmd,
                       size_t n)
{
    const char *p = cmd->words;

    if (n >= cmd->max_words)
        return;
    for (; n != 0 && strchr(p, ' ') != NULL; n--)
        p = strchr(p, ' ') + 1;
    if (n == 0)
        offer_value(l, p);
}

void complete_print(int count, char **words)
{
    struct line l = {.cur = NULL};
    bool helps;
    size_t used = 0;
    const struct command *cmd;

    take(&l, count, words);
    helps = count > 1 && strcmp(words[0], "help") == 0;
    cmd = l.count != 0 ? commands_find(l.words, l.count, &used) : NULL;
    l.course = cmd != NULL && l.count > used ? l.words[used] : NULL;
    if (l.waits != NULL && l.waits->kind != OPTION_TIME)
        offer_value(&l, l.waits->value);
    if (l.waits != NULL && l.waits->kind != OPTION_PNG)
        return;
    if (!l.options_ended && l.cur[0] == '-') {
        offer_options(&l, cmd);
        return;
    }
    if (l.count == 0)
        offer_first_words(&l);
    if (l.count == 1 && commands_is_group(l.words[0]))
        offer_second_words(&l);
    if (cmd != NULL && !helps)
        offer_word(&l, cmd, l.count - used);
}
