/* The port that peers call: can it be had, and who has it? */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/doctor/doctor.h"

#define LINE_CHARS 512
#define LISTENING 0x0a /* state of a TCP socket */

/* "ADDR:PORT" apart; IPv6 in brackets. */
static bool split(const char *text, char host[128], char port[16])
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;

    if (n == 0 || n >= 128 || strlen(colon + 1) >= 16)
        return false;
    if (text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    (void)snprintf(host, 128, "%.*s", (int)n, text);
    (void)snprintf(port, 16, "%s", colon + 1);
    return true;
}

/* Return: 0 or -errno. As the node does it, but nobody is let in. */
static int try_bind(const char *where)
{
    struct addrinfo want = {.ai_flags =
                                AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                            .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    char host[128];
    char port[16];
    int one = 1;
    int rc = 0;
    int fd;

    if (!split(where, host, port) ||
        getaddrinfo(host[0] == '*' ? NULL : host, port, &want, &at) != 0)
        return -EINVAL;
    fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        rc = -errno;
    if (rc == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 1) != 0)
            rc = -errno;
    }
    if (fd >= 0)
        (void)close(fd);
    freeaddrinfo(at);
    return rc;
}

/* ---- who has it ------------------------------------------------------ */

/* Field @n of a line of /proc/net/tcp, counted from 0; "" beyond the last. */
static const char *field(const char *line, int n)
{
    line += strspn(line, " ");
    for (; n > 0; n--) {
        line += strcspn(line, " \n");
        line += strspn(line, " ");
    }
    return line;
}

/* The inode of the socket that listens on @port, by a table of the kernel's. */
static unsigned long listener_of(const char *table, unsigned port)
{
    FILE *f = fopen(table, "re");
    char line[LINE_CHARS];
    unsigned long found = 0;

    while (f != NULL && found == 0 && fgets(line, sizeof line, f) != NULL) {
        const char *at = strchr(field(line, 1), ':');

        if (at != NULL && strtoul(at + 1, NULL, 16) == port &&
            strtoul(field(line, 3), NULL, 16) == LISTENING)
            found = strtoul(field(line, 9), NULL, 10);
    }
    if (f != NULL)
        (void)fclose(f);
    return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
    char path[300];
    char want[64];
    char link[64];
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    (void)snprintf(want, sizeof want, "socket:[%lu]", inode);
    dir = opendir(path);
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        ssize_t n =
            readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);

        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, want) == 0;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

static void read_name(const char *pid, char *out, size_t cap)
{
    char path[300];
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    f = fopen(path, "re");
    if (f == NULL || fgets(out, (int)cap, f) == NULL)
        (void)snprintf(out, cap, "?");
    out[strcspn(out, "\n")] = '\0';
    if (f != NULL)
        (void)fclose(f);
}

/* false: a process of somebody else's, which we may not look at. */
static bool holder_of(unsigned port, char *name, size_t cap, char pid[16])
{
    unsigned long inode = listener_of("/proc/net/tcp", port);
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    if (inode == 0)
        inode = listener_of("/proc/net/tcp6", port);
    dir = inode != 0 ? opendir("/proc") : NULL;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        found = has_socket(entry->d_name, inode);
        if (found) {
            read_name(entry->d_name, name, cap);
            (void)snprintf(pid, 16, "%.15s", entry->d_name);
        }
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

/* ---- what is said ---------------------------------------------------- */

static void taken(struct doctor *d)
{
    struct err *said = doctor_note(d, "port", DOCTOR_PROBLEM);
    const char *colon = strrchr(d->listen, ':');
    char name[64];
    char pid[16];

    if (holder_of((unsigned)strtoul(colon + 1, NULL, 10), name, sizeof name,
                  pid))
        (void)err_set(said, ERR_BUSY, "'%.100s' is taken by %s (process %s)",
                      d->listen, name, pid);
    else
        (void)err_set(said, ERR_BUSY, "'%.100s' is taken by somebody else",
                      d->listen);
    err_hint(said, "lyceum config set listen 0.0.0.0:PORT with a free port");
}

void doctor_port(struct doctor *d)
{
    struct err *said;
    int rc;

    if (d->answers) {
        said = doctor_note(d, "port", DOCTOR_OK);
        if (d->listening != NULL)
            (void)err_set(said, 0, "peers are accepted at %.100s",
                          d->listening);
        else
            (void)err_set(said, 0, "this node calls others only");
        return;
    }
    rc = try_bind(d->listen);
    if (rc == -EADDRINUSE) {
        taken(d);
    } else if (rc != 0) {
        said = doctor_note(d, "port", DOCTOR_PROBLEM);
        (void)err_errno(said, -rc, "accept peers at '%.100s'", d->listen);
        err_hint(said, "lyceum config set listen 0.0.0.0:7460");
    } else {
        said = doctor_note(d, "port", DOCTOR_OK);
        (void)err_set(said, 0, "'%.100s' is free", d->listen);
    }
}
