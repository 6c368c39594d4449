/* main: a command line in, an exit code out; what went wrong in three lines. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/causes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/output.h"
#include "cli/words.h"
#include "crypto/base/text.h"
#include "crypto/key.h"
#include "node/api/client.h"
#include "node/driver/transport.h"
#include "storage/config.h"

#define WHAT_CP 160
#define WHY_CP 4000 /* whole paths, whole lists */

/* ---- errors ---------------------------------------------------------- */

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
    case 9:
        return say(SAY_TRY_WAIT);
    case 10:
        return say(SAY_TRY_OTHER);
    default:
        return say(SAY_TRY_AGAIN);
    }
}

/* The first words of the three lines are never translated. */
static void print_error(const char *what, const char *why, const char *hint)
{
    char *a = output_safe_long(what, WHAT_CP);
    char *b = output_safe_long(why, WHY_CP);
    char *c = output_safe_long(hint, WHY_CP);

    fprintf(stderr, "error: %s\nwhy: %s\ntry: %s\n", a, b, c);
    free(a);
    free(b);
    free(c);
}

static void report(struct cli *c, int rc)
{
    char what[160];
    char *why;
    char *hint;

    if (rc == ERR_INTERRUPTED && !c->quiet)
        fprintf(stderr, "%s\n", say(SAY_INTERRUPTED));
    if (rc == 0 || rc == ERR_INTERRUPTED)
        return;
    (void)snprintf(what, sizeof what, say(SAY_CANNOT_RUN),
                   c->command != NULL ? c->command->name : "lyceum");
    why = causes_say(c->err.text[0] ? c->err.text : err_words(rc));
    hint = causes_say(c->err.hint[0] ? c->err.hint : hint_for(rc));
    print_error(what, why, hint);
    free(why);
    free(hint);
}

/* ---- running --------------------------------------------------------- */

static int help(const struct cli *c)
{
    size_t used;
    const struct command *cmd = commands_find(c->words, c->word_count, &used);

    if (cmd != NULL)
        commands_help_one(cmd);
    if (cmd != NULL && c->word_count == 1 && commands_is_group(c->words[0])) {
        printf("\n");
        commands_help_group(c->words[0]);
    }
    if (cmd != NULL)
        return 0;
    if (c->word_count != 0)
        commands_help_group(c->words[0]);
    else
        commands_help();
    return 0;
}

static int find_home(struct cli *c)
{
    char lang[CONFIG_VALUE_MAX];
    int rc = home_find(c->given_home, c->home, &c->err);

    if (rc == 0 && !text_utf8_valid((const uint8_t *)c->home, strlen(c->home)))
        rc = err_set(&c->err, ERR_INVALID, say(SAY_NOT_UTF8), c->home);
    if (rc == 0 && c->lang == NULL && access(c->home, F_OK) == 0 &&
        config_get(c->home, "lang", lang, NULL) == 0 && lang[0] != '\0')
        say_set_lang(lang);
    return rc;
}

static bool output_lost;

/* A reader that has gone away (`| head`) is no failure. */
static bool reader_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* What is longer than the buffer was written before, and its error is only
 * remembered. */
static void flush_output(void)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && !reader_gone())
        output_lost = true;
}

static int run(struct cli *c)
{
    int rc = find_home(c);

    if (rc == 0)
        rc = crypto_init(&c->err);
    if (rc == 0)
        rc = c->command->run(c);
    flush_output(); /* the host may have to stay for those attached */
    client_close(c->client);
    return rc;
}

static int start(struct cli *c, int argc, char **argv)
{
    int rc = words_parse(c, argc, argv);

    if (rc == 0 && c->version) {
        printf("lyceum " LYCEUM_VERSION "\n");
        return 0;
    }
    if (rc == 0 && c->help)
        return help(c);
    if (rc == 0 && c->command == NULL) {
        commands_help();
        return 2;
    }
    if (rc == 0)
        rc = run(c);
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
    (void)signal(SIGXFSZ, SIG_IGN); /* a write that says so is enough */
    transport_tune_memory();
    say_set_lang(NULL);
    if (argc > 1 && strcmp(argv[1], COMPLETE_WORD) == 0) {
        complete_print(argc - 2, argv + 2);
        return 0;
    }
    code = start(&c, argc, argv);
    flush_output();
    if (output_lost && code == 0) {
        print_error("lyceum", say(SAY_CANNOT_WRITE), say(SAY_TRY_AGAIN));
        code = 1;
    }
    return code;
}
