/* sim: runs simulated worlds by seed; see simulations/README.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "simulations/main/disk_main.h"
#include "simulations/main/runs.h"
#include "simulations/mutations.h"
#include "simulations/regressions.h"
#include "simulations/shrink.h"
#include "simulations/sim.h"

#define SHRINK_TRIES 200
#define MUTATION_SEEDS 10000
#define DISK_MUTATION_SEEDS 500 /* they take longer */
#define REGRESSIONS "simulations/regressions.txt"

struct options {
    uint64_t first, count, jobs;
    const char *scenario;
    struct plan_cut cut;
    bool trace, quiet, shrinks, disk;
};

static int usage(void)
{
    (void)fputs(
        "usage: sim --seeds N [--first S] [--scenario NAME] [--jobs N]\n"
        "       sim --seed S [--scenario NAME] [--trace] [CUT...]\n"
        "       sim --regressions [FILE]\n"
        "       sim --mutations [--seeds N]\n"
        "       sim --list\n"
        "       sim --disk --seeds N [--first S] [--jobs N]\n"
        "       sim --disk --seed S [--trace]\n"
        "CUT:   --without PART[,PART...], --learners N, --seeders N,\n"
        "       --foes N, --editions N, --chunks N\n"
        "A seed that fails is made smaller, unless --no-shrink is given.\n",
        stderr);
    return 2;
}

static int list(void)
{
    for (const struct scenario *s = plan_scenarios(); s->name != NULL; s++)
        (void)printf("%-10s %s\n", s->name, s->what);
    (void)printf("parts:");
    for (unsigned i = 0; i < plan_cut_parts(); i++)
        (void)printf(" %s", plan_cut_part(i));
    (void)printf("\n");
    return 0;
}

static void make_plan(const struct options *o, uint64_t seed, struct plan *p)
{
    if (o->scenario == NULL)
        plan_of_seed(seed, p);
    else if (!plan_named(o->scenario, seed, p)) {
        (void)fprintf(stderr, "error: no scenario '%s'\n", o->scenario);
        exit(2);
    }
    plan_cut_apply(&o->cut, p);
}

static void tell_replay(const struct plan *p, const struct plan_cut *cut,
                        FILE *out)
{
    char text[PLAN_CUT_TEXT_MAX];

    plan_cut_text(cut, text);
    (void)fprintf(out,
                  "replay: ./dev sim --seed %" PRIu64 " --scenario %s%s "
                  "--trace\n",
                  p->seed, p->scenario, text);
}

/* @p is cut already as far as the options said. */
static void make_smaller(const struct options *o, const struct plan *p,
                         const char *name, FILE *out)
{
    struct plan_cut cut = o->cut;
    struct plan small = *p;
    unsigned runs = shrink(p, name, SHRINK_TRIES, &cut);

    plan_cut_apply(&cut, &small);
    (void)fprintf(out, "smallest of %u tried: ", runs);
    plan_words(&small, out);
    tell_replay(p, &cut, out);
}

static void complain(const struct options *o, const struct plan *p,
                     const struct sim_result *r, FILE *out)
{
    char text[PLAN_CUT_TEXT_MAX];
    char more[PLAN_CUT_TEXT_MAX + 64];

    plan_cut_text(&o->cut, text);
    (void)snprintf(more, sizeof more, " --scenario %s%s", p->scenario, text);
    runs_complain(out, "", p->seed, r->broken, r->why, more);
    if (o->shrinks && !o->trace && strcmp(r->broken, "S16") != 0)
        make_smaller(o, p, r->broken, out);
}

static void praise(const struct plan *p, const struct sim_result *r, FILE *out)
{
    (void)fprintf(out,
                  "seed %" PRIu64 " %s: %u nodes, %zu kinds of foes, %" PRIu64
                  " chunks, %" PRIu64 " bad, %" PRIu64 " of %" PRIu64
                  " kB twice, %" PRIu64 " kB of %" PRIu64 " bad keys, %" PRIu64
                  " ms (%" PRIu64 " without faults), %" PRIu64
                  " lines, trace %.16s\n",
                  p->seed, p->scenario, p->seeders + p->learners, p->foe_kinds,
                  r->good_chunks, r->bad_chunks,
                  (r->got_bytes - r->good_bytes - r->foe_waste_bytes) / 1000,
                  r->got_bytes / 1000, r->foe_waste_bytes / 1000, r->bad_keys,
                  r->done_ms, r->alone_ms, r->lines, r->hash);
}

static bool run_seed(const void *user, uint64_t seed, bool again,
                     struct job *job)
{
    const struct options *o = user;
    FILE *out = job->out;
    struct sim_result r;
    struct plan p;

    make_plan(o, seed, &p);
    sim_check(&p, o->trace ? out : NULL, o->trace ? NULL : out, &r);
    if (r.broken == NULL && again)
        sim_check_again(&p, &r);
    if (r.broken != NULL)
        complain(o, &p, &r, out);
    else if (!o->quiet)
        praise(&p, &r, out);
    return r.broken == NULL;
}

static int run(struct options *o)
{
    struct runs runs = {o->first, o->count, o->jobs, run_seed, o};
    uint64_t sums[JOB_SUMS] = {0};

    return runs_all(&runs, sums);
}

static int regressions(const char *path)
{
    int failed = regressions_run(path != NULL ? path : REGRESSIONS, stdout);

    if (failed == 0)
        (void)printf("all regressions pass\n");
    return failed != 0;
}

static size_t core_defects(void)
{
    size_t n = 0;

    while (mutations()[n].name != NULL)
        n++;
    return n;
}

/* Those of the core first, then those of the disk. */
static bool one_mutation(void *user, uint64_t i, struct job *job)
{
    const struct options *o = user;
    size_t n = core_defects();

    if (i < n)
        return mutations_try(&mutations()[i],
                             o->count != 0 ? o->count : MUTATION_SEEDS,
                             job->out);
    return disk_try((size_t)i - n,
                    o->count != 0 ? o->count : DISK_MUTATION_SEEDS, job->out);
}

static int all_mutations(struct options *o)
{
    uint64_t n = core_defects() + disk_defects();
    uint64_t sums[JOB_SUMS] = {0};
    uint64_t missed;

    mutations_head(stdout);
    missed = jobs_run((unsigned)o->jobs, n, one_mutation, o, sums);
    (void)printf("%" PRIu64 " of %" PRIu64 " noticed\n", n - missed, n);
    return missed != 0;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool take_flag(struct options *o, const char *name)
{
    if (strcmp(name, "--trace") == 0)
        o->trace = true;
    else if (strcmp(name, "--verbose") == 0)
        o->quiet = false;
    else if (strcmp(name, "--no-shrink") == 0)
        o->shrinks = false;
    else if (strcmp(name, "--disk") == 0)
        o->disk = true;
    else
        return false;
    return true;
}

static bool take_value(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--seeds") == 0)
        return number(value, &o->count);
    if (strcmp(name, "--first") == 0)
        return number(value, &o->first);
    if (strcmp(name, "--jobs") == 0)
        return number(value, &o->jobs);
    if (strcmp(name, "--seed") == 0) {
        o->count = 1;
        o->quiet = false;
        return number(value, &o->first);
    }
    if (strcmp(name, "--scenario") == 0) {
        o->scenario = value;
        return value != NULL;
    }
    return plan_cut_option(&o->cut, name, value);
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .jobs = 1, .quiet = true, .shrinks = true};
    bool mutate = false;

    if (crypto_init(NULL) != 0)
        return 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--list") == 0)
            return list();
        if (strcmp(argv[i], "--regressions") == 0)
            return regressions(value);
        if (strcmp(argv[i], "--mutations") == 0)
            mutate = true;
        else if (!take_flag(&o, argv[i]) && !take_value(&o, argv[i++], value))
            return usage();
    }
    if (mutate)
        return all_mutations(&o);
    if (o.count == 0)
        return usage();
    return o.disk ? disk_main(o.first, o.count, o.jobs, o.trace) : run(&o);
}
