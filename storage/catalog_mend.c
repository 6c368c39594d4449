/* catalog_mend: what has rotted of the record file, or of the index over it. */
#include "crypto/record.h"
#include "storage/catalog_internal.h"

int catalog__check_id(struct catalog *c, const struct buf *bytes,
                      const struct record_id *id, struct err *e)
{
    struct record r;

    if (record_reopen(bytes->base, bytes->len, c->network, &r, NULL) == 0 &&
        record_id_eq(&r.id, id))
        return 0;
    index_distrust(c->ix);
    return err_set(e, ERR_CORRUPT, "another record stands in its place");
}

int catalog__mend(struct catalog *c, uint64_t at, const uint8_t *record,
                  size_t len, bool own, struct err *e)
{
    struct buf bytes = BUF_INIT;
    uint32_t flags;
    uint64_t next;
    int rc = catalog_log_read(&c->log, at, &bytes, &flags, &next, e);

    buf_deinit(&bytes);
    if (rc != ERR_CORRUPT)
        return rc;
    rc = catalog_log_mend(&c->log, at, record, len, own ? CATALOG_LOG_OWN : 0,
                          e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    index_distrust(c->ix);
    return err_set(e, ERR_IO, "the place of a record is lost");
}
