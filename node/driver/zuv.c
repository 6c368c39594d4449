#include "node/driver/zuv.h"

static bool ready(struct zuv *z)
{
    int events = 0;
    size_t n = sizeof events;

    return !z->closing &&
           zmq_getsockopt(z->sock, ZMQ_EVENTS, &events, &n) == 0 &&
           (events & ZMQ_POLLIN) != 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)poll; /* it has woken the loop: that is all */
    (void)status;
    (void)events;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct zuv *z = prepare->data;

    if (ready(z))
        (void)uv_idle_start(&z->idle, on_idle); /* do not sleep */
    else
        (void)uv_idle_stop(&z->idle);
}

static void on_check(uv_check_t *check)
{
    struct zuv *z = check->data;

    if (ready(z))
        z->on_in(z);
}

int zuv_open(uv_loop_t *loop, struct zuv *z, void *sock,
             void (*on_in)(struct zuv *z), void *data)
{
    int fd = -1;
    size_t n = sizeof fd;

    *z = (struct zuv){.sock = sock, .on_in = on_in, .data = data};
    if (zmq_getsockopt(sock, ZMQ_FD, &fd, &n) != 0 ||
        uv_poll_init(loop, &z->poll, fd) != 0)
        return -1;
    (void)uv_prepare_init(loop, &z->prepare);
    (void)uv_check_init(loop, &z->check);
    (void)uv_idle_init(loop, &z->idle);
    z->open_handles = 4;
    z->poll.data = z->prepare.data = z->check.data = z->idle.data = z;
    (void)uv_poll_start(&z->poll, UV_READABLE, on_poll);
    (void)uv_prepare_start(&z->prepare, on_prepare);
    (void)uv_check_start(&z->check, on_check);
    uv_unref((uv_handle_t *)&z->prepare);
    uv_unref((uv_handle_t *)&z->check);
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct zuv *z = handle->data;

    if (--z->open_handles != 0)
        return;
    (void)zmq_close(z->sock); /* the fd belonged to it */
    z->sock = NULL;
    z->on_closed(z);
}

void zuv_close(struct zuv *z, void (*on_closed)(struct zuv *z))
{
    if (z->closing)
        return;
    z->closing = true;
    z->on_closed = on_closed;
    (void)uv_poll_stop(&z->poll);
    uv_close((uv_handle_t *)&z->poll, on_handle_closed);
    uv_close((uv_handle_t *)&z->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&z->check, on_handle_closed);
    uv_close((uv_handle_t *)&z->idle, on_handle_closed);
}
