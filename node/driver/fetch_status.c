/* fetch_status: how a fetch goes, and who has given what. */
#include "node/driver/fetch_internal.h"

#include <stdlib.h>

void fetch__fill_status(struct fetch *f, struct fetch_status *s)
{
    struct core_progress p;
    struct core_asked a;

    *s = (struct fetch_status){
        .state = f->state, .course = f->course, .edition = f->edition};
    core_progress(f->n->core, &f->course, &p);
    core_asked(f->n->core, &f->course, &a);
    s->answered = f->offline ? 0 : a.answered;
    s->knowing = f->offline ? 0 : a.knowing;
    s->seq = p.seq;
    if (f->hm != NULL) {
        s->content_bytes = f->hm->m.bytes;
        s->files = f->hm->m.file_count;
        s->seq = f->hm->seq;
    }
    s->total_bytes = p.stored_bytes;
    s->have_bytes = p.stored_bytes_have;
    s->fetched_bytes = p.fetched_bytes;
    s->fetched_chunks = p.fetched_chunks;
    s->rejected_chunks = p.rejected_chunks;
    s->missing_chunks = p.slots - p.slots_have;
    s->reused_chunks = f->reused;
    s->rate_bps = p.rate_bps;
    s->peers = p.peers;
    s->seeders = p.seeders;
    s->elapsed_ms = uv_now(f->n->loop) - f->start_ms;
}

static const struct baseline *baseline_of(const struct fetch *f,
                                          const struct node_id *node)
{
    static const struct baseline none;

    for (size_t i = 0; i < f->base_count; i++)
        if (node_id_eq(&f->base[i].node, node))
            return &f->base[i];
    return &none;
}

void fetch__add_peer(void *user, const struct core_peer_info *p)
{
    struct peer_list *l = user;
    const struct baseline *b = baseline_of(l->f, &p->node);
    struct fetch_peer *grown;

    if (p->received_bytes == b->bytes && p->rejected == b->rejected)
        return;
    for (size_t i = 0; i < l->count; i++)
        if (node_id_eq(&l->list[i].node, &p->node))
            return;
    grown = realloc(l->list, (l->count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    l->list = grown;
    l->list[l->count++] = (struct fetch_peer){
        p->node, p->received_bytes - b->bytes, p->rejected - b->rejected};
}

void fetch__add_baseline(void *user, const struct core_peer_info *p)
{
    struct fetch *f = user;
    struct baseline *grown =
        realloc(f->base, (f->base_count + 1) * sizeof *grown);

    if (grown == NULL)
        return;
    f->base = grown;
    f->base[f->base_count++] =
        (struct baseline){p->node, p->received_bytes, p->rejected};
}
