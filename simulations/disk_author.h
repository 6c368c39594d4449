/* disk_author: somebody who publishes a folder of his own with the real import.
 * Shared by disk_import.c (small files) and disk_footage.c (large ones, which
 * stay where they are). */
#ifndef SIMULATIONS_DISK_AUTHOR_H
#define SIMULATIONS_DISK_AUTHOR_H

#include "crypto/key.h"
#include "simulations/disk_world.h"
#include "storage/import.h"

struct disk_owned {
    struct chunk_id id;
    bool owed;
};

struct disk_author {
    struct identity *who;
    bool in_place; /* his large files are not copied */
    struct course_id course;
    struct buf course_record;
    struct record_id top;
    uint64_t acked; /* the number of that; 0: none */
    struct disk_owned *chunks;
    size_t count;
};

/** disk_author_init - with a key of his own. */
void disk_author_init(struct disk_author *a, struct rng *rng);
void disk_author_deinit(struct disk_author *a);

/**
 * disk_author_import - @dir as it is becomes his next edition.
 * @out: its manifest; the caller's when this returns 0.
 */
int disk_author_import(struct disk_world *w, struct disk_author *a,
                       const char *dir, struct manifest *out, struct err *err);

/** disk_author_owns - gc leaves it. */
bool disk_author_owns(const struct disk_author *a, const struct chunk_id *id);

/** disk_author_check - S2, S3 of what he has published. */
void disk_author_check(struct disk_world *w, const struct disk_author *a);

/** disk_author_verify - all that he has published. *bad grows by the chunks
 * that are not what they were; those in files of his are not counted. */
int disk_author_verify(struct disk_world *w, const struct disk_author *a,
                       unsigned *bad, struct err *err);

/** disk_author_restored - his home is another one now; the folder is the same.
 */
void disk_author_restored(struct disk_author *a);

#endif
