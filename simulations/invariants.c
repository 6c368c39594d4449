#include "simulations/invariants.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/address.h"
#include "node/wire/msg.h"
#include "simulations/mem.h"

#define STEPS_AN_INSTANT 100000
#define PORT_FLOOR 1024
#define CROWD 16 /* connections of one node */
#define CROWD_EVERY 8

struct invariants {
    const struct sim_env *env;
    const char *name;
    char why[256];
    uint64_t frame_max; /* of a chunk of this world's course */
};

struct invariants *invariants_new(const struct sim_env *env)
{
    struct invariants *v = mem_new(1, sizeof *v);

    v->env = env;
    for (uint32_t k = 0; k < env->kit->edition_count; k++) {
        const struct chunk_table *t = &env->kit->editions[k].table;

        for (uint32_t i = 0; i < t->count; i++)
            if (t->refs[i].stored_len + MSG_CHUNK_HEAD > v->frame_max)
                v->frame_max = t->refs[i].stored_len + MSG_CHUNK_HEAD;
    }
    return v;
}

void invariants_free(struct invariants *v)
{
    free(v);
}

void invariants_fail(struct invariants *v, const char *name, const char *fmt,
                     ...)
{
    va_list ap;

    if (v->name != NULL)
        return;
    v->name = name;
    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
    trace_line(v->env->trace, world_now_us(v->env->world), "BROKEN %s: %.100s",
               name, v->why);
}

const char *invariants_broken(const struct invariants *v)
{
    return v->name;
}

const char *invariants_why(const struct invariants *v)
{
    return v->why;
}

/* ---- S1 ---------------------------------------------------------------------
 */

void invariants_stored(struct invariants *v, const struct sim_node *n,
                       const struct record_id *edition, uint32_t slot,
                       struct span bytes)
{
    const struct course_kit_edition *e = course_kit_find(v->env->kit, edition);

    if (e == NULL || slot >= e->table.count ||
        bytes.len != e->table.refs[slot].stored_len ||
        memcmp(bytes.p, e->bytes[slot], bytes.len) != 0)
        invariants_fail(v, "S1",
                        "%s stored bytes in slot %u that are not the "
                        "publisher's",
                        n->name, slot);
}

void invariants_record(struct invariants *v, const struct sim_node *n,
                       const struct record_id *id)
{
    if (!course_kit_signed(v->env->kit, id))
        invariants_fail(v, "S1", "%s keeps an edition that nobody signed",
                        n->name);
}

void invariants_revocation(struct invariants *v, const struct sim_node *n,
                           const struct author_id *signer)
{
    if (!author_id_eq(&v->env->kit->author, signer))
        invariants_fail(v, "S6", "%s keeps a withdrawal by a stranger",
                        n->name);
}

void invariants_proof(struct invariants *v, const struct sim_node *n,
                      uint64_t seq)
{
    const struct course_kit *k = v->env->kit;

    for (uint32_t i = 0; i < k->odd_count; i++)
        if (k->odd[i].seq == seq)
            return;
    invariants_fail(v, "S5",
                    "%s keeps a proof of what never was: edition %" PRIu64,
                    n->name, seq);
}

void invariants_complete(struct invariants *v, const struct sim_node *n)
{
    const struct course_kit_edition *e = NULL;

    if (n->complete)
        e = course_kit_find(v->env->kit, &n->complete_edition);
    if (e == NULL)
        invariants_fail(v, "S1", "%s is complete without an edition", n->name);
    else if (sim_node_holds(n, e) != e->table.count)
        invariants_fail(v, "S1", "%s is complete with %u of %u slots", n->name,
                        sim_node_holds(n, e), e->table.count);
}

/* ---- as things happen -------------------------------------------------------
 */

void invariants_dial(struct invariants *v, const struct sim_node *n,
                     const char *address, enum core_road road)
{
    struct address a;
    enum peer_scope scope;

    if (!address_parse(address, strlen(address), &a) ||
        !address_scope(a.ip, &scope) || scope == SCOPE_LOOPBACK ||
        (road == ROAD_EXCHANGE && a.port < PORT_FLOOR) ||
        (scope == SCOPE_LAN && n->cfg.scope == SCOPE_PUBLIC) ||
        strcmp(address, sim_net_address(v->env->net, n->host)) == 0)
        invariants_fail(v, "S11", "%s dials %s", n->name, address);
}

void invariants_ban(struct invariants *v, const struct sim_node *n,
                    const struct node_id *banned, const char *why)
{
    if (roster_honest(v->env->roster, banned))
        invariants_fail(v, "S13", "%s bans %s: %s", n->name,
                        roster_name(v->env->roster, banned), why);
}

void invariants_fetched(struct invariants *v, const struct sim_node *n,
                        const struct chunk_id *id)
{
    uint64_t since = sim_disk_since(n->disk, id);

    /* What one edition is storing the next may ask for, and get when the one
     * behind it is followed already. */
    if (since != UINT64_MAX &&
        (v->env->kit->edition_count == 1 || since < n->before_us))
        invariants_fail(v, "R1", "%s took a chunk that it held already",
                        n->name);
}

/* ---- after each step --------------------------------------------------------
 */

static void check_bounds(struct invariants *v, const struct sim_node *n)
{
    const struct core_limits *l = &n->cfg.limits;
    uint64_t window = l->window_lan_bytes > l->window_start_bytes
                          ? l->window_lan_bytes
                          : l->window_start_bytes;
    uint64_t total = 0;

    for (size_t i = 0; i < n->conn_count; i++) {
        const struct sim_conn *c = &n->conns[i];
        uint64_t queued = sim_net_queued(v->env->net, c->no);
        uint64_t owed = core_owed_bytes(n->core, c->no);

        total += queued;
        /* Requests carry 5 bytes of head each beside what the window counts;
         * a chunk has 1 byte at least. */
        if (owed > (window + v->frame_max) * (1 + MSG_CHUNK_HEAD))
            invariants_fail(v, "S10", "%s is owed %" PRIu64 " bytes by %s",
                            n->name, owed, c->name);
        if (queued > l->unsent_peer_bytes + v->frame_max)
            invariants_fail(v, "S10", "%s queues %" PRIu64 " bytes for %s",
                            n->name, queued, c->name);
    }
    if (total > l->unsent_total_bytes + v->frame_max)
        invariants_fail(v, "S10", "%s queues %" PRIu64 " bytes in all", n->name,
                        total);
    if (n->storing_bytes > l->unstored_bytes + v->frame_max)
        invariants_fail(v, "S10", "%s stores %" PRIu64 " bytes at a time",
                        n->name, n->storing_bytes);
}

/* From when on does the core know what the disk holds of what it follows? */
static void note_followed(struct invariants *v, struct sim_node *n,
                          const struct core_progress *p)
{
    if (record_id_eq(&p->edition, &n->followed) &&
        p->has_manifest == n->manifest_known)
        return;
    if (!record_id_eq(&p->edition, &n->followed))
        n->before_us = n->followed_us;
    n->followed = p->edition;
    n->manifest_known = p->has_manifest;
    n->followed_us = world_now_us(v->env->world);
}

static void check_edition(struct invariants *v, struct sim_node *n)
{
    struct core_progress p;

    if (!n->wants)
        return;
    core_progress(n->core, &v->env->kit->course, &p);
    if (!p.known || p.seq == 0)
        return;
    note_followed(v, n, &p);
    if (n->cfg.stops_when_complete)
        return; /* who only serves may go on serving an older one */
    if (p.seq == n->seq_seen && !record_id_eq(&p.edition, &n->head_seen))
        invariants_fail(v, "S4", "%s has two editions of number %" PRIu64,
                        n->name, p.seq);
    if (p.seq < n->seq_seen)
        invariants_fail(v, "S3",
                        "%s goes back from edition %" PRIu64 " to %" PRIu64,
                        n->name, n->seq_seen, p.seq);
    if (p.seq > n->seq_seen)
        n->head_seen = p.edition;
    n->seq_seen = p.seq;
}

/* What looks at all connections: in a crowd not after each step, for there it
 * would be most of the run. */
static void check_all_conns(struct invariants *v, struct sim_node *n)
{
    const char *why;

    if (n->conn_count > CROWD && n->looks++ % CROWD_EVERY != 0)
        return;
    why = core_check(n->core);
    if (why != NULL)
        invariants_fail(v, "core", "%s: %s", n->name, why);
    check_bounds(v, n);
}

void invariants_step(struct invariants *v, struct sim_node *n)
{
    uint64_t now = world_now_us(v->env->world);

    if (n->steps_at_us != now) {
        n->steps_at_us = now;
        n->steps = 0;
    }
    if (++n->steps > STEPS_AN_INSTANT)
        invariants_fail(v, "S14", "%s turns in circles", n->name);
    check_all_conns(v, n);
    check_edition(v, n);
    invariants_wants(v, n);
}

/* ---- at the end -------------------------------------------------------------
 */

void invariants_waste(struct invariants *v, const struct sim_node *n,
                      size_t bad_keys, uint32_t percent)
{
    uint64_t waste = n->foe_got_bytes - n->foe_good_bytes;
    uint64_t course = course_kit_bytes(&v->env->kit->editions[0]);
    const struct core_limits *l = &n->cfg.limits;
    uint64_t pipeline = l->window_lan_bytes > l->window_start_bytes
                            ? l->window_lan_bytes
                            : l->window_start_bytes;

    /* Two connections a key at most. */
    if (n->bad_bytes > bad_keys * 2 * (pipeline + v->frame_max))
        invariants_fail(v, "T8", "%s was sent %" PRIu64 " bad bytes", n->name,
                        n->bad_bytes);
    if (percent != 0 && n->wants &&
        waste > course * percent / 100 + bad_keys * v->frame_max)
        invariants_fail(
            v, "T39", "%s received %" PRIu64 " bytes in vain, %" PRIu64 " well",
            n->name, waste, n->good_bytes);
}

void invariants_vain(struct invariants *v, struct sim_node *const *nodes,
                     size_t count, uint32_t percent)
{
    uint64_t good = 0;
    uint64_t got = 0;

    for (size_t i = 0; i < count; i++) {
        good += nodes[i]->good_bytes;
        got += nodes[i]->got_bytes;
    }
    if (percent != 0 && got - good > good * percent / 100)
        invariants_fail(v, "T41",
                        "%" PRIu64 " bytes came in vain, %" PRIu64 " well",
                        got - good, good);
}
