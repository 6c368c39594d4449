/* have: what we tell peers that we have of an edition, and what they tell us.
 */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_GAP 64 /* bits: a smaller gap is not worth another window */

/* ---- telling ------------------------------------------------------ */

static void begin_have(const struct swarm *s, struct msg *m)
{
    m->type = MSG_HAVE;
    m->u.have.edition = s->edition;
    m->u.have.slots = s->table->count;
    m->u.have.all = false;
    m->u.have.count = 0;
}

static void tell_windows(struct core *c, struct part *t)
{
    const struct swarm *s = t->swarm;
    uint8_t *bytes = malloc(MSG_WINDOW_BITS_MAX / 8);
    struct msg m;

    t->conn->failed |= bytes == NULL;
    if (bytes == NULL)
        return;
    for (uint32_t first = 0; first < s->table->count;
         first += MSG_WINDOW_BITS_MAX) {
        uint32_t n = s->table->count - first;

        n = n < MSG_WINDOW_BITS_MAX ? n : MSG_WINDOW_BITS_MAX;
        begin_have(s, &m);
        bits_to_bytes(&s->have, first, n, bytes);
        m.u.have.windows[0] = (struct msg_window){first, n, bytes};
        m.u.have.count = 1;
        core__send(c, t->conn, &m);
    }
    free(bytes);
}

void have__tell(struct core *c, struct part *t)
{
    const struct swarm *s = t->swarm;
    struct msg m;

    t->told = true;
    t->told_ms = c->now_ms;
    if (s->have_count != 0 && s->have_count != s->table->count) {
        tell_windows(c, t);
        return;
    }
    begin_have(s, &m);
    m.u.have.all = s->have_count == s->table->count;
    core__send(c, t->conn, &m);
}

void have__tell_nothing(struct core *c, struct conn *p,
                        const struct record_id *edition)
{
    struct msg m = {.type = MSG_HAVE};

    m.u.have.edition = *edition;
    core__send(c, p, &m);
}

static int by_slot(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The fresh slots as a few windows; in them, all that we have. @bytes: room for
 * HAVE_BATCH windows of one slot each, and the gaps that join them. */
static void fill_windows(struct swarm *s, struct msg *m, uint8_t *bytes)
{
    size_t i = 0;

    qsort(s->fresh, s->fresh_count, sizeof s->fresh[0], by_slot);
    while (i < s->fresh_count) {
        uint32_t first = s->fresh[i] / 8 * 8;
        uint32_t last = s->fresh[i];
        uint32_t n;

        while (++i < s->fresh_count && s->fresh[i] - last < WINDOW_GAP)
            last = s->fresh[i];
        n = last / 8 * 8 + 8 - first;
        if (n > s->table->count - first)
            n = s->table->count - first;
        bits_to_bytes(&s->have, first, n, bytes);
        m->u.have.windows[m->u.have.count++] =
            (struct msg_window){first, n, bytes};
        bytes += (n + 7) / 8;
    }
}

void have__tell_fresh(struct core *c, struct swarm *s)
{
    uint8_t bytes[HAVE_BATCH * (WINDOW_GAP / 8 + 2)];
    struct msg m;

    begin_have(s, &m);
    fill_windows(s, &m, bytes);
    s->fresh_count = 0;
    s->told_ms = c->now_ms;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && t->told && !t->all)
            core__send(c, p, &m);
    }
}

/* ---- hearing ------------------------------------------------------ */

static void hear_window(struct swarm *s, struct part *t,
                        const struct msg_window *w)
{
    for (uint32_t i = 0; i < w->bit_count; i++) {
        if (w->bits[i / 8] == 0)
            i |= 7; /* eight at once */
        else if ((w->bits[i / 8] & (0x80u >> (i % 8))) != 0)
            swarm__part_add(s, t, w->first + i);
    }
}

/* SPEC 6: "slots is the number of slots known to the sender: only the blob
 * slots while it lacks the manifest." While we lack it, any larger number may
 * be right; zero is from one that does not know the edition at all. */
static bool slots_fit(const struct swarm *s, uint32_t slots)
{
    return slots == 0 || slots == s->table->count || slots == swarm__blobs(s) ||
           (!s->has_manifest && slots > swarm__blobs(s));
}

static void hear_map(struct swarm *s, struct part *t, const struct msg *m)
{
    uint32_t slots = m->u.have.slots;

    if (slots > t->slots) {
        if (!m->u.have.all) /* it knows the manifest now, and lacks some */
            swarm__part_only(s, t, t->slots);
        t->slots = slots;
    }
    if (t->all)
        return;
    if (slots > t->has.count && !bits_grow(&t->has, slots)) {
        t->conn->failed = true;
        return;
    }
    if (m->u.have.all && slots >= s->table->count) {
        swarm__part_all(s, t);
        return;
    }
    for (uint32_t i = 0; m->u.have.all && i < slots; i++)
        swarm__part_add(s, t, i);
    for (size_t i = 0; i < m->u.have.count; i++)
        hear_window(s, t, &m->u.have.windows[i]);
    if (s->has_manifest && slots == s->table->count &&
        bits_total(&t->has) == slots)
        swarm__part_all(s, t);
}

/* A part's first HAVE: now it counts as one to be known to others. */
static void first_heard(struct core *c, struct swarm *s, struct part *t)
{
    t->heard = true;
    t->joined = ++s->joined;
    s->introduce = true;
    core__wake(c, c->now_ms + TICK_BUSY_MS);
    topic__changed(c);
}

/* Of an edition that is not loaded: one more request. */
static void hear_unknown(struct core *c, struct conn *p, const struct msg *m)
{
    p->missed_have = true;
    if (m->u.have.slots == 0)
        return;
    if (!peer__spend(c, p))
        blame__penalty(c, p, 1);
    else if (!records__serve(c, p, &m->u.have.edition))
        have__tell_nothing(c, p, &m->u.have.edition);
}

void have__hear(struct core *c, struct conn *p, const struct msg *m)
{
    struct swarm *s = swarm__by_edition(c, &m->u.have.edition);
    struct part *t;

    if (s == NULL) {
        hear_unknown(c, p, m);
        return;
    }
    if (!slots_fit(s, m->u.have.slots)) {
        blame__protocol(c, p, "counts the slots of an edition wrongly");
        return;
    }
    t = swarm__join(c, s, p);
    if (t == NULL)
        return;
    s->used_ms = c->now_ms;
    hear_map(s, t, m);
    if (!t->heard)
        first_heard(c, s, t);
    if (!t->told)
        have__tell(c, t);
    c->pump_one = p;
}
