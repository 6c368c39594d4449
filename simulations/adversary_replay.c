/* adversary_replay: what was true once, or for somebody else: frames of others,
 * records that have been overtaken, a withdrawal of an edition long gone, and
 * one that a stranger signed. */
#include "simulations/adversary_internal.h"

void adversary__hear(struct adversary *a, const uint8_t *data, size_t len)
{
    struct buf *to = &a->heard[a->heard_count++ % HEARD_MAX];

    to->len = 0;
    (void)buf_append(to, data, len);
}

void adversary__forget(struct adversary *a)
{
    for (size_t i = 0; i < HEARD_MAX; i++)
        buf_deinit(&a->heard[i]);
}

static void push(struct adversary *a, conn_no conn, const struct buf *record)
{
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.list[0] = buf_span(&a->env->kit->course_record);
    m.u.records.list[1] = buf_span(record);
    m.u.records.count = 2;
    adversary__send(a, conn, &m);
}

static void say_again(struct adversary *a, conn_no conn)
{
    size_t kept = a->heard_count < HEARD_MAX ? a->heard_count : HEARD_MAX;
    const struct buf *b;

    if (kept == 0)
        return;
    b = &a->heard[rng_below(&a->rng, kept)];
    adversary__send_raw(a, conn, b->base, b->len);
}

void adversary__replay(struct adversary *a, conn_no conn)
{
    const struct course_kit *k = a->env->kit;

    switch (rng_below(&a->rng, 8)) {
    case 0:
        push(a, conn, &k->slander);
        break;
    case 1:
        /* Only once there is another edition: the author's word holds. */
        if (k->edition_count > 1)
            push(a, conn, &k->withdrawal);
        break;
    case 2:
    case 3:
        push(a, conn, &k->editions[0].record);
        break;
    default:
        say_again(a, conn);
        break;
    }
}
