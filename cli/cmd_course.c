/* Commands about courses that are here, and get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "crypto/base/hex.h"

/* ---- ls, info, ticket
 * ------------------------------------------------------------- */

static const char *withdrawn_mark(const json_t *o)
{
    return json_is_true(json_object_get(o, "withdrawn"))
               ? say(SAY_WITHDRAWN_MARK)
               : "";
}

static void show_ls(struct cli *c, const json_t *r)
{
    const json_t *list = json_object_get(r, "courses");

    (void)c;
    if (json_array_size(list) == 0)
        printf("%s\n", say(SAY_NO_COURSES));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        char *title = output_safe(output_text(o, "title"));

        printf("%.8s  %s %10s  %3lld  %s%s%s\n", output_text(o, "course"),
               output_cell(output_word(output_text(o, "state")), 9).s,
               output_size((uint64_t)output_int(o, "bytes")).s,
               output_int(o, "edition"), title,
               json_is_true(json_object_get(o, "pinned")) ? " *" : "",
               withdrawn_mark(o));
        free(title);
    }
}

int cmd_ls(struct cli *c)
{
    return cli_simple(c, "ls", NULL, show_ls);
}

static void show_lessons(const json_t *module)
{
    const json_t *list = json_object_get(module, "lessons");

    output_line(output_text(module, "title"));
    for (size_t i = 0; i < json_array_size(list) && i < 40; i++) {
        const json_t *l = json_array_get(list, i);
        char *title = output_safe(output_text(l, "title"));

        printf("  %3lld %s %s\n", output_int(l, "lesson"),
               output_cell(output_word(output_text(l, "kind")), 9).s, title);
        free(title);
    }
    if (json_array_size(list) > 40)
        printf("      ... %zu\n", json_array_size(list) - 40);
}

static const char *held_words(const char *state)
{
    if (strcmp(state, "complete") == 0)
        return say(SAY_HELD_COMPLETE);
    if (strcmp(state, "partial") == 0)
        return say(SAY_HELD_PARTIAL);
    return say(SAY_HELD_LISTED);
}

static void show_version(const json_t *v)
{
    char *title = output_safe(output_text(v, "title"));
    char *change = output_safe(output_text(v, "change"));

    printf("%s %4lld  %s  %s  %s  %s  %s%s%s%s\n",
           json_is_true(json_object_get(v, "current")) ? "*" : " ",
           output_int(v, "edition"),
           output_date((uint64_t)output_int(v, "time_ms")).s,
           held_words(output_text(v, "state")),
           output_count(output_int(v, "files"), SAY_A_FILE).s,
           output_size((uint64_t)output_int(v, "bytes")).s, title,
           change[0] != '\0' ? ": " : "", change, withdrawn_mark(v));
    free(change);
    free(title);
}

static void show_withdrawn(const json_t *r)
{
    char *reason = output_safe_long(output_text(r, "withdrawn_reason"), 200);

    if (json_is_true(json_object_get(r, "withdrawn"))) {
        printf(say(SAY_WITHDRAWN), reason);
        printf("\n");
    }
    free(reason);
}

static void show_info(struct cli *c, const json_t *r)
{
    const json_t *modules = json_object_get(r, "modules");
    const json_t *versions = json_object_get(r, "versions");

    (void)c;
    output_line(output_text(r, "title"));
    printf("%s\n%s  %lld  %s\n", output_text(r, "course"),
           output_word(output_text(r, "state")), output_int(r, "edition"),
           output_size((uint64_t)output_int(r, "bytes")).s);
    printf("%s\n", output_text(r, "author"));
    show_withdrawn(r);
    if (output_text(r, "summary")[0] != '\0')
        output_line(output_text(r, "summary"));
    for (size_t i = 0; i < json_array_size(modules) && i < 30; i++)
        show_lessons(json_array_get(modules, i));
    for (size_t i = 0; i < json_array_size(versions); i++)
        show_version(json_array_get(versions, i));
}

int cmd_info(struct cli *c)
{
    json_t *r = NULL;
    int rc = cli_call(c,
                      json_pack("{s:s, s:s, s:b}", "op", "info", "course",
                                c->words[0], "versions", c->versions),
                      &r);

    cli_answer(c, r, show_info);
    json_decref(r);
    return rc;
}

/* ---- verify, export, rm, pin, gc
 * -------------------------------------------------------- */

static void show_verify(struct cli *c, const json_t *r)
{
    const json_t *edited = json_object_get(r, "edited");

    (void)c;
    for (size_t i = 0; i < json_array_size(edited); i++) {
        char *path =
            output_safe(output_text(json_array_get(edited, i), "path"));

        printf(say(strcmp(output_text(json_array_get(edited, i), "state"),
                          "absent") == 0
                       ? SAY_GONE
                       : SAY_EDITED),
               path);
        printf("\n");
        free(path);
    }
    if (json_is_true(json_object_get(r, "ok")))
        printf(say(SAY_VERIFIED),
               output_count(output_int(r, "chunks"), SAY_A_CHUNK).s,
               output_count(output_int(r, "courses"), SAY_A_COURSE).s);
    else if (json_array_size(json_object_get(r, "bad")) != 0)
        printf(say(SAY_BAD_CHUNKS), json_array_size(json_object_get(r, "bad")));
    else
        return; /* the error says it */
    printf("\n");
    if (output_int(r, "missing") != 0 &&
        json_is_true(json_object_get(r, "ok"))) {
        printf(say(SAY_MISSING), output_int(r, "missing"));
        printf("\n");
    }
}

int cmd_verify(struct cli *c)
{
    json_t *q =
        json_pack("{s:s, s:b}", "op", "verify", "all", c->word_count == 0);
    json_t *r = NULL;
    int rc;

    if (c->all && c->word_count != 0) {
        json_decref(q);
        rc = err_set(&c->err, ERR_INVALID, "%s", say(SAY_ONE_OR_ALL));
        err_hint(&c->err, say(SAY_TRY_HELP), " ", "verify");
        return rc;
    }
    if (c->word_count != 0)
        (void)json_object_set_new(q, "course", json_string(c->words[0]));
    rc = cli_call(c, q, &r);
    cli_answer(c, r, show_verify);
    json_decref(r);
    return rc;
}

static void show_export(struct cli *c, const json_t *r)
{
    printf(say(SAY_EXPORTED),
           output_count(output_int(r, "files"), SAY_A_FILE).s, c->words[1]);
    printf("\n");
}

int cmd_export(struct cli *c)
{
    char *dir = cli_path(c->words[1]);
    json_t *r = NULL;
    json_t *q = NULL;
    int rc;

    if (dir != NULL)
        q = json_pack("{s:s, s:s, s:s}", "op", "export", "course", c->words[0],
                      "dir", dir);
    rc = cli_call(c, q, &r);
    cli_answer(c, r, show_export);
    json_decref(r);
    free(dir);
    return rc;
}

static void show_done(struct cli *c, const json_t *r)
{
    (void)c;
    (void)r;
    printf("%s\n", say(SAY_DONE));
}

static void show_rm(struct cli *c, const json_t *r)
{
    (void)c;
    (void)r;
    printf("%s\n", say(SAY_REMOVED));
}

static int confirm(struct cli *c)
{
    char line[16];
    char *name;

    if (c->yes)
        return 0;
    if (!isatty(STDIN_FILENO))
        return err_set(&c->err, ERR_INVALID, "%s", say(SAY_NEEDS_YES));
    name = output_safe(c->words[0]);
    fprintf(stderr, say(SAY_ASK_RM), name);
    free(name);
    if (fgets(line, sizeof line, stdin) == NULL ||
        (line[0] != 'y' && line[0] != 'Y'))
        return err_set(&c->err, ERR_INTERRUPTED, "not confirmed");
    return 0;
}

int cmd_rm(struct cli *c)
{
    int rc = confirm(c);

    return rc == 0 ? cli_simple(c, "rm", "course", show_rm) : rc;
}

int cmd_pin(struct cli *c)
{
    return cli_simple(c, "pin", "course", show_done);
}

int cmd_unpin(struct cli *c)
{
    return cli_simple(c, "unpin", "course", show_done);
}

static void show_gc(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_SWEPT),
           output_count(output_int(r, "removed_chunks"), SAY_A_CHUNK).s,
           output_size((uint64_t)output_int(r, "freed_bytes")).s);
    printf("\n");
}

int cmd_gc(struct cli *c)
{
    return cli_simple(c, "gc", NULL, show_gc);
}

/* ---- record
 * --------------------------------------------------------------------------------
 */

static void show_record(struct cli *c, const json_t *r)
{
    char *text = json_dumps(r, JSON_INDENT(2));

    (void)c;
    if (text != NULL)
        printf("%s\n", text);
    free(text);
}

static int write_raw(struct cli *c, const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *bytes = malloc(n + 1);
    FILE *f;
    int rc = 0;

    if (bytes == NULL || hex_decode(hex, 2 * n, bytes, n) != 0) {
        free(bytes);
        return err_set(&c->err, ERR_FAILED, "record");
    }
    f = fopen(c->raw, "wb");
    if (f == NULL || fwrite(bytes, 1, n, f) != n)
        rc = err_errno(&c->err, errno, "write '%s'", c->raw);
    if (f != NULL && fclose(f) != 0 && rc == 0)
        rc = err_errno(&c->err, errno, "write '%s'", c->raw);
    free(bytes);
    return rc;
}

int cmd_record(struct cli *c)
{
    json_t *r = NULL;
    int rc = cli_call(
        c, json_pack("{s:s, s:s}", "op", "record", "id", c->words[0]), &r);

    if (rc == 0 && c->raw != NULL)
        rc = write_raw(c, output_text(r, "raw"));
    if (rc == 0) {
        (void)json_object_del(r, "raw");
        cli_answer(c, r, show_record);
    }
    json_decref(r);
    return rc;
}
