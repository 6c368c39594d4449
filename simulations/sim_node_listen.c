/* sim_node_listen: what comes in, looked at before the core sees it: for the
 * invariants that compare what a node was told with what it makes of it. */
#include "simulations/sim_node_internal.h"

#include <string.h>

#include "crypto/record.h"
#include "node/wire/msg.h"

static bool is_it(const struct buf *b, struct span s)
{
    return b->len == s.len && memcmp(b->base, s.p, s.len) == 0;
}

/* Which edition that bears the author's signature is @s? 0: none. */
static uint64_t number_of(const struct sim_node *n, struct span s,
                          struct record_id *out)
{
    const struct course_kit *k = n->env->kit;

    for (uint32_t i = 0; i < k->odd_count; i++)
        if (is_it(&k->odd[i].record, s)) {
            *out = k->odd[i].id;
            return k->odd[i].seq;
        }
    for (uint32_t i = 0; i < k->edition_count; i++)
        if (is_it(&k->editions[i].record, s)) {
            *out = k->editions[i].id;
            return k->editions[i].seq;
        }
    return 0;
}

/* Pushed, so that the core takes it or not by what it says alone. */
static void hear_records(struct sim_node *n, const struct msg *m)
{
    for (size_t i = 0; i < m->u.records.count && n->fork_seq == 0; i++) {
        struct record_id id;
        uint64_t seq = number_of(n, m->u.records.list[i], &id);

        if (seq == 0 || seq != n->seq_seen || record_id_eq(&id, &n->head_seen))
            continue;
        n->fork_seq = seq;
        n->fork_us = world_now_us(n->env->world);
    }
}

/* A defect: into the catalog with it. */
static void bypass(struct sim_node *n, const struct msg *m)
{
    struct record r;

    for (size_t i = 0; i < m->u.records.count; i++) {
        const struct span *s = &m->u.records.list[i];

        if (record_decode(s->p, s->len, COURSE_KIT_NETWORK, &r, NULL) == 0 &&
            r.type == RECORD_REVOCATION)
            (void)sim_node__put_record(n, *s);
    }
}

static bool hear_want(const struct sim_node *n, struct sim_conn *from,
                      const struct msg *m)
{
    from->wanted += m->u.want.count;
    return n->cfg.broken == SIM_BREAK_LOSE && m->u.want.request % 3 == 0;
}

bool sim_node__listen(struct sim_node *n, struct sim_conn *from,
                      const uint8_t *data, size_t len)
{
    struct msg m;

    if (len != 0 && data[0] == MSG_CANCEL)
        return n->cfg.broken == SIM_BREAK_FINISH;
    if (len == 0 || (data[0] != MSG_WANT && data[0] != MSG_RECORDS) ||
        (data[0] == MSG_WANT && !from->honest) || from->dropped ||
        msg_decode(data, len, &m, NULL) != 0)
        return false;
    if (m.type == MSG_WANT)
        return hear_want(n, from, &m);
    if (m.u.records.request != 0)
        return false;
    hear_records(n, &m);
    if (n->cfg.broken == SIM_BREAK_BYPASS)
        bypass(n, &m);
    return n->cfg.broken == SIM_BREAK_DEAF;
}
