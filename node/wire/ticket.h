/* ticket: a course as a text that people pass on. Pure.
 * Source: node/PROTOCOL.md section 7. */
#ifndef NODE_WIRE_TICKET_H
#define NODE_WIRE_TICKET_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"
#include "crypto/base/ids.h"

#define TICKET_MAX 4096
#define TICKET_PEERS_MAX 16
#define PEER_ADDRESS_MAX 128

struct peer_address {
    struct node_id node;
    char address[PEER_ADDRESS_MAX]; /* "HOST:PORT" */
};

struct ticket {
    struct course_id course;
    struct peer_address peers[TICKET_PEERS_MAX];
    size_t peer_count;
    bool has_author;
    struct author_id author;
    struct buf title; /* may be empty */
};

void ticket_init(struct ticket *t);
void ticket_deinit(struct ticket *t);

/** ticket_is - does @text look like one (its scheme)? */
bool ticket_is(const char *text);

/** ticket_encode - append the text; hints that would take it over TICKET_MAX
 *  are left out. 0 or ERR_NOMEM. */
int ticket_encode(const struct ticket *t, struct buf *out);

/** ticket_decode - @t must be inited. ERR_MALFORMED; unknown hints are passed
 *  over, more peers than fit too. */
int ticket_decode(const char *text, size_t len, struct ticket *t,
                  struct err *e);

/** peer_address_parse - "HOST:PORT@KEY"; IPv6 hosts in brackets. */
int peer_address_parse(const char *text, size_t len, struct peer_address *out,
                       struct err *e);

#endif
