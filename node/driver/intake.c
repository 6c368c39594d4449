/* intake: received chunks on their way to the disk. The message of the socket
 * is moved here, a worker checks its digest and writes straight from it: the
 * bytes are never copied. What came in one turn of the loop, or waits while
 * both lanes are busy, goes as one batch. */
#include "node/driver/node_internal.h"

#include <stdlib.h>

#include "crypto/digest.h"

static void lane_work(void *user);
static void lane_done(void *user);

int intake__init(struct node *n)
{
    n->waiting_tail = &n->waiting;
    for (size_t i = 0; i < LANES; i++) {
        n->lanes[i].node = n;
        n->lanes[i].codec = codec_new();
        n->lanes[i].raw = malloc(CHUNK_RAW_MAX);
        if (n->lanes[i].codec == NULL || n->lanes[i].raw == NULL)
            return ERR_NOMEM;
    }
    return 0;
}

static void free_items(struct intake_item *list)
{
    while (list != NULL) {
        struct intake_item *next = list->next;

        (void)zmq_msg_close(&list->msg);
        free(list);
        list = next;
    }
}

void intake__deinit(struct node *n)
{
    free_items(n->waiting);
    free_items(n->spare);
    for (size_t i = 0; i < LANES; i++) {
        codec_free(n->lanes[i].codec);
        free(n->lanes[i].raw);
    }
}

static void start_lane(struct node *n, struct lane *lane)
{
    lane->count = 0;
    while (lane->count < LANE_ITEMS && n->waiting != NULL) {
        lane->items[lane->count++] = n->waiting;
        n->waiting = n->waiting->next;
    }
    if (n->waiting == NULL)
        n->waiting_tail = &n->waiting;
    lane->busy = true;
    if (node_work(n, lane_work, lane_done, lane) != 0) {
        lane->put_rc = err_set(&lane->err, ERR_NOMEM, "queue work");
        for (size_t i = 0; i < lane->count; i++)
            lane->items[i]->result = STORE_FAILED;
        lane_done(lane);
    }
}

void intake__start(struct node *n)
{
    for (size_t i = 0; i < LANES && n->waiting != NULL; i++)
        if (!n->lanes[i].busy)
            start_lane(n, &n->lanes[i]);
}

static struct intake_item *new_item(struct node *n)
{
    struct intake_item *item = n->spare;

    if (item == NULL) {
        item = calloc(1, sizeof *item);
        if (item != NULL)
            (void)zmq_msg_init(&item->msg);
        return item;
    }
    n->spare = item->next;
    return item;
}

static void post_stored(struct node *n, conn_no conn, swarm_no swarm,
                        uint32_t slot, enum store_result result)
{
    struct core_event ev = {.kind = EV_STORED};

    ev.u.stored.conn = conn;
    ev.u.stored.swarm = swarm;
    ev.u.stored.slot = slot;
    ev.u.stored.result = result;
    node__post(n, &ev);
}

void intake__take(struct node *n, const struct core_effect *fx)
{
    struct holding *h = holding__of_swarm(n, fx->u.store.swarm);
    const struct chunk_ref *ref =
        h != NULL ? holding__ref(h, fx->u.store.slot) : NULL;
    struct intake_item *item = ref != NULL ? new_item(n) : NULL;

    if (item == NULL) {
        post_stored(n, fx->u.store.conn, fx->u.store.swarm, fx->u.store.slot,
                    STORE_FAILED);
        return;
    }
    (void)zmq_msg_move(&item->msg, n->message);
    item->next = NULL;
    item->conn = fx->u.store.conn;
    item->swarm = fx->u.store.swarm;
    item->slot = fx->u.store.slot;
    item->offset = fx->u.store.body_offset;
    item->ref = *ref;
    item->target = h->target;
    *n->waiting_tail = item;
    n->waiting_tail = &item->next;
}

bool intake__uses(const struct node *n, const struct target *t)
{
    for (const struct intake_item *i = n->waiting; i != NULL; i = i->next)
        if (i->target == t)
            return true;
    for (size_t l = 0; l < LANES; l++)
        for (size_t i = 0; n->lanes[l].busy && i < n->lanes[l].count; i++)
            if (n->lanes[l].items[i]->target == t)
                return true;
    return false;
}

/* ---- on a worker
 * --------------------------------------------------------------- */

static const uint8_t *stored_bytes(struct intake_item *item)
{
    return (const uint8_t *)zmq_msg_data(&item->msg) + item->offset;
}

/* What is not as long as it should be is not worth reading. */
static void digest_batch(struct lane *lane)
{
    struct intake_item *whole[LANE_ITEMS];
    struct span bytes[LANE_ITEMS] = {{NULL, 0}};
    struct chunk_id ids[LANE_ITEMS];
    size_t count = 0;

    for (size_t i = 0; i < lane->count; i++) {
        struct intake_item *item = lane->items[i];
        size_t len = zmq_msg_size(&item->msg) - item->offset;

        item->result = STORE_BAD;
        if (len != item->ref.stored_len)
            continue;
        bytes[count] = (struct span){stored_bytes(item), len};
        whole[count++] = item;
    }
    digest_many(bytes, count, ids);
    for (size_t i = 0; i < count; i++)
        if (chunk_id_eq(&ids[i], &whole[i]->ref.id))
            whole[i]->result = STORE_OK;
}

/* Good ones move to the front of @out; returns how many. */
static size_t check_batch(struct lane *lane, struct store_item *out,
                          struct intake_item **out_items)
{
    size_t good = 0;

    digest_batch(lane);
    for (size_t i = 0; i < lane->count; i++) {
        struct intake_item *item = lane->items[i];
        struct store_item *s = &out[good];

        if (item->result != STORE_OK)
            continue;
        *s = (struct store_item){.ref = item->ref, .data = stored_bytes(item)};
        if (item->target == NULL ||
            !target_place(item->target, item->slot, &s->file, &s->offset))
            s->file = 0;
        out_items[good++] = item;
    }
    return good;
}

/* What went into a pack is written out at once too, while its bytes are hot. */
static int write_out(struct lane *lane, struct intake_item *item)
{
    const uint8_t *raw = stored_bytes(item);
    int rc = 0;

    if ((item->ref.flags & CHUNK_FLAG_ZSTD) != 0) {
        rc = codec_decode(lane->codec, raw, item->ref.stored_len,
                          item->ref.flags, lane->raw, item->ref.raw_len,
                          &lane->err);
        raw = lane->raw;
    }
    if (rc == 0)
        rc = target_write(item->target, item->slot, raw, item->ref.raw_len,
                          &lane->err);
    return rc;
}

static void lane_work(void *user)
{
    struct lane *lane = user;
    struct store_item items[LANE_ITEMS];
    struct intake_item *good[LANE_ITEMS];
    size_t count = check_batch(lane, items, good);

    lane->put_rc = 0;
    lane->target_rc = 0;
    if (count != 0)
        lane->put_rc = store_put(lane->node->store, items, count, STORE_FETCHED,
                                 &lane->err);
    for (size_t i = 0; i < count && lane->put_rc != 0; i++)
        good[i]->result = STORE_FAILED;
    for (size_t i = 0; i < count && lane->put_rc == 0; i++) {
        if (good[i]->target == NULL || items[i].file != 0)
            continue;
        lane->target_rc = write_out(lane, good[i]);
        lane->target_failed = good[i]->target;
        if (lane->target_rc != 0)
            break;
    }
}

/* ---- back on the loop
 * ------------------------------------------------------------ */

static void lane_done(void *user)
{
    struct lane *lane = user;
    struct node *n = lane->node;

    if (lane->put_rc != 0)
        fetch__disk_failed(n, NULL, lane->put_rc, &lane->err);
    else if (lane->target_rc != 0)
        fetch__disk_failed(n, lane->target_failed, lane->target_rc, &lane->err);
    for (size_t i = 0; i < lane->count; i++) {
        struct intake_item *item = lane->items[i];

        (void)zmq_msg_close(&item->msg);
        (void)zmq_msg_init(&item->msg);
        post_stored(n, item->conn, item->swarm, item->slot, item->result);
        item->next = n->spare;
        n->spare = item;
    }
    lane->busy = false;
    intake__start(n);
    fetch__intake_moved(n);
}
