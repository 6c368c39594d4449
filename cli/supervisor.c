#include "cli/supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* @out_len: an abstract name ends where it ends, not at a NUL. */
static int address_of(const char *name, struct sockaddr_un *out,
                      socklen_t *out_len, struct err *e)
{
    size_t n = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || n >= sizeof out->sun_path)
        return err_set(e, ERR_INVALID, "no socket to be told through: '%s'",
                       name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, name, n);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    *out_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return 0;
}

int supervisor_tell(const char *state, struct err *e)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to;
    socklen_t len;
    size_t n = strlen(state);
    int rc;
    int fd;

    if (name == NULL || name[0] == '\0')
        return 0;
    rc = address_of(name, &to, &len, e);
    if (rc != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, n, MSG_NOSIGNAL,
                         (const struct sockaddr *)&to, len) != (ssize_t)n)
        rc = err_errno(e, errno, "tell '%s'", name);
    if (fd >= 0)
        (void)close(fd);
    return rc == 0 ? 0 : ERR_IO;
}

/* A number and nothing behind it; 0 for all else. */
static unsigned long long number(const char *name)
{
    const char *text = getenv(name);
    unsigned long long v;
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    v = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? v : 0;
}

uint64_t supervisor_watch_ms(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t us = number("WATCHDOG_USEC");

    if (us == 0 ||
        (pid != NULL && number("WATCHDOG_PID") != (uint64_t)getpid()))
        return 0;
    return us >= 4000 ? us / 2000 : 1;
}
