#include "simulations/sim_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/msg.h"
#include "simulations/describe.h"
#include "simulations/dice.h"
#include "simulations/invariants.h"
#include "simulations/mem.h"
#include "simulations/sim_node_internal.h"

#define WALL_MS UINT64_C(1760000000000) /* the world's 0 */
#define FLUSH_US UINT64_C(2000000)
#define START_TRIES 100
#define FETCH_AGAIN_US UINT64_C(1000000)

/* ---- steps ------------------------------------------------------------------
 */

/* Nanoseconds of its own clock in one of the world's milliseconds. */
static uint64_t pace(const struct sim_node *n)
{
    return (uint64_t)(1000000 + (int64_t)n->cfg.drift_ppm);
}

uint64_t sim_node__now_ms(const struct sim_node *n)
{
    return n->clock_ms + world_now_us(n->env->world) * pace(n) / 1000000000;
}

/* When its clock shows @ms. */
static uint64_t world_us(const struct sim_node *n, uint64_t ms)
{
    return ms <= n->clock_ms
               ? 0
               : ((ms - n->clock_ms) * 1000000000 + pace(n) - 1) / pace(n);
}

uint64_t sim_node__wall_ms(const struct sim_node *n)
{
    return (uint64_t)((int64_t)(WALL_MS + sim_node__now_ms(n)) +
                      n->wall_off_ms);
}

bool sim_node_frozen(const struct sim_node *n)
{
    return n->frozen_until_us > world_now_us(n->env->world);
}

static void on_timer(void *user, uint64_t at_us);
static void fetch(struct sim_node *n);

static void set_timer(struct sim_node *n)
{
    uint64_t due_ms = core_deadline_ms(n->core);
    uint64_t due_us;

    if (due_ms == UINT64_MAX)
        return;
    due_us = n->cfg.broken == SIM_BREAK_SPIN ? 0 : world_us(n, due_ms);
    if (due_us < world_now_us(n->env->world))
        due_us = world_now_us(n->env->world);
    if (due_us >= n->timer_us)
        return; /* one that comes first looks again */
    n->timer_us = due_us;
    world_at(n->env->world, due_us, on_timer, n, due_us);
}

/* What comes back to the queue, or is refused after all, was not begun. */
static void note_served(struct sim_node *n, const struct core_event *ev)
{
    struct sim_conn *c = sim_node__conn(n, ev->u.served.conn);

    if (c != NULL && ev->u.served.result != SERVE_OK &&
        ev->u.served.result != SERVE_GONE)
        c->begun--;
}

static void on_fetch(void *user, uint64_t life)
{
    struct sim_node *n = user;

    if (n->up && n->life == life)
        fetch(n);
}

static int step_core(struct sim_node *n, const struct core_event *ev,
                     struct core_effects *fx)
{
    int rc;

    sim_node__alloc_begin(n);
    rc = core_step(n->core, ev, fx, NULL);
    sim_node__alloc_end(n);
    return rc;
}

static void one_step(struct sim_node *n, struct core_event *ev)
{
    struct core_effects fx;

    ev->now_ms = sim_node__now_ms(n);
    ev->wall_ms = sim_node__wall_ms(n);
    if (step_core(n, ev, &fx) != 0) {
        if (ev->kind == EV_FETCH) { /* its user tries again */
            world_after(n->env->world, FETCH_AGAIN_US, on_fetch, n, n->life);
            return;
        }
        invariants_fail(n->env->invariants, "core", "%s: a step failed",
                        n->name);
        return;
    }
    if (ev->kind == EV_SERVED)
        note_served(n, ev);
    for (size_t i = 0; i < fx.count && !n->dying; i++) {
        sim_node__carry_out(n, &fx.list[i]);
        n->dying = n->effects_left != 0 && --n->effects_left == 0;
    }
    if (!n->dying)
        invariants_step(n->env->invariants, n);
}

void sim_node__step(struct sim_node *n, struct core_event *ev)
{
    if (!n->up)
        return;
    one_step(n, ev);
    for (size_t i = 0; i < n->queue_count && !n->dying; i++) {
        struct core_event next = n->queue[i]; /* the queue may move */

        one_step(n, &next);
    }
    n->queue_count = 0;
    if (n->dying) {
        sim_node_crash(n);
        n->died(n->died_user, n);
        return;
    }
    set_timer(n);
}

void sim_node__post(struct sim_node *n, const struct core_event *ev)
{
    if (n->queue_count == n->queue_cap) {
        n->queue_cap = n->queue_cap != 0 ? 2 * n->queue_cap : 16;
        n->queue = mem_grow(n->queue, n->queue_cap, sizeof *n->queue);
    }
    n->queue[n->queue_count++] = *ev;
}

static void on_timer(void *user, uint64_t at_us)
{
    struct sim_node *n = user;
    struct core_event ev = {.kind = EV_TIMEOUT};

    if (!n->up || at_us != n->timer_us)
        return;
    if (sim_node_frozen(n)) {
        n->timer_us = n->frozen_until_us;
        world_at(n->env->world, n->timer_us, on_timer, n, n->timer_us);
        return;
    }
    n->timer_us = UINT64_MAX;
    if (core_deadline_ms(n->core) <= sim_node__now_ms(n) ||
        n->cfg.broken == SIM_BREAK_SPIN)
        sim_node__step(n, &ev);
    else
        set_timer(n);
}

/* ---- what the network reports -----------------------------------------------
 */

struct sim_conn *sim_node__conn(struct sim_node *n, conn_no no)
{
    for (size_t i = 0; i < n->conn_count; i++)
        if (n->conns[i].no == no)
            return &n->conns[i];
    return NULL;
}

const struct sim_conn *sim_node_conn(const struct sim_node *n, conn_no no)
{
    for (size_t i = 0; i < n->conn_count; i++)
        if (n->conns[i].no == no)
            return &n->conns[i];
    return NULL;
}

static bool on_admit(void *user, const struct node_id *node)
{
    const struct sim_node *n = user;

    for (size_t i = 0; i < n->ban_count; i++)
        if (node_id_eq(&n->bans[i].node, node) &&
            n->bans[i].until_wall_ms > sim_node__wall_ms(n))
            return false;
    return true;
}

static void forge(struct sim_node *n, conn_no conn)
{
    static const uint8_t nonsense[] = {0x01, 0xff};
    struct core_event ev = {.kind = EV_MESSAGE};

    ev.u.message.conn = conn;
    ev.u.message.data = nonsense;
    ev.u.message.len = sizeof nonsense;
    sim_node__step(n, &ev);
}

static void on_up(void *user, conn_no conn, const struct node_id *node,
                  bool outbound, enum core_road road, enum peer_scope scope,
                  const char *address)
{
    struct sim_node *n = user;
    struct core_event ev = {.kind = EV_PEER_UP};
    struct sim_conn *c;

    n->conns = mem_grow(n->conns, n->conn_count + 1, sizeof *n->conns);
    c = &n->conns[n->conn_count++];
    *c = (struct sim_conn){.no = conn, .node = *node};
    c->moved_us = world_now_us(n->env->world);
    c->honest = roster_honest(n->env->roster, node);
    c->outbound = outbound;
    (void)snprintf(c->name, sizeof c->name, "%s",
                   roster_name(n->env->roster, node));
    trace_line(n->env->trace, world_now_us(n->env->world), "%s %s %s up",
               n->name, outbound ? "->" : "<-", c->name);
    ev.u.up.conn = conn;
    ev.u.up.node = *node;
    ev.u.up.outbound = outbound;
    ev.u.up.scope = scope;
    ev.u.up.road = road;
    ev.u.up.address = address;
    sim_node__step(n, &ev);
    if (n->cfg.broken == SIM_BREAK_FORGE && roster_honest(n->env->roster, node))
        forge(n, conn);
}

static void on_down(void *user, conn_no conn)
{
    struct sim_node *n = user;
    struct core_event ev = {.kind = EV_PEER_DOWN};
    const struct sim_conn *c = sim_node_conn(n, conn);

    if (c == NULL)
        return;
    trace_line(n->env->trace, world_now_us(n->env->world), "%s -- %s down",
               n->name, c->name);
    n->conns[c - n->conns] = n->conns[--n->conn_count];
    ev.u.down.conn = conn;
    sim_node__step(n, &ev);
}

static void count_chunk(struct sim_node *n, const struct sim_conn *from,
                        const uint8_t *data, size_t len)
{
    if (len <= MSG_CHUNK_HEAD || data[0] != MSG_CHUNK)
        return;
    n->got_bytes += len - MSG_CHUNK_HEAD;
    if (!from->honest)
        n->foe_got_bytes += len - MSG_CHUNK_HEAD;
}

static void on_message(void *user, conn_no conn, const uint8_t *data,
                       size_t len)
{
    struct sim_node *n = user;
    struct core_event ev = {.kind = EV_MESSAGE};
    struct sim_conn *c = sim_node__conn(n, conn);
    char text[DESCRIBE_MAX];

    if (c == NULL)
        return;
    describe_frame(data, len, text);
    trace_line(n->env->trace, world_now_us(n->env->world), "%s > %s %s",
               c->name, n->name, text);
    count_chunk(n, c, data, len);
    if ((len != 0 && sim_node__hear(n, c, data, len)) ||
        sim_node__listen(n, c, data, len))
        return;
    ev.u.message.conn = conn;
    ev.u.message.data = n->message = data;
    ev.u.message.len = n->message_len = len;
    sim_node__step(n, &ev);
    n->message = NULL;
}

static void on_sent(void *user, conn_no conn, uint32_t bytes)
{
    struct core_event ev = {.kind = EV_SENT};

    ev.u.sent.conn = conn;
    ev.u.sent.bytes = bytes;
    sim_node__step(user, &ev);
}

static void on_dial_failed(void *user, const struct node_id *node,
                           const char *address, bool refused)
{
    struct sim_node *n = user;
    struct core_event ev = {.kind = EV_DIAL_FAILED};

    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s cannot reach %s%s", n->name, address,
               refused ? " (refused)" : "");
    ev.u.dial_failed.node = *node;
    ev.u.dial_failed.refused = refused;
    (void)snprintf(ev.u.dial_failed.address, sizeof ev.u.dial_failed.address,
                   "%s", address);
    sim_node__step(n, &ev);
}

static const struct sim_net_events net_events = {
    on_admit, on_up, on_down, on_message, on_sent, on_dial_failed};

/* ---- life -------------------------------------------------------------------
 */

struct sim_node *sim_node_new(const struct sim_env *env, const char *name,
                              uint32_t index, const struct sim_node_config *cfg)
{
    struct sim_node *n = mem_new(1, sizeof *n);

    n->env = env;
    n->cfg = *cfg;
    dice_init(&n->rng, cfg->rng_seed, 2);
    (void)snprintf(n->name, sizeof n->name, "%s%02u", name, index);
    for (size_t i = 0; i < ID_BYTES; i++)
        n->key.b[i] = (uint8_t)rng_next(&n->rng);
    n->alloc_left = cfg->alloc_at - 1; /* 0: all go well */
    n->wall_off_ms = cfg->skew_ms;
    n->clock_ms = 1000 + rng_below(&n->rng, 1000000);
    n->disk = sim_disk_new();
    n->host =
        sim_net_add(env->net, &n->key, &cfg->link, cfg->scope, &net_events, n);
    sim_net_set_up(env->net, n->host, false);
    roster_add(env->roster, &n->key, n->name, true);
    return n;
}

static void lay_down(struct sim_node *n)
{
    sim_node__forget_ops(n);
    core_free(n->core);
    n->core = NULL;
    sim_node__release_all(n);
    n->up = false;
    n->life++;
    n->conn_count = 0;
    n->queue_count = 0;
    n->timer_us = UINT64_MAX;
    n->frozen_until_us = 0;
    n->effects_left = 0;
    n->dying = false;
}

void sim_node_free(struct sim_node *n)
{
    if (n == NULL)
        return;
    lay_down(n);
    sim_disk_free(n->disk);
    buf_deinit(&n->course_record);
    buf_deinit(&n->profile_record);
    buf_deinit(&n->revocation);
    for (size_t i = 0; i < n->edition_count; i++)
        buf_deinit(&n->editions[i].bytes);
    free(n->bans);
    free(n->conns);
    free(n->queue);
    free(n);
}

static void on_flush(void *user, uint64_t life)
{
    struct sim_node *n = user;

    if (!n->up || n->life != life)
        return;
    if (sim_node_frozen(n)) {
        world_at(n->env->world, n->frozen_until_us, on_flush, n, life);
        return;
    }
    sim_disk_flush(n->disk);
    world_after(n->env->world, FLUSH_US, on_flush, n, life);
}

static void fetch(struct sim_node *n)
{
    struct core_event ev = {.kind = EV_FETCH};

    ev.u.fetch.course = n->env->kit->course;
    sim_node__step(n, &ev);
}

static void mislead(struct sim_node *n)
{
    struct node_id nobody = {{1, 2, 3}};

    sim_node_hint(n, &nobody, "127.0.0.1:22", ROAD_EXCHANGE);
}

/* Without memory it does not start; whoever looks after it starts it again. */
static struct core *new_core(struct sim_node *n, const struct core_config *c)
{
    struct core *core = NULL;

    for (int tries = 0; core == NULL; tries++) {
        if (tries == START_TRIES)
            abort();
        sim_node__alloc_begin(n);
        core = core_new(c);
        sim_node__alloc_end(n);
    }
    return core;
}

void sim_node_start(struct sim_node *n)
{
    static uint64_t starts; /* a defect: it outlives the world */
    struct core_config c = {.self = n->key,
                            .network = COURSE_KIT_NETWORK,
                            .listen_port = sim_net_port(n->env->net, n->host),
                            .agent = "sim",
                            .limits = n->cfg.limits};

    for (size_t i = 0; i < 4; i++)
        c.rng_seed[i] = rng_next(&n->rng);
    if (n->cfg.broken == SIM_BREAK_DICE)
        c.rng_seed[1] += starts++;
    n->core = new_core(n, &c);
    n->up = true;
    n->life++;
    n->timer_us = UINT64_MAX;
    n->complete = false;
    n->followed = (struct record_id){{0}};
    if (n->cfg.broken == SIM_BREAK_BACK && n->current != NULL)
        n->current = &n->editions[0];
    sim_net_set_up(n->env->net, n->host, true);
    trace_line(n->env->trace, world_now_us(n->env->world), "%s starts",
               n->name);
    if (n->wants) { /* others store nothing */
        world_after(n->env->world, FLUSH_US, on_flush, n, n->life);
        fetch(n);
    }
    if (n->cfg.broken == SIM_BREAK_DIAL)
        mislead(n);
}

void sim_node_crash(struct sim_node *n)
{
    size_t lost;

    if (!n->up)
        return;
    lay_down(n);
    sim_net_freeze(n->env->net, n->host, 0);
    sim_net_set_up(n->env->net, n->host, false);
    lost = sim_disk_crash(n->disk, &n->rng);
    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s crashes, %zu chunks are lost", n->name, lost);
}

void sim_node_crash_at(struct sim_node *n, uint32_t effects)
{
    n->effects_left = effects;
}

void sim_node_freeze(struct sim_node *n, uint64_t until_us)
{
    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s stands still for %u ms", n->name,
               (unsigned)((until_us - world_now_us(n->env->world)) / 1000));
    n->frozen_until_us = until_us;
    sim_net_freeze(n->env->net, n->host, until_us);
}

void sim_node_set_clock(struct sim_node *n, int64_t by_ms)
{
    n->wall_off_ms += by_ms;
    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s: the wall clock jumps by %d days", n->name,
               (int)(by_ms / 86400000));
}

void sim_node_seed(struct sim_node *n, const struct course_kit_edition *e)
{
    const struct course_kit *k = n->env->kit;
    struct core_event ev = {.kind = EV_NEW_EDITION};

    (void)sim_node__put_record(n, buf_span(&k->course_record));
    (void)sim_node__put_record(n, buf_span(&k->profile_record));
    (void)sim_node__put_record(n, buf_span(&e->record));
    for (uint32_t i = 0; i < e->table.count; i++)
        sim_disk_put(n->disk, &e->table.refs[i].id, e->bytes[i],
                     e->table.refs[i].stored_len, world_now_us(n->env->world));
    sim_disk_flush(n->disk);
    if (!n->up)
        return;
    trace_line(n->env->trace, world_now_us(n->env->world), "%s publishes",
               n->name);
    ev.u.new_edition.course = k->course;
    sim_node__step(n, &ev);
}

void sim_node_hint(struct sim_node *n, const struct node_id *node,
                   const char *address, enum core_road road)
{
    struct core_event ev = {.kind = EV_HINT};

    ev.u.hint.node = *node;
    ev.u.hint.road = n->cfg.broken == SIM_BREAK_UNPIN ? ROAD_LAST_SEEN : road;
    ev.u.hint.scope = n->cfg.scope;
    ev.u.hint.has_course = true;
    ev.u.hint.course = n->env->kit->course;
    (void)snprintf(ev.u.hint.address, sizeof ev.u.hint.address, "%s", address);
    sim_node__step(n, &ev);
}

uint32_t sim_node_holds(const struct sim_node *n,
                        const struct course_kit_edition *e)
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < e->table.count; i++) {
        const struct chunk_ref *ref = &e->table.refs[i];
        struct span s = sim_disk_get(n->disk, &ref->id);

        held += s.p != NULL && s.len == ref->stored_len &&
                (memcmp(s.p, e->bytes[i], s.len) == 0 ||
                 sim_disk_rotten(n->disk, &ref->id));
    }
    return held;
}
