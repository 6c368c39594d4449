/* target_finish: the end: partials are filled, every file comes to its place,
 * folders are made. */
#include "storage/target_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/codec.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define BATCH 32

struct filler {
    struct target *t;
    struct codec *codec;
    uint8_t *bytes; /* NULL until needed: room for some, and one decoded */
    size_t room;    /* for those that wait; at least a chunk */
    struct store_item items[BATCH];
    size_t count, used;
};

static int flush(struct filler *f, struct err *e)
{
    int rc = 0;

    if (f->count != 0)
        rc = store_put(f->t->s, f->items, f->count, STORE_FETCHED, e);
    f->count = f->used = 0;
    return rc;
}

/* A chunk that is stored raw lies in the partial from now on, unless the folder
 * is a copy. */
static int move_chunk(struct filler *f, uint32_t i, const struct chunk_ref *ref,
                      uint64_t at, struct err *e)
{
    uint8_t *stored = f->bytes + f->used;
    uint8_t *raw = f->bytes + f->room;
    int rc = store_read(f->t->s, &ref->id, stored, CHUNK_RAW_MAX, NULL, NULL);

    if (rc != 0)
        return ERR_PARTIAL;
    if (ref->flags != 0) {
        rc = codec_decode(f->codec, stored, ref->stored_len, ref->flags, raw,
                          ref->raw_len, e);
        return rc != 0
                   ? rc
                   : file_io_write(f->t->files[i].fd, raw, ref->raw_len, at, e);
    }
    f->items[f->count++] =
        (struct store_item){.ref = *ref,
                            .data = stored,
                            .file = f->t->files[i].store_file,
                            .offset = at,
                            .anew = !f->t->keeps};
    f->used += ref->stored_len;
    return f->count == BATCH || f->room - f->used < CHUNK_RAW_MAX ? flush(f, e)
                                                                  : 0;
}

/* Once for all files. The largest fits whole, if it is not more than a batch:
 * then there is room for another chunk behind each of its chunks. */
static int make_room(struct filler *f, struct err *e)
{
    const struct manifest *m = f->t->m;
    uint64_t most = 0;

    if (f->bytes != NULL)
        return 0;
    for (uint32_t i = 0; i < m->file_count; i++)
        most = most < m->files[i].size ? m->files[i].size : most;
    f->room = most < (BATCH - 1) * CHUNK_RAW_MAX
                  ? (size_t)most + CHUNK_RAW_MAX
                  : (size_t)BATCH * CHUNK_RAW_MAX;
    f->bytes = malloc(f->room + CHUNK_RAW_MAX);
    f->codec = codec_new();
    return f->bytes != NULL && f->codec != NULL
               ? 0
               : err_set(e, ERR_NOMEM, "finish");
}

/* Bytes that do not lie in the partial yet come from wherever the store has
 * them. */
static int fill_partial(struct filler *f, uint32_t i, struct err *e)
{
    struct target *t = f->t;
    const struct manifest_stream *s = &t->m->streams[t->m->files[i].stream];
    int rc = make_room(f, e);

    for (uint32_t k = 0; k < s->chunk_count && rc == 0; k++) {
        uint32_t slot = s->first_slot + k;
        const struct chunk_ref *ref = &t->m->table.refs[slot];
        uint64_t at = manifest_slot_offset(t->m, slot);

        if (store_lies_at(t->s, &ref->id, t->files[i].store_file, at) ||
            target__stays(t, i, slot))
            continue;
        if (!t->files[i].taken) /* that one goes back */
            rc = target__go_on(t, e);
        if (rc == 0)
            rc = move_chunk(f, i, ref, at, e);
    }
    if (rc == 0 || rc == ERR_PARTIAL) {
        int flushed = flush(f, e);

        rc = flushed != 0 ? flushed : rc;
    }
    f->count = f->used = 0;
    return rc;
}

/* Everything that can be known before the folder is touched. */
static int prepare(struct filler *f, bool *out_partial, struct err *e)
{
    struct target *t = f->t;
    int rc = 0;

    for (uint32_t i = 0; i < t->m->file_count && rc == 0; i++) {
        struct target_file *tf = &t->files[i];

        if (tf->state == FILE_PARTIAL)
            rc = fill_partial(f, i, e);
        else if (tf->state != FILE_DONE && !target__all_held(t, i))
            rc = ERR_PARTIAL;
        tf->lacks = rc == ERR_PARTIAL;
        *out_partial |= tf->lacks;
        rc = tf->lacks ? 0 : rc;
    }
    return rc;
}

/* The old file gets what is new, or, when it was not to be had, the partial all
 * the rest. A file that goes back is synced: in a power cut the new bytes must
 * not be behind the name. */
static int patch(struct filler *f, uint32_t i, struct err *e)
{
    struct target_file *tf = &f->t->files[i];
    int rc = tf->old != 0 ? target__take(f->t, i, e) : 0;

    if (rc == 0 && !tf->taken)
        rc = file_io_allocate(tf->fd, f->t->m->files[i].size, e);
    if (rc == 0)
        rc = fill_partial(f, i, e);
    if (rc == 0 && tf->taken)
        rc = file_io_sync_anew(tf->fd, e);
    return rc;
}

static int place_file(struct filler *f, uint32_t i, struct err *e)
{
    struct target *t = f->t;
    int rc;

    switch (t->files[i].state) {
    case FILE_PENDING:
        rc = target__write_new(t, i, e);
        return rc == ERR_CONFLICT && t->known ? target__put(t, i, e) : rc;
    case FILE_PARTIAL:
        rc = t->files[i].old != 0 || t->files[i].taken ? patch(f, i, e) : 0;
        return rc == 0 ? target__put(t, i, e) : rc;
    case FILE_LATER:
        return target__put(t, i, e);
    case FILE_DONE:
        break;
    }
    return 0;
}

static int place_files(struct filler *f, bool *out_partial, struct err *e)
{
    struct target *t = f->t;
    bool lacked = *out_partial;
    int rc = 0;

    for (uint32_t i = 0; i < t->m->file_count && rc == 0; i++) {
        if (t->files[i].lacks)
            continue;
        rc = target__go_on(t, e);
        if (rc == 0)
            rc = place_file(f, i, e);
        if (rc == ERR_CONFLICT && t->known && lacked)
            rc = ERR_PARTIAL; /* an old file is in its way as yet */
        *out_partial |= rc == ERR_PARTIAL;
        rc = rc == ERR_PARTIAL ? 0 : rc;
    }
    return rc;
}

static int make_dirs(struct target *t, struct err *e)
{
    for (uint32_t i = 0; i < t->m->dir_count; i++) {
        int made = beneath_make_dir(t->root, t->m->dirs[i]);

        if (made != 0)
            return err_errno(e, -made, "make folder '%s/%s'", t->dir,
                             t->m->dirs[i]);
    }
    return 0;
}

static void clean_partials(struct target *t)
{
    char path[TARGET_PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/target", t->partial);
    (void)disk_unlink(path);
    (void)disk_rmdir(t->partial);
}

int target_finish(struct target *t, struct err *e)
{
    struct filler f = {.t = t};
    bool partial = false;
    int rc = prepare(&f, &partial, e);

    if (rc == 0 && !partial)
        rc = target__remove_old(t, e);
    if (rc == 0)
        rc = place_files(&f, &partial, e);
    if (rc == 0)
        rc = make_dirs(t, e);
    codec_free(f.codec);
    free(f.bytes);
    if (rc == 0 && partial)
        return err_set(e, ERR_PARTIAL, "some chunks are not here");
    /* Who is told that it is there may pull the plug; and what these files are
     * compared with at the next update has to be here then. */
    if (rc == 0)
        rc = store_sync(t->s, e);
    if (rc == 0)
        rc = file_io_sync_disk(t->root, e);
    if (rc == 0)
        clean_partials(t);
    return rc;
}
