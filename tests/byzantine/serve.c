#include "tests/byzantine/serve.h"

#include <stdlib.h>

#include "node/wire/msg.h"

#define NOISE_MAX 4096u
#define CLAIM_BITS 4096u

static uint8_t noise[NOISE_MAX];

static void make_noise(struct serve *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        noise[i] = (uint8_t)rng_next(s->rng);
}

static void say(struct serve *s, const struct msg *m)
{
    struct buf out = BUF_INIT;

    if (msg_encode(m, &out, NULL) != 0)
        abort();
    s->say(s->user, out.base, out.len);
    buf_deinit(&out);
}

void serve_ask(struct serve *s)
{
    struct msg m = {.type = MSG_ASK};

    m.u.ask.request = 1;
    m.u.ask.course = s->course;
    say(s, &m);
}

/* It has none of its own: those that others have signed. */
static void answer_ask(struct serve *s, const struct msg *in)
{
    struct msg m = {.type = MSG_RECORDS};

    if (s->records.len != 0 &&
        msg_decode(s->records.base, s->records.len, &m, NULL) != 0)
        abort();
    m.u.records.request = in->u.ask.request;
    say(s, &m);
}

/* Who knows the edition is told of its slots, and says what it has. */
static void keep_records(struct serve *s, const uint8_t *bytes, size_t len)
{
    struct msg m = {.type = MSG_HAVE};

    m.u.have.edition = s->edition;
    say(s, &m);
    s->records.len = 0;
    if (buf_append(&s->records, bytes, len) != 0)
        abort();
}

static void claim(struct serve *s, const struct msg *in)
{
    uint32_t slots = in->u.have.slots;
    struct msg m = {.type = MSG_HAVE};

    if (slots == 0)
        return;
    m.u.have.edition = in->u.have.edition;
    m.u.have.slots = slots;
    m.u.have.all = s->how != SERVE_SHIFTER || slots > CLAIM_BITS;
    if (!m.u.have.all) {
        make_noise(s, CLAIM_BITS / 8);
        if (slots % 8 != 0)
            noise[slots / 8] &= (uint8_t)(0xff00u >> slots % 8);
        m.u.have.windows[0] = (struct msg_window){0, slots, noise};
        m.u.have.count = 1;
    }
    say(s, &m);
}

static void refuse(struct serve *s, uint32_t request)
{
    struct msg m = {.type = MSG_REFUSE};

    m.u.refuse.request = request;
    m.u.refuse.count = 1;
    m.u.refuse.reason = REFUSE_NOT_HERE;
    say(s, &m);
}

static void send_noise(struct serve *s, uint32_t request)
{
    struct msg m = {.type = MSG_CHUNK};

    make_noise(s, NOISE_MAX);
    m.u.chunk.request = request;
    m.u.chunk.stored =
        (struct span){noise, 1 + (size_t)rng_below(s->rng, NOISE_MAX)};
    say(s, &m);
}

static void answer_slot(struct serve *s, uint32_t request)
{
    switch (s->how) {
    case SERVE_GARBAGE:
    case SERVE_FLEET:
        send_noise(s, request);
        break;
    case SERVE_LIAR:
        refuse(s, request);
        break;
    case SERVE_SHIFTER:
        if (rng_below(s->rng, 2) == 0)
            refuse(s, request);
        break;
    case SERVE_STALLER:
        break;
    }
}

static bool answer_want(struct serve *s, const struct msg *in)
{
    for (size_t i = 0; i < in->u.want.count; i++) {
        s->wanted++;
        answer_slot(s, in->u.want.request + (uint32_t)i);
        if (s->how == SERVE_FLEET)
            return true;
    }
    return false;
}

bool serve_hear(struct serve *s, const uint8_t *bytes, size_t len)
{
    struct msg m;

    if (msg_decode(bytes, len, &m, NULL) != 0)
        return false;
    if (m.type == MSG_ASK)
        answer_ask(s, &m);
    else if (m.type == MSG_RECORDS && m.u.records.count != 0)
        keep_records(s, bytes, len);
    else if (m.type == MSG_HAVE)
        claim(s, &m);
    else if (m.type == MSG_WANT)
        return answer_want(s, &m);
    return false;
}
