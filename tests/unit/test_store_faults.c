/* The store on a disk that is full or broken, and with too few descriptors. */
#include "storage/store.h"

#include "tests/lib/fault_vfs.h"
#include "tests/lib/keep.h"

#define LEN 300u

static struct store_usage usage(struct store *s)
{
    struct store_usage u;

    assert_int_equal(store_usage(s, &u, NULL), 0);
    return u;
}

struct fault {
    enum file_io_fault kind;
    int errnum;
};

static const struct fault kinds[] = {{FAULT_WRITE, ENOSPC},
                                     {FAULT_WRITE, EIO},
                                     {FAULT_SYNC, EIO},
                                     {FAULT_SYNC, ENOSPC}};

static int want(int errnum)
{
    return errnum == ENOSPC ? ERR_NO_SPACE : ERR_IO;
}

static bool live_below(void *user, const struct chunk_id *id)
{
    const struct keep_chunk *c = user;

    for (size_t i = 0; i < 100; i++)
        if (chunk_id_eq(&c[i].ref.id, id))
            return true;
    return false;
}

/* Every write and sync fails in its turn: the call says so, a put that failed
 * holds nothing of itself, what was synced is never lost, and when the fault is
 * gone all goes on. Also after another start. */
TEST(store_faults, each_in_turn)
{
    const struct store_options opt = {.pack_max_bytes = 12000};
    struct keep_chunk *keep = calloc(100, sizeof *keep);
    const char *root = test_tmpdir();
    char home[KEEP_PATH];

    assert_non_null(keep);
    for (uint64_t i = 0; i < 100; i++)
        keep[i] = keep_make(i, LEN);
    for (size_t k = 0; k < 4; k++) {
        for (int n = 0;; n++) {
            struct store_swept swept;
            struct store *s;
            int put;
            int sync;
            int sweep;

            (void)snprintf(home, sizeof home, "%s/%zu-%d", root, k, n);
            assert_int_equal(mkdir(home, 0700), 0);
            s = keep_open_with(home, &opt);
            keep_put(s, 0, 50, LEN);
            assert_int_equal(store_sync(s, NULL), 0);
            keep_put(s, 100, 60, LEN); /* garbage to come */
            file_io_fault_after(kinds[k].kind, n, 1, kinds[k].errnum);
            put = keep_try_put(s, 50, 50, LEN, STORE_OWN);
            assert_true(put == 0 || put == want(kinds[k].errnum));
            for (uint64_t i = 50; i < 100; i++)
                assert_int_equal(keep_has(s, i, LEN), put == 0);
            sync = store_sync(s, NULL);
            sweep = store_sweep(s, live_below, keep, NULL, &swept, NULL);
            keep_all(s, 0, 50, LEN);
            if (put == 0 && sync == 0)
                keep_all(s, 50, 50, LEN);
            if (put == 0 && sync == 0 && sweep == 0 && n > 0) {
                keep_no_faults();
                store_close(s);
                break; /* n calls were not made at all */
            }
            assert_true(n < 1000);
            keep_no_faults();
            if (n % 2 == 0) {
                store_close(s);
                s = keep_open_with(home, &opt);
            }
            keep_all(s, 0, 50, LEN);
            keep_put(s, 50, 50, LEN);
            assert_int_equal(store_sync(s, NULL), 0);
            assert_int_equal(
                store_sweep(s, live_below, keep, NULL, &swept, NULL), 0);
            keep_all(s, 0, 100, LEN);
            store_close(s);
            s = keep_open_with(home, &opt);
            keep_all(s, 0, 100, LEN);
            assert_int_equal(usage(s).chunks, 100);
            store_close(s);
        }
    }
    free(keep);
}

/* A disk that stays full: each put fails, the pack does not grow by holes, and
 * work resumes when there is room. */
TEST(store_faults, full_for_long)
{
    struct store *s = keep_open(test_tmpdir());
    uint64_t before;

    keep_put(s, 0, 5, LEN);
    before = usage(s).pack_bytes;
    for (int i = 0; i < 20; i++) {
        file_io_fault_after(FAULT_WRITE, i % 3, 1000, ENOSPC);
        assert_int_equal(keep_try_put(s, 10, 100, LEN, STORE_FETCHED),
                         ERR_NO_SPACE);
        keep_no_faults();
        assert_int_equal(usage(s).pack_bytes, before);
    }
    keep_put(s, 10, 100, LEN);
    keep_all(s, 0, 5, LEN);
    keep_all(s, 10, 100, LEN);
    store_close(s);
}

/* After a sync that failed, what it should have made durable is not held; what
 * was durable is; and a put goes to another pack. */
TEST(store_sync, failed_is_final)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);

    keep_put(s, 0, 5, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    keep_put(s, 5, 5, LEN);
    file_io_fault_after(FAULT_SYNC, 0, 1, EIO);
    assert_int_equal(store_sync(s, NULL), ERR_IO);
    keep_all(s, 0, 5, LEN);
    for (uint64_t i = 5; i < 10; i++)
        assert_false(keep_has(s, i, LEN));
    assert_int_equal(store_sync(s, NULL), 0);
    keep_put(s, 5, 5, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    assert_true(keep_size(keep_path(home, "packs/000002.pack")) > 0);
    keep_all(s, 0, 10, LEN);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 10, LEN);
    store_close(s);
}

/* What verify puts once more, as its head has rotted, stays where it was when
 * that fails: its bytes are good. */
TEST(store_verify, no_room_for_a_head)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct keep_chunk c = keep_make(1, LEN);

    keep_put(s, 0, 3, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    keep_flip(keep_path(home, "packs/000001.pack"), 64 + LEN + 20, 4);
    file_io_fault_after(FAULT_SYNC, 0, 1, ENOSPC);
    assert_int_equal(store_verify(s, &c.ref.id, NULL), ERR_NO_SPACE);
    keep_all(s, 0, 3, LEN);
    assert_int_equal(store_verify(s, &c.ref.id, NULL), 0);
    store_close(s);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    s = keep_open(home);
    keep_all(s, 0, 3, LEN);
    store_close(s);
}

/* Running out of descriptors is an error, not a loss. */
TEST(store_read, no_descriptors)
{
    const struct store_options opt = {.pack_max_bytes = 1000};
    struct store *s = keep_open_with(test_tmpdir(), &opt);
    int hog[2048];
    size_t n = 0;

    keep_put(s, 0, 200, LEN);
    while (n < 2048 && (hog[n] = open("/dev/null", O_RDONLY)) >= 0)
        n++;
    if (n < 2048) { /* else the limit is higher than we like to go */
        assert_int_equal(keep_read(s, 0, LEN), ERR_IO);
        assert_int_equal(store_sync(s, NULL), ERR_IO);
    }
    while (n > 0)
        (void)close(hog[--n]);
    assert_int_equal(store_sync(s, NULL), 0);
    keep_all(s, 0, 200, LEN);
    store_close(s);
}

/* The same with the database's writes: a put whose rows cannot be kept holds
 * nothing, and nothing that was held goes. */
TEST(store_faults, database)
{
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    struct keep_chunk *keep = calloc(100, sizeof *keep);
    const char *root = test_tmpdir();
    char home[KEEP_PATH];
    bool hit = true;

    assert_non_null(keep);
    for (uint64_t i = 0; i < 100; i++)
        keep[i] = keep_make(i, LEN);
    fault_vfs_install();
    for (int n = 0; n < 200 && hit; n++) {
        for (size_t k = 0; k < 2; k++) {
            struct store_swept swept;
            struct store *s;
            int put;

            (void)snprintf(home, sizeof home, "%s/%zu-%d", root, k, n);
            assert_int_equal(mkdir(home, 0700), 0);
            s = keep_open(home);
            keep_put(s, 0, 50, LEN);
            assert_int_equal(store_sync(s, NULL), 0);
            keep_put(s, 100, 60, LEN);
            fault_vfs_after(n, 1, codes[k]);
            put = keep_try_put(s, 50, 50, LEN, STORE_OWN);
            assert_true(put == 0 || put == ERR_NO_SPACE || put == ERR_IO);
            for (uint64_t i = 50; i < 100; i++)
                assert_int_equal(keep_has(s, i, LEN), put == 0);
            (void)store_sync(s, NULL);
            (void)store_sweep(s, live_below, keep, NULL, &swept, NULL);
            hit = fault_vfs.left < 0;
            fault_vfs_after(-1, 0, 0);
            keep_all(s, 0, 50, LEN);
            if (n % 2 == 0) {
                store_close(s);
                s = keep_open(home);
            }
            keep_all(s, 0, 50, LEN);
            keep_put(s, 50, 50, LEN);
            assert_int_equal(store_sync(s, NULL), 0);
            assert_int_equal(
                store_sweep(s, live_below, keep, NULL, &swept, NULL), 0);
            keep_all(s, 0, 100, LEN);
            store_close(s);
            s = keep_open(home);
            keep_all(s, 0, 100, LEN);
            store_close(s);
        }
    }
    assert_false(hit); /* the last round went through without a fault */
    free(keep);
}
