#include "simulations/scale/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"
#include "simulations/plan.h"
#include "simulations/sim.h"

#define NODES_MAX 1024u
#define LIMIT_MS UINT64_C(3600000)

/* What a trace tells: "[ 1.250] n01 > s00 WANT ...", "[ 1.250] n01 -> s00 up",
 * "[ 0.077] n01 starts", "[ 9.000] n01 notes: complete". */
struct count {
    uint64_t chunks, wants, haves, peers, other, links, from_seeder;
    double start[NODES_MAX], done[NODES_MAX];
    char line[TRACE_LINE_MAX + 2];
    size_t len;
};

static void count_word(struct count *c, const char *from, const char *type)
{
    if (strcmp(type, "CHUNK") == 0) {
        c->chunks++;
        c->from_seeder += from[0] == 's';
    } else if (strcmp(type, "WANT") == 0) {
        c->wants++;
    } else if (strcmp(type, "HAVE") == 0) {
        c->haves++;
    } else if (strcmp(type, "PEERS") == 0) {
        c->peers++;
    } else {
        c->other++;
    }
}

static void count_line(struct count *c, const char *line)
{
    char who[32];
    char what[32];
    char whom[32];
    char type[32] = "";
    char *rest = NULL;
    unsigned number;
    double at = line[0] == '[' ? strtod(line + 1, &rest) : 0;
    int n;

    if (rest == NULL || *rest != ']')
        return;
    n = sscanf(rest + 1, "%31s %31s %31s %31s", who, what, whom, type);
    if (n < 2)
        return;
    number = (unsigned)strtoul(who + 1, NULL, 10) % NODES_MAX;
    if (n == 4 && strcmp(what, ">") == 0)
        count_word(c, who, type);
    else if (n == 4 && strcmp(what, "->") == 0 && strcmp(type, "up") == 0)
        c->links++;
    else if (strcmp(what, "starts") == 0)
        c->start[number] = at;
    else if (strcmp(what, "notes:") == 0 && n >= 3 &&
             strcmp(whom, "complete") == 0 && c->done[number] < 1e-9)
        c->done[number] = at;
}

static ssize_t on_bytes(void *user, const char *p, size_t n)
{
    struct count *c = user;

    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n' && c->len < sizeof c->line - 1) {
            c->line[c->len++] = p[i];
            continue;
        }
        c->line[c->len] = '\0';
        c->len = 0;
        count_line(c, c->line);
    }
    return (ssize_t)n;
}

static void fill_plan(const struct flow_params *p, struct plan *plan)
{
    if (!plan_named("swarm", p->rng_seed, plan)) {
        (void)fputs("scale: no scenario 'swarm'\n", stderr);
        exit(1);
    }
    plan->learners = p->learners;
    plan->course.chunks = p->chunks;
    plan->course.chunk_min = plan->course.chunk_max = p->chunk_bytes;
    plan->scope = SCOPE_PUBLIC;
    plan->latency_us = (struct plan_range){p->latency_us, p->latency_us};
    plan->up_bps = (struct plan_range){p->up_bps, p->up_bps};
    plan->down_bps = (struct plan_range){p->down_bps, p->down_bps};
    plan->join_spread_ms = p->join_spread_ms;
    plan->stops_when_complete = false;
}

static void times(const struct count *c, uint32_t n, struct measured *out)
{
    out->mean_s = out->last_s = 0;
    for (uint32_t i = 1; i <= n; i++) { /* the seeder is number 0 */
        double t = c->done[i] - c->start[i];

        out->mean_s += t / n;
        out->last_s = t > out->last_s ? t : out->last_s;
    }
}

void measure_run(const struct flow_params *p, struct measured *out)
{
    static const cookie_io_functions_t io = {.write = on_bytes};
    struct count *c = mem_new(1, sizeof *c);
    FILE *f = fopencookie(c, "w", io);
    struct sim_result r;
    struct plan plan;
    double n = p->learners;
    double links;

    fill_plan(p, &plan);
    if (f == NULL || p->learners + 1 > NODES_MAX)
        abort();
    sim_run(&plan, LIMIT_MS, f, stderr, &r);
    (void)fclose(f);
    if (r.broken != NULL) {
        (void)fprintf(stderr, "scale: %s: %s\n", r.broken, r.why);
        exit(1);
    }
    links = (double)c->links;
    times(c, p->learners, out);
    out->copies = (double)c->from_seeder / p->chunks;
    out->links = links * 2 / n; /* that of a learner to the seeder: once */
    out->links -= (links < n ? links : n) / n;
    out->control = (double)(c->wants + c->haves + c->peers + c->other) * 2 / n;
    out->messages = out->control + (double)c->chunks * 2 / n;
    out->words_a_link = (double)c->other / links + 2;
    out->peers_a_link = (double)c->peers / links;
    out->chunks_a_want = (double)c->chunks / (double)c->wants;
    free(c);
}
