/* lyc: a course, or what is new of it, in one file for a USB stick. A pure
 * format: frames in, frames out, one behind the other; never seeks, holds one
 * chunk at a time. Knows no catalog and no store: what of it is believed is
 * decided by whoever reads (node/api/api_unpack.c). Source: storage/LYC.md. */
#ifndef STORAGE_LYC_H
#define STORAGE_LYC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"

#define LYC_VERSION 1u
#define LYC_HEAD_BYTES 104u
#define LYC_RECORD_HEAD_BYTES 24u
#define LYC_END_BYTES 32u
#define LYC_DAMAGED_MAX 65536u                    /* more is no course file */
#define LYC_RECORDS_MAX 1024u                     /* of one file */
#define LYC_RECORDS_BYTES_MAX (16u * 1024 * 1024) /* all of them together */

struct lyc_head {
    struct course_id course;
    struct record_id edition; /* what the file is meant to bring */
    uint64_t seq;             /* its number */
    uint64_t since; /* only what this edition has not; 0 = all of it */
};

/* ---- writing ---------------------------------------------------------------
 */

/** lyc_write_fn - @parts, one behind the other, to the end of the file. */
typedef int lyc_write_fn(void *user, const struct span *parts, size_t count,
                         struct err *e);

struct lyc_writer {
    lyc_write_fn *write;
    void *user;
    uint32_t records, chunks;
    uint64_t bytes; /* so far */
};

/** lyc_begin - make @w ready and write the head. */
int lyc_begin(struct lyc_writer *w, const struct lyc_head *head,
              lyc_write_fn *write, void *user, struct err *e);
int lyc_put_record(struct lyc_writer *w, struct span record, struct err *e);
/** lyc_put_chunk - @data: ref->stored_len bytes with the SHA-256 ref->id. */
int lyc_put_chunk(struct lyc_writer *w, const struct chunk_ref *ref,
                  const uint8_t *data, struct err *e);
int lyc_end(struct lyc_writer *w, struct err *e);

/** lyc_chunk_bytes - what a chunk of @stored_len takes in a file. */
uint64_t lyc_chunk_bytes(uint32_t stored_len);

/* ---- reading ---------------------------------------------------------------
 */

/** lyc_read_fn - up to @cap bytes; *out_n 0 = the end. */
typedef int lyc_read_fn(void *user, uint8_t *p, size_t cap, size_t *out_n,
                        struct err *e);

struct lyc_reader;

/**
 * lyc_open - read the head.
 * Return: 0; ERR_MALFORMED: no course file, a damaged head, or another
 * version, as @e says; ERR_NOMEM; what @read returns.
 */
int lyc_open(lyc_read_fn *read, void *user, struct lyc_head *out_head,
             struct lyc_reader **out, struct err *e);
void lyc_close(struct lyc_reader *r);

enum lyc_kind {
    LYC_RECORD,
    LYC_CHUNK,
    LYC_END, /* the end marker */
    LYC_CUT, /* the bytes ended without one */
};

struct lyc_item {
    enum lyc_kind kind;
    struct span record;   /* LYC_RECORD: at most RECORD_BYTES_MAX, undamaged but
                             not verified; until the next call */
    struct chunk_ref ref; /* LYC_CHUNK: what its head says; nothing proven but
                             1 <= stored_len <= CHUNK_RAW_MAX */
};

/**
 * lyc_next - the next frame. What is damaged is searched over. A chunk that was
 * not read with lyc_chunk is skipped.
 * Return: 0; what the read function returns. After LYC_END and LYC_CUT the same
 * comes again.
 */
int lyc_next(struct lyc_reader *r, struct lyc_item *out, struct err *e);

/**
 * lyc_chunk - the bytes of the chunk that lyc_next gave, once for each.
 * @out: ref.stored_len bytes whose SHA-256 is ref.id; until the next call.
 * Return: 0; ERR_CORRUPT: the bytes are others: the search goes on behind the
 * chunk's head; ERR_NOT_FOUND: the file ends in it; what the read function
 * returns.
 */
int lyc_chunk(struct lyc_reader *r, const uint8_t **out, struct err *e);

/** lyc_damaged - how often something had to be searched over, or the counts of
 *  the end marker were not those of the file. At LYC_DAMAGED_MAX the rest is
 *  given up, as if the bytes had ended. */
uint32_t lyc_damaged(const struct lyc_reader *r);

#endif
