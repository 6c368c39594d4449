/* pack: append-only segments of chunks, packs/NNNNNN.pack. Each record is a
 * 64-byte header that names and checks itself, then the stored bytes, so that
 * an index can be made again by a scan. Knows no index; not thread-safe.
 *
 * Header, big-endian: magic "LyPk", stored_len u32, raw_len u32, flags u32,
 * chunk id 32 bytes, sum u64 (digest_sum64 of the bytes), check u64
 * (digest_sum64 of the 56 bytes before it). */
#ifndef STORAGE_PACK_H
#define STORAGE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"

#define PACK_HEAD_BYTES 64u

struct pack_record {
    struct chunk_ref ref;
    uint64_t sum;
    uint64_t offset; /* of the stored bytes in the pack */
};

void pack_head_encode(const struct chunk_ref *ref, uint64_t sum,
                      uint8_t out[PACK_HEAD_BYTES]);

/** pack_head_decode - Return: 0, or ERR_MALFORMED: not a header of ours. The
 *  offset is left 0. */
int pack_head_decode(const uint8_t in[PACK_HEAD_BYTES],
                     struct pack_record *out);

/** pack_path - "HOME/packs/NNNNNN.pack" into @out. */
void pack_path(const char *home, uint32_t number, char *out, size_t cap);

/**
 * pack_scan - every record of the pack open at @fd from @from on whose bytes
 * have the SHA-256 that its header says. Holes (of writers that did not finish)
 * and bad records are searched over to the next header; since the search looks
 * into bytes that peers chose, nothing but the SHA-256 makes a record.
 * @fn: non-zero ends the scan and is returned.
 * *out_end: behind the last record found, or @from.
 */
int pack_scan(int fd, uint64_t from,
              int (*fn)(void *user, const struct pack_record *r), void *user,
              uint64_t *out_end, struct err *e);

/** pack_list - call @fn with the number of each pack in the home, ascending. */
int pack_list(const char *home, int (*fn)(void *user, uint32_t number),
              void *user, struct err *e);

#endif
