/* main: words and options of the command line to a command of the table, and
 * what became of it to an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "crypto/key.h"
#include "node/api/client.h"
#include "node/driver/transport.h"
#include "storage/config.h"

/* ---- answers
 * ------------------------------------------------------------------------ */

int cli_exit_code(int rc)
{
    switch ((enum err_code)rc) {
    case ERR_INVALID:
        return 2;
    case ERR_NOT_FOUND:
        return 3;
    case ERR_CORRUPT:
    case ERR_MALFORMED:
        return 4;
    case ERR_KEY_NEEDED:
        return 5;
    case ERR_NETWORK:
    case ERR_TIMEOUT:
        return 6;
    case ERR_PARTIAL:
        return 7;
    case ERR_NO_SPACE:
        return 8;
    case ERR_BUSY:
        return 9;
    case ERR_CONFLICT:
    case ERR_AMBIGUOUS:
        return 10;
    case ERR_REFUSED:
        return 11;
    case ERR_INTERRUPTED:
        return 130;
    case ERR_FAILED:
    case ERR_AGAIN:
    case ERR_NOMEM:
    case ERR_IO:
    case ERR_LIMIT:
        return 1;
    }
    return rc == 0 ? 0 : 1;
}

static const char *hint_for(int rc)
{
    switch (cli_exit_code(rc)) {
    case 3:
        return say(SAY_TRY_LS);
    case 4:
        return say(SAY_TRY_VERIFY);
    case 5:
        return say(SAY_TRY_KEY);
    case 6:
    case 7:
        return say(SAY_TRY_PEER);
    case 8:
        return say(SAY_TRY_SPACE);
    case 10:
        return say(SAY_TRY_OTHER);
    default:
        return say(SAY_TRY_AGAIN);
    }
}

/* The first words of the three lines are never translated. */
static void print_error(const char *what, const char *why, const char *hint)
{
    char *w = output_safe(what);
    struct buf text = BUF_INIT;

    fprintf(stderr, "error: %s\n", w);
    free(w);
    w = output_safe(why);
    if (strlen(why) > 100) { /* paths: long, but whole */
        free(w);
        w = NULL;
        for (const char *p = why; *p != '\0'; p++)
            if ((unsigned char)*p >= 0x20 && *p != 0x7f)
                (void)buf_append(&text, p, 1);
        w = (char *)(uintptr_t)buf_cstr(&text);
    }
    fprintf(stderr, "why: %s\n", w != NULL ? w : "");
    free(w);
    fprintf(stderr, "try: %s\n", hint);
}

static void report(struct cli *c, int rc)
{
    char what[160];

    if (rc == 0 || rc == ERR_INTERRUPTED)
        return;
    (void)snprintf(what, sizeof what, say(SAY_CANNOT_RUN),
                   c->command != NULL ? c->command->name : "");
    print_error(what, c->err.text[0] ? c->err.text : err_words(rc),
                c->err.hint[0] ? c->err.hint : hint_for(rc));
}

/* ---- for the commands
 * ------------------------------------------------------------------ */

int cli_open(struct cli *c, bool must_host)
{
    struct client_options opt = {.home = c->home,
                                 .what = c->command->name,
                                 .listen = c->listen,
                                 .offline = c->offline,
                                 .must_host = must_host};

    return c->client != NULL ? 0 : client_open(&opt, &c->client, &c->err);
}

static void on_event(void *user, const json_t *event)
{
    progress_show(user, event);
}

int cli_call(struct cli *c, json_t *request, json_t **out_result)
{
    int rc = request != NULL ? cli_open(c, false) : ERR_INVALID;

    *out_result = NULL;
    if (request == NULL)
        rc = err_set(&c->err, ERR_NOT_FOUND, "the words are not UTF-8");
    if (rc == 0)
        rc = client_call(c->client, request, on_event, c, out_result, &c->err);
    progress_end(c);
    json_decref(request);
    return rc;
}

void cli_answer(struct cli *c, const json_t *result,
                void (*show)(struct cli *c, const json_t *result))
{
    char *text;

    if (result == NULL)
        return;
    if (!c->json) {
        if (!c->quiet)
            show(c, result);
        return;
    }
    text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (text != NULL)
        printf("%s\n", text);
    free(text);
}

int cli_simple(struct cli *c, const char *op, const char *key,
               void (*show)(struct cli *c, const json_t *result))
{
    json_t *request = json_pack("{s:s}", "op", op);
    json_t *word = c->word_count != 0 ? json_string(c->words[0]) : NULL;
    json_t *result;
    int rc;

    if (key != NULL && c->word_count != 0 && word == NULL) {
        json_decref(request);
        return err_set(&c->err, ERR_NOT_FOUND, "the name is not UTF-8");
    }
    if (key != NULL && word != NULL)
        (void)json_object_set(request, key, word);
    json_decref(word);
    rc = cli_call(c, request, &result);
    cli_answer(c, result, show);
    json_decref(result);
    return rc;
}

/* ---- parsing
 * ------------------------------------------------------------------------------
 */

static int usage(struct cli *c, enum say id, const char *arg)
{
    char what[160];
    char why[256];
    char hint[96];
    char *safe = output_safe(arg);

    (void)snprintf(what, sizeof what, say(SAY_CANNOT_RUN),
                   c->command != NULL ? c->command->name : "lyceum");
    (void)snprintf(why, sizeof why, say(id), safe);
    (void)snprintf(hint, sizeof hint, say(SAY_TRY_HELP),
                   c->command != NULL ? c->command->name : "");
    print_error(what, why, hint);
    free(safe);
    return 2;
}

static const struct option_spec *find_option(const struct cli *c,
                                             const char *name, size_t n)
{
    for (const struct option_spec *o = commands_globals(); o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    for (size_t i = 0; c->command != NULL && i < COMMAND_OPTIONS_MAX &&
                       c->command->options[i] != NULL;
         i++)
        if (strlen(c->command->options[i]->name) == n &&
            strncmp(c->command->options[i]->name, name, n) == 0)
            return c->command->options[i];
    return NULL;
}

static bool set_option(struct cli *c, const struct option_spec *o,
                       const char *value)
{
    char *at = (char *)c + o->offset;
    char *end;

    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_TEXT:
        memcpy(at, &value, sizeof value);
        return true;
    case OPTION_NUMBER:
        *(long *)(void *)at = strtol(value, &end, 10);
        return *end == '\0' && *(long *)(void *)at > 0;
    case OPTION_LIST:
        if (c->peer_count == CLI_PEERS_MAX)
            return false;
        c->peers[c->peer_count++] = value;
        return true;
    }
    return false;
}

static bool parse_timeout(const char *v, uint64_t *out_ms)
{
    char *end;
    unsigned long n = strtoul(v, &end, 10);
    uint64_t unit = 1000;

    if (end == v || n == 0 || n > 1000000)
        return false;
    if (strcmp(end, "ms") == 0)
        unit = 1;
    else if (strcmp(end, "m") == 0)
        unit = 60000;
    else if (*end != '\0' && strcmp(end, "s") != 0)
        return false;
    *out_ms = n * unit;
    return true;
}

/* Options that say where and how, handled before all others. true: taken. */
static bool take_special(struct cli *c, const char *name, const char *value,
                         const char **given_home, bool *out_bad)
{
    if (strcmp(name, "--home") == 0)
        *given_home = value;
    else if (strcmp(name, "--lang") == 0)
        say_set_lang(value);
    else if (strcmp(name, "--timeout") == 0)
        *out_bad = !parse_timeout(value, &c->timeout_ms);
    else if (strcmp(name, "--progress") == 0)
        c->progress = strcmp(value, "none") == 0   ? PROGRESS_NONE
                      : strcmp(value, "json") == 0 ? PROGRESS_JSON
                                                   : PROGRESS_AUTO;
    else
        return false;
    return true;
}

static bool is_special(const char *arg, size_t n)
{
    static const char *const names[] = {"--home", "--lang", "--timeout",
                                        "--progress"};

    for (size_t i = 0; i < 4; i++)
        if (strlen(names[i]) == n && strncmp(arg, names[i], n) == 0)
            return true;
    return false;
}

/* --no-lan and --no-wan: there is no discovery yet that they could switch off.
 */
static bool is_without_effect(const char *arg)
{
    return strcmp(arg, "--no-lan") == 0 || strcmp(arg, "--no-wan") == 0;
}

struct words {
    const char *list[CLI_WORDS_MAX + 2];
    size_t count;
    bool help, version;
    const char *home;
};

static int parse_words(struct cli *c, int argc, char **argv, struct words *w)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const char *eq = strchr(arg, '=');
        size_t n =
            arg[0] == '-' && eq != NULL ? (size_t)(eq - arg) : strlen(arg);

        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            w->help = true;
        else if (strcmp(arg, "--version") == 0)
            w->version = true;
        else if (is_special(arg, n)) {
            char name[16];
            bool bad = false;

            (void)snprintf(name, sizeof name, "%.*s", (int)n, arg);
            if (eq == NULL && ++i == argc)
                return usage(c, SAY_NEEDS_VALUE, name);
            (void)take_special(c, name, eq != NULL ? eq + 1 : argv[i], &w->home,
                               &bad);
            if (bad)
                return usage(c, SAY_NEEDS_VALUE, name);
        } else if (arg[0] != '-' || arg[1] == '\0') {
            if (w->count == CLI_WORDS_MAX + 2)
                return usage(c, SAY_WORD_COUNT, w->list[0]);
            w->list[w->count++] = arg;
        } else {
            /* Its kind is known once the command is: skip its value now. */
            const struct option_spec *o = NULL;

            for (const struct command *k = commands_all();
                 k->name != NULL && o == NULL; k++) {
                c->command = k;
                o = find_option(c, arg, n);
            }
            c->command = NULL;
            if (o != NULL && o->kind != OPTION_FLAG && eq == NULL)
                i++;
        }
    }
    return 0;
}

static int parse_options(struct cli *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const char *eq = strchr(arg, '=');
        size_t n = eq != NULL ? (size_t)(eq - arg) : strlen(arg);
        const struct option_spec *o;
        const char *value = eq != NULL ? eq + 1 : NULL;

        if (arg[0] != '-' || arg[1] == '\0' || is_without_effect(arg))
            continue;
        if (is_special(arg, n)) {
            i += eq == NULL;
            continue;
        }
        o = find_option(c, arg, n);
        if (o == NULL)
            return usage(c, SAY_UNKNOWN_OPTION, arg);
        if (o->kind != OPTION_FLAG && value == NULL && ++i < argc)
            value = argv[i];
        if (o->kind != OPTION_FLAG && value == NULL)
            return usage(c, SAY_NEEDS_VALUE, o->name);
        if (!set_option(c, o, value))
            return usage(c, SAY_NEEDS_VALUE, o->name);
    }
    return 0;
}

static int choose(struct cli *c, const struct words *w)
{
    size_t used = 0;

    c->command = commands_find(w->list, w->count, &used);
    if (c->command == NULL)
        return usage(c, SAY_UNKNOWN_COMMAND, w->list[0]);
    c->word_count = w->count - used;
    if (c->word_count < c->command->min_words ||
        c->word_count > c->command->max_words)
        return usage(c, SAY_WORD_COUNT, c->command->name);
    memcpy(c->words, w->list + used, c->word_count * sizeof c->words[0]);
    return 0;
}

static int help(struct words *w)
{
    size_t used;
    size_t skip = w->count != 0 && strcmp(w->list[0], "help") == 0;
    const struct command *cmd =
        commands_find(w->list + skip, w->count - skip, &used);

    commands_help(cmd);
    return 0;
}

static int run(struct cli *c, int argc, char **argv)
{
    struct words w = {.count = 0};
    char lang[CONFIG_VALUE_MAX];
    int code = parse_words(c, argc, argv, &w);
    int rc;

    if (code != 0)
        return code;
    if (w.version) {
        printf("lyceum " LYCEUM_VERSION "\n");
        return 0;
    }
    if (w.help || (w.count != 0 && strcmp(w.list[0], "help") == 0))
        return help(&w);
    if (w.count == 0) {
        commands_help(NULL);
        return 2;
    }
    code = choose(c, &w);
    if (code == 0)
        code = parse_options(c, argc, argv);
    if (code != 0)
        return code;
    rc = home_find(w.home, c->home, &c->err);
    if (rc == 0 && access(c->home, F_OK) == 0 &&
        config_get(c->home, "lang", lang, NULL) == 0 && lang[0] != '\0' &&
        say_lang() == SAY_EN)
        say_set_lang(lang);
    if (rc == 0)
        rc = crypto_init(&c->err);
    if (rc == 0)
        rc = c->command->run(c);
    client_close(c->client);
    report(c, rc);
    return cli_exit_code(rc);
}

/* Closed standard files would be taken by the next open. */
static void open_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv)
{
    struct cli c = {.timeout_ms = 30000};
    int code;

    open_standard_files();
    (void)signal(SIGPIPE, SIG_IGN);
    transport_tune_memory();
    say_set_lang(NULL);
    code = run(&c, argc, argv);
    if (fflush(stdout) != 0 && code == 0 && errno != EPIPE)
        code = 1;
    return code;
}
