/* scale: how costs grow with nodes and courses; see README.md. Tables, for
 * people and for gnuplot, on stdout. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "simulations/scale/flow.h"
#include "simulations/scale/measure.h"

#define NEAR 15.0 /* percent */
#define MANY 6000 /* learners: up to so many the model runs SEEDS times */
#define FEW 30    /* learners: up to so many, a row is the mean of ... */
#define SEEDS 3   /* ... so many runs at the packet level; above, it is one */

/* Homes behind 1 Mbit/s up, 10 down, 80 ms from one to another, that all want
 * the same 4 MiB within two seconds. */
static const struct flow_params usual = {.courses = 1,
                                         .chunks = 256,
                                         .chunk_bytes = 16384,
                                         .stored_bytes = 12700,
                                         .up_bps = 125000,
                                         .down_bps = 1250000,
                                         .latency_us = 20000,
                                         .join_spread_ms = 2000,
                                         .links_max = 256,
                                         .dials = 11,
                                         .rng_seed = 1};

/* Fitted to the rows of `scale fit`; README.md says how. */
static const struct flow_fit fit = {.start_rtts = 5,
                                    .start_ms = 60,
                                    .relay_rtts = 1.5,
                                    .relay_ms = 60,
                                    .words_a_link = 15,
                                    .peers_a_link = 11,
                                    .chunks_a_want = 1.0,
                                    .ahead = 6,
                                    .patience_s = 10};

static void add(struct measured *sum, const struct measured *m, double n)
{
    sum->mean_s += m->mean_s / n;
    sum->last_s += m->last_s / n;
    sum->copies += m->copies / n;
    sum->links += m->links / n;
    sum->messages += m->messages / n;
    sum->control += m->control / n;
    sum->words_a_link += m->words_a_link / n;
    sum->peers_a_link += m->peers_a_link / n;
    sum->chunks_a_want += m->chunks_a_want / n;
}

static double off(double model, double real)
{
    return 100 * (model - real) / real;
}

/* Both levels beside each other, and by how much the model is off. */
static void do_fit(void)
{
    static const uint32_t sizes[] = {1, 2, 4, 9, 19, 49, 99, 199, 499, 999};

    (void)puts("# nodes  mean_s packet flow %  last_s packet flow %  copies "
               "packet flow %  control packet flow %  links packet flow  "
               "words/link peers/link chunks/want");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct flow_params p = usual;
        struct measured m = {0};
        struct flow_result r;
        uint32_t seeds;

        p.learners = sizes[i];
        seeds = sizes[i] < FEW ? SEEDS : 1;
        for (p.rng_seed = 1; p.rng_seed <= seeds; p.rng_seed++) {
            struct measured one;

            measure_run(&p, &one);
            add(&m, &one, seeds);
        }
        p.rng_seed = 1;
        flow_run(&p, &fit, &r);
        (void)printf("%u %.2f %.2f %+.0f %.2f %.2f %+.0f %.2f %.2f %+.0f "
                     "%.0f %.0f %+.0f %.1f %.1f %.1f %.1f %.1f\n",
                     p.learners + 1, m.mean_s, r.mean_s,
                     off(r.mean_s, m.mean_s), m.last_s, r.last_s,
                     off(r.last_s, m.last_s), m.copies, r.copies,
                     off(r.copies, m.copies), m.control, r.control,
                     off(r.control, m.control), m.links, r.links,
                     m.words_a_link, m.peers_a_link, m.chunks_a_want);
        (void)fflush(stdout);
    }
}

/* The mean of some seeds, but for the largest. */
static void row(double x, const struct flow_params *params)
{
    struct flow_params p = *params;
    struct flow_result sum = {0};
    uint32_t seeds = p.learners < MANY ? SEEDS : 1;

    for (p.rng_seed = 1; p.rng_seed <= seeds; p.rng_seed++) {
        struct flow_result r;

        flow_run(&p, &fit, &r);
        sum.mean_s += r.mean_s / seeds;
        sum.last_s += r.last_s / seeds;
        sum.copies += r.copies / seeds;
        sum.messages += r.messages / seeds;
        sum.control += r.control / seeds;
        sum.links += r.links / seeds;
    }
    (void)printf("%.0f %.2f %.2f %.3f %.0f %.0f %.1f\n", x, sum.mean_s,
                 sum.last_s, sum.copies, sum.messages, sum.control, sum.links);
    (void)fflush(stdout);
}

#define HEADINGS "mean_s last_s copies messages control links"

static bool is_same(const struct flow_result *a, const struct flow_result *b)
{
    return !(a->last_s < b->last_s) && !(b->last_s < a->last_s) &&
           !(a->messages < b->messages) && !(b->messages < a->messages);
}

/* Is the model still near the core? And the same run the same? */
static int do_check(void)
{
    static const uint32_t sizes[] = {1, 4, 19};
    bool good = true;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct flow_params p = usual;
        struct flow_result r;
        struct flow_result again;
        struct measured m;
        double by;

        p.learners = sizes[i];
        measure_run(&p, &m);
        flow_run(&p, &fit, &r);
        flow_run(&p, &fit, &again);
        by = off(r.last_s, m.last_s);
        (void)printf("%u learners: %.1f s, model %.1f s, %+.0f %%\n", sizes[i],
                     m.last_s, r.last_s, by);
        good = good && by > -NEAR && by < NEAR && is_same(&r, &again);
    }
    return good ? 0 : 1;
}

static void do_nodes(void)
{
    static const uint32_t sizes[] = {2,    5,     10,    20,    50,
                                     100,  200,   500,   1000,  2000,
                                     5000, 10000, 20000, 50000, 100000};

    (void)puts("# nodes " HEADINGS);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct flow_params p = usual;

        p.learners = sizes[i] - 1;
        row(sizes[i], &p);
    }
}

/* A thousand learners, who want courses of one publisher (and mirrors). */
static void do_courses(uint32_t mirrors)
{
    static const uint32_t counts[] = {1,    3,    10,    30,    100,   300,
                                      1000, 3000, 10000, 30000, 100000};

    (void)puts("# courses " HEADINGS);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct flow_params p = usual;

        p.learners = 1000;
        p.courses = counts[i];
        p.mirrors = mirrors;
        row(counts[i], &p);
    }
}

int main(int argc, char **argv)
{
    if (crypto_init(NULL) != 0)
        return 1;
    if (argc == 2 && strcmp(argv[1], "fit") == 0) {
        do_fit();
    } else if (argc == 2 && strcmp(argv[1], "check") == 0) {
        return do_check();
    } else if (argc == 2 && strcmp(argv[1], "nodes") == 0) {
        do_nodes();
    } else if (argc == 3 && strcmp(argv[1], "courses") == 0) {
        do_courses((uint32_t)strtoul(argv[2], NULL, 10));
    } else {
        (void)fputs("usage: scale check|fit|nodes|courses MIRRORS\n", stderr);
        return 2;
    }
    return 0;
}
