/* load: what was asked of the store and has not come yet. */
#include "node/core/core_internal.h"

struct load *load__new(struct core *c, enum load_kind kind, conn_no conn)
{
    struct load *l;
    size_t all = 0;
    size_t its = 0;

    for (size_t i = 0; i < c->load_count; i++) {
        all += c->loads[i].conn != 0;
        its += c->loads[i].conn == conn;
    }
    if (c->load_count == LOADS_MAX ||
        (conn != 0 && (all >= LOADS_FOR_PEERS || its >= LOADS_PER_PEER)))
        return NULL;
    l = &c->loads[c->load_count++];
    *l = (struct load){.token = ++c->last_token, .kind = kind, .conn = conn};
    return l;
}

bool load__take(struct core *c, uint64_t token, struct load *out)
{
    for (size_t i = 0; i < c->load_count; i++) {
        if (c->loads[i].token != token)
            continue;
        *out = c->loads[i];
        c->loads[i] = c->loads[--c->load_count];
        return true;
    }
    return false;
}

void load__course(struct core *c, const struct load *l)
{
    struct core_effect *fx = core__effect(c, FX_LOAD_COURSE);

    fx->u.load_course.token = l->token;
    fx->u.load_course.course = l->course;
}

void load__edition(struct core *c, const struct load *l)
{
    struct core_effect *fx = core__effect(c, FX_LOAD_EDITION);

    fx->u.load_edition.token = l->token;
    fx->u.load_edition.course = l->course;
    fx->u.load_edition.named = l->kind == LOAD_SERVE;
    fx->u.load_edition.edition = l->edition;
}
