#include "node/api/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/api/api.h"
#include "node/api/server.h"
#include "node/api/socket_path.h"
#include "node/driver/node.h"
#include "storage/config.h"
#include "storage/home.h"

#define HELLO_MS 3000
#define LOCK_TRIES 40
#define LOCK_WAIT_US 50000

struct client {
    /* attached */
    int fd;
    struct buf in;
    /* hosting */
    uv_loop_t loop;
    struct node *n;
    struct server *server;
    struct home_lock lock;
    uv_signal_t sigint, sigterm;
    uv_timer_t alive;
    const struct client_hooks *hooks;
    struct api_call *call;
    bool stop, answered;
    unsigned signals;
    json_t *last;
    client_event_fn *on_event;
    void *user;
};

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    interrupts++;
    if (interrupts > 1)
        _exit(130);
}

/* ---- attached
 * ---------------------------------------------------------------------- */

static int connect_to(const char *home)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct socket_path path;
    int fd;

    if (socket_path_open(home, &path, NULL) != 0)
        return -1;
    memcpy(addr.sun_path, path.text,
           strlen(path.text) + 1 <= 108 ? strlen(path.text) + 1 : 108);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        (void)close(fd);
        fd = -1;
    }
    socket_path_close(&path);
    return fd;
}

static int send_line(int fd, const json_t *m)
{
    char *text = json_dumps(m, JSON_COMPACT);
    size_t n = text != NULL ? strlen(text) + 1 : 0;
    size_t at = 0;

    if (text == NULL)
        return ERR_NOMEM;
    text[n - 1] = '\n';
    while (at < n) {
        ssize_t k = send(fd, text + at, n - at, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        at += (size_t)k;
    }
    free(text);
    return at == n ? 0 : ERR_NETWORK;
}

/* The next line as JSON, or NULL: gone, timed out (@ms >= 0), or interrupted:
 * then, and only then, errno is EINTR. */
static json_t *next_line(struct client *c, int ms)
{
    for (;;) {
        uint8_t *nl = c->in.len ? memchr(c->in.base, '\n', c->in.len) : NULL;
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        ssize_t k;

        if (nl != NULL) {
            size_t n = (size_t)(nl - c->in.base) + 1;
            json_t *m = json_loadb((char *)c->in.base, n - 1, 0, NULL);

            memmove(c->in.base, c->in.base + n, c->in.len - n);
            c->in.len -= n;
            errno = 0;
            return m;
        }
        errno = 0;
        if (poll(&p, 1, ms) <= 0)
            return NULL;
        errno = ENOMEM;
        if (buf_reserve(&c->in, 65536) != 0)
            return NULL;
        errno = 0; /* the end of the stream is no error */
        k = recv(c->fd, c->in.base + c->in.len, 65536, 0);
        if (k <= 0)
            return NULL;
        c->in.len += (size_t)k;
    }
}

static bool greeted(struct client *c)
{
    json_t *hello = next_line(c, HELLO_MS);
    bool ok = json_object_get(hello, "hello") != NULL;

    json_decref(hello);
    return ok;
}

static int attached_call(struct client *c, const json_t *request,
                         json_t **out_last, struct err *e)
{
    bool told = false;

    if (interrupts != 0)
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    if (send_line(c->fd, request) != 0)
        return err_set(e, ERR_BUSY, "the node does not answer");
    for (;;) {
        json_t *m = next_line(c, -1);

        if (m == NULL && interrupts != 0 && !told) {
            json_t *cancel = json_pack("{s:b}", "cancel", 1);

            (void)send_line(c->fd, cancel);
            json_decref(cancel);
            told = true;
            continue;
        }
        if (m == NULL && errno == EINTR)
            continue;
        if (m == NULL)
            return err_set(e, ERR_BUSY, "the node has stopped");
        if (json_object_get(m, "event") == NULL) {
            *out_last = m;
            return 0;
        }
        if (c->on_event != NULL)
            c->on_event(c->user, m);
        json_decref(m);
    }
}

/* ---- hosting
 * ------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct client *c = handle->data;

    (void)number;
    c->stop = true;
    if (++c->signals > 1)
        _exit(130);
    if (c->call != NULL)
        api_cancel(c->call);
}

static void on_emit(void *user, const json_t *message, bool last)
{
    struct client *c = user;

    if (last) {
        c->last = json_deep_copy(message);
        c->call = NULL;
        c->answered = true;
    } else if (c->on_event != NULL) {
        c->on_event(c->user, message);
    }
}

static int hosted_call(struct client *c, const json_t *request,
                       json_t **out_last, struct err *e)
{
    c->answered = false;
    c->call = api_begin(c->n, request, on_emit, c);
    if (c->call == NULL)
        return err_set(e, ERR_NOMEM, "call");
    while (!c->answered)
        (void)uv_run(&c->loop, UV_RUN_ONCE);
    *out_last = c->last;
    c->last = NULL;
    return 0;
}

static int open_node(struct client *c, const struct client_options *opt,
                     struct err *e)
{
    struct node_config config = {.home = opt->home,
                                 .listen = opt->listen,
                                 .offline = opt->offline,
                                 .log = opt->log,
                                 .log_user = opt->log_user};
    char network[CONFIG_VALUE_MAX];
    char quota[CONFIG_VALUE_MAX];
    unsigned long long bytes = 0;
    int rc = config_get(opt->home, "network", network, e);

    if (rc == 0)
        rc = config_get(opt->home, "quota", quota, e);
    if (rc != 0)
        return rc;
    (void)config_bytes(quota, &bytes);
    config.network = network;
    config.quota_bytes = bytes;
    return node_open(&c->loop, &config, &c->n, e);
}

static void start_signals(struct client *c)
{
    (void)uv_signal_init(&c->loop, &c->sigint);
    (void)uv_signal_init(&c->loop, &c->sigterm);
    c->sigint.data = c->sigterm.data = c;
    (void)uv_signal_start(&c->sigint, on_signal, SIGINT);
    (void)uv_signal_start(&c->sigterm, on_signal, SIGTERM);
    uv_unref((uv_handle_t *)&c->sigint);
    uv_unref((uv_handle_t *)&c->sigterm);
}

/* To the last moment a second signal is ours; after it, it finds us gone. */
static void stop_signals(struct client *c)
{
    (void)uv_signal_stop(&c->sigint);
    (void)uv_signal_stop(&c->sigterm);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    uv_close((uv_handle_t *)&c->sigint, NULL);
    uv_close((uv_handle_t *)&c->sigterm, NULL);
}

static void close_all(struct client *c)
{
    if (c->server != NULL)
        server_close(c->server);
    if (c->sigterm.data != NULL)
        uv_unref((uv_handle_t *)&c->sigterm);
    while (uv_run(&c->loop, UV_RUN_NOWAIT) != 0 && c->n == NULL)
        continue;
    if (c->n != NULL)
        node_close(c->n, NULL, NULL);
    while (uv_run(&c->loop, UV_RUN_DEFAULT) != 0)
        continue;
    if (c->sigterm.data != NULL)
        stop_signals(c);
    while (uv_run(&c->loop, UV_RUN_DEFAULT) != 0)
        continue;
    (void)uv_loop_close(&c->loop);
    home_unlock(&c->lock);
}

static int host(struct client *c, const struct client_options *opt,
                struct err *e)
{
    int rc = uv_loop_init(&c->loop) == 0 ? 0 : ERR_NOMEM;

    if (rc != 0)
        return err_set(e, rc, "loop");
    rc = open_node(c, opt, e);
    if (rc == 0)
        rc = server_open(c->n, &c->server, e);
    if (rc == 0)
        start_signals(c);
    else
        close_all(c);
    return rc;
}

/* ---- both
 * ------------------------------------------------------------------------------
 */

static bool attach(struct client *c, const char *home)
{
    struct sigaction act = {.sa_handler = on_interrupt};

    c->fd = connect_to(home);
    if (c->fd < 0)
        return false;
    if (!greeted(c)) {
        (void)close(c->fd);
        c->fd = -1;
        return false;
    }
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
    return true;
}

static int attach_or_lock(struct client *c, const struct client_options *opt,
                          struct err *e)
{
    int rc = 0;

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (!opt->must_host && attach(c, opt->home))
            return 0;
        rc = home_lock(opt->home, opt->what, &c->lock, e);
        if (rc != ERR_BUSY || opt->must_host)
            break;
        /* Somebody is starting, or ending, or hangs: greeted() has waited for
         * the last of these. */
        if (access(opt->home, F_OK) != 0)
            break;
        (void)usleep(LOCK_WAIT_US);
        if (i >= 1 && c->fd < 0 && connect_to(opt->home) >= 0)
            break;
    }
    if (rc == ERR_BUSY)
        err_hint(e, "wait for it to end, or stop it: lyceum node stop");
    return rc;
}

int client_open(const struct client_options *opt, struct client **out,
                struct err *e)
{
    struct client *c = calloc(1, sizeof *c);
    int rc = home_make(opt->home, e);

    if (c == NULL)
        return err_set(e, ERR_NOMEM, "client");
    c->fd = -1;
    c->lock.fd = -1;
    (void)signal(SIGPIPE, SIG_IGN);
    if (rc == 0)
        rc = attach_or_lock(c, opt, e);
    if (rc == 0 && c->fd < 0)
        rc = host(c, opt, e);
    if (rc != 0) {
        home_unlock(&c->lock);
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

bool client_hosts(const struct client *c)
{
    return c->fd < 0;
}

int client_call(struct client *c, const json_t *request,
                client_event_fn *on_event, void *user, json_t **out_result,
                struct err *e)
{
    json_t *last = NULL;
    json_t *error;
    int rc;

    c->on_event = on_event;
    c->user = user;
    *out_result = NULL;
    rc = c->fd >= 0 ? attached_call(c, request, &last, e)
                    : hosted_call(c, request, &last, e);
    if (rc != 0)
        return rc;
    error = json_object_get(last, "error");
    if (error != NULL) {
        const char *hint = json_string_value(json_object_get(error, "try"));
        const char *why = json_string_value(json_object_get(error, "why"));

        rc = err_set(
            e, api_code_of(json_string_value(json_object_get(error, "code"))),
            "%s", why != NULL ? why : "");
        if (hint != NULL && hint[0] != '\0')
            err_hint(e, "%s", hint);
    }
    if (json_object_get(last, "result") != NULL)
        *out_result = json_incref(json_object_get(last, "result"));
    json_decref(last);
    return rc;
}

static void on_alive(uv_timer_t *timer)
{
    const struct client *c = timer->data;

    c->hooks->alive(c->hooks->user);
}

int client_serve(struct client *c, const struct client_hooks *hooks,
                 struct err *e)
{
    int rc = node_online(c->n, e);

    if (rc != 0)
        return rc;
    uv_ref((uv_handle_t *)&c->sigterm);
    hooks->ready(hooks->user, node_listening(c->n),
                 node_id_hex(node_self(c->n)).s);
    c->hooks = hooks;
    c->alive.data = c;
    (void)uv_timer_init(&c->loop, &c->alive);
    if (hooks->alive_ms != 0)
        (void)uv_timer_start(&c->alive, on_alive, hooks->alive_ms,
                             hooks->alive_ms);
    while (!c->stop)
        (void)uv_run(&c->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&c->alive, NULL);
    return 0;
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    if (c->fd >= 0) {
        (void)close(c->fd);
        buf_deinit(&c->in);
        free(c);
        return;
    }
    /* Another terminal may have attached: its call goes on. */
    while (!c->stop && server_clients(c->server) != 0)
        (void)uv_run(&c->loop, UV_RUN_ONCE);
    close_all(c);
    free(c);
}
