#include "node/wire/ticket.h"

#include <string.h>

#include "crypto/base/text.h"
#include "crypto/did.h"

#define SCHEME "lyceum:"
#define SCHEME_LEN (sizeof SCHEME - 1)
#define ID_CHARS 52

void ticket_init(struct ticket *t)
{
    memset(t, 0, sizeof *t);
}

void ticket_deinit(struct ticket *t)
{
    buf_deinit(&t->title);
}

bool ticket_is(const char *text)
{
    return strncmp(text, SCHEME, SCHEME_LEN) == 0;
}

/* A hint that would make the ticket, which starts at @start, too long is left
 * out: without it the ticket still names its course. */
static void put_hint(struct buf *out, size_t start, const char *name,
                     const void *value, size_t len)
{
    size_t before = out->len;
    bool first = before - start == SCHEME_LEN + ID_CHARS;

    (void)buf_append_str(out, first ? "?" : "&");
    (void)buf_append_str(out, name);
    text_percent_encode(value, len, ":@[]", out);
    if (out->len - start > TICKET_MAX)
        out->len = before;
}

int ticket_encode(const struct ticket *t, struct buf *out)
{
    size_t start = out->len;
    char did[DID_TEXT_MAX];

    (void)buf_append_str(out, SCHEME);
    text_base32_encode(t->course.b, sizeof t->course.b, out);
    for (size_t i = 0; i < t->peer_count; i++) {
        char text[PEER_ADDRESS_MAX + 1 + 64 + 1];
        size_t n = strlen(t->peers[i].address);

        memcpy(text, t->peers[i].address, n);
        text[n] = '@';
        hex_encode(t->peers[i].node.b, sizeof t->peers[i].node.b, text + n + 1);
        put_hint(out, start, "p=", text, n + 65);
    }
    if (t->has_author) {
        did_encode(&t->author, did);
        put_hint(out, start, "a=", did, strlen(did));
    }
    if (t->title.len != 0)
        put_hint(out, start, "t=", t->title.base, t->title.len);
    return out->failed ? ERR_NOMEM : 0;
}

static bool host_ok(const char *p, size_t n)
{
    if (n >= 4 && p[0] == '[' && p[n - 1] == ']')
        return strspn(p + 1, "0123456789abcdefABCDEF:.") >= n - 2;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
    }
    return n != 0;
}

int peer_address_parse(const char *text, size_t len, struct peer_address *out,
                       struct err *e)
{
    struct peer_address a;
    const char *at = memchr(text, '@', len);
    size_t n = at != NULL ? (size_t)(at - text) : 0;
    size_t colon = n;
    unsigned port = 0;

    while (colon != 0 && text[colon - 1] != ':')
        colon--;
    if (at == NULL || colon < 2 || n >= sizeof a.address || n - colon < 1 ||
        n - colon > 5)
        return err_set(e, ERR_MALFORMED, "not HOST:PORT@KEY");
    for (size_t i = colon; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return err_set(e, ERR_MALFORMED, "not HOST:PORT@KEY");
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (text[colon] == '0' || port > 65535 || !host_ok(text, colon - 1))
        return err_set(e, ERR_MALFORMED, "not HOST:PORT@KEY");
    if (hex_decode(at + 1, len - n - 1, a.node.b, sizeof a.node.b) != 0)
        return err_set(e, ERR_MALFORMED, "the key is not 64 hex digits");
    memcpy(a.address, text, n);
    a.address[n] = '\0';
    *out = a;
    return 0;
}

static int take_hint(struct ticket *t, const char *p, size_t n, struct err *e)
{
    struct buf v = BUF_INIT;
    int rc = 0;

    if (n < 2 || p[1] != '=')
        return 0;
    rc = text_percent_decode(p + 2, n - 2, &v);
    if (rc != 0) {
        buf_deinit(&v);
        return err_set(e, ERR_MALFORMED, "ticket: a hint is badly encoded");
    }
    if (p[0] == 'p' && t->peer_count < TICKET_PEERS_MAX) {
        rc = v.len != 0 ? peer_address_parse((char *)v.base, v.len,
                                             &t->peers[t->peer_count], e)
                        : err_set(e, ERR_MALFORMED, "not HOST:PORT@KEY");
        t->peer_count += rc == 0;
    } else if (p[0] == 'a' && v.len != 0) {
        rc = did_decode((char *)v.base, v.len, &t->author, e);
        t->has_author = rc == 0;
    } else if (p[0] == 't' && t->title.len == 0 &&
               text_utf8_valid(v.base, v.len)) {
        buf_move(&t->title, &v);
    }
    if (rc != 0)
        err_wrap(e, "ticket");
    buf_deinit(&v);
    return rc;
}

int ticket_decode(const char *text, size_t len, struct ticket *t, struct err *e)
{
    size_t at = SCHEME_LEN + ID_CHARS;
    size_t start;
    int rc = 0;

    if (len > TICKET_MAX || len < at ||
        strncmp(text, SCHEME, SCHEME_LEN) != 0 ||
        text_base32_decode(text + SCHEME_LEN, ID_CHARS, t->course.b,
                           sizeof t->course.b) != 0 ||
        (len > at && text[at] != '?'))
        return err_set(e, ERR_MALFORMED, "not a ticket");
    start = at + 1;
    for (size_t i = start; i <= len && rc == 0; i++) {
        if (i != len && text[i] != '&')
            continue;
        rc = take_hint(t, text + start, i - start, e);
        start = i + 1;
    }
    return rc;
}
