#include "simulations/sim_disk.h"

#include <stdlib.h>
#include <string.h>

#include "simulations/mem.h"

struct slot { /* in order of arrival */
    struct chunk_id id;
    uint8_t *bytes; /* NULL: removed */
    size_t len;
    uint64_t since_us;
    bool flushed, rotten;
};

struct sim_disk {
    struct slot *slots;
    size_t count, cap;
    size_t held;
    uint32_t *table; /* open addressing: slot + 1, 0 = free */
    size_t mask;
};

struct sim_disk *sim_disk_new(void)
{
    struct sim_disk *d = mem_new(1, sizeof *d);

    d->mask = 63;
    d->table = mem_new(d->mask + 1, sizeof *d->table);
    return d;
}

void sim_disk_free(struct sim_disk *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++)
        free(d->slots[i].bytes);
    free(d->slots);
    free(d->table);
    free(d);
}

/* Ids are digests: their first bytes are as good as any hash. */
static size_t start_of(const struct sim_disk *d, const struct chunk_id *id)
{
    uint64_t word;

    memcpy(&word, id->b, sizeof word);
    return (size_t)word & d->mask;
}

static struct slot *find(const struct sim_disk *d, const struct chunk_id *id)
{
    for (size_t i = start_of(d, id); d->table[i] != 0; i = (i + 1) & d->mask)
        if (chunk_id_eq(&d->slots[d->table[i] - 1].id, id))
            return &d->slots[d->table[i] - 1];
    return NULL;
}

static void enter(struct sim_disk *d, uint32_t slot)
{
    size_t i = start_of(d, &d->slots[slot].id);

    while (d->table[i] != 0)
        i = (i + 1) & d->mask;
    d->table[i] = slot + 1;
}

static void widen(struct sim_disk *d)
{
    free(d->table);
    d->mask = 2 * d->mask + 1;
    d->table = mem_new(d->mask + 1, sizeof *d->table);
    for (size_t i = 0; i < d->count; i++)
        enter(d, (uint32_t)i);
}

void sim_disk_put(struct sim_disk *d, const struct chunk_id *id,
                  const uint8_t *p, size_t len, uint64_t now_us)
{
    struct slot *s = find(d, id);

    if (s != NULL && s->bytes != NULL)
        return;
    if (s == NULL) {
        if (d->count == d->cap) {
            d->cap = d->cap != 0 ? 2 * d->cap : 32;
            d->slots = mem_grow(d->slots, d->cap, sizeof *d->slots);
        }
        s = &d->slots[d->count++];
        s->id = *id;
        if (2 * d->count > d->mask)
            widen(d); /* enters the new one too */
        else
            enter(d, (uint32_t)d->count - 1);
    }
    s->bytes = mem_copy(p, len);
    s->len = len;
    s->since_us = now_us;
    s->flushed = s->rotten = false;
    d->held++;
}

uint64_t sim_disk_since(const struct sim_disk *d, const struct chunk_id *id)
{
    const struct slot *s = find(d, id);

    return s != NULL && s->bytes != NULL ? s->since_us : UINT64_MAX;
}

struct span sim_disk_get(const struct sim_disk *d, const struct chunk_id *id)
{
    const struct slot *s = find(d, id);

    if (s == NULL || s->bytes == NULL)
        return (struct span){NULL, 0};
    return (struct span){s->bytes, s->len};
}

static void drop(struct sim_disk *d, struct slot *s)
{
    if (s->bytes == NULL)
        return;
    free(s->bytes);
    s->bytes = NULL;
    d->held--;
}

void sim_disk_flush(struct sim_disk *d)
{
    for (size_t i = 0; i < d->count; i++)
        d->slots[i].flushed = true;
}

size_t sim_disk_crash(struct sim_disk *d, struct rng *rng)
{
    size_t before = d->held;

    for (size_t i = 0; i < d->count; i++)
        if (!d->slots[i].flushed && rng_below(rng, 2) == 0)
            drop(d, &d->slots[i]);
    return before - d->held;
}

void sim_disk_rot(struct sim_disk *d, uint64_t pick)
{
    struct slot *s;

    if (d->held == 0)
        return;
    s = &d->slots[pick % d->count];
    if (s->bytes == NULL)
        return;
    s->bytes[pick % s->len] ^= 1;
    s->rotten = true;
}

bool sim_disk_rotten(const struct sim_disk *d, const struct chunk_id *id)
{
    const struct slot *s = find(d, id);

    return s != NULL && s->bytes != NULL && s->rotten;
}

void sim_disk_remove(struct sim_disk *d, const struct chunk_id *id)
{
    struct slot *s = find(d, id);

    if (s != NULL)
        drop(d, s);
}

size_t sim_disk_count(const struct sim_disk *d)
{
    return d->held;
}
