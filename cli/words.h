/* words: the command line taken apart: which command, its words and options.
 * Options stand anywhere; "--" ends them. Prints nothing, opens nothing. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli/cli.h"

/**
 * words_parse - fill @c from the arguments.
 * c->command stays NULL with --help, --version or without any word; "help" as
 * the first word is --help. With help asked for, c->words are what it is about.
 * Values are borrowed from @argv.
 * Return: 0; ERR_INVALID: c->err says what is wrong, in the language chosen,
 * and c->command is the one that was named, if any.
 */
int words_parse(struct cli *c, int argc, char **argv);

#endif
