/* disk_deeds: what the user of a home does, each in the order in which the node
 * does it. Nothing here knows when the power goes; each step just fails then.
 * A deed returns as the keeper that ended it. */
#ifndef SIMULATIONS_DISK_DEEDS_H
#define SIMULATIONS_DISK_DEEDS_H

#include "simulations/disk_world.h"

/* ---- disk_publish.c: his own courses ---------------------------------------
 */

/** disk_put_edition - chunks, sync, records; as a slip of the plan has it. */
int disk_put_edition(struct disk_world *w, const struct course_kit *kit,
                     const struct course_kit_edition *e, struct err *err);
int disk_put_records(struct disk_world *w, const struct course_kit *kit,
                     const struct course_kit_edition *e, bool own,
                     struct err *err);
int disk_put_chunks(struct disk_world *w, const struct course_kit_edition *e,
                    struct err *err);
int disk_publish(struct disk_world *w, struct err *err);

/* ---- disk_fetch.c: a course of somebody else's, in a folder ----------------
 */

int disk_get(struct disk_world *w, struct err *err);
int disk_update(struct disk_world *w, struct err *err);
int disk_rollback(struct disk_world *w, struct err *err);
/** disk_manifest_of - the edition that a journal's value names. NULL: none. */
const struct manifest *disk_manifest_of(const struct disk_course *k,
                                        const char *hex);

/* ---- disk_sweep.c: what goes -----------------------------------------------
 */

int disk_rm(struct disk_world *w, struct err *err);
int disk_sweep(struct disk_world *w, struct err *err);
int disk_flush(struct disk_world *w, struct err *err);

/* ---- disk_choices.c: what he chooses and writes ----------------------------
 */

int disk_pin(struct disk_world *w, struct err *err);
int disk_met(struct disk_world *w, struct err *err);
int disk_configure(struct disk_world *w, struct err *err);
int disk_note(struct disk_world *w, struct err *err);
int disk_edit(struct disk_world *w, struct err *err);

/* ---- disk_import.c: his own folder, published by the real import -----------
 */

int disk_lesson(struct disk_world *w, struct err *err);
int disk_import(struct disk_world *w, struct err *err);

/* ---- disk_footage.c: his large files, published in place -------------------
 */

int disk_film(struct disk_world *w, struct err *err);
int disk_show_footage(struct disk_world *w, struct err *err);
/** disk_readopt_footage - to an index that was made anew. */
int disk_readopt_footage(struct disk_world *w);
/** disk_footage_forget - of what stays in place nothing has to be held. */
void disk_footage_forget(struct disk_world *w);

/* ---- disk_stick.c: course files --------------------------------------------
 */

int disk_pack(struct disk_world *w, struct err *err);
int disk_unpack(struct disk_world *w, struct err *err);

/* ---- disk_backup.c: the home that is lost ----------------------------------
 */

int disk_backup(struct disk_world *w, struct err *err);
int disk_restore(struct disk_world *w, struct err *err);

/* ---- disk_rot.c: what rots -------------------------------------------------
 */

int disk_verify(struct disk_world *w, struct err *err);
/** disk_verify_chunk - one that is held. *bad grows by one that is not what it
 *  was; what cannot be read is an error. */
int disk_verify_chunk(struct disk_world *w, const struct chunk_id *id,
                      unsigned *bad, struct err *err);

/* ---- disk_users.c ----------------------------------------------------------
 */

static inline uint64_t disk_below(struct disk_world *w, uint64_t n)
{
    return rng_below(&w->rng, n);
}

static inline bool disk_alive(const struct disk_world *w)
{
    return !vdisk_stopped(w->disk);
}

#endif
