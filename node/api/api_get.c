/* api_get: fetching a course. */
#include "node/api/api_internal.h"
#include "node/api/past.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/revocation.h"
#include "node/wire/ticket.h"
#include "storage/target.h"

static const char *state_word(enum fetch_state s)
{
    switch (s) {
    case FETCH_LOOKING:
        return "looking";
    case FETCH_LISTING:
        return "listing";
    case FETCH_MOVING:
        return "moving";
    case FETCH_WRITING:
        return "writing";
    case FETCH_DONE:
        return "done";
    }
    return "";
}

static void on_progress(void *user, const struct fetch_status *s)
{
    struct api_call *call = user;

    api__event(call,
               json_pack("{s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:i}", "event",
                         "progress", "state", state_word(s->state), "done",
                         (json_int_t)s->have_bytes, "total",
                         (json_int_t)s->total_bytes, "rate",
                         (json_int_t)s->rate_bps, "peers", (int)s->peers,
                         "seeders", (int)s->seeders, "missing",
                         (int)s->missing_chunks));
}

/* All of what this run fetches: the manifest that it has fetched already, too.
 */
static void add_plan(json_t *o, const struct fetch_status *s, bool check)
{
    uint64_t chunks = s->missing_chunks;
    uint64_t bytes = s->total_bytes - s->have_bytes;

    if (!check) {
        chunks += s->fetched_chunks;
        bytes += s->fetched_bytes;
    }
    (void)json_object_set_new(o, "fetch_chunks",
                              json_integer((json_int_t)chunks));
    (void)json_object_set_new(o, "fetch_bytes",
                              json_integer((json_int_t)bytes));
}

static void on_plan(void *user, const struct fetch_status *s)
{
    struct api_call *call = user;
    json_t *o =
        json_pack("{s:s, s:I, s:I}", "event", "plan", "edition",
                  (json_int_t)s->seq, "bytes", (json_int_t)s->content_bytes);

    add_plan(o, s, false);
    api__event(call, o);
}

void api__add_kept(void *user, const char *path, const char *beside)
{
    (void)json_array_append_new(
        user, json_pack("{s:s, s:s?}", "path", path, "new", beside));
}

static void note_revocation(void *user, struct span record)
{
    struct buf *out = user;

    (void)buf_append(out, record.p, record.len);
}

/* A later edition than this one was withdrawn: that is why it is this one. */
static void tell_overtaken(struct node *n, const struct fetch_status *s,
                           json_t *o)
{
    struct buf bytes = BUF_INIT;
    struct revocation_payload p;
    struct record r;

    (void)catalog_revocations(node_catalog(n), &s->course, 1, note_revocation,
                              &bytes, NULL);
    if (s->seq != 0 && bytes.len != 0 &&
        record_decode(bytes.base, bytes.len, node_network(n), &r, NULL) == 0 &&
        revocation_decode(r.payload, &p, NULL) == 0 && p.seq > s->seq) {
        (void)json_object_set_new(o, "withdrawn_edition",
                                  json_integer((json_int_t)p.seq));
        (void)json_object_set_new(
            o, "withdrawn_reason",
            json_stringn((const char *)p.reason.p, p.reason.len));
    }
    buf_deinit(&bytes);
}

/* The edition that was gone back to shows until the newer one is there. false:
 * that could not be written, *rc and the call say why. */
static bool show_newest(struct api_call *call, const struct course_id *course,
                        int *rc)
{
    int shown = 0;

    if (!api__flag(call, "check") && (*rc == 0 || *rc == ERR_CONFLICT))
        shown = api__newest(call, course);
    if (shown != 0)
        *rc = shown;
    return shown == 0;
}

static void on_done(void *user, int rc, const struct err *e,
                    const struct fetch_status *s,
                    const struct fetch_peer *peers, size_t peer_count)
{
    struct api_call *call = user;
    json_t *list = json_array();
    bool shown;
    json_t *o;

    for (size_t i = 0; i < peer_count; i++)
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:I, s:i}", "node", node_id_hex(&peers[i].node).s,
                      "bytes", (json_int_t)peers[i].bytes, "rejected",
                      (int)peers[i].rejected));
    o = json_pack("{s:i, s:s, s:I, s:s, s:I}", "v", 1, "course",
                  course_id_hex(&s->course).s, "edition", (json_int_t)s->seq,
                  "state", s->state == FETCH_DONE ? "complete" : "partial",
                  "bytes", (json_int_t)s->content_bytes);
    (void)json_object_set_new(o, "fetched_chunks",
                              json_integer((json_int_t)s->fetched_chunks));
    (void)json_object_set_new(o, "fetched_bytes",
                              json_integer((json_int_t)s->fetched_bytes));
    (void)json_object_set_new(o, "reused_chunks",
                              json_integer((json_int_t)s->reused_chunks));
    (void)json_object_set_new(o, "rejected_chunks",
                              json_integer((json_int_t)s->rejected_chunks));
    (void)json_object_set_new(o, "seconds",
                              json_real((double)s->elapsed_ms / 1000));
    (void)json_object_set_new(o, "peers", list);
    if (api__flag(call, "check"))
        add_plan(o, s, true);
    (void)json_object_set_new(o, "edited", json_array());
    if (s->folder != NULL)
        target_each_kept(s->folder, api__add_kept,
                         json_object_get(o, "edited"));
    tell_overtaken(call->n, s, o);
    if (!api__flag(call, "check"))
        past_keep(call->n, rc, e, s, peers, peer_count);
    call->fetch = NULL;
    call->err = *e;
    shown = show_newest(call, &s->course, &rc);
    /* With nothing known of the course there is nothing to report. */
    if (shown && (rc == 0 || s->content_bytes != 0))
        call->result = o;
    else
        json_decref(o);
    api__finish(call, rc);
}

int api__hint_peers(struct api_call *call, const struct course_id *course)
{
    const json_t *list = json_object_get(call->args, "peers");
    const char *name = api__text(call, "course");
    struct ticket t;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        struct peer_address a;

        rc = text != NULL
                 ? peer_address_parse(text, strlen(text), &a, &call->err)
                 : ERR_INVALID;
        if (rc == 0)
            node_hint(call->n, &a.node, a.address, ROAD_EXPLICIT, course);
        else
            rc = ERR_INVALID;
    }
    ticket_init(&t);
    if (rc == 0 && ticket_is(name) &&
        ticket_decode(name, strlen(name), &t, NULL) == 0)
        for (size_t i = 0; i < t.peer_count; i++)
            node_hint(call->n, &t.peers[i].node, t.peers[i].address,
                      ROAD_TICKET, course);
    ticket_deinit(&t);
    return rc;
}

/* --offline, of a node that is not: only what is whole here already. */
static int check_offline(struct api_call *call, const struct course_id *course)
{
    struct record_id edition;

    if (!api__flag(call, "offline") ||
        (node_edition(call->n, course, &edition, NULL, NULL) == 0 &&
         catalog_held(node_catalog(call->n), &edition) == HELD_COMPLETE))
        return 0;
    return err_set(&call->err, ERR_NETWORK,
                   "the course is not whole here, and --offline was said");
}

/* The folder that the course lies in already, unless it is gone. */
static void follow(struct api_call *call, struct fetch_options *opt,
                   char dir[4096])
{
    struct stat st;

    if (journal_get(node_roots(call->n), "fetched",
                    course_id_hex(&opt->course).s, 0, dir, 4096) == 0 &&
        stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) {
        opt->to = dir;
        opt->follow = true;
    }
}

int api_get(struct api_call *call)
{
    static const struct fetch_events events = {on_progress, on_plan, on_done};
    struct fetch_options opt = {0};
    char dir[4096];
    int rc = api__resolve(call->n, api__text(call, "course"), &opt.course,
                          &call->err);

    if (rc == 0)
        rc = check_offline(call, &opt.course);
    if (rc == 0)
        rc = node_online(call->n, &call->err);
    if (rc == 0)
        rc = api__hint_peers(call, &opt.course);
    if (rc == 0)
        rc = journal_unset(node_choices(call->n), "removed",
                           course_id_hex(&opt.course).s, &call->err);
    if (rc == 0) {
        opt.purpose = api__flag(call, "check") ? FETCH_CHECK : FETCH_COURSE;
        opt.to = api__text(call, "to");
        if (opt.to == NULL && opt.purpose == FETCH_COURSE)
            follow(call, &opt, dir);
        opt.lesson =
            (int32_t)json_integer_value(json_object_get(call->args, "lesson"));
        opt.timeout_ms = (uint64_t)json_integer_value(
            json_object_get(call->args, "timeout_ms"));
        rc =
            fetch_start(call->n, &opt, &events, call, &call->fetch, &call->err);
    }
    if (rc != 0)
        call->err.code = rc;
    return rc;
}
