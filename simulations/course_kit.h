/* course_kit: a small real course from a seed: signed records, manifests that
 * decode, chunks whose digests hold. What it makes is the truth that the nodes'
 * stores are compared with. Source: node/PROTOCOL.md sections 3 and 4. */
#ifndef SIMULATIONS_COURSE_KIT_H
#define SIMULATIONS_COURSE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/ids.h"
#include "node/core/rng.h"
#include "storage/manifest.h"

#define COURSE_KIT_EDITIONS 10
#define COURSE_KIT_ODD 12  /* editions that break the chain */
#define COURSE_KIT_MEDIA 4 /* files that stand alone, at most */
#define COURSE_KIT_MEDIA_CHUNKS 8
#define COURSE_KIT_NETWORK "main"

struct course_kit_params {
    uint32_t chunks;    /* of content, 1..4096, those of media included */
    uint32_t media;     /* files that stand alone: the last chunks */
    uint32_t chunk_min; /* raw bytes, 64.. */
    uint32_t chunk_max;
    uint32_t
        media_min; /* the same of media, whose files then grow and shrink */
    uint32_t
        media_max;     /* 0: as the others, and a file stays as long as it is */
    uint32_t editions; /* 1..COURSE_KIT_EDITIONS */
    bool odd;          /* and such as the author should never have signed */
    bool later;        /* its author's node is of a later version */
};

struct course_kit_odd { /* the author's signature, and nothing behind it */
    struct record_id id;
    uint64_t seq;
    struct buf record;
};

struct course_kit_edition {
    struct record_id id;
    uint64_t seq;
    struct buf record;
    struct manifest_totals totals;
    struct chunk_table table; /* owned; all slots */
    const uint8_t **bytes;    /* of each slot, as stored; borrowed of the kit */
};

struct course_kit {
    struct course_id course;
    struct author_id author;
    struct buf course_record;
    struct buf profile_record;
    struct course_kit_edition editions[COURSE_KIT_EDITIONS];
    uint32_t edition_count;
    struct course_kit_odd odd[COURSE_KIT_ODD]; /* forks, jumps */
    uint32_t odd_count;
    struct buf omen;       /* a record of a type of a later version */
    struct buf withdrawal; /* of edition 1, by the author */
    struct buf slander;    /* of all of it, by a stranger */
    uint8_t **pool;        /* all chunks ever made, owned */
    size_t pool_count;
};

/** course_kit_new - never NULL: the simulator has no use for less. */
struct course_kit *course_kit_new(const struct course_kit_params *p,
                                  struct rng *rng);
void course_kit_free(struct course_kit *k);

/** course_kit_manifest - what the blobs of @e say; manifest_deinit it. */
void course_kit_manifest(const struct course_kit_edition *e,
                         struct manifest *out);

/** course_kit_raw - the chunk of @slot, decoded: raw_len bytes. */
void course_kit_raw(const struct course_kit_edition *e, uint32_t slot,
                    uint8_t *out);

/** course_kit_find - the edition of that id, or NULL. */
const struct course_kit_edition *course_kit_find(
    const struct course_kit *k, const struct record_id *edition);

/** course_kit_signed - did the author sign it, for better or worse? */
bool course_kit_signed(const struct course_kit *k,
                       const struct record_id *edition);

/** course_kit_bytes - stored bytes of all slots of @e together. */
uint64_t course_kit_bytes(const struct course_kit_edition *e);

#endif
