#include "node/driver/in_place.h"

#include <stdlib.h>
#include <string.h>

#include "storage/journal.h"

#define VERB "inplace"
#define PATH_CAP 4200

struct visit {
    struct node *n;
    const struct course_id *course;
    const char *path;
    bool found;
    bool same;
    void (*fn)(void *user, const char *dir, const struct record_id *edition);
    void *user;
};

bool in_place_is(struct node *n, const char *dir)
{
    char course[80];

    return journal_get(node_roots(n), VERB, dir, 0, course, sizeof course) == 0;
}

int in_place_keep(struct node *n, const char *dir, bool yes,
                  const struct course_id *course,
                  const struct record_id *edition, struct err *e)
{
    struct id_hex c = course_id_hex(course);
    struct id_hex r = record_id_hex(edition);
    const char *values[2] = {c.s, r.s};

    if (yes)
        return journal_set(node_roots(n), VERB, dir, values, 2, e);
    return in_place_is(n, dir) ? journal_unset(node_roots(n), VERB, dir, e) : 0;
}

static bool is_of(void *user, const char *const *values, size_t count)
{
    const struct id_hex *course = user;

    return count != 0 && strcmp(values[0], course->s) == 0;
}

int in_place_forget(struct node *n, const struct course_id *course,
                    struct err *e)
{
    struct id_hex hex = course_id_hex(course);

    return journal_prune(node_roots(n), VERB, is_of, &hex, e);
}

static void look_at(void *user, const char *dir, const char *const *values,
                    size_t count)
{
    struct visit *v = user;
    struct id_hex hex = course_id_hex(v->course);

    if (!is_of(&hex, values, count))
        return;
    v->found = true;
    v->same = v->same && store_files_same(node_store(v->n), dir);
}

bool in_place_course(struct node *n, const struct course_id *course,
                     bool *out_same)
{
    struct visit v = {.n = n, .course = course, .same = true};

    journal_each(node_roots(n), VERB, look_at, &v);
    if (out_same != NULL)
        *out_same = v.same;
    return v.found;
}

static void is_below(void *user, const char *dir, const char *const *values,
                     size_t count)
{
    struct visit *v = user;
    size_t n = strlen(dir);

    (void)values;
    (void)count;
    v->found |= strncmp(v->path, dir, n) == 0 &&
                (v->path[n] == '/' || v->path[n] == '\0');
}

bool in_place_away(struct node *n, const struct chunk_id *id)
{
    char path[PATH_CAP];
    struct visit v = {.n = n, .path = path};
    enum store_file_state state;

    if (store_file_of(node_store(n), id, path, sizeof path, &state) != 0 ||
        state == STORE_FILE_SAME)
        return false;
    journal_each(node_roots(n), VERB, is_below, &v);
    return v.found;
}

static void pass_on(void *user, const char *dir, const char *const *values,
                    size_t count)
{
    struct visit *v = user;
    struct record_id edition;

    if (count >= 2 && strlen(values[1]) == 2 * sizeof edition.b &&
        hex_decode(values[1], strlen(values[1]), edition.b, sizeof edition.b) ==
            0)
        v->fn(v->user, dir, &edition);
}

void in_place_each(struct node *n,
                   void (*fn)(void *user, const char *dir,
                              const struct record_id *edition),
                   void *user)
{
    struct visit v = {.n = n, .fn = fn, .user = user};

    journal_each(node_roots(n), VERB, pass_on, &v);
}
