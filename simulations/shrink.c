#include "simulations/shrink.h"

#include <string.h>

#include "simulations/sim.h"

struct search {
    const struct plan *plan;
    const char *name;
    unsigned tries, tries_max;
    struct plan_cut best;
};

/* Does it still break? Then it is the best so far. */
static bool take(struct search *s, const struct plan_cut *cut)
{
    struct plan p = *s->plan;
    struct sim_result r;

    if (s->tries == s->tries_max)
        return false;
    s->tries++;
    plan_cut_apply(cut, &p);
    sim_check(&p, NULL, NULL, &r);
    if (r.broken == NULL || strcmp(r.broken, s->name) != 0)
        return false;
    s->best = *cut;
    return true;
}

static bool spare_parts(struct search *s)
{
    bool any = false;

    for (unsigned i = 0; i < plan_cut_parts(); i++) {
        struct plan_cut cut = s->best;
        struct plan p = *s->plan;

        plan_cut_apply(&s->best, &p);
        cut.without |= UINT64_C(1) << i;
        if (plan_cut_has(&p, i))
            any |= take(s, &cut);
    }
    return any;
}

/* One at once, or by halves, or by one; @field is inside s->best. */
static bool lower(struct search *s, uint32_t *field, uint32_t now)
{
    uint32_t had = *field;
    uint32_t n = had != 0 && had < now ? had : now;
    uint32_t tries[3] = {1, n / 2, n - 1};

    for (int i = 0; i < 3; i++) {
        struct plan_cut before = s->best;
        struct plan_cut cut;

        if (tries[i] == 0 || tries[i] >= n)
            continue;
        *field = tries[i];
        cut = s->best;
        s->best = before;
        if (take(s, &cut))
            return true;
    }
    return false;
}

static uint32_t most_foes(const struct plan *p)
{
    uint32_t most = 0;

    for (size_t i = 0; i < p->foe_kinds; i++)
        if (p->foes[i].count > most)
            most = p->foes[i].count;
    return most;
}

static bool lower_all(struct search *s)
{
    struct plan p = *s->plan;
    bool any = false;

    plan_cut_apply(&s->best, &p);
    any |= lower(s, &s->best.learners, p.learners);
    any |= lower(s, &s->best.seeders, p.seeders);
    any |= lower(s, &s->best.foes, most_foes(&p));
    any |= lower(s, &s->best.editions, p.course.editions);
    any |= lower(s, &s->best.chunks, p.course.chunks);
    return any;
}

unsigned shrink(const struct plan *p, const char *name, unsigned tries_max,
                struct plan_cut *cut)
{
    struct search s = {
        .plan = p, .name = name, .tries_max = tries_max, .best = *cut};
    bool any = true;

    while (any && s.tries < s.tries_max) {
        any = spare_parts(&s);
        any |= lower_all(&s);
    }
    *cut = s.best;
    return s.tries;
}
