/* describe: a frame in a few words, for the trace. */
#ifndef SIMULATIONS_DESCRIBE_H
#define SIMULATIONS_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

#include "node/core/core.h"

#define DESCRIBE_MAX 96

/** describe_frame - "WANT e=91bc slots=16" and the like; "garbage" when it does
 *  not decode. */
void describe_frame(const uint8_t *data, size_t len, char out[DESCRIBE_MAX]);

/** describe_notice - "complete" and the like. */
const char *describe_notice(enum core_notice n);

#endif
