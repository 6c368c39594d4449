/* commands: the one table of commands: words, options, help, examples. The
 * parser, --help, the man page and the completions read it. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* long, 1 or more */
    OPTION_TIME,   /* uint64_t, ms */
    OPTION_CHOICE, /* const char *, one of "a|b|c" in `value` */
    OPTION_LIST,   /* struct cli's peers */
    OPTION_PNG,    /* const char *; "" when no *.png follows */
};

struct option_spec {
    const char *name;  /* "--to" */
    const char *value; /* "DIR"; NULL for a flag */
    enum option_kind kind;
    size_t offset;       /* in struct cli */
    const char *help[2]; /* by enum say_lang; NULL: not listed */
};

#define COMMAND_OPTIONS_MAX 9

struct command {
    const char *name;  /* "get", "node run" */
    const char *words; /* "TICKET|COURSE" */
    size_t min_words, max_words;
    int (*run)(struct cli *c);
    const char *help[2];
    const char *example;
    const struct option_spec *options[COMMAND_OPTIONS_MAX];
};

/** commands_find - by its one or two first words; *out_used says how many. */
const struct command *commands_find(const char *const *words, size_t count,
                                    size_t *out_used);
/** commands_all - ends with a NULL name. */
const struct command *commands_all(void);
/** commands_globals - the options of all commands; ends with a NULL name. */
const struct option_spec *commands_globals(void);
/** commands_option - of @cmd or of all commands; NULL @cmd = of any. NULL when
 *  there is none of that name. */
const struct option_spec *commands_option(const char *name, size_t len,
                                          const struct command *cmd);

/** commands_is_group - is it the first word of commands, like "node"? */
bool commands_is_group(const char *word);

/* Help, to stdout: of one command, of a group, of everything. */
void commands_help_one(const struct command *cmd);
void commands_help_group(const char *group);
void commands_help(void);

/* The commands, each in its cmd_*.c. */
int cmd_init(struct cli *c), cmd_id(struct cli *c),
    cmd_id_export(struct cli *c), cmd_id_import(struct cli *c),
    cmd_publish(struct cli *c), cmd_lint(struct cli *c), cmd_new(struct cli *c),
    cmd_ticket(struct cli *c), cmd_get(struct cli *c), cmd_cat(struct cli *c),
    cmd_update(struct cli *c), cmd_rollback(struct cli *c),
    cmd_record(struct cli *c), cmd_ls(struct cli *c), cmd_info(struct cli *c),
    cmd_diff(struct cli *c), cmd_why(struct cli *c), cmd_doctor(struct cli *c),
    cmd_withdraw(struct cli *c), cmd_verify(struct cli *c),
    cmd_rm(struct cli *c), cmd_pin(struct cli *c), cmd_unpin(struct cli *c),
    cmd_gc(struct cli *c), cmd_export(struct cli *c), cmd_status(struct cli *c),
    cmd_node_run(struct cli *c), cmd_node_start(struct cli *c),
    cmd_node_stop(struct cli *c), cmd_node_status(struct cli *c),
    cmd_peer_ls(struct cli *c), cmd_peer_add(struct cli *c),
    cmd_peer_rm(struct cli *c), cmd_peer_block(struct cli *c),
    cmd_peer_unblock(struct cli *c), cmd_config_get(struct cli *c),
    cmd_config_set(struct cli *c), cmd_config_check(struct cli *c),
    cmd_pack(struct cli *c), cmd_unpack(struct cli *c),
    cmd_backup(struct cli *c), cmd_restore(struct cli *c),
    cmd_completion(struct cli *c);

#endif
