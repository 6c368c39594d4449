/* chunker: finds content-defined cut points in a byte stream. Pure: no I/O, no
 * allocation, no state. Does not hash or store; see crypto/digest.h, store.h.
 * Source: Xia et al., "FastCDC", USENIX ATC 2016; node/PROTOCOL.md 4.6. Differs
 * from the paper: thresholds on the whole 64-bit hash instead of bit masks. */
#ifndef STORAGE_CHUNKER_H
#define STORAGE_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/manifest.h"

struct chunker_profile {
    uint32_t min; /* bytes: no cut before */
    uint32_t avg;
    uint32_t max;             /* always a cut here */
    uint64_t threshold_small; /* min..avg: cut where hash < this */
    uint64_t threshold_large; /* avg..max */
};

/** chunker_profile - the frozen parameters of @p. Never NULL. */
const struct chunker_profile *chunker_profile(enum stream_profile p);

/**
 * chunker_cut - length of the first chunk of @data.
 * @last: nothing follows @data.
 * Return: 1..max; 0 when more data is needed to decide (len < max, not last),
 * or when there is no data. Cost: O(chunk), about 5 GB/s.
 */
size_t chunker_cut(const struct chunker_profile *p, const uint8_t *data,
                   size_t len, bool last);

/** chunker_gear - word @i of the gear table, for its test. */
uint64_t chunker_gear(uint8_t i);

#endif
