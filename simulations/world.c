#include "simulations/world.h"

#include <stdlib.h>

#include "simulations/mem.h"

struct due {
    uint64_t at_us;
    uint64_t number;
    world_fn *fn;
    void *user;
    uint64_t arg;
};

struct world {
    struct due *heap; /* binary, the next one at 0 */
    size_t count, cap;
    uint64_t now_us;
    uint64_t numbers; /* given out */
    uint64_t done;
};

struct world *world_new(void)
{
    return mem_new(1, sizeof(struct world));
}

void world_free(struct world *w)
{
    if (w == NULL)
        return;
    free(w->heap);
    free(w);
}

uint64_t world_now_us(const struct world *w)
{
    return w->now_us;
}

static bool before(const struct due *a, const struct due *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    return a->number < b->number;
}

void world_at(struct world *w, uint64_t at_us, world_fn *fn, void *user,
              uint64_t arg)
{
    struct due d = {at_us > w->now_us ? at_us : w->now_us, w->numbers++, fn,
                    user, arg};
    size_t i = w->count++;

    if (w->count > w->cap) {
        w->cap = w->cap != 0 ? 2 * w->cap : 256;
        w->heap = mem_grow(w->heap, w->cap, sizeof *w->heap);
    }
    while (i != 0 && before(&d, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = d;
}

void world_after(struct world *w, uint64_t delay_us, world_fn *fn, void *user,
                 uint64_t arg)
{
    world_at(w, w->now_us + delay_us, fn, user, arg);
}

static struct due take(struct world *w)
{
    struct due first = w->heap[0];
    struct due last = w->heap[--w->count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= w->count)
            break;
        if (child + 1 < w->count &&
            before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

bool world_step(struct world *w)
{
    struct due d;

    if (w->count == 0)
        return false;
    d = take(w);
    w->now_us = d.at_us;
    w->done++;
    d.fn(d.user, d.arg);
    return true;
}

uint64_t world_next_us(const struct world *w)
{
    return w->count != 0 ? w->heap[0].at_us : UINT64_MAX;
}

uint64_t world_count(const struct world *w)
{
    return w->done;
}
