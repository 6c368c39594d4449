/* blame: peers by key over their connections: what they gave, what their faults
 * cost, and who is refused. A ban is for a key, never for an address. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define SCORE_FLOOR (-50)
#define SCORE_AFTER_BAN (-25)
#define SCORE_LATE (-20) /* and no lower for lateness */
#define GOOD_BEFORE_FIRST 64

/* The least loss: not connected, and the least received from. */
static struct known **least_missed(struct core *c)
{
    struct known **least = NULL;

    for (struct known **at = &c->known; *at != NULL; at = &(*at)->next)
        if ((*at)->conns == 0 &&
            (least == NULL ||
             (*at)->received_bytes <= (*least)->received_bytes))
            least = at;
    return least;
}

struct known *blame__know(struct core *c, const struct node_id *node)
{
    struct known *k = c->known;

    while (k != NULL && !node_id_eq(&k->node, node))
        k = k->next;
    if (k != NULL)
        return k;
    if (c->known_count >= c->cfg.limits.known_max) {
        struct known **at = least_missed(c);

        if (at == NULL)
            return NULL;
        k = *at;
        *at = k->next;
        free(k);
        c->known_count--;
    }
    k = calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    k->node = *node;
    k->next = c->known;
    c->known = k;
    c->known_count++;
    return k;
}

struct known *blame__by_conn(struct core *c, conn_no no)
{
    for (struct known *k = c->known; k != NULL; k = k->next)
        for (size_t i = 0; i < RECENT_MAX; i++)
            if (k->recent[i] == no)
                return k;
    return NULL;
}

/* ---- bans --------------------------------------------------------- */

bool blame__banned(const struct core *c, const struct node_id *node)
{
    for (size_t i = 0; i < c->ban_count; i++)
        if (node_id_eq(&c->bans[i].node, node))
            return c->bans[i].until_ms != 0
                       ? c->bans[i].until_ms > c->now_ms
                       : c->bans[i].until_wall_ms > c->wall_ms;
    return false;
}

static void set_ban(struct core *c, const struct ban *ban)
{
    size_t at = 0;
    size_t soonest = 0;

    while (at < c->ban_count && !node_id_eq(&c->bans[at].node, &ban->node)) {
        if (c->bans[at].until_wall_ms < c->bans[soonest].until_wall_ms)
            soonest = at;
        at++;
    }
    if (at == c->cfg.limits.bans_max) {
        at = soonest;
    } else if (at == c->ban_count) {
        c->ban_count++;
    }
    c->bans[at] = *ban;
}

void blame__set_ban(struct core *c, const struct node_id *node,
                    uint64_t until_wall_ms)
{
    struct ban ban = {.node = *node, .until_wall_ms = until_wall_ms};

    set_ban(c, &ban);
}

void blame__ban(struct core *c, const struct node_id *node, uint64_t ms,
                const char *why)
{
    struct ban ban = {*node, c->wall_ms + ms, c->now_ms + ms};
    struct core_effect *fx;

    if (blame__banned(c, node))
        return;
    set_ban(c, &ban);
    fx = core__effect(c, FX_BAN);
    fx->u.ban.node = *node;
    fx->u.ban.until_wall_ms = ban.until_wall_ms;
    fx->u.ban.why = why;
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        if (node_id_eq(&p->node, node))
            peer__drop(c, p);
}

void blame__protocol(struct core *c, struct conn *p, const char *why)
{
    blame__ban(c, &p->node, c->cfg.limits.ban_protocol_ms, why);
}

void blame__penalty(struct core *c, struct conn *p, int32_t points)
{
    struct known *k = p->known;

    k->score -= points;
    if (k->score > SCORE_FLOOR)
        return;
    k->score = SCORE_AFTER_BAN;
    blame__ban(c, &p->node, c->cfg.limits.ban_score_ms, "score too low");
}

void blame__late(struct conn *p)
{
    if (p->known->score > SCORE_LATE)
        p->known->score--;
}

/* SPEC 6.2: "key refused 24 h (1 h when it is the first and 64 good ones had
 * come)" */
void blame__bad_chunk(struct core *c, struct known *k)
{
    const struct core_limits *l = &c->cfg.limits;
    bool mild = k->rejected == 0 && k->good >= GOOD_BEFORE_FIRST;

    k->rejected++;
    blame__ban(c, &k->node, mild ? l->ban_corrupt_first_ms : l->ban_corrupt_ms,
               "sent a chunk that is not what its name says");
}
