/* reader: a range of one file of a course, in order, into a pipe, while it is
 * being fetched. What is here is read at once; what is not is fetched just
 * ahead of the reading (deadline mode) and stays, like everything fetched. A
 * slow reader of the pipe stops the fetching, not the node. */
#ifndef NODE_DRIVER_READER_H
#define NODE_DRIVER_READER_H

#include "node/driver/node.h"

struct reader;

struct reader_range {
    uint64_t off, len; /* len UINT64_MAX: to the end */
    bool tail;         /* the last @len bytes, whatever @off is */
};

struct reader_options {
    struct course_id course;
    const char *path; /* in the course */
    struct reader_range range;
    int fd; /* a pipe to write to, O_NONBLOCK; taken, also on error */
    struct held_manifest *hm; /* the edition that is here; taken; NULL: none */
    bool offline;             /* nothing but what is here */
    uint64_t timeout_ms;      /* without progress while waiting; 0 = 30,000 */
};

struct reader_status {
    uint64_t seq;        /* of the edition; 0: none was found */
    uint64_t size;       /* of the file */
    uint64_t off, len;   /* the range, within the file */
    uint64_t done_bytes; /* of it, written */
    uint64_t first_ms;   /* from the start to the first byte */
    uint64_t elapsed_ms;
    uint64_t fetched_bytes;
    bool closed; /* the other end of the pipe was: no failure */
};

/* The last call; on the loop. 0; ERR_NOT_FOUND: no such file; ERR_INVALID: no
 * such range; ERR_NETWORK, ERR_TIMEOUT: nothing written yet; ERR_PARTIAL: some;
 * ERR_CONFLICT: a newer edition with another file came meanwhile. */
typedef void reader_done_fn(void *user, int rc, const struct err *e,
                            const struct reader_status *s);

/** reader_start - on the loop. At most 32 at a time: ERR_LIMIT. */
int reader_start(struct node *n, const struct reader_options *opt,
                 reader_done_fn *done, void *user, struct reader **out,
                 struct err *e);

/** reader_cancel - done is called with ERR_INTERRUPTED. */
void reader_cancel(struct reader *r);

#endif
