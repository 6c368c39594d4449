/* picker: which slot to ask a peer for next. Deadline mode first, then the
 * blobs that say what there is, then the extent the peer is working on, then
 * the rarest extent that it can help with; equal ones in this node's own random
 * order, so that learners who started together fetch different pieces. Extents
 * keep the disk reading and writing in runs. */
#include "node/core/core_internal.h"

static bool is_free(const struct part *t, uint32_t slot)
{
    const struct swarm *s = t->swarm;

    return !bits_get(&s->have, slot) && !bits_get(&s->asked, slot) &&
           swarm__part_has(t, slot);
}

/* The free slots of extent @e that the peer has, as a word. */
static uint64_t free_word(const struct part *t, uint32_t e)
{
    const struct swarm *s = t->swarm;
    uint64_t w = ~(s->have.w[e] | s->asked.w[e]);
    uint32_t left = s->table->count - e * EXTENT;

    if (left < EXTENT)
        w &= (UINT64_C(1) << left) - 1;
    if (!t->all)
        w &= e < bits_words(t->has.count) ? t->has.w[e] : 0;
    return w;
}

static bool in_range(const struct part *t, uint32_t first, uint32_t count,
                     uint32_t *out)
{
    for (uint32_t i = 0; i < count && first + i < t->swarm->table->count; i++)
        if (is_free(t, first + i)) {
            *out = first + i;
            return true;
        }
    return false;
}

/* A slot somebody is late with, for anybody else. */
static bool take_late(struct part *t, uint32_t *out)
{
    struct swarm *s = t->swarm;

    for (size_t i = 0; i < s->late_count; i++) {
        uint32_t slot = s->late[i];
        bool mine = false;

        if (bits_get(&s->have, slot) || !bits_get(&s->asked, slot)) {
            s->late[i--] = s->late[--s->late_count];
            continue;
        }
        for (size_t k = 0; k < t->conn->req_count; k++) {
            const struct request *r = &t->conn->reqs[t->conn->req_head + k];

            mine |= r->swarm == s && r->slot == slot;
        }
        if (mine || bits_get(&s->second, slot) || !swarm__part_has(t, slot))
            continue;
        s->late[i] = s->late[--s->late_count];
        *out = slot;
        return true;
    }
    return false;
}

static uint32_t rarity(const struct swarm *s, uint32_t e, uint64_t free_bits)
{
    uint32_t least = UINT16_MAX;

    if (s->all_parts == s->part_count)
        return 0; /* everybody has everything */
    while (free_bits != 0) {
        uint32_t i = (uint32_t)__builtin_ctzll(free_bits);

        if (s->avail[e * EXTENT + i] < least)
            least = s->avail[e * EXTENT + i];
        free_bits &= free_bits - 1;
    }
    return least;
}

static bool choose_extent(struct core *c, struct part *t)
{
    const struct swarm *s = t->swarm;
    uint64_t best = UINT64_MAX;

    t->cursor = UINT32_MAX;
    for (uint32_t e = 0; e < bits_words(s->table->count); e++) {
        uint64_t w = free_word(t, e);
        uint64_t score;

        if (w == 0)
            continue;
        score =
            (uint64_t)rarity(s, e, w) << 40 | (rng_mix(c->order_key ^ e) >> 24);
        if (score < best) {
            best = score;
            t->cursor = e;
        }
    }
    return t->cursor != UINT32_MAX;
}

bool picker__next(struct core *c, struct part *t, uint32_t *out_slot)
{
    struct swarm *s = t->swarm;
    uint64_t w = 0;

    if (s->priority_count != 0 &&
        in_range(t, s->priority_first, s->priority_count, out_slot))
        return true;
    if (in_range(t, 0, swarm__blobs(s), out_slot))
        return true;
    if (take_late(t, out_slot))
        return true;
    if (t->cursor != UINT32_MAX)
        w = free_word(t, t->cursor);
    if (w == 0 && choose_extent(c, t))
        w = free_word(t, t->cursor);
    if (w == 0)
        return false;
    *out_slot = t->cursor * EXTENT + (uint32_t)__builtin_ctzll(w);
    return true;
}
