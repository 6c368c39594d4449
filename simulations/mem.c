#include "simulations/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
    if (p == NULL) {
        (void)fputs("sim: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* The one that alloc_fail lets fail is not meant for us: tried twice. */
void *mem_new(size_t count, size_t size)
{
    void *p = calloc(count != 0 ? count : 1, size);

    if (p == NULL)
        p = calloc(count != 0 ? count : 1, size);
    return need(p);
}

void *mem_grow(void *p, size_t count, size_t size)
{
    void *grown = realloc(p, count * size);

    if (grown == NULL)
        grown = realloc(p, count * size);
    return need(grown);
}

void *mem_copy(const void *p, size_t len)
{
    void *copy = mem_new(len + 1, 1);

    if (len != 0)
        memcpy(copy, p, len);
    return copy;
}
