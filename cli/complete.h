/* complete: what may stand at the end of a command line that is being typed,
 * for the scripts of cli/completion. Knows the table of commands, and asks the
 * node for the names of courses. Makes no home and says no error: who presses a
 * key did not ask for either. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

/** The word that main hands over for; it is no option of any command. */
#define COMPLETE_WORD "--complete"

/**
 * complete_print - the values that fit, to stdout, one a line: the value, and
 * where there are words for it, a tab and the words. ":files" and ":dirs" stand
 * for the shell's own completion of these.
 * @words: behind "lyceum"; the last one is being typed, and may be "".
 * A node that does not answer within a second adds nothing: the process ends.
 */
void complete_print(int count, char **words);

#endif
