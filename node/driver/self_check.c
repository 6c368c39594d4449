/* self_check: dials our own listener without CURVE, which must not let us in: a
 * libzmq built or set up otherwise than we think would serve anybody. Takes
 * about a millisecond; speaks ZMTP 3.1 by hand. Source: RFC 37. */
#include "node/driver/transport_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#define GREETING_BYTES 64
#define WAIT_MS 3000

static int connect_to(const struct address *a)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(a->port)};
    struct sockaddr_in to4 = {.sin_family = AF_INET,
                              .sin_port = htons(a->port)};
    bool v4 = memcmp(a->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    memcpy(&to.sin6_addr, a->ip, 16);
    memcpy(&to4.sin_addr, a->ip + 12, 4);
    if (fd < 0)
        return -1;
    rc = v4 ? connect(fd, (const struct sockaddr *)&to4, sizeof to4)
            : connect(fd, (const struct sockaddr *)&to, sizeof to);
    if (rc == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* How a client says hello that knows no security at all. */
static size_t null_client(uint8_t out[128])
{
    static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type"
                                   "\0\0\0\x06"
                                   "DEALER";

    memset(out, 0, GREETING_BYTES);
    out[0] = 0xff;
    out[9] = 0x7f;
    out[10] = 3;
    out[11] = 1;
    memcpy(out + 12, "NULL", 4);
    memcpy(out + GREETING_BYTES, ready, sizeof ready - 1);
    return GREETING_BYTES + sizeof ready - 1;
}

/* Return: bytes that came until the other side hung up, or -1 if it did not. */
static ssize_t read_all(int fd)
{
    uint8_t buffer[256];
    size_t total = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (total < sizeof buffer) {
        ssize_t n;

        if (poll(&p, 1, WAIT_MS) <= 0)
            return -1;
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return (ssize_t)total; /* a reset is as good as an end */
        total += (size_t)n;
    }
    return -1;
}

int self_check(const char *address, struct err *e)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t any[16];
    struct address a;
    enum peer_scope scope;
    uint8_t hello[128];
    size_t len = null_client(hello);
    ssize_t got;
    int fd;

    if (!address_parse(address, strlen(address), &a))
        return err_set(e, ERR_FAILED, "self-check of '%s'", address);
    if (memcmp(a.ip, any, 16) == 0)
        memcpy(a.ip, loopback, 16);
    else if (!address_scope(a.ip, &scope))
        memcpy(a.ip + 12, "\x7f\0\0\1", 4); /* 0.0.0.0 */
    fd = connect_to(&a);
    if (fd < 0)
        return err_set(e, ERR_NETWORK, "dial our own '%s': %s", address,
                       strerror(errno));
    (void)send(fd, hello, len, MSG_NOSIGNAL);
    got = read_all(fd);
    (void)close(fd);
    if (got < 0 || got > GREETING_BYTES)
        return err_set(e, ERR_FAILED,
                       "'%s' does not turn away who has no key: not listening",
                       address);
    return 0;
}
