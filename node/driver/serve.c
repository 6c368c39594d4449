/* serve: stored bytes from the store to a peer: one read, no copy. */
#include "node/driver/node_internal.h"

#include "node/driver/in_place.h"
#include "node/wire/msg.h"

static void served(struct node *n, const struct core_effect *fx,
                   enum serve_result result, uint32_t bytes)
{
    struct core_event ev = {.kind = EV_SERVED};

    ev.u.served.conn = fx->u.serve.conn;
    ev.u.served.swarm = fx->u.serve.swarm;
    ev.u.served.slot = fx->u.serve.slot;
    ev.u.served.request = fx->u.serve.request;
    ev.u.served.bytes = bytes;
    ev.u.served.result = result;
    node__post(n, &ev);
}

static enum serve_result result_of(int rc)
{
    if (rc == 0)
        return SERVE_OK;
    return rc == ERR_AGAIN ? SERVE_AGAIN : SERVE_GONE;
}

/* The author's own file may come back as it was: a disk that is plugged in
 * again, an edit that is undone. */
static enum serve_result why_not(struct node *n, int rc,
                                 const struct chunk_id *id)
{
    if (rc == ERR_NOT_FOUND && in_place_away(n, id))
        return SERVE_AWAY;
    return rc == ERR_NOT_FOUND || rc == ERR_CORRUPT ? SERVE_MISSING
                                                    : SERVE_AGAIN;
}

void serve__chunk(struct node *n, const struct core_effect *fx)
{
    struct holding *h = holding__of_swarm(n, fx->u.serve.swarm);
    const struct chunk_ref *ref =
        h != NULL ? holding__ref(h, fx->u.serve.slot) : NULL;
    size_t len = ref != NULL ? MSG_CHUNK_HEAD + ref->stored_len : 0;
    enum serve_result result;
    uint8_t *frame;
    int rc;

    if (ref == NULL || n->transport == NULL) {
        served(n, fx, SERVE_MISSING, 0);
        return;
    }
    frame = transport_chunk_buffer(n->transport, len);
    if (frame == NULL) {
        served(n, fx, SERVE_AGAIN, 0);
        return;
    }
    msg_chunk_head(fx->u.serve.request, frame);
    rc = store_read(n->store, &ref->id, frame + MSG_CHUNK_HEAD, ref->stored_len,
                    NULL, NULL);
    if (rc != 0) {
        result = why_not(n, rc, &ref->id);
        transport_chunk_discard(n->transport, frame);
        if (result == SERVE_MISSING)
            holding__incomplete(n, h);
        served(n, fx, result, 0);
        return;
    }
    result = result_of(
        transport_send_chunk(n->transport, fx->u.serve.conn, frame, len));
    if (result != SERVE_OK)
        transport_chunk_discard(n->transport, frame);
    served(n, fx, result, (uint32_t)len);
}
