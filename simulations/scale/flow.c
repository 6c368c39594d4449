#include "simulations/scale/flow.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"
#include "simulations/scale/graph.h"

#define WORDS (FLOW_CHUNKS_MAX / 64)
#define HAVE_EVERY_MS 100.0 /* node/core/swarm.c tells at most so often */
#define STEPS_BACK 3        /* node/core/upload.c */
#define LOOK 6              /* chunks compared by how rare they are */
#define STEPS_MAX 4000000u

struct bits {
    uint64_t w[WORDS];
};

/* What a server has sent to somebody; when that is all it has, it begins anew.
 */
struct round {
    struct bits sent;
    uint32_t count;
};

/* What one node has asked of another and not got: a queue at the other's. */
struct queue {
    uint8_t chunk[FLOW_AHEAD_MAX];
    uint8_t count;
    uint8_t steps_back; /* since its last turn */
};

struct learner {
    struct bits asked;   /* here, under way, or in a queue */
    struct bits visible; /* here, and others have heard of it */
    struct round sent;
    uint32_t missing;
    uint32_t turn;  /* the neighbour that was served last */
    float up, down; /* budgets, in chunks */
    uint32_t start; /* the step in which its first chunk may be asked for */
    uint32_t done;  /* the step in which the last one came */
    uint32_t told;  /* the step of its last HAVE */
    uint32_t owes;  /* chunks in the queues at it */
    bool news;
};

struct arrival {
    uint32_t learner, chunk;
};

struct batch { /* what becomes visible in one step */
    struct arrival *list;
    size_t count, cap;
};

struct swarm {
    const struct flow_params *p;
    const struct flow_fit *fit;
    struct rng rng;
    struct graph graph;
    struct learner *all;
    struct queue *asks; /* of each edge: what its `to` asks of the node */
    uint32_t *course;
    uint32_t *copies; /* of each chunk of each course, in the world */
    uint32_t *served; /* by the sources: learners, and their queues */
    struct queue *source_asks;
    uint32_t served_count, waiting, turn, ahead;
    struct batch *ring;
    uint32_t ring_size, step;
    struct bits whole;
    struct round *source_sent; /* of each course */
    double step_ms, source_up;
    uint64_t from_source, chunks, haves, left;
};

static bool is_set(const struct bits *b, uint32_t i)
{
    return (b->w[i / 64] >> (i % 64) & 1) != 0;
}

static void set(struct bits *b, uint32_t i)
{
    b->w[i / 64] |= UINT64_C(1) << (i % 64);
}

static uint32_t below(struct swarm *s, uint32_t n)
{
    return (uint32_t)rng_below(&s->rng, n);
}

/* ---- asking ------------------------------------------------------------- */

static uint32_t *copies_of(struct swarm *s, uint32_t learner)
{
    return s->copies + (size_t)s->course[learner] * s->p->chunks;
}

/* A chunk of @from that @to lacks, the rarest of a few. false: there is none.
 */
static bool choose(struct swarm *s, const struct bits *from, uint32_t to,
                   uint32_t *out)
{
    const uint32_t *copies = copies_of(s, to);
    const struct bits *has = &s->all[to].asked;
    uint32_t at = below(s, WORDS);
    uint32_t roll = below(s, 64);
    uint32_t seen = 0;
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i <= WORDS && seen < LOOK; i++) {
        uint32_t word = (at + i) % WORDS;
        uint64_t w = from->w[word] & ~has->w[word];

        if (i == 0)
            w &= UINT64_MAX << roll;
        else if (i == WORDS)
            w &= ~(UINT64_MAX << roll);
        for (; w != 0 && seen < LOOK; w &= w - 1, seen++) {
            uint32_t c = word * 64 + (uint32_t)__builtin_ctzll(w);

            if (copies[c] < least) {
                least = copies[c];
                *out = c;
            }
        }
    }
    return seen != 0;
}

/* Fill @q, at one that has @from, with what @to still has to ask for. Return:
 * how much was added. */
static uint32_t ask(struct swarm *s, const struct bits *from, uint32_t to,
                    struct queue *q, uint32_t ahead)
{
    struct learner *l = &s->all[to];
    uint32_t had = q->count;
    uint32_t c;

    while (q->count < ahead && l->start <= s->step && choose(s, from, to, &c)) {
        set(&l->asked, c);
        q->chunk[q->count++] = (uint8_t)c;
    }
    return q->count - had;
}

/* ---- serving ------------------------------------------------------------ */

static void note_arrival(struct swarm *s, uint32_t learner, uint32_t chunk)
{
    struct batch *b = &s->ring[(s->step + s->ring_size - 1) % s->ring_size];

    if (b->count == b->cap) {
        b->cap = b->cap != 0 ? 2 * b->cap : 64;
        b->list = mem_grow(b->list, b->cap, sizeof *b->list);
    }
    b->list[b->count++] = (struct arrival){learner, chunk};
}

/* The first of @q that the round has not seen. q->count: there is none. */
static uint32_t find_unsent(const struct queue *q, const struct round *r)
{
    uint32_t i = 0;

    while (i < q->count && is_set(&r->sent, q->chunk[i]))
        i++;
    return i;
}

static void note_sent(struct round *r, uint32_t chunk, uint32_t has)
{
    if (is_set(&r->sent, chunk))
        return;
    set(&r->sent, chunk);
    if (++r->count >= has)
        *r = (struct round){.count = 0};
}

/* node/core/upload.c: what was sent to nobody yet goes first, and who asks for
 * nothing like that lets others go before. @r: of a server that has @has
 * chunks. false: nothing waits, or no room for it, or it steps back. */
static bool give(struct swarm *s, uint32_t to, struct queue *q, struct round *r,
                 uint32_t has)
{
    struct learner *l = &s->all[to];
    uint32_t i = find_unsent(q, r);
    uint32_t c;

    if (q->count == 0 || l->down < 1)
        return false;
    if (i == q->count && q->steps_back++ < STEPS_BACK)
        return false;
    i = i < q->count ? i : 0;
    c = q->chunk[i];
    memmove(q->chunk + i, q->chunk + i + 1, --q->count - i);
    q->steps_back = 0;
    note_sent(r, c, has);
    l->down -= 1;
    s->chunks++;
    note_arrival(s, to, c);
    if (--l->missing == 0) {
        l->done = s->step + 1;
        s->left--;
    }
    return true;
}

/* The next neighbour in turn for which something waits. */
static bool serve_one(struct swarm *s, uint32_t i)
{
    struct learner *l = &s->all[i];
    uint32_t first = s->graph.first[i];
    uint32_t n = s->graph.first[i + 1] - first;

    for (uint32_t k = 0; k < (STEPS_BACK + 1) * n && l->owes != 0; k++) {
        struct queue *q;

        l->turn = l->turn + 1 < n ? l->turn + 1 : 0;
        q = &s->asks[first + l->turn];
        if (give(s, s->graph.to[first + l->turn], q, &l->sent,
                 s->p->chunks - l->missing)) {
            l->owes--;
            l->owes +=
                ask(s, &l->visible, s->graph.to[first + l->turn], q, s->ahead);
            return true;
        }
    }
    return false;
}

static void serve(struct swarm *s, uint32_t i, float budget)
{
    struct learner *l = &s->all[i];

    l->up += budget;
    while (l->up >= 1 && serve_one(s, i))
        l->up -= 1;
    if (l->up > 1)
        l->up = 1; /* idle time is not saved up */
}

/* Who is complete leaves its place at the sources to one that waits. */
static void admit(struct swarm *s)
{
    uint32_t places = s->p->links_max * (1 + s->p->mirrors);

    for (uint32_t i = 0; i < s->served_count;) {
        if (s->all[s->served[i]].missing != 0) {
            i++;
            continue;
        }
        s->served[i] = s->served[--s->served_count];
        s->source_asks[i] = s->source_asks[s->served_count];
    }
    while (s->served_count < places && s->waiting < s->p->learners &&
           s->all[s->waiting].start <= s->step) {
        uint32_t who = s->waiting++;

        if (s->all[who].missing == 0)
            continue;
        s->source_asks[s->served_count] = (struct queue){.count = 0};
        s->served[s->served_count++] = who;
    }
}

/* Chunks a second, of all sources together. */
static double source_rate(const struct swarm *s)
{
    return (double)s->p->up_bps * (1 + s->p->mirrors) / s->p->stored_bytes;
}

/* node/core/ask.c: who has waited for so long that it is late asks for no more
 * than comes in that time. */
static uint32_t ahead_at_sources(const struct swarm *s)
{
    double comes = s->fit->patience_s * source_rate(s) /
                   (s->served_count != 0 ? s->served_count : 1);

    if (comes >= s->ahead)
        return s->ahead;
    return comes > 1 ? (uint32_t)comes : 1;
}

static void serve_from_sources(struct swarm *s)
{
    uint32_t ahead = ahead_at_sources(s);

    s->source_up += source_rate(s) * s->step_ms / 1000;
    for (uint32_t idle = 0;
         s->source_up >= 1 && idle < (STEPS_BACK + 1) * s->served_count;) {
        struct queue *q;
        uint32_t to;

        s->turn = s->turn + 1 < s->served_count ? s->turn + 1 : 0;
        q = &s->source_asks[s->turn];
        to = s->served[s->turn];
        (void)ask(s, &s->whole, to, q, ahead);
        if (give(s, to, q, &s->source_sent[s->course[to]], s->p->chunks)) {
            s->source_up -= 1;
            s->from_source++;
            idle = 0;
        } else {
            idle++;
        }
    }
    if (s->source_up > 1)
        s->source_up = 1;
}

/* ---- a step ------------------------------------------------------------- */

/* What was given some steps ago may go on from here. */
static void show(struct swarm *s)
{
    struct batch *b = &s->ring[s->step % s->ring_size];

    for (size_t i = 0; i < b->count; i++) {
        struct learner *l = &s->all[b->list[i].learner];
        uint32_t c = b->list[i].chunk;

        set(&l->visible, c);
        copies_of(s, b->list[i].learner)[c]++;
        l->news = true;
    }
    b->count = 0;
}

/* HAVE to every neighbour, for all that came since the last one; they ask. */
static void tell(struct swarm *s, uint32_t i)
{
    struct learner *l = &s->all[i];

    if (!l->news || (s->step - l->told) * s->step_ms < HAVE_EVERY_MS)
        return;
    for (uint32_t k = s->graph.first[i]; k < s->graph.first[i + 1]; k++) {
        if (s->all[s->graph.to[k]].missing == 0)
            continue;
        s->haves++;
        l->owes += ask(s, &l->visible, s->graph.to[k], &s->asks[k], s->ahead);
    }
    l->news = false;
    l->told = s->step;
}

static void step(struct swarm *s, float up, float down)
{
    show(s);
    admit(s);
    serve_from_sources(s);
    for (uint32_t i = 0; i < s->p->learners; i++) {
        struct learner *l = &s->all[i];

        if (l->missing != 0) {
            l->down += down;
            if (l->down > 2 * down + 1)
                l->down = 2 * down + 1;
        }
        if (l->missing != s->p->chunks) {
            tell(s, i);
            serve(s, i, up);
        }
    }
    s->step++;
}

/* ---- before and after --------------------------------------------------- */

/* Course k of n is asked for 1 / k as often as the first (Zipf). */
static void pick_courses(struct swarm *s)
{
    uint32_t n = s->p->courses;
    double *sum = mem_new(n, sizeof *sum);

    for (uint32_t k = 0; k < n; k++)
        sum[k] = (k != 0 ? sum[k - 1] : 0) + 1.0 / (k + 1);
    for (uint32_t i = 0; i < s->p->learners; i++) {
        double x = sum[n - 1] * (double)(rng_next(&s->rng) >> 11) / 0x1p53;
        uint32_t lo = 0;
        uint32_t hi = n - 1;

        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;

            if (sum[mid] < x)
                lo = mid + 1;
            else
                hi = mid;
        }
        s->course[i] = lo;
    }
    free(sum);
}

/* In milliseconds. */
static double way(const struct flow_params *p, double rtts, double ms)
{
    return rtts * 4 * (double)p->latency_us / 1000 + ms;
}

static void make_learners(struct swarm *s, const struct flow_fit *fit)
{
    double start = way(s->p, fit->start_rtts, fit->start_ms);
    uint32_t spread = s->p->join_spread_ms;

    for (uint32_t i = 0; i < s->p->learners; i++) {
        struct learner *l = &s->all[i];
        double join = spread * ((double)i / s->p->learners); /* in order */

        l->missing = s->p->chunks;
        l->start = (uint32_t)((join + start) / s->step_ms);
        l->turn = below(s, 64);
    }
}

static void open_swarm(struct swarm *s, const struct flow_params *p,
                       const struct flow_fit *fit)
{
    const uint64_t seed[4] = {p->rng_seed, p->learners, p->courses, 7};
    double relay = way(p, fit->relay_rtts, fit->relay_ms);

    s->p = p;
    s->fit = fit;
    s->ahead = fit->ahead < FLOW_AHEAD_MAX ? fit->ahead : FLOW_AHEAD_MAX;
    for (uint32_t c = 0; c < p->chunks; c++)
        set(&s->whole, c);
    rng_init(&s->rng, seed);
    s->left = p->learners;
    s->step_ms = 1000.0 * p->stored_bytes / (double)p->up_bps;
    if (s->step_ms > 100)
        s->step_ms = 100;
    s->ring_size = (uint32_t)(relay / s->step_ms) + 2;
    s->ring = mem_new(s->ring_size, sizeof *s->ring);
    s->all = mem_new(p->learners, sizeof *s->all);
    s->course = mem_new(p->learners, sizeof *s->course);
    s->served =
        mem_new((size_t)p->links_max * (1 + p->mirrors), sizeof *s->served);
    s->source_asks = mem_new((size_t)p->links_max * (1 + p->mirrors),
                             sizeof *s->source_asks);
    s->source_sent = mem_new(p->courses, sizeof *s->source_sent);
    s->copies = mem_new((size_t)p->courses * p->chunks, sizeof *s->copies);
    pick_courses(s);
    graph_make(&s->graph, s->course, p->learners, p->courses, p->dials,
               p->links_max, &s->rng);
    s->asks = mem_new(s->graph.first[p->learners] + 1u, sizeof *s->asks);
    make_learners(s, fit);
}

static void close_swarm(struct swarm *s)
{
    for (uint32_t i = 0; i < s->ring_size; i++)
        free(s->ring[i].list);
    free(s->ring);
    free(s->all);
    free(s->course);
    free(s->served);
    free(s->source_asks);
    free(s->asks);
    free(s->copies);
    free(s->source_sent);
    graph_free(&s->graph);
}

static void times(const struct swarm *s, struct flow_result *out)
{
    double n = s->p->learners;

    out->mean_s = out->last_s = 0;
    for (uint32_t i = 0; i < s->p->learners; i++) {
        double join = s->p->join_spread_ms * (i / n);
        double wire = 2 * (double)s->p->latency_us / 1000;
        double t = (s->all[i].done * s->step_ms + wire - join) / 1000;

        out->mean_s += t / n;
        out->last_s = t > out->last_s ? t : out->last_s;
    }
}

static void words(const struct swarm *s, const struct flow_fit *fit,
                  struct flow_result *out)
{
    double n = s->p->learners;
    double chunks = (double)s->chunks;
    double among = s->graph.first[s->p->learners] / 2.0;
    double links = among + s->waiting;

    out->links = (2 * among + s->waiting) / n;
    out->control = (links * (fit->words_a_link + fit->peers_a_link) +
                    chunks / fit->chunks_a_want + (double)s->haves) *
                   2 / n;
    out->messages = out->control + 2 * chunks / n;
}

void flow_run(const struct flow_params *p, const struct flow_fit *fit,
              struct flow_result *out)
{
    struct swarm s = {0};
    float up;
    float down;

    open_swarm(&s, p, fit);
    up = (float)((double)p->up_bps * s.step_ms / 1000 / p->stored_bytes);
    down = (float)((double)p->down_bps * s.step_ms / 1000 / p->stored_bytes);
    while (s.left != 0 && s.step < STEPS_MAX)
        step(&s, up, down);
    times(&s, out);
    words(&s, fit, out);
    out->copies = (double)s.from_source / p->chunks / (1 + p->mirrors);
    close_swarm(&s);
}
