#include "cli/exit_codes.h"

#include "cli/cli.h"
#include "tests/lib/test.h"

static const struct exit_code *find(int code)
{
    for (const struct exit_code *c = exit_codes_all(); c->text != SAY_COUNT;
         c++)
        if (c->code == code)
            return c;
    return NULL;
}

/* Every error ends with a code that the list explains. */
TEST(exit_codes, every_error)
{
#define X(name, value, words)                                                  \
    assert_true(cli_exit_code(ERR_##name) != 0);                               \
    assert_non_null(find(cli_exit_code(ERR_##name)));
    ERR_LIST(X)
#undef X
    assert_non_null(find(cli_exit_code(0)));
}

/* The list explains no code that nothing ends with, and none twice. */
TEST(exit_codes, nothing_else)
{
    int before = -1;

    for (const struct exit_code *c = exit_codes_all(); c->text != SAY_COUNT;
         c++) {
        int used = c->code == 0;

        assert_true(c->code > before);
        before = c->code;
#define X(name, value, words) used += cli_exit_code(ERR_##name) == c->code;
        ERR_LIST(X)
#undef X
        assert_true(used > 0);
    }
}
