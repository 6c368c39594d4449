/* disk_storm: the days of one home on a virtual disk. The real keepers and the
 * real SQLite are opened, used, and stopped at any file call by kills and power
 * cuts, in recovery too; disks fill up, fail and rot, memory runs out. What was
 * acknowledged before has to be there after. One seed, one run. */
#ifndef SIMULATIONS_DISK_STORM_H
#define SIMULATIONS_DISK_STORM_H

#include <stdint.h>
#include <stdio.h>

#include "simulations/vdisk.h"

/* What a user of the keepers could do wrong. To check that the invariants
 * notice; see vdisk_lie, too. */
enum disk_slip {
    DISK_NO_SLIP,
    DISK_SLIP_NO_SYNC, /* a record is put while its chunks are not synced */
    DISK_SLIP_ORDER,   /* the record before the chunks */
    DISK_SLIP_GREEDY_SWEEP, /* gc forgets that older editions are owed */
    DISK_SLIP_READOPT,      /* told of folders before it is told of them */
    DISK_SLIP_NOT_ASKED,    /* a restored home signs without asking anybody */
    DISK_SLIP_NOT_HEALED,   /* what verify finds is not published again */
    DISK_SLIP_NOT_IN_PLACE, /* an index made anew is not told of own folders */
    DISK_SLIP_SWEEP_AWAY,   /* gc forgets what stays in place */
    DISK_SLIP_ROT_BELIEVED, /* an index that has rotted is not made anew */
    DISK_SLIP_NOT_RECORDED, /* records that have rotted are not put again */
};

struct disk_plan {
    uint64_t seed;
    unsigned days; /* opens of the home; 0: DISK_DAYS */
    enum vdisk_lie lie;
    enum disk_slip slip;
    bool failing_syncs; /* every deed meets one, and mostly ends there */
    bool lost_indexes;  /* often, and killed while folders are looked through */
    bool rotting;       /* the index or the records rot often */
    bool large;         /* there are large files, which few seeds have */
};

#define DISK_DAYS 40

struct disk_result {
    const char *broken; /* name of the invariant; NULL: all held */
    char why[256];
    char hash[65]; /* of the trace */
    uint64_t lines;
    uint64_t opens, cuts, kills, in_recovery, acts, changes, rots, restores;
};

/**
 * disk_storm - run @p.
 * @all: where every line of the trace goes, or NULL.
 * @tail: where the last lines go when an invariant breaks, or NULL.
 */
void disk_storm(const struct disk_plan *p, FILE *all, FILE *tail,
                struct disk_result *out);

#endif
