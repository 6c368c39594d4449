/* cat: a file of a course on stdout, while it is being fetched. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

#define PIECE (256u << 10)
#define PIPE_BYTES (1 << 20)

/* From the node's pipe to stdout, by a thread of its own: whoever reads stdout
 * may be slow, and this process may be the one that hosts the node. */
struct pump {
    int in;
    int failed; /* errno of stdout; EPIPE: nobody reads */
    pthread_t thread;
};

static void *pump_run(void *user)
{
    static char bytes[PIECE];
    struct pump *p = user;
    ssize_t n;

    while ((n = read(p->in, bytes, sizeof bytes)) > 0 ||
           (n < 0 && errno == EINTR))
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(STDOUT_FILENO, bytes + done, (size_t)(n - done));

            if (w < 0 && errno != EINTR) {
                p->failed = errno;
                (void)close(p->in); /* the node hears of it */
                return NULL;
            }
            done += w > 0 ? w : 0;
        }
    (void)close(p->in);
    return NULL;
}

static int open_pump(struct cli *c, struct pump *p, int *out_fd)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_errno(&c->err, errno, "pipe");
    (void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES); /* or as it is */
    *p = (struct pump){.in = fds[0]};
    if (pthread_create(&p->thread, NULL, pump_run, p) != 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return err_set(&c->err, ERR_NOMEM, "thread");
    }
    *out_fd = fds[1];
    return 0;
}

static json_t *request(struct cli *c, int fd)
{
    json_t *peers = json_array();
    char file[64];
    json_t *q;

    for (size_t i = 0; i < c->peer_count; i++)
        (void)json_array_append_new(peers, json_string(c->peers[i]));
    (void)snprintf(file, sizeof file, "/proc/%ld/fd/%d", (long)getpid(), fd);
    q = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:b}", "op", "cat", "course",
                  c->words[0], "path", c->words[1], "file", file, "peers",
                  peers, "timeout_ms", (json_int_t)c->timeout_ms, "offline",
                  c->offline);
    if (q != NULL && c->range != NULL)
        (void)json_object_set_new(q, "range", json_string(c->range));
    return q;
}

/* What is said about the file goes to stderr: the file is on stdout. */
static void answer(const struct cli *c, const json_t *r)
{
    char *text = c->json && r != NULL
                     ? json_dumps(r, JSON_COMPACT | JSON_REAL_PRECISION(6))
                     : NULL;

    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
}

int cmd_cat(struct cli *c)
{
    static struct pump pump; /* may outlive this call, as far as exit */
    json_t *r = NULL;
    int fd = -1;
    int rc;

    if (c->listen == NULL && !c->offline)
        c->listen = "0.0.0.0:0"; /* what came is passed on meanwhile */
    rc = open_pump(c, &pump, &fd);
    if (rc != 0)
        return rc;
    rc = cli_call(c, request(c, fd), &r);
    (void)close(fd);
    if (rc != ERR_INTERRUPTED) {
        (void)pthread_join(pump.thread, NULL);
        if (rc == 0 && pump.failed != 0 && pump.failed != EPIPE)
            rc = err_errno(&c->err, pump.failed, "write to stdout");
    }
    if (rc == ERR_CORRUPT || rc == ERR_MALFORMED)
        rc = ERR_FAILED; /* as get */
    answer(c, r);
    json_decref(r);
    return rc;
}
