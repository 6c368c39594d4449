/* Commands about course files: pack and unpack. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

static bool is_stream(const char *word)
{
    return strcmp(word, "-") == 0;
}

/* Where the node, in this process or another, finds the file: "-" is what we
 * have open as @fd. */
static char *file_path(const char *word, int fd)
{
    char *out = NULL;

    if (!is_stream(word))
        return cli_path(word);
    if (asprintf(&out, "/proc/%ld/fd/%d", (long)getpid(), fd) < 0)
        out = NULL;
    return out;
}

/* ---- pack ------------------------------------------------------------ */

static void show_pack(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_PACKED), output_int(r, "edition"), output_text(r, "file"),
           output_count(output_int(r, "chunks"), SAY_A_CHUNK).s,
           output_size((uint64_t)output_int(r, "bytes")).s);
    printf("\n");
}

/* With the course on stdout, what is said about it goes to stderr. */
static void answer_aside(struct cli *c, const json_t *r)
{
    char *text = c->json ? json_dumps(r, JSON_COMPACT) : NULL;

    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
}

int cmd_pack(struct cli *c)
{
    const char *word = c->words[1];
    bool stream = is_stream(word);
    json_t *q = NULL;
    json_t *r = NULL;
    char *path;
    int rc;

    if (stream && isatty(STDOUT_FILENO)) {
        rc = err_set(&c->err, ERR_INVALID, "%s", say(SAY_NOT_TO_TERMINAL));
        err_hint(&c->err, say(SAY_TRY_REDIRECT), "pack COURSE -");
        return rc;
    }
    path = file_path(word, STDOUT_FILENO);
    if (path != NULL)
        q = json_pack("{s:s, s:s, s:s, s:b, s:b, s:I}", "op", "pack", "course",
                      c->words[0], "file", path, "stream", stream, "replace",
                      c->yes, "since", (json_int_t)c->since);
    rc = cli_call(c, q, &r);
    if (stream && r != NULL)
        answer_aside(c, r);
    else
        cli_answer(c, r, show_pack);
    json_decref(r);
    free(path);
    return rc;
}

/* ---- unpack ---------------------------------------------------------- */

static void show_unpack(struct cli *c, const json_t *r)
{
    (void)c;
    if (strcmp(output_text(r, "state"), "complete") == 0)
        printf(say(SAY_UNPACKED),
               output_text(r, "title")[0] ? output_text(r, "title")
                                          : say(SAY_A_COURSE_IT_IS),
               output_int(r, "edition"),
               output_size((uint64_t)output_int(r, "bytes")).s,
               output_count(output_int(r, "fetched_chunks"), SAY_A_CHUNK).s);
    else
        printf(say(SAY_UNPACKED_PART), output_int(r, "fetched_chunks"),
               output_int(r, "missing_chunks"));
    printf("\n");
    if (json_is_true(json_object_get(r, "damaged")))
        printf("%s\n", say(SAY_FILE_DAMAGED));
}

int cmd_unpack(struct cli *c)
{
    char *path = file_path(c->words[0], STDIN_FILENO);
    json_t *q = NULL;
    json_t *r = NULL;
    int rc;

    if (path != NULL)
        q = json_pack("{s:s, s:s}", "op", "unpack", "file", path);
    rc = cli_call(c, q, &r);
    if (rc == ERR_CORRUPT || rc == ERR_MALFORMED)
        rc = ERR_FAILED; /* as with get: it is not the user's store */
    cli_add_title(c, r);
    cli_answer(c, r, show_unpack);
    json_decref(r);
    free(path);
    return rc;
}
