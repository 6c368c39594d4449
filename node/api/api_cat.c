/* api_cat: a file of a course, or a range of it, into a pipe of the caller's.
 */
#include "node/api/api_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the range ------------------------------------------------------- */

/* Digits up to @end. */
static bool number(const char *p, const char *end, uint64_t *out)
{
    uint64_t n = 0;

    if (p == end)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    *out = n;
    return true;
}

/* A-B, both included; A-; -N: the last N. */
static int parse_range(const char *text, struct reader_range *out,
                       struct err *e)
{
    const char *dash = text != NULL ? strchr(text, '-') : NULL;
    const char *end = text != NULL ? text + strlen(text) : NULL;
    uint64_t last;
    bool ok = false;
    int rc;

    *out = (struct reader_range){.len = UINT64_MAX};
    if (text == NULL)
        return 0;
    if (dash == text) {
        out->tail = true;
        ok = number(text + 1, end, &out->len) && out->len != 0;
    } else if (dash != NULL && number(text, dash, &out->off)) {
        ok = dash + 1 == end;
        if (number(dash + 1, end, &last) && last >= out->off &&
            last != UINT64_MAX) {
            out->len = last - out->off + 1;
            ok = true;
        }
    }
    if (ok)
        return 0;
    rc = err_set(e, ERR_INVALID, "'%.60s' is no range of bytes", text);
    err_hint(e, "0-99 is the first hundred bytes, 100- what follows, -100 the"
                " last hundred");
    return rc;
}

/* ---- the pipe -------------------------------------------------------- */

static int open_pipe(struct api_call *call, int *out)
{
    const char *path = NULL;
    struct stat st;
    int rc = api__folder(call, "file", &path);
    int fd;

    if (rc != 0)
        return rc;
    fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_errno(&call->err, errno, "open '%.200s'", path);
    if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
        (void)close(fd);
        return err_set(&call->err, ERR_INVALID, "'%.200s' is not a pipe", path);
    }
    *out = fd;
    return 0;
}

/* ---- the call -------------------------------------------------------- */

static void on_done(void *user, int rc, const struct err *e,
                    const struct reader_status *s)
{
    struct api_call *call = user;

    call->reader = NULL;
    call->err = *e;
    if (s->seq != 0)
        call->result =
            json_pack("{s:i, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:f, s:f}", "v",
                      1, "course", course_id_hex(&call->course).s, "edition",
                      (json_int_t)s->seq, "path", api__text(call, "path"),
                      "size", (json_int_t)s->size, "offset", (json_int_t)s->off,
                      "bytes", (json_int_t)s->done_bytes, "fetched_bytes",
                      (json_int_t)s->fetched_bytes, "first_seconds",
                      (double)s->first_ms / 1000, "seconds",
                      (double)s->elapsed_ms / 1000);
    api__finish(call, rc);
}

static int start(struct api_call *call)
{
    struct reader_options opt = {
        .course = call->course,
        .path = api__text(call, "path"),
        .fd = -1,
        .offline = api__flag(call, "offline"),
        .timeout_ms = (uint64_t)json_integer_value(
            json_object_get(call->args, "timeout_ms"))};
    int rc = 0;

    if (atomic_load(&call->cancel))
        rc = err_set(&call->err, ERR_INTERRUPTED, "interrupted");
    if (rc == 0)
        rc = parse_range(api__text(call, "range"), &opt.range, &call->err);
    if (rc == 0 && !opt.offline)
        rc = node_online(call->n, &call->err);
    if (rc == 0)
        rc = api__hint_peers(call, &call->course);
    if (rc == 0)
        rc = open_pipe(call, &opt.fd);
    opt.hm = call->hm;
    call->hm = NULL;
    if (rc == 0)
        return reader_start(call->n, &opt, on_done, call, &call->reader,
                            &call->err);
    held_manifest_unref(opt.hm);
    return rc;
}

/* The edition that is here, when there is one whose manifest is. */
static void load(void *user)
{
    struct api_call *call = user;
    struct record_id edition;
    uint64_t seq;

    if (api__local(call->n, &call->course, &edition, &seq, NULL) == 0)
        (void)node_manifest_load(call->n, &edition, &call->hm, NULL);
}

static void loaded(void *user)
{
    struct api_call *call = user;
    int rc = start(call);

    if (rc != 0)
        api__finish(call, rc);
}

int api_cat(struct api_call *call)
{
    const char *path = api__text(call, "path");
    int rc = path != NULL ? api__resolve(call->n, api__text(call, "course"),
                                         &call->course, &call->err)
                          : err_set(&call->err, ERR_INVALID, "no file named");

    if (rc == 0 && node_work(call->n, load, loaded, call) != 0)
        rc = err_set(&call->err, ERR_NOMEM, "read");
    return rc;
}
