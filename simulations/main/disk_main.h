/* disk_main: `sim --disk`: storms on a virtual disk, by seed. */
#ifndef SIMULATIONS_MAIN_DISK_MAIN_H
#define SIMULATIONS_MAIN_DISK_MAIN_H

#include <stdbool.h>
#include <stdint.h>

/** disk_main - run seeds @first and the @count - 1 behind it; each 50th twice.
 *  @trace: print every line. Return: the exit code. */
int disk_main(uint64_t first, uint64_t count, bool trace);

/** disk_mutations - each deliberate defect, and the first of @most seeds in
 *  which an invariant notices it. Return: 1 when one was not. */
int disk_mutations(uint64_t most);

#endif
