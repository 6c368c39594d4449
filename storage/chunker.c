#include "storage/chunker.h"

#include "storage/chunker_gear.inc"

#define KIB 1024u
/* 2^64 / (4 avg) and 2^64 * 4 / avg, for avg a power of two. */
#define SMALL(avg) ((UINT64_MAX / (4 * (uint64_t)(avg))) + 1)
#define LARGE(avg) (((UINT64_MAX / (uint64_t)(avg)) + 1) * 4)
#define PROFILE(avg)                                                           \
    {                                                                          \
        (avg) / 4, (avg), 4 * (avg), SMALL(avg), LARGE(avg)                    \
    }

const struct chunker_profile *chunker_profile(enum stream_profile p)
{
    static const struct chunker_profile profiles[] = {
        [STREAM_TEXT] = PROFILE(256 * KIB),
        [STREAM_MEDIA] = PROFILE(64 * KIB),
    };

    return &profiles[p];
}

uint64_t chunker_gear(uint8_t i)
{
    return gear[i];
}

/* SPEC 4.6: "a gear hash h = (h << 1) + gear[byte]; no cut below min" */
static size_t scan(const uint8_t *data, size_t from, size_t to, uint64_t limit,
                   uint64_t *h)
{
    uint64_t hash = *h;
    size_t i = from;

    for (; i + 4 <= to; i += 4) {
        hash = (hash << 1) + gear[data[i]];
        if (hash < limit)
            return i + 1;
        hash = (hash << 1) + gear[data[i + 1]];
        if (hash < limit)
            return i + 2;
        hash = (hash << 1) + gear[data[i + 2]];
        if (hash < limit)
            return i + 3;
        hash = (hash << 1) + gear[data[i + 3]];
        if (hash < limit)
            return i + 4;
    }
    for (; i < to; i++) {
        hash = (hash << 1) + gear[data[i]];
        if (hash < limit)
            return i + 1;
    }
    *h = hash;
    return 0;
}

size_t chunker_cut(const struct chunker_profile *p, const uint8_t *data,
                   size_t len, bool last)
{
    size_t end = len < p->max ? len : p->max;
    size_t middle = end < p->avg ? end : p->avg;
    uint64_t hash = 0;
    size_t cut = 0;

    if (len <= p->min)
        return last ? len : 0;
    /* The hash forgets a byte after 64 steps: start so far before min. */
    (void)scan(data, p->min - 64, p->min, 0, &hash);
    cut = scan(data, p->min, middle, p->threshold_small, &hash);
    if (cut == 0 && middle < end)
        cut = scan(data, middle, end, p->threshold_large, &hash);
    if (cut != 0)
        return cut;
    return end == p->max || last ? end : 0;
}
