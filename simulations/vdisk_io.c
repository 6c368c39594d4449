/* vdisk_io: bytes into and out of what is open; not all of them at once. */
#include "simulations/vdisk_calls.h"

#include <errno.h>

/* How many of @n bytes this call moves; -1: interrupted. */
static ssize_t portion(size_t n)
{
    if (!vdisk__on->choppy || n == 0 || !vdisk__coin(vdisk__on, 8))
        return (ssize_t)n;
    if (vdisk__coin(vdisk__on, 3)) {
        errno = EINTR;
        return -1;
    }
    return 1 + (ssize_t)rng_below(&vdisk__on->rng, n);
}

static ssize_t v_pread(int fd, void *p, size_t n, off_t at)
{
    const struct vnode *v = vdisk__node_of(fd);
    ssize_t may;
    ssize_t done;

    if (v == NULL || !vdisk__look(vdisk__on, VDISK_READ))
        return -1;
    may = portion(n);
    done = may < 0 ? -1 : vdisk__read(v, p, (size_t)may, at);
    vdisk__note(vdisk__on, CALL_READ, (uint64_t)at, done);
    return done;
}

static ssize_t v_read(int fd, void *p, size_t n)
{
    struct vfd *f = vdisk__slot(fd);
    ssize_t done = f != NULL ? v_pread(fd, p, n, f->at) : -1;

    if (done > 0)
        f->at += done;
    return done;
}

/* What there is room for. -1: none, or it is interrupted. */
static ssize_t may_write(size_t n)
{
    ssize_t may = portion(n);

    if (may > 0 && (uint64_t)may > vdisk__on->room)
        may = (ssize_t)vdisk__on->room;
    if (may == 0 && n != 0) {
        errno = ENOSPC;
        return -1;
    }
    return may;
}

static ssize_t put_parts(struct vnode *v, const struct iovec *iov, int count,
                         off_t at, size_t n)
{
    size_t done = 0;

    for (int i = 0; i < count && done < n; i++) {
        size_t part = iov[i].iov_len < n - done ? iov[i].iov_len : n - done;

        vdisk__write(vdisk__on, v, iov[i].iov_base, part, at + (off_t)done);
        done += part;
    }
    if (vdisk__on->room != UINT64_MAX)
        vdisk__on->room -= done;
    return (ssize_t)done;
}

static ssize_t v_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    struct vnode *v = vdisk__node_of(fd);
    enum vturn turn =
        v != NULL ? vdisk__turn(vdisk__on, VDISK_WRITE) : TURN_FAILS;
    size_t n = 0;
    ssize_t may;
    ssize_t done = -1;

    if (turn == TURN_FAILS)
        return -1;
    for (int i = 0; i < count; i++)
        n += iov[i].iov_len;
    may = may_write(n);
    if (may >= 0 && turn == TURN_DIES) /* some of it */
        (void)put_parts(v, iov, count, at,
                        (size_t)rng_below(&vdisk__on->rng, (uint64_t)may + 1));
    else if (may >= 0)
        done = put_parts(v, iov, count, at, (size_t)may);
    if (turn == TURN_DIES)
        errno = EIO;
    vdisk__note(vdisk__on, CALL_WRITE, (uint64_t)at, done);
    return done;
}

static ssize_t v_write(int fd, const void *p, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct vfd *f = vdisk__slot(fd);
    ssize_t done = f != NULL ? v_pwritev(fd, &iov, 1, f->at) : -1;

    if (done > 0)
        f->at += done;
    return done;
}

static int resize(int fd, off_t size, bool grow_only)
{
    struct vnode *v = vdisk__node_of(fd);
    enum vturn turn =
        v != NULL ? vdisk__turn(vdisk__on, VDISK_FAULTS) : TURN_FAILS;
    bool grows = v != NULL && (size_t)size > v->cache.len;

    if (turn == TURN_FAILS)
        return -1;
    if (grows && (size_t)size - v->cache.len > vdisk__on->room) {
        errno = ENOSPC;
        return -1;
    }
    if (!grows && grow_only)
        return turn == TURN_GO ? 0 : -1;
    if (turn == TURN_GO || vdisk__coin(vdisk__on, 2))
        vdisk__resize(vdisk__on, v, (size_t)size);
    vdisk__note(vdisk__on, CALL_SIZE, (uint64_t)size, turn);
    return turn == TURN_GO ? 0 : -1;
}

static int v_ftruncate(int fd, off_t size)
{
    return resize(fd, size, false);
}

static int v_fallocate(int fd, off_t size)
{
    return resize(fd, size, true);
}

void vdisk__calls_of_io(struct disk_calls *c)
{
    c->read = v_read;
    c->write = v_write;
    c->pread = v_pread;
    c->pwritev = v_pwritev;
    c->ftruncate = v_ftruncate;
    c->fallocate = v_fallocate;
}
