/* api_course: what is known of courses and records. */
#include "node/api/api_internal.h"
#include "node/api/past.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/course.h"
#include "crypto/did.h"
#include "crypto/edition.h"
#include "crypto/profile.h"
#include "crypto/revocation.h"
#include "node/driver/in_place.h"
#include "node/wire/ticket.h"
#include "storage/config.h"

static json_t *text(struct span s)
{
    json_t *j = json_stringn((const char *)s.p, s.len);

    return j != NULL ? j : json_string("");
}

static void set(json_t *o, const char *key, json_t *value)
{
    (void)json_object_set_new(o, key, value);
}

static void set_u64(json_t *o, const char *key, uint64_t v)
{
    set(o, key, json_integer((json_int_t)v));
}

static json_t *words(const struct span *list, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(a, text(list[i]));
    return a;
}

/* ---- a course as seen from here
 * -------------------------------------------------- */

struct seen { /* what the catalog has of a course */
    struct buf course_bytes, edition_bytes;
    struct record course;
    struct edition_payload edition;
    struct record_id edition_id;
    bool has_edition;
};

static void seen_deinit(struct seen *s)
{
    buf_deinit(&s->course_bytes);
    buf_deinit(&s->edition_bytes);
}

static int look_up(struct node *n, const struct course_id *course,
                   struct seen *s, struct err *e)
{
    struct record_id id;
    struct record r;
    int rc;

    memset(s, 0, sizeof *s);
    memcpy(id.b, course->b, sizeof id.b);
    rc = catalog_get(node_catalog(n), &id, &s->course_bytes, e);
    if (rc == 0)
        rc = record_reopen(s->course_bytes.base, s->course_bytes.len,
                           node_network(n), &s->course, e);
    if (rc == 0 &&
        (api__local(n, course, &s->edition_id, NULL, NULL) == 0 ||
         catalog_current(node_catalog(n), course, &s->edition_id, NULL, NULL) ==
             0) &&
        catalog_get(node_catalog(n), &s->edition_id, &s->edition_bytes, NULL) ==
            0 &&
        record_reopen(s->edition_bytes.base, s->edition_bytes.len,
                      node_network(n), &r, NULL) == 0)
        s->has_edition = edition_decode(r.payload, &s->edition, NULL) == 0;
    return rc;
}

const char *api__held(struct node *n, const struct record_id *edition,
                      uint64_t *out_stored)
{
    struct held_manifest *hm = NULL;
    uint32_t held = 0;
    uint8_t *bits;
    const char *state = "listed";

    *out_stored = 0;
    if (node_manifest_load(n, edition, &hm, NULL) != 0)
        return state;
    bits = calloc(1, hm->m.table.count / 8 + 1);
    if (bits != NULL && store_have(node_store(n), hm->m.table.refs,
                                   hm->m.table.count, bits, &held, NULL) == 0) {
        for (uint32_t i = 0; i < hm->m.table.count; i++)
            if ((bits[i / 8] & (0x80u >> (i % 8))) != 0)
                *out_stored += hm->m.table.refs[i].stored_len;
        state = held == hm->m.table.count ? "complete" : "partial";
    }
    free(bits);
    held_manifest_unref(hm);
    return state;
}

static const char *state_of(struct node *n, const struct seen *s,
                            uint64_t *out_stored)
{
    const char *state;
    bool same = true;

    *out_stored = 0;
    if (!s->has_edition)
        return "listed";
    if (catalog_held(node_catalog(n), &s->edition_id) == HELD_COMPLETE &&
        (!in_place_course(n, &s->edition.course, &same) || same)) {
        *out_stored = s->edition.stored_bytes;
        return "complete";
    }
    state = api__held(n, &s->edition_id, out_stored);
    if (strcmp(state, "complete") == 0) {
        *out_stored = s->edition.stored_bytes; /* as above: no blobs */
        (void)catalog_set_held(node_catalog(n), &s->edition_id, HELD_COMPLETE,
                               NULL);
    }
    return state;
}

static bool is_pinned(struct node *n, const struct course_id *course)
{
    char v[8];

    return journal_get(node_choices(n), "pin", course_id_hex(course).s, 0, v,
                       sizeof v) == 0;
}

void api__tell_withdrawn(struct node *n, const struct course_id *course,
                         const struct record_id *edition, uint64_t seq,
                         json_t *o)
{
    struct buf payload = BUF_INIT;
    struct revocation_payload p;
    bool is =
        catalog_withdrawn(node_catalog(n), course, edition, seq, &payload);

    set(o, "withdrawn", json_boolean(is));
    if (is && revocation_decode(buf_span(&payload), &p, NULL) == 0)
        set(o, "withdrawn_reason", text(p.reason));
    buf_deinit(&payload);
}

static json_t *describe(struct node *n, const struct course_id *course,
                        const struct seen *s)
{
    json_t *o = json_object();
    char did[DID_TEXT_MAX];
    struct buf title = BUF_INIT;
    uint64_t stored;
    const char *state = state_of(n, s, &stored);

    did_encode(&s->course.signer, did);
    api__title(n, course, &title);
    set(o, "course", json_string(course_id_hex(course).s));
    set(o, "title", text(buf_span(&title)));
    set_u64(o, "edition", s->has_edition ? s->edition.seq : 0);
    set(o, "state", json_string(state));
    set_u64(o, "bytes", s->has_edition ? s->edition.bytes : 0);
    set_u64(o, "stored_bytes", stored);
    set(o, "author", json_string(did));
    set(o, "pinned", json_boolean(is_pinned(n, course)));
    api__tell_withdrawn(n, course, &s->edition_id,
                        s->has_edition ? s->edition.seq : 1, o);
    buf_deinit(&title);
    return o;
}

struct listing {
    struct node *n;
    json_t *courses;
};

static void list_one(void *user, const struct course_id *course)
{
    struct listing *l = user;
    struct seen s;

    if (look_up(l->n, course, &s, NULL) == 0)
        (void)json_array_append_new(l->courses, describe(l->n, course, &s));
    seen_deinit(&s);
}

int api_ls(struct api_call *call)
{
    struct listing l = {call->n, json_array()};
    int rc = catalog_courses(node_catalog(call->n), list_one, &l, &call->err);

    call->result = json_pack("{s:i, s:o}", "v", 1, "courses", l.courses);
    return rc;
}

/* ---- info
 * ----------------------------------------------------------------------------
 */

static json_t *lessons_of(const struct manifest *m)
{
    static const char *const kinds[] = {"page",     "video", "audio",
                                        "document", "code",  "other"};
    json_t *modules = json_array();

    for (uint32_t i = 0; i < m->module_count; i++) {
        json_t *lessons = json_array();

        for (uint32_t k = 0; k < m->lesson_count; k++) {
            const struct manifest_lesson *l = &m->lessons[k];

            if (l->module == i)
                (void)json_array_append_new(
                    lessons,
                    json_pack("{s:i, s:s, s:s, s:s, s:i, s:b}", "lesson",
                              (int)k + 1, "title", l->title, "kind",
                              kinds[l->kind], "path", l->path, "duration_s",
                              (int)l->duration_s, "preview",
                              (l->flags & LESSON_FLAG_PREVIEW) != 0));
        }
        (void)json_array_append_new(modules, json_pack("{s:s, s:o}", "title",
                                                       m->modules[i].title,
                                                       "lessons", lessons));
    }
    return modules;
}

int api_info(struct api_call *call)
{
    struct held_manifest *hm = NULL;
    struct course_id course;
    struct seen s;
    json_t *o;
    int rc =
        api__resolve(call->n, api__text(call, "course"), &course, &call->err);

    if (rc != 0)
        return rc;
    rc = look_up(call->n, &course, &s, &call->err);
    if (rc != 0) {
        seen_deinit(&s);
        return rc;
    }
    o = describe(call->n, &course, &s);
    set(o, "v", json_integer(1));
    if (s.has_edition) {
        const struct edition_payload *p = &s.edition;

        set(o, "record", json_string(record_id_hex(&s.edition_id).s));
        set(o, "summary", text(p->summary));
        set(o, "language", text(p->language));
        set(o, "level", text(p->level));
        set(o, "licence", text(p->licence));
        set(o, "change", text(p->change_note));
        set(o, "tags", words(p->tags, p->tag_count));
        set(o, "teaches", words(p->teaches, p->teach_count));
        set(o, "requires", words(p->requires_, p->require_count));
        set_u64(o, "files", p->files);
        set_u64(o, "chunks", p->chunks);
        set_u64(o, "time_ms", p->time_ms);
        if (node_manifest_load(call->n, &s.edition_id, &hm, NULL) == 0)
            set(o, "modules", lessons_of(&hm->m));
        held_manifest_unref(hm);
        if (api__flag(call, "versions"))
            set(o, "versions", api__versions(call->n, &course, &s.edition_id));
    }
    seen_deinit(&s);
    call->result = o;
    return 0;
}

/* ---- tickets
 * ----------------------------------------------------------------------------
 */

static void add_address(struct ticket *t, struct node *n, const char *host,
                        const char *port)
{
    struct peer_address *p = &t->peers[t->peer_count];

    if (t->peer_count == TICKET_PEERS_MAX)
        return;
    p->node = *node_self(n);
    (void)snprintf(p->address, sizeof p->address,
                   strchr(host, ':') != NULL ? "[%s]%s" : "%s%s", host, port);
    t->peer_count++;
}

/* Where this node listens, as others may dial it. */
static void add_addresses(struct ticket *t, struct node *n)
{
    const char *listen = node_listening(n);
    const char *port = strrchr(listen, ':');
    uv_interface_address_t *list;
    char host[64];
    int count;

    if (port == NULL)
        return;
    if (strncmp(listen, "0.0.0.0:", 8) != 0 && listen[0] != '[') {
        (void)snprintf(host, sizeof host, "%.*s", (int)(port - listen), listen);
        add_address(t, n, host, port);
        return;
    }
    if (uv_interface_addresses(&list, &count) != 0)
        return;
    for (int i = 0; i < count; i++) {
        if (list[i].address.address4.sin_family != AF_INET ||
            list[i].is_internal)
            continue;
        (void)uv_ip4_name(&list[i].address.address4, host, sizeof host);
        add_address(t, n, host, port);
    }
    uv_free_interface_addresses(list, count);
    if (t->peer_count == 0)
        add_address(t, n, "127.0.0.1", port);
}

int api_ticket(struct api_call *call)
{
    struct buf out = BUF_INIT;
    struct course_id course;
    struct ticket t;
    struct seen s;
    int rc =
        api__resolve(call->n, api__text(call, "course"), &course, &call->err);

    if (rc != 0)
        return rc;
    rc = look_up(call->n, &course, &s, &call->err);
    ticket_init(&t);
    t.course = course;
    if (rc == 0) {
        t.has_author = true;
        t.author = s.course.signer;
        add_addresses(&t, call->n);
        api__title(call->n, &course, &t.title);
        rc = ticket_encode(&t, &out);
    }
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:s, s:s}", "v", 1, "course",
                      course_id_hex(&course).s, "ticket", buf_cstr(&out));
    ticket_deinit(&t);
    seen_deinit(&s);
    buf_deinit(&out);
    return rc;
}

/* ---- records
 * --------------------------------------------------------------------------------
 */

static void describe_profile(json_t *o, struct span payload)
{
    struct profile_payload p;
    char box[65];

    if (profile_decode(payload, &p, NULL) != 0)
        return;
    hex_encode(p.box_key, sizeof p.box_key, box);
    set_u64(o, "time_ms", p.time_ms);
    set(o, "name", text(p.name));
    set(o, "bio", text(p.bio));
    set(o, "website", text(p.website));
    set(o, "mail", text(p.mail));
    set(o, "box_key", json_string(box));
}

static void describe_course(json_t *o, struct span payload)
{
    json_t *authors = json_array();
    struct course_payload p;
    char did[DID_TEXT_MAX];

    if (course_decode(payload, &p, NULL) == 0) {
        set_u64(o, "time_ms", p.time_ms);
        set(o, "title", text(p.title));
        set_u64(o, "threshold", p.threshold);
        for (uint32_t i = 0; i < p.author_count; i++) {
            did_encode(&p.authors[i], did);
            (void)json_array_append_new(authors, json_string(did));
        }
    }
    set(o, "authors", authors);
}

static void describe_edition(json_t *o, struct span payload)
{
    struct edition_payload p;

    if (edition_decode(payload, &p, NULL) != 0)
        return;
    set_u64(o, "time_ms", p.time_ms);
    set(o, "course", json_string(course_id_hex(&p.course).s));
    set_u64(o, "seq", p.seq);
    if (p.seq != 1)
        set(o, "prev", json_string(record_id_hex(&p.prev).s));
    set(o, "title", text(p.title));
    set(o, "summary", text(p.summary));
    set(o, "language", text(p.language));
    set(o, "level", text(p.level));
    set(o, "licence", text(p.licence));
    set(o, "change", text(p.change_note));
    set(o, "tags", words(p.tags, p.tag_count));
    set(o, "teaches", words(p.teaches, p.teach_count));
    set(o, "requires", words(p.requires_, p.require_count));
    set_u64(o, "index_chunks", p.index_blob.len / CHUNK_ENTRY_BYTES);
    set_u64(o, "tree_chunks", p.tree_blob.len / CHUNK_ENTRY_BYTES);
    set_u64(o, "files", p.files);
    set_u64(o, "bytes", p.bytes);
    set_u64(o, "chunks", p.chunks);
    set_u64(o, "stored_bytes", p.stored_bytes);
}

static void describe_revocation(json_t *o, struct span payload)
{
    struct revocation_payload p;

    if (revocation_decode(payload, &p, NULL) != 0)
        return;
    set_u64(o, "time_ms", p.time_ms);
    set(o, "course", json_string(course_id_hex(&p.course).s));
    set_u64(o, "seq", p.seq);
    if (p.has_edition)
        set(o, "edition", json_string(record_id_hex(&p.edition).s));
    set(o, "reason", text(p.reason));
}

static void take_id(void *user, const struct record_id *id)
{
    *(struct record_id *)user = *id;
}

int api_record(struct api_call *call)
{
    const char *name = api__text(call, "id");
    struct buf bytes = BUF_INIT;
    struct record_id id;
    struct record r;
    char did[DID_TEXT_MAX];
    char *hex;
    json_t *o;
    size_t found;
    int rc;

    if (name == NULL || strlen(name) < 4 || strlen(name) > 64)
        return err_set(&call->err, ERR_INVALID,
                       "a record id: 4 to 64 hex digits");
    found = catalog_find(node_catalog(call->n), name, 2, take_id, &id);
    if (found != 1)
        return err_set(&call->err, found ? ERR_AMBIGUOUS : ERR_NOT_FOUND,
                       found ? "several records start with '%s'"
                             : "no record starts with '%s'",
                       name);
    rc = catalog_get(node_catalog(call->n), &id, &bytes, &call->err);
    if (rc == 0)
        rc = record_decode(bytes.base, bytes.len, node_network(call->n), &r,
                           &call->err);
    hex = rc == 0 ? malloc(2 * bytes.len + 1) : NULL;
    if (hex == NULL) {
        buf_deinit(&bytes);
        return rc != 0 ? rc : err_set(&call->err, ERR_NOMEM, "record");
    }
    hex_encode(bytes.base, bytes.len, hex);
    did_encode(&r.signer, did);
    o = json_pack("{s:i, s:s, s:s, s:s, s:b}", "v", 1, "record",
                  record_id_hex(&id).s, "type", record_type_name(r.type),
                  "signer", did, "signature_valid", 1);
    switch (r.type) {
    case RECORD_PROFILE:
        describe_profile(o, r.payload);
        break;
    case RECORD_COURSE:
        describe_course(o, r.payload);
        break;
    case RECORD_EDITION:
        describe_edition(o, r.payload);
        break;
    case RECORD_REVOCATION:
        describe_revocation(o, r.payload);
        break;
    case RECORD_TYPE_COUNT:
        break;
    }
    set(o, "raw", json_string(hex));
    free(hex);
    buf_deinit(&bytes);
    call->result = o;
    return 0;
}

int api_put_record(struct api_call *call)
{
    const char *hex = api__text(call, "record");
    size_t n = hex != NULL ? strlen(hex) / 2 : 0;
    uint8_t *bytes = malloc(n + 1);
    struct record_id id;
    int rc = ERR_INVALID;

    if (bytes != NULL && n != 0 && hex_decode(hex, 2 * n, bytes, n) == 0)
        rc =
            catalog_put(node_catalog(call->n), bytes, n, true, &id, &call->err);
    free(bytes);
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:s}", "v", 1, "record", record_id_hex(&id).s);
    return rc;
}

/* ---- pins, rm
 * ----------------------------------------------------------------------------------
 */

static int pin(struct api_call *call, bool on)
{
    struct course_id course;
    const char *yes[1] = {"1"};
    int rc =
        api__resolve(call->n, api__text(call, "course"), &course, &call->err);

    if (rc == 0 && on)
        rc = journal_set(node_choices(call->n), "pin", course_id_hex(&course).s,
                         yes, 1, &call->err);
    else if (rc == 0)
        rc = journal_unset(node_choices(call->n), "pin",
                           course_id_hex(&course).s, &call->err);
    if (rc == 0)
        call->result = json_pack("{s:i, s:s, s:b}", "v", 1, "course",
                                 course_id_hex(&course).s, "pinned", on);
    return rc;
}

int api_pin(struct api_call *call)
{
    return pin(call, true);
}

int api_unpin(struct api_call *call)
{
    return pin(call, false);
}

int api_rm(struct api_call *call)
{
    const struct course_id *course = &call->course;
    const char *yes[1] = {"1"};
    int rc = api__resolve(call->n, api__text(call, "course"), &call->course,
                          &call->err);

    /* The choice first: a rebuilt index must not bring the course back. */
    if (rc == 0)
        rc = journal_set(node_choices(call->n), "removed",
                         course_id_hex(course).s, yes, 1, &call->err);
    if (rc == 0)
        rc = journal_unset(node_choices(call->n), "pin",
                           course_id_hex(course).s, &call->err);
    if (rc == 0)
        rc = journal_unset(node_roots(call->n), "published",
                           course_id_hex(course).s, &call->err);
    if (rc == 0)
        rc = journal_unset(node_roots(call->n), "fetched",
                           course_id_hex(course).s, &call->err);
    if (rc == 0)
        rc = in_place_forget(call->n, course, &call->err);
    if (rc == 0)
        rc = past_forget(call->n, course, &call->err);
    if (rc == 0)
        rc = catalog_forget(node_catalog(call->n), course, &call->err);
    if (rc == 0)
        call->result =
            json_pack("{s:i, s:s}", "v", 1, "course", course_id_hex(course).s);
    return rc;
}

int api_removed(struct api_call *call)
{
    node_removed(call->n, &call->course);
    return 0;
}
