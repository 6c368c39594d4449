/* disk_world: one home on one virtual disk, and what is known of it from
 * outside: what was acknowledged, and so must be there whatever happened since.
 * Shared by disk_storm.c (the days of this home), disk_users.c (what its user
 * does), disk_facts.c and disk_rules.c (what must hold). */
#ifndef SIMULATIONS_DISK_WORLD_H
#define SIMULATIONS_DISK_WORLD_H

#include "node/core/rng.h"
#include "simulations/course_kit.h"
#include "simulations/disk_node.h"
#include "simulations/disk_storm.h"
#include "simulations/trace.h"
#include "simulations/vdisk.h"

#define DISK_OWN 2 /* courses of the node's user: the first ones */
#define DISK_COURSES 3
#define DISK_FOLDER "/course"   /* the last one is fetched into it */
#define DISK_NOTE "mine.txt"    /* a file of the user's in it */
#define DISK_MEDIA "video-"     /* so its large files begin */
#define DISK_STICK "/stick"     /* where course files and backups go */
#define DISK_FOOTAGE "/footage" /* large files, published in place */
#define DISK_SHELF "/shelf"     /* where they are put meanwhile */
#define DISK_AUTHORS 2
#define DISK_FETCHED (DISK_COURSES - 1)
#define DISK_DOUBTS 6
#define DISK_FACTS 24
#define DISK_VALUE 160

struct disk_chunk {
    struct chunk_ref ref;
    const uint8_t *bytes;
    bool owed; /* of an own edition that was acknowledged */
};

struct disk_course {
    struct course_kit *kit;
    struct manifest manifests[COURSE_KIT_EDITIONS];
    struct disk_chunk *chunks; /* each once */
    size_t count;
    bool acked[COURSE_KIT_EDITIONS + 1]; /* by seq: its record must be here */
    uint64_t current;                    /* the highest that was shown */
    uint64_t signed_to;  /* the highest ever; other nodes have it, too */
    bool may_be_removed; /* a removal is under way: records may be gone */
};

/* Where a fact is kept, and which of its values is looked at. */
struct disk_place {
    enum disk_file { DISK_ROOTS, DISK_CHOICES, DISK_CONFIG } file;
    const char *verb;
    const char *key;
    size_t index;
};

struct disk_fact {
    struct disk_place at;
    char key[80];
    char sure[DISK_VALUE];                /* "": it does not hold */
    char doubts[DISK_DOUBTS][DISK_VALUE]; /* or one of these instead */
    size_t doubt_count;
};

struct disk_author;
struct disk_lessons;
struct disk_footage;

struct disk_snapshot { /* what a backup has */
    bool taken;
    struct disk_fact facts[DISK_FACTS];
    size_t fact_count;
    bool acked[DISK_COURSES][COURSE_KIT_EDITIONS + 1];
    uint64_t current[DISK_COURSES];
};

struct disk_world {
    struct disk_plan plan;
    struct vdisk *disk;
    struct rng rng;
    struct trace *trace;
    struct disk_node node;
    bool large; /* with large files */
    bool open;
    bool fed_up; /* after an error he kills it and starts it again */
    struct disk_course courses[DISK_COURSES];
    struct disk_fact facts[DISK_FACTS];
    size_t fact_count;
    struct node_id self; /* as it was seen first */
    bool has_self;
    char note[64];    /* what the user's own file holds; "" = none yet */
    char edit[64];    /* what he wrote into a file of the course */
    uint64_t done;    /* the edition that the folder holds, acknowledged */
    bool media_held;  /* and no sync has failed since, which drops its rows */
    bool folder_left; /* by rm: what lies there is nobody's any more */
    bool edit_doubt;  /* it was being written when the power went */
    struct disk_lessons *lessons; /* a folder that he writes and publishes */
    struct disk_footage *footage; /* one that stays in place; NULL: none */
    struct disk_author *authors[DISK_AUTHORS]; /* of these; NULL: no more */
    const struct course_kit_edition *packed;   /* on the stick; or NULL */
    size_t packed_course;
    struct disk_snapshot backup;
    bool restoring;           /* the home is gone, and not there again yet */
    unsigned restores;        /* since then chunks of what is known are not */
    bool rotten, ever_rotten; /* some stored bytes are others now */
    bool index_rotten;        /* the index is not what it was, nor made anew */
    bool log_rotten;          /* records are not what they were */
    bool readopting;          /* an index made anew lacks the folders yet */
    bool folder_rotten; /* what its small files were may not be here any more:
                           an old one counts as his own, until he empties it */
    struct disk_result *result;
};

/** disk_fail - @name is broken; only the first time counts. */
void disk_fail(struct disk_world *w, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** disk_books_rotten - what is said of records may be less than was known. */
static inline bool disk_books_rotten(const struct disk_world *w)
{
    return w->index_rotten || w->log_rotten;
}

/* ---- disk_facts.c ----------------------------------------------------------
 */

/** disk_set - state a fact as the node does. @count 0: it ends. Return: as the
 *  keeper. */
int disk_set(struct disk_world *w, const struct disk_place *at,
             const char *const *values, size_t count, struct err *e);
/** disk_sure - what is sure of it, "" when nothing is. */
const char *disk_sure(struct disk_world *w, const struct disk_place *at);
/** disk_read_fact - what the node says now. */
void disk_read_fact(struct disk_world *w, const struct disk_place *at,
                    char out[DISK_VALUE]);
/** disk_check_facts - S2, choices. After a @restart what is seen is sure. */
void disk_check_facts(struct disk_world *w, bool restart);

/* ---- what its user does; disk_deeds.h has each -----------------------------
 */

/** disk_act - one thing that a user does; its name and outcome are traced. */
void disk_act(struct disk_world *w);
/** disk_readopt - as node/driver/readopt.c: an index that was made anew is told
 *  of the folder. */
void disk_readopt(struct disk_world *w);
/** disk_go_on_restoring - until there is a home again. */
void disk_go_on_restoring(struct disk_world *w);
/** disk_rot - something that is stored changes, while nobody looks. */
void disk_rot(struct disk_world *w);
/** disk_rot_books - the same of the index, or of the file of records. */
void disk_rot_books(struct disk_world *w);
/** disk_lessons_new - with their folder, which is not synced yet. */
struct disk_lessons *disk_lessons_new(struct rng *rng);
struct disk_author *disk_lessons_author(struct disk_lessons *l);
void disk_lessons_free(struct disk_lessons *l);
/** disk_footage_new - as lessons. */
struct disk_footage *disk_footage_new(struct rng *rng);
struct disk_author *disk_footage_author(struct disk_footage *f);
void disk_footage_free(struct disk_footage *f);
/** disk_check_footage - S1, S2, S12 and P1 of what stays in place. */
void disk_check_footage(struct disk_world *w);
/** disk_check_stick - the course file is as it was packed. */
void disk_check_stick(struct disk_world *w);

/* ---- disk_rules.c ----------------------------------------------------------
 */

/** disk_check_restart - all of it, right after the node has opened. */
void disk_check_restart(struct disk_world *w);
/** disk_check_step - what is cheap. */
void disk_check_step(struct disk_world *w);
/** disk_check_folder - the folder holds edition @at of the fetched course. */
void disk_check_folder(struct disk_world *w, uint64_t seq);
/** disk_acknowledge - edition @seq of course @c was published: all of it is
 *  owed from now on. */
void disk_acknowledge(struct disk_world *w, size_t c, uint64_t seq);
/** disk_acknowledge_records - its record alone. */
void disk_acknowledge_records(struct disk_world *w, size_t c, uint64_t seq);

#endif
