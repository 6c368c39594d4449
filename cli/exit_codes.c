#include "cli/exit_codes.h"

static const struct exit_code table[] = {
    {0, SAY_EXIT_OK},          {1, SAY_EXIT_FAILED},    {2, SAY_EXIT_USAGE},
    {3, SAY_EXIT_NOT_FOUND},   {4, SAY_EXIT_CORRUPT},   {5, SAY_EXIT_KEY},
    {6, SAY_EXIT_NETWORK},     {7, SAY_EXIT_PARTIAL},   {8, SAY_EXIT_SPACE},
    {9, SAY_EXIT_BUSY},        {10, SAY_EXIT_CONFLICT}, {11, SAY_EXIT_REFUSED},
    {130, SAY_EXIT_INTERRUPT}, {0, SAY_COUNT},
};

const struct exit_code *exit_codes_all(void)
{
    return table;
}
