/* get, update and rollback: which edition of a course is here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

/* ---- files of the user's
 * ------------------------------------------------------- */

static void show_kept(const json_t *r)
{
    const json_t *edited = json_object_get(r, "edited");

    for (size_t i = 0; i < json_array_size(edited); i++) {
        const json_t *one = json_array_get(edited, i);
        char *path = output_safe_long(output_text(one, "path"), 1100);
        char *beside = output_safe_long(output_text(one, "new"), 1100);

        if (beside[0] != '\0')
            printf(say(SAY_KEPT_BESIDE), path, beside);
        else
            printf(say(SAY_KEPT_ALONE), path);
        printf("\n");
        free(path);
        free(beside);
    }
}

/* ---- get
 * ----------------------------------------------------------------------- */

static void show_overtaken(const json_t *r)
{
    char *reason = output_safe_long(output_text(r, "withdrawn_reason"), 200);

    if (output_int(r, "withdrawn_edition") != 0) {
        printf(say(SAY_GOT_OLDER), output_int(r, "withdrawn_edition"), reason);
        printf("\n");
    }
    free(reason);
}

static void show_get(struct cli *c, const json_t *r)
{
    (void)c;
    show_overtaken(r);
    if (strcmp(output_text(r, "state"), "complete") != 0) {
        printf(say(SAY_GOT_PART), output_int(r, "fetched_chunks"));
    } else {
        printf(say(SAY_GOT),
               output_text(r, "title")[0] ? output_text(r, "title")
                                          : say(SAY_A_COURSE_IT_IS),
               output_int(r, "edition"),
               output_size((uint64_t)output_int(r, "bytes")).s,
               json_real_value(json_object_get(r, "seconds")),
               output_count(
                   (long long)json_array_size(json_object_get(r, "peers")),
                   SAY_A_PEER)
                   .s);
    }
    printf("\n");
    show_kept(r);
}

static json_t *get_request(struct cli *c, const char *course)
{
    json_t *peers = json_array();
    json_t *q;

    for (size_t i = 0; i < c->peer_count; i++)
        (void)json_array_append_new(peers, json_string(c->peers[i]));
    q = json_pack("{s:s, s:s, s:o, s:I, s:I, s:b, s:b}", "op", "get", "course",
                  course, "peers", peers, "lesson", (json_int_t)c->lesson,
                  "timeout_ms", (json_int_t)c->timeout_ms, "offline",
                  c->offline, "check", c->check);
    if (q != NULL && c->to != NULL) {
        char *to = cli_path(c->to);

        if (to == NULL || json_object_set_new(q, "to", json_string(to)) != 0) {
            json_decref(q);
            q = NULL;
        }
        free(to);
    }
    return q;
}

static int get(struct cli *c, const char *course, json_t **out)
{
    int rc;

    if (c->listen == NULL && !c->offline)
        c->listen = "0.0.0.0:0"; /* learners feed each other */
    rc = cli_call(c, get_request(c, course), out);
    if (rc == ERR_CORRUPT || rc == ERR_MALFORMED)
        rc = ERR_FAILED; /* get never says 4: it is not the user's store */
    cli_add_title(c, *out);
    return rc;
}

int cmd_get(struct cli *c)
{
    json_t *r = NULL;
    int rc = get(c, c->words[0], &r);

    cli_answer(c, r, show_get);
    json_decref(r);
    return rc;
}

/* ---- update
 * ---------------------------------------------------------------------- */

static void show_check(struct cli *c, const json_t *r)
{
    (void)c;
    if (output_int(r, "fetch_chunks") == 0)
        printf(say(SAY_UP_TO_DATE), output_text(r, "title"),
               output_int(r, "edition"));
    else
        printf(say(SAY_WOULD_FETCH), output_text(r, "title"),
               output_int(r, "edition"),
               output_size((uint64_t)output_int(r, "fetch_bytes")).s,
               output_size((uint64_t)output_int(r, "bytes")).s,
               output_count(output_int(r, "fetch_chunks"), SAY_A_CHUNK).s);
    printf("\n");
}

/* The worst of many: a course that failed does not stop the others. */
static int update_all(struct cli *c, json_t *done)
{
    json_t *ls = NULL;
    const json_t *courses;
    struct err first = ERR_INIT;
    int worst = cli_call(c, json_pack("{s:s}", "op", "ls"), &ls);

    courses = json_object_get(ls, "courses");
    for (size_t i = 0; i < json_array_size(courses); i++) {
        const char *course = output_text(json_array_get(courses, i), "course");
        json_t *r = NULL;
        int rc = get(c, course, &r);

        if (r != NULL)
            (void)json_array_append_new(done, r);
        if (rc == ERR_INTERRUPTED || (rc != 0 && worst == 0)) {
            worst = rc;
            first = c->err;
        }
        if (rc == ERR_INTERRUPTED)
            break;
    }
    json_decref(ls);
    if (worst != 0 && first.code != 0)
        c->err = first;
    return worst;
}

static void show_all(struct cli *c, const json_t *r)
{
    const json_t *courses = json_object_get(r, "courses");

    if (json_array_size(courses) == 0)
        printf("%s\n", say(SAY_NO_COURSES));
    for (size_t i = 0; i < json_array_size(courses); i++)
        (c->check ? show_check : show_get)(c, json_array_get(courses, i));
}

int cmd_update(struct cli *c)
{
    json_t *r = NULL;
    int rc;

    if (c->word_count != 0) {
        rc = get(c, c->words[0], &r);
        cli_answer(c, r, c->check ? show_check : show_get);
    } else {
        json_t *done = json_array();

        r = json_pack("{s:i, s:o}", "v", 1, "courses", done);
        rc = update_all(c, done);
        cli_answer(c, r, show_all);
    }
    json_decref(r);
    return rc;
}

/* ---- rollback
 * ---------------------------------------------------------------------- */

static void show_rollback(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_ROLLED_BACK), output_text(r, "title"),
           output_int(r, "edition"), output_int(r, "from"));
    printf("\n");
    show_kept(r);
}

int cmd_rollback(struct cli *c)
{
    json_t *q =
        json_pack("{s:s, s:s}", "op", "rollback", "course", c->words[0]);
    json_t *r = NULL;
    char *end = NULL;
    long edition;
    int rc;

    if (c->word_count > 1) {
        edition = strtol(c->words[1], &end, 10);
        if (edition < 1 || *end != '\0') {
            json_decref(q);
            return err_set(&c->err, ERR_INVALID, say(SAY_NO_EDITION),
                           c->words[1]);
        }
        (void)json_object_set_new(q, "edition", json_integer(edition));
    }
    rc = cli_call(c, q, &r);
    cli_add_title(c, r);
    cli_answer(c, r, show_rollback);
    json_decref(r);
    return rc;
}
