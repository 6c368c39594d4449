#include "node/driver/outbox.h"
#include "node/driver/slab.h"
#include "tests/lib/test.h"

#include <pthread.h>
#include <string.h>

#include "crypto/base/err.h"

#define KEEP ((size_t)64 * 1024)

/* What was given back is given out again, to any length of its class. */
TEST(slab, reuses)
{
    struct slab *s = slab_new(KEEP);
    uint8_t *first = slab_get(s, 20000);
    uint8_t *second;

    assert_non_null(first);
    memset(first, 1, 20000);
    slab_put(s, first);
    second = slab_get(s, 32768);
    assert_ptr_equal(second, first);
    memset(second, 2, 32768);
    slab_put(s, second);
    assert_null(slab_get(s, (size_t)3 * 1024 * 1024));
    slab_unref(s);
}

/* Beyond what it may keep, memory goes back. */
TEST(slab, keeps_no_more_than_it_may)
{
    struct slab *s = slab_new(KEEP);
    uint8_t *b[8];

    for (size_t i = 0; i < 8; i++) {
        b[i] = slab_get(s, 16 * 1024);
        assert_non_null(b[i]);
    }
    assert_int_equal(slab_kept_bytes(s), 0);
    for (size_t i = 0; i < 8; i++)
        slab_put(s, b[i]);
    assert_int_equal(slab_kept_bytes(s), KEEP);
    b[0] = slab_get(s, 1);
    assert_int_equal(slab_kept_bytes(s), KEEP - 16 * 1024);
    slab_put(s, b[0]);
    slab_unref(s);
}

/* The owner may go first. */
TEST(slab, outlives_its_owner)
{
    struct slab *s = slab_new(KEEP);
    uint8_t *b = slab_get(s, 100);

    assert_non_null(b);
    slab_unref(s);
    memset(b, 3, 100);
    slab_put(s, b);
}

#define MESSAGES 2000

static void *close_all(void *user)
{
    zmq_msg_t *m = user;

    for (size_t i = 0; i < MESSAGES; i++)
        (void)zmq_msg_close(&m[i]);
    return NULL;
}

/* Bytes that another thread frees are counted once and all. */
TEST(outbox, counts)
{
    static zmq_msg_t chunks[MESSAGES];
    static zmq_msg_t controls[MESSAGES];
    struct bell *bell = bell_new(NULL);
    struct outbox *o = outbox_new(bell);
    struct slab *s = slab_new(KEEP);
    pthread_t threads[2];
    uint64_t gone = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        uint8_t *b = outbox_chunk_buffer(s, 1000);

        assert_non_null(b);
        memset(b, 4, 1000);
        assert_int_equal(outbox_chunk(o, s, b, 1000, &chunks[i]), 0);
        assert_int_equal(outbox_control(o, b, 10, &controls[i]), 0);
    }
    assert_int_equal(outbox_take_gone(o), 0);
    assert_int_equal(outbox_control_bytes(o), 10 * MESSAGES);
    assert_int_equal(pthread_create(&threads[0], NULL, close_all, chunks), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, close_all, controls), 0);
    for (int i = 0; i < 100; i++)
        gone += outbox_take_gone(o);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    gone += outbox_take_gone(o);
    assert_int_equal(gone, 1000 * MESSAGES);
    assert_int_equal(outbox_control_bytes(o), 0);
    assert_int_equal(bell_control_bytes(bell), 0);
    slab_unref(s);
    bell_unref(bell);
    outbox_unref(o);
}

/* A message that could not be sent leaves its buffer, and counts nothing. */
TEST(outbox, takes_back)
{
    struct bell *bell = bell_new(NULL);
    struct outbox *o = outbox_new(bell);
    struct slab *s = slab_new(KEEP);
    uint8_t *b = outbox_chunk_buffer(s, 500);
    zmq_msg_t m;

    assert_non_null(b);
    memset(b, 5, 500);
    assert_int_equal(outbox_chunk(o, s, b, 500, &m), 0);
    outbox_chunk_back(b, &m);
    assert_int_equal(b[499], 5);
    assert_int_equal(outbox_take_gone(o), 0);
    outbox_chunk_discard(s, b);
    slab_unref(s);
    outbox_unref(o);
    bell_unref(bell);
}
