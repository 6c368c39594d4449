/* store_read: chunks leave, and only as they came. */
#include "storage/store_internal.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "storage/file_io.h"
#include "storage/pack.h"

/* Unless somebody has put or moved it meanwhile. */
static void drop_row(struct store *s, const struct index_chunk *seen)
{
    struct index_chunk now;

    index_lock(s->ix);
    if (index_find(s->ix, &seen->ref.id, &now, NULL) == 0 &&
        now.place == seen->place && now.offset == seen->offset &&
        index_drop(s->ix, &seen->ref.id, NULL) == 0) {
        s->chunks--;
        s->unsettled = true;
    }
    index_unlock(s->ix);
}

static int locate(struct store *s, const struct chunk_id *id, size_t cap,
                  struct index_chunk *out, int *out_fd, struct err *e)
{
    int rc;

    index_lock(s->ix);
    s->looks++;
    rc = index_find(s->ix, id, out, e);
    if (rc == ERR_NOT_FOUND)
        (void)err_set(e, rc, "not held");
    else if (rc == 0 && out->ref.stored_len > cap)
        rc = err_set(e, ERR_LIMIT, "%u bytes, room for %zu",
                     out->ref.stored_len, cap);
    else if (rc == 0)
        rc = store__borrow_fd(s, out->place, out_fd, e);
    /* A file may be on a disk that comes back; a pack must be here. */
    if (rc == ERR_NOT_FOUND && out->place != 0 &&
        (out->place & INDEX_FILE) == 0)
        rc = ERR_CORRUPT;
    index_unlock(s->ix);
    return rc;
}

/* Rot changes bytes; where the record's own header says that another chunk or
 * none lies there, it is the index that is wrong. */
bool store__header_agrees(int fd, const struct index_chunk *c)
{
    uint8_t head[PACK_HEAD_BYTES];
    struct pack_record r;

    return c->offset >= sizeof head &&
           file_io_read(fd, head, sizeof head, c->offset - sizeof head, NULL) ==
               0 &&
           pack_head_decode(head, &r) == 0 &&
           chunk_id_eq(&r.ref.id, &c->ref.id) &&
           r.ref.stored_len == c->ref.stored_len && r.sum == c->sum;
}

static int fetch(struct store *s, const struct index_chunk *c, int fd,
                 uint8_t *dst, struct err *e)
{
    bool file = (c->place & INDEX_FILE) != 0;
    int rc = file_io_read(fd, dst, c->ref.stored_len, c->offset, e);

    if (rc == 0 && digest_sum64(dst, c->ref.stored_len) != c->sum)
        rc = err_set(e, ERR_CORRUPT, "the bytes have changed on the disk");
    index_lock(s->ix);
    if (rc == ERR_CORRUPT && file && store__place(s, c->place) != NULL)
        err_wrap(e, "'%s'", store__place(s, c->place)->path);
    /* Somebody edited the file, or its disk was pulled out: no rot. */
    if (file &&
        (rc == ERR_IO || (rc == ERR_CORRUPT && !store__intact(s, c->place))))
        rc = ERR_NOT_FOUND;
    if (rc == ERR_CORRUPT && !file && !store__header_agrees(fd, c))
        index_distrust(s->ix);
    store__return_fd(s, fd);
    index_unlock(s->ix);
    return rc;
}

/* The descriptor may be of a file that another one has replaced since. */
static int look_anew(struct store *s, const struct index_chunk *c, uint8_t *dst,
                     struct err *e)
{
    int fd = -1;
    int rc;

    index_lock(s->ix);
    store__forget_fd(s, c->place);
    rc = store__borrow_fd(s, c->place, &fd, e);
    index_unlock(s->ix);
    return rc == 0 ? fetch(s, c, fd, dst, e) : rc;
}

int store_read(struct store *s, const struct chunk_id *id, uint8_t *dst,
               size_t cap, struct chunk_ref *out_ref, struct err *e)
{
    struct index_chunk c = {0};
    int fd = -1;
    int rc = locate(s, id, cap, &c, &fd, e);

    if (rc == 0)
        rc = fetch(s, &c, fd, dst, e);
    if (rc == ERR_CORRUPT && (c.place & INDEX_FILE) != 0)
        rc = look_anew(s, &c, dst, e);
    if (rc == ERR_CORRUPT) /* a file that changed may change back */
        drop_row(s, &c);
    if (rc != 0)
        err_wrap(e, "chunk '%.16s'", chunk_id_hex(id).s);
    else if (out_ref != NULL)
        *out_ref = c.ref;
    return rc;
}

/* Good bytes in a pack behind a head that is not: an index that is made anew
 * would not find them. */
static bool lost_its_head(struct store *s, const struct chunk_id *id,
                          struct index_chunk *out)
{
    int fd = -1;
    bool lost;

    if (locate(s, id, CHUNK_RAW_MAX, out, &fd, NULL) != 0)
        return false;
    lost = (out->place & INDEX_FILE) == 0 && !store__header_agrees(fd, out);
    index_lock(s->ix);
    store__return_fd(s, fd);
    index_unlock(s->ix);
    return lost;
}

/* Without room for it, it stays where it was. */
static int put_once_more(struct store *s, const struct index_chunk *c,
                         const uint8_t *bytes, struct err *e)
{
    struct store_item item = {.ref = c->ref, .data = bytes, .anew = true};
    int rc = store_put(s, &item, 1, STORE_OWN, e);

    if (rc == 0)
        rc = store_sync(s, e);
    if (rc == 0)
        return 0;
    index_lock(s->ix);
    if (index_find(s->ix, &c->ref.id, NULL, NULL) == ERR_NOT_FOUND &&
        index_put(s->ix, c, false, NULL) == 0)
        s->chunks++;
    index_unlock(s->ix);
    return rc;
}

int store_verify(struct store *s, const struct chunk_id *id, struct err *e)
{
    uint8_t *bytes = malloc(CHUNK_RAW_MAX);
    struct index_chunk c = {0};
    struct chunk_ref ref;
    struct chunk_id is;
    int rc;

    if (bytes == NULL)
        return err_set(e, ERR_NOMEM, "verify");
    rc = store_read(s, id, bytes, CHUNK_RAW_MAX, &ref, e);
    if (rc == 0) {
        is = digest_chunk(bytes, ref.stored_len);
        if (!chunk_id_eq(&is, id)) {
            (void)store_forget(s, id, NULL);
            rc = err_set(e, ERR_CORRUPT, "chunk '%.16s': digest mismatch",
                         chunk_id_hex(id).s);
        }
    }
    if (rc == 0 && lost_its_head(s, id, &c))
        rc = put_once_more(s, &c, bytes, e);
    free(bytes);
    return rc;
}

int store_forget(struct store *s, const struct chunk_id *id, struct err *e)
{
    int rc;

    index_lock(s->ix);
    rc = index_drop(s->ix, id, e);
    if (rc == 0) {
        s->chunks -= index_changed(s->ix);
        s->unsettled = true;
    }
    index_unlock(s->ix);
    return rc;
}
