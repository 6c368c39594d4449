/* transport_internal: what the files of the transport share: transport.c (open,
 * close, calls), router.c (who dials us), link.c (one connection; whom we
 * dial), zap.c (who may), watchdog.c (how much), self_check.c. */
#ifndef NODE_DRIVER_TRANSPORT_INTERNAL_H
#define NODE_DRIVER_TRANSPORT_INTERNAL_H

#include "node/core/address.h"
#include "node/driver/awake.h"
#include "node/driver/outbox.h"
#include "node/driver/slab.h"
#include "node/driver/transport.h"
#include "node/driver/zuv.h"
#include "node/wire/msg.h"

/* What a peer may send in one frame; the rest is CURVE's. */
#define FRAME_PAYLOAD_MAX ((size_t)MSG_CHUNK_MAX + 4096)
#define FRAME_MAX ((int64_t)FRAME_PAYLOAD_MAX + 33)
/* Who has given us so much is no passer-by. */
#define PROVEN_BYTES (1024u * 1024u)
#define ROUTING_ID_BYTES 5 /* as libzmq makes them: 0 and a counter */

/* One connection, dialled or accepted. */
struct link {
    struct link *next; /* stays as it was when buried */
    struct link *next_dead;
    struct transport *t;
    conn_no no;
    struct node_id node;
    bool outbound;
    bool is_up;
    bool ending; /* the user hears nothing of it any more but its end */
    bool silent; /* ... and not even that */
    bool dead;   /* buried */
    enum peer_scope scope;
    char address[CORE_ADDRESS_MAX];
    struct address peer; /* of the TCP connection, once known */
    int fd; /* libzmq's: for TCP_INFO and shutdown; -1 = not known */
    uint64_t delivered; /* bytes on the wire of the frames handed up */
    uint64_t seen;      /* bytes received at the watchdog's last look, */
    uint64_t surplus;   /* and what of them nobody asked for or was given */
    struct outbox *outbox;
    /* inbound */
    uint8_t routing_id[ROUTING_ID_BYTES];
    /* outbound */
    uv_getaddrinfo_t lookup;
    bool looking_up;
    struct zuv data;
    struct zuv monitor;
    int open_sockets;
    uint64_t deadline_ms; /* of the dial; see transport__now_ms */
    bool refused;
};

/* A TCP connection that the ROUTER has accepted. */
struct accepted {
    int fd;
    struct link *link; /* NULL until its first message */
    struct address peer;
    uint64_t since_ms; /* as deadline_ms */
    uint64_t seen;     /* as in struct link */
    bool hung_up;
};

struct refusal {
    struct node_id node;
    uint64_t until_wall_ms;
};

/* A handshake that was let through and has brought no message yet. */
struct grant {
    struct node_id node;
    uint8_t ip[16];
    bool is_public;
    uint64_t group;
    uint64_t since_ms;
};

struct bucket { /* handshakes of one public address */
    uint64_t origin;
    uint64_t at_ms;
    double tokens; /* as of at_ms */
};

#define BUCKETS 256

struct gate { /* zap.c's */
    struct refusal *refused;
    size_t refused_count, refused_cap;
    struct grant *grants;
    size_t grant_count, grant_cap;
    struct bucket overall;
    struct bucket buckets[BUCKETS];
    size_t bucket_count;
    bool all_public; /* tests: loopback counts as public */
};

struct transport {
    uv_loop_t *loop;
    struct transport_config cfg; /* with the defaults filled in */
    struct transport_events ev;
    void *user;
    char address[CORE_ADDRESS_MAX];
    void *ctx;
    struct zuv router, monitor, zap;
    bool has_router, has_monitor, has_zap, has_async, has_watchdog;
    int open_parts; /* sockets, dials and handles that still close */
    struct link *links;
    struct link *dead;
    struct link *last_in; /* of the last inbound message */
    conn_no last_no;
    uint32_t inbound, outbound;
    struct accepted *accepted;
    size_t accepted_count, accepted_cap, accepted_max;
    struct gate gate;
    struct slab *slab;
    struct bell *bell;
    uv_async_t async;
    /* watchdog.c */
    uv_timer_t timer;
    uv_poll_t sentinel;
    int sentinel_fd; /* an epoll of all connections: something comes in */
    struct awake awake;
    uint32_t quiet; /* looks in a row that saw nothing move */
    bool watching;  /* the timer runs */
    bool armed;
    struct transport_stats stats;
    bool closing;
    void (*closed)(void *user);
};

/* transport.c */
/** transport__now_ms - for what others must do in time. */
uint64_t transport__now_ms(struct transport *t);
void transport__part_closed(struct transport *t);
/** transport__reap - free what is buried. Only where no list is walked. */
void transport__reap(struct transport *t);

/* router.c */
int router__open(struct transport *t, struct err *e);
/** router__drain - take in which connections have come and gone. */
void router__drain(struct transport *t);
/** router__hang_up - end an accepted TCP connection, if it still is that one.
 */
void router__hang_up(int fd, const struct address *peer);
bool router__peer_of(int fd, struct address *out);

/* link.c */
struct link *link__new(struct transport *t, bool outbound);
void link__up(struct link *l);
/** link__cut - end it; the user is told from the loop. */
void link__cut(struct link *l);
/** link__ended - it has ended: tell the user, bury it. */
void link__ended(struct link *l);
int link__dial(struct transport *t, const struct node_id *node,
               const char *address, struct err *e);
/** link__deliver - one frame up; @msg may be moved away. */
void link__deliver(struct link *l, zmq_msg_t *msg);
int link__set_int(void *sock, int option, int v);
/** link__socket_options - those of both sides. */
int link__socket_options(const struct transport *t, void *sock);
/** link__next_event - of a monitor socket. false: none waits. */
bool link__next_event(void *sock, uint16_t *out_event, int32_t *out_value);

/* zap.c */
int zap__open(struct transport *t, struct err *e);
void zap__close(struct transport *t);
/** zap__redeem - the handshake of @node has become a connection. */
void zap__redeem(struct transport *t, const struct node_id *node);
void zap__refuse(struct transport *t, const struct node_id *node,
                 uint64_t until_wall_ms);
enum peer_scope zap__scope(const struct transport *t, const struct address *a);
void zap__deinit(struct transport *t);

/* watchdog.c */
int watchdog__open(struct transport *t);
void watchdog__close(struct transport *t, uv_close_cb on_closed);
/** watchdog__watch - this connection too. */
void watchdog__watch(struct transport *t, int fd);
/** watchdog__refuse - it has broken what no honest peer breaks: cut it, and let
 * it in no more for a while. */
void watchdog__refuse(struct link *l);
/** watchdog__start - a deadline runs. */
void watchdog__start(struct transport *t);

/* self_check.c */
int self_check(const char *address, struct err *e);

#endif
