/* cmd_status: the node and its traffic, once or until it is enough. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "node/api/client.h"

#define TICK_S 1
#define PEERS_SHOWN 20

static void show_status(struct cli *c, const json_t *r)
{
    const json_t *listen = json_object_get(r, "listen");
    const char *at = json_string_value(json_array_get(listen, 0));

    (void)c;
    if (json_is_true(json_object_get(r, "running")))
        printf(say(SAY_RUNNING),
               output_count(output_int(r, "peers"), SAY_A_PEER).s,
               at ? at : "-");
    else
        printf("%s", say(SAY_NOT_RUNNING));
    printf("\n");
    printf(say(SAY_HOLDS),
           output_count(output_int(r, "courses"), SAY_A_COURSE).s,
           output_size((uint64_t)output_int(r, "stored_bytes")).s,
           output_size((uint64_t)output_int(r, "free_bytes")).s);
    printf("\n");
    printf(say(SAY_NODE_IS), output_text(r, "node"));
    printf("\n");
}

/* ---- --watch --------------------------------------------------------- */

struct watch {
    json_t *before; /* the peers of the last look; NULL: the first */
    struct timespec at;
};

static const json_t *peer_of(const json_t *list, const char *node)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(output_text(json_array_get(list, i), "node"), node) == 0)
            return json_array_get(list, i);
    return NULL;
}

/* Bytes a second since the last look; a peer that came anew counts from 0. */
static uint64_t rate(const json_t *now, const json_t *before, const char *key,
                     double seconds)
{
    long long then = before != NULL ? output_int(before, key) : 0;
    long long grown = output_int(now, key) - then;

    return grown > 0 && seconds > 0 ? (uint64_t)((double)grown / seconds) : 0;
}

static void add_rates(struct watch *w, json_t *peers)
{
    struct timespec now;
    double seconds;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    seconds = (double)(now.tv_sec - w->at.tv_sec) +
              (double)(now.tv_nsec - w->at.tv_nsec) / 1e9;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        json_t *p = json_array_get(peers, i);
        const json_t *then = peer_of(w->before, output_text(p, "node"));
        uint64_t in = 0;
        uint64_t out = 0;

        if (w->before != NULL) {
            in = rate(p, then, "received_bytes", seconds);
            out = rate(p, then, "sent_bytes", seconds);
        }
        (void)json_object_set_new(p, "in_bps", json_integer((json_int_t)in));
        (void)json_object_set_new(p, "out_bps", json_integer((json_int_t)out));
    }
    json_decref(w->before);
    w->before = json_incref(peers);
    w->at = now;
}

static void show_peer(const json_t *p)
{
    printf("  %.12s  %-21s  ", output_text(p, "node"),
           output_text(p, "address"));
    printf(say(SAY_WATCH_RATES),
           output_size((uint64_t)output_int(p, "in_bps")).s,
           output_size((uint64_t)output_int(p, "out_bps")).s);
    printf("\n");
}

static void show_watch(struct cli *c, const json_t *r)
{
    const json_t *peers = json_object_get(r, "peer_list");
    size_t count = json_array_size(peers);
    uint64_t in = 0;
    uint64_t out = 0;

    printf("%s", isatty(STDOUT_FILENO) ? "\033[H\033[J" : "");
    show_status(c, r);
    for (size_t i = 0; i < count; i++) {
        in += (uint64_t)output_int(json_array_get(peers, i), "in_bps");
        out += (uint64_t)output_int(json_array_get(peers, i), "out_bps");
    }
    printf(say(SAY_WATCH_RATES), output_size(in).s, output_size(out).s);
    printf("\n");
    for (size_t i = 0; i < count && i < PEERS_SHOWN; i++)
        show_peer(json_array_get(peers, i));
    if (!isatty(STDOUT_FILENO))
        printf("\n");
}

/* Signals that end it are taken between two looks. A call to another process
 * may last: that can be interrupted. */
static int ask(struct cli *c, const sigset_t *ends, json_t **out_status,
               json_t **out_peers)
{
    int rc = cli_open(c, false);
    bool may_last = rc == 0 && !client_hosts(c->client);

    if (may_last)
        (void)sigprocmask(SIG_UNBLOCK, ends, NULL);
    if (rc == 0)
        rc = cli_call(c, json_pack("{s:s}", "op", "status"), out_status);
    if (rc == 0)
        rc = cli_call(c, json_pack("{s:s}", "op", "peer.ls"), out_peers);
    if (may_last)
        (void)sigprocmask(SIG_BLOCK, ends, NULL);
    return rc;
}

static bool is_pending(void)
{
    sigset_t now;

    (void)sigemptyset(&now);
    (void)sigpending(&now);
    return sigismember(&now, SIGINT) == 1 || sigismember(&now, SIGTERM) == 1;
}

/* The home is not kept between two looks: a node may start meanwhile. What
 * closes a host forgets signals that wait; what comes later stays. */
static int look(struct cli *c, struct watch *w, const sigset_t *ends)
{
    json_t *r = NULL;
    json_t *p = NULL;
    int rc = ask(c, ends, &r, &p);

    if (rc == 0 && is_pending())
        rc = ERR_INTERRUPTED;
    client_close(c->client);
    c->client = NULL;
    if (rc == 0) {
        add_rates(w, json_object_get(p, "peers"));
        (void)json_object_set(r, "peer_list", json_object_get(p, "peers"));
        cli_answer(c, r, show_watch);
        (void)fflush(stdout);
    }
    json_decref(r);
    json_decref(p);
    return rc;
}

static int watch(struct cli *c)
{
    const struct timespec tick = {TICK_S, 0};
    struct watch w = {0};
    sigset_t ends;
    int rc;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    do
        rc = look(c, &w, &ends);
    while (rc == 0 && !ferror(stdout) && sigtimedwait(&ends, NULL, &tick) < 0);
    json_decref(w.before);
    return rc != 0 || ferror(stdout) ? rc : ERR_INTERRUPTED;
}

/* ---- once ------------------------------------------------------------ */

/* Folders that were moved or edited, and what that costs. */
static void show_away(const json_t *r)
{
    const json_t *list = json_object_get(r, "away");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        char *path = output_safe_long(output_text(one, "path"), 300);

        printf(say(SAY_AWAY), path,
               output_count(output_int(one, "files"), SAY_A_FILE).s,
               output_size((uint64_t)output_int(one, "bytes")).s,
               output_text(one, "course"));
        printf("\n");
        free(path);
    }
}

static void show_once(struct cli *c, const json_t *r)
{
    show_status(c, r);
    show_away(r);
}

static int once(struct cli *c)
{
    json_t *r = NULL;
    json_t *a = NULL;
    int rc = cli_call(c, json_pack("{s:s}", "op", "status"), &r);

    if (rc == 0)
        rc = cli_call(c, json_pack("{s:s}", "op", "away"), &a);
    if (rc == 0) {
        (void)json_object_set(r, "away", json_object_get(a, "away"));
        cli_answer(c, r, show_once);
    }
    json_decref(a);
    json_decref(r);
    return rc;
}

int cmd_status(struct cli *c)
{
    return c->watch ? watch(c) : once(c);
}
