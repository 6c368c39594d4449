/* import: one thread reads and cuts, one worker a core digests, compresses and
 * stores. Blocks of what was read go round between them: their number bounds
 * the memory. */
#include "storage/import_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "storage/chunker.h"
#include "storage/codec.h"
#include "storage/infer.h"

#define MEDIA_MIN (1024u * 1024u)
#define BLOCK_BYTES (4u * 1024u * 1024u)
#define BLOCKS 8
#define JOBS_MAX 1024
#define THREADS_MAX 16
#define BATCH_MAX 16
#define BATCH_BYTES (2u * 1024u * 1024u)
#define SCOPE_PUBLIC_CONTENT 0

struct block {
    struct block *next;
    unsigned refs; /* jobs that read it, and the reader */
    size_t len;
    uint8_t bytes[BLOCK_BYTES];
};

struct job {
    struct block *block;
    size_t offset;
    uint32_t len;
    size_t no; /* into chunks */
};

struct import {
    struct store *store;
    const struct import_options *opt;
    struct import_progress *progress;
    struct import_result *out;
    struct err *e;
    struct walk walk;
    struct manifest m; /* being made */

    pthread_mutex_t mutex;
    pthread_cond_t work, room;
    struct job jobs[JOBS_MAX];
    size_t job_head, job_count, jobs_running;
    struct block *spare;
    bool done;
    int rc; /* first failure of a worker */
    struct err worker_err;
    struct chunk_ref *chunks;
    size_t chunk_count, chunk_cap;
    uint64_t new_chunks, new_stored;

    struct block *block; /* being filled; what is not cut yet is its tail */
    size_t cut;          /* of the block: cut so far */
    const struct chunker_profile *profile;
    struct manifest_stream *stream;
};

/* ---- workers
 * ------------------------------------------------------------------------- */

struct worker {
    struct import *im;
    struct codec *codec;
    uint8_t *packed; /* BATCH_MAX times CODEC_BOUND */
    struct store_item items[BATCH_MAX];
    struct store_plain plain[BATCH_MAX];
    size_t item_count, plain_count;
    uint64_t new_stored;
};

/* One piece: its reference, and an item to store unless it is held. */
static int pack_one(struct worker *w, const struct job *j,
                    struct chunk_ref *out)
{
    const uint8_t *raw = j->block->bytes + j->offset;
    uint8_t *dst = w->packed + w->item_count * CODEC_BOUND;
    struct chunk_id plain = digest_chunk(raw, j->len);
    struct chunk_ref ref = {
        .id = plain, .stored_len = j->len, .raw_len = j->len};
    size_t len;
    int rc;

    if (store_plain_find(w->im->store, SCOPE_PUBLIC_CONTENT, &plain, out) == 0)
        return 0;
    if (store_has(w->im->store, &plain)) {
        *out = ref;
        return 0;
    }
    rc = codec_encode(w->codec,
                      w->im->opt->zstd_level ? w->im->opt->zstd_level
                                             : CODEC_LEVEL_DEFAULT,
                      raw, j->len, dst, &len, &ref.flags);
    if (rc != 0)
        return rc;
    if (ref.flags != 0) {
        ref.stored_len = (uint32_t)len;
        ref.id = digest_chunk(dst, len);
        w->plain[w->plain_count++] = (struct store_plain){plain, ref.id};
    }
    w->items[w->item_count++] =
        (struct store_item){.ref = ref, .data = ref.flags != 0 ? dst : raw};
    w->new_stored += ref.stored_len;
    *out = ref;
    return 0;
}

static int pack_batch(struct worker *w, const struct job *jobs, size_t n,
                      struct chunk_ref *refs, struct err *e)
{
    struct import *im = w->im;
    int rc = 0;

    w->item_count = w->plain_count = 0;
    w->new_stored = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = pack_one(w, &jobs[i], &refs[i]);
    if (rc != 0)
        return err_set(e, rc, "compress");
    if (im->opt->dry_run || w->item_count == 0)
        return 0;
    rc = store_put(im->store, w->items, w->item_count, STORE_OWN, e);
    if (rc == 0 && w->plain_count != 0)
        rc = store_plain_put(im->store, SCOPE_PUBLIC_CONTENT, w->plain,
                             w->plain_count, e);
    return rc;
}

static void unref_block(struct import *im, struct block *b)
{
    if (--b->refs != 0)
        return;
    b->next = im->spare;
    im->spare = b;
    (void)pthread_cond_signal(&im->room);
}

static size_t take_jobs(struct import *im, struct job *out)
{
    size_t n = 0;
    size_t bytes = 0;

    while (im->job_count == 0 && !im->done)
        (void)pthread_cond_wait(&im->work, &im->mutex);
    while (n < BATCH_MAX && im->job_count != 0 && bytes < BATCH_BYTES) {
        out[n] = im->jobs[im->job_head];
        bytes += out[n++].len;
        im->job_head = (im->job_head + 1) % JOBS_MAX;
        im->job_count--;
    }
    im->jobs_running += n;
    return n;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct import *im = w->im;
    struct job jobs[BATCH_MAX];
    struct chunk_ref refs[BATCH_MAX];
    struct err e = ERR_INIT;

    (void)pthread_mutex_lock(&im->mutex);
    for (;;) {
        size_t n = take_jobs(im, jobs);
        bool failed = im->rc != 0;
        int rc = 0;

        if (n == 0)
            break;
        (void)pthread_mutex_unlock(&im->mutex);
        if (!failed)
            rc = pack_batch(w, jobs, n, refs, &e);
        (void)pthread_mutex_lock(&im->mutex);
        if (rc != 0 && im->rc == 0) {
            im->rc = rc;
            im->worker_err = e;
        }
        for (size_t i = 0; i < n; i++) {
            if (!failed && rc == 0) {
                im->chunks[jobs[i].no] = refs[i];
                atomic_fetch_add(&im->progress->bytes_done, jobs[i].len);
            }
            unref_block(im, jobs[i].block);
        }
        im->new_chunks += w->item_count;
        im->new_stored += w->new_stored;
        im->jobs_running -= n;
        (void)pthread_cond_signal(&im->room);
    }
    (void)pthread_mutex_unlock(&im->mutex);
    return NULL;
}

/* ---- the reader
 * ------------------------------------------------------------------------ */

static bool cancelled(struct import *im)
{
    return atomic_load(&im->progress->cancel);
}

static int state(struct import *im)
{
    if (im->rc != 0) {
        *im->e = im->worker_err;
        return im->rc;
    }
    return cancelled(im) ? err_set(im->e, ERR_INTERRUPTED, "interrupted") : 0;
}

static struct block *new_block(struct import *im)
{
    struct block *b;

    (void)pthread_mutex_lock(&im->mutex);
    while (im->spare == NULL)
        (void)pthread_cond_wait(&im->room, &im->mutex);
    b = im->spare;
    im->spare = b->next;
    b->refs = 1;
    b->len = 0;
    (void)pthread_mutex_unlock(&im->mutex);
    return b;
}

static int post(struct import *im, size_t offset, size_t len)
{
    int rc = 0;

    (void)pthread_mutex_lock(&im->mutex);
    while (im->job_count == JOBS_MAX)
        (void)pthread_cond_wait(&im->room, &im->mutex);
    if (im->chunk_count == MANIFEST_CHUNKS_MAX) {
        rc = err_set(im->e, ERR_LIMIT, "over 4,194,304 chunks");
    } else if (im->chunk_count == im->chunk_cap) {
        size_t cap = im->chunk_cap ? 2 * im->chunk_cap : 1024;
        struct chunk_ref *grown = realloc(im->chunks, cap * sizeof *grown);

        if (grown == NULL) {
            rc = err_set(im->e, ERR_NOMEM, "chunks");
        } else {
            im->chunks = grown;
            im->chunk_cap = cap;
        }
    }
    if (rc == 0) {
        im->jobs[(im->job_head + im->job_count++) % JOBS_MAX] =
            (struct job){im->block, offset, (uint32_t)len, im->chunk_count++};
        im->block->refs++;
        im->stream->chunk_count++;
        rc = state(im);
    }
    (void)pthread_cond_signal(&im->work);
    (void)pthread_mutex_unlock(&im->mutex);
    return rc;
}

static int cut_block(struct import *im, bool last)
{
    size_t n;
    int rc = 0;

    while (rc == 0 && (n = chunker_cut(im->profile, im->block->bytes + im->cut,
                                       im->block->len - im->cut, last)) != 0) {
        rc = post(im, im->cut, n);
        im->cut += n;
    }
    return rc;
}

/* A full block goes; what could not be cut yet moves to the next one. */
static int turn_block(struct import *im)
{
    struct block *old = im->block;
    struct block *b;
    int rc = cut_block(im, false);

    if (rc != 0)
        return rc;
    b = new_block(im);
    b->len = old->len - im->cut;
    memcpy(b->bytes, old->bytes + im->cut, b->len);
    im->cut = 0;
    im->block = b;
    (void)pthread_mutex_lock(&im->mutex);
    unref_block(im, old);
    (void)pthread_mutex_unlock(&im->mutex);
    return 0;
}

static int begin_stream(struct import *im, enum stream_profile profile)
{
    struct manifest *m = &im->m;
    void *grown =
        realloc(m->streams, (m->stream_count + 1u) * sizeof *m->streams);

    if (grown == NULL)
        return err_set(im->e, ERR_NOMEM, "streams");
    m->streams = grown;
    im->stream = &m->streams[m->stream_count++];
    *im->stream = (struct manifest_stream){.profile = profile};
    im->profile = chunker_profile(profile);
    im->cut = im->block->len; /* nothing of the last stream is left */
    return 0;
}

static int end_stream(struct import *im)
{
    return cut_block(im, true);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int changed(struct import *im, const char *path)
{
    int rc =
        err_set(im->e, ERR_CONFLICT, "'%s' changed while it was read", path);

    err_hint(im->e, "publish again once nothing writes to the folder");
    return rc;
}

/* Reads @size bytes of @fd into the stream. *out_same false: it was not so long
 * or not the same file behind as before. */
static int read_file(struct import *im, int fd, uint64_t size, bool *out_same)
{
    struct stat before;
    struct stat after;
    uint64_t left = size;
    int rc = 0;

    *out_same = fstat(fd, &before) == 0 && (uint64_t)before.st_size == size;
    while (rc == 0 && left != 0 && *out_same) {
        size_t room = BLOCK_BYTES - im->block->len;
        ssize_t n;

        if (room == 0) {
            rc = turn_block(im);
            continue;
        }
        n = read(fd, im->block->bytes + im->block->len,
                 left < room ? (size_t)left : room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(im->e, errno, "read");
        if (n == 0)
            *out_same = false;
        im->block->len += (size_t)n;
        im->stream->bytes += (uint64_t)n;
        left -= (uint64_t)n;
    }
    if (rc == 0 && *out_same)
        *out_same = fstat(fd, &after) == 0 && same_file(&before, &after);
    return rc;
}

static int open_file(struct import *im, const struct walk_file *f)
{
    int fd = openat(im->walk.fd, f->path,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        (void)err_errno(im->e, errno, "open '%s'", f->path);
    return fd;
}

static int take_file(struct import *im, size_t i, bool *out_same)
{
    const struct walk_file *f = &im->walk.files[i];
    struct manifest_file *mf = &im->m.files[i];
    int fd = open_file(im, f);
    int rc;

    if (fd < 0)
        return im->e->code;
    mf->stream = im->m.stream_count - 1;
    mf->offset = im->stream->bytes;
    rc = read_file(im, fd, f->size, out_same);
    (void)close(fd);
    if (rc != 0)
        err_wrap(im->e, "'%s'", f->path);
    return rc;
}

/* A small file still lies whole in the block when it fits: it can be read anew.
 */
static int take_small(struct import *im, size_t i)
{
    size_t start;
    uint64_t bytes = im->stream->bytes;
    bool same = false;
    int rc = 0;

    if (BLOCK_BYTES - im->block->len < im->walk.files[i].size)
        rc = turn_block(im);
    start = im->block->len;
    for (int tries = 0; tries < 3 && rc == 0 && !same; tries++) {
        im->block->len = start;
        im->stream->bytes = bytes;
        rc = take_file(im, i, &same);
    }
    return rc == 0 && !same ? changed(im, im->walk.files[i].path) : rc;
}

static int take_media(struct import *im, size_t i)
{
    bool same = false;
    int rc = begin_stream(im, STREAM_MEDIA);

    if (rc == 0)
        rc = take_file(im, i, &same);
    if (rc == 0 && !same)
        rc = changed(im, im->walk.files[i].path);
    return rc == 0 ? end_stream(im) : rc;
}

static int read_all(struct import *im)
{
    bool any = false;
    int rc = 0;

    for (size_t i = 0; i < im->walk.count && rc == 0; i++)
        any |=
            im->walk.files[i].size != 0 && im->walk.files[i].size < MEDIA_MIN;
    if (any)
        rc = begin_stream(im, STREAM_TEXT);
    for (size_t i = 0; i < im->walk.count && rc == 0 && any; i++)
        if (im->walk.files[i].size != 0 && im->walk.files[i].size < MEDIA_MIN)
            rc = take_small(im, i);
    if (rc == 0 && any)
        rc = end_stream(im);
    for (size_t i = 0; i < im->walk.count && rc == 0; i++)
        if (im->walk.files[i].size >= MEDIA_MIN)
            rc = take_media(im, i);
    return rc;
}

/* ---- threads
 * -----------------------------------------------------------------------------
 */

static void wait_for_workers(struct import *im)
{
    (void)pthread_mutex_lock(&im->mutex);
    im->done = true;
    (void)pthread_cond_broadcast(&im->work);
    (void)pthread_mutex_unlock(&im->mutex);
}

static bool worker_init(struct worker *w, struct import *im)
{
    w->im = im;
    w->codec = codec_new();
    w->packed = malloc((size_t)BATCH_MAX * CODEC_BOUND);
    return w->codec != NULL && w->packed != NULL;
}

static int run_threads(struct import *im)
{
    struct worker *ws = calloc(THREADS_MAX, sizeof *ws);
    pthread_t ids[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = im->opt->threads != 0 ? im->opt->threads
                    : cores > 0           ? (unsigned)cores
                                          : 1;
    unsigned n = 0;
    int rc = ws != NULL ? 0 : err_set(im->e, ERR_NOMEM, "threads");

    want = want < THREADS_MAX ? want : THREADS_MAX;
    for (; n < want && rc == 0; n++)
        if (!worker_init(&ws[n], im) ||
            pthread_create(&ids[n], NULL, work, &ws[n]) != 0) {
            codec_free(ws[n].codec);
            free(ws[n].packed);
            rc = err_set(im->e, ERR_NOMEM, "threads");
            break;
        }
    if (rc == 0)
        rc = read_all(im);
    wait_for_workers(im);
    for (unsigned i = 0; i < n; i++) {
        (void)pthread_join(ids[i], NULL);
        codec_free(ws[i].codec);
        free(ws[i].packed);
    }
    free(ws);
    return rc == 0 ? state(im) : rc;
}

static int make_blocks(struct import *im)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct block *b = malloc(sizeof *b);

        if (b == NULL)
            return err_set(im->e, ERR_NOMEM, "blocks");
        b->next = im->spare;
        im->spare = b;
    }
    im->block = new_block(im);
    return 0;
}

static void free_blocks(struct import *im)
{
    if (im->block != NULL) {
        im->block->next = im->spare;
        im->spare = im->block;
    }
    while (im->spare != NULL) {
        struct block *b = im->spare;

        im->spare = b->next;
        free(b);
    }
}

/* ---- the manifest
 * ----------------------------------------------------------------------------
 */

/* Cuts a blob into chunks, stores them, lists their entries. */
static int store_blob(struct import *im, const struct buf *blob,
                      struct buf *out_entries)
{
    const struct chunker_profile *p = chunker_profile(STREAM_TEXT);
    struct worker w;
    size_t at = 0;
    int rc = 0;

    memset(&w, 0, sizeof w);
    if (!worker_init(&w, im))
        rc = err_set(im->e, ERR_NOMEM, "blob");
    while (rc == 0 && at < blob->len) {
        size_t n = chunker_cut(p, blob->base + at, blob->len - at, true);
        struct block *b = im->block; /* idle now: room for a piece */
        struct job j = {b, 0, (uint32_t)n, 0};
        struct chunk_ref ref;
        uint8_t entry[CHUNK_ENTRY_BYTES];

        memcpy(b->bytes, blob->base + at, n);
        rc = pack_batch(&w, &j, 1, &ref, im->e);
        if (rc != 0)
            break;
        im->new_chunks += w.item_count;
        im->new_stored += w.new_stored;
        chunk_entry_encode(&ref, entry);
        (void)buf_append(out_entries, entry, sizeof entry);
        at += n;
    }
    codec_free(w.codec);
    free(w.packed);
    if (rc == 0 && out_entries->failed)
        rc = err_set(im->e, ERR_NOMEM, "blob");
    return rc;
}

static int make_index(struct import *im, struct buf *out)
{
    for (size_t i = 0; i < im->chunk_count; i++) {
        uint8_t entry[CHUNK_ENTRY_BYTES];

        chunk_entry_encode(&im->chunks[i], entry);
        if (buf_append(out, entry, sizeof entry) != 0)
            return err_set(im->e, ERR_NOMEM, "index");
        im->out->stored_bytes += im->chunks[i].stored_len;
    }
    /* A course of nothing but empty files has no chunk, but a blob has. */
    return im->chunk_count != 0 ? 0
                                : err_set(im->e, ERR_INVALID,
                                          "there is nothing to publish: every"
                                          " file is empty");
}

static struct span text_span(const char *s)
{
    struct span out = {(const uint8_t *)s, s != NULL ? strlen(s) : 0};

    return out;
}

static void fill_edition(struct import *im)
{
    struct import_result *r = im->out;
    const struct course_info *c = &r->info;
    struct edition_payload *p = &r->edition;

    p->title = text_span(c->title);
    p->summary = text_span(c->summary);
    p->language = text_span(c->language);
    p->level = text_span(c->level);
    p->licence = text_span(c->licence);
    p->change_note = text_span(c->change_note);
    p->tag_count = c->tag_count;
    p->teach_count = c->teach_count;
    p->require_count = c->require_count;
    for (size_t i = 0; i < COURSE_LIST_MAX; i++) {
        p->tags[i] = text_span(i < c->tag_count ? c->tags[i] : NULL);
        p->teaches[i] = text_span(i < c->teach_count ? c->teaches[i] : NULL);
        p->requires_[i] =
            text_span(i < c->require_count ? c->requires_[i] : NULL);
    }
    p->index_blob = buf_span(&r->index_blob);
    p->tree_blob = buf_span(&r->tree_blob);
    p->files = r->files;
    p->bytes = r->bytes;
    p->chunks = r->chunks;
    p->stored_bytes = r->stored_bytes;
}

static int make_manifest(struct import *im)
{
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;
    char **kept = NULL;
    size_t kept_count = 0;
    int rc = infer_lessons(&im->out->info, &im->walk, &im->m, &kept,
                           &kept_count, im->e);

    if (rc == 0)
        rc = manifest_encode_tree(&im->m, &tree, im->e);
    if (rc == 0)
        rc = make_index(im, &index);
    if (rc == 0)
        rc = store_blob(im, &index, &im->out->index_blob);
    if (rc == 0)
        rc = store_blob(im, &tree, &im->out->tree_blob);
    for (size_t i = 0; i < kept_count; i++)
        free(kept[i]);
    free(kept);
    buf_deinit(&index);
    buf_deinit(&tree);
    return rc;
}

static int list_files(struct import *im)
{
    struct manifest *m = &im->m;

    m->files = calloc(im->walk.count + 1, sizeof *m->files);
    m->dirs = calloc(im->walk.dir_count + 1, sizeof *m->dirs);
    if (m->files == NULL || m->dirs == NULL)
        return err_set(im->e, ERR_NOMEM, "files");
    m->file_count = (uint32_t)im->walk.count;
    m->dir_count = (uint32_t)im->walk.dir_count;
    for (size_t i = 0; i < im->walk.count; i++) {
        m->files[i].path = im->walk.files[i].name;
        m->files[i].size = im->walk.files[i].size;
        m->files[i].flags =
            im->walk.files[i].executable ? FILE_FLAG_EXECUTABLE : 0;
        m->bytes += m->files[i].size;
    }
    for (size_t i = 0; i < im->walk.dir_count; i++)
        m->dirs[i] = im->walk.dirs[i];
    return 0;
}

/* ---- warnings
 * -----------------------------------------------------------------------------------
 */

static void on_note(void *user, const char *text)
{
    struct import *im = user;

    import__note(im->out->notes, &im->out->note_count, IMPORT_NOTES_MAX,
                 &im->out->notes_dropped, text);
}

static bool on_stop(void *user)
{
    return cancelled(user);
}

/* ---- the calls
 * -------------------------------------------------------------------------------------
 */

static int run(struct import *im)
{
    int rc = walk_open(im->opt->dir, &im->walk, im->e);

    if (rc != 0)
        return rc;
    atomic_store(&im->progress->files_found, im->walk.count);
    atomic_store(&im->progress->bytes_found, im->walk.bytes);
    if (im->walk.count == 0)
        rc = err_set(im->e, ERR_INVALID, "'%s' holds nothing to publish",
                     im->opt->dir);
    if (rc == 0 && !im->opt->allow_secrets)
        rc = import__check_secrets(&im->walk, im->e);
    if (rc == 0)
        rc = infer_info(im->opt->dir, &im->walk, &im->out->info, im->e);
    if (rc == 0)
        import__warn_names(&im->walk, on_note, im);
    if (rc == 0 && !im->opt->dry_run)
        rc = store_room(im->store, im->walk.bytes / 16, im->e);
    if (rc == 0)
        rc = list_files(im);
    if (rc == 0)
        rc = make_blocks(im);
    if (rc == 0)
        rc = run_threads(im);
    if (rc == 0)
        rc = make_manifest(im);
    return rc;
}

int import_run(struct store *s, const struct import_options *opt,
               struct import_progress *progress, struct import_result *out,
               struct err *e)
{
    struct err local = ERR_INIT;
    struct import *im = calloc(1, sizeof *im);
    int rc;

    if (im == NULL)
        return err_set(e, ERR_NOMEM, "import");
    *out = (struct import_result){0};
    im->store = s;
    im->opt = opt;
    im->progress = progress;
    im->out = out;
    im->e = &local;
    im->walk.note = on_note;
    im->walk.note_user = im;
    im->walk.stop = on_stop;
    im->walk.fd = -1;
    (void)pthread_mutex_init(&im->mutex, NULL);
    (void)pthread_cond_init(&im->work, NULL);
    (void)pthread_cond_init(&im->room, NULL);
    rc = run(im);
    out->files = im->walk.count;
    out->bytes = im->m.bytes;
    out->chunks = im->chunk_count;
    out->new_chunks = im->new_chunks;
    out->new_stored_bytes = im->new_stored;
    if (rc == 0)
        fill_edition(im);
    free_blocks(im);
    free(im->chunks);
    manifest_deinit(&im->m);
    walk_close(&im->walk);
    (void)pthread_cond_destroy(&im->room);
    (void)pthread_cond_destroy(&im->work);
    (void)pthread_mutex_destroy(&im->mutex);
    free(im);
    if (rc != 0) {
        import_result_deinit(out);
        if (e != NULL)
            *e = local;
        err_wrap(e, "publish '%s'", opt->dir);
    }
    return rc;
}

void import_result_deinit(struct import_result *r)
{
    course_info_deinit(&r->info);
    buf_deinit(&r->index_blob);
    buf_deinit(&r->tree_blob);
    for (size_t i = 0; i < r->note_count; i++)
        free(r->notes[i]);
    r->note_count = 0;
}
