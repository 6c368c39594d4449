/* reader_run: the thread of a reader: from the store into the pipe, waiting for
 * chunks that are not there yet. It has a thread of its own because whoever
 * reads the pipe may take hours. */
#ifndef NODE_DRIVER_READER_RUN_H
#define NODE_DRIVER_READER_RUN_H

#include <stdatomic.h>

#include "node/driver/node.h"

struct reader_run {
    /* given */
    struct store *store;
    const struct manifest *m;
    uint32_t file;
    uint64_t off, end; /* in the file */
    int fd;
    /* seen from outside while it runs */
    _Atomic bool stop;
    _Atomic bool waiting; /* for the chunk at `at` */
    _Atomic bool ended;   /* the thread is about to return: join it */
    _Atomic uint64_t at;  /* everything before is written */
    /* once it has ended */
    int rc;      /* 0: all written, stopped or `closed`; ERR_CORRUPT,
                    ERR_NOT_FOUND: a chunk was lost; ERR_IO, ERR_NOMEM */
    bool closed; /* nobody reads the pipe any more */
    struct err err;
    uv_thread_t thread;
};

/** reader_run_start - 0 or ERR_NOMEM. Then wait for `ended` and join. */
int reader_run_start(struct reader_run *r);
/** reader_run_join - of one that has ended, or will at once. */
void reader_run_join(struct reader_run *r);

#endif
