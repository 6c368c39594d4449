/* catalog_row: what the index says of a record: one row of the table `record`.
 * All with the index locked. */
#ifndef STORAGE_CATALOG_ROW_H
#define STORAGE_CATALOG_ROW_H

#include "storage/catalog_internal.h"

struct row {
    struct record r;
    struct record_id id;
    struct course_id course;
    bool has_course;
    uint64_t seq;
    struct record_id prev;
    uint64_t time_ms;
    uint64_t at; /* of its entry in the log */
    size_t len;
    enum state state;
    bool said; /* a revocation that says no more than one that is kept */
};

/** catalog__fill_row - all but its place and state, from row->r. */
int catalog__fill_row(struct row *row, struct err *e);

/** catalog__find_row - ERR_NOT_FOUND without text. */
int catalog__find_row(struct catalog *c, const struct record_id *id,
                      uint64_t *out_at, enum state *out_state, struct err *e);

/** catalog__find_edition - that of @course which is current (@seq 0), or that
 * of
 * @seq which is no fork: @author's, or with NULL anybody's. ERR_NOT_FOUND
 * without text. */
int catalog__find_edition(struct catalog *c, const struct course_id *course,
                          const struct author_id *author, uint64_t seq,
                          struct record_id *out_id, uint64_t *out_seq,
                          struct err *e);

/** catalog__commit_row - in a transaction of its own; the edition that was
 *  current goes where this one is. */
int catalog__commit_row(struct catalog *c, const struct row *row,
                        struct err *e);

/** catalog__forget_rows - all of @course counts as removed. */
int catalog__forget_rows(struct catalog *c, const struct course_id *course,
                         struct err *e);

/* catalog_rules.c */

/** catalog__judge - row->state, by what is here. ERR_REFUSED: it may not be. */
int catalog__judge(struct catalog *c, struct row *row, struct err *e);

/* catalog.c */

/** catalog__take_rest - what a put had to leave to later, before anybody asks.
 */
int catalog__take_rest(struct catalog *c, struct err *e);

#endif
