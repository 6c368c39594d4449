/* codec: zstd for one chunk at a time. Pure: bytes in, bytes out; a codec keeps
 * its contexts between calls and belongs to one thread at a time. Decoding
 * takes nothing but exactly what a publisher may have made. Source:
 * node/PROTOCOL.md 4.1. */
#ifndef STORAGE_CODEC_H
#define STORAGE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/manifest.h"

#define CODEC_LEVEL_DEFAULT 2 /* 1 % larger than 3, a tenth faster */
#define CODEC_LEVEL_BEST 12
/* Room for the worst case of one chunk. */
#define CODEC_BOUND (CHUNK_RAW_MAX + CHUNK_RAW_MAX / 128 + 1024)

struct codec;

struct codec *codec_new(void);
void codec_free(struct codec *c);

/**
 * codec_encode - how the raw bytes are to be stored.
 * @raw: 1..CHUNK_RAW_MAX bytes. @dst: CODEC_BOUND bytes.
 * *out_flags = CHUNK_FLAG_ZSTD: @dst holds *out_len bytes.
 * *out_flags = 0: saves under 3 %; store @raw itself, *out_len = len, and what
 * is in @dst means nothing.
 * Return: 0 or ERR_FAILED.
 */
int codec_encode(struct codec *c, int level, const uint8_t *raw, size_t len,
                 uint8_t *dst, size_t *out_len, uint8_t *out_flags);

/**
 * codec_decode - the raw bytes of a chunk whose id has been checked.
 * @dst: raw_len bytes, filled exactly.
 * Return: 0; ERR_MALFORMED: not one frame, another size, a dictionary, a
 * checksum, bytes left over, or not zstd at all.
 */
int codec_decode(struct codec *c, const uint8_t *stored, size_t stored_len,
                 uint8_t flags, uint8_t *dst, size_t raw_len, struct err *e);

#endif
