/* zuv: a ZeroMQ socket in a libuv loop. The socket's fd only wakes the loop;
 * what is to be read is asked of ZeroMQ right before the loop sleeps and right
 * after it wakes, since any send or receive may eat the fd's edge. */
#ifndef NODE_DRIVER_ZUV_H
#define NODE_DRIVER_ZUV_H

#include <stdbool.h>

#include <uv.h>
#include <zmq.h>

struct zuv {
    void *sock;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    int open_handles;
    bool closing;
    /* Messages wait: receive until EAGAIN or the budget is used. */
    void (*on_in)(struct zuv *z);
    void (*on_closed)(struct zuv *z);
    void *data;
};

#define ZUV_BUDGET 64

/** zuv_open - watch @sock, which is closed by zuv_close. Return: 0 or -1. */
int zuv_open(uv_loop_t *loop, struct zuv *z, void *sock,
             void (*on_in)(struct zuv *z), void *data);

/** zuv_close - close the handles, then the socket, then call @on_closed. */
void zuv_close(struct zuv *z, void (*on_closed)(struct zuv *z));

#endif
