/* socket_path: a name for HOME/node.sock that fits into a socket address (107
 * bytes), through /proc/self/fd when the home's own does not. */
#ifndef NODE_API_SOCKET_PATH_H
#define NODE_API_SOCKET_PATH_H

#include "crypto/base/err.h"

struct socket_path {
    int dir; /* open folder that the text goes through, or -1 */
    char text[108];
};

int socket_path_open(const char *home, struct socket_path *out, struct err *e);
void socket_path_close(struct socket_path *p);

#endif
