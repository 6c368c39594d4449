#include "simulations/scale/graph.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

struct edges {
    uint32_t (*list)[2];
    uint32_t *degree;
    uint64_t count;
};

/* Learners sorted by course: members[first[c]..first[c + 1]) are those of c. */
static void sort_by_course(const uint32_t *course, uint32_t n, uint32_t courses,
                           uint32_t *first, uint32_t *members)
{
    uint32_t *at = mem_new(courses, sizeof *at);

    memset(first, 0, (courses + 1) * sizeof *first);
    for (uint32_t i = 0; i < n; i++)
        first[course[i] + 1]++;
    for (uint32_t c = 0; c < courses; c++) {
        first[c + 1] += first[c];
        at[c] = first[c];
    }
    for (uint32_t i = 0; i < n; i++)
        members[at[course[i]]++] = i;
    free(at);
}

static bool is_edge(const struct edges *e, uint64_t from, uint32_t a,
                    uint32_t b)
{
    for (uint64_t i = from; i < e->count; i++)
        if (e->list[i][0] == a && e->list[i][1] == b)
            return true;
    return false;
}

static void join(struct edges *e, uint32_t a, uint32_t b)
{
    e->list[e->count][0] = a;
    e->list[e->count++][1] = b;
    e->degree[a]++;
    e->degree[b]++;
}

/* A class, where everybody finds everybody. */
static void join_all(struct edges *e, const uint32_t *m, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = i + 1; k < n; k++)
            join(e, m[i], m[k]);
}

static void join_some(struct edges *e, const uint32_t *m, uint32_t n,
                      uint32_t dials, uint32_t links_max, struct rng *rng)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t mine = e->count;

        for (uint32_t k = 0; k < dials; k++) {
            uint32_t other = m[rng_below(rng, n)];

            if (other != m[i] && e->degree[other] < links_max &&
                e->degree[m[i]] < links_max && !is_edge(e, mine, m[i], other))
                join(e, m[i], other);
        }
    }
}

static void to_lists(struct graph *g, const struct edges *e)
{
    uint32_t *at;

    g->first = mem_new(g->nodes + 1, sizeof *g->first);
    g->to = mem_new(2 * e->count + 1, sizeof *g->to);
    for (uint32_t i = 0; i < g->nodes; i++)
        g->first[i + 1] = g->first[i] + e->degree[i];
    at = mem_new(g->nodes + 1, sizeof *at);
    memcpy(at, g->first, (g->nodes + 1) * sizeof *at);
    for (uint64_t i = 0; i < e->count; i++) {
        g->to[at[e->list[i][0]]++] = e->list[i][1];
        g->to[at[e->list[i][1]]++] = e->list[i][0];
    }
    free(at);
}

void graph_make(struct graph *g, const uint32_t *course, uint32_t n,
                uint32_t courses, uint32_t dials, uint32_t links_max,
                struct rng *rng)
{
    uint32_t *first = mem_new(courses + 1, sizeof *first);
    uint32_t *members = mem_new(n, sizeof *members);
    struct edges e = {.degree = mem_new(n, sizeof *e.degree)};

    sort_by_course(course, n, courses, first, members);
    /* at most dials a learner, or half of 2 * dials + 1 in a full class */
    e.list = mem_new((uint64_t)n * (dials + 1), sizeof *e.list);
    g->nodes = n;
    for (uint32_t c = 0; c < courses; c++) {
        uint32_t size = first[c + 1] - first[c];

        if (size <= 2 * dials + 1)
            join_all(&e, members + first[c], size);
        else
            join_some(&e, members + first[c], size, dials, links_max, rng);
    }
    to_lists(g, &e);
    free(e.list);
    free(e.degree);
    free(members);
    free(first);
}

void graph_free(struct graph *g)
{
    free(g->first);
    free(g->to);
}
