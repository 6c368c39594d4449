/* cmd_ticket: the text that brings others a course, and its picture. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/qr.h"

static void show_ticket(struct cli *c, const json_t *r)
{
    (void)c;
    printf("%s\n", output_text(r, "ticket"));
}

static int save(struct cli *c, json_t *r)
{
    char *path = cli_path(c->qr);
    int rc = path == NULL ? err_set(&c->err, ERR_NOMEM, "out of memory")
                          : qr_save(output_text(r, "ticket"), path, &c->err);

    if (rc == 0)
        (void)json_object_set_new(r, "qr", json_string(path));
    free(path);
    return rc;
}

static int draw(struct cli *c, json_t *r)
{
    const char *off = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) && !c->no_color &&
                  (off == NULL || off[0] == '\0');

    if (c->qr == NULL)
        return 0;
    if (c->qr[0] != '\0')
        return save(c, r);
    return c->json ? 0 : qr_print(output_text(r, "ticket"), colour, &c->err);
}

int cmd_ticket(struct cli *c)
{
    json_t *r = NULL;
    int rc = cli_call(
        c, json_pack("{s:s, s:s}", "op", "ticket", "course", c->words[0]), &r);

    if (rc == 0)
        rc = draw(c, r);
    cli_answer(c, r, show_ticket);
    json_decref(r);
    return rc;
}
