/* Both blobs: the first byte says how many 40-byte entries the index has. A
 * tree that is accepted encodes to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "storage/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum_of(const uint8_t *index, size_t n)
{
    struct chunk_ref ref;
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        if (chunk_entry_decode(index + i * CHUNK_ENTRY_BYTES, &ref) == 0)
            total += ref.stored_len;
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chunk_ref blobs[2] = {{.stored_len = 1, .raw_len = 1},
                                 {.stored_len = 1, .raw_len = 1}};
    struct chunk_table table = {blobs, 2, 1, 1};
    size_t entries = size != 0 ? data[0] % 8u : 0;
    size_t head = 1 + entries * CHUNK_ENTRY_BYTES;
    struct span index;
    struct span tree;

    if (size < head)
        return 0;
    index = (struct span){data + 1, head - 1};
    tree = (struct span){data + head, size - head};
    /* Totals that fit whatever the tree says: tried for a few counts. */
    for (uint64_t files = 0; files < 4; files++) {
        for (uint64_t bytes = 0; bytes < 12; bytes++) {
            struct manifest_totals t = {files, bytes, entries,
                                        sum_of(data + 1, entries)};
            struct buf out = BUF_INIT;
            struct manifest m;

            if (manifest_decode(&table, index, tree, &t, &m, NULL) != 0)
                continue;
            if (manifest_encode_tree(&m, &out, NULL) != 0 ||
                out.len != tree.len || memcmp(out.base, tree.p, tree.len) != 0)
                abort();
            buf_deinit(&out);
            manifest_deinit(&m);
        }
    }
    return 0;
}
