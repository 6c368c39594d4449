#include "node/driver/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/err.h"

#define NOTE_BYTES 32

struct bell {
    pthread_mutex_t mutex;
    uv_async_t *async; /* NULL once muted */
    atomic_size_t refs;
    atomic_size_t control;
};

struct outbox {
    struct bell *bell;
    atomic_size_t refs; /* the connection and each message that is out */
    atomic_size_t control;
    atomic_uint_least32_t gone;
};

/* Stands in front of each chunk, in the same buffer. */
struct chunk_note {
    struct outbox *outbox;
    struct slab *slab;
    uint32_t len;
    bool taken_back;
};

_Static_assert(sizeof(struct chunk_note) <= NOTE_BYTES, "the note fits");

struct control_note {
    struct outbox *outbox;
    size_t len;
    uint8_t bytes[];
};

struct bell *bell_new(uv_async_t *async)
{
    struct bell *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    (void)pthread_mutex_init(&b->mutex, NULL);
    b->async = async;
    atomic_init(&b->refs, 1);
    return b;
}

void bell_mute(struct bell *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->async = NULL;
    (void)pthread_mutex_unlock(&b->mutex);
}

static void ring(struct bell *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    if (b->async != NULL)
        (void)uv_async_send(b->async);
    (void)pthread_mutex_unlock(&b->mutex);
}

void bell_unref(struct bell *b)
{
    if (atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&b->mutex);
    free(b);
}

size_t bell_control_bytes(struct bell *b)
{
    return atomic_load(&b->control);
}

struct outbox *outbox_new(struct bell *b)
{
    struct outbox *o = calloc(1, sizeof *o);

    if (o == NULL)
        return NULL;
    atomic_init(&o->refs, 1);
    atomic_fetch_add(&b->refs, 1);
    o->bell = b;
    return o;
}

void outbox_unref(struct outbox *o)
{
    if (atomic_fetch_sub(&o->refs, 1) != 1)
        return;
    bell_unref(o->bell);
    free(o);
}

/* ---- chunks ------------------------------------------------------------- */

uint8_t *outbox_chunk_buffer(struct slab *s, size_t len)
{
    uint8_t *base = slab_get(s, len + NOTE_BYTES);

    return base != NULL ? base + NOTE_BYTES : NULL;
}

void outbox_chunk_discard(struct slab *s, uint8_t *buffer)
{
    slab_put(s, buffer - NOTE_BYTES);
}

static struct chunk_note *note_of(uint8_t *buffer)
{
    return (struct chunk_note *)(void *)(buffer - NOTE_BYTES);
}

static void on_chunk_freed(void *data, void *hint)
{
    struct chunk_note *note = hint;
    struct outbox *o = note->outbox;

    (void)data;
    if (!note->taken_back) {
        (void)atomic_fetch_add(&o->gone, note->len);
        slab_put(note->slab, (uint8_t *)hint);
        ring(o->bell);
    }
    outbox_unref(o);
}

int outbox_chunk(struct outbox *o, struct slab *s, uint8_t *buffer, size_t len,
                 zmq_msg_t *out)
{
    struct chunk_note *note = note_of(buffer);

    *note = (struct chunk_note){o, s, (uint32_t)len, false};
    if (zmq_msg_init_data(out, buffer, len, on_chunk_freed, note) != 0)
        return ERR_NOMEM;
    (void)atomic_fetch_add(&o->refs, 1);
    return 0;
}

void outbox_chunk_back(uint8_t *buffer, zmq_msg_t *msg)
{
    note_of(buffer)->taken_back = true;
    (void)zmq_msg_close(msg);
}

uint32_t outbox_take_gone(struct outbox *o)
{
    return atomic_exchange(&o->gone, 0);
}

/* ---- control messages --------------------------------------------------- */

static void on_control_freed(void *data, void *hint)
{
    struct control_note *note = hint;
    struct outbox *o = note->outbox;

    (void)data;
    (void)atomic_fetch_sub(&o->control, note->len);
    (void)atomic_fetch_sub(&o->bell->control, note->len);
    free(note);
    outbox_unref(o);
}

int outbox_control(struct outbox *o, const uint8_t *data, size_t len,
                   zmq_msg_t *out)
{
    struct control_note *note = malloc(sizeof *note + len);

    if (note == NULL)
        return ERR_NOMEM;
    note->outbox = o;
    note->len = len;
    if (len != 0)
        memcpy(note->bytes, data, len);
    if (zmq_msg_init_data(out, note->bytes, len, on_control_freed, note) != 0) {
        free(note);
        return ERR_NOMEM;
    }
    (void)atomic_fetch_add(&o->refs, 1);
    (void)atomic_fetch_add(&o->control, len);
    (void)atomic_fetch_add(&o->bell->control, len);
    return 0;
}

size_t outbox_control_bytes(struct outbox *o)
{
    return atomic_load(&o->control);
}
