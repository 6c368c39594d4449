/* tcp_count: how many bytes TCP has received. Alone in its file because the
 * kernel's header that knows the field clashes with the C library's. */
#ifndef NODE_DRIVER_TCP_COUNT_H
#define NODE_DRIVER_TCP_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/** tcp_count_received - since the connection began; false: no such socket. */
bool tcp_count_received(int fd, uint64_t *out);

#endif
