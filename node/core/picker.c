/* picker: which slot to ask a peer for next. Deadline mode first, then the
 * blobs that say what there is, then what others are late with, then the extent
 * the peer is working on, then the rarest extent it can help with; equal ones
 * in this node's own random order, so that learners who started together fetch
 * different pieces. Extents keep the disk reading and writing in runs. */
#include "node/core/core_internal.h"

#define SAMPLE 512       /* extents compared, of those that are not done */
#define AHEAD_OF_SLOW 16 /* the earliest slots are for the fast */

/* The peer's own slots of extent @e. */
static uint64_t has_word(const struct part *t, uint32_t e)
{
    if (t->all)
        return UINT64_MAX;
    return e < bits_words(t->has.count) ? t->has.w[e] : 0;
}

static bool is_trusted(const struct part *t)
{
    return t->heard && !t->distrusted && !request__is_slow(t->conn);
}

/* What trusted others offer of extent @e. */
static uint64_t others_word(const struct core *c, const struct part *t,
                            uint32_t e)
{
    uint64_t w = 0;

    for (const struct conn *p = c->conns; p != NULL; p = p->next) {
        const struct part *o = swarm__part(t->swarm, p);

        if (o != NULL && o != t && is_trusted(o))
            w |= has_word(o, e);
    }
    return w;
}

struct choice {
    struct core *c;
    struct part *t;
    bool lone;
    bool owes; /* somebody owes a slot that is open again */
    bool slow; /* leaves to faster peers what they offer */
};

/* Much slower than the best. */
static bool lags(const struct core *c, const struct conn *p)
{
    return p->rate_bps * 2 < c->best_rate_bps;
}

/* What trusted peers that do not lag offer of extent @e. */
static uint64_t faster_word(const struct choice *x, uint32_t e)
{
    uint64_t w = 0;

    for (const struct conn *p = x->c->conns; p != NULL; p = p->next) {
        const struct part *o = swarm__part(x->t->swarm, p);

        if (o != NULL && o != x->t && is_trusted(o) && !lags(x->c, p))
            w |= has_word(o, e);
    }
    return w;
}

/* The open slots of extent @e that may be asked of the peer, as a word. */
static uint64_t open_word(const struct choice *x, uint32_t e)
{
    const struct swarm *s = x->t->swarm;
    uint64_t w = ~(s->have.w[e] | s->asked.w[e]) & has_word(x->t, e);
    uint32_t left = s->table->count - e * EXTENT;

    if (left < EXTENT)
        w &= (UINT64_C(1) << left) - 1;
    if (w != 0 && x->lone)
        w &= ~others_word(x->c, x->t, e);
    if (w != 0 && x->slow)
        w &= ~faster_word(x, e);
    if (w != 0 && x->owes)
        w &= ~request__owed_word(x->c, x->t->conn, s, e);
    return w;
}

/* The first open slot in [first, end), but for @skip of them. */
static bool in_range(const struct choice *x, uint32_t first, uint32_t end,
                     uint32_t skip, uint32_t *out)
{
    for (uint32_t e = first / EXTENT; e * EXTENT < end; e++) {
        uint64_t w = open_word(x, e);

        if (e == first / EXTENT)
            w &= UINT64_MAX << first % EXTENT;
        if (end - e * EXTENT < EXTENT)
            w &= (UINT64_C(1) << (end - e * EXTENT)) - 1;
        for (; w != 0; w &= w - 1)
            if (skip-- == 0) {
                *out = e * EXTENT + (uint32_t)__builtin_ctzll(w);
                return true;
            }
    }
    return false;
}

/* Deadline mode. A peer that is much slower than the best leaves the next few
 * slots to others, when they have them. */
static bool urgent(struct choice *x, uint32_t *out)
{
    struct swarm *s = x->t->swarm;
    bool slow = lags(x->c, x->t->conn);
    uint32_t end;
    bool found;

    while (s->priority_count != 0 && bits_get(&s->have, s->priority_first)) {
        s->priority_first++;
        s->priority_count--;
    }
    if (s->priority_count == 0 || s->priority_first >= s->table->count)
        return false;
    end = s->table->count; /* the range was given by somebody outside */
    if (s->priority_count < end - s->priority_first)
        end = s->priority_first + s->priority_count;
    if (in_range(x, s->priority_first, end, slow ? AHEAD_OF_SLOW : 0, out))
        return true;
    x->slow = slow;
    found = slow && in_range(x, s->priority_first, end, 0, out);
    x->slow = false;
    return found;
}

/* How many peers have the rarest of the slots @w of extent @e, besides those
 * that have all. */
static uint32_t rarity(const struct swarm *s, uint32_t e, uint64_t w)
{
    uint32_t least = UINT16_MAX;

    if (s->all_parts == s->part_count)
        return 0;
    for (; w != 0; w &= w - 1) {
        uint32_t n = s->avail[e * EXTENT + (uint32_t)__builtin_ctzll(w)];

        least = n < least ? n : least;
    }
    return least;
}

/* The rarest of all extents, or of a run of them when there are very many. */
static bool choose_extent(const struct choice *x)
{
    const struct swarm *s = x->t->swarm;
    uint32_t n = bits_words(s->table->count);
    uint32_t e = n > SAMPLE ? (uint32_t)rng_below(&x->c->rng, n) : 0;
    uint64_t best = UINT64_MAX;
    uint32_t seen = 0;

    x->t->cursor = NONE;
    for (uint32_t i = 0; i < n && seen < SAMPLE;
         i++, e = e + 1 < n ? e + 1 : 0) {
        uint64_t w = open_word(x, e);
        uint64_t score;

        if (w == 0)
            continue;
        seen++;
        score = (uint64_t)rarity(s, e, w) << 40 |
                rng_mix(x->c->order_key ^ e) >> 24;
        if (score < best) {
            best = score;
            x->t->cursor = e;
        }
    }
    return x->t->cursor != NONE;
}

/* Where learners go from slot to slot of an extent: those of a course of one
 * extent must differ, too, and not follow each other into what is asked for
 * already. With nobody but seeders there it is from one to the next. */
static uint32_t own_stride(const struct choice *x, uint64_t key)
{
    const struct swarm *s = x->t->swarm;

    return s->part_count != s->all_parts ? (uint32_t)(key >> 32) | 1 : 1;
}

/* The rarest of the slots @w of extent @e; of those the first from a place of
 * this node's own, in its own order. */
static uint32_t choose_slot(const struct choice *x, uint32_t e, uint64_t w)
{
    const struct swarm *s = x->t->swarm;
    uint64_t key = rng_mix(x->c->order_key ^ ~(uint64_t)e);
    uint32_t stride = own_stride(x, key);
    uint32_t best = NONE;
    uint32_t least = 0;

    for (uint32_t i = 0; i < EXTENT; i++) {
        uint32_t k = ((uint32_t)key + i * stride) % EXTENT;
        uint32_t n;

        if ((w >> k & 1) == 0)
            continue;
        n = s->avail[e * EXTENT + k];
        if (best == NONE || n < least) {
            best = e * EXTENT + k;
            least = n;
        }
        if (least == 0)
            break;
    }
    return best;
}

bool picker__next(struct core *c, struct part *t, bool lone, uint32_t *out_slot)
{
    struct choice x = {c, t, lone, c->overdue_count != 0, false};
    uint64_t w = 0;

    if (t->swarm->open_count == 0)
        return false;
    if (urgent(&x, out_slot) ||
        in_range(&x, 0, swarm__blobs(t->swarm), 0, out_slot))
        return true;
    if (t->swarm->listing)
        return false; /* nothing but what somebody waits for */
    if (t->cursor != NONE)
        w = open_word(&x, t->cursor);
    if (w == 0 && choose_extent(&x))
        w = open_word(&x, t->cursor);
    if (w == 0)
        return false;
    *out_slot = choose_slot(&x, t->cursor, w);
    return true;
}
