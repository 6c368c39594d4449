#include "node/driver/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "node/driver/clock.h"
#include "storage/home.h"
#include "storage/keyfile.h"

#define FLUSH_CHECK_MS 1000
#define AWAKE_STEP_MS (2 * FLUSH_CHECK_MS)

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- events in, effects out ---------------------------------------------- */

/* The core's: it knows what others have to answer by when. */
static uint64_t core_now_ms(struct node *n)
{
    return awake_ms(&n->awake, now_ms());
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct node *n)
{
    uint64_t due = core_deadline_ms(n->core);
    uint64_t now = core_now_ms(n);

    if (n->closing || due == n->timer_due_ms)
        return;
    n->timer_due_ms = due;
    if (due == UINT64_MAX)
        (void)uv_timer_stop(&n->timer);
    else
        (void)uv_timer_start(&n->timer, on_timer, due > now ? due - now : 0, 0);
}

static void carry_out(struct node *n)
{
    n->stepping = true;
    for (size_t i = 0; i < n->fx.count; i++) {
        struct core_effect fx = n->fx.list[i]; /* the list may move */

        node__carry_out(n, &fx);
    }
    n->fx.count = 0;
    n->stepping = false;
}

/* What comes of an effect while others wait for their turn is told all the
 * same, and what the core asks for then waits behind them: an event that had to
 * be kept could be lost for want of memory. */
void node__post(struct node *n, struct core_event *ev)
{
    bool amid = n->stepping;
    int rc;

    if (n->closing)
        return;
    ev->now_ms = core_now_ms(n);
    ev->wall_ms = wall_clock_ms();
    rc = (amid ? core_step_amid : core_step)(n->core, ev, &n->fx, NULL);
    if (rc != 0)
        fetch__no_memory(n, &ev->u.fetch.course); /* an EV_FETCH */
    if (amid)
        return;
    carry_out(n);
    arm_timer(n);
}

static void on_timer(uv_timer_t *timer)
{
    struct node *n = timer->data;

    n->timer_due_ms = UINT64_MAX;
    node__post(n, &(struct core_event){.kind = EV_TIMEOUT});
}

void node__log(struct node *n, enum node_log_level level, const char *event,
               const char *const *facts)
{
    if (n->log != NULL)
        n->log(n->log_user, level, event, facts);
}

/* ---- the transport's callbacks --------------------------------------------
 */

static enum core_road road_of(bool outbound)
{
    return outbound ? ROAD_EXPLICIT : ROAD_INBOUND;
}

static void on_up(void *user, conn_no conn, const struct node_id *node,
                  bool outbound, enum peer_scope scope, const char *address)
{
    struct core_event ev = {.kind = EV_PEER_UP};
    struct node *n = user;

    ev.u.up.conn = conn;
    ev.u.up.node = *node;
    ev.u.up.outbound = outbound;
    ev.u.up.scope = scope;
    ev.u.up.road = road_of(outbound);
    ev.u.up.address = address;
    if (n->closing)
        return;
    node__log(n, NODE_INFO, "peer.up",
              (const char *const[]){"node", node_id_hex(node).s, "address",
                                    address, "direction",
                                    outbound ? "out" : "in", NULL});
    node__post(n, &ev);
}

static void on_down(void *user, conn_no conn)
{
    struct node *n = user;
    struct core_event ev = {.kind = EV_PEER_DOWN};

    ev.u.down.conn = conn;
    node__post(n, &ev);
}

static void on_message(void *user, conn_no conn, zmq_msg_t *msg)
{
    struct core_event ev = {.kind = EV_MESSAGE};
    struct node *n = user;

    if (n->closing)
        return;
    ev.u.message.conn = conn;
    ev.u.message.data = zmq_msg_data(msg);
    ev.u.message.len = zmq_msg_size(msg);
    n->message = msg;
    node__post(n, &ev);
    n->message = NULL;
}

static void on_sent(void *user, conn_no conn, uint32_t bytes)
{
    struct core_event ev = {.kind = EV_SENT};
    struct node *n = user;

    if (n->closing)
        return;
    ev.u.sent.conn = conn;
    ev.u.sent.bytes = bytes;
    node__post(n, &ev);
}

static void on_dial_failed(void *user, const struct node_id *node,
                           const char *address, bool refused)
{
    struct node *n = user;
    struct core_event ev = {.kind = EV_DIAL_FAILED};

    node__log(n, NODE_DEBUG, "dial.failed",
              (const char *const[]){"node", node_id_hex(node).s, "address",
                                    address, "refused", refused ? "yes" : "no",
                                    NULL});
    ev.u.dial_failed.node = *node;
    (void)snprintf(ev.u.dial_failed.address, CORE_ADDRESS_MAX, "%s", address);
    ev.u.dial_failed.refused = refused;
    node__post(n, &ev);
}

static uint64_t on_owed(void *user, conn_no conn)
{
    struct node *n = user;

    return n->core != NULL ? core_owed_bytes(n->core, conn) : 0;
}

/* ---- background flush ------------------------------------------------------
 */

static void flush_work(void *user)
{
    struct node *n = user;

    n->flush_err = (struct err)ERR_INIT;
    (void)store_flush(n->store, now_ms(), &n->flush_err); /* marks stay */
}

static void flush_done(void *user)
{
    struct node *n = user;

    n->flushing = false;
    if (n->flush_err.code != 0)
        node__log(n, NODE_WARN, "disk.sync_failed",
                  (const char *const[]){"why", n->flush_err.text, NULL});
}

/* Before the loop sleeps: what this turn has received goes to the workers
 * together. */
static void on_turn(uv_prepare_t *turn)
{
    intake__start(turn->data);
}

static void on_flush_timer(uv_timer_t *timer)
{
    struct node *n = timer->data;

    (void)core_now_ms(n); /* awake, and with nothing else to do */
    if (n->flushing || n->closing || !store_flush_due(n->store, now_ms()))
        return;
    n->flushing = node_work(n, flush_work, flush_done, n) == 0;
}

/* ---- work on the pool -------------------------------------------------------
 */

struct work {
    uv_work_t req;
    struct node *n;
    void (*work)(void *user);
    void (*done)(void *user);
    void *user;
};

static void run_work(uv_work_t *req)
{
    struct work *w = req->data;

    w->work(w->user);
}

static void end_work(uv_work_t *req, int status)
{
    struct work *w = req->data;
    struct node *n = w->n;

    (void)status;
    n->works--;
    if (w->done != NULL)
        w->done(w->user);
    free(w);
    node__try_finish_close(n);
}

int node_work(struct node *n, void (*work)(void *user),
              void (*done)(void *user), void *user)
{
    struct work *w = calloc(1, sizeof *w);

    if (w == NULL)
        return ERR_NOMEM;
    w->req.data = w;
    w->n = n;
    w->work = work;
    w->done = done;
    w->user = user;
    if (uv_queue_work(n->loop, &w->req, run_work, end_work) != 0) {
        free(w);
        return ERR_NOMEM;
    }
    n->works++;
    return 0;
}

/* ---- open and close ---------------------------------------------------------
 */

static int open_core(struct node *n, struct err *e)
{
    struct core_config config = {0};

    config.self = n->self;
    randombytes_buf(config.rng_seed, sizeof config.rng_seed);
    config.network = n->network;
    config.agent = "lyceum";
    core_limits_default(&config.limits);
    n->core = core_new(&config);
    return n->core != NULL ? 0 : err_set(e, ERR_NOMEM, "core");
}

static int open_keepers(struct node *n, struct err *e)
{
    int rc = keyfile_node_load(n->home, n->secret_key, &n->self, e);

    if (rc == 0)
        rc = store_open(n->home, NULL, &n->store, e);
    if (rc == 0)
        rc = catalog_open(n->home, n->store, n->network, &n->catalog, e);
    if (rc == 0)
        rc = journal_open(n->home, "roots", &n->roots, e);
    if (rc == 0)
        rc = journal_open(n->home, "choices", &n->choices, e);
    return rc;
}

static void free_node(struct node *n)
{
    core_free(n->core); /* it borrows the chunk tables of the holdings */
    holding__free_all(n);
    intake__deinit(n);
    journal_close(n->choices);
    journal_close(n->roots);
    catalog_close(n->catalog);
    store_close(n->store);
    sodium_memzero(n->secret_key, sizeof n->secret_key);
    free(n->listen);
    free(n->network);
    free(n->home);
    free(n);
}

int node_open(uv_loop_t *loop, const struct node_config *config,
              struct node **out, struct err *e)
{
    struct node *n = calloc(1, sizeof *n);
    int rc = transport_check_means(e);

    if (rc == 0 && n == NULL)
        rc = err_set(e, ERR_NOMEM, "node");
    if (rc != 0) {
        free(n);
        return rc;
    }
    n->loop = loop;
    n->home = strdup(config->home);
    n->network = strdup(config->network ? config->network : "main");
    n->listen = config->listen ? strdup(config->listen) : NULL;
    n->offline = config->offline;
    n->quota_bytes = config->quota_bytes;
    n->log = config->log;
    n->log_user = config->log_user;
    n->start_ms = now_ms();
    n->awake.step_ms = AWAKE_STEP_MS;
    n->timer_due_ms = UINT64_MAX;
    rc = n->home != NULL && n->network != NULL ? 0 : ERR_NOMEM;
    if (rc == 0)
        rc = open_keepers(n, e);
    if (rc == 0)
        rc = open_core(n, e);
    if (rc == 0)
        rc = intake__init(n);
    if (rc != 0) {
        err_wrap(e, "open home '%s'", config->home);
        free_node(n);
        return rc;
    }
    readopt__folders(n);
    (void)uv_timer_init(loop, &n->timer);
    (void)uv_timer_init(loop, &n->flush_timer);
    (void)uv_prepare_init(loop, &n->turn);
    n->timer.data = n->flush_timer.data = n->turn.data = n;
    n->open_handles = 3;
    (void)uv_prepare_start(&n->turn, on_turn);
    uv_unref((uv_handle_t *)&n->turn);
    (void)uv_timer_start(&n->flush_timer, on_flush_timer, FLUSH_CHECK_MS,
                         FLUSH_CHECK_MS);
    uv_unref((uv_handle_t *)&n->flush_timer);
    *out = n;
    return 0;
}

static void on_transport_closed(void *user)
{
    struct node *n = user;

    n->transport_closed = true;
    node__try_finish_close(n);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct node *n = handle->data;

    n->open_handles--;
    node__try_finish_close(n);
}

/* The last of transport, handles and pool work to end frees the node. */
void node__try_finish_close(struct node *n)
{
    void (*closed)(void *) = n->closed;
    void *user = n->closed_user;

    if (!n->closing || !n->transport_closed || n->open_handles != 0 ||
        n->works != 0)
        return;
    free_node(n);
    if (closed != NULL)
        closed(user);
}

void node_close(struct node *n, void (*closed)(void *user), void *user)
{
    reader__end_all(n);
    fetch__end_all(n);
    n->closing = true;
    n->closed = closed;
    n->closed_user = user;
    uv_close((uv_handle_t *)&n->timer, on_handle_closed);
    uv_close((uv_handle_t *)&n->flush_timer, on_handle_closed);
    uv_close((uv_handle_t *)&n->turn, on_handle_closed);
    if (n->transport != NULL)
        transport_close(n->transport, on_transport_closed);
    else
        n->transport_closed = true;
    n->transport = NULL;
}

/* ---- going online
 * ------------------------------------------------------------ */

static int parse_node_hex(const char *text, struct node_id *out)
{
    return hex_decode(text, strlen(text), out->b, sizeof out->b);
}

static void hint_seen(void *user, const char *key, const char *const *values,
                      size_t count)
{
    struct node *n = user;
    struct node_id id;

    if (count >= 1 && parse_node_hex(key, &id) == 0)
        node_hint(n, &id, values[0], ROAD_LAST_SEEN, NULL);
}

static void hint_peer(void *user, const char *key, const char *const *values,
                      size_t count)
{
    struct node *n = user;
    struct node_id id;

    if (count >= 1 && parse_node_hex(key, &id) == 0)
        node_hint(n, &id, values[0], ROAD_EXPLICIT, NULL);
}

static void refuse_blocked(void *user, const char *key,
                           const char *const *values, size_t count)
{
    struct core_event ev = {.kind = EV_BLOCK};
    struct node *n = user;
    struct node_id id;
    uint64_t until;

    if (count < 1 || parse_node_hex(key, &id) != 0)
        return;
    until = strtoull(values[0], NULL, 10);
    transport_refuse(n->transport, &id, until);
    ev.u.block.node = id;
    ev.u.block.until_wall_ms = until;
    node__post(n, &ev);
}

static bool is_over(void *user, const char *const *values, size_t count)
{
    return count >= 1 && strtoull(values[0], NULL, 10) <= *(uint64_t *)user;
}

void node__forget_old_bans(struct node *n)
{
    uint64_t now = wall_clock_ms();

    (void)journal_prune(n->choices, "block", is_over, &now, NULL);
}

int node_online(struct node *n, struct err *e)
{
    static const struct transport_events events = {
        .up = on_up,
        .down = on_down,
        .message = on_message,
        .sent = on_sent,
        .dial_failed = on_dial_failed,
        .owed = on_owed,
    };
    struct transport_config config = {0};
    const char *port;
    int rc;

    if (n->transport != NULL || n->offline)
        return 0;
    memcpy(config.secret_key, n->secret_key, sizeof config.secret_key);
    config.node = n->self;
    config.listen = n->listen;
    rc = transport_open(n->loop, &config, &events, n, &n->transport, e);
    sodium_memzero(&config, sizeof config);
    if (rc != 0)
        return rc;
    port = strrchr(transport_address(n->transport), ':');
    core_set_listen_port(
        n->core, port != NULL ? (uint16_t)strtoul(port + 1, NULL, 10) : 0);
    node__forget_old_bans(n);
    journal_each(n->choices, "block", refuse_blocked, n);
    journal_each(n->choices, "peer", hint_peer, n);
    journal_each(n->choices, "seen", hint_seen, n);
    return 0;
}

/* ---- small questions
 * ----------------------------------------------------------- */

uv_loop_t *node_loop(struct node *n)
{
    return n->loop;
}

const char *node_home(const struct node *n)
{
    return n->home;
}

const char *node_network(const struct node *n)
{
    return n->network;
}

const struct node_id *node_self(const struct node *n)
{
    return &n->self;
}

const char *node_listening(const struct node *n)
{
    return n->transport != NULL ? transport_address(n->transport) : "";
}

struct store *node_store(struct node *n)
{
    return n->store;
}

struct catalog *node_catalog(struct node *n)
{
    return n->catalog;
}

struct journal *node_roots(struct node *n)
{
    return n->roots;
}

struct journal *node_choices(struct node *n)
{
    return n->choices;
}

struct core *node_core(struct node *n)
{
    return n->core;
}

struct transport *node_transport(struct node *n)
{
    return n->transport;
}

uint64_t node_quota(const struct node *n)
{
    return n->quota_bytes;
}

uint64_t node_uptime_ms(const struct node *n)
{
    return now_ms() - n->start_ms;
}

void node_hint(struct node *n, const struct node_id *node, const char *address,
               enum core_road road, const struct course_id *course)
{
    struct core_event ev = {.kind = EV_HINT};

    ev.u.hint.node = *node;
    (void)snprintf(ev.u.hint.address, CORE_ADDRESS_MAX, "%s", address);
    ev.u.hint.road = road;
    ev.u.hint.scope = transport_scope_of(address);
    ev.u.hint.has_course = course != NULL;
    if (course != NULL)
        ev.u.hint.course = *course;
    node__post(n, &ev);
}

void node_block(struct node *n, const struct node_id *node,
                uint64_t until_wall_ms, const char *why)
{
    struct core_event ev = {.kind = EV_BLOCK};
    struct id_hex hex = node_id_hex(node);
    char until[24];
    const char *values[2] = {until, why};

    (void)snprintf(until, sizeof until, "%llu",
                   (unsigned long long)until_wall_ms);
    if (until_wall_ms == 0)
        (void)journal_unset(n->choices, "block", hex.s, NULL);
    else
        (void)journal_set(n->choices, "block", hex.s, values, 2, NULL);
    if (n->transport != NULL)
        transport_refuse(n->transport, node, until_wall_ms);
    ev.u.block.node = *node;
    ev.u.block.until_wall_ms = until_wall_ms;
    node__post(n, &ev);
}

void node_new_edition(struct node *n, const struct course_id *course)
{
    struct core_event ev = {.kind = EV_NEW_EDITION};

    node__log(n, NODE_INFO, "edition.new",
              (const char *const[]){"course", course_id_hex(course).s, NULL});
    ev.u.new_edition.course = *course;
    node__post(n, &ev);
}

void node_gained(struct node *n, const struct course_id *course)
{
    struct core_event ev = {.kind = EV_GAINED};

    node__log(n, NODE_INFO, "course.gained",
              (const char *const[]){"course", course_id_hex(course).s, NULL});
    ev.u.gained.course = *course;
    node__post(n, &ev);
}

void node_withdrawn(struct node *n, const struct course_id *course)
{
    struct core_event ev = {.kind = EV_WITHDRAWN};

    node__log(n, NODE_INFO, "course.withdrawn",
              (const char *const[]){"course", course_id_hex(course).s, NULL});
    ev.u.withdrawn.course = *course;
    node__post(n, &ev);
}

int node_edition(struct node *n, const struct course_id *course,
                 struct record_id *out_edition, uint64_t *out_seq,
                 struct err *e)
{
    struct record_id edition;
    uint64_t seq;
    int rc = catalog_current(n->catalog, course, &edition, &seq, e);

    if (rc == 0 && catalog_held(n->catalog, &edition) != HELD_COMPLETE &&
        catalog_withdrawn(n->catalog, course, &edition, seq, NULL))
        rc = catalog_offered(n->catalog, course, &edition, &seq, e);
    if (rc != 0)
        return rc;
    *out_edition = edition;
    if (out_seq != NULL)
        *out_seq = seq;
    return 0;
}

void node_removed(struct node *n, const struct course_id *course)
{
    struct core_event ev = {.kind = EV_REMOVED};

    node__log(n, NODE_INFO, "course.removed",
              (const char *const[]){"course", course_id_hex(course).s, NULL});
    fetch__removed(n, course);
    ev.u.removed.course = *course;
    node__post(n, &ev);
}
