/* alloc_fail: lets an allocation of the code under test fail. Counts what this
 * thread asks of malloc, calloc and realloc between alloc_fail_after and
 * alloc_fail_stop; what shared libraries ask is not seen. Acts in programs that
 * link lyceum_sim, which wraps the three: the code under test is as it is. */
#ifndef SIMULATIONS_ALLOC_FAIL_H
#define SIMULATIONS_ALLOC_FAIL_H

#include <stdint.h>

/** alloc_fail_after - @n go well, then @times fail, then all go well. */
void alloc_fail_after(uint64_t n, uint64_t times);

/** alloc_fail_stop - none fails any more. Return: how many were counted. */
uint64_t alloc_fail_stop(void);

#endif
