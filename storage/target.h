/* target: a folder that the files of an edition go into (`get --to`, `update`,
 * `rollback`, `export`). Never outside the folder (openat2 with
 * RESOLVE_BENEATH), never half a file: each is made in the home's partial/ and
 * renamed (or, on another file system, copied under a temporary name and
 * renamed there). A large file of which little changes is taken into the home,
 * patched and renamed back.
 *
 * What may be replaced: a file that is as an edition in @before has it. Every
 * other file is somebody's: it stays, and in a folder of ours the new one comes
 * to lie beside it as NAME.edition-N. */
#ifndef STORAGE_TARGET_H
#define STORAGE_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"
#include "storage/store.h"

#define TARGET_BEFORE_MAX 3

struct target;

struct target_options {
    const char *home; /* partials are kept in home/partial/EDITION/ */
    const char *dir;  /* made when missing */
    struct record_id edition;
    uint64_t seq; /* for NAME.edition-N */
    const struct manifest *m;
    /* Other editions that have put files there, whole or in part. */
    const struct manifest *before[TARGET_BEFORE_MAX];
    size_t before_count;
    bool keeps; /* what the store has stays where it is: files are copies */
    bool known; /* the folder is this course's: what differs was edited */
    bool
        unfinished; /* one before may have been ended in the middle of a file */
};

/**
 * target_open - look at what is there, make partials.
 * @opt: the manifests are borrowed for the life of the target, the rest for the
 *       call.
 * Return: 0; ERR_CONFLICT: a folder that is not known holds a file of that name
 *         with other content ( @e names the first); ERR_REFUSED: DIR leads out
 *         through a symlink; ERR_NO_SPACE; ERR_IO. Nothing was written into
 * DIR. Files that are there and hold the right bytes already are taken as done,
 * and what the store does not hold of them is referenced where it lies.
 */
int target_open(struct store *s, const struct target_options *opt,
                struct target **out, struct err *e);

/**
 * target_place - where the stored bytes of @slot may go directly: a chunk that
 * is stored raw and belongs to a file with a stream of its own.
 * Return: true and a file number of the store with the offset; false: the chunk
 * belongs into a pack. Thread-safe.
 */
bool target_place(struct target *t, uint32_t slot, uint32_t *out_file,
                  uint64_t *out_offset);

/**
 * target_write - @slot is held now: write what can be written from it. Media:
 * a compressed chunk is decoded into its file. Text: new small files whose
 * bytes are complete with it are created. Thread-safe; meant for workers.
 * @raw: the decoded bytes when the caller has them, else NULL (read again).
 */
int target_write(struct target *t, uint32_t slot, const uint8_t *raw,
                 size_t raw_len, struct err *e);

/**
 * target_finish - fill from the store what is still missing, put files in
 * place, remove those that only the editions before had, set modes, make empty
 * folders, settle files. What only an edition before needs of a file that goes
 * is kept in a pack, where there is room. Return: 0; ERR_PARTIAL: some chunks
 * are not held (files that are whole have been put in place); others as in
 * target_open.
 */
int target_finish(struct target *t, struct err *e);

/** target_watch - target_finish ends with ERR_INTERRUPTED soon after *@stop is
 *  true; what is in place stays. @stop outlives the target. */
void target_watch(struct target *t, const _Atomic bool *stop);

/** target_kept - a file of the user's that stays. @beside: the path of the new
 *  one next to it, or NULL: the edition has none. */
typedef void target_kept_fn(void *user, const char *path, const char *beside);

/** target_each_kept - after target_finish: those found, in no order. */
void target_each_kept(const struct target *t, target_kept_fn *fn, void *user);

/** target_close - partials of files that are not whole stay in the home. */
void target_close(struct target *t);

/** target_discard - as target_close, and nobody needs its partials any more. */
void target_discard(struct target *t);

struct target_progress {
    uint64_t files_done;
    uint64_t bytes_done;
};
void target_progress(struct target *t, struct target_progress *out);

#endif
