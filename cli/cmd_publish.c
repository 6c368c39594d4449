/* publish, lint and new: from a folder to a signed course. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/causes.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/sign.h"
#include "crypto/did.h"
#include "storage/file_io.h"
#include "storage/import.h"

static void show_notes(struct cli *c, const json_t *r)
{
    const json_t *notes = json_object_get(r, "notes");

    for (size_t i = 0; i < json_array_size(notes) && !c->quiet; i++) {
        char *note = causes_say(json_string_value(json_array_get(notes, i)));
        char *s = output_safe(note);

        fprintf(stderr, say(SAY_NOTE), s);
        fprintf(stderr, "\n");
        free(s);
        free(note);
    }
}

static void show(struct cli *c, const json_t *r)
{
    char *title = output_safe(output_text(r, "title"));
    enum say first = c->dry_run ? SAY_WOULD_PUBLISH
                     : json_is_true(json_object_get(r, "unchanged"))
                         ? SAY_UNCHANGED
                         : SAY_PUBLISHED;

    printf(say(first), title, output_int(r, "edition"));
    printf("\n");
    printf(say(SAY_SIZES), output_count(output_int(r, "files"), SAY_A_FILE).s,
           output_size((uint64_t)output_int(r, "bytes")).s,
           output_count(output_int(r, "chunks"), SAY_A_CHUNK).s,
           output_size((uint64_t)output_int(r, "stored_bytes")).s,
           output_size((uint64_t)output_int(r, "new_stored_bytes")).s);
    printf("\n");
    if (json_is_true(json_object_get(r, "in_place"))) {
        printf("%s", say(SAY_IN_PLACE));
        printf("\n");
    }
    if (!c->dry_run) {
        printf(say(SAY_TICKET_IS), output_text(r, "ticket"));
        printf("\n");
    }
    free(title);
}

static json_t *prepare_request(struct cli *c)
{
    char *dir = realpath(c->words[0], NULL);
    json_t *q;

    if (dir == NULL)
        return NULL;
    q = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "op",
                  "publish.prepare", "dir", dir, "dry_run", c->dry_run,
                  "allow_secrets", c->allow_secrets, "best", c->best,
                  "in_place", c->in_place, "copy", c->copy, "reread", c->reread,
                  "yes", c->yes);
    free(dir);
    if (q != NULL && c->course != NULL)
        (void)json_object_set_new(q, "course", json_string(c->course));
    return q;
}

static void take_over(json_t *to, const json_t *from, const char *key)
{
    (void)json_object_set(to, key, json_object_get(from, key));
}

static int commit(struct cli *c, json_t *r, const struct identity *id)
{
    const json_t *course = json_object_get(r, "course_payload");
    json_t *q = json_pack("{s:s}", "op", "publish.commit");
    json_t *done = NULL;
    char *hex = NULL;
    int rc = 0;

    take_over(q, r, "course");
    take_over(q, r, "root");
    take_over(q, r, "mark");
    take_over(q, r, "dir");
    take_over(q, r, "in_place");
    if (course != NULL) {
        rc =
            sign_payload(c, id, RECORD_COURSE, json_string_value(course), &hex);
        if (rc == 0)
            (void)json_object_set_new(q, "course_record", json_string(hex));
        free(hex);
        hex = NULL;
    }
    if (rc == 0)
        rc = sign_payload(c, id, RECORD_EDITION,
                          output_text(r, "edition_payload"), &hex);
    if (rc == 0)
        (void)json_object_set_new(q, "edition_record", json_string(hex));
    free(hex);
    if (rc != 0) {
        json_decref(q);
        return rc;
    }
    rc = cli_call(c, q, &done);
    if (rc == 0)
        take_over(r, done, "record");
    json_decref(done);
    return rc;
}

static int add_ticket(struct cli *c, json_t *r)
{
    json_t *t = NULL;
    int rc = cli_call(c,
                      json_pack("{s:s, s:s}", "op", "ticket", "course",
                                output_text(r, "course")),
                      &t);

    if (rc == 0)
        take_over(r, t, "ticket");
    json_decref(t);
    return rc;
}

static void drop_internals(json_t *r)
{
    static const char *const keys[] = {
        "course_payload", "edition_payload", "root", "mark", "dir", "ask",
        "must_ask",       "new_course"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        (void)json_object_del(r, keys[i]);
}

/* Is there a newer edition than this home knows of? Two of one number would be
 * for ever. A home that may be behind needs an answer, or a yes. */
static int ask_head(struct cli *c, json_t *r)
{
    bool must = json_is_true(json_object_get(r, "must_ask")) && !c->yes;
    json_t *peers = json_array();
    json_t *done = NULL;
    int rc;

    for (size_t i = 0; i < c->peer_count; i++)
        (void)json_array_append_new(peers, json_string(c->peers[i]));
    if (must && !c->quiet)
        fprintf(stderr, "%s\n", say(SAY_ASKING_HEAD));
    rc = cli_call(c,
                  json_pack("{s:s, s:O, s:O, s:b, s:b, s:I, s:o}", "op",
                            "publish.ask", "course",
                            json_object_get(r, "course"), "edition",
                            json_object_get(r, "edition"), "must", must,
                            "offline", c->offline, "timeout_ms",
                            (json_int_t)c->timeout_ms, "peers", peers),
                  &done);
    if (rc == 0)
        take_over(r, done, "asked");
    json_decref(done);
    return rc;
}

/* What is about to be signed, before a passphrase is asked for. */
static int show_what_is_signed(struct cli *c, const json_t *r)
{
    char did[DID_TEXT_MAX];
    bool sealed = false;
    int rc = sign_sealed(c, &sealed, did);

    if (rc == 0 && sealed && !c->quiet) {
        char *title = output_safe(output_text(r, "title"));

        fprintf(stderr, say(SAY_SIGNING), title, output_int(r, "edition"), did);
        fprintf(stderr, "\n");
        free(title);
    }
    return rc;
}

int cmd_publish(struct cli *c)
{
    struct identity *id = NULL;
    json_t *q = prepare_request(c);
    json_t *r = NULL;
    int rc;

    if (c->in_place && c->copy) {
        json_decref(q);
        rc = err_set(&c->err, ERR_INVALID, "%s", say(SAY_PLACE_OR_COPY));
        err_hint(&c->err, say(SAY_TRY_HELP), " ", "publish");
        return rc;
    }
    if (q == NULL)
        return err_set(&c->err, ERR_NOT_FOUND, "there is no '%.200s'",
                       c->words[0]);
    rc = cli_call(c, q, &r);
    if (rc == 0)
        show_notes(c, r);
    if (rc == 0 && !c->dry_run &&
        !json_is_true(json_object_get(r, "unchanged"))) {
        if (json_is_true(json_object_get(r, "ask")))
            rc = ask_head(c, r);
        if (rc == 0)
            rc = show_what_is_signed(c, r);
        if (rc == 0)
            rc = sign_unlock(c, &id);
        if (rc == 0)
            rc = commit(c, r, id);
    }
    if (rc == 0 && !c->dry_run)
        rc = add_ticket(c, r);
    if (rc == 0) {
        drop_internals(r);
        cli_answer(c, r, show);
    }
    if (id != NULL)
        identity_free(id);
    json_decref(r);
    return rc;
}

/* ---- lint
 * ----------------------------------------------------------------------------
 */

static void show_lint(struct cli *c, const json_t *r)
{
    const json_t *notes = json_object_get(r, "notes");

    (void)c;
    for (size_t i = 0; i < json_array_size(notes); i++) {
        char *note = causes_say(json_string_value(json_array_get(notes, i)));

        output_line(note);
        free(note);
    }
    if (output_int(r, "errors") != 0)
        printf(say(SAY_LINT_BAD), output_int(r, "errors"));
    else
        printf(say(SAY_LINT_GOOD),
               output_count(output_int(r, "files"), SAY_A_FILE).s,
               output_size((uint64_t)output_int(r, "bytes")).s);
    printf("\n");
}

int cmd_lint(struct cli *c)
{
    struct import_options opt = {.dir = c->words[0],
                                 .allow_secrets = c->allow_secrets};
    json_t *notes = json_array();
    struct lint_report report;
    json_t *r;
    int rc = import_lint(&opt, &report, &c->err);

    if (rc != 0) {
        json_decref(notes);
        return rc;
    }
    for (size_t i = 0; i < report.note_count; i++)
        (void)json_array_append_new(notes, json_string(report.notes[i]));
    r = json_pack("{s:i, s:b, s:I, s:I, s:I, s:I, s:o}", "v", 1, "ok",
                  report.errors == 0, "errors", (json_int_t)report.errors,
                  "warnings", (json_int_t)report.warnings, "files",
                  (json_int_t)report.files, "bytes", (json_int_t)report.bytes,
                  "notes", notes);
    cli_answer(c, r, show_lint);
    if (report.errors != 0)
        rc = err_set(&c->err, ERR_INVALID, "%s",
                     report.note_count ? report.notes[0] : "errors");
    json_decref(r);
    lint_report_deinit(&report);
    return rc;
}

/* ---- new
 * -------------------------------------------------------------------------------
 */

static const char yaml_text[] =
    "# What this course is. Everything here is optional; docs: course.yaml.md\n"
    "title: My course\n"
    "summary: What a learner can do after it.\n"
    "language: en\n"
    "level: beginner\n"
    "tags: [programming]\n"
    "licence: CC-BY-SA-4.0\n";
static const char page_text[] =
    "# Welcome\n\nWrite lessons as Markdown, put videos beside them.\n";

static int put_file(struct cli *c, const char *dir, const char *name,
                    const char *text)
{
    char path[4096];
    FILE *f;
    int rc = 0;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wx");
    if (f == NULL)
        return err_errno(&c->err, errno, "create '%s'", path);
    if (fputs(text, f) < 0)
        rc = err_errno(&c->err, errno, "write '%s'", path);
    if (fclose(f) != 0 && rc == 0)
        rc = err_errno(&c->err, errno, "write '%s'", path);
    return rc;
}

static void show_new(struct cli *c, const json_t *r)
{
    (void)r;
    printf(say(SAY_MADE), c->words[0], c->words[0]);
    printf("\n");
}

int cmd_new(struct cli *c)
{
    const char *dir = c->words[0];
    char lessons[4096];
    json_t *r;
    int rc = 0;

    (void)snprintf(lessons, sizeof lessons, "%s/01-start", dir);
    if (strlen(dir) > sizeof lessons - 32)
        return err_errno(&c->err, ENAMETOOLONG, "make folder '%.200s'", dir);
    if (mkdir(dir, 0777) != 0 || mkdir(lessons, 0777) != 0)
        return err_errno(&c->err, errno, "make folder '%s'", dir);
    rc = put_file(c, dir, "course.yaml", yaml_text);
    if (rc == 0)
        rc = put_file(c, lessons, "01-welcome.md", page_text);
    if (rc != 0)
        return rc;
    r = json_pack("{s:i, s:s}", "v", 1, "dir", dir);
    cli_answer(c, r, show_new);
    json_decref(r);
    return 0;
}
