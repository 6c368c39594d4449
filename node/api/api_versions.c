/* api_versions: the editions of a course that are known here. */
#include "node/api/api_internal.h"

#include <string.h>

#include "crypto/did.h"
#include "crypto/edition.h"

#define VERSIONS_MAX 1000

struct versions {
    struct node *n;
    const struct record_id *current;
    json_t *list;
};

static json_t *text(struct span s)
{
    json_t *j = json_stringn((const char *)s.p, s.len);

    return j != NULL ? j : json_string("");
}

static json_t *describe(const struct versions *v, const struct record *r,
                        const struct edition_payload *p)
{
    uint64_t stored;
    const char *state = api__held(v->n, &r->id, &stored);
    char did[DID_TEXT_MAX];
    json_t *o;

    did_encode(&r->signer, did);
    o = json_pack(
        "{s:I, s:s, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:s, s:b}", "edition",
        (json_int_t)p->seq, "record", record_id_hex(&r->id).s, "title",
        text(p->title), "change", text(p->change_note), "author", did,
        "time_ms", (json_int_t)p->time_ms, "files", (json_int_t)p->files,
        "bytes", (json_int_t)p->bytes, "stored_bytes", (json_int_t)stored,
        "state", state, "current", record_id_eq(&r->id, v->current));
    api__tell_withdrawn(v->n, &p->course, &r->id, p->seq, o);
    return o;
}

static void add_version(void *user, const struct record_id *edition,
                        uint64_t seq)
{
    struct versions *v = user;
    struct buf bytes = BUF_INIT;
    struct edition_payload p;
    struct record r;

    (void)seq;
    if (json_array_size(v->list) < VERSIONS_MAX &&
        catalog_get(node_catalog(v->n), edition, &bytes, NULL) == 0 &&
        record_decode(bytes.base, bytes.len, node_network(v->n), &r, NULL) ==
            0 &&
        edition_decode(r.payload, &p, NULL) == 0)
        (void)json_array_append_new(v->list, describe(v, &r, &p));
    buf_deinit(&bytes);
}

json_t *api__versions(struct node *n, const struct course_id *course,
                      const struct record_id *current)
{
    struct versions v = {n, current, json_array()};

    (void)catalog_editions(node_catalog(n), course, add_version, &v, NULL);
    return v.list;
}
