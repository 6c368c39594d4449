/* catalog_rules: which records may be here, and what they are to the others. */
#include "storage/catalog_row.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/course.h"
#include "crypto/edition.h"

static int check_author(struct catalog *c, const struct row *row, struct err *e)
{
    struct buf bytes = BUF_INIT;
    struct course_payload course;
    struct record_id id;
    struct record r;
    int rc;

    memcpy(id.b, row->course.b, sizeof id.b);
    rc = catalog__read(c, &id, &bytes, e);
    if (rc == ERR_NOT_FOUND)
        rc = err_set(e, ERR_REFUSED, "it is of a course that is not known");
    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, c->network, &r, e);
    if (rc == 0 && r.type != RECORD_COURSE)
        rc = err_set(e, ERR_REFUSED, "it is of what is no course");
    if (rc == 0)
        rc = course_decode(r.payload, &course, e);
    /* SPEC 3.3: "The signer MUST be one of the course's authors." */
    if (rc == 0 && !course_has_author(&course, &row->r.signer))
        rc = err_set(e, ERR_REFUSED, "it is by someone who is no author");
    buf_deinit(&bytes);
    return rc;
}

/* A chain is (author, course): co-authors of a course have one each. */
static int check_chain(struct catalog *c, struct row *row, struct err *e)
{
    struct record_id other;
    int rc = catalog__find_edition(c, &row->course, &row->r.signer, row->seq,
                                   &other, NULL, e);

    if (rc == 0 && !record_id_eq(&other, &row->id)) {
        row->state = STATE_FORK;
        return 0;
    }
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (row->seq == 1)
        return 0;
    rc = catalog__find_edition(c, &row->course, &row->r.signer, row->seq - 1,
                               &other, NULL, e);
    /* SPEC 3.3: "where the record of seq - 1 is held, prev MUST be its id" */
    if (rc == 0 && !record_id_eq(&other, &row->prev))
        return err_set(e, ERR_REFUSED,
                       "edition %" PRIu64 " does not follow the one before it",
                       row->seq);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What an edition is to those that are here: row->state. */
static int place_edition(struct catalog *c, struct row *row, struct err *e)
{
    struct record_id current;
    uint64_t top = 0;
    int rc = check_author(c, row, e);

    if (rc == 0)
        rc = check_chain(c, row, e);
    if (rc != 0 || row->state == STATE_FORK)
        return rc;
    rc = catalog__find_edition(c, &row->course, NULL, 0, &current, &top, e);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    /* SPEC 3.3: "seq MUST NOT jump by more than 2^20" */
    if (row->seq > top && row->seq - top > EDITION_SEQ_JUMP_MAX)
        return err_set(e, ERR_REFUSED,
                       "edition number jumps from %" PRIu64 " to %" PRIu64, top,
                       row->seq);
    /* SPEC 3.3: "A seq below the current one never becomes current" */
    row->state = row->seq > top ? STATE_CURRENT : STATE_HISTORY;
    return 0;
}

static int place_revocation(struct catalog *c, struct row *row, struct err *e)
{
    struct revocation_payload p;
    int rc = check_author(c, row, e);

    if (rc == 0)
        rc = revocation_decode(row->r.payload, &p, e);
    return rc == 0 ? catalog__said(c, &row->r.signer, &p, &row->said, e) : rc;
}

int catalog__judge(struct catalog *c, struct row *row, struct err *e)
{
    row->state = STATE_CURRENT;
    if (row->r.type == RECORD_EDITION)
        return place_edition(c, row, e);
    return row->r.type == RECORD_REVOCATION ? place_revocation(c, row, e) : 0;
}
