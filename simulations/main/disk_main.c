#include "simulations/main/disk_main.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "simulations/disk_storm.h"

#define TWICE_EVERY 50 /* seeds of which one is run twice */

struct sums {
    uint64_t failed, opens, cuts, kills, in_recovery, acts;
};

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* S16: the same seed gives the same trace. */
static void repeat(const struct disk_plan *p, struct disk_result *r)
{
    struct disk_result again;

    disk_storm(p, NULL, NULL, &again);
    if (strcmp(again.hash, r->hash) == 0)
        return;
    r->broken = "S16";
    (void)snprintf(r->why, sizeof r->why,
                   "a second run has trace %.16s, not %.16s", again.hash,
                   r->hash);
}

static void run_seed(uint64_t seed, bool trace, struct sums *sums)
{
    struct disk_plan p = {.seed = seed};
    struct disk_result r;

    disk_storm(&p, trace ? stdout : NULL, trace ? NULL : stdout, &r);
    if (r.broken == NULL && seed % TWICE_EVERY == 0)
        repeat(&p, &r);
    sums->failed += r.broken != NULL;
    sums->opens += r.opens;
    sums->cuts += r.cuts;
    sums->kills += r.kills;
    sums->in_recovery += r.in_recovery;
    sums->acts += r.acts;
    if (r.broken != NULL)
        (void)printf("seed %" PRIu64 ": %s broken: %s\n"
                     "replay: ./dev sim --disk --seed %" PRIu64 " --trace\n",
                     seed, r.broken, r.why, seed);
    (void)fflush(stdout);
}

struct mutation {
    const char *name;
    enum vdisk_lie lie;
    enum disk_slip slip;
};

static const struct mutation mutations[] = {
    {"packs/ is not synced", VDISK_LIE_PACKS_DIR, DISK_NO_SLIP},
    {"the home is not synced", VDISK_LIE_HOME_DIR, DISK_NO_SLIP},
    {"records/ is not synced", VDISK_LIE_RECORDS_DIR, DISK_NO_SLIP},
    {"packs are not synced", VDISK_LIE_PACKS, DISK_NO_SLIP},
    {"records are not synced", VDISK_LIE_RECORDS, DISK_NO_SLIP},
    {"roots and choices are not synced", VDISK_LIE_JOURNALS, DISK_NO_SLIP},
    {"renamed before it is synced", VDISK_LIE_TMP, DISK_NO_SLIP},
    {"the index is not synced", VDISK_LIE_INDEX, DISK_NO_SLIP},
    {"a folder is not synced", VDISK_LIE_FOLDER, DISK_NO_SLIP},
    {"ftruncate does nothing", VDISK_LIE_CUT, DISK_NO_SLIP},
    {"a failed sync says it was none", VDISK_LIE_ERROR, DISK_NO_SLIP},
    {"a record before its chunks are synced", VDISK_HONEST, DISK_SLIP_NO_SYNC},
    {"a record before its chunks are put", VDISK_HONEST, DISK_SLIP_ORDER},
    {"gc forgets older own editions", VDISK_HONEST, DISK_SLIP_GREEDY_SWEEP},
};

int disk_mutations(uint64_t most)
{
    unsigned missed = 0;

    for (size_t i = 0; i < sizeof mutations / sizeof mutations[0]; i++) {
        const struct mutation *m = &mutations[i];
        struct disk_result r = {.broken = NULL};
        uint64_t seed = 0;

        while (r.broken == NULL && seed < most) {
            struct disk_plan p = {.lie = m->lie, .slip = m->slip};

            seed++;
            p.seed = seed;
            disk_storm(&p, NULL, NULL, &r);
        }
        missed += r.broken == NULL;
        (void)printf("%-40s %s, seed %" PRIu64 " %s\n", m->name,
                     r.broken != NULL ? r.broken : "NOT CAUGHT", seed, r.why);
        (void)fflush(stdout);
    }
    return missed != 0;
}

int disk_main(uint64_t first, uint64_t count, bool trace)
{
    struct sums s = {0};
    double start = seconds();
    double took;

    for (uint64_t i = 0; i < count; i++)
        run_seed(first + i, trace, &s);
    took = seconds() - start;
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed: %" PRIu64
                 " power cuts and %" PRIu64 " kills, %" PRIu64
                 " of them in recovery, %" PRIu64 " deeds, %.0f cuts a"
                 " second of one core\n",
                 count - s.failed, s.failed, s.cuts, s.kills, s.in_recovery,
                 s.acts, took > 0 ? (double)(s.cuts + s.kills) / took : 0);
    return s.failed != 0;
}
