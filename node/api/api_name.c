/* api_name: how people name courses: by id prefix, slug of the title, or
 * ticket; and how they can name those that are here. */
#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "crypto/course.h"
#include "crypto/edition.h"
#include "node/wire/ticket.h"

#define PREFIX_MIN 4

static int payload_title(struct node *n, const struct record_id *id,
                         struct buf *out)
{
    struct buf bytes = BUF_INIT;
    struct edition_payload ed;
    struct course_payload co;
    struct record r;
    int rc = catalog_get(node_catalog(n), id, &bytes, NULL);

    if (rc == 0)
        rc = record_reopen(bytes.base, bytes.len, node_network(n), &r, NULL);
    if (rc == 0 && r.type == RECORD_EDITION &&
        edition_decode(r.payload, &ed, NULL) == 0)
        rc = buf_append(out, ed.title.p, ed.title.len);
    else if (rc == 0 && r.type == RECORD_COURSE &&
             course_decode(r.payload, &co, NULL) == 0)
        rc = buf_append(out, co.title.p, co.title.len);
    buf_deinit(&bytes);
    return rc;
}

void api__title(struct node *n, const struct course_id *course, struct buf *out)
{
    struct record_id id;

    if (catalog_current(node_catalog(n), course, &id, NULL, NULL) == 0 &&
        payload_title(n, &id, out) == 0)
        return;
    memcpy(id.b, course->b, sizeof id.b);
    (void)payload_title(n, &id, out);
}

void api__slug(const struct buf *title, struct buf *out)
{
    utf8proc_int32_t cp;
    size_t at = 0;
    bool dash = false;

    while (at < title->len) {
        utf8proc_ssize_t k = utf8proc_iterate(
            title->base + at, (utf8proc_ssize_t)(title->len - at), &cp);
        utf8proc_uint8_t bytes[4];
        utf8proc_category_t cat;

        if (k <= 0)
            break;
        at += (size_t)k;
        cp = utf8proc_tolower(cp);
        cat = utf8proc_category(cp);
        if (cat <= UTF8PROC_CATEGORY_NO && cat != UTF8PROC_CATEGORY_CN) {
            if (dash && out->len != 0)
                (void)buf_append_str(out, "-");
            dash = false;
            k = utf8proc_encode_char(cp, bytes);
            (void)buf_append(out, bytes, (size_t)k);
        } else {
            dash = true;
        }
    }
}

struct search {
    struct node *n;
    const char *name;
    size_t len;
    bool is_hex;
    struct course_id found;
    unsigned count;
    char list[400];
};

static void consider(void *user, const struct course_id *course)
{
    struct search *s = user;
    struct id_hex hex = course_id_hex(course);
    struct buf title = BUF_INIT;
    struct buf slug = BUF_INIT;
    bool fits = s->is_hex && strncasecmp(hex.s, s->name, s->len) == 0;

    if (!fits && s->is_hex && s->len == sizeof hex.s - 1)
        return; /* a whole id: no title is like that */
    api__title(s->n, course, &title);
    api__slug(&title, &slug);
    fits |= slug.len == s->len && slug.len != 0 &&
            memcmp(slug.base, s->name, s->len) == 0;
    if (fits) {
        size_t used = strlen(s->list);

        s->found = *course;
        s->count++;
        (void)snprintf(s->list + used, sizeof s->list - used, "%s%.12s (%.*s)",
                       used ? ", " : "", hex.s,
                       (int)(title.len < 60 ? title.len : 60),
                       title.base ? (const char *)title.base : "");
    }
    buf_deinit(&slug);
    buf_deinit(&title);
}

static int resolve_ticket(const char *name, struct course_id *out,
                          struct err *e)
{
    struct ticket t;
    int rc;

    ticket_init(&t);
    rc = ticket_decode(name, strlen(name), &t, e);
    if (rc == 0)
        *out = t.course;
    else
        rc = ERR_INVALID;
    ticket_deinit(&t);
    return rc;
}

int api__resolve(struct node *n, const char *name, struct course_id *out,
                 struct err *e)
{
    struct search s = {.n = n, .name = name};
    int rc;

    if (name == NULL)
        return err_set(e, ERR_INVALID, "no course named");
    if (ticket_is(name))
        return resolve_ticket(name, out, e);
    s.len = strlen(name);
    s.is_hex = s.len >= PREFIX_MIN && s.len <= 64 &&
               strspn(name, "0123456789abcdefABCDEF") == s.len;
    rc = catalog_courses(node_catalog(n), consider, &s, e);
    if (rc != 0)
        return rc;
    if (s.count > 1) {
        rc = err_set(e, ERR_AMBIGUOUS, "'%.40s' fits %u courses: %s", name,
                     s.count, s.list);
        err_hint(e, "use more digits of the id");
        return rc;
    }
    if (s.count == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no course '%.60s' is known here", name);
        err_hint(e, "lyceum ls shows what is here; a ticket names any course");
        return rc;
    }
    *out = s.found;
    return 0;
}

/* ---- what can be named ------------------------------------------------ */

#define PATHS_MAX 1000

struct naming {
    struct node *n;
    json_t *courses;
};

static json_t *text_of(const struct buf *b)
{
    return json_stringn(b->base != NULL ? (const char *)b->base : "", b->len);
}

static void name_one(void *user, const struct course_id *course)
{
    struct naming *l = user;
    struct buf title = BUF_INIT;
    struct buf slug = BUF_INIT;

    api__title(l->n, course, &title);
    api__slug(&title, &slug);
    (void)json_array_append_new(
        l->courses,
        json_pack("{s:s, s:o*, s:o*}", "course", course_id_hex(course).s,
                  "slug", text_of(&slug), "title", text_of(&title)));
    buf_deinit(&slug);
    buf_deinit(&title);
}

int api_names(struct api_call *call)
{
    struct naming l = {call->n, json_array()};
    int rc = catalog_courses(node_catalog(call->n), name_one, &l, &call->err);

    call->result = json_pack("{s:i, s:o}", "v", 1, "courses", l.courses);
    return rc;
}

/* @path up to the next folder behind @n bytes, if it is another than the last.
 */
static void add_path(json_t *paths, const char *path, size_t n)
{
    size_t count = json_array_size(paths);
    const char *last =
        count != 0 ? json_string_value(json_array_get(paths, count - 1)) : "";
    const char *slash = strchr(path + n, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : strlen(path);

    if (strlen(last) != len || memcmp(last, path, len) != 0)
        (void)json_array_append_new(paths, json_stringn(path, len));
}

int api_paths(struct api_call *call)
{
    const char *prefix = api__text(call, "prefix");
    size_t n = prefix != NULL ? strlen(prefix) : 0;
    struct held_manifest *hm = NULL;
    struct record_id edition;
    struct course_id course;
    json_t *paths;
    int rc =
        api__resolve(call->n, api__text(call, "course"), &course, &call->err);

    if (rc == 0)
        rc = api__local(call->n, &course, &edition, NULL, &call->err);
    if (rc == 0)
        rc = node_manifest_load(call->n, &edition, &hm, &call->err);
    if (rc != 0)
        return rc;
    paths = json_array();
    for (uint32_t i = 0;
         i < hm->m.file_count && json_array_size(paths) < PATHS_MAX; i++)
        if (n == 0 || strncmp(hm->m.files[i].path, prefix, n) == 0)
            add_path(paths, hm->m.files[i].path, n);
    held_manifest_unref(hm);
    call->result = json_pack("{s:i, s:o}", "v", 1, "paths", paths);
    return 0;
}
