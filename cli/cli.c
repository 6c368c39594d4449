#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/node_log.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "node/api/client.h"

int cli_exit_code(int rc)
{
    switch ((enum err_code)rc) {
    case ERR_INVALID:
        return 2;
    case ERR_NOT_FOUND:
        return 3;
    case ERR_CORRUPT:
    case ERR_MALFORMED:
        return 4;
    case ERR_KEY_NEEDED:
        return 5;
    case ERR_NETWORK:
    case ERR_TIMEOUT:
        return 6;
    case ERR_PARTIAL:
        return 7;
    case ERR_NO_SPACE:
        return 8;
    case ERR_BUSY:
        return 9;
    case ERR_CONFLICT:
    case ERR_AMBIGUOUS:
        return 10;
    case ERR_REFUSED:
        return 11;
    case ERR_INTERRUPTED:
        return 130;
    case ERR_FAILED:
    case ERR_AGAIN:
    case ERR_NOMEM:
    case ERR_IO:
    case ERR_LIMIT:
        return 1;
    }
    return rc == 0 ? 0 : 1;
}

static void say_where(const struct cli *c)
{
    if (!c->verbose)
        return;
    fprintf(stderr, say(SAY_HOME_IS), c->home,
            say(client_hosts(c->client) ? SAY_NODE_HERE : SAY_NODE_THERE));
    fprintf(stderr, "\n");
}

int cli_open(struct cli *c, bool must_host)
{
    struct client_options opt = {.home = c->home,
                                 .what = c->command->name,
                                 .listen = c->listen,
                                 .offline = c->offline,
                                 .must_host = must_host,
                                 .log = c->log != NULL ? node_log_write : NULL,
                                 .log_user = c->log};
    int rc = 0;

    if (c->client == NULL) {
        rc = client_open(&opt, &c->client, &c->err);
        if (rc == 0)
            say_where(c);
    }
    return rc;
}

static void on_event(void *user, const json_t *event)
{
    progress_show(user, event);
}

int cli_call(struct cli *c, json_t *request, json_t **out_result)
{
    int rc;

    *out_result = NULL;
    if (request == NULL) /* the words are UTF-8; the working folder is not */
        return err_set(&c->err, ERR_INVALID, say(SAY_NOT_UTF8), "");
    rc = cli_open(c, false);
    if (rc == 0)
        rc = client_call(c->client, request, on_event, c, out_result, &c->err);
    progress_end(c);
    json_decref(request);
    return rc;
}

void cli_answer(struct cli *c, const json_t *result,
                void (*show)(struct cli *c, const json_t *result))
{
    char *text;

    if (result == NULL)
        return;
    if (!c->json) {
        if (!c->quiet)
            show(c, result);
        return;
    }
    text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (text != NULL)
        printf("%s\n", text);
    free(text);
}

int cli_simple(struct cli *c, const char *op, const char *key,
               void (*show)(struct cli *c, const json_t *result))
{
    json_t *request = json_pack("{s:s}", "op", op);
    json_t *result;
    int rc;

    if (key != NULL && c->word_count != 0)
        (void)json_object_set_new(request, key, json_string(c->words[0]));
    rc = cli_call(c, request, &result);
    cli_answer(c, result, show);
    json_decref(result);
    return rc;
}

void cli_add_title(struct cli *c, json_t *result)
{
    struct err saved = c->err;
    json_t *info = NULL;

    if (c->json || result == NULL)
        return;
    if (cli_call(c,
                 json_pack("{s:s, s:s}", "op", "info", "course",
                           output_text(result, "course")),
                 &info) == 0) {
        char *title = output_safe(output_text(info, "title"));

        (void)json_object_set_new(result, "title", json_string(title));
        free(title);
    }
    json_decref(info);
    c->err = saved;
}

char *cli_path(const char *path)
{
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *out = NULL;

    if (path[0] == '/')
        return strdup(path);
    if (cwd != NULL && asprintf(&out, "%s/%s", cwd, path) < 0)
        out = NULL;
    free(cwd);
    return out;
}
