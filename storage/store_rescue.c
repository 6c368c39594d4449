/* store_rescue: what lies in a file outside that is about to go, or to be
 * written over. */
#include "storage/store_internal.h"

#include <stdlib.h>

#define BATCH 16

struct rescue {
    struct chunk_ref *list;
    size_t count, cap;
    store_stays_fn *stays; /* NULL: nothing does */
    void *user;
    struct err *e;
};

bool store_file_intact(struct store *s, uint32_t file)
{
    const struct place *p;
    bool intact;

    index_lock(s->ix);
    s->looks++;
    p = store__place(s, file | INDEX_FILE);
    intact = p != NULL && p->settled && store__intact(s, p->no);
    index_unlock(s->ix);
    return intact;
}

static int note(void *user, const struct index_chunk *c)
{
    struct rescue *r = user;
    size_t cap = r->cap != 0 ? 2 * r->cap : 256;
    struct chunk_ref *grown;

    if (r->stays != NULL && r->stays(r->user, &c->ref.id, c->offset))
        return 0;
    if (r->count == r->cap) {
        grown = realloc(r->list, cap * sizeof *grown);
        if (grown == NULL)
            return err_set(r->e, ERR_NOMEM, "list");
        r->list = grown;
        r->cap = cap;
    }
    r->list[r->count++] = c->ref;
    return 0;
}

static int copy_all(struct store *s, const struct rescue *r, uint8_t *bytes,
                    struct err *e)
{
    struct store_item items[BATCH];
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < r->count && rc == 0; i++) {
        uint8_t *at = bytes + n * CHUNK_RAW_MAX;

        if (store_read(s, &r->list[i].id, at, CHUNK_RAW_MAX, NULL, NULL) == 0)
            items[n++] = (struct store_item){
                .ref = r->list[i], .data = at, .anew = true};
        if (n == BATCH || (n != 0 && i + 1 == r->count)) {
            rc = store_put(s, items, n, STORE_FETCHED, e);
            n = 0;
        }
    }
    return rc;
}

/* With the lock. */
static int list_leaving(struct store *s, uint32_t file, struct rescue *r)
{
    return index_in_place(s->ix, file | INDEX_FILE, 0, note, r, r->e);
}

int store_file_rescue(struct store *s, uint32_t file, store_stays_fn *stays,
                      void *user, struct err *e)
{
    struct rescue r = {.stays = stays, .user = user, .e = e};
    uint64_t bytes = 0;
    uint8_t *buf = NULL;
    int rc;

    index_lock(s->ix);
    rc = list_leaving(s, file, &r);
    index_unlock(s->ix);
    for (size_t i = 0; i < r.count; i++)
        bytes += r.list[i].stored_len;
    if (rc == 0 && r.count != 0)
        rc = store_room(s, bytes, e);
    if (rc == 0 && r.count != 0) {
        buf = malloc((r.count < BATCH ? r.count : BATCH) * CHUNK_RAW_MAX);
        rc = buf != NULL ? copy_all(s, &r, buf, e)
                         : err_set(e, ERR_NOMEM, "copy");
    }
    free(buf);
    free(r.list);
    return rc;
}

static int drop_all(struct store *s, const struct rescue *r)
{
    uint64_t dropped = 0;
    int rc = r->count != 0 ? index_begin(s->ix, r->e) : 0;

    if (r->count == 0 || rc != 0)
        return rc;
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        rc = index_drop(s->ix, &r->list[i].id, r->e);
        dropped += rc == 0 ? index_changed(s->ix) : 0;
    }
    rc = index_finish(s->ix, rc, r->e);
    if (rc == 0)
        s->chunks -= dropped;
    return rc;
}

int store_file_clear(struct store *s, uint32_t file, store_stays_fn *stays,
                     void *user, struct err *e)
{
    struct rescue r = {.stays = stays, .user = user, .e = e};
    int rc;

    index_lock(s->ix);
    rc = list_leaving(s, file, &r);
    if (rc == 0)
        rc = drop_all(s, &r);
    index_unlock(s->ix);
    free(r.list);
    return rc;
}
