/* api_withdraw: an author stops offering a course or an edition. As with
 * publish, the node prepares what is to be signed; the key never comes here. */
#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/did.h"
#include "crypto/revocation.h"
#include "node/driver/clock.h"
#include "storage/keyfile.h"

struct withdrawal {
    struct api_call *call;
    struct node *n;
    struct author_id author;
    struct revocation_payload p;
    bool unchanged;
};

static int check_author(struct withdrawal *w)
{
    struct buf bytes = BUF_INIT;
    struct course_payload course;
    char did[DID_TEXT_MAX];
    struct vault_info who;
    struct record_id id;
    struct record r;
    struct err *e = &w->call->err;
    int rc = keyfile_identity_info(node_home(w->n), &who, e);

    if (rc == ERR_NOT_FOUND) {
        rc = err_set(e, ERR_KEY_NEEDED, "there is no identity here");
        err_hint(e, "lyceum init makes one");
    }
    memcpy(id.b, w->p.course.b, sizeof id.b);
    if (rc == 0)
        rc = catalog_get(node_catalog(w->n), &id, &bytes, e);
    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, node_network(w->n), &r, e);
    if (rc == 0)
        rc = course_decode(r.payload, &course, e);
    if (rc == 0 && !course_has_author(&course, &who.author)) {
        did_encode(&r.signer, did);
        rc =
            err_set(e, ERR_REFUSED, "the course is %s's, and you are not", did);
        err_hint(e, "only its author withdraws it; lyceum rm forgets it here");
    }
    buf_deinit(&bytes);
    return rc;
}

/* One edition when it was named, else all there are. */
static int choose(struct withdrawal *w)
{
    json_t *wanted = json_object_get(w->call->args, "edition");
    struct err *e = &w->call->err;
    struct record_id edition;
    int rc = catalog_current(node_catalog(w->n), &w->p.course, &edition,
                             &w->p.seq, e);

    if (rc == 0 && wanted == NULL) {
        w->unchanged = catalog_offered(node_catalog(w->n), &w->p.course,
                                       &edition, NULL, NULL) == ERR_REFUSED;
        return 0;
    }
    if (rc == 0) {
        w->p.seq = (uint64_t)json_integer_value(wanted);
        rc = catalog_edition(node_catalog(w->n), &w->p.course, w->p.seq,
                             &w->p.edition, e);
        if (rc != 0)
            err_hint(e, "lyceum info COURSE --versions shows which are");
    }
    if (rc != 0)
        return rc;
    w->p.has_edition = true;
    w->unchanged = catalog_withdrawn(node_catalog(w->n), &w->p.course,
                                     &w->p.edition, w->p.seq, NULL);
    return 0;
}

static json_t *answer(const struct withdrawal *w, const struct buf *payload)
{
    struct buf title = BUF_INIT;
    char *hex = malloc(2 * payload->len + 1);
    json_t *o;

    if (hex == NULL)
        return NULL;
    hex_encode(payload->base, payload->len, hex);
    api__title(w->n, &w->p.course, &title);
    o = json_pack("{s:i, s:s, s:I, s:b, s:s, s:b, s:s}", "v", 1, "course",
                  course_id_hex(&w->p.course).s, "edition",
                  (json_int_t)w->p.seq, "whole", !w->p.has_edition, "reason",
                  api__text(w->call, "reason"), "unchanged", w->unchanged,
                  "payload", hex);
    (void)json_object_set_new(
        o, "title", json_stringn((const char *)title.base, title.len));
    buf_deinit(&title);
    free(hex);
    return o;
}

int api_withdraw(struct api_call *call)
{
    struct withdrawal w = {.call = call, .n = call->n};
    const char *reason = api__text(call, "reason");
    struct buf payload = BUF_INIT;
    int rc = api__resolve(call->n, api__text(call, "course"), &w.p.course,
                          &call->err);

    w.p.time_ms = wall_clock_ms();
    w.p.reason.p = (const uint8_t *)reason;
    w.p.reason.len = reason != NULL ? strlen(reason) : 0;
    if (rc == 0)
        rc = check_author(&w);
    if (rc == 0)
        rc = choose(&w);
    if (rc == 0)
        rc = revocation_encode(&w.p, &payload, &call->err);
    if (rc == 0)
        call->result = answer(&w, &payload);
    buf_deinit(&payload);
    return rc;
}

int api_withdraw_commit(struct api_call *call)
{
    const char *hex = api__text(call, "record");
    size_t n = hex != NULL ? strlen(hex) / 2 : 0;
    uint8_t *bytes = malloc(n + 1);
    struct revocation_payload p;
    struct record r = {.payload = {NULL, 0}};
    int rc = ERR_INVALID;

    if (bytes != NULL && n != 0 && hex_decode(hex, 2 * n, bytes, n) == 0)
        rc = record_decode(bytes, n, node_network(call->n), &r, &call->err);
    if (rc == 0 && r.type != RECORD_REVOCATION)
        rc = err_set(&call->err, ERR_INVALID, "the record withdraws nothing");
    if (rc == 0)
        rc = revocation_decode(r.payload, &p, &call->err);
    if (rc == 0)
        rc = catalog_put(node_catalog(call->n), bytes, n, true, NULL,
                         &call->err);
    if (rc == 0) {
        call->course = p.course;
        call->result =
            json_pack("{s:i, s:s}", "v", 1, "record", record_id_hex(&r.id).s);
    }
    free(bytes);
    return rc;
}

int api_withdrawn(struct api_call *call)
{
    node_withdrawn(call->n, &call->course);
    return 0;
}
