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

/* Any part of any file lies in slots of its own stream, and files are found. */
static void ask(const struct manifest *m)
{
    uint32_t head = m->table.index_count + m->table.tree_count;

    for (uint32_t i = 0; i < m->file_count; i++) {
        const struct manifest_file *f = &m->files[i];
        uint32_t first;
        uint32_t count;
        uint32_t skip;

        if (manifest_find(m, f->path) != i)
            abort();
        manifest_slots_of(m, i, f->size / 2, f->size, &first, &count, &skip);
        for (uint32_t k = 0; k < count; k++)
            if (first < head || first + k >= m->table.count ||
                manifest_stream_of(m, first + k) != f->stream)
                abort();
    }
    if (manifest_find(m, "") >= 0)
        abort();
}

/* Entries of blobs, as an edition record has them. */
static void read_blobs(struct span index, struct span tree)
{
    struct chunk_table t;
    uint8_t entry[CHUNK_ENTRY_BYTES];

    tree.len -= tree.len % CHUNK_ENTRY_BYTES;
    if (chunk_table_from_blobs(index, tree, &t, NULL) != 0)
        return;
    for (uint32_t i = 0; i < t.index_count; i++) {
        chunk_entry_encode(&t.refs[i], entry);
        if (memcmp(entry, index.p + i * sizeof entry, sizeof entry) != 0)
            abort();
    }
    chunk_table_deinit(&t);
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
    read_blobs(index, tree);
    read_blobs(index, index);
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
            ask(&m);
            manifest_deinit(&m);
        }
    }
    return 0;
}
