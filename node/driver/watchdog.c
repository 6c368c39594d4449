/* watchdog: libzmq's high-water mark counts whole messages, so a peer with any
 * key could fill memory with the parts of one that never ends. What TCP has
 * received and nobody was given must stay below what we asked for and 8 MiB;
 * and 2 MiB for who has not yet given us anything: each byte costs us its
 * decryption.
 *
 * Looks every 20 ms while bytes come in, every 5 when many do, and four times a
 * second when nothing moves. An epoll of its own on the same descriptors ends
 * such a pause: not at every byte, since libzmq's thread may have taken it
 * before the loop looks, but at more than that thread can keep up with. */
#include "node/driver/transport_internal.h"

#include <errno.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "node/driver/clock.h"
#include "node/driver/tcp_count.h"

#define RUSH_MS 5
#define BUSY_MS 20
#define QUIET_MS 250
#define RUSH_BYTES (1024u * 1024u)
#define QUIET_LOOKS 10

/* Before its first message a peer has a handshake (1 KiB) to send, and what it
 * may say at once after that. */
#define UNKNOWN_MAX (256u * 1024u)

/* Two frames. Who is new has no chunks under way that we have forgotten of. */
#define NEWCOMER_MAX (2u * 1024u * 1024u)
#define NEWCOMERS_MAX (16u * 1024u * 1024u) /* together */

/* What was sent to us while we stood still lies in libzmq's queue, whole. */
#define LATE_MS (2 * QUIET_MS)

#define REFUSED_MS (10u * 60u * 1000u)

struct look {
    uint64_t now_ms;
    bool late;      /* after we stood still: nobody has been given anything */
    uint64_t moved; /* bytes since the last one */
    uint64_t total; /* beyond what was asked for, over all peers, */
    uint64_t newcomers; /* and over those who have not given us anything */
};

/* Return: received since the connection began; 0 when it has gone. */
static uint64_t received(int fd, uint64_t *seen, struct look *look)
{
    uint64_t bytes;

    if (fd < 0 || !tcp_count_received(fd, &bytes))
        return 0;
    if (bytes > *seen)
        look->moved += bytes - *seen;
    *seen = bytes;
    return bytes;
}

static void cut(struct link *l)
{
    l->t->stats.watchdog_cuts++;
    l->surplus = 0; /* on its way out */
    link__cut(l);
}

void watchdog__refuse(struct link *l)
{
    if (!l->outbound) /* whom we dial is the core's choice */
        zap__refuse(l->t, &l->node, wall_clock_ms() + REFUSED_MS);
    link__cut(l);
}

static bool is_proven(const struct link *l)
{
    return l->delivered >= PROVEN_BYTES;
}

static uint64_t most_of(const struct link *l)
{
    uint64_t max = l->t->cfg.undelivered_max_bytes;

    return !is_proven(l) && max > NEWCOMER_MAX ? NEWCOMER_MAX : max;
}

static void look_at_link(struct link *l, struct look *look)
{
    struct transport *t = l->t;
    uint64_t bytes;
    uint64_t fair;

    if (l->ending)
        return;
    bytes = received(l->fd, &l->seen, look);
    fair = l->delivered + (l->is_up ? t->ev.owed(t->user, l->no) : 0);
    l->surplus = bytes > fair ? bytes - fair : 0;
    if (l->surplus > most_of(l) && !look->late) {
        t->stats.watchdog_cuts++;
        l->surplus = 0; /* on its way out */
        watchdog__refuse(l);
    }
    look->total += l->surplus;
    look->newcomers += is_proven(l) ? 0 : l->surplus;
    if (l->outbound && !l->is_up && !l->ending &&
        look->now_ms >= l->deadline_ms)
        link__cut(l);
}

static void hang_up(struct accepted *a)
{
    a->hung_up = true;
    a->seen = 0;
    router__hang_up(a->fd, &a->peer);
}

/* Handshakes, and who has not spoken since. */
static void look_at_unknown(struct transport *t, struct accepted *a,
                            struct look *look)
{
    uint64_t bytes;
    bool late = look->now_ms - a->since_ms > 2 * t->cfg.handshake_ms;

    if (a->link != NULL || a->hung_up)
        return;
    bytes = received(a->fd, &a->seen, look);
    if (bytes > UNKNOWN_MAX || late) {
        t->stats.watchdog_cuts += !late;
        hang_up(a);
    }
    look->total += a->seen;
    look->newcomers += a->seen;
}

/* Over a budget: the largest go first. Return: what they had. */
static uint64_t cut_largest(struct transport *t, uint64_t total,
                            uint64_t budget, bool newcomers)
{
    uint64_t freed = 0;

    while (total - freed > budget) {
        struct link *worst = NULL;
        struct accepted *unknown = NULL;
        uint64_t most = 0;

        for (struct link *l = t->links; l != NULL; l = l->next) {
            if (l->surplus > most && !(newcomers && is_proven(l))) {
                most = l->surplus;
                worst = l;
            }
        }
        for (size_t i = 0; i < t->accepted_count; i++) {
            struct accepted *a = &t->accepted[i];

            if (a->link == NULL && a->seen > most) {
                most = a->seen;
                unknown = a;
            }
        }
        if (unknown != NULL) {
            t->stats.watchdog_cuts++;
            hang_up(unknown);
        } else if (worst != NULL) {
            cut(worst);
        } else {
            break;
        }
        freed += most;
    }
    return freed;
}

/* Wake us by the next bytes of this connection, once. Fails for one that has
 * just been closed, which is right. */
static void arm(struct transport *t, int fd, int how)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET | EPOLLONESHOT};

    ev.data.fd = fd;
    if (epoll_ctl(t->sentinel_fd, how, fd, &ev) != 0 && errno == EEXIST)
        (void)epoll_ctl(t->sentinel_fd, EPOLL_CTL_MOD, fd, &ev);
}

static void arm_all(struct transport *t)
{
    if (t->armed)
        return;
    for (const struct link *l = t->links; l != NULL; l = l->next)
        if (l->outbound && l->fd >= 0)
            arm(t, l->fd, EPOLL_CTL_MOD);
    for (size_t i = 0; i < t->accepted_count; i++)
        arm(t, t->accepted[i].fd, EPOLL_CTL_MOD);
    t->armed = true;
}

static void on_timer(uv_timer_t *timer)
{
    struct transport *t = timer->data;
    struct look look = {.late = uv_now(t->loop) - t->awake.seen_ms > LATE_MS};
    uint64_t next_ms = BUSY_MS;

    look.now_ms = transport__now_ms(t);
    transport__reap(t);
    for (struct link *l = t->links; l != NULL; l = l->next)
        look_at_link(l, &look);
    for (size_t i = 0; i < t->accepted_count; i++)
        look_at_unknown(t, &t->accepted[i], &look);
    look.total -= cut_largest(t, look.newcomers, NEWCOMERS_MAX, true);
    (void)cut_largest(t, look.total, t->cfg.undelivered_total_bytes, false);
    if (t->closing)
        return; /* a callback's doing */
    t->quiet = look.moved != 0 ? 0 : t->quiet + 1;
    if (look.moved > RUSH_BYTES || look.late) {
        next_ms = RUSH_MS;
    } else if (t->quiet >= QUIET_LOOKS) {
        arm_all(t);
        next_ms = QUIET_MS;
    }
    t->watching = t->links != NULL || t->accepted_count != 0;
    if (!t->watching)
        return;
    (void)uv_timer_start(timer, on_timer, next_ms, 0);
}

static void on_sentinel(uv_poll_t *poll, int status, int events)
{
    struct transport *t = poll->data;
    struct epoll_event fired[64];

    (void)status;
    (void)events;
    while (epoll_wait(t->sentinel_fd, fired, 64, 0) == 64)
        continue;
    t->armed = false;
    t->quiet = 0;
    if (t->watching && uv_timer_get_due_in(&t->timer) <= BUSY_MS)
        return; /* else newcomers could put it off for ever */
    t->watching = true;
    (void)uv_timer_start(&t->timer, on_timer, RUSH_MS, 0);
}

void watchdog__watch(struct transport *t, int fd)
{
    arm(t, fd, EPOLL_CTL_ADD);
}

void watchdog__start(struct transport *t)
{
    if (t->watching || t->closing)
        return;
    t->watching = true;
    (void)uv_timer_start(&t->timer, on_timer, BUSY_MS, 0);
}

int watchdog__open(struct transport *t)
{
    t->sentinel_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->sentinel_fd < 0)
        return -1;
    if (uv_poll_init(t->loop, &t->sentinel, t->sentinel_fd) != 0) {
        (void)close(t->sentinel_fd);
        return -1;
    }
    (void)uv_timer_init(t->loop, &t->timer);
    t->timer.data = t->sentinel.data = t;
    (void)uv_poll_start(&t->sentinel, UV_READABLE, on_sentinel);
    uv_unref((uv_handle_t *)&t->timer);
    uv_unref((uv_handle_t *)&t->sentinel);
    return 0;
}

void watchdog__close(struct transport *t, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&t->timer, on_closed);
    uv_close((uv_handle_t *)&t->sentinel, on_closed);
}
