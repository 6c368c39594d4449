/* completion: the script that teaches a shell to complete lyceum's words. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion_scripts.h"
#include "cli/output.h"

static void show_script(struct cli *c, const json_t *r)
{
    (void)c;
    (void)fputs(output_text(r, "script"), stdout);
}

int cmd_completion(struct cli *c)
{
    static const struct {
        const char *shell, *script;
    } all[] = {{"bash", completion_bash},
               {"zsh", completion_zsh},
               {"fish", completion_fish}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(c->words[0], all[i].shell) == 0) {
            json_t *r = json_pack("{s:i, s:s, s:s}", "v", 1, "shell",
                                  all[i].shell, "script", all[i].script);

            cli_answer(c, r, show_script);
            json_decref(r);
            return 0;
        }
    (void)err_set(&c->err, ERR_INVALID, say(SAY_NO_SHELL), c->words[0]);
    err_hint(&c->err, say(SAY_TRY_HELP), " ", c->command->name);
    return ERR_INVALID;
}
