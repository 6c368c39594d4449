#include "simulations/mutations.h"

#include <inttypes.h>
#include <string.h>

#include "simulations/sim.h"

static const struct mutation table[] = {
    {SIM_BREAK_DIGEST, "stores what comes, unchecked", "garbage", "S1"},
    {SIM_BREAK_FORGE, "is made to ban an honest peer", "classroom", "S13"},
    {SIM_BREAK_SENT, "says \"sent\" before it is", "pair", "S10"},
    {SIM_BREAK_STORE, "forgets to answer some stores", "pair", "L1"},
    {SIM_BREAK_DIAL, "takes a hint to a loopback address", "pair", "S11"},
    {SIM_BREAK_AGAIN, "stores and says it failed", "pair", "R1"},
    {SIM_BREAK_BLANK, "does not look what is held", "editions", "R1"},
    {SIM_BREAK_BACK, "loses its newest edition in a crash", "editions", "S3"},
    {SIM_BREAK_TWO, "the last of two editions counts", "double", "S4"},
    {SIM_BREAK_SLANDER, "takes a next edition for a fork", "editions", "S5"},
    {SIM_BREAK_BYPASS, "keeps withdrawals unchecked", "replay", "S6"},
    {SIM_BREAK_ACK, "says \"stored\" and stores nothing", "pair", "S1"},
    {SIM_BREAK_SPIN, "its timer is always due", "pair", "S14"},
    {SIM_BREAK_DICE, "its chance is not the seed's", "classroom", "S16"},
    {SIM_BREAK_FORGIVE, "blames its disk for bad bytes", "fleet", "T39"},
    {SIM_BREAK_DEAF, "drops what is pushed", "edition", "L2"},
    {SIM_BREAK_FORK, "keeps one of two editions only", "double", "L3"},
    {SIM_BREAK_GIVE_UP, "stores no more after a full disk", "full", "L5"},
    {SIM_BREAK_LOSE, "loses some of what is wanted", "classroom", "L7"},
    {SIM_BREAK_FINISH, "hears of no CANCEL", "thinline", "T41"},
    {SIM_BREAK_REST, "dials nobody once it has an edition", "month", "L4"},
    {SIM_BREAK_UNPIN, "takes a pinned address for a hint", "eclipse", "L6"},
    {SIM_BREAK_NONE, NULL, NULL, NULL},
};

const struct mutation *mutations(void)
{
    return table;
}

uint64_t mutations_seed(const struct mutation *m, uint64_t seeds,
                        const char **out_by)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sim_result r;
        struct plan p;

        if (!plan_named(m->scenario, seed, &p))
            return 0;
        p.broken = m->broken;
        sim_check(&p, NULL, NULL, &r);
        if (r.broken == NULL)
            sim_check_again(&p, &r);
        if (r.broken == NULL)
            continue;
        *out_by = r.broken;
        return seed;
    }
    return 0;
}

void mutations_head(FILE *out)
{
    (void)fprintf(out, "%-39s %-10s %-7s %-8s %s\n", "defect", "shows in",
                  "breaks", "noticed", "at seed");
}

void mutations_line(FILE *out, const char *name, const char *where,
                    const char *must, const char *by, uint64_t seed,
                    uint64_t seeds)
{
    (void)fprintf(out, "%-39s %-10s %-7s %-8s", name, where, must,
                  by != NULL ? by : "NEVER");
    if (by != NULL)
        (void)fprintf(out, " %" PRIu64 " of %" PRIu64 "\n", seed, seeds);
    else
        (void)fprintf(out, " none of %" PRIu64 "\n", seeds);
}

bool mutations_try(const struct mutation *m, uint64_t seeds, FILE *out)
{
    const char *by = NULL;
    uint64_t seed = mutations_seed(m, seeds, &by);

    mutations_line(out, m->name, m->scenario, m->invariant, by, seed, seeds);
    return by != NULL && strcmp(by, m->invariant) == 0;
}
