/* api_diff: how two editions of a course differ, and what going from the one to
 * the other fetches. */
#include "node/api/api_internal.h"

#include "storage/delta.h"
#include "storage/diff.h"

struct editions { /* those that are known here and that are asked for */
    uint64_t newest, wanted[2];
    bool known[2];
    struct record_id id[2];
};

static void look_for(void *user, const struct record_id *edition, uint64_t seq)
{
    struct editions *x = user;

    if (x->newest == 0)
        x->newest = seq;
    if (x->wanted[1] == 0)
        x->wanted[1] = seq;
    else if (x->wanted[0] == 0 && seq < x->wanted[1])
        x->wanted[0] = seq; /* the one before */
    for (size_t i = 0; i < 2; i++) {
        if (seq != x->wanted[i] || x->known[i])
            continue;
        x->known[i] = true;
        x->id[i] = *edition;
    }
}

static int choose(struct api_call *call, const struct course_id *course,
                  struct editions *x)
{
    uint64_t missing;
    int rc;

    x->wanted[0] =
        (uint64_t)json_integer_value(json_object_get(call->args, "from"));
    x->wanted[1] =
        (uint64_t)json_integer_value(json_object_get(call->args, "to"));
    rc = catalog_editions(node_catalog(call->n), course, look_for, x,
                          &call->err);
    if (rc != 0 || (x->known[0] && x->known[1]))
        return rc;
    missing = x->known[1] ? x->wanted[0] : x->wanted[1];
    if (x->newest == 0)
        rc = err_set(&call->err, ERR_NOT_FOUND,
                     "no edition of this course is known here");
    else if (missing == 0)
        rc = err_set(&call->err, ERR_NOT_FOUND,
                     "edition %llu is the only one that is known here",
                     (unsigned long long)x->newest);
    else
        rc = err_set(&call->err, ERR_NOT_FOUND,
                     "edition %llu of this course is not known here",
                     (unsigned long long)missing);
    err_hint(&call->err, "lyceum info COURSE --versions shows which are");
    return rc;
}

static int load(struct api_call *call, const struct editions *x, size_t i,
                struct held_manifest **out)
{
    int rc = node_manifest_load(call->n, &x->id[i], out, &call->err);

    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = err_set(&call->err, ERR_PARTIAL,
                 "only the record of edition %llu is here, not its list of"
                 " files",
                 (unsigned long long)x->wanted[i]);
    if (x->wanted[i] == x->newest)
        err_hint(&call->err, "lyceum get brings the newest edition");
    else
        err_hint(&call->err,
                 "lyceum info COURSE --versions shows which editions are here");
    return rc;
}

struct lists {
    json_t *added, *removed, *changed, *moved;
    uint64_t unsure;
};

static void note(void *user, const struct diff_entry *d)
{
    struct lists *l = user;
    json_int_t bytes = (json_int_t)d->bytes;
    json_t *o;

    switch (d->kind) {
    case DIFF_ADDED:
    case DIFF_REMOVED:
        (void)json_array_append_new(
            d->kind == DIFF_ADDED ? l->added : l->removed,
            json_pack("{s:s, s:I}", "path", d->path, "bytes", bytes));
        break;
    case DIFF_CHANGED:
        o = json_pack("{s:s, s:I, s:I}", "path", d->path, "bytes", bytes,
                      "old_bytes", (json_int_t)d->old_bytes);
        if (d->unsure) {
            (void)json_object_set_new(o, "unsure", json_true());
            l->unsure++;
        }
        (void)json_array_append_new(l->changed, o);
        break;
    case DIFF_MOVED:
        (void)json_array_append_new(
            l->moved, json_pack("{s:s, s:s, s:I}", "from", d->old_path, "to",
                                d->path, "bytes", bytes));
        break;
    }
}

static int unsure(struct api_call *call, uint64_t count)
{
    int rc = err_set(&call->err, ERR_PARTIAL,
                     "%llu files may or may not have changed: their chunks are"
                     " not here",
                     (unsigned long long)count);

    err_hint(&call->err, "lyceum get brings the newest edition");
    return rc;
}

static int compare(struct api_call *call, const struct course_id *course,
                   const struct editions *x, struct held_manifest *const hm[2])
{
    struct lists l = {json_array(), json_array(), json_array(), json_array(),
                      0};
    struct buf title = BUF_INIT;
    struct delta d = {0};
    int rc = delta_plan(&hm[1]->m.table, &hm[0]->m.table, NULL, NULL, &d,
                        &call->err);

    if (rc == 0)
        rc = diff_editions(node_store(call->n), &hm[0]->m, &hm[1]->m,
                           &call->cancel, note, &l, &call->err);
    call->result = json_pack(
        "{s:i, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "v", 1, "course",
        course_id_hex(course).s, "from", (json_int_t)x->wanted[0], "to",
        (json_int_t)x->wanted[1], "added", l.added, "removed", l.removed,
        "changed", l.changed, "moved", l.moved, "fetch_chunks",
        (json_int_t)d.chunks, "fetch_bytes", (json_int_t)d.stored_bytes);
    api__title(call->n, course, &title);
    (void)json_object_set_new(
        call->result, "title",
        json_stringn((const char *)title.base, title.len));
    buf_deinit(&title);
    if (rc == 0)
        return l.unsure != 0 ? unsure(call, l.unsure) : 0;
    json_decref(call->result);
    call->result = NULL;
    return rc;
}

int api_diff(struct api_call *call)
{
    struct held_manifest *hm[2] = {NULL, NULL};
    struct editions x = {0};
    struct course_id course;
    int rc =
        api__resolve(call->n, api__text(call, "course"), &course, &call->err);

    if (rc == 0)
        rc = choose(call, &course, &x);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = load(call, &x, i, &hm[i]);
    if (rc == 0)
        rc = compare(call, &course, &x, hm);
    held_manifest_unref(hm[0]);
    held_manifest_unref(hm[1]);
    return rc;
}
