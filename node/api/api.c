#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_MS 250

static const struct api_op ops[] = {
    {"ls", API_POOL, api_ls},
    {"info", API_POOL, api_info},
    {"ticket", API_LOOP, api_ticket},
    {"record", API_POOL, api_record},
    {"rm", API_POOL, api_rm},
    {"pin", API_LOOP, api_pin},
    {"unpin", API_LOOP, api_unpin},
    {"verify", API_POOL, api_verify},
    {"gc", API_POOL, api_gc},
    {"export", API_POOL, api_export},
    {"publish.prepare", API_POOL, api_prepare},
    {"publish.commit", API_LOOP, api_commit},
    {"record.put", API_LOOP, api_put_record},
    {"get", API_ASYNC, api_get},
    {"status", API_LOOP, api_status},
    {"stop", API_LOOP, api_stop},
    {"peer.ls", API_LOOP, api_peer_ls},
    {"peer.add", API_LOOP, api_peer_add},
    {"peer.rm", API_LOOP, api_peer_rm},
    {"peer.block", API_LOOP, api_peer_block},
    {"peer.unblock", API_LOOP, api_peer_unblock},
};

const struct api_op *api__find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

const char *api__text(const struct api_call *call, const char *key)
{
    return json_string_value(json_object_get(call->args, key));
}

bool api__flag(const struct api_call *call, const char *key)
{
    return json_is_true(json_object_get(call->args, key));
}

static void on_closed(uv_handle_t *handle)
{
    struct api_call *call = handle->data;

    json_decref(call->args);
    json_decref(call->result);
    free(call);
}

static json_t *error_object(const struct api_call *call)
{
    return json_pack("{s:i, s:s, s:s}", "code", call->rc, "why",
                     call->err.text[0] ? call->err.text : err_words(call->rc),
                     "try", call->err.hint);
}

static void on_finish(uv_timer_t *timer)
{
    struct api_call *call = timer->data;
    json_t *m = json_object();

    if (call->rc != 0) {
        json_t *error = error_object(call);

        if (error == NULL) /* a text that is not UTF-8 */
            error = json_pack("{s:i, s:s, s:s}", "code", call->rc, "why",
                              err_words(call->rc), "try", "");
        (void)json_object_set_new(m, "error", error);
    }
    if (call->result != NULL || call->rc == 0)
        (void)json_object_set(m, "result",
                              call->result ? call->result : json_null());
    if (!call->orphaned)
        call->emit(call->user, m, true);
    json_decref(m);
    uv_close((uv_handle_t *)&call->timer, on_closed);
}

void api__finish(struct api_call *call, int rc)
{
    if (call->finished)
        return;
    call->finished = true;
    call->rc = rc;
    (void)uv_timer_start(&call->timer, on_finish, 0, 0);
}

void api__event(struct api_call *call, json_t *event)
{
    if (!call->orphaned && !call->finished && event != NULL)
        call->emit(call->user, event, false);
    json_decref(event);
}

static void on_progress(uv_timer_t *timer)
{
    struct api_call *call = timer->data;

    if (atomic_load(&call->import.bytes_found) != 0) {
        atomic_store(&call->done, atomic_load(&call->import.bytes_done));
        atomic_store(&call->total, atomic_load(&call->import.bytes_found));
        atomic_store(&call->files, atomic_load(&call->import.files_found));
    }
    if (atomic_load(&call->total) != 0)
        api__event(call,
                   json_pack("{s:s, s:I, s:I, s:I}", "event", "progress",
                             "done", (json_int_t)atomic_load(&call->done),
                             "total", (json_int_t)atomic_load(&call->total),
                             "files", (json_int_t)atomic_load(&call->files)));
}

static void pool_work(void *user)
{
    struct api_call *call = user;
    const struct api_op *op = api__find(api__text(call, "op"));

    call->rc = op->fn(call);
}

static void pool_done(void *user)
{
    struct api_call *call = user;

    api__finish(call, call->rc);
}

static void on_begin(uv_timer_t *timer)
{
    struct api_call *call = timer->data;
    const struct api_op *op = api__find(api__text(call, "op"));

    if (op == NULL) {
        api__finish(call, err_set(&call->err, ERR_INVALID, "no such op"));
        return;
    }
    switch (op->where) {
    case API_LOOP:
        api__finish(call, op->fn(call));
        return;
    case API_POOL:
        (void)uv_timer_start(&call->timer, on_progress, PROGRESS_MS,
                             PROGRESS_MS);
        if (node_work(call->n, pool_work, pool_done, call) != 0)
            api__finish(call, err_set(&call->err, ERR_NOMEM, "call"));
        return;
    case API_ASYNC:
        if (op->fn(call) != 0)
            api__finish(call, call->err.code);
        return;
    }
}

struct api_call *api_begin(struct node *n, const json_t *request,
                           api_emit_fn *emit, void *user)
{
    struct api_call *call = calloc(1, sizeof *call);

    if (call == NULL)
        return NULL;
    call->n = n;
    call->args = json_deep_copy(request);
    call->emit = emit;
    call->user = user;
    (void)uv_timer_init(node_loop(n), &call->timer);
    call->timer.data = call;
    (void)uv_timer_start(&call->timer, on_begin, 0, 0);
    return call;
}

void api_cancel(struct api_call *call)
{
    atomic_store(&call->cancel, true);
    atomic_store(&call->import.cancel, true);
    if (call->fetch != NULL)
        fetch_cancel(call->fetch);
}

void api_orphan(struct api_call *call)
{
    call->orphaned = true;
    api_cancel(call);
}
