/* import_lint: what is wrong with a folder before it is published. */
#include "storage/import_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/infer.h"
#include "storage/path_rules.h"

void import__note(char **list, size_t *count, size_t max, uint64_t *dropped,
                  const char *text)
{
    char *copy = *count < max ? strdup(text) : NULL;

    if (copy != NULL)
        list[(*count)++] = copy;
    else if (dropped != NULL)
        (*dropped)++;
}

void import__warn_names(const struct walk *w,
                        void (*say)(void *user, const char *text), void *user)
{
    for (size_t i = 0; i < w->count; i++) {
        const char *name = w->files[i].name;
        unsigned bits = path_warnings(name, strlen(name));
        char text[1400];

        for (unsigned b = 1; b != 0 && b <= bits; b <<= 1) {
            if ((bits & b) == 0)
                continue;
            (void)snprintf(text, sizeof text, "'%s': %s", name,
                           path_warning_text((enum path_warning)b));
            say(user, text);
        }
    }
}

int import__check_secrets(const struct walk *w, struct err *e)
{
    size_t more = 0;
    const char *first = NULL;
    int rc;

    for (size_t i = 0; i < w->count; i++) {
        if (!ignore_secret(w->files[i].name))
            continue;
        more += first != NULL;
        first = first != NULL ? first : w->files[i].name;
    }
    if (first == NULL)
        return 0;
    rc = err_set(e, ERR_REFUSED, "'%s' looks like a secret%s", first,
                 more != 0 ? ", and so do others" : "");
    err_hint(e, "publishing cannot be undone: name it in .lyceumignore, or say "
                "--allow-secrets");
    return rc;
}

/* ---- lint
 * ---------------------------------------------------------------------------------------------
 */

static void lint_say(void *user, const char *text)
{
    struct lint_report *r = user;
    char line[1600];

    (void)snprintf(line, sizeof line, "warning: %s", text);
    import__note(r->notes, &r->note_count, IMPORT_NOTES_MAX * 4, NULL, line);
    r->warnings++;
}

static void lint_error(struct lint_report *r, const struct err *e)
{
    char line[ERR_TEXT_MAX + 16];

    (void)snprintf(line, sizeof line, "error: %s", e->text);
    import__note(r->notes, &r->note_count, IMPORT_NOTES_MAX * 4, NULL, line);
    r->errors++;
}

int import_lint(const struct import_options *opt, struct lint_report *out,
                struct err *e)
{
    struct walk w = {.note = lint_say, .note_user = out, .fd = -1};
    struct err found = ERR_INIT;
    int rc;

    *out = (struct lint_report){0};
    rc = walk_open(opt->dir, &w, &found);
    if (rc == ERR_NOT_FOUND || rc == ERR_IO || rc == ERR_NOMEM) {
        if (e != NULL)
            *e = found;
        return rc;
    }
    if (rc != 0) {
        lint_error(out, &found);
        return 0;
    }
    out->files = w.count;
    out->bytes = w.bytes;
    import__warn_names(&w, lint_say, out);
    if (!opt->allow_secrets && import__check_secrets(&w, &found) != 0)
        lint_error(out, &found);
    if (infer_info(opt->dir, &w, &out->info, &found) != 0)
        lint_error(out, &found);
    walk_close(&w);
    return 0;
}

void lint_report_deinit(struct lint_report *r)
{
    course_info_deinit(&r->info);
    for (size_t i = 0; i < r->note_count; i++)
        free(r->notes[i]);
    r->note_count = 0;
}
