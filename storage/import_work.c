/* import_work: one worker a core digests, compresses and stores what the reader
 * has cut. Blocks of what was read go round between them: their number bounds
 * the memory. */
#include "storage/import_internal.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "storage/codec.h"

#define BLOCKS 6
#define THREADS_MAX 16
#define SCOPE_PUBLIC_CONTENT 0

/* ---- workers
 * -------------------------------------------------------------------------
 */

static int put_referred(struct worker *w, struct err *e)
{
    size_t n = w->referred_count;

    w->referred_count = 0;
    return store_put(w->im->store, w->referred, n, STORE_OWN, e);
}

/* A chunk that is stored as it is: the file that it is in keeps it, or a pack.
 */
static void keep_raw(struct worker *w, const struct job *j, const uint8_t *raw,
                     const struct chunk_ref *ref, bool held)
{
    struct store_item item = {.ref = *ref, .data = raw, .move = held};

    if (j->file != 0) {
        item.sum = digest_sum64(raw, j->len);
        item.data = NULL;
        item.file = j->file;
        item.offset = j->at;
        item.written = true;
        w->referred[w->referred_count++] = item;
    } else {
        w->items[w->item_count++] = item;
    }
}

/* One piece: its reference, and an item to store unless it is held. */
static int pack_one(struct worker *w, const struct job *j,
                    struct chunk_id plain, struct chunk_ref *out)
{
    const char *dir = w->im->opt->in_place ? w->im->root : NULL;
    const uint8_t *raw = j->block->bytes + j->offset;
    uint8_t *dst = w->packed + w->packed_len;
    struct chunk_ref ref = {
        .id = plain, .stored_len = j->len, .raw_len = j->len};
    bool held;
    size_t len;
    int rc = 0;

    if (store_plain_find(w->im->store, SCOPE_PUBLIC_CONTENT, &plain, out) == 0)
        return 0;
    *out = ref;
    if (store_kept_in(w->im->store, &plain, dir, &held))
        return 0;
    if (!held) /* else it is known to be stored raw */
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
        w->items[w->item_count++] =
            (struct store_item){.ref = ref, .data = dst};
        w->packed_len += len;
    } else {
        keep_raw(w, j, raw, &ref, held);
    }
    w->new_chunks += !held;
    w->new_stored += held ? 0 : ref.stored_len;
    *out = ref;
    return 0;
}

int import__pack(struct worker *w, const struct job *jobs, size_t n,
                 struct chunk_ref *refs, struct err *e)
{
    struct import *im = w->im;
    struct chunk_id ids[BATCH_MAX];
    struct span raw[BATCH_MAX];
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        raw[i] =
            (struct span){jobs[i].block->bytes + jobs[i].offset, jobs[i].len};
    digest_many(raw, n, ids);
    w->item_count = w->plain_count = w->packed_len = 0;
    w->new_chunks = w->new_stored = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = pack_one(w, &jobs[i], ids[i], &refs[i]);
    if (rc != 0)
        return err_set(e, rc, "compress");
    if (im->opt->dry_run)
        return 0;
    if (w->referred_count > REFERRED_MAX - BATCH_MAX)
        rc = put_referred(w, e);
    if (rc != 0 || w->item_count == 0)
        return rc;
    rc = store_put(im->store, w->items, w->item_count, STORE_OWN, e);
    if (rc == 0 && w->plain_count != 0)
        rc = store_plain_put(im->store, SCOPE_PUBLIC_CONTENT, w->plain,
                             w->plain_count, e);
    return rc;
}

void import__unref_block(struct import *im, struct block *b)
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

/* What is still to be put at the end. */
static void put_last(struct worker *w)
{
    struct import *im = w->im;
    struct err e = ERR_INIT;
    int rc = w->referred_count != 0 ? put_referred(w, &e) : 0;

    (void)pthread_mutex_lock(&im->mutex);
    if (rc != 0 && im->rc == 0) {
        im->rc = rc;
        im->worker_err = e;
    }
    (void)pthread_mutex_unlock(&im->mutex);
}

static void note_done(struct worker *w, const struct job *jobs,
                      const struct chunk_ref *refs, size_t n, bool good)
{
    struct import *im = w->im;

    for (size_t i = 0; i < n; i++) {
        if (good) {
            im->chunks[jobs[i].no] = refs[i];
            atomic_fetch_add(&im->progress->bytes_done, jobs[i].len);
        }
        import__unref_block(im, jobs[i].block);
    }
    im->new_chunks += w->new_chunks;
    im->new_stored += w->new_stored;
    im->jobs_running -= n;
    (void)pthread_cond_signal(&im->room);
}

/* With the lock. false: all is done. */
static bool work_once(struct worker *w)
{
    struct import *im = w->im;
    struct job jobs[BATCH_MAX];
    struct chunk_ref refs[BATCH_MAX];
    struct err e = ERR_INIT;
    size_t n = take_jobs(im, jobs);
    bool failed = im->rc != 0;
    int rc = 0;

    if (n == 0)
        return false;
    (void)pthread_mutex_unlock(&im->mutex);
    if (!failed)
        rc = import__pack(w, jobs, n, refs, &e);
    (void)pthread_mutex_lock(&im->mutex);
    if (rc != 0 && im->rc == 0) {
        im->rc = rc;
        im->worker_err = e;
    }
    note_done(w, jobs, refs, n, !failed && rc == 0);
    return true;
}

static void work_all(struct worker *w)
{
    (void)pthread_mutex_lock(&w->im->mutex);
    while (work_once(w))
        ;
    (void)pthread_mutex_unlock(&w->im->mutex);
    put_last(w);
}

static void *work(void *user)
{
    /* The one reader goes first, or they wait for it; and whoever is served
     * by this node does. (On Linux it is the thread's own.) */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
    work_all(user);
    return NULL;
}

void import__await_room(struct import *im)
{
    if (im->alone == NULL)
        (void)pthread_cond_wait(&im->room, &im->mutex);
    else
        (void)work_once(im->alone);
}

struct block *import__new_block(struct import *im)
{
    struct block *b;

    (void)pthread_mutex_lock(&im->mutex);
    while (im->spare == NULL)
        import__await_room(im);
    b = im->spare;
    im->spare = b->next;
    b->refs = 1;
    b->len = 0;
    (void)pthread_mutex_unlock(&im->mutex);
    return b;
}

bool import__cancelled(const struct import *im)
{
    return atomic_load(&im->progress->cancel);
}

int import__state(struct import *im)
{
    if (im->rc != 0) {
        *im->e = im->worker_err;
        return im->rc;
    }
    return import__cancelled(im)
               ? err_set(im->e, ERR_INTERRUPTED, "interrupted")
               : 0;
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

bool import__worker_init(struct worker *w, struct import *im, uint64_t bytes)
{
    /* What is kept compressed is smaller than it was; only the last piece may
     * need more on its way. */
    size_t before_last = bytes < BATCH_BYTES ? (size_t)bytes : BATCH_BYTES;

    w->im = im;
    w->codec = codec_new();
    w->packed = malloc(before_last + CODEC_BOUND);
    return w->codec != NULL && w->packed != NULL;
}

void import__worker_deinit(struct worker *w)
{
    codec_free(w->codec);
    free(w->packed);
}

/* What the workers would do meanwhile is done when there is no more room, and
 * in the end. */
static int run_alone(struct import *im, int (*read_all)(struct import *im))
{
    struct worker *w = calloc(1, sizeof *w);
    int rc = w != NULL && import__worker_init(w, im, im->walk.bytes)
                 ? 0
                 : err_set(im->e, ERR_NOMEM, "threads");

    im->alone = w;
    if (rc == 0)
        rc = read_all(im);
    wait_for_workers(im);
    if (w != NULL && w->packed != NULL && w->codec != NULL)
        work_all(w);
    im->alone = NULL;
    if (w != NULL)
        import__worker_deinit(w);
    free(w);
    return rc == 0 ? import__state(im) : rc;
}

static int run_threads(struct import *im, int (*read_all)(struct import *im))
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
        if (!import__worker_init(&ws[n], im, im->walk.bytes) ||
            pthread_create(&ids[n], NULL, work, &ws[n]) != 0) {
            import__worker_deinit(&ws[n]);
            rc = err_set(im->e, ERR_NOMEM, "threads");
            break;
        }
    if (rc == 0)
        rc = read_all(im);
    wait_for_workers(im);
    for (unsigned i = 0; i < n; i++) {
        (void)pthread_join(ids[i], NULL);
        import__worker_deinit(&ws[i]);
    }
    free(ws);
    return rc == 0 ? import__state(im) : rc;
}

int import__run(struct import *im, int (*read_all)(struct import *im))
{
    return im->opt->alone ? run_alone(im, read_all) : run_threads(im, read_all);
}

int import__make_blocks(struct import *im)
{
    /* What fits into one is never carried over to a second. */
    uint64_t more =
        im->walk.bytes <= BLOCK_BYTES ? 0 : 1 + im->walk.bytes / BLOCK_BYTES;
    unsigned count = more < BLOCKS - 1 ? 1 + (unsigned)more : BLOCKS;

    for (unsigned i = 0; i < count; i++) {
        struct block *b = malloc(sizeof *b);

        if (b == NULL)
            return err_set(im->e, ERR_NOMEM, "blocks");
        b->next = im->spare;
        im->spare = b;
    }
    im->block = import__new_block(im);
    return 0;
}

void import__free_blocks(struct import *im)
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
