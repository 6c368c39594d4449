/* holding: which edition a swarm is, what of it lies here, and its manifest. */
#include "node/driver/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/edition.h"
#include "storage/manifest_load.h"

struct holding *holding__find(struct node *n, const struct record_id *edition)
{
    struct holding *h = n->holdings;

    while (h != NULL && !record_id_eq(&h->edition, edition))
        h = h->next;
    return h;
}

struct holding *holding__of_swarm(struct node *n, swarm_no swarm)
{
    struct record_id edition;
    struct holding *h = n->holdings;

    while (h != NULL && h->swarm != swarm)
        h = h->next;
    if (h != NULL || !core_swarm_edition(n->core, swarm, &edition))
        return h;
    h = holding__find(n, &edition);
    if (h != NULL)
        h->swarm = swarm;
    return h;
}

const struct chunk_ref *holding__ref(const struct holding *h, uint32_t slot)
{
    const struct chunk_table *t = h->hm != NULL ? &h->hm->m.table : &h->blobs;

    return slot < t->count ? &t->refs[slot] : NULL;
}

void holding__incomplete(struct node *n, const struct holding *h)
{
    if (catalog_held(n->catalog, &h->edition) == HELD_COMPLETE)
        (void)catalog_set_held(n->catalog, &h->edition, HELD_PARTIAL, NULL);
}

static void holding_free(struct holding *h)
{
    chunk_table_deinit(&h->blobs);
    if (h->hm != NULL)
        held_manifest_unref(h->hm);
    free(h);
}

void holding__release(struct node *n, const struct record_id *edition)
{
    struct holding **at = &n->holdings;
    struct holding *h;

    while (*at != NULL && !record_id_eq(&(*at)->edition, edition))
        at = &(*at)->next;
    h = *at;
    if (h == NULL)
        return;
    *at = h->next;
    holding_free(h);
}

void holding__free_all(struct node *n)
{
    while (n->holdings != NULL) {
        struct holding *h = n->holdings;

        n->holdings = h->next;
        holding_free(h);
    }
}

/* ---- manifests
 * -------------------------------------------------------------------- */

void held_manifest_unref(struct held_manifest *h)
{
    if (h == NULL || --h->refs != 0)
        return;
    manifest_deinit(&h->m);
    buf_deinit(&h->record);
    free(h);
}

static int decode_manifest(struct node *n, const struct edition_payload *p,
                           const struct chunk_table *blobs, struct manifest *m,
                           struct err *e)
{
    struct manifest_totals totals = {p->files, p->bytes, p->chunks,
                                     p->stored_bytes};

    return manifest_load(n->store, blobs, &totals, m, e);
}

/* An edition as the catalog and the store have it, before anything is kept. */
struct edition_view {
    struct buf record;
    struct edition_payload payload; /* borrows record */
    struct chunk_table blobs;
    bool blobs_held;
};

static void view_deinit(struct edition_view *v)
{
    chunk_table_deinit(&v->blobs);
    buf_deinit(&v->record);
}

/* Of v->record, which has been read. */
static int view_decode(struct node *n, struct edition_view *v,
                       struct record_id *out_id, struct err *e)
{
    struct record r;
    uint8_t bits[(MANIFEST_BLOB_ENTRIES_MAX + 7) / 8];
    uint32_t held = 0;
    int rc = record_decode(v->record.base, v->record.len, n->network, &r, e);

    if (rc == 0 && r.type != RECORD_EDITION)
        rc = err_set(e, ERR_NOT_FOUND, "record '%.16s' is not an edition",
                     record_id_hex(&r.id).s);
    if (rc == 0)
        rc = edition_decode(r.payload, &v->payload, e);
    if (rc == 0)
        rc = chunk_table_from_blobs(v->payload.index_blob, v->payload.tree_blob,
                                    &v->blobs, e);
    if (rc == 0)
        rc =
            store_have(n->store, v->blobs.refs, v->blobs.count, bits, &held, e);
    v->blobs_held = rc == 0 && held == v->blobs.count;
    if (rc == 0)
        *out_id = r.id;
    return rc;
}

static int view_open(struct node *n, const struct record_id *edition,
                     struct edition_view *v, struct err *e)
{
    struct record_id id;
    int rc = catalog_get(n->catalog, edition, &v->record, e);

    return rc == 0 ? view_decode(n, v, &id, e) : rc;
}

static int view_manifest(struct node *n, const struct record_id *edition,
                         struct edition_view *v, struct held_manifest **out,
                         struct err *e)
{
    struct held_manifest *h = calloc(1, sizeof *h);
    int rc;

    if (h == NULL)
        return err_set(e, ERR_NOMEM, "manifest");
    rc = decode_manifest(n, &v->payload, &v->blobs, &h->m, e);
    if (rc != 0) {
        free(h);
        return rc;
    }
    h->edition = *edition;
    h->course = v->payload.course;
    h->seq = v->payload.seq;
    h->refs = 1;
    (void)buf_append(&h->record, v->record.base, v->record.len);
    *out = h;
    return 0;
}

static int load_viewed(struct node *n, const struct record_id *edition,
                       struct edition_view *v, struct held_manifest **out,
                       struct err *e)
{
    if (!v->blobs_held)
        return err_set(e, ERR_NOT_FOUND, "the manifest is not here yet");
    return view_manifest(n, edition, v, out, e);
}

int node_manifest_load(struct node *n, const struct record_id *edition,
                       struct held_manifest **out, struct err *e)
{
    struct edition_view v = {.record = BUF_INIT, .blobs = CHUNK_TABLE_INIT};
    int rc = view_open(n, edition, &v, e);

    if (rc == 0)
        rc = load_viewed(n, edition, &v, out, e);
    view_deinit(&v);
    return rc;
}

int node_manifest_of(struct node *n, struct span record,
                     struct held_manifest **out, struct err *e)
{
    struct edition_view v = {.record = BUF_INIT, .blobs = CHUNK_TABLE_INIT};
    struct record_id id;
    int rc = buf_append(&v.record, record.p, record.len);

    if (rc != 0)
        rc = err_set(e, ERR_NOMEM, "record");
    if (rc == 0)
        rc = view_decode(n, &v, &id, e);
    if (rc == 0)
        rc = load_viewed(n, &id, &v, out, e);
    view_deinit(&v);
    return rc;
}

/* ---- loading for the core
 * ------------------------------------------------------------ */

struct load_job {
    struct node *n;
    struct record_id edition;
    uint64_t token;
    int rc;
    struct err err;
    bool bad_manifest;
    struct edition_view view;
    struct held_manifest *hm;
    uint8_t *have;
    bool have_all;
};

static int load_have(struct load_job *job)
{
    const struct chunk_table *t =
        job->hm != NULL ? &job->hm->m.table : &job->view.blobs;
    uint32_t held = 0;
    int rc;

    if (job->hm != NULL &&
        catalog_held(job->n->catalog, &job->edition) == HELD_COMPLETE) {
        job->have_all = true;
        return 0;
    }
    job->have = calloc(1, t->count / 8 + 1);
    if (job->have == NULL)
        return ERR_NOMEM;
    rc = store_have(job->n->store, t->refs, t->count, job->have, &held,
                    &job->err);
    job->have_all = rc == 0 && held == t->count;
    return rc;
}

static void load_work(void *user)
{
    struct load_job *job = user;

    job->rc = view_open(job->n, &job->edition, &job->view, &job->err);
    if (job->rc == 0 && job->view.blobs_held) {
        job->rc = view_manifest(job->n, &job->edition, &job->view, &job->hm,
                                &job->err);
        job->bad_manifest = job->rc == ERR_MALFORMED || job->rc == ERR_LIMIT;
    }
    if (job->rc == 0)
        job->rc = load_have(job);
}

static void job_free(struct load_job *job)
{
    held_manifest_unref(job->hm);
    view_deinit(&job->view);
    free(job->have);
    free(job);
}

static void tell_core(void *user)
{
    struct load_job *job = user;
    struct node *n = job->n;
    struct holding *h = holding__find(n, &job->edition);
    struct core_event ev = {.kind = EV_EDITION};
    struct core_edition *ed;

    ed = &ev.u.edition.edition;
    ev.u.edition.token = job->token;
    ev.u.edition.found = job->rc == 0 && h != NULL;
    ev.u.edition.bad_manifest = job->bad_manifest;
    ev.u.edition.failed = job->rc == ERR_NOMEM || (job->rc == 0 && h == NULL);
    ed->edition = job->edition;
    if (ev.u.edition.found) {
        ed->course = h->course;
        ed->seq = job->view.payload.seq;
        ed->table = h->hm != NULL ? &h->hm->m.table : &h->blobs;
        ed->has_manifest = h->hm != NULL;
        ed->have_all = job->have_all && h->hm != NULL;
        ed->have = job->have;
    }
    node__post(n, &ev);
    job_free(job);
}

static void have_work(void *user)
{
    struct load_job *job = user;

    free(job->have);
    job->have = NULL;
    job->rc = load_have(job);
}

/* The folder is open, and may have held what the store did not know of. */
static void look_again(void *user)
{
    struct load_job *job = user;
    struct holding *h = holding__find(job->n, &job->edition);

    if (h != NULL && h->hm != NULL && job->hm == NULL) {
        job->hm = h->hm;
        job->hm->refs++;
    }
    if (job->have_all || job->hm == NULL ||
        node_work(job->n, have_work, tell_core, job) != 0)
        tell_core(job);
}

static struct holding *make_holding(struct node *n, struct load_job *job)
{
    struct holding *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->edition = job->edition;
    h->course = job->view.payload.course;
    h->blobs = job->view.blobs;
    job->view.blobs = (struct chunk_table)CHUNK_TABLE_INIT;
    h->next = n->holdings;
    n->holdings = h;
    return h;
}

static void load_done(void *user)
{
    struct load_job *job = user;
    struct node *n = job->n;
    struct holding *h;

    if (n->closing) {
        job_free(job);
        return;
    }
    if (job->rc != 0) {
        /* No peer can mend a disk that does not read. */
        if (job->rc == ERR_IO)
            fetch__disk_failed(n, NULL, job->rc, &job->err);
        tell_core(job);
        return;
    }
    h = holding__find(n, &job->edition);
    if (h == NULL)
        h = make_holding(n, job);
    if (h != NULL && h->hm == NULL) {
        h->hm = job->hm; /* the blob table stays: the core may still use it */
        job->hm = NULL;
    }
    if (h != NULL && h->hm != NULL && fetch__wants_folder(n, &h->course))
        fetch__manifest_ready(n, h, look_again, job);
    else
        tell_core(job);
}

void holding__not_found(struct node *n, uint64_t token, int why)
{
    struct core_event ev = {.kind = EV_EDITION};

    ev.u.edition.token = token;
    ev.u.edition.failed = why == ERR_NOMEM;
    node__post(n, &ev);
}

void holding__load(struct node *n, const struct record_id *edition,
                   uint64_t token)
{
    struct load_job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        holding__not_found(n, token, ERR_NOMEM);
        return;
    }
    job->n = n;
    job->edition = *edition;
    job->token = token;
    job->view.blobs = (struct chunk_table)CHUNK_TABLE_INIT;
    if (node_work(n, load_work, load_done, job) != 0) {
        job_free(job);
        holding__not_found(n, token, ERR_NOMEM);
    }
}
