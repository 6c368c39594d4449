/* exit_codes: what the numbers mean that the command ends with. */
#ifndef CLI_EXIT_CODES_H
#define CLI_EXIT_CODES_H

#include "cli/say.h"

struct exit_code {
    int code;
    enum say text; /* SAY_COUNT ends the list */
};

/** exit_codes_all - every code of cli_exit_code, in order. */
const struct exit_code *exit_codes_all(void);

#endif
