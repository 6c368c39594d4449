#include "node/driver/tcp_count.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/in.h>
#include <linux/tcp.h>

bool tcp_count_received(int fd, uint64_t *out)
{
    struct tcp_info info;
    socklen_t n = sizeof info;

    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        return false;
    *out = info.tcpi_bytes_received;
    return true;
}
