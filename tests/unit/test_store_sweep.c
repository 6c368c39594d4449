#include "storage/store.h"

#include <pthread.h>
#include <stdatomic.h>

#include "storage/pack.h"
#include "storage/store_internal.h"
#include "tests/lib/keep.h"

#define LEN 400u

/* Which chunks live: by the number that stands in an id's list. */
struct set {
    struct chunk_id ids[4096];
    size_t count;
    pthread_mutex_t mutex;
};

static struct set live = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void set_add(uint64_t number)
{
    struct chunk_id id = keep_make(number, LEN).ref.id;

    (void)pthread_mutex_lock(&live.mutex);
    if (live.count < 4096)
        live.ids[live.count++] = id;
    (void)pthread_mutex_unlock(&live.mutex);
}

static bool is_live(void *user, const struct chunk_id *id)
{
    bool found = false;

    (void)user;
    (void)pthread_mutex_lock(&live.mutex);
    for (size_t i = 0; i < live.count && !found; i++)
        found = chunk_id_eq(&live.ids[i], id);
    (void)pthread_mutex_unlock(&live.mutex);
    return found;
}

static bool nothing(void *user, const struct chunk_id *id)
{
    (void)user;
    (void)id;
    return false;
}

static size_t packs_in(const char *home)
{
    DIR *d = opendir(keep_path(home, "packs"));
    struct dirent *x;
    size_t n = 0;

    assert_non_null(d);
    while ((x = readdir(d)) != NULL)
        n += x->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

/* What is dead goes and gives its bytes back, what lives stays, in the next
 * life too, and after the index was made again. */
TEST(store_sweep, half)
{
    const struct store_options opt = {.pack_max_bytes = 10000};
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &opt);
    struct store_usage before;
    struct store_usage after;
    struct store_swept swept;

    live.count = 0;
    keep_put(s, 0, 200, LEN);
    for (uint64_t i = 0; i < 200; i += 2)
        set_add(i);
    assert_int_equal(store_usage(s, &before, NULL), 0);
    assert_int_equal(store_sweep(s, is_live, NULL, NULL, &swept, NULL), 0);
    assert_int_equal(store_usage(s, &after, NULL), 0);
    assert_int_equal(swept.chunks_removed, 100);
    assert_true(swept.packs_rewritten > 5);
    assert_int_equal(swept.bytes_freed, before.pack_bytes - after.pack_bytes);
    assert_true(after.pack_bytes < before.pack_bytes * 6 / 10);
    assert_int_equal(after.chunks, 100);
    for (int i = 0; i < 3; i++) {
        for (uint64_t n = 0; n < 200; n += 2)
            assert_int_equal(keep_read(s, n, LEN), 0);
        if (i < 1)
            assert_false(keep_has(s, 1, LEN));
        store_close(s);
        if (i == 1)
            assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        s = keep_open_with(home, &opt);
    }
    store_close(s);
}

/* A pack with little dead in it is left as it is. */
TEST(store_sweep, little)
{
    struct store *s = keep_open(test_tmpdir());
    struct store_swept swept;

    live.count = 0;
    keep_put(s, 0, 100, LEN);
    for (uint64_t i = 0; i < 80; i++)
        set_add(i);
    assert_int_equal(store_sweep(s, is_live, NULL, NULL, &swept, NULL), 0);
    assert_true(swept.chunks_removed == 20 && swept.packs_rewritten == 0);
    keep_all(s, 0, 80, LEN);
    assert_false(keep_has(s, 90, LEN));
    keep_put(s, 80, 20, LEN);
    keep_all(s, 0, 100, LEN);
    store_close(s);
}

/* When nothing lives no pack is left, and the store is usable. */
TEST(store_sweep, all_dead)
{
    const struct store_options opt = {.pack_max_bytes = 5000};
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &opt);
    struct store_swept swept;
    struct chunk_ref ref = keep_make(1, LEN).ref;
    struct store_plain plain = {keep_make(2, LEN).ref.id, ref.id};

    keep_put(s, 0, 50, LEN);
    assert_int_equal(store_plain_put(s, 0, &plain, 1, NULL), 0);
    assert_int_equal(store_sweep(s, nothing, NULL, NULL, &swept, NULL), 0);
    assert_int_equal(swept.chunks_removed, 50);
    assert_int_equal(packs_in(home), 0);
    keep_put(s, 0, 50, LEN);
    keep_all(s, 0, 50, LEN);
    assert_int_equal(store_plain_find(s, 0, &plain.plain, &ref), ERR_NOT_FOUND);
    store_close(s);
    s = keep_open_with(home, &opt);
    keep_all(s, 0, 50, LEN);
    store_close(s);
}

/* Chunks in files outside are nobody's to sweep. */
TEST(store_sweep, files_stay)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(7, LEN);
    struct store_item item = {.ref = c.ref, .data = c.data, .written = true};
    struct store_swept swept;

    keep_write(keep_path(dir, "f"), c.data, LEN);
    assert_int_equal(store_file_add(s, keep_path(dir, "f"), &item.file, NULL),
                     0);
    assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
    assert_int_equal(store_sweep(s, nothing, NULL, NULL, &swept, NULL), 0);
    assert_int_equal(keep_read(s, 7, LEN), 0);
    store_close(s);
}

/* A chunk that has rotted does not stop the compaction of its pack, and is not
 * carried on. */
TEST(store_sweep, rot)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct store_swept swept;

    live.count = 0;
    keep_put(s, 0, 10, LEN);
    for (uint64_t i = 0; i < 5; i++)
        set_add(i);
    keep_flip(keep_path(home, "packs/000001.pack"), 2 * (64 + LEN) + 64, 1);
    assert_int_equal(store_sweep(s, is_live, NULL, NULL, &swept, NULL), 0);
    assert_int_equal(swept.packs_rewritten, 1);
    assert_int_equal(keep_read(s, 2, LEN), ERR_NOT_FOUND);
    keep_all(s, 0, 2, LEN);
    keep_all(s, 3, 2, LEN);
    store_close(s);
}

/* A power cut after a sweep that takes the WAL along: the old pack is gone, the
 * rows that the index still has point to it, and yet nothing is lost. */
static const struct store_options small = {.pack_max_bytes = 8000};

static void sweep_and_vanish(const char *home)
{
    struct store *s = keep_open_with(home, &small);
    struct store_swept swept;

    keep_put(s, 1000, 3, LEN);
    if (store_sync(s, NULL) != 0 ||
        store_sweep(s, is_live, NULL, NULL, &swept, NULL) != 0 ||
        swept.packs_rewritten < 3)
        _exit(1);
    keep_put(s, 2000, 3, LEN);
    if (store_sync(s, NULL) != 0)
        _exit(1);
}

TEST(store_sweep, wal_lost)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &small);

    live.count = 0;
    assert_int_equal(store_readopted(s, NULL), 0);
    keep_put(s, 0, 100, LEN);
    for (uint64_t i = 0; i < 100; i += 2)
        set_add(i);
    for (uint64_t i = 1000; i < 1003; i++)
        set_add(i);
    store_close(s);
    keep_vanish(sweep_and_vanish, home);
    assert_int_equal(unlink(keep_path(home, "index.db-wal")), 0);
    s = keep_open_with(home, &small);
    assert_false(store_rebuilt(s));
    for (uint64_t i = 0; i < 100; i += 2)
        assert_int_equal(keep_read(s, i, LEN), 0);
    keep_all(s, 1000, 3, LEN);
    keep_all(s, 2000, 3, LEN);
    store_close(s);
}

/* Puts chunk 500, once, when the sweep asks for the first time; as another
 * thread would that got the lock between two packs. */
static bool put_meanwhile(void *user, const struct chunk_id *id)
{
    struct store *s = user;
    struct keep_chunk c = keep_make(500, LEN);
    struct index_chunk row = {.ref = c.ref, .sum = digest_sum64(c.data, LEN)};
    int fd = -1;

    (void)id;
    if (index_find(s->ix, &c.ref.id, NULL, NULL) == 0)
        return false;
    if (store__reserve(s, &s->pack, PACK_HEAD_BYTES + LEN, &row.offset, NULL) !=
            0 ||
        store__borrow_fd(s, s->pack, &fd, NULL) != 0)
        return false;
    row.place = s->pack;
    row.offset += PACK_HEAD_BYTES;
    if (store__append(fd, &row, c.data, NULL) == 0)
        (void)index_put(s->ix, &row, false, NULL);
    store__return_fd(s, fd);
    return false;
}

/* What is put during a sweep stays, although nobody has named it live. */
TEST(store_sweep, put_meanwhile)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &small);
    struct store_swept swept;

    keep_put(s, 0, 50, LEN);
    assert_int_equal(store_sweep(s, put_meanwhile, s, NULL, &swept, NULL), 0);
    assert_int_equal(swept.chunks_removed, 50);
    assert_int_equal(keep_read(s, 500, LEN), 0);
    store_close(s);
    s = keep_open_with(home, &small);
    assert_int_equal(keep_read(s, 500, LEN), 0);
    store_close(s);
}

/* ---- at the same time
 * ---------------------------------------------------------- */

struct crew {
    struct store *s;
    atomic_int running;
    atomic_int next;
    atomic_int failures;
};

#define EACH 60
#define CREW 3

/* Puts its own chunks, makes them known as live first, syncs now and then, and
 * reads them back while others sweep. */
static void *put_and_read(void *user)
{
    struct crew *c = user;
    uint64_t base = 10000 * (uint64_t)(1 + atomic_fetch_add(&c->next, 1));

    for (uint64_t i = 0; i < EACH; i++) {
        set_add(base + i);
        if (keep_try_put(c->s, base + i, 1, LEN, STORE_OWN) != 0)
            atomic_fetch_add(&c->failures, 1);
        if (i % 16 == 0 && store_sync(c->s, NULL) != 0)
            atomic_fetch_add(&c->failures, 1);
        for (uint64_t n = i > 20 ? i - 20 : 0; n <= i; n++)
            if (keep_read(c->s, base + n, LEN) != 0)
                atomic_fetch_add(&c->failures, 1);
    }
    atomic_fetch_sub(&c->running, 1);
    return NULL;
}

/* Writers, readers and a sweep at once: nothing that lives is ever missing. */
TEST(store_sweep, under_load)
{
    const char *home = test_tmpdir();
    struct crew c = {.s = keep_open_with(home, &small), .running = CREW};
    struct store_swept swept;
    pthread_t threads[CREW];
    uint64_t rewritten = 0;
    uint64_t garbage = 100000;

    live.count = 0;
    for (int i = 0; i < CREW; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_read, &c),
                         0);
    while (atomic_load(&c.running) != 0) {
        keep_put(c.s, garbage, 5, LEN);
        garbage += 5;
        assert_int_equal(store_sweep(c.s, is_live, NULL, NULL, &swept, NULL),
                         0);
        rewritten += swept.packs_rewritten;
    }
    for (int i = 0; i < CREW; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&c.failures), 0);
    assert_true(rewritten > 0);
    for (int life = 0; life < 2; life++) {
        for (uint64_t i = 1; i <= CREW; i++)
            keep_all(c.s, 10000 * i, EACH, LEN);
        store_close(c.s);
        c.s = keep_open_with(home, &small);
    }
    store_close(c.s);
}

/* A file outside with chunks @first and @first + 1, of which the first lives.
 */
static const char *refer_to(struct store *s, const char *dir, const char *name,
                            uint64_t first)
{
    const char *path = keep_path(dir, name);
    struct stat st;
    uint32_t file = 0;

    keep_write(path, keep_make(first, LEN).data, LEN);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(store_file_refer(s, path, LEN,
                                      (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                          st.st_mtim.tv_nsec,
                                      &file, NULL),
                     0);
    for (uint64_t i = 0; i < 2; i++) {
        struct keep_chunk c = keep_make(first + i, LEN);
        struct store_item item = {.ref = c.ref,
                                  .sum = digest_sum64(c.data, LEN),
                                  .file = file,
                                  .offset = i * LEN,
                                  .written = true};

        assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
    }
    set_add(first);
    return path;
}

/* Files outside: one that is there is left alone; of one that is gone the index
 * keeps what lives, for the day it comes back, and nothing when nothing does.
 */
TEST(store_sweep, files_gone)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct store_usage use;
    struct store_swept swept;

    live.count = 0;
    (void)refer_to(s, dir, "here", 0);
    (void)refer_to(s, dir, "gone", 2);
    (void)refer_to(s, dir, "dead", 4);
    live.count = 2; /* "dead" is named by nobody */
    assert_int_equal(rename(keep_path(dir, "gone"), keep_path(dir, "away")), 0);
    assert_int_equal(unlink(keep_path(dir, "dead")), 0);
    assert_int_equal(store_sweep(s, is_live, NULL, NULL, &swept, NULL), 0);
    assert_int_equal(swept.chunks_removed, 3);
    assert_int_equal(store_usage(s, &use, NULL), 0);
    assert_int_equal(use.chunks, 3);
    assert_int_not_equal(store_file_find(s, keep_path(dir, "here")), 0);
    assert_int_not_equal(store_file_find(s, keep_path(dir, "gone")), 0);
    assert_int_equal(store_file_find(s, keep_path(dir, "dead")), 0);
    assert_int_equal(rename(keep_path(dir, "away"), keep_path(dir, "gone")), 0);
    keep_all(s, 0, 1, LEN);
    keep_all(s, 2, 1, LEN);
    assert_int_equal(keep_size(keep_path(dir, "here")), LEN);
    store_close(s);
}
