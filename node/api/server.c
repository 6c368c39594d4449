#include "node/api/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/api/api.h"
#include "node/api/socket_path.h"

struct guest {
    struct guest *next;
    struct server *server;
    uv_pipe_t pipe;
    struct buf in;
    struct api_call *call;
    unsigned writes; /* under way: bounded, events are dropped */
    bool closing;
};

struct server {
    struct node *n;
    uv_pipe_t listener;
    struct guest *guests;
    unsigned count;
    struct socket_path path;
    bool closing;
};

#define WRITES_MAX 64

static void maybe_free(struct server *s)
{
    if (s->closing && s->count == 0 && s->listener.data == NULL)
        free(s);
}

static void on_guest_closed(uv_handle_t *handle)
{
    struct guest *g = handle->data;
    struct server *s = g->server;
    struct guest **at = &s->guests;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    s->count--;
    buf_deinit(&g->in);
    free(g);
    maybe_free(s);
}

static void end_guest(struct guest *g)
{
    if (g->closing)
        return;
    g->closing = true;
    if (g->call != NULL)
        api_orphan(g->call);
    uv_close((uv_handle_t *)&g->pipe, on_guest_closed);
}

struct line {
    uv_write_t req;
    struct guest *g;
    char *text;
};

static void on_written(uv_write_t *req, int status)
{
    struct line *l = req->data;

    l->g->writes--;
    if (status != 0)
        end_guest(l->g);
    free(l->text);
    free(l);
}

static void send_json(struct guest *g, const json_t *m, bool must)
{
    char *text = json_dumps(m, JSON_COMPACT);
    struct line *l = calloc(1, sizeof *l);
    size_t n = text != NULL ? strlen(text) : 0;
    uv_buf_t b;

    if (l == NULL || text == NULL || g->closing ||
        (!must && g->writes >= WRITES_MAX)) {
        free(text);
        free(l);
        return;
    }
    text[n] = '\n'; /* over the NUL: the length says where it ends */
    l->text = text;
    l->g = g;
    l->req.data = l;
    b = uv_buf_init(text, (unsigned)n + 1);
    g->writes++;
    if (uv_write(&l->req, (uv_stream_t *)&g->pipe, &b, 1, on_written) != 0) {
        g->writes--;
        free(text);
        free(l);
        end_guest(g);
    }
}

static void on_emit(void *user, const json_t *message, bool last)
{
    struct guest *g = user;

    if (last)
        g->call = NULL;
    send_json(g, message, last);
}

static void send_error(struct guest *g, const char *why)
{
    json_t *m = json_pack("{s:{s:s, s:s, s:s}}", "error", "code",
                          api_code_name(ERR_INVALID), "why", why, "try", "");

    send_json(g, m, true);
    json_decref(m);
}

static void on_line(struct guest *g, const char *p, size_t n)
{
    json_t *request = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(request))
        send_error(g, "not a JSON object");
    else if (json_is_true(json_object_get(request, "cancel"))) {
        if (g->call != NULL)
            api_cancel(g->call);
    } else if (g->call != NULL)
        send_error(g, "one call at a time");
    else
        g->call = api_begin(g->server->n, request, on_emit, g);
    json_decref(request);
}

static void take_lines(struct guest *g)
{
    size_t start = 0;

    for (size_t i = 0; i < g->in.len && !g->closing; i++) {
        if (g->in.base[i] != '\n')
            continue;
        on_line(g, (const char *)g->in.base + start, i - start);
        start = i + 1;
    }
    memmove(g->in.base, g->in.base + start, g->in.len - start);
    g->in.len -= start;
    if (g->in.len > SERVER_LINE_MAX)
        end_guest(g);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *out)
{
    struct guest *g = handle->data;

    (void)hint;
    if (buf_reserve(&g->in, 65536) != 0) {
        *out = uv_buf_init(NULL, 0);
        return;
    }
    *out = uv_buf_init((char *)g->in.base + g->in.len, 65536);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct guest *g = stream->data;

    (void)b;
    if (n < 0) {
        end_guest(g);
        return;
    }
    g->in.len += (size_t)n;
    take_lines(g);
}

static bool is_us(uv_pipe_t *pipe)
{
    struct ucred who;
    socklen_t n = sizeof who;
    uv_os_fd_t fd;

    return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    struct guest *g = status == 0 ? calloc(1, sizeof *g) : NULL;
    json_t *hello;

    if (g == NULL)
        return;
    g->server = s;
    (void)uv_pipe_init(node_loop(s->n), &g->pipe, 0);
    g->pipe.data = g;
    g->next = s->guests;
    s->guests = g;
    s->count++;
    if (uv_accept(listener, (uv_stream_t *)&g->pipe) != 0 ||
        s->count > SERVER_CLIENTS_MAX || !is_us(&g->pipe) ||
        uv_read_start((uv_stream_t *)&g->pipe, on_alloc, on_read) != 0) {
        end_guest(g);
        return;
    }
    hello = json_pack("{s:i}", "hello", 1);
    send_json(g, hello, true);
    json_decref(hello);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct server *s = handle->data;

    handle->data = NULL;
    maybe_free(s);
}

int server_open(struct node *n, struct server **out, struct err *e)
{
    struct server *s = calloc(1, sizeof *s);
    mode_t old;
    int rc;

    if (s == NULL)
        return err_set(e, ERR_NOMEM, "server");
    s->n = n;
    rc = socket_path_open(node_home(n), &s->path, e);
    if (rc != 0) {
        free(s);
        return rc;
    }
    (void)unlink(s->path.text);
    (void)uv_pipe_init(node_loop(n), &s->listener, 0);
    s->listener.data = s;
    old = umask(0177);
    rc = uv_pipe_bind(&s->listener, s->path.text);
    (void)umask(old);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, 16, on_connection);
    socket_path_close(&s->path);
    if (rc != 0) {
        rc = err_set(e, ERR_IO, "socket of '%s': %s", node_home(n),
                     uv_strerror(rc));
        server_close(s);
        return rc;
    }
    uv_unref((uv_handle_t *)&s->listener);
    *out = s;
    return 0;
}

unsigned server_clients(const struct server *s)
{
    return s->count;
}

void server_close(struct server *s)
{
    struct guest *next;
    char path[4096];

    s->closing = true;
    (void)snprintf(path, sizeof path, "%s/node.sock", node_home(s->n));
    (void)unlink(path);
    for (struct guest *g = s->guests; g != NULL; g = next) {
        next = g->next;
        end_guest(g);
    }
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
