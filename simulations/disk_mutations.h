/* disk_mutations: deliberate defects of the disk storms' world, and what has to
 * notice each. A keeper that forgot a sync is a disk that lies about it. */
#ifndef SIMULATIONS_DISK_MUTATIONS_H
#define SIMULATIONS_DISK_MUTATIONS_H

#include "simulations/disk_storm.h"

struct disk_mutation {
    const char *name; /* NULL: the end of the table */
    enum vdisk_lie lie;
    enum disk_slip slip;
    const char *invariant; /* that must catch it */
    bool failing_syncs;    /* it shows where syncs fail, and they seldom do */
    bool lost_indexes;     /* or where the index is lost */
    bool large;            /* or where there are large files */
    bool rotting;          /* or the books rot */
};

/** disk_mutations_all - the table. */
const struct disk_mutation *disk_mutations_all(void);

/** disk_mutations_seed - the first seed up to @most at which its invariant
 *  catches @m; 0: none does. @out_why: struct disk_result's of that seed. */
uint64_t disk_mutations_seed(const struct disk_mutation *m, uint64_t most,
                             struct disk_result *out);

#endif
