/* Who can be reached: on this network by multicast, and from far away. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/doctor/doctor.h"

#define MDNS_GROUP "224.0.0.251"
#define MDNS_PORT 5353
#define WAIT_MS 500

/* A question that any mDNS responder may hear: the services of this network. */
static const uint8_t question[] = {
    0,   0,   0,   0,   0,   1,   0,   0,   0,   0,   0,   0,
    9,   '_', 's', 'e', 'r', 'v', 'i', 'c', 'e', 's', 7,   '_',
    'd', 'n', 's', '-', 's', 'd', 4,   '_', 'u', 'd', 'p', 5,
    'l', 'o', 'c', 'a', 'l', 0,   0,   12,  0,   1};

/* ---- the network it stands in ---------------------------------------- */

static int open_group(const struct in_addr *on)
{
    struct ip_mreq group = {.imr_interface = *on};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(MDNS_PORT)};
    unsigned char loop = 1;
    int one = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)inet_pton(AF_INET, MDNS_GROUP, &group.imr_multiaddr);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) !=
            0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, on, sizeof *on) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) !=
            0) {
        int rc = -errno;

        (void)close(fd);
        return rc;
    }
    return fd;
}

/* Does what is sent to the group come back to one who listens there? Return: 0
 * or -errno; -ETIMEDOUT: no. */
static int echo(const struct in_addr *on)
{
    struct sockaddr_in group = {.sin_family = AF_INET,
                                .sin_port = htons(MDNS_PORT)};
    int fd = open_group(on);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int rc = 0;

    if (fd < 0)
        return fd;
    (void)inet_pton(AF_INET, MDNS_GROUP, &group.sin_addr);
    if (sendto(fd, question, sizeof question, 0, (struct sockaddr *)&group,
               sizeof group) != (ssize_t)sizeof question)
        rc = -errno;
    else if (poll(&p, 1, WAIT_MS) != 1)
        rc = -ETIMEDOUT;
    (void)close(fd);
    return rc;
}

static bool is_usable(const struct ifaddrs *i)
{
    return i->ifa_addr != NULL && (i->ifa_flags & IFF_UP) != 0 &&
           (i->ifa_flags & IFF_RUNNING) != 0 &&
           (i->ifa_flags & IFF_LOOPBACK) == 0;
}

static void lan(struct doctor *d, const struct ifaddrs *all)
{
    const char *name = NULL;
    struct err *said;
    int rc = -ENODEV;

    for (const struct ifaddrs *i = all; i != NULL && rc != 0; i = i->ifa_next) {
        struct sockaddr_in at;

        if (!is_usable(i) || i->ifa_addr->sa_family != AF_INET ||
            (i->ifa_flags & IFF_MULTICAST) == 0)
            continue;
        name = i->ifa_name;
        memcpy(&at, i->ifa_addr, sizeof at);
        rc = echo(&at.sin_addr);
    }
    said = doctor_note(d, "mdns", rc == 0 ? DOCTOR_OK : DOCTOR_WARNING);
    if (rc == 0) {
        (void)err_set(said, 0, "multicast works on %.40s", name);
    } else if (name == NULL) {
        (void)err_set(said, ERR_NETWORK,
                      "no network that others could be on: no interface is up"
                      " and takes multicast");
        err_hint(said, "connect to a network; --peer HOST:PORT@KEY needs none");
    } else {
        (void)err_errno(said, -rc, "multicast on %.40s", name);
        err_hint(said,
                 "let UDP port %d through the firewall; --peer"
                 " HOST:PORT@KEY does without",
                 MDNS_PORT);
    }
}

/* ---- far away -------------------------------------------------------- */

static bool is_private4(uint32_t a)
{
    return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
           a >> 22 == (100u << 2 | 1) || /* 100.64/10: a provider's own NAT */
           a >> 16 == 0xa9fe || a >> 24 == 127;
}

static bool is_global(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof in);
        return !is_private4(ntohl(in.sin_addr.s_addr));
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, sa, sizeof in6);
        return (in6.sin6_addr.s6_addr[0] & 0xe0) == 0x20; /* 2000::/3 */
    }
    return false;
}

static void write_address(const struct sockaddr *sa, char out[64])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    out[0] = '\0';
    if (sa->sa_family == AF_INET) {
        memcpy(&in, sa, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, out, 64);
    } else {
        memcpy(&in6, sa, sizeof in6);
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, out, 64);
    }
}

static void far(struct doctor *d, const struct ifaddrs *all)
{
    const char *where = d->listening != NULL ? d->listening : d->listen;
    const char *colon = strrchr(where, ':');
    char global[64] = "";
    char local[64] = "";
    struct err *said;

    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (!is_usable(i) || (i->ifa_addr->sa_family != AF_INET &&
                              i->ifa_addr->sa_family != AF_INET6))
            continue;
        if (is_global(i->ifa_addr))
            write_address(i->ifa_addr, global);
        else if (i->ifa_addr->sa_family == AF_INET)
            write_address(i->ifa_addr, local);
    }
    said =
        doctor_note(d, "nat", global[0] != '\0' ? DOCTOR_OK : DOCTOR_WARNING);
    if (global[0] != '\0') {
        (void)err_set(said, 0,
                      "%s can be called from far away, as far as"
                      " firewalls let it",
                      global);
    } else if (local[0] != '\0') {
        (void)err_set(said, ERR_NETWORK,
                      "%s is behind a NAT: from far away nobody can call it",
                      local);
        err_hint(said,
                 "forward TCP port %s of the router to %s; to fetch,"
                 " nothing is needed",
                 colon != NULL ? colon + 1 : "", local);
    } else {
        (void)err_set(said, ERR_NETWORK, "this machine has no address");
        err_hint(said, "connect to a network; lyceum pack needs none");
    }
}

void doctor_reach(struct doctor *d)
{
    struct ifaddrs *all = NULL;

    if (getifaddrs(&all) != 0)
        all = NULL;
    if (!d->offline)
        lan(d, all);
    far(d, all);
    freeifaddrs(all);
}
