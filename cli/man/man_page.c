/* man_page LANG TEMPLATE PAGE: the manual page of one language. Prose comes
 * from the template; commands, options, examples and exit codes come from the
 * tables that the command itself runs by, so that the page says what it does.
 * Runs at build time. Lines of a template that it replaces:
 *   @COMMANDS@  @OPTIONS@  @EXIT_STATUS@     and @VERSION@ anywhere in a line
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/say.h"

/* ---- texts, as roff wants them --------------------------------------- */

static void put_char(FILE *out, char c)
{
    switch (c) {
    case '\\':
        (void)fputs("\\e", out);
        break;
    case '-':
        (void)fputs("\\-", out);
        break;
    case '\'':
        (void)fputs("\\(aq", out);
        break;
    case '`':
        (void)fputs("\\(ga", out);
        break;
    case '^':
        (void)fputs("\\(ha", out);
        break;
    case '~':
        (void)fputs("\\(ti", out);
        break;
    default:
        (void)fputc(c, out);
    }
}

/* A line must not begin like a request. */
static void put_text(FILE *out, const char *text)
{
    if (text[0] == '.' || text[0] == '\'')
        (void)fputs("\\&", out);
    for (; *text != '\0'; text++)
        put_char(out, *text);
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool is_placeholder(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (word[i] >= 'A' && word[i] <= 'Z')
            return true;
    return false;
}

/* "COURSE [--all]": what stands for something is italic, what is typed as it
 * is bold, what joins them neither. */
static void put_words(FILE *out, const char *p)
{
    while (*p != '\0') {
        size_t n = 0;

        while (in_word(p[n]))
            n++;
        if (n == 0) {
            put_char(out, *p++);
            continue;
        }
        (void)fputs(is_placeholder(p, n) ? "\\fI" : "\\fB", out);
        for (size_t i = 0; i < n; i++)
            put_char(out, p[i]);
        (void)fputs("\\fR", out);
        p += n;
    }
}

/* ---- tables ---------------------------------------------------------- */

static void put_option(FILE *out, const struct option_spec *o)
{
    if (o->help[0] == NULL)
        return;
    (void)fputs(".TP\n\\fB", out);
    put_text(out, o->name);
    (void)fputs("\\fR", out);
    if (o->value != NULL) {
        (void)fputc(' ', out);
        put_words(out, o->value);
    }
    (void)fputc('\n', out);
    put_text(out, o->help[say_lang()]);
    (void)fputc('\n', out);
}

static void put_command(FILE *out, const struct command *c)
{
    (void)fputs(".TP\n\\fB", out);
    put_text(out, c->name);
    (void)fputs("\\fR", out);
    if (c->words[0] != '\0') {
        (void)fputc(' ', out);
        put_words(out, c->words);
    }
    (void)fputc('\n', out);
    put_text(out, c->help[say_lang()]);
    (void)fputs("\n.RS\n", out);
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i] != NULL; i++)
        put_option(out, c->options[i]);
    (void)fputs(".PP\n.EX\n$ ", out);
    put_text(out, c->example);
    (void)fputs("\n.EE\n.RE\n", out);
}

static void put_commands(FILE *out)
{
    for (const struct command *c = commands_all(); c->name != NULL; c++)
        put_command(out, c);
}

static void put_options(FILE *out)
{
    for (const struct option_spec *o = commands_globals(); o->name != NULL; o++)
        put_option(out, o);
}

static void put_exit_status(FILE *out)
{
    for (const struct exit_code *c = exit_codes_all(); c->text != SAY_COUNT;
         c++) {
        (void)fprintf(out, ".TP\n.B %d\n", c->code);
        put_text(out, say(c->text));
        (void)fputc('\n', out);
    }
}

/* ---- the page -------------------------------------------------------- */

static const struct {
    const char *line;
    void (*put)(FILE *out);
} parts[] = {
    {"@COMMANDS@\n", put_commands},
    {"@OPTIONS@\n", put_options},
    {"@EXIT_STATUS@\n", put_exit_status},
};

#define PARTS (sizeof parts / sizeof parts[0])

static void put_line(FILE *out, char *line, unsigned *seen)
{
    static const char mark[] = "@VERSION@";
    char *version = strstr(line, mark);

    for (size_t i = 0; i < PARTS; i++)
        if (strcmp(line, parts[i].line) == 0) {
            parts[i].put(out);
            *seen |= 1u << i;
            return;
        }
    if (version != NULL) {
        *version = '\0';
        (void)fprintf(out, "%s%s%s", line, LYCEUM_VERSION,
                      version + sizeof mark - 1);
    } else {
        (void)fputs(line, out);
    }
}

/* Every part stands in the template, or the page would lack it unnoticed. */
static bool make(FILE *in, FILE *out)
{
    unsigned seen = 0;
    char *line = NULL;
    size_t cap = 0;

    while (getline(&line, &cap, in) >= 0)
        put_line(out, line, &seen);
    free(line);
    return seen == (1u << PARTS) - 1 && !ferror(in);
}

int main(int argc, char **argv)
{
    FILE *in = argc == 4 ? fopen(argv[2], "r") : NULL;
    FILE *out = in != NULL ? fopen(argv[3], "w") : NULL;
    bool good;

    if (out == NULL) {
        (void)fputs("usage: man_page en|zh TEMPLATE PAGE\n", stderr);
        return 2;
    }
    say_set_lang(argv[1]);
    good = make(in, out);
    (void)fclose(in);
    good = fclose(out) == 0 && good;
    if (!good)
        (void)fprintf(stderr, "%s: not written, or a part of %s is missing\n",
                      argv[3], argv[2]);
    return good ? 0 : 1;
}
