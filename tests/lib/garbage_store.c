/* garbage_store: makes a node that serves every chunk with one bit flipped.
 * Linked with -Wl,--wrap=store_read into a whole `lyceum`, for the end-to-end
 * tests. */
#include "storage/store.h"

int __real_store_read(struct store *s, const struct chunk_id *id, uint8_t *dst,
                      size_t cap, struct chunk_ref *out_ref, struct err *e);
int __wrap_store_read(struct store *s, const struct chunk_id *id, uint8_t *dst,
                      size_t cap, struct chunk_ref *out_ref, struct err *e);

int __wrap_store_read(struct store *s, const struct chunk_id *id, uint8_t *dst,
                      size_t cap, struct chunk_ref *out_ref, struct err *e)
{
    struct chunk_ref ref;
    int rc = __real_store_read(s, id, dst, cap, &ref, e);

    if (rc == 0 && ref.stored_len > 15000) /* manifests stay readable */
        dst[ref.stored_len / 2] ^= 1;
    if (rc == 0 && out_ref != NULL)
        *out_ref = ref;
    return rc;
}
