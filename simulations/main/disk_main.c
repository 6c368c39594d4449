#include "simulations/main/disk_main.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "simulations/disk_storm.h"
#include "simulations/main/runs.h"
#include "simulations/mutations.h"
#include "simulations/trace.h"

enum sum { SUM_CUTS, SUM_KILLS, SUM_IN_RECOVERY, SUM_ACTS };

static void repeat(const struct disk_plan *p, struct disk_result *r)
{
    struct disk_result again;

    disk_storm(p, NULL, NULL, &again);
    if (!trace_same(r->hash, again.hash, r->why, sizeof r->why))
        r->broken = "S16";
}

static bool one(const void *user, uint64_t seed, bool again, struct job *job)
{
    const bool *trace = user;
    struct disk_plan p = {.seed = seed};
    struct disk_result r;

    disk_storm(&p, *trace ? job->out : NULL, *trace ? NULL : job->out, &r);
    if (r.broken == NULL && again)
        repeat(&p, &r);
    job->sums[SUM_CUTS] = r.cuts;
    job->sums[SUM_KILLS] = r.kills;
    job->sums[SUM_IN_RECOVERY] = r.in_recovery;
    job->sums[SUM_ACTS] = r.acts;
    if (r.broken != NULL)
        runs_complain(job->out, "--disk ", seed, r.broken, r.why, "");
    return r.broken == NULL;
}

int disk_main(uint64_t first, uint64_t count, uint64_t jobs, bool trace)
{
    struct runs runs = {first, count, jobs, one, &trace};
    uint64_t sums[JOB_SUMS] = {0};
    int rc = runs_all(&runs, sums);

    (void)printf("%" PRIu64 " power cuts and %" PRIu64 " kills, %" PRIu64
                 " of them in recovery, %" PRIu64 " deeds\n",
                 sums[SUM_CUTS], sums[SUM_KILLS], sums[SUM_IN_RECOVERY],
                 sums[SUM_ACTS]);
    return rc;
}

/* ---- deliberate defects -----------------------------------------------------
 */

struct defect {
    const char *name;
    const char *breaks; /* though another may notice it first */
    enum vdisk_lie lie;
    enum disk_slip slip;
};

static const struct defect defects[] = {
    {"packs/ is not synced", "S2", VDISK_LIE_PACKS_DIR, DISK_NO_SLIP},
    {"the home is not synced", "S2", VDISK_LIE_HOME_DIR, DISK_NO_SLIP},
    {"records/ is not synced", "S2", VDISK_LIE_RECORDS_DIR, DISK_NO_SLIP},
    {"packs are not synced", "S2", VDISK_LIE_PACKS, DISK_NO_SLIP},
    {"records are not synced", "S2", VDISK_LIE_RECORDS, DISK_NO_SLIP},
    {"roots and choices are not synced", "S2", VDISK_LIE_JOURNALS,
     DISK_NO_SLIP},
    {"renamed before it is synced", "D1", VDISK_LIE_TMP, DISK_NO_SLIP},
    {"the index is not synced", "S2", VDISK_LIE_INDEX, DISK_NO_SLIP},
    {"a folder is not synced", "S1", VDISK_LIE_FOLDER, DISK_NO_SLIP},
    {"ftruncate does nothing", "S12", VDISK_LIE_CUT, DISK_NO_SLIP},
    {"a failed sync says it was none", "S2", VDISK_LIE_ERROR, DISK_NO_SLIP},
    {"a record before its chunks are synced", "S2", VDISK_HONEST,
     DISK_SLIP_NO_SYNC},
    {"a record before its chunks are put", "S2", VDISK_HONEST, DISK_SLIP_ORDER},
    {"gc forgets older own editions", "S2", VDISK_HONEST,
     DISK_SLIP_GREEDY_SWEEP},
};

size_t disk_defects(void)
{
    return sizeof defects / sizeof defects[0];
}

bool disk_try(size_t i, uint64_t most, FILE *out)
{
    const struct defect *d = &defects[i];
    struct disk_result r = {.broken = NULL};
    uint64_t seed = 0;

    while (r.broken == NULL && seed < most) {
        struct disk_plan p = {.seed = ++seed, .lie = d->lie, .slip = d->slip};

        disk_storm(&p, NULL, NULL, &r);
    }
    mutations_line(out, d->name, "disk", d->breaks, r.broken, seed, most);
    return r.broken != NULL;
}
