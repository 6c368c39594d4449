#include "simulations/main/disk_main.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "simulations/disk_mutations.h"
#include "simulations/main/runs.h"
#include "simulations/mutations.h"
#include "simulations/trace.h"

enum sum {
    SUM_CUTS,
    SUM_KILLS,
    SUM_IN_RECOVERY,
    SUM_ACTS,
    SUM_RESTORES,
    SUM_ROTS
};

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
    job->sums[SUM_RESTORES] = r.restores;
    job->sums[SUM_ROTS] = r.rots;
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
                 " of them in recovery, %" PRIu64 " deeds, %" PRIu64
                 " restores, %" PRIu64 " times rot\n",
                 sums[SUM_CUTS], sums[SUM_KILLS], sums[SUM_IN_RECOVERY],
                 sums[SUM_ACTS], sums[SUM_RESTORES], sums[SUM_ROTS]);
    return rc;
}

/* ---- deliberate defects ------------------------------------------- */

size_t disk_defects(void)
{
    size_t n = 0;

    while (disk_mutations_all()[n].name != NULL)
        n++;
    return n;
}

bool disk_try(size_t i, uint64_t most, FILE *out)
{
    const struct disk_mutation *m = &disk_mutations_all()[i];
    struct disk_result r;
    uint64_t seed = disk_mutations_seed(m, most, &r);

    mutations_line(out, m->name, "disk", m->invariant,
                   seed != 0 ? m->invariant : NULL, seed, most);
    return seed != 0;
}
