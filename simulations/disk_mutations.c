#include "simulations/disk_mutations.h"

#include <string.h>

static const struct disk_mutation table[] = {
    {"packs/ is not synced", VDISK_LIE_PACKS_DIR, DISK_NO_SLIP, "S2", false,
     false},
    {"the home is not synced", VDISK_LIE_HOME_DIR, DISK_NO_SLIP, "S2", false,
     false},
    {"records/ is not synced", VDISK_LIE_RECORDS_DIR, DISK_NO_SLIP, "S2", false,
     false},
    {"packs are not synced", VDISK_LIE_PACKS, DISK_NO_SLIP, "S2", false, false},
    {"records are not synced", VDISK_LIE_RECORDS, DISK_NO_SLIP, "S2", false,
     false},
    {"roots and choices are not synced", VDISK_LIE_JOURNALS, DISK_NO_SLIP, "S2",
     false, false},
    {"renamed before it is synced", VDISK_LIE_TMP, DISK_NO_SLIP, "S2", false,
     false},
    {"the index is not synced", VDISK_LIE_INDEX, DISK_NO_SLIP, "S2", false,
     false},
    {"a folder is not synced", VDISK_LIE_FOLDER, DISK_NO_SLIP, "S1", false,
     false},
    {"a failed sync says it was none", VDISK_LIE_ERROR, DISK_NO_SLIP, "S2",
     false, false},
    {"the cache is believed after a failed sync", VDISK_LIE_CACHE, DISK_NO_SLIP,
     "S2", true, false},
    {"two get the lock of one home", VDISK_LIE_LOCK, DISK_NO_SLIP, "lock",
     false, false},
    {"a course file is not synced", VDISK_LIE_STICK, DISK_NO_SLIP, "S2", false,
     false},
    {"a restored home is not synced", VDISK_LIE_RESTORED, DISK_NO_SLIP, "S2",
     false, false},
    {"a record before its chunks are synced", VDISK_HONEST, DISK_SLIP_NO_SYNC,
     "S2", false, false},
    {"a record before its chunks are put", VDISK_HONEST, DISK_SLIP_ORDER, "S2",
     false, false},
    {"gc forgets older own editions", VDISK_HONEST, DISK_SLIP_GREEDY_SWEEP,
     "S2", false, false},
    {"adopting folders is not gone on with", VDISK_HONEST, DISK_SLIP_READOPT,
     "R1", false, true},
    {"a restored home signs without asking", VDISK_HONEST, DISK_SLIP_NOT_ASKED,
     "S3", false, false},
    {"what verify finds is not published again", VDISK_HONEST,
     DISK_SLIP_NOT_HEALED, "S2", false, false},
    {NULL, VDISK_HONEST, DISK_NO_SLIP, NULL, false, false},
};

const struct disk_mutation *disk_mutations_all(void)
{
    return table;
}

uint64_t disk_mutations_seed(const struct disk_mutation *m, uint64_t most,
                             struct disk_result *out)
{
    for (uint64_t seed = 1; seed <= most; seed++) {
        struct disk_plan p = {.seed = seed,
                              .lie = m->lie,
                              .slip = m->slip,
                              .failing_syncs = m->failing_syncs,
                              .lost_indexes = m->lost_indexes};

        disk_storm(&p, NULL, NULL, out);
        if (out->broken != NULL && strcmp(out->broken, m->invariant) == 0)
            return seed;
    }
    return 0;
}
