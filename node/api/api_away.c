/* api_away: folders of courses that were moved or edited, and what that costs:
 * chunks that lay in them and that nobody can be given now. */
#include "node/api/api_internal.h"

struct away {
    struct api_call *call;
    json_t *list;
    int rc;
};

static void look(struct away *a, const char *course, const char *dir)
{
    struct api_call *call = a->call;
    uint32_t files;
    uint64_t bytes;

    if (a->rc == 0)
        a->rc =
            store_away(node_store(call->n), dir, &files, &bytes, &call->err);
    if (a->rc == 0 && files != 0)
        (void)json_array_append_new(
            a->list,
            json_pack("{s:s, s:s, s:I, s:I}", "course", course, "path", dir,
                      "files", (json_int_t)files, "bytes", (json_int_t)bytes));
}

/* inplace: the folder, its course. */
static void note_in_place(void *user, const char *dir,
                          const char *const *values, size_t count)
{
    if (count >= 1)
        look(user, values[0], dir);
}

/* fetched: the course, its folder. */
static void note_fetched(void *user, const char *course,
                         const char *const *values, size_t count)
{
    if (count >= 1)
        look(user, course, values[0]);
}

int api_away(struct api_call *call)
{
    struct away a = {call, json_array(), 0};

    journal_each(node_roots(call->n), "inplace", note_in_place, &a);
    journal_each(node_roots(call->n), "fetched", note_fetched, &a);
    call->result = json_pack("{s:i, s:o}", "v", 1, "away", a.list);
    return a.rc;
}
