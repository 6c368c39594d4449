/* api_gc: what nobody needs goes: chunks of editions that are not shown any
 * more, and what fetches that nobody will resume have left. */
#include "node/api/api_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "crypto/edition.h"
#include "storage/partials.h"

#define OLDER_MAX 1000 /* editions looked at for one that is whole */

struct live { /* chunk ids in an open-addressed table */
    struct node *n;
    struct chunk_id *slots;
    size_t cap, count;
    struct record_id *filling; /* editions on their way into a folder */
    size_t filling_count;
    int rc; /* of the first course that cannot be looked through */
    struct err *err;
};

static size_t place_of(const struct live *l, const struct chunk_id *id)
{
    uint64_t h;
    size_t at;
    static const struct chunk_id none;

    memcpy(&h, id->b, sizeof h);
    at = (size_t)h & (l->cap - 1);
    while (!chunk_id_eq(&l->slots[at], &none) &&
           !chunk_id_eq(&l->slots[at], id))
        at = (at + 1) & (l->cap - 1);
    return at;
}

static int add_live(struct live *l, const struct chunk_id *id)
{
    size_t at;

    if (2 * (l->count + 1) > l->cap) {
        struct live grown = *l;

        grown.cap = l->cap ? 2 * l->cap : 4096;
        grown.slots = calloc(grown.cap, sizeof *grown.slots);
        if (grown.slots == NULL)
            return err_set(l->err, ERR_NOMEM, "gc");
        for (size_t i = 0; i < l->cap; i++)
            grown.slots[place_of(&grown, &l->slots[i])] = l->slots[i];
        free(l->slots);
        *l = grown;
    }
    at = place_of(l, id);
    if (!chunk_id_eq(&l->slots[at], id)) {
        l->slots[at] = *id;
        l->count++;
    }
    return 0;
}

static bool is_live(void *user, const struct chunk_id *id)
{
    const struct live *l = user;

    return l->cap != 0 && chunk_id_eq(&l->slots[place_of(l, id)], id);
}

/* Half a manifest: what there is of it. */
static int keep_blobs(struct live *l, const struct record_id *edition)
{
    struct chunk_table t = CHUNK_TABLE_INIT;
    struct buf bytes = BUF_INIT;
    struct edition_payload p;
    struct record r;
    int rc = catalog_get(node_catalog(l->n), edition, &bytes, l->err);

    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, node_network(l->n), &r,
                           l->err);
    if (rc == 0)
        rc = edition_decode(r.payload, &p, l->err);
    if (rc == 0)
        rc = chunk_table_from_blobs(p.index_blob, p.tree_blob, &t, l->err);
    for (uint32_t i = 0; i < t.count && rc == 0; i++)
        rc = add_live(l, &t.refs[i].id);
    chunk_table_deinit(&t);
    buf_deinit(&bytes);
    return rc == ERR_NOT_FOUND ? 0 : rc; /* not even its record is here */
}

/* What cannot be read just now may not look like what nobody wants. A manifest
 * that has not come yet, breaks the rules, or is an older edition's that no get
 * would mend, names no more than its blobs. */
static int keep_edition(struct live *l, const struct record_id *edition,
                        bool current)
{
    bool mend =
        current && catalog_held(node_catalog(l->n), edition) != HELD_NOTHING;
    struct held_manifest *hm = NULL;
    int rc = node_manifest_load(l->n, edition, &hm, l->err);

    if (rc == ERR_MALFORMED || rc == ERR_LIMIT ||
        ((rc == ERR_NOT_FOUND || rc == ERR_CORRUPT) && !mend))
        return keep_blobs(l, edition);
    for (uint32_t i = 0; rc == 0 && i < hm->m.table.count; i++)
        rc = add_live(l, &hm->m.table.refs[i].id);
    held_manifest_unref(hm);
    return rc;
}

static int keep_named(struct live *l, const char *verb, const char *course)
{
    struct record_id id;
    char hex[80];
    int rc = 0;

    for (size_t i = 1; rc == 0 && journal_get(node_roots(l->n), verb, course, i,
                                              hex, sizeof hex) == 0;
         i++)
        if (strlen(hex) == 2 * sizeof id.b &&
            hex_decode(hex, strlen(hex), id.b, sizeof id.b) == 0)
            rc = keep_edition(l, &id, false);
    return rc;
}

/* The newest, and down to one that is whole. Of courses published here, all. */
static int keep_chain(struct live *l, const struct course_id *course,
                      const char *hex)
{
    struct record_id id;
    uint64_t top;
    uint64_t last;
    bool whole = false;
    char dir[4096];
    bool own;
    int rc = catalog_current(node_catalog(l->n), course, &id, &top, l->err);

    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    own = journal_get(node_roots(l->n), "published", hex, 0, dir, sizeof dir) ==
          0;
    last = own || top < OLDER_MAX ? 1 : top - OLDER_MAX;
    for (uint64_t seq = top; seq >= last && (own || !whole) && rc == 0; seq--) {
        rc = catalog_edition(node_catalog(l->n), course, seq, &id, l->err);
        if (rc == 0) {
            rc = keep_edition(l, &id, seq == top);
            whole = catalog_held(node_catalog(l->n), &id) == HELD_COMPLETE;
        } else if (rc == ERR_NOT_FOUND) {
            rc = 0;
        }
    }
    return rc;
}

static int note_filling(struct live *l, const char *course)
{
    char hex[80];
    int rc = 0;

    for (size_t i = 1; rc == 0 && journal_get(node_roots(l->n), "filling",
                                              course, i, hex, sizeof hex) == 0;
         i++) {
        struct record_id *grown =
            realloc(l->filling, (l->filling_count + 1) * sizeof *l->filling);

        if (grown == NULL)
            return err_set(l->err, ERR_NOMEM, "gc");
        l->filling = grown;
        if (strlen(hex) == 2 * ID_BYTES &&
            hex_decode(hex, strlen(hex), grown[l->filling_count].b, ID_BYTES) ==
                0)
            l->filling_count++;
    }
    return rc;
}

static bool is_filling(void *user, const struct record_id *edition)
{
    const struct live *l = user;

    for (size_t i = 0; i < l->filling_count; i++)
        if (record_id_eq(&l->filling[i], edition))
            return true;
    return false;
}

/* Besides, the one that is shown, and what a folder holds or is about to. */
static int keep_editions(struct live *l, const struct course_id *course)
{
    struct id_hex hex = course_id_hex(course);
    struct record_id id;
    int rc = keep_chain(l, course, hex.s);

    if (rc == 0) {
        rc = api__local(l->n, course, &id, NULL, l->err);
        rc = rc == 0               ? keep_edition(l, &id, false)
             : rc == ERR_NOT_FOUND ? 0
                                   : rc;
    }
    if (rc == 0)
        rc = keep_named(l, "fetched", hex.s);
    if (rc == 0)
        rc = keep_named(l, "filling", hex.s);
    return rc != 0 ? rc : note_filling(l, hex.s);
}

static void keep_course(void *user, const struct course_id *course)
{
    struct live *l = user;

    if (l->rc != 0)
        return;
    l->rc = keep_editions(l, course);
    if (l->rc == ERR_NOT_FOUND || l->rc == ERR_CORRUPT)
        err_hint(l->err, "lyceum get %.16s mends it, lyceum rm gives it up",
                 course_id_hex(course).s);
    if (l->rc != 0)
        err_wrap(l->err, "course '%.16s'", course_id_hex(course).s);
}

static pthread_mutex_t sweeping = PTHREAD_MUTEX_INITIALIZER;
static uint64_t mark; /* another one after each sweep; 0 = none yet */

/* Any value but the last one, of another run of the node too. */
static void new_mark(void)
{
    uint64_t m;

    randombytes_buf(&m, sizeof m);
    mark = m >> 12 | 1; /* JSON has 53 bits */
}

uint64_t api__sweep_mark(void)
{
    if (mark == 0)
        new_mark();
    return mark;
}

void api__hold_sweeps(void)
{
    (void)pthread_mutex_lock(&sweeping);
}

void api__let_sweeps(void)
{
    (void)pthread_mutex_unlock(&sweeping);
}

int api_gc(struct api_call *call)
{
    struct live l = {.n = call->n, .err = &call->err};
    struct store_swept swept = {0};
    uint64_t partial_bytes = 0;
    int rc;

    api__hold_sweeps();
    rc = catalog_courses(node_catalog(call->n), keep_course, &l, &call->err);
    if (rc == 0)
        rc = l.rc;
    if (rc == 0)
        rc = partials_sweep(node_store(call->n), node_home(call->n), is_filling,
                            is_live, &l, &partial_bytes, &call->err);
    if (rc == 0)
        rc = store_sweep(node_store(call->n), is_live, &l, &call->cancel,
                         &swept, &call->err);
    new_mark();
    api__let_sweeps();
    free(l.slots);
    free(l.filling);
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:I, s:I, s:I}", "v", 1, "removed_chunks",
                      (json_int_t)swept.chunks_removed, "freed_bytes",
                      (json_int_t)(swept.bytes_freed + partial_bytes),
                      "packs_rewritten", (json_int_t)swept.packs_rewritten);
    return rc;
}
