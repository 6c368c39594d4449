#include "node/api/socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int socket_path_open(const char *home, struct socket_path *out, struct err *e)
{
    out->dir = -1;
    if ((size_t)snprintf(out->text, sizeof out->text, "%s/node.sock", home) <
        sizeof out->text)
        return 0;
    out->dir = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->dir < 0)
        return err_errno(e, errno, "open home '%s'", home);
    (void)snprintf(out->text, sizeof out->text, "/proc/self/fd/%d/node.sock",
                   out->dir);
    return 0;
}

void socket_path_close(struct socket_path *p)
{
    if (p->dir >= 0)
        (void)close(p->dir);
    p->dir = -1;
}
