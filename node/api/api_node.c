/* api_node: the node itself and its peers. */
#include "node/api/api_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "node/driver/clock.h"
#include "node/driver/transport.h"
#include "node/wire/ticket.h"

static void count_course(void *user, const struct course_id *course)
{
    (void)course;
    ++*(int *)user;
}

static void count_peer(void *user, const struct core_peer_info *p)
{
    (void)p;
    ++*(int *)user;
}

int api_status(struct api_call *call)
{
    struct node *n = call->n;
    struct store_usage use = {0};
    const char *listen = node_listening(n);
    json_t *list = json_array();
    int courses = 0;
    int peers = 0;
    int rc = store_usage(node_store(n), &use, &call->err);

    (void)catalog_courses(node_catalog(n), count_course, &courses, NULL);
    core_peers(node_core(n), true, count_peer, &peers);
    if (listen[0] != '\0')
        (void)json_array_append_new(list, json_string(listen));
    call->result = json_pack(
        "{s:i, s:b, s:s, s:o, s:n, s:i, s:i, s:I, s:I, s:I, s:I}", "v", 1,
        "running", node_transport(n) != NULL, "node",
        node_id_hex(node_self(n)).s, "listen", list, "ui", "peers", peers,
        "courses", courses, "stored_bytes",
        (json_int_t)(use.pack_bytes + use.file_bytes), "quota_bytes",
        (json_int_t)node_quota(n), "free_bytes", (json_int_t)use.free_bytes,
        "uptime_s", (json_int_t)(node_uptime_ms(n) / 1000));
    return rc;
}

int api_stop(struct api_call *call)
{
    call->result = json_pack("{s:i, s:b}", "v", 1, "stopping", 1);
    return raise(SIGTERM) == 0 ? 0 : ERR_FAILED; /* the loop's own handler */
}

/* ---- peers
 * ---------------------------------------------------------------------- */

static const char *road_word(enum core_road r)
{
    switch (r) {
    case ROAD_INBOUND:
        return "inbound";
    case ROAD_EXPLICIT:
        return "peer";
    case ROAD_TICKET:
        return "ticket";
    case ROAD_EXCHANGE:
        return "exchange";
    case ROAD_LAST_SEEN:
        return "last-seen";
    case ROAD_LAN:
        return "lan";
    }
    return "";
}

static void list_peer(void *user, const struct core_peer_info *p)
{
    (void)json_array_append_new(
        user, json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "node",
                        node_id_hex(&p->node).s, "address", p->address,
                        "direction", p->outbound ? "out" : "in", "road",
                        road_word(p->road), "rtt_ms", (int)p->rtt_ms,
                        "received_bytes", (json_int_t)p->received_bytes,
                        "sent_bytes", (json_int_t)p->sent_bytes));
}

static void list_banned(void *user, const char *key, const char *const *values,
                        size_t count)
{
    uint64_t until = count > 0 ? strtoull(values[0], NULL, 10) : 0;

    if (until <= wall_clock_ms())
        return;
    (void)json_array_append_new(
        user, json_pack("{s:s, s:I, s:s}", "node", key, "until_ms",
                        (json_int_t)(until > INT64_MAX ? INT64_MAX : until),
                        "why", count > 1 ? values[1] : ""));
}

int api_peer_ls(struct api_call *call)
{
    json_t *list = json_array();

    if (api__flag(call, "banned"))
        journal_each(node_choices(call->n), "block", list_banned, list);
    else
        core_peers(node_core(call->n), true, list_peer, list);
    call->result = json_pack("{s:i, s:o}", "v", 1, "peers", list);
    return 0;
}

int api_peer_add(struct api_call *call)
{
    const char *text = api__text(call, "peer");
    struct peer_address a;
    const char *values[1];
    int rc = text != NULL
                 ? peer_address_parse(text, strlen(text), &a, &call->err)
                 : ERR_INVALID;

    if (rc != 0)
        return ERR_INVALID;
    values[0] = a.address;
    rc = journal_set(node_choices(call->n), "peer", node_id_hex(&a.node).s,
                     values, 1, &call->err);
    if (rc == 0) {
        node_hint(call->n, &a.node, a.address, ROAD_EXPLICIT, NULL);
        call->result = json_pack("{s:i, s:s, s:s}", "v", 1, "node",
                                 node_id_hex(&a.node).s, "address", a.address);
    }
    return rc;
}

struct find_node {
    const char *prefix;
    char found[65];
    unsigned count;
};

static void match_node(void *user, const char *key, const char *const *values,
                       size_t count)
{
    struct find_node *f = user;

    (void)values;
    (void)count;
    if (strncasecmp(key, f->prefix, strlen(f->prefix)) != 0 ||
        strcmp(key, f->found) == 0)
        return;
    (void)snprintf(f->found, sizeof f->found, "%s", key);
    f->count++;
}

/* A node by its whole key, or by a prefix of one that is remembered. */
static int named_node(struct api_call *call, struct node_id *out)
{
    struct find_node f = {.prefix = api__text(call, "peer")};

    if (f.prefix == NULL || strlen(f.prefix) < 4)
        return err_set(&call->err, ERR_INVALID, "a node key is wanted");
    if (strlen(f.prefix) == 64)
        return hex_decode(f.prefix, 64, out->b, sizeof out->b) == 0
                   ? 0
                   : err_set(&call->err, ERR_INVALID,
                             "the key is not 64 hex digits");
    journal_each(node_choices(call->n), "peer", match_node, &f);
    journal_each(node_choices(call->n), "seen", match_node, &f);
    journal_each(node_choices(call->n), "block", match_node, &f);
    if (f.count != 1)
        return err_set(&call->err, f.count ? ERR_AMBIGUOUS : ERR_NOT_FOUND,
                       "'%s' names %u nodes", f.prefix, f.count);
    return hex_decode(f.found, 64, out->b, sizeof out->b);
}

static int answer_node(struct api_call *call, const struct node_id *id)
{
    call->result = json_pack("{s:i, s:s}", "v", 1, "node", node_id_hex(id).s);
    return 0;
}

int api_peer_rm(struct api_call *call)
{
    struct node_id id;
    int rc = named_node(call, &id);

    if (rc == 0)
        rc = journal_unset(node_choices(call->n), "peer", node_id_hex(&id).s,
                           &call->err);
    if (rc == 0)
        rc = journal_unset(node_choices(call->n), "seen", node_id_hex(&id).s,
                           &call->err);
    return rc == 0 ? answer_node(call, &id) : rc;
}

int api_peer_block(struct api_call *call)
{
    struct node_id id;
    int rc = named_node(call, &id);

    if (rc == 0)
        node_block(call->n, &id, UINT64_MAX, "blocked by you");
    return rc == 0 ? answer_node(call, &id) : rc;
}

int api_peer_unblock(struct api_call *call)
{
    struct node_id id;
    int rc = named_node(call, &id);

    if (rc == 0)
        node_block(call->n, &id, 0, "");
    return rc == 0 ? answer_node(call, &id) : rc;
}
