/* import_internal: shared by import.c (the manifest), import_read.c (the one
 * thread that reads and cuts), import_work.c (the workers) and import_lint.c.
 */
#ifndef STORAGE_IMPORT_INTERNAL_H
#define STORAGE_IMPORT_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>

#include "storage/chunker.h"
#include "storage/import.h"
#include "storage/seen.h"
#include "storage/walk.h"

#define BLOCK_BYTES (4u * 1024u * 1024u)
#define JOBS_MAX 1024
#define BATCH_MAX 64 /* digested side by side */
#define BATCH_BYTES (4u * 1024u * 1024u)
#define REFERRED_MAX 512
#define MEDIA_MIN (1024u * 1024u)

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
    size_t no;     /* into chunks */
    uint32_t file; /* of the store, that it may stay in; 0 = copy it */
    uint64_t at;   /* where in that */
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
    struct worker *alone; /* the only one, when it is to have no thread */
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
    struct job fresh[BATCH_MAX]; /* cut, and not with the workers yet */
    size_t fresh_count;
    uint64_t stream_cut; /* of the stream */
    const struct chunker_profile *profile;
    struct manifest_stream *stream;

    char *dir;          /* real path of what is published */
    char *root;         /* folder that the files' paths begin at */
    uint32_t file;      /* the store's number of what is read; or 0 */
    uint32_t *referred; /* all of those */
    size_t referred_count;
    struct seen_file *files; /* as they are now; walk.count */
    struct seen before;      /* as they were */
    bool has_before;

    int dir_fd;           /* of the folder that the last file was in, or -1 */
    const char *dir_path; /* which begins so */
    size_t dir_len;
};

struct worker {
    struct import *im;
    struct codec *codec;
    uint8_t *packed; /* what was compressed of one batch, end to end */
    size_t packed_len;
    struct store_item items[BATCH_MAX];
    struct store_plain plain[BATCH_MAX];
    size_t item_count, plain_count;
    struct store_item referred[REFERRED_MAX]; /* without data; not put yet */
    size_t referred_count;
    uint64_t new_chunks, new_stored; /* of the last import__pack */
};

/* import_work.c */
/** import__run - start the workers, @read_all, wait for all of it to be stored.
 */
int import__run(struct import *im, int (*read_all)(struct import *im));
int import__make_blocks(struct import *im);
void import__free_blocks(struct import *im);
/** import__state - the first failure of a worker, or ERR_INTERRUPTED. */
int import__state(struct import *im);
bool import__cancelled(const struct import *im);
struct block *import__new_block(struct import *im);
/** import__await_room - with the lock: a worker gets something done. */
void import__await_room(struct import *im);
/** import__unref_block - with the lock. */
void import__unref_block(struct import *im, struct block *b);
/** import__worker_init - for import__pack of at most @bytes together. */
bool import__worker_init(struct worker *w, struct import *im, uint64_t bytes);
void import__worker_deinit(struct worker *w);
/** import__pack - digest, compress and store @n pieces, of which all but the
 *  last are less than BATCH_BYTES. */
int import__pack(struct worker *w, const struct job *jobs, size_t n,
                 struct chunk_ref *refs, struct err *e);

/* import_seen.c: what need not be read again. */
/** import__load_seen - what is known of the folder, unless it is not to be. */
void import__load_seen(struct import *im);
/** import__reuse_text - the whole text stream as it was. false: read it. */
bool import__reuse_text(struct import *im);
/** import__reuse_media - the begun stream of file @i as it was. */
bool import__reuse_media(struct import *im, size_t i);
/** import__saw - file @i was read, and was so before and after it. */
void import__saw(struct import *im, size_t i, const struct stat *st);
/** import__save_seen - once the blobs are made. */
int import__save_seen(struct import *im);

/* import_read.c */
/** import__is_text - does file @f of the walk go into the text stream? */
bool import__is_text(const struct walk_file *f);
/** import__read_all - all files, cut, to the workers. */
int import__read_all(struct import *im);

/* import_lint.c */
/** import__note - a copy of @text at the end of @list, or one more dropped. */
void import__note(char **list, size_t *count, size_t max, uint64_t *dropped,
                  const char *text);

/** import__warn_names - tell of each name that will trouble somebody. */
void import__warn_names(const struct walk *w,
                        void (*say)(void *user, const char *text), void *user);

/** import__check_secrets - ERR_REFUSED, naming the first. */
int import__check_secrets(const struct walk *w, struct err *e);

#endif
