#include "simulations/plan_cut.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum part {
    PART_CUT,
    PART_HALF,
    PART_SPLIT,
    PART_ONE_WAY,
    PART_FLAP,
    PART_MOVE,
    PART_CRASH,
    PART_TWICE,
    PART_FREEZE,
    PART_CLOCK,
    PART_DRIFT,
    PART_SKEW,
    PART_ROT,
    PART_FAIL,
    PART_FULL,
    PART_LEAVE,
    PART_PUBLISH,
    PART_SHRINK,
    PART_ROTATE,
    PART_VISIT,
    PART_ALLOC,
    PART_VERSIONS,
    PART_AWAY,
    PART_CONSPIRE,
    PART_FOES /* the kinds of foes follow */
};

static const char *const names[PART_FOES] = {
    "cut",    "half",  "split",  "oneway",   "flap",    "move",
    "crash",  "twice", "freeze", "clock",    "drift",   "skew",
    "rot",    "fail",  "full",   "leave",    "publish", "shrink",
    "rotate", "visit", "alloc",  "versions", "away",    "conspire"};

unsigned plan_cut_parts(void)
{
    return PART_FOES + ADVERSARY_KIND_COUNT;
}

const char *plan_cut_part(unsigned part)
{
    return part < PART_FOES
               ? names[part]
               : adversary_kind_name((enum adversary_kind)(part - PART_FOES));
}

static void drop_foes(struct plan *p, enum adversary_kind kind)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->foe_kinds; i++)
        if (p->foes[i].kind != kind)
            p->foes[kept++] = p->foes[i];
    p->foe_kinds = kept;
}

static void tame_foes(struct plan *p, bool rotates, bool visits)
{
    for (size_t i = 0; i < p->foe_kinds; i++) {
        p->foes[i].rotates &= rotates;
        p->foes[i].visits &= visits;
    }
}

/* Nobody waits for a month for what is published meanwhile. */
static void stay(struct plan *p)
{
    if (p->away_ms == 0)
        return;
    p->away_ms = p->back_ms = p->faults_ms = 0;
    p->publish_ms = 0;
}

static void drop(struct plan *p, enum part part)
{
    switch (part) {
    case PART_CUT:
        p->cut_every_ms = 0;
        break;
    case PART_HALF:
        p->half_every_ms = 0;
        break;
    case PART_SPLIT:
        p->split_ms = p->heal_ms = 0;
        break;
    case PART_ONE_WAY:
        p->one_way = false;
        break;
    case PART_FLAP:
        p->flap_every_ms = 0;
        break;
    case PART_MOVE:
        p->move_every_ms = 0;
        break;
    case PART_CRASH:
        p->crash_every_ms = 0;
        break;
    case PART_TWICE:
        p->twice = false;
        break;
    case PART_FREEZE:
        p->freeze_every_ms = 0;
        break;
    case PART_CLOCK:
        p->clock_every_ms = 0;
        break;
    case PART_DRIFT:
        p->drift = false;
        break;
    case PART_SKEW:
        p->skew = false;
        break;
    case PART_ROT:
        p->rot_every_ms = 0;
        break;
    case PART_FAIL:
        p->store_fail_permille = 0;
        break;
    case PART_FULL:
        p->full_ms = p->room_ms = 0;
        break;
    case PART_LEAVE:
        p->seeder_leaves = false;
        break;
    case PART_PUBLISH:
        p->publish_ms = 0;
        break;
    case PART_SHRINK:
        p->shrink = false;
        break;
    case PART_ROTATE:
        tame_foes(p, false, true);
        break;
    case PART_VISIT:
        tame_foes(p, true, false);
        break;
    case PART_ALLOC:
        p->alloc_every = 0;
        p->alloc_at = 0;
        break;
    case PART_VERSIONS:
        p->versions = p->course.later = false;
        break;
    case PART_AWAY:
        stay(p);
        break;
    case PART_CONSPIRE:
        for (size_t i = 0; i < p->foe_kinds; i++)
            p->foes[i].conspires = false;
        break;
    case PART_FOES:
        break;
    }
}

static void drop_part(struct plan *p, unsigned part)
{
    if (part < PART_FOES)
        drop(p, (enum part)part);
    else
        drop_foes(p, (enum adversary_kind)(part - PART_FOES));
}

/* Byte by byte: one is a copy of the other, padding and all. */
static bool is_same(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

bool plan_cut_has(const struct plan *p, unsigned part)
{
    struct plan less;

    memcpy(&less, p, sizeof less);
    drop_part(&less, part);
    return !is_same(&less, p, sizeof less);
}

static void at_most(uint32_t *value, uint32_t most)
{
    if (most != 0 && *value > most)
        *value = most;
}

void plan_cut_apply(const struct plan_cut *cut, struct plan *p)
{
    for (unsigned i = 0; i < plan_cut_parts(); i++)
        if ((cut->without >> i & 1) != 0)
            drop_part(p, i);
    at_most(&p->seeders, cut->seeders);
    at_most(&p->learners, cut->learners);
    at_most(&p->course.chunks, cut->chunks);
    at_most(&p->course.editions, cut->editions);
    if (p->course.editions == 1)
        p->publish_ms = 0;
    for (size_t i = 0; i < p->foe_kinds; i++)
        at_most(&p->foes[i].count, cut->foes);
}

/* ---- as text ----------------------------------------------------------------
 */

static bool take_names(struct plan_cut *cut, const char *value)
{
    while (*value != '\0') {
        size_t len = strcspn(value, ",");
        unsigned i = 0;

        while (i < plan_cut_parts() &&
               (strncmp(plan_cut_part(i), value, len) != 0 ||
                plan_cut_part(i)[len] != '\0'))
            i++;
        if (i == plan_cut_parts())
            return false;
        cut->without |= UINT64_C(1) << i;
        value += len + (value[len] == ',');
    }
    return true;
}

static uint32_t *number_of(struct plan_cut *cut, const char *option)
{
    if (strcmp(option, "--seeders") == 0)
        return &cut->seeders;
    if (strcmp(option, "--learners") == 0)
        return &cut->learners;
    if (strcmp(option, "--foes") == 0)
        return &cut->foes;
    if (strcmp(option, "--editions") == 0)
        return &cut->editions;
    if (strcmp(option, "--chunks") == 0)
        return &cut->chunks;
    return NULL;
}

bool plan_cut_option(struct plan_cut *cut, const char *option,
                     const char *value)
{
    uint32_t *number = number_of(cut, option);
    char *end;

    if (value == NULL)
        return false;
    if (strcmp(option, "--without") == 0)
        return take_names(cut, value);
    if (number == NULL || *value < '1' || *value > '9')
        return false;
    *number = (uint32_t)strtoul(value, &end, 10);
    return *end == '\0';
}

static size_t put(char *out, size_t at, const char *fmt, const char *name,
                  uint32_t n)
{
    if (n == 0)
        return at;
    return at + (size_t)snprintf(out + at, PLAN_CUT_TEXT_MAX - at, "%s%s %u",
                                 fmt, name, n);
}

void plan_cut_text(const struct plan_cut *cut, char out[PLAN_CUT_TEXT_MAX])
{
    const char *before = " --without ";
    size_t at = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < plan_cut_parts(); i++) {
        if ((cut->without >> i & 1) == 0)
            continue;
        at += (size_t)snprintf(out + at, PLAN_CUT_TEXT_MAX - at, "%s%s", before,
                               plan_cut_part(i));
        before = ",";
    }
    at = put(out, at, " --", "seeders", cut->seeders);
    at = put(out, at, " --", "learners", cut->learners);
    at = put(out, at, " --", "foes", cut->foes);
    at = put(out, at, " --", "editions", cut->editions);
    (void)put(out, at, " --", "chunks", cut->chunks);
}

void plan_words(const struct plan *p, FILE *out)
{
    const char *before = ": ";

    (void)fprintf(out, "%u seeder%s, %u learner%s, %u edition%s of %u chunks",
                  p->seeders, p->seeders == 1 ? "" : "s", p->learners,
                  p->learners == 1 ? "" : "s", p->course.editions,
                  p->course.editions == 1 ? "" : "s", p->course.chunks);
    (void)fprintf(out, ", faults until %" PRIu64 " ms", p->faults_ms);
    for (unsigned i = 0; i < PART_FOES; i++) {
        if (!plan_cut_has(p, i))
            continue;
        (void)fprintf(out, "%s%s", before, names[i]);
        before = ", ";
    }
    for (size_t i = 0; i < p->foe_kinds; i++)
        (void)fprintf(out, "; %u %s", p->foes[i].count,
                      adversary_kind_name(p->foes[i].kind));
    (void)fputc('\n', out);
}
