/* cli: what every command gets: its parsed words and options, and the ways to
 * ask the node and to answer the person. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/say.h"
#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "storage/home.h"

#define CLI_WORDS_MAX 8
#define CLI_PEERS_MAX 32

struct cli {
    char home[HOME_PATH_MAX];
    /* options of all commands */
    bool json, quiet, verbose, yes, offline, no_color, no_lan, no_wan;
    bool help, version;
    uint64_t timeout_ms;
    const char *listen, *given_home, *lang, *progress;
    const char *words[CLI_WORDS_MAX]; /* behind the command's own */
    size_t word_count;
    const struct command *command;
    struct node_log *log; /* node run; else NULL */
    /* options of commands; NULL or false when not given */
    const char *name, *quota, *course, *to, *raw, *log_format, *reason;
    const char *range;
    const char *qr; /* "" is the terminal */
    const char *peers[CLI_PEERS_MAX];
    size_t peer_count;
    long lesson, since;
    bool check, no_passphrase, sheet, dry_run, allow_secrets, best, versions,
        all, banned;
    bool in_place, copy, reread, watch;
    struct client *client;
    struct err err;
};

/** cli_open - the client, opened when first needed. 0 or ERR_*, in c->err. */
int cli_open(struct cli *c, bool must_host);

/** cli_call - ask @request (taken); progress is shown. *out_result as in
 *  client_call. The error is in c->err. */
int cli_call(struct cli *c, json_t *request, json_t **out_result);

/** cli_simple - one op with one word as @key, the answer printed by @show. */
int cli_simple(struct cli *c, const char *op, const char *key,
               void (*show)(struct cli *c, const json_t *result));

/** cli_add_title - put the title of @result's "course" into it, made safe, for
 *  people; with --json nothing. c->err stays what it is. NULL is fine. */
void cli_add_title(struct cli *c, json_t *result);

/** cli_answer - print @result: as it is with --json, else through @show. */
void cli_answer(struct cli *c, const json_t *result,
                void (*show)(struct cli *c, const json_t *result));

/** cli_exit_code - of an ERR_* (or 0). */
int cli_exit_code(int rc);

/** cli_path - @path made absolute: the node stands in another folder. NULL when
 *  out of memory; free() it. */
char *cli_path(const char *path);

#endif
