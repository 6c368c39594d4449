/* shrink: the smallest plan that breaks the same invariant: parts are left out
 * one by one and numbers made smaller, for as long as it still does. */
#ifndef SIMULATIONS_SHRINK_H
#define SIMULATIONS_SHRINK_H

#include "simulations/plan_cut.h"

/**
 * shrink - cut @p, in which invariant @name breaks.
 * @tries_max: runs at most.
 * @cut: how it is cut already; then as far as that could be taken.
 * Return: runs made.
 */
unsigned shrink(const struct plan *p, const char *name, unsigned tries_max,
                struct plan_cut *cut);

#endif
