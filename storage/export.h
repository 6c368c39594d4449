/* export: writes the files of an edition into a folder, from the store. Never
 * outside the folder (openat2 with RESOLVE_BENEATH), never over a file it did
 * not write, never half a file: each is made in the home's partial/ and renamed
 * (or, on another file system, copied under a temporary name and renamed
 * there). */
#ifndef STORAGE_EXPORT_H
#define STORAGE_EXPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct target;

/**
 * target_open - a folder that an edition's files go into (`--to`, `export`).
 * @home: where partials are kept: home/partial/EDITION/.
 * @dir:  made when missing.
 * @m:    borrowed for the life of the target.
 * @before: another edition's on the same folder, which this one has overtaken;
 *        or NULL. Small files of a folder that it found empty are its own: they
 *        may be written anew.
 * Checks every path against what is there, before anything is written:
 * Return: 0; ERR_CONFLICT: DIR holds a file of that name with other content
 *         ( @e names the first and counts the rest); ERR_REFUSED: DIR leads out
 *         through a symlink; ERR_NO_SPACE; ERR_IO.
 * Files that are there and hold the right bytes already are taken as done, and
 * what the store does not hold of them is referenced where it lies.
 */
int target_open(struct store *s, const char *home, const char *dir,
                const struct record_id *edition, const struct manifest *m,
                const struct target *before, struct target **out,
                struct err *e);

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
 * a compressed chunk is decoded into its file. Text: small files whose bytes
 * are complete with it are created. Thread-safe; meant for workers.
 * @raw: the decoded bytes when the caller has them, else NULL (read again).
 */
int target_write(struct target *t, uint32_t slot, const uint8_t *raw,
                 size_t raw_len, struct err *e);

/**
 * target_finish - write all that is still missing from the store, rename the
 * partials to their places, set modes, make empty folders, settle files.
 * Return: 0; ERR_PARTIAL: some chunks are not held (files that are whole have
 * been put in place); others as in target_open.
 */
int target_finish(struct target *t, struct err *e);

/** target_watch - target_finish ends with ERR_INTERRUPTED soon after *@stop is
 *  true; what is in place stays. @stop outlives the target. */
void target_watch(struct target *t, const _Atomic bool *stop);

/** target_close - partials of files that are not whole stay in the home. */
void target_close(struct target *t);

struct target_progress {
    uint64_t files_done;
    uint64_t bytes_done;
};
void target_progress(struct target *t, struct target_progress *out);

/**
 * export_read - bytes of one file of an edition, verified and decoded.
 * @fn: gets pieces in order; return non-zero to stop.
 */
int export_read(struct store *s, const struct manifest *m, uint32_t file,
                uint64_t off, uint64_t len,
                int (*fn)(void *user, const uint8_t *p, size_t n), void *user,
                struct err *e);

/**
 * export_adopt - make known to the store what lies in a folder that an export
 * wrote: raw chunks of media files that it does not hold. Reads them all.
 * Return: 0 and how many in *out_chunks; ERR_NOT_FOUND: no such folder.
 */
int export_adopt(struct store *s, const struct manifest *m, const char *dir,
                 uint64_t *out_chunks, struct err *e);

/* What is in a folder now against the manifest (for verify). */
enum target_file_state { TARGET_SAME, TARGET_EDITED, TARGET_ABSENT };

/** export_compare - call @fn for each file of @m that is not as it was written
 *  into @dir. Sizes first, then contents. Chunks must be held. */
int export_compare(struct store *s, const struct manifest *m, const char *dir,
                   void (*fn)(void *user, const char *path,
                              enum target_file_state state),
                   void *user, struct err *e);

#endif
