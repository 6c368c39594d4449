#include "node/api/api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/text.h"

#define PROGRESS_MS 250

static const struct api_op ops[] = {
    {"ls", API_POOL, api_ls, NULL},
    {"names", API_POOL, api_names, NULL},
    {"paths", API_POOL, api_paths, NULL},
    {"info", API_POOL, api_info, NULL},
    {"diff", API_POOL, api_diff, NULL},
    {"away", API_POOL, api_away, NULL},
    {"why", API_POOL, api_why, api_why_peers},
    {"ticket", API_LOOP, api_ticket, NULL},
    {"record", API_POOL, api_record, NULL},
    {"rollback", API_POOL, api_rollback, NULL},
    {"rm", API_POOL, api_rm, api_removed},
    {"pin", API_LOOP, api_pin, NULL},
    {"unpin", API_LOOP, api_unpin, NULL},
    {"verify", API_POOL, api_verify, NULL},
    {"gc", API_POOL, api_gc, NULL},
    {"export", API_POOL, api_export, NULL},
    {"pack", API_POOL, api_pack, NULL},
    {"unpack", API_POOL, api_unpack, api_unpacked},
    {"publish.prepare", API_POOL, api_prepare, NULL},
    {"publish.ask", API_ASYNC, api_ask_head, NULL},
    {"publish.commit", API_POOL, api_commit, api_committed},
    {"withdraw.prepare", API_POOL, api_withdraw, NULL},
    {"withdraw.commit", API_POOL, api_withdraw_commit, api_withdrawn},
    {"record.put", API_LOOP, api_put_record, NULL},
    {"get", API_ASYNC, api_get, NULL},
    {"cat", API_ASYNC, api_cat, NULL},
    {"status", API_LOOP, api_status, NULL},
    {"stop", API_LOOP, api_stop, NULL},
    {"peer.ls", API_LOOP, api_peer_ls, NULL},
    {"peer.add", API_LOOP, api_peer_add, NULL},
    {"peer.rm", API_LOOP, api_peer_rm, NULL},
    {"peer.block", API_LOOP, api_peer_block, NULL},
    {"peer.unblock", API_LOOP, api_peer_unblock, NULL},
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

int api__folder(struct api_call *call, const char *key, const char **out)
{
    const char *dir = api__text(call, key);

    if (dir == NULL)
        return err_set(&call->err, ERR_INVALID, "no folder named");
    if (dir[0] != '/')
        return err_set(&call->err, ERR_INVALID,
                       "'%.200s' is not an absolute path", dir);
    *out = dir;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct api_call *call = handle->data;

    json_decref(call->args);
    json_decref(call->result);
    free(call);
}

static const struct {
    int code;
    const char *name;
} codes[] = {
    {ERR_FAILED, "failed"},
    {ERR_AGAIN, "again"},
    {ERR_NOMEM, "no_memory"},
    {ERR_INVALID, "invalid"},
    {ERR_NOT_FOUND, "not_found"},
    {ERR_MALFORMED, "malformed"},
    {ERR_CORRUPT, "corrupt"},
    {ERR_KEY_NEEDED, "key_needed"},
    {ERR_NETWORK, "network"},
    {ERR_TIMEOUT, "timeout"},
    {ERR_PARTIAL, "partial"},
    {ERR_NO_SPACE, "no_space"},
    {ERR_BUSY, "busy"},
    {ERR_CONFLICT, "conflict"},
    {ERR_REFUSED, "refused"},
    {ERR_IO, "io"},
    {ERR_INTERRUPTED, "interrupted"},
    {ERR_LIMIT, "limit"},
    {ERR_AMBIGUOUS, "ambiguous"},
};

#define CODE_COUNT (sizeof codes / sizeof codes[0])

const char *api_code_name(int rc)
{
    for (size_t i = 0; i < CODE_COUNT; i++)
        if (codes[i].code == rc)
            return codes[i].name;
    return "failed";
}

int api_code_of(const char *name)
{
    for (size_t i = 0; name != NULL && i < CODE_COUNT; i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return ERR_FAILED;
}

/* Error texts hold names and paths of others, and may be cut anywhere. */
static json_t *clean_text(const char *s)
{
    struct buf b = BUF_INIT;
    json_t *j;

    text_for_terminal((const uint8_t *)s, strlen(s), ERR_TEXT_MAX, &b);
    j = json_stringn(b.base != NULL ? (const char *)b.base : "", b.len);
    buf_deinit(&b);
    return j != NULL ? j : json_string("");
}

static json_t *error_object(const struct api_call *call)
{
    const char *op = api__text(call, "op");

    return json_pack(
        "{s:s, s:s, s:o, s:o}", "code", api_code_name(call->rc), "what",
        op != NULL ? op : "", "why",
        clean_text(call->err.text[0] ? call->err.text : err_words(call->rc)),
        "try", clean_text(call->err.hint));
}

static void on_finish(uv_timer_t *timer)
{
    struct api_call *call = timer->data;
    json_t *m = json_object();

    if (call->rc != 0) {
        (void)json_object_set_new(m, "error", error_object(call));
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
    const char *unit = atomic_load(&call->unit);
    json_t *event;

    if (atomic_load(&call->import.bytes_found) != 0) {
        atomic_store(&call->done, atomic_load(&call->import.bytes_done));
        atomic_store(&call->total, atomic_load(&call->import.bytes_found));
        atomic_store(&call->files, atomic_load(&call->import.files_found));
    }
    if (atomic_load(&call->total) == 0)
        return;
    event = json_pack("{s:s, s:I, s:I}", "event", "progress", "done",
                      (json_int_t)atomic_load(&call->done), "total",
                      (json_int_t)atomic_load(&call->total));
    if (unit != NULL)
        (void)json_object_set_new(event, "unit", json_string(unit));
    else
        (void)json_object_set_new(
            event, "files",
            json_integer((json_int_t)atomic_load(&call->files)));
    api__event(call, event);
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
    const struct api_op *op = api__find(api__text(call, "op"));

    if ((call->rc == 0 || call->result != NULL) && op->after != NULL) {
        int rc = op->after(call);

        call->rc = call->rc == 0 ? rc : call->rc;
    }
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
        call->rc = op->fn(call);
        if (call->rc != 0)
            api__finish(call, call->rc);
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
    if (call->reader != NULL)
        reader_cancel(call->reader);
}

void api_orphan(struct api_call *call)
{
    call->orphaned = true;
    api_cancel(call);
}
