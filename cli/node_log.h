/* node_log: the lines that `node run` writes to stderr, as text or as JSON.
 * Peers cause most of them, so there are at most two a second for long, and the
 * node's own log file is set aside at 8 MiB: one older one is kept. A file that
 * somebody else gave us as stderr is theirs. */
#ifndef CLI_NODE_LOG_H
#define CLI_NODE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "node/driver/node.h"

struct node_log {
    bool json;
    enum node_log_level least; /* nothing below it */
    uint64_t used_ms;          /* the bucket: used up to that time */
    uint64_t skipped;          /* lines, since the last one written */
    const char *file;          /* set aside when large; NULL: not ours */
};

/** node_log_write - a node_log_fn; @user: a struct node_log. */
void node_log_write(void *user, enum node_log_level level, const char *event,
                    const char *const *facts);

#endif
