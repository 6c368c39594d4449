#include "simulations/adversary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/msg.h"
#include "simulations/adversary_internal.h"
#include "simulations/describe.h"
#include "simulations/dice.h"
#include "simulations/mem.h"

#define RETURN_US UINT64_C(1000000)  /* until it visits again */
#define HASTE_US UINT64_C(50000)     /* the same for a fleet */
#define TRICKLE_US UINT64_C(1900000) /* a chunk, just before it is late */

const char *adversary_kind_name(enum adversary_kind kind)
{
    switch (kind) {
    case ADVERSARY_GARBAGE:
        return "garbage";
    case ADVERSARY_LIAR:
        return "liar";
    case ADVERSARY_SHIFTER:
        return "shifter";
    case ADVERSARY_STALLER:
        return "staller";
    case ADVERSARY_FLOODER:
        return "flooder";
    case ADVERSARY_MALFORMED:
        return "malformed";
    case ADVERSARY_FORGER:
        return "forger";
    case ADVERSARY_POISONER:
        return "poisoner";
    case ADVERSARY_TRICKLER:
        return "trickler";
    case ADVERSARY_REPLAYER:
        return "replayer";
    case ADVERSARY_FREEZER:
        return "freezer";
    case ADVERSARY_FLEET:
        return "fleet";
    case ADVERSARY_DOUBLE:
        return "double";
    case ADVERSARY_KIND_COUNT:
        break;
    }
    return "?";
}

bool adversary__over(const struct adversary *a)
{
    return world_now_us(a->env->world) >= a->cfg.until_us;
}

void adversary__send_raw(struct adversary *a, conn_no conn, const uint8_t *data,
                         size_t len)
{
    (void)sim_net_send(a->env->net, a->host, conn, data, len, false);
}

void adversary__send(struct adversary *a, conn_no conn, const struct msg *m)
{
    struct buf frame = BUF_INIT;

    if (msg_encode(m, &frame, NULL) == 0)
        adversary__send_raw(a, conn, frame.base, frame.len);
    buf_deinit(&frame);
}

/* ---- answers ----------------------------------------------------------------
 */

static void say_hello(struct adversary *a, conn_no conn)
{
    struct msg m = {.type = MSG_HELLO};

    m.u.hello.version = 1;
    m.u.hello.network.p = (const uint8_t *)COURSE_KIT_NETWORK;
    m.u.hello.network.len = strlen(COURSE_KIT_NETWORK);
    m.u.hello.listen_port = sim_net_port(a->env->net, a->host);
    m.u.hello.agent.p = (const uint8_t *)"sim";
    m.u.hello.agent.len = 3;
    adversary__send(a, conn, &m);
}

static const struct course_kit_edition *newest(const struct adversary *a)
{
    return &a->env->kit->editions[0];
}

static void answer_ask(struct adversary *a, conn_no conn, const struct msg *in)
{
    const struct course_kit *k = a->env->kit;
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.request = in->u.ask.request;
    if (course_id_eq(&in->u.ask.course, &k->course)) {
        m.u.records.list[0] = buf_span(&k->course_record);
        m.u.records.list[1] =
            a->cfg.kind == ADVERSARY_FORGER   ? buf_span(&a->forged)
            : a->cfg.kind == ADVERSARY_DOUBLE ? adversary__odd_record(a)
                                              : buf_span(&newest(a)->record);
        m.u.records.count = 2;
    }
    adversary__send(a, conn, &m);
}

void adversary__claim(struct adversary *a, conn_no conn,
                      const struct record_id *edition)
{
    const struct course_kit_edition *e = course_kit_find(a->env->kit, edition);
    struct msg m = {.type = MSG_HAVE};
    uint8_t bits[512];

    if (e == NULL)
        return;
    m.u.have.edition = *edition;
    m.u.have.slots = e->table.count;
    m.u.have.all = a->cfg.kind != ADVERSARY_SHIFTER;
    if (!m.u.have.all && e->table.count <= 8 * sizeof bits) {
        for (size_t i = 0; i < sizeof bits; i++)
            bits[i] = (uint8_t)rng_next(&a->rng);
        if (e->table.count % 8 != 0)
            bits[e->table.count / 8] &=
                (uint8_t)(0xff00u >> e->table.count % 8);
        m.u.have.windows[0] = (struct msg_window){0, e->table.count, bits};
        m.u.have.count = 1;
    }
    adversary__send(a, conn, &m);
}

static void answer_have(struct adversary *a, struct visit *v,
                        const struct msg *in)
{
    if ((v->claims != 0 && a->cfg.kind != ADVERSARY_SHIFTER) ||
        (a->cfg.kind == ADVERSARY_FREEZER &&
         !record_id_eq(&in->u.have.edition, &newest(a)->id)))
        return;
    if (v->claims++ < 64)
        adversary__claim(a, v->conn, &in->u.have.edition);
}

static void refuse(struct adversary *a, conn_no conn, uint32_t request,
                   uint32_t count)
{
    struct msg m = {.type = MSG_REFUSE};

    m.u.refuse.request = request;
    m.u.refuse.count = count;
    m.u.refuse.reason =
        rng_below(&a->rng, 4) == 0 ? REFUSE_BUSY : REFUSE_NOT_HERE;
    adversary__send(a, conn, &m);
}

static void send_chunk(struct adversary *a, conn_no conn, uint32_t request,
                       const uint8_t *bytes, uint32_t len, bool spoil)
{
    struct buf frame = BUF_INIT;
    uint8_t head[MSG_CHUNK_HEAD];

    msg_chunk_head(request, head);
    (void)buf_append(&frame, head, sizeof head);
    (void)buf_append(&frame, bytes, len);
    if (spoil)
        frame.base[sizeof head + rng_below(&a->rng, len)] ^=
            (uint8_t)(1u << rng_below(&a->rng, 8));
    (void)sim_net_send(a->env->net, a->host, conn, frame.base, frame.len, true);
    buf_deinit(&frame);
}

/* The next of what it owes; a connection that is gone takes its time, too. */
static void on_trickle(void *user, uint64_t arg)
{
    struct adversary *a = user;
    const struct owed *o;

    (void)arg;
    if (a->owed_done == a->owed_count)
        return;
    o = &a->owed[a->owed_done++];
    send_chunk(a, o->conn, o->request, o->edition->bytes[o->slot],
               o->edition->table.refs[o->slot].stored_len, false);
    if (a->owed_done != a->owed_count)
        world_after(a->env->world, TRICKLE_US, on_trickle, a, 0);
}

static void owe(struct adversary *a, conn_no conn,
                const struct course_kit_edition *e, uint32_t slot,
                uint32_t request)
{
    a->owed = mem_grow(a->owed, a->owed_count + 1, sizeof *a->owed);
    if (a->owed_done == a->owed_count)
        world_after(a->env->world, TRICKLE_US, on_trickle, a, 0);
    a->owed[a->owed_count++] = (struct owed){conn, e, slot, request};
}

static void answer_slot(struct adversary *a, conn_no conn,
                        const struct course_kit_edition *e, uint32_t slot,
                        uint32_t request)
{
    bool spoil = false;

    a->asked++;
    switch (a->cfg.kind) {
    case ADVERSARY_GARBAGE:
        spoil = a->asked % a->every == 0;
        break;
    case ADVERSARY_STALLER:
        if (a->asked > a->good_for)
            return;
        break;
    case ADVERSARY_LIAR:
        refuse(a, conn, request, 1);
        return;
    case ADVERSARY_TRICKLER:
        owe(a, conn, e, slot, request);
        return;
    case ADVERSARY_FLEET:
        spoil = true;
        break;
    case ADVERSARY_SHIFTER:
        if (rng_below(&a->rng, 2) == 0) {
            refuse(a, conn, request, 1);
            return;
        }
        break;
    case ADVERSARY_FLOODER:
    case ADVERSARY_MALFORMED:
    case ADVERSARY_FORGER:
    case ADVERSARY_POISONER:
    case ADVERSARY_REPLAYER:
    case ADVERSARY_FREEZER:
    case ADVERSARY_DOUBLE:
    case ADVERSARY_KIND_COUNT:
        break;
    }
    send_chunk(a, conn, request, e->bytes[slot], e->table.refs[slot].stored_len,
               spoil);
}

static void answer_want(struct adversary *a, conn_no conn, const struct msg *in)
{
    const struct course_kit_edition *e =
        course_kit_find(a->env->kit, &in->u.want.edition);

    if (e == NULL || (a->cfg.kind == ADVERSARY_FREEZER && e != newest(a))) {
        refuse(a, conn, in->u.want.request, (uint32_t)in->u.want.count);
        return;
    }
    for (size_t i = 0; i < in->u.want.count; i++)
        if (in->u.want.slots[i] < e->table.count)
            answer_slot(a, conn, e, in->u.want.slots[i],
                        in->u.want.request + (uint32_t)i);
}

/* ---- the network's reports --------------------------------------------------
 */

static struct visit *visit_of(struct adversary *a, conn_no conn)
{
    for (size_t i = 0; i < a->visit_count; i++)
        if (a->visits[i].conn == conn)
            return &a->visits[i];
    return NULL;
}

static void on_message(void *user, conn_no conn, const uint8_t *data,
                       size_t len)
{
    struct adversary *a = user;
    struct visit *v = visit_of(a, conn);
    char text[DESCRIBE_MAX];
    struct msg m;

    if (v == NULL)
        return;
    describe_frame(data, len, text);
    trace_line(a->env->trace, world_now_us(a->env->world), "%s > %s %s",
               v->name, a->name, text);
    if (a->cfg.kind == ADVERSARY_REPLAYER)
        adversary__hear(a, data, len);
    if (msg_decode(data, len, &m, NULL) != 0)
        return;
    switch (m.type) {
    case MSG_ASK:
        answer_ask(a, conn, &m);
        break;
    case MSG_HAVE:
        answer_have(a, v, &m);
        break;
    case MSG_WANT:
        answer_want(a, conn, &m);
        break;
    case MSG_HELLO:
    case MSG_RECORDS:
    case MSG_CHUNK:
    case MSG_REFUSE:
    case MSG_PEERS:
    case MSG_CANCEL:
    case MSG_UNSUPPORTED:
        break;
    }
}

static bool on_admit(void *user, const struct node_id *node)
{
    (void)user;
    (void)node;
    return true;
}

static void on_up(void *user, conn_no conn, const struct node_id *node,
                  bool outbound, enum core_road road, enum peer_scope scope,
                  const char *address)
{
    struct adversary *a = user;
    struct visit *v;

    (void)road;
    (void)scope;
    (void)address;
    a->visits = mem_grow(a->visits, a->visit_count + 1, sizeof *a->visits);
    v = &a->visits[a->visit_count++];
    *v = (struct visit){.conn = conn, .node = *node};
    (void)snprintf(v->name, sizeof v->name, "%s",
                   roster_name(a->env->roster, node));
    trace_line(a->env->trace, world_now_us(a->env->world), "%s %s %s up",
               a->name, outbound ? "->" : "<-", v->name);
    if (a->cfg.kind != ADVERSARY_MALFORMED || rng_below(&a->rng, 4) != 0)
        say_hello(a, conn);
    if (a->cfg.kind != ADVERSARY_FLOODER && a->cfg.kind != ADVERSARY_MALFORMED)
        adversary__claim(a, conn, &newest(a)->id);
}

/* Shut out or cut off: under another key it is somebody else. */
static void change_key(struct adversary *a)
{
    if (a->cfg.keys_max != 0 && a->keys >= a->cfg.keys_max)
        return;
    for (size_t i = 0; i < ID_BYTES; i++)
        a->key.b[i] = (uint8_t)rng_next(&a->rng);
    a->keys++;
    roster_add(a->env->roster, &a->key, a->name, false);
    sim_net_set_key(a->env->net, a->host, &a->key);
}

static void on_visit(void *user, uint64_t target)
{
    struct adversary *a = user;
    const struct sim_node *n = a->targets[target];

    if (adversary__over(a))
        return;
    for (size_t i = 0; i < a->visit_count; i++)
        if (node_id_eq(&a->visits[i].node, &n->key))
            return;
    sim_net_dial(a->env->net, a->host, &n->key,
                 sim_net_address(a->env->net, n->host), ROAD_EXPLICIT);
}

static void come_back(struct adversary *a, const struct node_id *node)
{
    uint64_t after_us = a->cfg.kind == ADVERSARY_FLEET ? HASTE_US : RETURN_US;

    for (size_t i = 0; i < a->target_count; i++)
        if (node_id_eq(&a->targets[i]->key, node))
            world_after(a->env->world, after_us, on_visit, a, i);
}

static void on_down(void *user, conn_no conn)
{
    struct adversary *a = user;
    struct visit *v = visit_of(a, conn);
    struct node_id node;

    if (v == NULL)
        return;
    node = v->node;
    *v = a->visits[--a->visit_count];
    if (a->cfg.rotates && !adversary__over(a))
        change_key(a);
    come_back(a, &node);
}

static void on_sent(void *user, conn_no conn, uint32_t bytes)
{
    (void)user;
    (void)conn;
    (void)bytes;
}

static void on_dial_failed(void *user, const struct node_id *node,
                           const char *address, bool refused)
{
    struct adversary *a = user;

    (void)address;
    if (refused && a->cfg.rotates && !adversary__over(a))
        change_key(a);
    come_back(a, node);
}

static const struct sim_net_events net_events = {
    on_admit, on_up, on_down, on_message, on_sent, on_dial_failed};

/* ---- life -------------------------------------------------------------------
 */

struct adversary *adversary_new(const struct sim_env *env, uint32_t index,
                                const struct adversary_config *cfg)
{
    struct adversary *a = mem_new(1, sizeof *a);

    a->env = env;
    a->cfg = *cfg;
    dice_init(&a->rng, cfg->rng_seed, 3);
    (void)snprintf(a->name, sizeof a->name, "x%02u", index);
    for (size_t i = 0; i < ID_BYTES; i++)
        a->key.b[i] = (uint8_t)rng_next(&a->rng);
    a->first_key = a->key;
    a->keys = 1;
    a->every = 1 + rng_below(&a->rng, 3);
    a->good_for = rng_below(&a->rng, 2) * rng_below(&a->rng, 32);
    a->host =
        sim_net_add(env->net, &a->key, &cfg->link, cfg->scope, &net_events, a);
    sim_net_set_up(env->net, a->host, false);
    roster_add(env->roster, &a->key, a->name, false);
    if (cfg->kind == ADVERSARY_FORGER)
        adversary__forge(a);
    return a;
}

void adversary_free(struct adversary *a)
{
    if (a == NULL)
        return;
    buf_deinit(&a->forged);
    adversary__forget(a);
    free(a->owed);
    free(a->visits);
    free(a->targets);
    free(a->mates);
    free(a);
}

void adversary_target(struct adversary *a, const struct sim_node *n)
{
    a->targets = mem_grow(a->targets, a->target_count + 1, sizeof *a->targets);
    a->targets[a->target_count++] = n;
}

const struct node_id *adversary_key(const struct adversary *a)
{
    return &a->first_key;
}

const char *adversary_address(const struct adversary *a)
{
    return sim_net_address(a->env->net, a->host);
}

size_t adversary_keys(const struct adversary *a)
{
    return a->keys;
}

static void on_over(void *user, uint64_t arg)
{
    struct adversary *a = user;

    (void)arg;
    sim_net_set_up(a->env->net, a->host, false);
    a->visit_count = 0;
    trace_line(a->env->trace, world_now_us(a->env->world), "%s goes", a->name);
}

void adversary_start(struct adversary *a)
{
    sim_net_set_up(a->env->net, a->host, true);
    trace_line(a->env->trace, world_now_us(a->env->world), "%s starts: %s",
               a->name, adversary_kind_name(a->cfg.kind));
    for (size_t i = 0; i < a->target_count; i++)
        world_after(a->env->world, rng_below(&a->rng, RETURN_US), on_visit, a,
                    i);
    if (a->cfg.until_us != UINT64_MAX)
        world_at(a->env->world, a->cfg.until_us, on_over, a, 0);
    adversary__attack(a);
    adversary__conspire(a);
}
