#include "storage/course_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define DEPTH_MAX 8
#define NODES_MAX 50000

struct reader {
    yaml_parser_t parser;
    yaml_event_t ev;
    bool has_event;
    unsigned nodes;
    int depth;
    struct course_info *out;
    struct err *e;
};

__attribute__((format(printf, 2, 3))) static int bad(struct reader *r,
                                                     const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(r->e, ERR_INVALID, "course.yaml:%zu: %s",
                   r->ev.start_mark.line + 1, text);
}

static int nest(struct reader *r)
{
    if (r->ev.type == YAML_MAPPING_START_EVENT ||
        r->ev.type == YAML_SEQUENCE_START_EVENT)
        r->depth++;
    else if (r->ev.type == YAML_MAPPING_END_EVENT ||
             r->ev.type == YAML_SEQUENCE_END_EVENT)
        r->depth--;
    return r->depth > DEPTH_MAX ? bad(r, "nested too deep") : 0;
}

static int next(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->ev);
    r->has_event = false;
    if (!yaml_parser_parse(&r->parser, &r->ev))
        return err_set(r->e, ERR_INVALID, "course.yaml:%zu: %s",
                       r->parser.problem_mark.line + 1,
                       r->parser.problem ? r->parser.problem : "not YAML");
    r->has_event = true;
    if (r->ev.type == YAML_ALIAS_EVENT)
        return bad(r, "aliases are not taken");
    if (++r->nodes > NODES_MAX)
        return bad(r, "too long");
    return nest(r);
}

static int take_text(struct reader *r, char **out)
{
    const char *v;

    if (r->ev.type != YAML_SCALAR_EVENT)
        return bad(r, "a text is wanted here");
    v = (const char *)r->ev.data.scalar.value;
    if (strlen(v) != r->ev.data.scalar.length)
        return bad(r, "a NUL inside a text");
    if (*out != NULL)
        return bad(r, "the same key twice");
    *out = strdup(v);
    return *out != NULL ? next(r) : err_set(r->e, ERR_NOMEM, "course.yaml");
}

static int take_list(struct reader *r, char **list, size_t *count)
{
    int rc;

    if (r->ev.type != YAML_SEQUENCE_START_EVENT)
        return bad(r, "a list is wanted here");
    rc = next(r);
    while (rc == 0 && r->ev.type != YAML_SEQUENCE_END_EVENT) {
        if (*count == COURSE_LIST_MAX)
            return bad(r, "over 32 entries");
        list[*count] = NULL;
        rc = take_text(r, &list[*count]);
        *count += list[*count] != NULL;
    }
    return rc == 0 ? next(r) : rc;
}

/* The key of the next pair into @key; *out_more false at the end of the map. */
static int take_key(struct reader *r, char key[64], bool *out_more)
{
    *out_more = r->ev.type != YAML_MAPPING_END_EVENT;
    if (!*out_more)
        return next(r);
    if (r->ev.type != YAML_SCALAR_EVENT || r->ev.data.scalar.length >= 64)
        return bad(r, "a key is wanted here");
    (void)snprintf(key, 64, "%s", (const char *)r->ev.data.scalar.value);
    return 0;
}

static int take_bool(struct reader *r, bool *out)
{
    char *text = NULL;
    int rc = take_text(r, &text);

    if (rc == 0 && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        rc = bad(r, "true or false is wanted, not '%s'", text);
    *out = rc == 0 && strcmp(text, "true") == 0;
    free(text);
    return rc;
}

static int take_seconds(struct reader *r, uint32_t *out)
{
    unsigned long v[3] = {0};
    char *text = NULL;
    char *at;
    size_t n = 0;
    int rc = take_text(r, &text);

    for (at = text; rc == 0 && n < 3; at++) { /* S, M:S or H:M:S */
        char *end;

        v[n++] = strtoul(at, &end, 10);
        if (end == at || v[n - 1] > 100000)
            rc = bad(r, "a duration like 90, 1:30 or 1:00:00, not '%s'", text);
        at = end;
        if (rc == 0 && *at != ':') {
            if (*at != '\0')
                rc = bad(r, "a duration like 90, 1:30 or 1:00:00, not '%s'",
                         text);
            break;
        }
    }
    if (rc == 0)
        *out = (uint32_t)(n == 1   ? v[0]
                          : n == 2 ? v[0] * 60 + v[1]
                                   : v[0] * 3600 + v[1] * 60 + v[2]);
    free(text);
    return rc;
}

static int take_lesson_map(struct reader *r, struct course_lesson *l)
{
    bool more = true;
    char key[64];
    int rc = next(r);

    while (rc == 0) {
        rc = take_key(r, key, &more);
        if (rc != 0 || !more)
            break;
        rc = next(r);
        if (rc != 0)
            break;
        if (strcmp(key, "path") == 0)
            rc = take_text(r, &l->path);
        else if (strcmp(key, "title") == 0)
            rc = take_text(r, &l->title);
        else if (strcmp(key, "preview") == 0)
            rc = take_bool(r, &l->preview);
        else if (strcmp(key, "duration") == 0)
            rc = take_seconds(r, &l->duration_s);
        else
            rc = bad(r, "unknown key '%s' in a lesson", key);
    }
    if (rc == 0 && l->path == NULL)
        rc = bad(r, "a lesson without path");
    return rc;
}

static int take_lessons(struct reader *r, struct course_module *m)
{
    int rc;

    if (r->ev.type != YAML_SEQUENCE_START_EVENT)
        return bad(r, "a list of lessons is wanted here");
    rc = next(r);
    while (rc == 0 && r->ev.type != YAML_SEQUENCE_END_EVENT) {
        struct course_lesson *grown =
            realloc(m->lessons, (m->lesson_count + 1) * sizeof *grown);

        if (grown == NULL)
            return err_set(r->e, ERR_NOMEM, "course.yaml");
        m->lessons = grown;
        m->lessons[m->lesson_count] = (struct course_lesson){0};
        m->lesson_count++;
        if (r->ev.type == YAML_MAPPING_START_EVENT)
            rc = take_lesson_map(r, &m->lessons[m->lesson_count - 1]);
        else
            rc = take_text(r, &m->lessons[m->lesson_count - 1].path);
    }
    return rc == 0 ? next(r) : rc;
}

static int take_module(struct reader *r, struct course_module *m)
{
    bool more = true;
    char key[64];
    int rc;

    if (r->ev.type != YAML_MAPPING_START_EVENT)
        return bad(r, "a module with title and lessons is wanted here");
    rc = next(r);
    while (rc == 0) {
        rc = take_key(r, key, &more);
        if (rc != 0 || !more)
            break;
        rc = next(r);
        if (rc != 0)
            break;
        if (strcmp(key, "title") == 0)
            rc = take_text(r, &m->title);
        else if (strcmp(key, "lessons") == 0)
            rc = take_lessons(r, m);
        else
            rc = bad(r, "unknown key '%s' in a module", key);
    }
    if (rc == 0 && m->title == NULL)
        rc = bad(r, "a module without title");
    return rc;
}

static int take_modules(struct reader *r)
{
    struct course_info *c = r->out;
    int rc;

    if (r->ev.type != YAML_SEQUENCE_START_EVENT)
        return bad(r, "a list of modules is wanted here");
    rc = next(r);
    while (rc == 0 && r->ev.type != YAML_SEQUENCE_END_EVENT) {
        struct course_module *grown =
            realloc(c->modules, (c->module_count + 1) * sizeof *grown);

        if (grown == NULL)
            return err_set(r->e, ERR_NOMEM, "course.yaml");
        c->modules = grown;
        c->modules[c->module_count] = (struct course_module){0};
        c->module_count++;
        rc = take_module(r, &c->modules[c->module_count - 1]);
    }
    return rc == 0 ? next(r) : rc;
}

static int take_pair(struct reader *r, const char *key)
{
    struct course_info *c = r->out;
    const struct {
        const char *key;
        char **text;
    } texts[] = {
        {"id", &c->id},
        {"title", &c->title},
        {"summary", &c->summary},
        {"language", &c->language},
        {"level", &c->level},
        {"licence", &c->licence},
        {"change", &c->change_note},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(key, texts[i].key) == 0)
            return take_text(r, texts[i].text);
    if (strcmp(key, "tags") == 0)
        return take_list(r, c->tags, &c->tag_count);
    if (strcmp(key, "teaches") == 0)
        return take_list(r, c->teaches, &c->teach_count);
    if (strcmp(key, "requires") == 0)
        return take_list(r, c->requires_, &c->require_count);
    if (strcmp(key, "modules") == 0)
        return take_modules(r);
    return bad(r, "unknown key '%s'", key);
}

static int take_document(struct reader *r)
{
    bool more = true;
    char key[64];
    int rc = next(r);

    while (rc == 0 && (r->ev.type == YAML_STREAM_START_EVENT ||
                       r->ev.type == YAML_DOCUMENT_START_EVENT))
        rc = next(r);
    if (rc == 0 && r->ev.type == YAML_STREAM_END_EVENT)
        return 0; /* an empty file says nothing */
    if (rc == 0 && r->ev.type != YAML_MAPPING_START_EVENT)
        return bad(r, "keys and values are wanted");
    rc = rc == 0 ? next(r) : rc;
    while (rc == 0) {
        rc = take_key(r, key, &more);
        if (rc != 0 || !more)
            break;
        /* An unknown key is named with its own line. */
        if (rc == 0) {
            size_t line = r->ev.start_mark.line;

            rc = next(r);
            r->ev.start_mark.line = line;
        }
        if (rc == 0)
            rc = take_pair(r, key);
    }
    if (rc == 0 && r->ev.type == YAML_DOCUMENT_END_EVENT)
        rc = next(r);
    if (rc == 0 && r->ev.type != YAML_STREAM_END_EVENT)
        rc = bad(r, "more than one document");
    return rc;
}

int course_yaml_parse(const uint8_t *yaml, size_t len, struct course_info *out,
                      struct err *e)
{
    struct course_info info = {0};
    struct reader r = {.out = &info, .e = e};
    int rc;

    if (len > COURSE_YAML_MAX)
        return err_set(e, ERR_INVALID, "course.yaml is over 256 KiB");
    if (!yaml_parser_initialize(&r.parser))
        return err_set(e, ERR_NOMEM, "course.yaml");
    yaml_parser_set_input_string(&r.parser, yaml, len);
    rc = take_document(&r);
    if (r.has_event)
        yaml_event_delete(&r.ev);
    yaml_parser_delete(&r.parser);
    if (rc == 0)
        *out = info;
    else
        course_info_deinit(&info);
    return rc;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
}

void course_info_deinit(struct course_info *c)
{
    free(c->id);
    free(c->title);
    free(c->summary);
    free(c->language);
    free(c->level);
    free(c->licence);
    free(c->change_note);
    free_list(c->tags, c->tag_count);
    free_list(c->teaches, c->teach_count);
    free_list(c->requires_, c->require_count);
    for (size_t i = 0; i < c->module_count; i++) {
        for (size_t k = 0; k < c->modules[i].lesson_count; k++) {
            free(c->modules[i].lessons[k].title);
            free(c->modules[i].lessons[k].path);
        }
        free(c->modules[i].lessons);
        free(c->modules[i].title);
    }
    free(c->modules);
    *c = (struct course_info){0};
}
