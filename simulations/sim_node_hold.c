/* sim_node_hold: the catalog of a node, and the chunk tables that its core
 * borrows: blobs alone at first, the whole manifest once its blobs are there.
 */
#include "simulations/sim_node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/edition.h"
#include "crypto/record.h"
#include "crypto/revocation.h"
#include "simulations/invariants.h"
#include "simulations/mem.h"
#include "storage/codec.h"

/* ---- catalog ----------------------------------------------------------------
 */

/* The first of a number is the one; a second is kept as a proof against its
 * author, and no number is taken that the chain cannot have come to. */
static bool is_next(struct sim_node *n, const struct sim_record *e)
{
    for (size_t i = 0; i + 1 < n->edition_count; i++)
        if (n->editions[i].seq + (n->cfg.broken == SIM_BREAK_SLANDER) ==
            e->seq) {
            n->proofs++;
            invariants_proof(n->env->invariants, n, e->seq);
            return n->cfg.broken == SIM_BREAK_TWO;
        }
    return n->current == NULL || n->current->seq < e->seq;
}

static bool put_edition(struct sim_node *n, const struct record *r,
                        struct span bytes)
{
    struct edition_payload p;
    struct sim_record *e;

    if (edition_decode(r->payload, &p, NULL) != 0)
        return false;
    for (size_t i = 0; i < n->edition_count; i++)
        if (record_id_eq(&n->editions[i].id, &r->id))
            return true;
    invariants_record(n->env->invariants, n, &r->id);
    if (n->cfg.broken == SIM_BREAK_FORK && n->current != NULL &&
        p.seq <= n->current->seq)
        return true;
    if (p.seq >
        (n->current != NULL ? n->current->seq : 0) + EDITION_SEQ_JUMP_MAX)
        return false;
    e = &n->editions[n->edition_count++];
    e->id = r->id;
    e->seq = p.seq;
    (void)buf_append(&e->bytes, bytes.p, bytes.len);
    if (is_next(n, e) && e->seq > n->withdrawn_seq)
        n->current = e;
    return true;
}

/* The newest that is not withdrawn. */
static void choose_current(struct sim_node *n)
{
    n->current = NULL;
    for (size_t i = 0; i < n->edition_count; i++)
        if (n->editions[i].seq > n->withdrawn_seq &&
            (n->current == NULL || n->current->seq < n->editions[i].seq))
            n->current = &n->editions[i];
}

/* One that withdraws no more than is withdrawn already says nothing new. */
static bool put_revocation(struct sim_node *n, const struct record *r,
                           struct span bytes)
{
    struct revocation_payload p;

    if (revocation_decode(r->payload, &p, NULL) != 0)
        return false;
    invariants_revocation(n->env->invariants, n, &r->signer);
    if (p.seq <= n->withdrawn_seq)
        return true;
    n->withdrawn_seq = p.seq;
    n->revocation.len = 0;
    choose_current(n);
    return buf_append(&n->revocation, bytes.p, bytes.len) == 0;
}

bool sim_node_has_fork(const struct sim_node *n, uint64_t seq)
{
    size_t of_it = 0;

    for (size_t i = 0; i < n->edition_count; i++)
        of_it += n->editions[i].seq == seq;
    return of_it > 1;
}

bool sim_node__put_record(struct sim_node *n, struct span bytes)
{
    struct record r;
    struct buf *to;

    if (record_decode(bytes.p, bytes.len, COURSE_KIT_NETWORK, &r, NULL) != 0)
        return false;
    if (r.type == RECORD_EDITION)
        return put_edition(n, &r, bytes);
    if (r.type == RECORD_REVOCATION)
        return put_revocation(n, &r, bytes);
    to = r.type == RECORD_COURSE ? &n->course_record : &n->profile_record;
    to->len = 0;
    return buf_append(to, bytes.p, bytes.len) == 0;
}

/* ---- holdings ---------------------------------------------------------------
 */

static struct sim_holding *find(struct sim_node *n,
                                const struct record_id *edition)
{
    struct sim_holding *h = n->holdings;

    while (h != NULL && !record_id_eq(&h->edition, edition))
        h = h->next;
    return h;
}

struct sim_holding *sim_node__holding(struct sim_node *n, swarm_no swarm)
{
    struct record_id edition;

    if (!core_swarm_edition(n->core, swarm, &edition))
        return NULL;
    return find(n, &edition);
}

static const struct chunk_table *table_of(const struct sim_holding *h)
{
    return h->has_manifest ? &h->m.table : &h->blobs;
}

const struct chunk_ref *sim_node__ref(const struct sim_holding *h,
                                      uint32_t slot)
{
    const struct chunk_table *t = table_of(h);

    return slot < t->count ? &t->refs[slot] : NULL;
}

static void holding_free(struct sim_holding *h)
{
    chunk_table_deinit(&h->blobs);
    if (h->has_manifest)
        manifest_deinit(&h->m);
    free(h);
}

void sim_node__release(struct sim_node *n, const struct record_id *edition)
{
    struct sim_holding **at = &n->holdings;
    struct sim_holding *h;

    while (*at != NULL && !record_id_eq(&(*at)->edition, edition))
        at = &(*at)->next;
    h = *at;
    if (h == NULL)
        return;
    *at = h->next;
    holding_free(h);
}

void sim_node__release_all(struct sim_node *n)
{
    while (n->holdings != NULL) {
        struct sim_holding *h = n->holdings;

        n->holdings = h->next;
        holding_free(h);
    }
}

/* ---- loading ----------------------------------------------------------------
 */

struct span sim_node__read(struct sim_node *n, const struct chunk_id *chunk)
{
    struct span s = sim_disk_get(n->disk, chunk);
    struct chunk_id id;

    if (s.p == NULL)
        return s;
    id = digest_chunk(s.p, s.len);
    if (chunk_id_eq(&id, chunk))
        return s;
    trace_line(n->env->trace, world_now_us(n->env->world),
               "%s finds a chunk corrupt", n->name);
    sim_disk_remove(n->disk, chunk);
    return (struct span){NULL, 0};
}

static int read_blob(struct sim_node *n, const struct chunk_ref *refs,
                     uint32_t count, struct codec *codec, struct buf *out)
{
    int rc = 0;

    for (uint32_t i = 0; i < count && rc == 0; i++) {
        struct span stored = sim_node__read(n, &refs[i].id);

        if (stored.p == NULL)
            return ERR_NOT_FOUND;
        rc = buf_reserve(out, refs[i].raw_len);
        if (rc == 0)
            rc = codec_decode(codec, stored.p, stored.len, refs[i].flags,
                              out->base + out->len, refs[i].raw_len, NULL);
        if (rc == 0)
            out->len += refs[i].raw_len;
    }
    return rc;
}

static int read_manifest(struct sim_node *n, struct sim_holding *h,
                         const struct edition_payload *p)
{
    struct manifest_totals totals = {p->files, p->bytes, p->chunks,
                                     p->stored_bytes};
    const struct chunk_table *t = &h->blobs;
    struct codec *codec = codec_new();
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;
    int rc = codec != NULL ? 0 : ERR_NOMEM;

    if (rc == 0)
        rc = read_blob(n, t->refs, t->index_count, codec, &index);
    if (rc == 0)
        rc =
            read_blob(n, t->refs + t->index_count, t->tree_count, codec, &tree);
    if (rc == 0)
        rc = manifest_decode(t, buf_span(&index), buf_span(&tree), &totals,
                             &h->m, NULL);
    h->has_manifest = rc == 0;
    buf_deinit(&tree);
    buf_deinit(&index);
    codec_free(codec);
    return rc;
}

static struct sim_holding *make(struct sim_node *n, const struct sim_record *e,
                                const struct edition_payload *p)
{
    struct sim_holding *h = mem_new(1, sizeof *h);
    int rc;

    h->edition = e->id;
    h->seq = e->seq;
    sim_node__alloc_begin(n);
    rc = chunk_table_from_blobs(p->index_blob, p->tree_blob, &h->blobs, NULL);
    sim_node__alloc_end(n);
    if (rc != 0) {
        free(h);
        return NULL;
    }
    h->next = n->holdings;
    n->holdings = h;
    return h;
}

static void fill_have(const struct sim_node *n, const struct sim_holding *h,
                      struct sim_loaded *out)
{
    const struct chunk_table *t = table_of(h);
    uint32_t held = 0;

    out->have = mem_new(t->count / 8 + 1, 1);
    for (uint32_t i = 0; i < t->count; i++) {
        if (sim_disk_get(n->disk, &t->refs[i].id).p == NULL)
            continue;
        out->have[i / 8] |= (uint8_t)(0x80u >> i % 8);
        held++;
    }
    out->edition.have = out->have;
    out->edition.have_all = h->has_manifest && held == t->count;
    out->edition.table = t;
    out->edition.has_manifest = h->has_manifest;
}

void sim_node__load(struct sim_node *n, const struct record_id *edition,
                    struct sim_loaded *out)
{
    const struct sim_record *e = NULL;
    struct edition_payload p;
    struct sim_holding *h;
    struct record r;
    int rc = 0;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n->edition_count; i++)
        if (record_id_eq(&n->editions[i].id, edition))
            e = &n->editions[i];
    if (e == NULL ||
        record_decode(e->bytes.base, e->bytes.len, COURSE_KIT_NETWORK, &r,
                      NULL) != 0 ||
        edition_decode(r.payload, &p, NULL) != 0)
        return;
    h = find(n, edition);
    if (h == NULL)
        h = make(n, e, &p);
    out->failed = h == NULL;
    if (h == NULL)
        return;
    if (!h->has_manifest) {
        sim_node__alloc_begin(n);
        rc = read_manifest(n, h, &p);
        sim_node__alloc_end(n);
    }
    out->bad_manifest = rc == ERR_MALFORMED || rc == ERR_LIMIT;
    if (out->bad_manifest)
        invariants_fail(n->env->invariants, "S1",
                        "%s cannot read a manifest that is good", n->name);
    out->failed = rc == ERR_NOMEM;
    if (out->failed)
        return;
    out->found = !out->bad_manifest;
    out->edition.edition = e->id;
    out->edition.course = p.course;
    out->edition.seq = e->seq;
    fill_have(n, h, out);
    if (n->cfg.broken == SIM_BREAK_BLANK && e->seq > 1 && h->has_manifest) {
        memset(out->have, 0, out->edition.table->count / 8 + 1);
        out->edition.have_all = false;
    }
}
