/* server: the API on HOME/node.sock: one JSON object a line, one call at a time
 * a connection. The first line a client gets is {"hello": 1}; {"cancel": true}
 * ends the call that is under way. */
#ifndef NODE_API_SERVER_H
#define NODE_API_SERVER_H

#include "node/driver/node.h"

struct server;

#define SERVER_LINE_MAX (1024u * 1024u)
#define SERVER_CLIENTS_MAX 32

/** server_open - ERR_IO. An old socket of a dead process is replaced: the
 * caller holds the home's lock. */
int server_open(struct node *n, struct server **out, struct err *e);

/** server_clients - connections now. */
unsigned server_clients(const struct server *s);

/** server_close - end all calls, remove the socket; freed from the loop. */
void server_close(struct server *s);

#endif
