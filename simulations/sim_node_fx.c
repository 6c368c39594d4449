/* sim_node_fx: what the core asks for, done on the virtual disk and network. */
#include "simulations/sim_node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "node/wire/msg.h"
#include "simulations/describe.h"
#include "simulations/invariants.h"
#include "simulations/mem.h"

enum op_kind {
    OP_STORE,
    OP_RECORDS,
    OP_COURSE,
    OP_EDITION, /* the current one of the course */
    OP_MANIFEST,
};

struct sim_op {
    struct sim_op *next;
    uint64_t no;
    enum op_kind kind;
    uint64_t token;
    struct course_id course;
    struct record_id edition;
    conn_no conn;
    swarm_no swarm;
    uint32_t slot;
    struct chunk_ref ref;
    struct buf bytes;
    bool honest; /* came from one who is */
    struct buf *records;
    size_t record_count;
};

#define SAY(n, ...)                                                            \
    trace_line((n)->env->trace, world_now_us((n)->env->world), __VA_ARGS__)

/* ---- what takes time --------------------------------------------------------
 */

static void op_free(struct sim_op *op)
{
    buf_deinit(&op->bytes);
    for (size_t i = 0; i < op->record_count; i++)
        buf_deinit(&op->records[i]);
    free(op->records);
    free(op);
}

void sim_node__forget_ops(struct sim_node *n)
{
    while (n->ops != NULL) {
        struct sim_op *op = n->ops;

        n->ops = op->next;
        op_free(op);
    }
    n->storing_bytes = 0;
}

static struct sim_op *op_take(struct sim_node *n, uint64_t no)
{
    struct sim_op **at = &n->ops;
    struct sim_op *op;

    while (*at != NULL && (*at)->no != no)
        at = &(*at)->next;
    op = *at;
    if (op != NULL)
        *at = op->next;
    return op;
}

static bool stumbles(struct sim_node *n)
{
    uint64_t now = world_now_us(n->env->world);

    return (now >= n->cfg.full_us && now < n->cfg.room_us) ||
           (now < n->cfg.faults_until_us &&
            rng_below(&n->rng, 1000) < n->cfg.store_fail_permille);
}

static enum store_result store(struct sim_node *n, const struct sim_op *op)
{
    struct span bytes = buf_span(&op->bytes);
    struct chunk_id id = digest_chunk(bytes.p, bytes.len);

    if (!chunk_id_eq(&id, &op->ref.id) && n->cfg.broken != SIM_BREAK_DIGEST) {
        n->bad_chunks++;
        n->bad_bytes += bytes.len;
        return n->cfg.broken == SIM_BREAK_FORGIVE ? STORE_FAILED : STORE_BAD;
    }
    if (stumbles(n)) {
        n->has_failed = true;
        return STORE_FAILED;
    }
    if (n->cfg.broken == SIM_BREAK_ACK && op->slot > 8)
        return STORE_OK;
    invariants_stored(n->env->invariants, n, &op->edition, op->slot, bytes);
    sim_disk_put(n->disk, &op->ref.id, bytes.p, bytes.len,
                 world_now_us(n->env->world));
    n->good_chunks++;
    n->good_bytes += bytes.len;
    n->foe_good_bytes += op->honest ? 0 : bytes.len;
    if (n->changed != NULL)
        n->changed(n->changed_user, n, op->slot);
    if (n->cfg.broken == SIM_BREAK_AGAIN && n->good_chunks % 4 == 0)
        return STORE_FAILED; /* it is there, and nobody is told */
    return STORE_OK;
}

static void end_store(struct sim_node *n, struct sim_op *op)
{
    static const char *const words[] = {"ok", "BAD", "FAILED"};
    struct core_event ev = {.kind = EV_STORED};

    n->storing_bytes -= op->bytes.len;
    if ((n->cfg.broken == SIM_BREAK_STORE && op->slot % 3 == 0) ||
        (n->cfg.broken == SIM_BREAK_GIVE_UP && n->has_failed))
        return;
    ev.u.stored.conn = op->conn;
    ev.u.stored.swarm = op->swarm;
    ev.u.stored.slot = op->slot;
    ev.u.stored.result = store(n, op);
    SAY(n, "%s stored slot=%u %s", n->name, op->slot,
        words[ev.u.stored.result]);
    sim_node__step(n, &ev);
}

static void end_records(struct sim_node *n, const struct sim_op *op)
{
    struct core_event ev = {.kind = EV_RECORDS_STORED};

    ev.u.records_stored.token = op->token;
    ev.u.records_stored.ok = true;
    for (size_t i = 0; i < op->record_count; i++)
        ev.u.records_stored.ok &=
            sim_node__put_record(n, buf_span(&op->records[i]));
    sim_node__step(n, &ev);
}

static void end_course(struct sim_node *n, const struct sim_op *op)
{
    struct core_event ev = {.kind = EV_COURSE};

    ev.u.course.token = op->token;
    ev.u.course.course = op->course;
    if (course_id_eq(&op->course, &n->env->kit->course) &&
        n->course_record.len != 0) {
        ev.u.course.found = true;
        ev.u.course.course_record = n->course_record.base;
        ev.u.course.course_record_len = n->course_record.len;
        ev.u.course.profile_record = n->profile_record.base;
        ev.u.course.profile_record_len = n->profile_record.len;
        if (n->current != NULL) {
            ev.u.course.edition_record = n->current->bytes.base;
            ev.u.course.edition_record_len = n->current->bytes.len;
        }
        if (n->revocation.len != 0)
            ev.u.course.revocations[ev.u.course.revocation_count++] =
                buf_span(&n->revocation);
    }
    sim_node__step(n, &ev);
}

static void end_edition(struct sim_node *n, const struct sim_op *op)
{
    struct core_event ev = {.kind = EV_EDITION};
    struct sim_loaded loaded = {0};

    if (op->kind == OP_MANIFEST)
        sim_node__load(n, &op->edition, &loaded);
    else if (n->current != NULL &&
             course_id_eq(&op->course, &n->env->kit->course))
        sim_node__load(n, &n->current->id, &loaded);
    ev.u.edition.token = op->token;
    ev.u.edition.found = loaded.found;
    ev.u.edition.bad_manifest = loaded.bad_manifest;
    ev.u.edition.failed = loaded.failed;
    ev.u.edition.edition = loaded.edition;
    sim_node__step(n, &ev);
    free(loaded.have);
}

static void on_op(void *user, uint64_t no)
{
    struct sim_node *n = user;
    struct sim_op *op;

    if (n->up && sim_node_frozen(n)) {
        world_at(n->env->world, n->frozen_until_us, on_op, n, no);
        return;
    }
    op = op_take(n, no);

    if (op == NULL)
        return; /* a crash came first */
    switch (op->kind) {
    case OP_STORE:
        end_store(n, op);
        break;
    case OP_RECORDS:
        end_records(n, op);
        break;
    case OP_COURSE:
        end_course(n, op);
        break;
    case OP_EDITION:
    case OP_MANIFEST:
        end_edition(n, op);
        break;
    }
    op_free(op);
}

static struct sim_op *op_new(struct sim_node *n, enum op_kind kind,
                             uint32_t at_most_us)
{
    struct sim_op *op = mem_new(1, sizeof *op);

    op->no = ++n->op_numbers;
    op->kind = kind;
    op->next = n->ops;
    n->ops = op;
    world_after(n->env->world, 50 + rng_below(&n->rng, at_most_us + 1), on_op,
                n, op->no);
    return op;
}

/* ---- effects ----------------------------------------------------------------
 */

static void post_served(struct sim_node *n, const struct core_effect *fx,
                        enum serve_result result, size_t bytes)
{
    struct core_event ev = {.kind = EV_SERVED};

    ev.u.served.conn = fx->u.serve.conn;
    ev.u.served.swarm = fx->u.serve.swarm;
    ev.u.served.slot = fx->u.serve.slot;
    ev.u.served.request = fx->u.serve.request;
    ev.u.served.bytes = (uint32_t)bytes;
    ev.u.served.result = result;
    sim_node__post(n, &ev);
    if (result == SERVE_OK && n->cfg.broken == SIM_BREAK_SENT) {
        ev = (struct core_event){.kind = EV_SENT};
        ev.u.sent.conn = fx->u.serve.conn;
        ev.u.sent.bytes = (uint32_t)bytes;
        sim_node__post(n, &ev);
    }
}

static void serve(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_holding *h = sim_node__holding(n, fx->u.serve.swarm);
    const struct chunk_ref *ref =
        h != NULL ? sim_node__ref(h, fx->u.serve.slot) : NULL;
    struct span stored = {NULL, 0};
    struct buf frame = BUF_INIT;
    uint8_t head[MSG_CHUNK_HEAD];
    int rc;

    if (ref != NULL)
        stored = sim_node__read(n, &ref->id);
    if (stored.p == NULL) {
        post_served(n, fx, SERVE_MISSING, 0);
        return;
    }
    if (n->cfg.broken != SIM_BREAK_SENT &&
        sim_net_queued(n->env->net, fx->u.serve.conn) >=
            n->cfg.transport_bytes) {
        post_served(n, fx, SERVE_AGAIN, 0);
        return;
    }
    msg_chunk_head(fx->u.serve.request, head);
    (void)buf_append(&frame, head, sizeof head);
    (void)buf_append(&frame, stored.p, stored.len);
    rc = sim_net_send(n->env->net, n->host, fx->u.serve.conn, frame.base,
                      frame.len, true);
    post_served(n, fx, rc == 0 ? SERVE_OK : SERVE_GONE,
                rc == 0 ? frame.len : 0);
    buf_deinit(&frame);
}

static void take_chunk(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_holding *h = sim_node__holding(n, fx->u.store.swarm);
    const struct chunk_ref *ref =
        h != NULL ? sim_node__ref(h, fx->u.store.slot) : NULL;
    struct sim_op *op;

    if (ref == NULL || n->message == NULL ||
        fx->u.store.body_offset > n->message_len) {
        invariants_fail(n->env->invariants, "core",
                        "%s: asks to store what is not there", n->name);
        return;
    }
    invariants_fetched(n->env->invariants, n, &ref->id);
    op = op_new(n, OP_STORE, n->cfg.store_us);
    op->conn = fx->u.store.conn;
    op->swarm = fx->u.store.swarm;
    op->slot = fx->u.store.slot;
    op->ref = *ref;
    op->edition = h->edition;
    op->honest = sim_node_conn(n, op->conn)->honest;
    (void)buf_append(&op->bytes, n->message + fx->u.store.body_offset,
                     n->message_len - fx->u.store.body_offset);
    n->storing_bytes += op->bytes.len;
}

static void store_records(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_op *op = op_new(n, OP_RECORDS, n->cfg.store_us);

    op->token = fx->u.store_records.token;
    op->record_count = fx->u.store_records.count;
    op->records = mem_new(op->record_count, sizeof *op->records);
    for (size_t i = 0; i < op->record_count; i++)
        (void)buf_append(&op->records[i], fx->u.store_records.records[i].p,
                         fx->u.store_records.records[i].len);
}

static void ban(struct sim_node *n, const struct core_effect *fx)
{
    SAY(n, "%s bans %s: %s", n->name,
        roster_name(n->env->roster, &fx->u.ban.node), fx->u.ban.why);
    invariants_ban(n->env->invariants, n, &fx->u.ban.node, fx->u.ban.why);
    n->bans = mem_grow(n->bans, n->ban_count + 1, sizeof *n->bans);
    n->bans[n->ban_count++] =
        (struct sim_ban){fx->u.ban.node, fx->u.ban.until_wall_ms};
}

static void notice(struct sim_node *n, const struct core_effect *fx)
{
    struct core_event stop = {.kind = EV_STOP_FETCH};

    if (fx->u.notify.notice == NOTICE_PROGRESS)
        return;
    SAY(n, "%s notes: %s", n->name, describe_notice(fx->u.notify.notice));
    if (fx->u.notify.notice != NOTICE_COMPLETE)
        return;
    n->complete =
        core_swarm_edition(n->core, fx->u.notify.swarm, &n->complete_edition);
    invariants_complete(n->env->invariants, n);
    if (!n->cfg.stops_when_complete)
        return;
    stop.u.stop_fetch.course = fx->u.notify.course;
    sim_node__post(n, &stop);
}

/* ---- for L7 -----------------------------------------------------------------
 */

static void note_begun(struct sim_node *n, conn_no conn)
{
    struct sim_conn *c = sim_node__conn(n, conn);

    if (c == NULL)
        return;
    c->begun++;
    c->moved_us = world_now_us(n->env->world);
}

static void note_refusal(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_conn *c = sim_node__conn(n, fx->u.send.conn);
    struct msg m;

    if (c == NULL || fx->u.send.data[0] != MSG_REFUSE ||
        msg_decode(fx->u.send.data, fx->u.send.len, &m, NULL) != 0)
        return;
    c->refused += m.u.refuse.count;
    c->moved_us = world_now_us(n->env->world);
}

static void note_drop(struct sim_node *n, conn_no conn)
{
    struct sim_conn *c = sim_node__conn(n, conn);

    if (c != NULL)
        c->dropped = true;
}

static void say(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_conn *to = sim_node__conn(n, fx->u.send.conn);

    if (to != NULL)
        sim_node__say(n, to, fx->u.send.data, fx->u.send.len);
}

static void dial(struct sim_node *n, const struct core_effect *fx)
{
    if (n->cfg.broken == SIM_BREAK_REST && n->current != NULL)
        return;
    SAY(n, "%s dials %s", n->name, fx->u.dial.address);
    invariants_dial(n->env->invariants, n, fx->u.dial.address, fx->u.dial.road);
    sim_net_dial(n->env->net, n->host, &fx->u.dial.node, fx->u.dial.address,
                 fx->u.dial.road);
}

void sim_node__carry_out(struct sim_node *n, const struct core_effect *fx)
{
    struct sim_op *op;

    switch (fx->kind) {
    case FX_SEND:
        note_refusal(n, fx);
        say(n, fx);
        break;
    case FX_SERVE:
        note_begun(n, fx->u.serve.conn);
        serve(n, fx);
        break;
    case FX_STORE:
        take_chunk(n, fx);
        break;
    case FX_STORE_RECORDS:
        store_records(n, fx);
        break;
    case FX_LOAD_COURSE:
        op = op_new(n, OP_COURSE, n->cfg.load_us);
        op->token = fx->u.load_course.token;
        op->course = fx->u.load_course.course;
        break;
    case FX_LOAD_EDITION:
        op = op_new(n, OP_EDITION, n->cfg.load_us);
        op->token = fx->u.load_edition.token;
        op->course = fx->u.load_edition.course;
        break;
    case FX_LOAD_MANIFEST:
        op = op_new(n, OP_MANIFEST, n->cfg.load_us);
        op->token = fx->u.load_manifest.token;
        op->edition = fx->u.load_manifest.edition;
        break;
    case FX_RELEASE:
        sim_node__release(n, &fx->u.release.edition);
        break;
    case FX_DIAL:
        dial(n, fx);
        break;
    case FX_DROP:
        note_drop(n, fx->u.drop.conn);
        sim_net_drop(n->env->net, n->host, fx->u.drop.conn);
        break;
    case FX_BAN:
        ban(n, fx);
        break;
    case FX_ADDRESS_WORKED:
        break; /* hints are given anew at each start */
    case FX_NOTIFY:
        notice(n, fx);
        break;
    }
}
