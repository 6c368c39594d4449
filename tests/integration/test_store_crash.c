/* kill -9 at any moment of putting, syncing, flushing and sweeping: what was
 * acknowledged is there, and nothing that is there is wrong. */
#include <signal.h>
#include <time.h>

#include "storage/journal.h"
#include "storage/store.h"
#include "tests/lib/keep.h"

#define ROUNDS 60
#define BATCH 8
#define NUMBERS 200000

static const struct store_options opt = {.pack_max_bytes = 40000};

static uint32_t len_of(uint64_t number)
{
    return 200 + (uint32_t)(number * 37 % 1500);
}

/* A third of all chunks is garbage to every sweep. */
static bool is_garbage(const struct chunk_id *id)
{
    return id->b[3] % 3 == 0;
}

static bool live(void *user, const struct chunk_id *id)
{
    (void)user;
    return !is_garbage(id);
}

static void say(int fd, uint64_t number)
{
    if (write(fd, &number, sizeof number) != sizeof number)
        _exit(2);
}

static int put_batch(struct store *s, uint64_t first)
{
    struct keep_chunk c[BATCH];
    struct store_item items[BATCH] = {0};

    for (uint64_t i = 0; i < BATCH; i++) {
        c[i] = keep_make(first + i, len_of(first + i));
        items[i].ref = c[i].ref;
        items[i].data = c[i].data;
    }
    return store_put(s, items, BATCH, STORE_OWN, NULL);
}

/* Puts batches from @first on, says each batch that was synced, sweeps and
 * states facts in between, until it is killed. */
static void work(const char *home, uint64_t first, int out)
{
    struct store *s = NULL;
    struct journal *j = NULL;
    struct store_swept swept;
    char number[24];
    const char *values[1] = {number};

    if (store_open(home, &opt, &s, NULL) != 0 ||
        journal_open(home, "roots", &j, NULL) != 0)
        _exit(3);
    for (uint64_t n = first; n < first + NUMBERS / ROUNDS - BATCH; n += BATCH) {
        if (put_batch(s, n) != 0 || store_sync(s, NULL) != 0)
            _exit(4);
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)n);
        if (journal_set(j, "last", "batch", values, 1, NULL) != 0)
            _exit(5);
        say(out, n);
        if (n / BATCH % 6 == 5 &&
            store_sweep(s, live, NULL, NULL, &swept, NULL) != 0)
            _exit(6);
    }
    for (;;)
        (void)pause();
}

struct history {
    uint64_t *acked; /* first numbers of batches */
    size_t count;
    uint64_t last;
};

static void run_and_kill(const char *home, uint64_t first, long after_us,
                         struct history *h)
{
    struct timespec wait = {.tv_sec = 0, .tv_nsec = after_us * 1000};
    uint64_t number;
    int ends[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        work(home, first, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    (void)nanosleep(&wait, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status))
        fail_msg("the child ended by itself: %d", WEXITSTATUS(status));
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        h->acked[h->count++] = number;
        h->last = number;
    }
    (void)close(ends[0]);
}

static void check(const char *home, const struct history *h)
{
    struct journal *j = NULL;
    struct store *s = keep_open_with(home, &opt);
    char number[24];

    for (size_t i = 0; i < h->count; i++) {
        for (uint64_t n = h->acked[i]; n < h->acked[i] + BATCH; n++) {
            struct keep_chunk c = keep_make(n, len_of(n));
            int rc = keep_read(s, n, len_of(n));

            if (rc != 0 && !(rc == ERR_NOT_FOUND && is_garbage(&c.ref.id)))
                fail_msg("chunk %llu: %s", (unsigned long long)n,
                         err_words(rc));
        }
    }
    store_close(s);
    assert_int_equal(journal_open(home, "roots", &j, NULL), 0);
    if (h->count != 0) {
        assert_int_equal(
            journal_get(j, "last", "batch", 0, number, sizeof number), 0);
        assert_true(strtoull(number, NULL, 10) >= h->last);
    }
    journal_close(j);
}

/* 60 lives of one home, each ended by SIGKILL. */
TEST(store_crash, kill_9)
{
    const char *home = test_tmpdir();
    struct history h = {.acked = calloc(NUMBERS, sizeof *h.acked)};
    uint64_t x = 88172645463325252u;
    uint64_t span_us = 60000; /* longer where a batch takes longer */

    assert_non_null(h.acked);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        run_and_kill(home, 1 + round * (NUMBERS / ROUNDS),
                     (long)(x % span_us) + 500, &h);
        if (h.count <= round && span_us < 500000)
            span_us += span_us / 4;
        if (round % 4 == 3)
            check(home, &h);
    }
    check(home, &h);
    print_message("%zu batches acknowledged in %d lives\n", h.count, ROUNDS);
    assert_true(h.count > ROUNDS);
    /* and the packs alone know it all */
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    check(home, &h);
    free(h.acked);
}
