/* import_seen: files that are what they were when the folder was published last
 * are not read again: their chunks are taken from that manifest. A large file
 * is a stream of its own; the small ones are one stream together, which is
 * known when all of them are. */
#include "storage/import_internal.h"

#include <stdlib.h>
#include <string.h>

/* A file that is written to again within one tick of its file system's clock
 * keeps its time: what is younger than this when it is read is read again. */
#define SETTLED_MS 2000

void import__load_seen(struct import *im)
{
    im->has_before =
        !im->opt->reread && seen_load(im->store, im->dir, &im->before) == 0;
}

static struct seen_file of_walk(const struct walk_file *f)
{
    return (struct seen_file){.size = f->size,
                              .mtime_ns = f->mtime_ns,
                              .ctime_ns = f->ctime_ns,
                              .inode = f->inode};
}

/* Where file @i of the walk stands in the manifest of before, if it is the same
 * since; else -1. */
static int64_t same_as(const struct import *im, size_t i)
{
    struct seen_file now = of_walk(&im->walk.files[i]);
    int64_t at = manifest_find(&im->before.m, im->walk.files[i].name);

    return at >= 0 && seen_equal(&im->before.files[at], &now) &&
                   im->before.m.files[at].size == now.size
               ? at
               : -1;
}

static bool all_held(const struct import *im, const struct chunk_ref *refs,
                     uint32_t count)
{
    uint8_t *bits = malloc(count / 8 + 1);
    uint32_t held = 0;
    bool all = bits != NULL &&
               store_have(im->store, refs, count, bits, &held, NULL) == 0 &&
               held == count;

    free(bits);
    return all;
}

static bool make_room(struct import *im, size_t n)
{
    size_t cap = im->chunk_cap ? im->chunk_cap : 1024;
    struct chunk_ref *grown;

    while (cap < im->chunk_count + n)
        cap *= 2;
    grown = cap > im->chunk_cap ? realloc(im->chunks, cap * sizeof *grown)
                                : im->chunks;
    if (grown == NULL || im->chunk_count + n > MANIFEST_CHUNKS_MAX)
        return false;
    im->chunks = grown;
    im->chunk_cap = cap;
    return true;
}

/* Stream @no of before as the one that has just begun. */
static bool take_stream(struct import *im, uint32_t no)
{
    const struct manifest *m = &im->before.m;
    const struct manifest_stream *from = &m->streams[no];
    const struct chunk_ref *refs = m->table.refs + from->first_slot;
    bool ok;

    if (!all_held(im, refs, from->chunk_count))
        return false;
    (void)pthread_mutex_lock(&im->mutex);
    ok = make_room(im, from->chunk_count);
    if (ok) {
        memcpy(im->chunks + im->chunk_count, refs,
               from->chunk_count * sizeof *refs);
        im->chunk_count += from->chunk_count;
    }
    (void)pthread_mutex_unlock(&im->mutex);
    if (!ok)
        return false;
    im->stream->chunk_count = from->chunk_count;
    im->stream->bytes = from->bytes;
    atomic_fetch_add(&im->progress->bytes_done, from->bytes);
    return true;
}

bool import__reuse_media(struct import *im, size_t i)
{
    const struct manifest *m = &im->before.m;
    int64_t at = im->has_before ? same_as(im, i) : -1;
    uint32_t no;

    if (at < 0)
        return false;
    no = m->files[at].stream;
    if (m->streams[no].profile != STREAM_MEDIA ||
        m->streams[no].bytes != m->files[at].size || !take_stream(im, no))
        return false;
    im->m.files[i].stream = im->m.stream_count - 1;
    im->m.files[i].offset = 0;
    im->files[i] = of_walk(&im->walk.files[i]);
    return true;
}

static bool was_text(const struct manifest *m, uint32_t i)
{
    return m->files[i].size != 0 &&
           m->streams[m->files[i].stream].profile == STREAM_TEXT;
}

/* Is the text stream made of the same files, and all of them unchanged? */
static bool same_texts(const struct import *im, uint32_t *out_stream)
{
    const struct manifest *m = &im->before.m;
    uint32_t old = 0;
    uint32_t count = 0;

    for (size_t i = 0; i < im->walk.count; i++) {
        if (!import__is_text(&im->walk.files[i]))
            continue;
        while (old < m->file_count && !was_text(m, old))
            old++;
        if (old == m->file_count || same_as(im, i) != old)
            return false;
        *out_stream = m->files[old++].stream;
        count++;
    }
    while (old < m->file_count && !was_text(m, old))
        old++;
    return old == m->file_count && count != 0;
}

bool import__reuse_text(struct import *im)
{
    uint64_t offset = 0;
    uint32_t no = 0;

    if (!im->has_before || !same_texts(im, &no) || !take_stream(im, no))
        return false;
    for (size_t i = 0; i < im->walk.count; i++) {
        if (!import__is_text(&im->walk.files[i]))
            continue;
        im->m.files[i].stream = im->m.stream_count - 1;
        im->m.files[i].offset = offset;
        offset += im->walk.files[i].size;
        im->files[i] = of_walk(&im->walk.files[i]);
    }
    return true;
}

void import__saw(struct import *im, size_t i, const struct stat *st)
{
    struct seen_file *f = &im->files[i];
    int64_t trusted = (int64_t)im->opt->now_ms - SETTLED_MS;

    *f = (struct seen_file){
        .size = (uint64_t)st->st_size,
        .mtime_ns =
            (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns =
            (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .inode = (uint64_t)st->st_ino};
    if (f->mtime_ns / 1000000 >= trusted || f->ctime_ns / 1000000 >= trusted)
        f->ctime_ns = 0;
}

int import__save_seen(struct import *im)
{
    const struct import_result *r = im->out;
    struct seen_blobs blobs = {.index_blob = buf_span(&r->index_blob),
                               .tree_blob = buf_span(&r->tree_blob),
                               .totals = {.files = im->walk.count,
                                          .bytes = im->m.bytes,
                                          .chunks = im->chunk_count,
                                          .stored_bytes = r->stored_bytes}};

    if (im->opt->dry_run || im->opt->now_ms == 0)
        return 0;
    return seen_save(im->store, im->dir, &blobs, im->files, im->walk.count,
                     im->e);
}
