/* How fast the index answers, printed; and that it answers right. */
#include <time.h>

#include "storage/store.h"
#include "tests/lib/keep.h"

#define COUNT 100000u
#define BATCH 32u
#define LEN 64u
#define ASKED 16000u

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint32_t have(struct store *s, const struct chunk_ref *refs,
                     const char *what)
{
    uint8_t bits[ASKED / 8];
    uint32_t held = 0;
    double start = now_ms();

    assert_int_equal(store_have(s, refs, ASKED, bits, &held, NULL), 0);
    print_message("have %s: %u refs in %.1f ms\n", what, ASKED,
                  now_ms() - start);
    return held;
}

/* 100,000 tiny chunks in batches of 32, and questions about 16,000. */
TEST(store_speed, tiny_chunks)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct keep_chunk *c = calloc(BATCH, sizeof *c);
    struct chunk_ref *refs = calloc(COUNT, sizeof *refs);
    uint8_t got[LEN];
    double spent = 0;
    double worst = 0;
    double start;

    assert_true(c != NULL && refs != NULL);
    for (uint32_t i = 0; i < ASKED; i++)
        refs[i] = keep_make(i, LEN).ref;
    assert_int_equal(have(s, refs, "in an empty store"), 0);
    for (uint32_t i = 0; i < COUNT; i += BATCH) {
        struct store_item items[BATCH] = {0};

        for (uint32_t k = 0; k < BATCH; k++) {
            c[k] = keep_make(i + k, LEN);
            refs[i + k] = c[k].ref;
            items[k].ref = c[k].ref;
            items[k].data = c[k].data;
        }
        start = now_ms();
        assert_int_equal(store_put(s, items, BATCH, STORE_FETCHED, NULL), 0);
        start = now_ms() - start;
        spent += start;
        worst = start > worst ? start : worst;
    }
    print_message("put: %u batches of %u, mean %.0f us, worst %.1f ms\n",
                  COUNT / BATCH, BATCH, spent * 1e3 / (COUNT / BATCH), worst);
    assert_int_equal(have(s, refs + COUNT - ASKED, "the newest"), ASKED);
    assert_int_equal(have(s, refs, "the oldest"), ASKED);
    start = now_ms();
    for (uint32_t i = 0; i < COUNT; i += 10)
        assert_int_equal(
            store_read(s, &refs[i].id, got, sizeof got, NULL, NULL), 0);
    print_message("read: %.1f us a chunk\n",
                  (now_ms() - start) * 1e3 / (COUNT / 10));
    start = now_ms();
    assert_int_equal(store_flush(s, 1, NULL), 0);
    print_message("flush: %.1f ms\n", now_ms() - start);
    store_close(s);
    start = now_ms();
    s = keep_open(home);
    print_message("open: %.1f ms\n", now_ms() - start);
    store_close(s);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    start = now_ms();
    s = keep_open(home);
    print_message("open with a new index: %.0f ms\n", now_ms() - start);
    assert_true(store_rebuilt(s));
    assert_int_equal(have(s, refs, "after that"), ASKED);
    store_close(s);
    free(refs);
    free(c);
}

/* 64 KiB chunks in batches of 32, as a fetch puts them. */
TEST(store_speed, large_chunks)
{
    enum { BIG = 65536, BATCHES = 64 };
    struct store *s = keep_open(test_tmpdir());
    uint8_t *data = malloc((size_t)BIG * BATCH);
    double spent = 0;
    double digest = 0;
    struct store_usage u;

    assert_non_null(data);
    memset(data, 7, (size_t)BIG * BATCH);
    for (uint32_t b = 0; b < BATCHES; b++) {
        struct store_item items[BATCH] = {0};
        double start = now_ms();

        for (uint32_t k = 0; k < BATCH; k++) {
            uint8_t *p = data + (size_t)k * BIG;
            uint32_t number = b * BATCH + k;

            memcpy(p, &number, sizeof number);
            items[k].data = p;
            items[k].ref.id = digest_chunk(p, BIG);
            items[k].ref.stored_len = items[k].ref.raw_len = BIG;
        }
        digest += now_ms() - start;
        start = now_ms();
        assert_int_equal(store_put(s, items, BATCH, STORE_FETCHED, NULL), 0);
        spent += now_ms() - start;
    }
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.chunks, BATCHES * BATCH);
    print_message("put: %.2f GB/s (SHA-256 apart: %.2f GB/s)\n",
                  (double)BIG * BATCH * BATCHES / spent / 1e6,
                  (double)BIG * BATCH * BATCHES / digest / 1e6);
    store_close(s);
    free(data);
}
