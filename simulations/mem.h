/* mem: memory for the simulator, which has no use for going on without. Not for
 * the code under test: that handles its own failures. */
#ifndef SIMULATIONS_MEM_H
#define SIMULATIONS_MEM_H

#include <stddef.h>

/** mem_new - @count zeroed things of @size bytes; aborts when there are none.
 */
void *mem_new(size_t count, size_t size);

/** mem_grow - realloc to @count things of @size; aborts likewise. */
void *mem_grow(void *p, size_t count, size_t size);

/** mem_copy - a copy of @len bytes, never NULL. */
void *mem_copy(const void *p, size_t len);

#endif
