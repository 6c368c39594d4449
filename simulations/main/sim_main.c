/* sim: runs simulated worlds by seed; see simulations/README.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "simulations/sim.h"

#define TWICE_EVERY 50 /* seeds of which one is run twice */

struct options {
    uint64_t first, count;
    const char *scenario;
    bool trace, quiet;
};

static int usage(void)
{
    (void)fputs("usage: sim --seeds N [--first S] [--scenario NAME]\n"
                "       sim --seed S [--scenario NAME] [--trace]\n"
                "       sim --list\n",
                stderr);
    return 2;
}

static int list(void)
{
    for (const struct scenario *s = plan_scenarios(); s->name != NULL; s++)
        (void)printf("%-10s %s\n", s->name, s->what);
    return 0;
}

static bool make_plan(const struct options *o, uint64_t seed, struct plan *p)
{
    if (o->scenario != NULL)
        return plan_named(o->scenario, seed, p);
    plan_of_seed(seed, p);
    return true;
}

static void complain(const struct options *o, const struct plan *p,
                     const struct sim_result *r)
{
    (void)printf("seed %" PRIu64 ", scenario %s: %s broken: %s\n", p->seed,
                 p->scenario, r->broken, r->why);
    (void)printf("replay: ./dev sim --seed %" PRIu64 "%s%s --trace\n", p->seed,
                 o->scenario != NULL ? " --scenario " : "",
                 o->scenario != NULL ? o->scenario : "");
}

static void praise(const struct plan *p, const struct sim_result *r)
{
    (void)printf("seed %" PRIu64 " %s: %u nodes, %zu kinds of foes, %" PRIu64
                 " chunks, %" PRIu64 " bad, %" PRIu64 " ms (%" PRIu64
                 " without faults), %" PRIu64 " lines, trace %.16s\n",
                 p->seed, p->scenario, p->seeders + p->learners, p->foe_kinds,
                 r->good_chunks, r->bad_chunks, r->done_ms, r->alone_ms,
                 r->lines, r->hash);
}

/* S16: the same seed gives the same trace. */
static void repeat(const struct plan *p, struct sim_result *r)
{
    struct sim_result again;

    sim_check(p, NULL, NULL, &again);
    if (strcmp(again.hash, r->hash) == 0)
        return;
    r->broken = "S16";
    (void)snprintf(r->why, sizeof r->why,
                   "a second run has trace %.16s, not %.16s", again.hash,
                   r->hash);
}

static bool run_seed(const struct options *o, uint64_t seed)
{
    struct sim_result r;
    struct plan p;

    if (!make_plan(o, seed, &p)) {
        (void)fprintf(stderr, "error: no scenario '%s'\n", o->scenario);
        exit(2);
    }
    sim_check(&p, o->trace ? stdout : NULL, o->trace ? NULL : stdout, &r);
    if (r.broken == NULL && seed % TWICE_EVERY == 0)
        repeat(&p, &r);
    if (r.broken != NULL)
        complain(o, &p, &r);
    else if (!o->quiet)
        praise(&p, &r);
    (void)fflush(stdout);
    return r.broken == NULL;
}

static int run(const struct options *o)
{
    uint64_t failed = 0;

    for (uint64_t i = 0; i < o->count; i++)
        failed += !run_seed(o, o->first + i);
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", o->count - failed,
                 failed);
    return failed != 0;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .quiet = true};

    if (crypto_init(NULL) != 0)
        return 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--list") == 0)
            return list();
        if (strcmp(argv[i], "--trace") == 0) {
            o.trace = true;
            continue;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            o.quiet = false;
            continue;
        }
        if (strcmp(argv[i], "--seeds") == 0 && number(value, &o.count)) {
            i++;
        } else if (strcmp(argv[i], "--first") == 0 && number(value, &o.first)) {
            i++;
        } else if (strcmp(argv[i], "--seed") == 0 && number(value, &o.first)) {
            o.count = 1;
            o.quiet = false;
            i++;
        } else if (strcmp(argv[i], "--scenario") == 0 && value != NULL) {
            o.scenario = value;
            i++;
        } else {
            return usage();
        }
    }
    return o.count == 0 ? usage() : run(&o);
}
