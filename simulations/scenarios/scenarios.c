/* scenarios: the worlds that seeds are drawn from. Sizes are such that most
 * runs take a fraction of a second; a few are large. */
#include "simulations/scenarios/scenarios_internal.h"

uint32_t scenario__between(struct rng *rng, uint32_t min, uint32_t max)
{
    return min + (uint32_t)rng_below(rng, max - min + 1u);
}

bool scenario__one_in(struct rng *rng, uint32_t n)
{
    return rng_below(rng, n) == 0;
}

void scenario__course(struct plan *p, struct rng *rng, uint32_t chunks_max)
{
    p->course.chunks = scenario__between(rng, 1, chunks_max);
    p->course.chunk_min = 64;
    p->course.chunk_max = scenario__between(rng, 64, 16384);
}

void scenario__far_apart(struct plan *p, struct rng *rng)
{
    if (rng_below(rng, 2) == 0)
        return;
    p->scope = SCOPE_PUBLIC;
    p->latency_us = (struct plan_range){5000, 120000};
    p->up_bps = (struct plan_range){60000, 2000000};
    p->down_bps = (struct plan_range){250000, 10000000};
}

struct plan_foes *scenario__foes(struct plan *p, enum adversary_kind kind,
                                 uint32_t count)
{
    struct plan_foes *f = &p->foes[p->foe_kinds++];

    *f = (struct plan_foes){.kind = kind, .count = count};
    return f;
}

static void fill_pair(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 400);
    scenario__far_apart(p, rng);
    p->shrink = rng_below(rng, 2) == 0;
    p->stops_when_complete = rng_below(rng, 2) == 0;
}

static void fill_classroom(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 120);
    p->learners = scenario__between(rng, 3, 16);
    p->stops_when_complete = rng_below(rng, 2) == 0;
}

static void fill_chain(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 60);
    p->learners = scenario__between(rng, 2, 6);
    p->shape = SHAPE_CHAIN;
}

static void fill_late(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 3, 8);
    p->join_spread_ms = scenario__between(rng, 5000, 60000);
    p->shape = SHAPE_MESH;
}

static void fill_flaky(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 6);
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->cut_every_ms = scenario__between(rng, 100, 3000);
}

static void fill_partition(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 2, 8);
    p->shape = SHAPE_MESH;
    p->split_ms = scenario__between(rng, 100, 5000);
    p->heal_ms = p->split_ms + scenario__between(rng, 1000, 90000);
    p->faults_ms = p->heal_ms;
}

/* T8: 8 of 10 serve garbage. */
static void fill_garbage(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    p->seeders = 2;
    p->learners = scenario__between(rng, 1, 3);
    (void)scenario__foes(p, ADVERSARY_GARBAGE, 8);
    p->foes[0].rotates = rng_below(rng, 2) == 0;
    p->foes[0].visits = rng_below(rng, 2) == 0;
    if (p->foes[0].rotates) {
        p->foes_go = true;
        p->faults_ms = 30000;
    }
}

/* T9: half of them lie; 2.0 times the honest time. */
static void fill_liars(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    p->seeders = scenario__between(rng, 1, 3);
    p->learners = scenario__between(rng, 1, 4);
    (void)scenario__foes(
        p, rng_below(rng, 2) == 0 ? ADVERSARY_LIAR : ADVERSARY_SHIFTER,
        p->seeders + p->learners);
    p->bound_percent = 200;
    p->bound_ms = 10000;
}

/* T10: 9 stallers and one honest seeder; 1.5 times, and the deadlines. */
static void fill_stallers(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 200);
    (void)scenario__foes(p, ADVERSARY_STALLER, 9);
    p->foes[0].visits = rng_below(rng, 2) == 0;
    p->seeder_up_bps = rng_below(rng, 2) == 0 ? 50000 : 0;
    p->bound_percent = 150;
    p->bound_ms = 30000;
}

static void fill_tricklers(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    p->learners = scenario__between(rng, 1, 3);
    (void)scenario__foes(p, ADVERSARY_GARBAGE, scenario__between(rng, 1, 5));
    p->foes[0].up_bps = scenario__between(rng, 200, 2000);
    (void)scenario__foes(p, ADVERSARY_STALLER, scenario__between(rng, 0, 4));
}

/* An honest peer at 20 kB/s is slow, not bad. */
static void fill_slow(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 120);
    p->learners = scenario__between(rng, 1, 3);
    p->seeder_up_bps = 20000;
    if (rng_below(rng, 2) == 0)
        (void)scenario__foes(p, ADVERSARY_STALLER,
                             scenario__between(rng, 1, 4));
}

/* Homes that send a hundred thousand bytes a second or so: what is under way
 * cannot be called back, and all of them want the same. */
static void fill_thinline(struct plan *p, struct rng *rng)
{
    p->course.chunks = scenario__between(rng, 100, 200);
    p->course.chunk_min = 1024;
    p->course.chunk_max = scenario__between(rng, 8192, 65536);
    p->seeders = scenario__between(rng, 1, 2);
    p->learners = scenario__between(rng, 5, 20);
    p->shape = SHAPE_MESH;
    p->scope = SCOPE_PUBLIC;
    p->latency_us = (struct plan_range){5000, 40000};
    p->up_bps = (struct plan_range){60000, 250000};
    p->down_bps = (struct plan_range){1250000, 5000000};
    p->join_spread_ms = 2000;
    p->vain_percent = 30;
}

static void fill_leaver(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 120);
    p->learners = scenario__between(rng, 3, 8);
    p->course.chunks += 20;
    p->course.chunk_max = 16384;
    p->up_bps = (struct plan_range){30000, 200000};
    p->seeder_leaves = true;
}

static void fill_flood(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    p->learners = scenario__between(rng, 1, 4);
    (void)scenario__foes(p, ADVERSARY_FLOODER, scenario__between(rng, 1, 3));
    p->foes[0].visits = true;
    p->foes[0].rotates = rng_below(rng, 2) == 0;
    p->foes_go = true;
    p->faults_ms = scenario__between(rng, 3000, 8000);
}

static void fill_malformed(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    p->learners = scenario__between(rng, 1, 4);
    (void)scenario__foes(p, ADVERSARY_MALFORMED, scenario__between(rng, 1, 4));
    p->foes[0].visits = p->foes[0].rotates = true;
    p->foes_go = true;
    p->faults_ms = scenario__between(rng, 10000, 30000);
}

static void fill_poison(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    scenario__far_apart(p, rng);
    p->learners = scenario__between(rng, 1, 4);
    (void)scenario__foes(p, ADVERSARY_POISONER, scenario__between(rng, 1, 3));
    (void)scenario__foes(p, ADVERSARY_FORGER, scenario__between(rng, 1, 3));
    p->foes[0].visits = p->foes[1].visits = true;
}

static void fill_swarm(struct plan *p, struct rng *rng)
{
    p->learners = scenario__between(rng, 99, 199);
    p->course.chunks = scenario__between(rng, 16, 48);
    p->up_bps = (struct plan_range){100000, 2000000};
    p->shape = SHAPE_MESH;
    p->join_spread_ms = 2000;
    p->stops_when_complete = rng_below(rng, 2) == 0;
}

static void fill_crash(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 300);
    p->learners = scenario__between(rng, 1, 5);
    p->up_bps = (struct plan_range){50000, 500000};
    p->faults_ms = scenario__between(rng, 5000, 40000);
    p->crash_every_ms = scenario__between(rng, 500, 8000);
}

static void fill_edition(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 150);
    p->course.editions = 2;
    p->learners = scenario__between(rng, 1, 6);
    p->up_bps = (struct plan_range){100000, 2000000};
    p->publish_ms = scenario__between(rng, 100, 8000);
}

/* Ten editions, while learners come, crash and are cut off. */
static void fill_editions(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 100);
    scenario__far_apart(p, rng);
    p->course.editions = COURSE_KIT_EDITIONS;
    p->learners = scenario__between(rng, 2, 6);
    p->shape = rng_below(rng, 2) == 0 ? SHAPE_STAR : SHAPE_MESH;
    p->publish_ms = scenario__between(rng, 500, 5000);
    p->publish_every_ms = scenario__between(rng, 200, 8000);
    p->join_spread_ms = scenario__between(rng, 0, 40000);
    p->faults_ms = p->publish_ms + scenario__between(rng, 5000, 60000);
    if (rng_below(rng, 2) == 0)
        p->crash_every_ms = scenario__between(rng, 2000, 10000);
    if (rng_below(rng, 2) == 0)
        p->cut_every_ms = scenario__between(rng, 500, 5000);
    if (rng_below(rng, 3) == 0) { /* some miss a few of them */
        p->split_ms = scenario__between(rng, 100, 5000);
        p->heal_ms = p->split_ms + scenario__between(rng, 1000, 30000);
        if (p->heal_ms > p->faults_ms)
            p->faults_ms = p->heal_ms;
    }
}

/* T12, T13, T14: somebody else has the author's key, too. */
static void fill_double(struct plan *p, struct rng *rng)
{
    fill_editions(p, rng);
    p->course.odd = true;
    p->publish_every_ms += 2000;
    (void)scenario__foes(p, ADVERSARY_DOUBLE, scenario__between(rng, 1, 3));
    p->foes[0].visits = true;
}

static void fill_storm(struct plan *p, struct rng *rng)
{
    scenario__course(p, rng, 150);
    scenario__far_apart(p, rng);
    p->seeders = scenario__between(rng, 1, 2);
    p->learners = scenario__between(rng, 2, 10);
    p->shape = rng_below(rng, 2) == 0 ? SHAPE_STAR : SHAPE_MESH;
    p->shrink = rng_below(rng, 2) == 0;
    p->skew = rng_below(rng, 2) == 0;
    p->join_spread_ms = scenario__between(rng, 0, 10000);
    p->faults_ms = scenario__between(rng, 10000, 60000);
    p->foes_go = rng_below(rng, 2) == 0;
    while (p->foe_kinds < PLAN_FOES_MAX && rng_below(rng, 3) != 0) {
        (void)scenario__foes(
            p, (enum adversary_kind)rng_below(rng, ADVERSARY_DOUBLE),
            scenario__between(rng, 1, 3));
        p->foes[p->foe_kinds - 1].visits = rng_below(rng, 2) == 0;
        p->foes[p->foe_kinds - 1].rotates =
            p->foes_go && rng_below(rng, 2) == 0;
    }
    if (rng_below(rng, 2) == 0)
        p->cut_every_ms = scenario__between(rng, 500, 5000);
    if (rng_below(rng, 2) == 0)
        p->crash_every_ms = scenario__between(rng, 2000, 10000);
    if (rng_below(rng, 4) == 0)
        p->store_fail_permille = scenario__between(rng, 1, 50);
    if (rng_below(rng, 4) == 0)
        p->rot_every_ms = scenario__between(rng, 500, 5000);
    if (rng_below(rng, 3) == 0) {
        p->split_ms = scenario__between(rng, 100, 5000);
        p->heal_ms = p->split_ms + scenario__between(rng, 1000, 30000);
        if (p->heal_ms > p->faults_ms)
            p->faults_ms = p->heal_ms;
    }
    scenario__weather(p, rng);
}

/* The same, always of 20 nodes: what `storms per hour` is measured with. */
static void fill_storm20(struct plan *p, struct rng *rng)
{
    fill_storm(p, rng);
    p->seeders = 2;
    p->learners = 18;
}

static const struct scenario table[] = {
    {"pair", "one seeder, one learner", 10, fill_pair},
    {"classroom", "one seeder, many learners on a LAN", 6, fill_classroom},
    {"chain", "each learner knows only the one before", 4, fill_chain},
    {"late", "learners join one after the other", 5, fill_late},
    {"flaky", "connections break all the time", 8, fill_flaky},
    {"partition", "the network splits and heals", 8, fill_partition},
    {"garbage", "8 of 10 serve wrong bytes", 8, fill_garbage},
    {"liars", "half of them claim what they do not have", 8, fill_liars},
    {"stallers", "9 take wants and answer none", 8, fill_stallers},
    {"tricklers", "bad and silent peers on a thin line", 5, fill_tricklers},
    {"slow", "an honest seeder at 20 kB/s", 5, fill_slow},
    {"thinline", "everybody behind 0.5 to 2 Mbit/s", 3, fill_thinline},
    {"leaver", "the seeder leaves after one copy", 5, fill_leaver},
    {"flood", "messages in masses", 5, fill_flood},
    {"malformed", "random bytes and mutated frames", 6, fill_malformed},
    {"poison", "forbidden hints and forged editions", 5, fill_poison},
    {"swarm", "100 to 200 nodes", 2, fill_swarm},
    {"crash", "learners crash and resume", 8, fill_crash},
    {"edition", "a new edition in the middle", 6, fill_edition},
    {"editions", "ten editions while learners come and go", 6, fill_editions},
    {"double", "the author's key is stolen: forks and jumps", 4, fill_double},
    {"half", "one side does not learn that it is over", 4, scenario__half},
    {"oneway", "one direction is cut", 4, scenario__oneway},
    {"flap", "partitions come and go", 4, scenario__flap},
    {"moves", "addresses change", 4, scenario__moves},
    {"frozen", "nodes stand still for up to ten minutes", 4, scenario__frozen},
    {"clocks", "wall clocks jump by years, others drift", 4, scenario__clocks},
    {"twice", "crashes in the middle of things, and again", 4, scenario__twice},
    {"full", "disks are full for a while", 4, scenario__full},
    {"hunger", "allocations fail", 4, scenario__hunger},
    {"versions", "earlier and later versions together", 4, scenario__versions},
    {"misers", "answers come just before they are late", 4, scenario__misers},
    {"replay", "words of others and of yesterday", 4, scenario__replay},
    {"freeze", "new editions are hidden", 4, scenario__freeze},
    {"fleet", "a thousand keys, a bad chunk each", 3, scenario__fleet},
    {"byzantine", "80 of 100 are hostile", 1, scenario__byzantine},
    {"month", "a month away, ten editions later", 4, scenario__month},
    {"eclipse", "9 of 10 name each other, one road is honest", 1,
     scenario__eclipse},
    {"storm", "a mixture of all of it", 30, fill_storm},
    {"storm20", "the same, of 20 nodes", 1, fill_storm20},
    {NULL, NULL, 0, NULL},
};

const struct scenario *plan_scenarios(void)
{
    return table;
}
