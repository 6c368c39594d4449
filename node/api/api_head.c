/* api_head: what others know of a chain of ours, before it is signed on:
 * whoever restored an old backup, or signs on two machines, would otherwise
 * contradict himself (two different editions of one number). */
#include "node/api/api_internal.h"

#include <string.h>

#include "crypto/revocation.h"
#include "storage/seq_file.h"

/* The newest number that is taken: of an edition, or of one that was withdrawn
 * and that peers may not give any more. */
static void see_revocation(void *user, struct span record)
{
    struct head *h = user;
    struct revocation_payload p;
    struct record r;

    if (record_decode(record.p, record.len, node_network(h->n), &r, NULL) ==
            0 &&
        revocation_decode(r.payload, &p, NULL) == 0 && p.seq > h->seq)
        h->seq = p.seq;
}

void api__head(struct node *n, const struct course_id *course, struct head *out)
{
    uint64_t seq = 0;

    *out = (struct head){.n = n};
    if (catalog_current(node_catalog(n), course, &out->edition, &seq, NULL) ==
        0)
        out->seq = seq;
    (void)catalog_revocations(node_catalog(n), course, CORE_REVOCATIONS_MAX,
                              see_revocation, out, NULL);
}

int api__newer_head(const struct course_id *course, uint64_t newest,
                    struct err *e)
{
    int rc = err_set(e, ERR_CONFLICT,
                     "edition %llu was signed elsewhere, and this home goes by"
                     " an older one",
                     (unsigned long long)newest);

    err_hint(e, "lyceum get %.16s fetches it; then publish again",
             course_id_hex(course).s);
    return rc;
}

/* An edition by @author that is not of this home: neither was it signed here,
 * nor is it whole here. */
int api__check_head(struct node *n, const struct course_id *course,
                    const struct author_id *author, struct err *e)
{
    struct buf bytes = BUF_INIT;
    struct head h;
    struct record r;
    uint64_t ours = 0;
    uint64_t stored;
    int rc;

    api__head(n, course, &h);
    if (h.seq == 0)
        return 0;
    rc = seq_file_read(node_home(n), author, course, &ours, e);
    if (rc != 0 || h.seq <= ours)
        return rc;
    if (catalog_get(node_catalog(n), &h.edition, &bytes, NULL) == 0 &&
        record_decode(bytes.base, bytes.len, node_network(n), &r, NULL) == 0 &&
        author_id_eq(&r.signer, author) &&
        strcmp(api__held(n, &h.edition, &stored), "complete") != 0)
        rc = api__newer_head(course, h.seq, e);
    buf_deinit(&bytes);
    return rc;
}

/* Asked since this doubt: `choices` may come out of a backup of a home that was
 * restored itself, and had asked then. */
bool api__must_ask(struct node *n, const struct course_id *course)
{
    char asked[SEQ_FILE_DOUBT_CHARS];
    char now[SEQ_FILE_DOUBT_CHARS];

    seq_file_doubt_name(node_home(n), now);
    return seq_file_doubtful(node_home(n)) &&
           (now[0] == '\0' ||
            journal_get(node_choices(n), "asked", course_id_hex(course).s, 0,
                        asked, sizeof asked) != 0 ||
            strcmp(asked, now) != 0);
}

int api__signed_here(struct api_call *call, const struct course_id *course)
{
    char doubt[SEQ_FILE_DOUBT_CHARS];
    const char *values[1] = {doubt};

    seq_file_doubt_name(node_home(call->n), doubt);
    return api__must_ask(call->n, course)
               ? journal_set(node_choices(call->n), "asked",
                             course_id_hex(course).s, values, 1, &call->err)
               : 0;
}

static int nobody(struct api_call *call)
{
    int rc = err_set(
        &call->err, ERR_NETWORK,
        "this home was restored or its identity brought here, and"
        " no peer that knows the course could be asked for newer editions");

    err_hint(&call->err, "name a peer with --peer HOST:PORT@KEY, or say -y when"
                         " none was published since");
    return rc;
}

static void on_done(void *user, int rc, const struct err *e,
                    const struct fetch_status *s,
                    const struct fetch_peer *peers, size_t peer_count)
{
    struct api_call *call = user;
    json_t *next = json_object_get(call->args, "edition");
    struct head h;

    (void)peers;
    (void)peer_count;
    call->fetch = NULL;
    call->err = *e;
    api__head(call->n, &s->course, &h);
    if (rc == 0 && h.seq >= (uint64_t)json_integer_value(next))
        rc = api__newer_head(&s->course, h.seq, &call->err);
    else if (rc == 0 && s->knowing == 0 && api__flag(call, "must"))
        rc = nobody(call);
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:I, s:I}", "v", 1, "asked",
                      (json_int_t)s->answered, "newest", (json_int_t)h.seq);
    api__finish(call, rc);
}

int api_ask_head(struct api_call *call)
{
    static const struct fetch_events events = {.done = on_done};
    struct fetch_options opt = {.purpose = FETCH_HEAD,
                                .must = api__flag(call, "must"),
                                .timeout_ms = (uint64_t)json_integer_value(
                                    json_object_get(call->args, "timeout_ms"))};
    const char *hex = api__text(call, "course");
    int rc = hex != NULL && hex_decode(hex, strlen(hex), opt.course.b,
                                       sizeof opt.course.b) == 0
                 ? 0
                 : err_set(&call->err, ERR_INVALID, "no course");

    if (rc == 0 && !api__flag(call, "offline"))
        rc = node_online(call->n, &call->err);
    if (rc == 0)
        rc = api__hint_peers(call, &opt.course);
    opt.offline = api__flag(call, "offline");
    if (rc == 0)
        rc =
            fetch_start(call->n, &opt, &events, call, &call->fetch, &call->err);
    return rc;
}
