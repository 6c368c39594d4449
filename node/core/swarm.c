/* swarm: one edition, what we have of it, and who else has what. */
#include "node/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/address.h"

#define WINDOW_GAP 64 /* bits: a smaller gap is not worth another window */

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

/* ---- life
 * --------------------------------------------------------------------- */

static void count_bytes(struct swarm *s)
{
    s->total_bytes = s->have_bytes = 0;
    s->have_count = 0;
    for (uint32_t i = 0; i < s->table->count; i++) {
        uint32_t len = s->table->refs[i].stored_len;

        s->total_bytes += len;
        if (bits_get(&s->have, i)) {
            s->have_bytes += len;
            s->have_count++;
        }
    }
}

static void count_avail(struct core *c, struct swarm *s)
{
    memset(s->avail, 0, (s->table->count + 1u) * sizeof *s->avail);
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t == NULL || t->all)
            continue;
        for (uint32_t i = 0; i < s->table->count; i++)
            s->avail[i] = (uint16_t)(s->avail[i] + bits_get(&t->has, i));
    }
}

static bool grow(struct core *c, struct swarm *s, const struct core_edition *ed)
{
    uint32_t n = ed->table->count;
    uint16_t *avail = realloc(s->avail, (n + 1u) * sizeof *avail);

    if (avail == NULL)
        return false;
    s->avail = avail;
    if (!bits_grow(&s->have, n) || !bits_grow(&s->asked, n) ||
        !bits_grow(&s->second, n))
        return false;
    s->table = ed->table;
    s->has_manifest = ed->has_manifest;
    if (ed->have_all)
        for (uint32_t i = 0; i < n; i++)
            bits_set(&s->have, i);
    else if (ed->have != NULL)
        bits_from_bytes(&s->have, 0, ed->have, n);
    count_bytes(s);
    count_avail(c, s);
    return true;
}

/* Part maps were sized by what their owners said: now we know better. */
static void settle_part(struct core *c, struct swarm *s, struct part *t)
{
    t->cursor = UINT32_MAX;
    if (t->heard && t->slots != s->table->count &&
        t->slots != swarm__blobs(s)) {
        peer__ban(c, t->conn, c->cfg.limits.ban_protocol_ms,
                  "counts the slots of an edition wrongly");
    } else if (t->all && t->slots < s->table->count) {
        t->all = false; /* all of the blobs, that was */
        s->all_parts--;
        if (bits_grow(&t->has, s->table->count))
            for (uint32_t i = 0; i < t->slots; i++)
                bits_set(&t->has, i);
    } else if (!t->all && t->has.count < s->table->count) {
        (void)bits_grow(&t->has, s->table->count);
    }
}

struct swarm *swarm__open(struct core *c, const struct core_edition *ed)
{
    struct swarm *s = swarm__by_edition(c, &ed->edition);

    if (s != NULL && ed->has_manifest && !s->has_manifest) {
        s->table = ed->table;
        for (struct conn *p = c->conns; p != NULL; p = p->next) {
            struct part *t = swarm__part(s, p);

            if (t != NULL)
                settle_part(c, s, t);
        }
        if (!grow(c, s, ed))
            c->oom = true;
    }
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL || !grow(c, s, ed)) {
        free(s);
        c->oom = true;
        return NULL;
    }
    s->no = ++c->last_swarm;
    s->edition = ed->edition;
    s->course = ed->course;
    s->seq = ed->seq;
    s->used_ms = s->rate_since_ms = c->now_ms;
    s->next = c->swarms;
    c->swarms = s;
    return s;
}

static void part_free(struct swarm *s, struct part *t)
{
    if (t->all)
        s->all_parts--;
    for (uint32_t i = 0; !t->all && i < s->table->count; i++)
        if (bits_get(&t->has, i) && s->avail[i] != 0)
            s->avail[i]--;
    s->part_count--;
    bits_deinit(&t->has);
    free(t);
}

static void part_everybody(struct core *c, struct swarm *s)
{
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part **at = &p->parts;
        struct part *gone;

        while (*at != NULL && (*at)->swarm != s)
            at = &(*at)->next;
        gone = *at;
        if (gone == NULL)
            continue;
        *at = gone->next;
        part_free(s, gone);
    }
}

void swarm__close(struct core *c, struct swarm *s)
{
    struct swarm **at = &c->swarms;
    struct core_effect *fx;

    request__forget_swarm(c, s);
    for (uint32_t i = 0; i < s->asked.count; i++) /* still being stored */
        if (bits_get(&s->asked, i))
            c->unstored_bytes -= s->table->refs[i].stored_len;
    upload__forget_swarm(c, s->no);
    part_everybody(c, s);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    fx = core__effect(c, FX_RELEASE);
    fx->u.release.swarm = s->no;
    fx->u.release.edition = s->edition;
    bits_deinit(&s->have);
    bits_deinit(&s->asked);
    bits_deinit(&s->second);
    free(s->avail);
    free(s->late);
    free(s);
}

/* ---- what we have
 * --------------------------------------------------------------- */

void swarm__set_have(struct core *c, struct swarm *s, uint32_t slot)
{
    if (bits_get(&s->have, slot))
        return;
    bits_set(&s->have, slot);
    s->have_count++;
    s->have_bytes += s->table->refs[slot].stored_len;
    s->used_ms = c->now_ms;
    if (s->fresh_count < HAVE_BATCH)
        s->fresh[s->fresh_count++] = slot;
    swarm__check_complete(c, s);
}

void swarm__lost(struct core *c, struct swarm *s, uint32_t slot)
{
    if (slot >= s->table->count || !bits_get(&s->have, slot))
        return;
    bits_clear(&s->have, slot);
    s->have_count--;
    s->have_bytes -= s->table->refs[slot].stored_len;
    s->completed = false;
    c->pump_down = true;
}

static void ask_for_manifest(struct core *c, struct swarm *s)
{
    struct load *l = load__new(c, LOAD_MANIFEST);
    struct core_effect *fx;

    if (l == NULL)
        return;
    l->swarm = s->no;
    s->loading_manifest = true;
    fx = core__effect(c, FX_LOAD_MANIFEST);
    fx->u.load_manifest.token = l->token;
    fx->u.load_manifest.swarm = s->no;
    fx->u.load_manifest.edition = s->edition;
}

void swarm__check_complete(struct core *c, struct swarm *s)
{
    if (!s->fetching || s->have_count != s->table->count)
        return;
    if (!s->has_manifest && !s->loading_manifest)
        ask_for_manifest(c, s);
    if (s->has_manifest && !s->completed) {
        s->completed = true;
        core__notify(c, &s->course, s, NOTICE_COMPLETE);
    }
}

/* ---- parts
 * ------------------------------------------------------------------------ */

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
        free(t);
        c->oom = true;
        return NULL;
    }
    t->swarm = s;
    t->conn = p;
    t->slots = s->table->count;
    t->cursor = UINT32_MAX;
    t->joined = ++s->joined;
    t->next = p->parts;
    p->parts = t;
    s->part_count++;
    s->used_ms = c->now_ms;
    core__wake(c, c->now_ms + TICK_BUSY_MS);
    return t;
}

void swarm__leave_all(struct core *c, struct conn *p)
{
    while (p->parts != NULL) {
        struct part *t = p->parts;

        p->parts = t->next;
        t->swarm->used_ms = c->now_ms;
        part_free(t->swarm, t);
    }
}

bool swarm__part_has(const struct part *t, uint32_t slot)
{
    return t->all || bits_get(&t->has, slot);
}

void swarm__part_lacks(struct swarm *s, struct part *t, uint32_t slot)
{
    if (t->all) {
        if (!bits_grow(&t->has, s->table->count))
            return;
        t->all = false;
        s->all_parts--;
        for (uint32_t i = 0; i < s->table->count; i++) {
            bits_set(&t->has, i);
            s->avail[i]++;
        }
    }
    if (bits_get(&t->has, slot)) {
        bits_clear(&t->has, slot);
        s->avail[slot]--;
    }
}

uint32_t swarm__sources(const struct swarm *s, uint32_t slot)
{
    return s->all_parts + s->avail[slot];
}

/* ---- telling
 * ------------------------------------------------------------------------ */

static void begin_have(const struct swarm *s, struct msg *m)
{
    memset(m, 0, sizeof *m);
    m->type = MSG_HAVE;
    m->u.have.edition = s->edition;
    m->u.have.slots = s->table->count;
}

static void tell_windows(struct core *c, struct part *t)
{
    const struct swarm *s = t->swarm;
    uint8_t *bytes = malloc(MSG_WINDOW_BITS_MAX / 8);
    struct msg m;

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

void swarm__tell(struct core *c, struct part *t)
{
    const struct swarm *s = t->swarm;
    struct msg m;

    t->told = true;
    if (s->have_count != 0 && s->have_count != s->table->count) {
        tell_windows(c, t);
        return;
    }
    begin_have(s, &m);
    m.u.have.all = s->have_count == s->table->count;
    core__send(c, t->conn, &m);
}

static int by_slot(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The fresh slots as a few windows; in them, all that we have. */
static void tell_fresh(struct core *c, struct swarm *s)
{
    uint8_t bytes[HAVE_BATCH * (WINDOW_GAP / 8 + 2)];
    size_t used = 0;
    struct msg m;

    qsort(s->fresh, s->fresh_count, sizeof s->fresh[0], by_slot);
    begin_have(s, &m);
    for (size_t i = 0; i < s->fresh_count;) {
        uint32_t first = s->fresh[i] / 8 * 8;
        uint32_t last = s->fresh[i];
        uint32_t n;

        while (++i < s->fresh_count && s->fresh[i] - last < WINDOW_GAP)
            last = s->fresh[i];
        n = last / 8 * 8 + 8 - first;
        if (n > s->table->count - first)
            n = s->table->count - first;
        if (used + (n + 7) / 8 > sizeof bytes)
            break;
        bits_to_bytes(&s->have, first, n, bytes + used);
        m.u.have.windows[m.u.have.count++] =
            (struct msg_window){first, n, bytes + used};
        used += (n + 7) / 8;
    }
    s->fresh_count = 0;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && t->told && !t->all && p->greeted)
            core__send(c, p, &m);
    }
}

/* ---- hearing
 * ---------------------------------------------------------------------------
 */

static void hear_all(struct swarm *s, struct part *t)
{
    if (t->all)
        return;
    for (uint32_t i = 0; i < s->table->count; i++)
        if (bits_get(&t->has, i))
            s->avail[i]--;
    bits_deinit(&t->has);
    t->all = true;
    s->all_parts++;
}

static void hear_slot(struct swarm *s, struct part *t, uint32_t slot)
{
    if (slot >= t->has.count || bits_get(&t->has, slot))
        return;
    bits_set(&t->has, slot);
    if (slot < s->table->count)
        s->avail[slot]++;
}

static void hear_window(struct swarm *s, struct part *t,
                        const struct msg_window *w)
{
    for (uint32_t i = 0; i < w->bit_count; i++)
        if ((w->bits[i / 8] & (0x80u >> (i % 8))) != 0)
            hear_slot(s, t, w->first + i);
}

static bool slots_fit(const struct swarm *s, uint32_t slots)
{
    if (slots == s->table->count || slots == swarm__blobs(s))
        return true;
    return !s->has_manifest && slots > swarm__blobs(s);
}

static void load_for(struct core *c, struct conn *p,
                     const struct record_id *edition)
{
    for (size_t i = 0; i < p->interest_count; i++) {
        struct core_effect *fx;
        struct load *l;

        if (!p->interests[i].has_edition ||
            !record_id_eq(&p->interests[i].edition, edition))
            continue;
        l = load__new(c, LOAD_SERVE);
        if (l == NULL)
            return;
        l->conn = p->no;
        l->course = p->interests[i].course;
        l->edition = *edition;
        fx = core__effect(c, FX_LOAD_EDITION);
        fx->u.load_edition.token = l->token;
        fx->u.load_edition.course = l->course;
        return;
    }
}

static void hear(struct swarm *s, struct part *t, const struct msg *m)
{
    uint32_t slots = m->u.have.slots;

    if (slots > t->slots || !t->heard)
        t->slots = slots;
    t->heard = true;
    if (!t->all && t->has.count < slots)
        (void)bits_grow(&t->has, slots);
    if (m->u.have.all && slots >= s->table->count)
        hear_all(s, t);
    for (uint32_t i = 0; m->u.have.all && !t->all && i < slots; i++)
        hear_slot(s, t, i);
    for (size_t i = 0; i < m->u.have.count && !t->all; i++)
        hear_window(s, t, &m->u.have.windows[i]);
    if (!t->all && s->has_manifest && t->slots == s->table->count &&
        bits_total(&t->has) >= s->table->count)
        hear_all(s, t);
}

void swarm__have(struct core *c, struct conn *p, const struct msg *m)
{
    struct swarm *s = swarm__by_edition(c, &m->u.have.edition);
    struct part *t;

    if (s == NULL) {
        if (peer__spend(c, p))
            load_for(c, p, &m->u.have.edition);
        else
            peer__penalty(c, p, 1);
        return;
    }
    if (!slots_fit(s, m->u.have.slots)) {
        peer__ban(c, p, c->cfg.limits.ban_protocol_ms,
                  "counts the slots of an edition wrongly");
        return;
    }
    t = swarm__join(c, s, p);
    if (t == NULL)
        return;
    s->used_ms = c->now_ms;
    hear(s, t, m);
    if (!t->told)
        swarm__tell(c, t);
    c->pump_down = true;
}

/* ---- who else is there
 * --------------------------------------------------------------------- */

/* Where others can reach @p, or false. */
static bool reachable_at(const struct conn *p, struct address *out)
{
    if (!p->greeted || p->dropping ||
        !address_parse(p->address, strlen(p->address), out))
        return false;
    if (!p->outbound)
        out->port = p->listen_port;
    return out->port != 0;
}

static void add_peer(struct msg *m, const struct conn *p,
                     char host[MSG_HOST_MAX])
{
    struct msg_peer *out = &m->u.peers.list[m->u.peers.count];
    struct address a;
    char text[CORE_ADDRESS_MAX];
    char *start = text;
    char *end;

    if (!reachable_at(p, &a))
        return;
    address_format(&a, text);
    end = strrchr(text, ':');
    if (end == NULL)
        return;
    if (*start == '[') {
        start++;
        end--;
    }
    memcpy(host, start, (size_t)(end - start));
    out->node = p->node;
    out->host.p = (const uint8_t *)host;
    out->host.len = (size_t)(end - start);
    out->port = a.port;
    m->u.peers.count++;
}

static void introduce(struct core *c, struct swarm *s, struct part *to)
{
    char hosts[MSG_PEERS_MAX][MSG_HOST_MAX];
    struct msg m = {.type = MSG_PEERS};

    m.u.peers.course = s->course;
    for (struct conn *p = c->conns;
         p != NULL && m.u.peers.count < MSG_PEERS_MAX; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t == NULL || t == to || !t->heard || t->joined <= to->told_joined ||
            (p->scope != SCOPE_PUBLIC && p->scope != to->conn->scope) ||
            node_id_eq(&p->node, &to->conn->node))
            continue;
        add_peer(&m, p, hosts[m.u.peers.count]);
    }
    to->told_joined = s->joined;
    if (m.u.peers.count != 0)
        core__send(c, to->conn, &m);
}

void swarm__peers(struct core *c, struct conn *p, const struct msg *m)
{
    if (!peer__spend(c, p)) {
        peer__penalty(c, p, 1);
        return;
    }
    for (size_t i = 0; i < m->u.peers.count; i++)
        book__exchange(c, p, &m->u.peers.course, &m->u.peers.list[i]);
}

/* ---- the tick
 * ---------------------------------------------------------------------------------
 */

static void measure_rate(struct core *c, struct swarm *s)
{
    uint64_t span = c->now_ms - s->rate_since_ms;

    if (span < 500)
        return;
    s->rate_bps = (s->rate_bps + s->rate_bytes * 1000 / span) / 2;
    s->rate_bytes = 0;
    s->rate_since_ms = c->now_ms;
}

static bool in_use(struct core *c, const struct swarm *s)
{
    const struct topic *t = topic__find(c, &s->course);

    return s->fetching || s->loading_manifest || s->part_count != 0 ||
           (t != NULL && t->swarm == s);
}

static void introduce_all(struct core *c, struct swarm *s)
{
    s->peers_ms = c->now_ms;
    for (struct conn *p = c->conns; p != NULL; p = p->next) {
        struct part *t = swarm__part(s, p);

        if (t != NULL && t->heard && t->told_joined != s->joined)
            introduce(c, s, t);
    }
}

void swarm__tick(struct core *c)
{
    struct swarm *next;

    for (struct swarm *s = c->swarms; s != NULL; s = next) {
        next = s->next;
        measure_rate(c, s);
        if (s->fresh_count != 0 && (s->fresh_count == HAVE_BATCH ||
                                    c->now_ms - s->tell_ms >= HAVE_EVERY_MS)) {
            s->tell_ms = c->now_ms;
            tell_fresh(c, s);
        }
        if (s->part_count > 1 && c->now_ms - s->peers_ms >= PEERS_EVERY_MS)
            introduce_all(c, s);
        if (!in_use(c, s) && c->now_ms - s->used_ms >= SWARM_IDLE_MS)
            swarm__close(c, s);
    }
}
