/* manifest: what an edition holds: its files, its lessons and the table of its
 * chunks. A pure format: bytes in, structs out. Opens no files, fetches
 * nothing. Everything a peer could use against us is refused here, at decoding:
 * hostile paths, overlapping files, sums that do not add up. Source:
 * node/PROTOCOL.md section 4. */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define CHUNK_RAW_MAX (1024u * 1024u)
#define CHUNK_FLAG_ZSTD 0x01u
#define CHUNK_ENTRY_BYTES 40u
#define MANIFEST_CHUNKS_MAX 4194304u
#define MANIFEST_FILES_MAX 100000u
#define MANIFEST_NAMES_MAX 200000u
#define MANIFEST_TREE_MAX (16u * 1024u * 1024u)
#define MANIFEST_BLOB_ENTRIES_MAX 1200u

/* One chunk of an edition, as its entry says (PROTOCOL 4.2). */
struct chunk_ref {
    struct chunk_id id;
    uint32_t stored_len; /* 1..CHUNK_RAW_MAX */
    uint32_t raw_len;    /* 1..CHUNK_RAW_MAX */
    uint8_t flags;       /* CHUNK_FLAG_* */
};

/* chunk_table: every slot of an edition (PROTOCOL 4.7): blobs, then content. */
struct chunk_table {
    struct chunk_ref *refs; /* owned */
    uint32_t count;         /* slots */
    uint32_t index_count;   /* the first so many are the index blob */
    uint32_t tree_count;    /* the next so many the tree blob */
};

enum stream_profile {
    STREAM_TEXT = 0,
    STREAM_MEDIA = 1,
};

struct manifest_stream {
    enum stream_profile profile;
    uint32_t first_slot; /* slot of its first chunk */
    uint32_t chunk_count;
    uint64_t bytes; /* raw */
};

#define FILE_FLAG_EXECUTABLE 0x01u

struct manifest_file {
    const char *path; /* NUL-terminated, checked by path_rules; owned */
    uint64_t size;
    uint64_t offset; /* in its stream's raw bytes */
    uint32_t stream; /* index into streams; meaningless when size is 0 */
    uint8_t flags;   /* FILE_FLAG_* */
};

enum lesson_kind {
    LESSON_PAGE = 0,
    LESSON_VIDEO = 1,
    LESSON_AUDIO = 2,
    LESSON_DOCUMENT = 3,
    LESSON_CODE = 4,
    LESSON_OTHER = 5,
};

#define LESSON_FLAG_PREVIEW 0x01u

struct manifest_lesson {
    const char *title;
    const char *path; /* of one of the files */
    enum lesson_kind kind;
    uint32_t duration_s; /* 0 = unknown */
    uint8_t flags;       /* LESSON_FLAG_* */
    uint32_t module;     /* index into modules */
};

struct manifest_module {
    const char *title;
};

struct manifest {
    struct chunk_table table;
    struct manifest_stream *streams;
    uint32_t stream_count;
    struct manifest_file *files; /* sorted by path bytes */
    uint32_t file_count;
    const char **dirs; /* empty folders, sorted */
    uint32_t dir_count;
    struct manifest_module *modules;
    uint32_t module_count;
    struct manifest_lesson *lessons; /* in module order */
    uint32_t lesson_count;
    uint64_t bytes;        /* sum of file sizes */
    uint64_t stored_bytes; /* sum of content stored_len, repetitions counted */
    struct buf strings;    /* backing store of all texts */
    uint64_t *slot_offset; /* raw offset in its stream, per content slot */
};

#define CHUNK_TABLE_INIT                                                       \
    {                                                                          \
        NULL, 0, 0, 0                                                          \
    }

/** chunk_entry_encode - @ref as its 40 bytes. */
void chunk_entry_encode(const struct chunk_ref *ref, uint8_t out[40]);

/** chunk_entry_decode - Return: 0 or ERR_MALFORMED (range of lengths, flags).
 */
int chunk_entry_decode(const uint8_t in[40], struct chunk_ref *out_ref);

/**
 * chunk_table_from_blobs - the table while only the edition record is known.
 * @index_blob, @tree_blob: entry lists from the edition record.
 * @out_table: caller's, count = index_count + tree_count; deinit it.
 * Return: 0, ERR_MALFORMED, ERR_NOMEM.
 */
int chunk_table_from_blobs(struct span index_blob, struct span tree_blob,
                           struct chunk_table *out_table, struct err *e);

void chunk_table_deinit(struct chunk_table *t);

/* What an edition record promises about its manifest. */
struct manifest_totals {
    uint64_t files;
    uint64_t bytes;
    uint64_t chunks;
    uint64_t stored_bytes;
};

/**
 * manifest_decode - read and check the two blobs of an edition.
 * @blobs:  table of the blob slots (chunk_table_from_blobs); copied.
 * @index:  raw bytes of the index blob.
 * @tree:   raw bytes of the tree blob.
 * @totals: of the edition record; a mismatch is ERR_MALFORMED.
 * @out_m:  caller's struct, filled; manifest_deinit it.
 * Return: 0, ERR_MALFORMED, ERR_LIMIT, ERR_NOMEM. Cost: O(chunks + files).
 */
int manifest_decode(const struct chunk_table *blobs, struct span index,
                    struct span tree, const struct manifest_totals *totals,
                    struct manifest *out_m, struct err *e);

/**
 * manifest_encode_tree - the tree blob of @m (table.refs is not needed beyond
 * the streams' chunk counts). Appends to @out. Files and dirs must be sorted.
 * Return: 0, ERR_LIMIT (over MANIFEST_TREE_MAX), ERR_NOMEM.
 */
int manifest_encode_tree(const struct manifest *m, struct buf *out,
                         struct err *e);

/** manifest_deinit - free all; @m may be used again. */
void manifest_deinit(struct manifest *m);

/** manifest_find - file index of @path, or -1. O(log files). */
int64_t manifest_find(const struct manifest *m, const char *path);

/**
 * manifest_slots_of - the slots that hold bytes [off, off+len) of file @file.
 * @out_skip: raw bytes to skip inside the first slot's chunk.
 * A zero length or an empty file gives *out_count 0.
 * Cost: O(log chunks): the prefix sums are kept inside @m.
 */
void manifest_slots_of(const struct manifest *m, uint32_t file, uint64_t off,
                       uint64_t len, uint32_t *out_first, uint32_t *out_count,
                       uint32_t *out_skip);

/** manifest_slot_offset - raw offset of content @slot inside its stream. */
uint64_t manifest_slot_offset(const struct manifest *m, uint32_t slot);

/** manifest_stream_of - index of the stream that content @slot belongs to. */
uint32_t manifest_stream_of(const struct manifest *m, uint32_t slot);

#endif
