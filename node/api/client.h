/* client: what a command uses to talk to the node of a home: over the socket
 * when one runs, else it hosts the node itself for as long as the command
 * takes. */
#ifndef NODE_API_CLIENT_H
#define NODE_API_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "crypto/base/err.h"
#include "node/driver/node.h"

struct client;

struct client_options {
    const char *home;   /* made when missing */
    const char *what;   /* words for others: "get" */
    const char *listen; /* when hosting; NULL = dial only */
    bool offline;
    bool must_host;   /* node run: ERR_BUSY when somebody has the home */
    node_log_fn *log; /* of the node, when hosting; NULL: none */
    void *log_user;
};

/** client_open - ERR_REFUSED (modes), ERR_BUSY (held, and no answer), ... */
int client_open(const struct client_options *opt, struct client **out,
                struct err *e);

/** client_hosts - is the node in this process? */
bool client_hosts(const struct client *c);

typedef void client_event_fn(void *user, const json_t *event);

/**
 * client_call - ask and wait. SIGINT and SIGTERM cancel the call.
 * *out_result: the result, also beside an error when there is one; NULL if not.
 * Return: 0 or the node's ERR_*; ERR_INTERRUPTED.
 */
int client_call(struct client *c, const json_t *request,
                client_event_fn *on_event, void *user, json_t **out_result,
                struct err *e);

struct client_hooks {
    /* Peers are accepted now, at "ADDR:PORT", by the node of this key. */
    void (*ready)(void *user, const char *address, const char *key);
    /* Every alive_ms, if not 0, from the loop that does the work. */
    void (*alive)(void *user);
    uint64_t alive_ms;
    void *user;
};

/** client_serve - host until SIGTERM or SIGINT: `node run`. */
int client_serve(struct client *c, const struct client_hooks *hooks,
                 struct err *e);

/** client_close - wait for those attached to us, stop what we host. */
void client_close(struct client *c);

#endif
