#include "storage/manifest_load.h"

#include <stdlib.h>

#include "storage/codec.h"

static int read_blob(struct store *s, const struct chunk_ref *refs,
                     uint32_t count, struct codec *codec, struct buf *out,
                     struct err *e)
{
    uint8_t *stored = malloc(CHUNK_RAW_MAX);
    int rc = stored != NULL ? 0 : err_set(e, ERR_NOMEM, "blob");

    for (uint32_t i = 0; i < count && rc == 0; i++) {
        rc = store_read(s, &refs[i].id, stored, CHUNK_RAW_MAX, NULL, e);
        if (rc == 0)
            rc = buf_reserve(out, refs[i].raw_len);
        if (rc == 0)
            rc = codec_decode(codec, stored, refs[i].stored_len, refs[i].flags,
                              out->base + out->len, refs[i].raw_len, e);
        if (rc == 0)
            out->len += refs[i].raw_len;
    }
    free(stored);
    return rc;
}

int manifest_load(struct store *s, const struct chunk_table *blobs,
                  const struct manifest_totals *totals, struct manifest *out_m,
                  struct err *e)
{
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;
    struct codec *codec = codec_new();
    int rc = codec != NULL ? 0 : err_set(e, ERR_NOMEM, "codec");

    if (rc == 0)
        rc = read_blob(s, blobs->refs, blobs->index_count, codec, &index, e);
    if (rc == 0)
        rc = read_blob(s, blobs->refs + blobs->index_count, blobs->tree_count,
                       codec, &tree, e);
    if (rc == 0)
        rc = manifest_decode(blobs, buf_span(&index), buf_span(&tree), totals,
                             out_m, e);
    codec_free(codec);
    buf_deinit(&tree);
    buf_deinit(&index);
    return rc;
}
