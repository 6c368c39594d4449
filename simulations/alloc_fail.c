#include "simulations/alloc_fail.h"

#include <stdbool.h>
#include <stddef.h>

static _Thread_local struct {
    bool counts;
    uint64_t asked, first, times;
} state;

void alloc_fail_after(uint64_t n, uint64_t times)
{
    state.asked = 0;
    state.first = n;
    state.times = times;
    state.counts = true;
}

uint64_t alloc_fail_stop(void)
{
    state.counts = false;
    return state.asked;
}

static bool fails(void)
{
    uint64_t i;

    if (!state.counts)
        return false;
    i = state.asked++;
    return i >= state.first && i - state.first < state.times;
}

/* ---- what the linker puts in the place of malloc and the others ------------
 */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}
