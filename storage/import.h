/* import: makes an edition out of a folder: walk, cut, compress, store,
 * manifest. Reads files, never writes into the folder. Signs nothing and knows
 * no keys: it hands back the payload of the edition record, for whoever holds
 * the key. Uses worker threads of its own for the length of one call; memory
 * stays below about 64 MiB however large the course. */
#ifndef STORAGE_IMPORT_H
#define STORAGE_IMPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/edition.h"
#include "storage/course_yaml.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct import_options {
    const char *dir;  /* folder of the course, or one Markdown file */
    int zstd_level;   /* 0 = CODEC_LEVEL_DEFAULT */
    unsigned threads; /* 0 = one per core */
    bool alone;   /* no threads but the caller's: the same calls each time */
    bool dry_run; /* cut and compress, store nothing */
    bool allow_secrets; /* publish what looks like a secret, too */
    /* Raw chunks of large files stay in these and are only referred to; else
     * everything is copied into packs, what lies in other files too. */
    bool in_place;
    bool reread; /* read files, too, that have not changed since last time */
    uint64_t now_ms; /* wall clock; 0: take no file for known the next time */
};

struct import_progress { /* written by import, read by anyone at any time */
    _Atomic uint64_t files_found;
    _Atomic uint64_t bytes_found;
    _Atomic uint64_t bytes_done;
    _Atomic bool cancel; /* set by the caller: import ends ERR_INTERRUPTED */
};

#define IMPORT_NOTES_MAX 64

struct import_result {
    struct course_info info; /* title, summary, ...: course.yaml or inferred */
    struct edition_payload edition; /* course, seq, prev, time_ms left 0; its
                                       spans point into blobs and info */
    struct buf index_blob; /* chunk entries of the blobs, 40 bytes each */
    struct buf tree_blob;
    uint64_t files, bytes, chunks, stored_bytes;
    uint64_t new_chunks, new_stored_bytes; /* not in the store before */
    uint64_t read_bytes; /* of files; the rest was known to be as before */
    char *notes[IMPORT_NOTES_MAX]; /* warnings for the author, one line each */
    size_t note_count;
    uint64_t notes_dropped;
};

/**
 * import_run - do it. Blocks: run it on a worker thread.
 * A file that is, by size, times and inode, what it was at the last import_run
 * of the same folder is not read again; the result is the same as if it were.
 * Not noticed without `reread`: a change that left no trace in these, as on a
 * file system that does not keep them.
 * On return the chunks are put (STORE_OWN) but not synced: call store_sync
 * before anything refers to them. After a failure or cancel nothing refers to
 * them, and the next sweep takes them.
 * Return: 0; ERR_INVALID (course.yaml, bad names: @e says which file and what
 * to do); ERR_REFUSED (secrets); ERR_NOT_FOUND; ERR_LIMIT; ERR_CONFLICT (a file
 * changed while it was read, twice in a row); ERR_INTERRUPTED; ERR_NO_SPACE.
 */
int import_run(struct store *s, const struct import_options *opt,
               struct import_progress *progress, struct import_result *out,
               struct err *e);

void import_result_deinit(struct import_result *r);

struct lint_report {
    char *notes[IMPORT_NOTES_MAX * 4]; /* "error: ..." or "warning: ..." */
    size_t note_count;
    uint64_t errors, warnings, files, bytes;
    struct course_info info;
};

/** import_lint - everything import_run would refuse or warn about, without
 *  reading contents beyond names, sizes and course.yaml. */
int import_lint(const struct import_options *opt, struct lint_report *out,
                struct err *e);
void lint_report_deinit(struct lint_report *r);

#endif
