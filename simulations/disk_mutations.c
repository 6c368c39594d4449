#include "simulations/disk_mutations.h"

#include <string.h>

static const struct disk_mutation table[] = {
    {"packs/ is not synced", VDISK_LIE_PACKS_DIR, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"the home is not synced", VDISK_LIE_HOME_DIR, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"records/ is not synced", VDISK_LIE_RECORDS_DIR, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"packs are not synced", VDISK_LIE_PACKS, DISK_NO_SLIP, "S2", false, false,
     false, false},
    {"records are not synced", VDISK_LIE_RECORDS, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"roots and choices are not synced", VDISK_LIE_JOURNALS, DISK_NO_SLIP, "S2",
     false, false, false, false},
    {"renamed before it is synced", VDISK_LIE_TMP, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"the index is not synced", VDISK_LIE_INDEX, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"a folder is not synced", VDISK_LIE_FOLDER, DISK_NO_SLIP, "S1", false,
     false, false, false},
    {"a failed sync says it was none", VDISK_LIE_ERROR, DISK_NO_SLIP, "S2",
     false, false, false, false},
    {"the cache is believed after a failed sync", VDISK_LIE_CACHE, DISK_NO_SLIP,
     "S2", true, false, false, false},
    {"two get the lock of one home", VDISK_LIE_LOCK, DISK_NO_SLIP, "lock",
     false, false, false, false},
    {"a course file is not synced", VDISK_LIE_STICK, DISK_NO_SLIP, "S2", false,
     false, false, false},
    {"a restored home is not synced", VDISK_LIE_RESTORED, DISK_NO_SLIP, "S2",
     false, false, false, false},
    {"a record before its chunks are synced", VDISK_HONEST, DISK_SLIP_NO_SYNC,
     "S2", false, false, false, false},
    {"a record before its chunks are put", VDISK_HONEST, DISK_SLIP_ORDER, "S2",
     false, false, false, false},
    {"gc forgets older own editions", VDISK_HONEST, DISK_SLIP_GREEDY_SWEEP,
     "S2", false, false, false, false},
    {"adopting folders is not gone on with", VDISK_HONEST, DISK_SLIP_READOPT,
     "R1", false, true, false, false},
    {"a restored home signs without asking", VDISK_HONEST, DISK_SLIP_NOT_ASKED,
     "S3", false, false, false, false},
    {"what verify finds is not published again", VDISK_HONEST,
     DISK_SLIP_NOT_HEALED, "S2", false, false, false, false},
    {"what was patched is not synced", VDISK_LIE_PARTIAL, DISK_NO_SLIP, "S12",
     false, false, true, false},
    {"folders in place are not adopted again", VDISK_HONEST,
     DISK_SLIP_NOT_IN_PLACE, "S2", false, true, true, false},
    {"gc forgets what stays in place", VDISK_HONEST, DISK_SLIP_SWEEP_AWAY, "P1",
     false, false, true, false},
    {"an index that has rotted is believed", VDISK_HONEST,
     DISK_SLIP_ROT_BELIEVED, "S2", false, false, false, true},
    {"rotted records are not put again", VDISK_HONEST, DISK_SLIP_NOT_RECORDED,
     "S2", false, false, false, true},
    {NULL, VDISK_HONEST, DISK_NO_SLIP, NULL, false, false, false, false},
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
                              .lost_indexes = m->lost_indexes,
                              .large = m->large,
                              .rotting = m->rotting};

        disk_storm(&p, NULL, NULL, out);
        if (out->broken != NULL && strcmp(out->broken, m->invariant) == 0)
            return seed;
    }
    return 0;
}
