/* diff: what changed between two editions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

#define LINES_MAX 200 /* of each kind; --json has all */

static void show_path(const char *mark, const char *path)
{
    char *safe = output_safe_long(path, 1024);

    printf("%s %s", mark, safe);
    free(safe);
}

static void show_file(const char *mark, const json_t *o)
{
    show_path(mark, output_text(o, "path"));
    printf("  %s", output_size((uint64_t)output_int(o, "bytes")).s);
    if (json_object_get(o, "old_bytes") != NULL)
        printf(say(SAY_DIFF_WAS),
               output_size((uint64_t)output_int(o, "old_bytes")).s);
    if (json_is_true(json_object_get(o, "unsure")))
        printf("%s", say(SAY_DIFF_UNSURE));
    printf("\n");
}

static void show_move(const char *mark, const json_t *o)
{
    show_path(mark, output_text(o, "from"));
    show_path(" ->", output_text(o, "to"));
    printf("\n");
}

static size_t show_list(const json_t *r, const char *key, const char *mark,
                        void (*show)(const char *mark, const json_t *o))
{
    const json_t *list = json_object_get(r, key);
    size_t n = json_array_size(list);

    for (size_t i = 0; i < n && i < LINES_MAX; i++)
        show(mark, json_array_get(list, i));
    if (n > LINES_MAX)
        printf("%s ... %zu\n", mark, n - LINES_MAX);
    return n;
}

static void show_diff(struct cli *c, const json_t *r)
{
    char *title =
        output_safe(output_text(r, "title")[0] != '\0' ? output_text(r, "title")
                                                       : c->words[0]);
    size_t added;
    size_t removed;
    size_t changed;
    size_t moved;

    printf(say(SAY_DIFF_HEAD), title, output_int(r, "from"),
           output_int(r, "to"));
    printf("\n");
    free(title);
    added = show_list(r, "added", "+", show_file);
    removed = show_list(r, "removed", "-", show_file);
    changed = show_list(r, "changed", "~", show_file);
    moved = show_list(r, "moved", ">", show_move);
    if (added + removed + changed + moved == 0)
        printf("%s", say(SAY_DIFF_SAME));
    else
        printf(say(SAY_DIFF_SUM), added, removed, changed, moved);
    printf("\n");
    printf(say(SAY_DIFF_FETCH),
           output_count(output_int(r, "fetch_chunks"), SAY_A_CHUNK).s,
           output_size((uint64_t)output_int(r, "fetch_bytes")).s);
    printf("\n");
}

static int take_edition(struct cli *c, json_t *q, const char *key,
                        const char *word)
{
    size_t n = strlen(word);
    long long seq = n <= 15 && strspn(word, "0123456789") == n
                        ? strtoll(word, NULL, 10)
                        : 0;

    if (seq == 0)
        return err_set(&c->err, ERR_INVALID, say(SAY_BAD_EDITION), word);
    return json_object_set_new(q, key, json_integer(seq)) == 0 ? 0 : ERR_NOMEM;
}

int cmd_diff(struct cli *c)
{
    json_t *q = json_pack("{s:s, s:s}", "op", "diff", "course", c->words[0]);
    json_t *r = NULL;
    int rc = 0;

    if (c->word_count > 1)
        rc = take_edition(c, q, "from", c->words[1]);
    if (rc == 0 && c->word_count > 2)
        rc = take_edition(c, q, "to", c->words[2]);
    if (rc != 0) {
        json_decref(q);
        return rc;
    }
    rc = cli_call(c, q, &r);
    cli_answer(c, r, show_diff);
    json_decref(r);
    return rc;
}
