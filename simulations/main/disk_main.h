/* disk_main: `sim --disk`: storms on a virtual disk, by seed. */
#ifndef SIMULATIONS_MAIN_DISK_MAIN_H
#define SIMULATIONS_MAIN_DISK_MAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** disk_main - run seeds @first and the @count - 1 behind it.
 *  @trace: print every line. Return: the exit code. */
int disk_main(uint64_t first, uint64_t count, uint64_t jobs, bool trace);

/** disk_defects - how many there are, put in on purpose. */
size_t disk_defects(void);

/** disk_try - a line of the table of defects: the first of @most seeds in which
 *  an invariant notices the @i-th. false: none does. */
bool disk_try(size_t i, uint64_t most, FILE *out);

#endif
