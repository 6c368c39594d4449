/* swarm: one edition: what we have of it, what is on its way, and who takes
 * part. What the parts say is have.c. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#define SWARM_IDLE_MS 60000
#define HAVE_EVERY_MS 100
#define PEERS_EVERY_MS 200
#define RATE_SPAN_MS 500

struct swarm *swarm__by_no(const struct core *c, swarm_no no)
{
    struct swarm *s = c->swarms;

    while (s != NULL && s->no != no)
        s = s->next;
    return s;
}

struct swarm *swarm__by_edition(const struct core *c,
                                const struct record_id *edition)
{
    struct swarm *s = c->swarms;

    while (s != NULL && !record_id_eq(&s->edition, edition))
        s = s->next;
    return s;
}

uint32_t swarm__blobs(const struct swarm *s)
{
    return s->table->index_count + s->table->tree_count;
}

/* ---- counting ----------------------------------------------------- */

static void count_have(struct swarm *s)
{
    s->total_bytes = s->have_bytes = 0;
    s->have_count = s->open_count = 0;
    for (uint32_t i = 0; i < s->table->count; i++) {
        uint32_t len = s->table->refs[i].stored_len;

        s->total_bytes += len;
        if (bits_get(&s->have, i)) {
            s->have_bytes += len;
            s->have_count++;
        } else if (!bits_get(&s->asked, i)) {
            s->open_count++;
        }
    }
}

/* One part's map put into, or taken out of, the count of sources. */
static void count_map(struct swarm *s, const struct part *t, int by)
{
    if (t->all)
        return;
    for (uint32_t e = 0; e < bits_words(t->has.count); e++) {
        for (uint64_t w = t->has.w[e]; w != 0; w &= w - 1) {
            uint32_t i = e * EXTENT + (uint32_t)__builtin_ctzll(w);

            if (i < s->table->count)
                s->avail[i] = (uint16_t)(s->avail[i] + by);
        }
    }
}

void swarm__hold(struct swarm *s, uint32_t slot)
{
    if (s->copies[slot]++ != 0)
        return;
    bits_set(&s->asked, slot);
    if (!bits_get(&s->have, slot))
        s->open_count--;
}

void swarm__release(struct core *c, struct swarm *s, uint32_t slot)
{
    if (--s->copies[slot] != 0)
        return;
    bits_clear(&s->asked, slot);
    if (bits_get(&s->have, slot))
        return;
    s->open_count++;
    c->pump_all = true;
}

/* ---- life --------------------------------------------------------- */

static bool grow_copies(struct swarm *s, uint32_t n)
{
    uint32_t had = s->asked.count;
    uint8_t *grown = realloc(s->copies, n + 1u);

    if (grown == NULL)
        return false;
    memset(grown + had, 0, n - had);
    s->copies = grown;
    return true;
}

/* Room for @n slots in every list, or none of them changed in meaning. */
static bool make_room(struct swarm *s, uint32_t n)
{
    uint16_t *avail = realloc(s->avail, (n + 1u) * sizeof *avail);

    if (avail == NULL)
        return false;
    s->avail = avail;
    return grow_copies(s, n) && bits_grow(&s->sent, n) &&
           bits_grow(&s->have, n) && bits_grow(&s->asked, n);
}

static void take_edition(struct swarm *s, const struct core_edition *ed)
{
    uint32_t n = ed->table->count;

    s->table = ed->table;
    s->has_manifest = ed->has_manifest;
    if (ed->have_all)
        for (uint32_t i = 0; i < n; i++)
            bits_set(&s->have, i);
    else if (ed->have != NULL)
        bits_from_bytes(&s->have, 0, ed->have, n);
    count_have(s);
}

/* "All", and it was the first @n slots that were meant. Not counted yet. */
static void unfold(struct swarm *s, struct part *t, uint32_t n)
{
    uint32_t size = n > s->table->count ? n : s->table->count;

    t->all = false;
    s->all_parts--;
    t->conn->failed |= !bits_init(&t->has, size);
    for (uint32_t i = 0; i < n && t->has.w != NULL; i++)
        bits_set(&t->has, i);
}

/* Fits a part's map to the table. "All" that was said of the blobs before the
 * manifest came is all of the blobs. */
static void fit_part(struct swarm *s, struct part *t)
{
    t->cursor = NONE;
    if (!t->all && t->has.count < s->table->count)
        t->conn->failed |= !bits_grow(&t->has, s->table->count);
    else if (t->all && t->slots != s->table->count)
        unfold(s, t, t->slots);
}

static bool counts_wrongly(const struct swarm *s, const struct part *t,
                           uint32_t slots)
{
    return t->slots > swarm__blobs(s) && t->slots != slots;
}

static bool grow(struct core *c, struct swarm *s, const struct core_edition *ed)
{
    uint32_t n = ed->table->count;

    if (!make_room(s, n))
        return false;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && counts_wrongly(s, t, n))
            blame__protocol(c, p, "counts the slots of an edition wrongly");
    }
    take_edition(s, ed);
    memset(s->avail, 0, (n + 1u) * sizeof *s->avail);
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t == NULL)
            continue;
        fit_part(s, t);
        count_map(s, t, 1);
    }
    return true;
}

static void swarm_free(struct swarm *s)
{
    bits_deinit(&s->have);
    bits_deinit(&s->asked);
    free(s->copies);
    bits_deinit(&s->sent);
    free(s->avail);
    free(s);
}

/* Others cost nothing to be put away: they are loaded again when wanted. */
static bool is_needed(const struct core *c, const struct swarm *s)
{
    const struct topic *t = topic__find(c, &s->course);

    return s->fetching || s->loading_manifest || s->storing != 0 ||
           s->serving != 0 || (t != NULL && t->swarm == s);
}

/* Those that only serve are kept for as long as there is room. */
static void shed_idle(struct core *c)
{
    struct swarm *oldest = NULL;
    size_t n = 0;

    for (struct swarm *s = c->swarms; s != NULL; s = s->next) {
        if (is_needed(c, s))
            continue;
        n++;
        if (oldest == NULL || s->used_ms < oldest->used_ms)
            oldest = s;
    }
    if (n >= c->cfg.limits.serving_max)
        swarm__close(c, oldest);
}

static struct swarm *swarm_new(struct core *c, const struct core_edition *ed)
{
    struct swarm *s = calloc(1, sizeof *s);

    if (s == NULL || !make_room(s, ed->table->count)) {
        if (s != NULL)
            swarm_free(s);
        return NULL;
    }
    s->no = ++c->last_swarm;
    s->edition = ed->edition;
    s->course = ed->course;
    s->seq = ed->seq;
    s->used_ms = s->rate_since_ms = c->now_ms;
    take_edition(s, ed);
    memset(s->avail, 0, (ed->table->count + 1u) * sizeof *s->avail);
    s->next = c->swarms;
    c->swarms = s;
    return s;
}

struct swarm *swarm__open(struct core *c, const struct core_edition *ed)
{
    struct swarm *s = swarm__by_edition(c, &ed->edition);

    if (s == NULL) {
        shed_idle(c);
        return swarm_new(c, ed);
    }
    if (ed->has_manifest && !s->has_manifest)
        (void)grow(c, s, ed); /* without memory it is tried again */
    return s;
}

static void part_free(struct part *t)
{
    struct swarm *s = t->swarm;

    count_map(s, t, -1);
    s->all_parts -= t->all;
    s->part_count--;
    bits_deinit(&t->has);
    free(t);
}

static void leave(struct swarm *s, struct conn *p)
{
    struct part **at = &p->parts;

    while (*at != NULL && (*at)->swarm != s)
        at = &(*at)->next;
    if (*at != NULL) {
        struct part *gone = *at;

        *at = gone->next;
        part_free(gone);
    }
}

void swarm__close(struct core *c, struct swarm *s)
{
    struct swarm **at = &c->swarms;
    struct core_effect *fx;

    request__cancel_swarm(c, s);
    request__forget_swarm(c, s);
    c->unstored_bytes -= s->storing_bytes;
    upload__forget_swarm(c, s->no);
    for (struct conn *p = c->conns; p != NULL; p = p->next)
        leave(s, p);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    fx = core__effect(c, FX_RELEASE);
    fx->u.release.swarm = s->no;
    fx->u.release.edition = s->edition;
    swarm_free(s);
}

void swarm__stop(struct core *c, struct swarm *s)
{
    s->fetching = false;
    s->completed = false; /* the next fetch is told anew */
    s->used_ms = c->now_ms;
    s->priority_count = 0;
    request__cancel_swarm(c, s);
}

/* ---- what we have ------------------------------------------------- */

static bool anybody_lacks(const struct swarm *s)
{
    return s->part_count != s->all_parts;
}

void swarm__set_have(struct core *c, struct swarm *s, uint32_t slot)
{
    if (bits_get(&s->have, slot))
        return;
    bits_set(&s->have, slot);
    s->have_count++;
    s->have_bytes += s->table->refs[slot].stored_len;
    if (s->copies[slot] == 0)
        s->open_count--;
    s->used_ms = c->now_ms;
    if (anybody_lacks(s)) {
        s->fresh[s->fresh_count++] = slot;
        if (s->fresh_count == HAVE_BATCH)
            have__tell_fresh(c, s);
        else
            core__wake(c, c->now_ms + HAVE_EVERY_MS);
    }
    swarm__check_complete(c, s);
}

void swarm__lost(struct core *c, struct swarm *s, uint32_t slot)
{
    if (slot >= s->table->count || !bits_get(&s->have, slot))
        return;
    bits_clear(&s->have, slot);
    s->have_count--;
    s->have_bytes -= s->table->refs[slot].stored_len;
    if (s->copies[slot] == 0)
        s->open_count++;
    s->completed = false;
    c->pump_all = true;
}

static void load_manifest(struct core *c, struct swarm *s)
{
    struct load *l = load__new(c, LOAD_MANIFEST, 0);
    struct core_effect *fx;

    if (l == NULL) {
        core__wake(c, c->now_ms + TICK_BUSY_MS);
        return;
    }
    l->swarm = s->no;
    s->loading_manifest = true;
    fx = core__effect(c, FX_LOAD_MANIFEST);
    fx->u.load_manifest.token = l->token;
    fx->u.load_manifest.swarm = s->no;
    fx->u.load_manifest.edition = s->edition;
}

void swarm__look_again(struct core *c, struct swarm *s)
{
    s->look_again = s->loading_manifest; /* that may have looked too early */
    if (!s->loading_manifest)
        load_manifest(c, s);
}

void swarm__gain(struct swarm *s, const struct core_edition *ed)
{
    if (ed->table->count == s->table->count)
        take_edition(s, ed);
}

void swarm__check_complete(struct core *c, struct swarm *s)
{
    if (!s->fetching || s->have_count != s->table->count)
        return;
    if (!s->has_manifest) {
        if (!s->loading_manifest)
            load_manifest(c, s);
    } else if (!s->completed) {
        s->completed = true;
        core__notify(c, &s->course, s, NOTICE_COMPLETE);
    }
}

/* ---- parts -------------------------------------------------------- */

struct part *swarm__part(const struct swarm *s, const struct conn *p)
{
    struct part *t = p->parts;

    while (t != NULL && t->swarm != s)
        t = t->next;
    return t;
}

struct part *swarm__join(struct core *c, struct swarm *s, struct conn *p)
{
    struct part *t = swarm__part(s, p);

    if (t != NULL)
        return t;
    t = calloc(1, sizeof *t);
    if (t == NULL || !bits_init(&t->has, s->table->count)) {
        p->failed = true;
        free(t);
        return NULL;
    }
    t->swarm = s;
    t->conn = p;
    t->cursor = NONE;
    t->next = p->parts;
    p->parts = t;
    s->part_count++;
    s->used_ms = c->now_ms;
    return t;
}

void swarm__leave_all(struct core *c, struct conn *p)
{
    while (p->parts != NULL) {
        struct part *t = p->parts;

        p->parts = t->next;
        t->swarm->used_ms = c->now_ms;
        part_free(t);
    }
}

bool swarm__part_has(const struct part *t, uint32_t slot)
{
    return t->all || bits_get(&t->has, slot);
}

void swarm__part_all(struct swarm *s, struct part *t)
{
    if (t->all)
        return;
    count_map(s, t, -1);
    bits_deinit(&t->has);
    t->all = true;
    s->all_parts++;
}

void swarm__part_add(struct swarm *s, struct part *t, uint32_t slot)
{
    if (t->all || slot >= t->has.count || bits_get(&t->has, slot))
        return;
    bits_set(&t->has, slot);
    if (slot < s->table->count)
        s->avail[slot]++;
}

void swarm__part_only(struct swarm *s, struct part *t, uint32_t n)
{
    if (!t->all)
        return;
    unfold(s, t, n);
    count_map(s, t, 1);
}

void swarm__part_lacks(struct swarm *s, struct part *t, uint32_t slot)
{
    swarm__part_only(s, t, s->table->count);
    if (bits_get(&t->has, slot)) {
        bits_clear(&t->has, slot);
        s->avail[slot]--;
    }
}

uint32_t swarm__sources(const struct swarm *s, uint32_t slot)
{
    return s->all_parts + s->avail[slot];
}

/* ---- the tick ----------------------------------------------------- */

static void measure_rate(struct core *c, struct swarm *s)
{
    uint64_t span = c->now_ms - s->rate_since_ms;

    if (span < RATE_SPAN_MS)
        return;
    s->rate_bps = (s->rate_bps + s->rate_bytes * 1000 / span) / 2;
    s->rate_bytes = 0;
    s->rate_since_ms = c->now_ms;
}

void swarm__tick(struct core *c)
{
    struct swarm *next;

    for (struct swarm *s = c->swarms; s != NULL; s = next) {
        next = s->next;
        measure_rate(c, s);
        if (s->fresh_count != 0 && c->now_ms - s->told_ms >= HAVE_EVERY_MS)
            have__tell_fresh(c, s);
        if (s->introduce && c->now_ms - s->introduced_ms >= PEERS_EVERY_MS)
            exchange__introduce(c, s);
        swarm__check_complete(c, s);
        if (!is_needed(c, s) && c->now_ms - s->used_ms >= SWARM_IDLE_MS)
            swarm__close(c, s);
    }
}
