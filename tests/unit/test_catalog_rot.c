/* The record file, or the index over it, has rotted. Nothing wrong is read, and
 * what comes again heals it. */
#include <errno.h>

#include "simulations/vdisk.h"
#include "storage/disk.h"
#include "storage/index.h"
#include "tests/lib/catalog_kit.h"

/* Rot in the middle loses one record, not those behind it; and it is never
 * handed out. */
TEST(catalog_open, rot)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct rec p = profile(ann, 1, "Ann");
    struct buf got = BUF_INIT;
    struct record_id id;

    assert_int_equal(put(w.c, &p, false), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    keep_flip(keep_path(home, "records/000001.log"), 40, 1);
    assert_int_equal(catalog_get(w.c, &p.id, &got, NULL), ERR_CORRUPT);
    assert_int_equal(got.len, 0);
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    w = open_in(home);
    assert_false(holds(w.c, &p));
    for (int i = 0; i < 4; i++)
        assert_true(holds(w.c, &c.r[i]));
    assert_int_equal(current(w.c, &c.id, &id), 3);
    assert_int_equal(put(w.c, &p, false), 0);
    assert_true(holds(w.c, &p));
    buf_deinit(&got);
    close_it(&w);
    drop(c.r, 4);
    drop(&p, 1);
}

/* A course that was removed and came again: where the removal between the two
 * has rotted, the second is no news, and what is current stays so. */
TEST(catalog_open, removal_rotten)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct record_id id;
    off_t removal;

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    removal = keep_size(keep_path(home, "records/000001.log"));
    assert_int_equal(catalog_forget(w.c, &c.id, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    close_it(&w);
    keep_flip(keep_path(home, "records/000001.log"), removal + 25, 1);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    w = open_in(home);
    assert_int_equal(current(w.c, &c.id, &id), 3);
    assert_int_equal(catalog_edition(w.c, &c.id, 1, &id, NULL), 0);
    close_it(&w);
    drop(c.r, 4);
}

/* The end of the file rots, what stood there comes again in another order, and
 * a power cut leaves the index of before: it does not take one for the other.
 */
TEST(catalog_open, end_rotten)
{
    const char *home = test_tmpdir();
    const char *before = test_tmpdir();
    const char *log = "records/000001.log";
    struct place_of_work w = open_in(home);
    struct rec p[] = {profile(ann, 1, "Ann"), profile(bob, 1, "Bob")};
    off_t second;

    assert_int_equal(p[0].bytes.len, p[1].bytes.len);
    assert_int_equal(put(w.c, &p[0], false), 0);
    second = keep_size(keep_path(home, log));
    assert_int_equal(put(w.c, &p[1], false), 0);
    close_it(&w);
    keep_flip(keep_path(home, log), 40, 1);
    keep_flip(keep_path(home, log), second + 40, 1);
    keep_copy_home(home, before);
    w = open_in(home);
    assert_false(holds(w.c, &p[0]) || holds(w.c, &p[1]));
    assert_int_equal(put(w.c, &p[1], false), 0);
    assert_int_equal(put(w.c, &p[0], false), 0);
    close_it(&w);
    keep_copy_file(keep_path(before, "index.db"), keep_path(home, "index.db"));
    w = open_in(home);
    assert_true(holds(w.c, &p[0]) && holds(w.c, &p[1]));
    close_it(&w);
    drop(p, 2);
}

/* What has rotted is mended by whoever brings it again, in its place: a course
 * stays before its editions when the index is made anew. */
TEST(catalog_put, mends)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct buf got = BUF_INIT;
    struct record_id id;

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    for (size_t at = 2; at < 44; at += 40) { /* in its head, in its bytes */
        keep_flip(keep_path(home, "records/000001.log"), (long)at, 1);
        assert_int_equal(catalog_get(w.c, &c.r[0].id, &got, NULL), ERR_CORRUPT);
        assert_int_equal(put(w.c, &c.r[0], false), 0);
        assert_true(holds(w.c, &c.r[0]));
    }
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    w = open_in(home);
    for (int i = 0; i < 4; i++)
        assert_true(holds(w.c, &c.r[i]));
    assert_int_equal(current(w.c, &c.id, &id), 3);
    buf_deinit(&got);
    close_it(&w);
    drop(c.r, 4);
}

/* An index that has rotted leads to another record, or into the middle of one:
 * nothing is read, nothing is written over, and the next start makes it anew.
 */
TEST(catalog_get, index_rotten)
{
    static const char *const wrong[] = {
        "UPDATE record SET off = 0 WHERE seq = 2",
        "UPDATE record SET off = off - 30 WHERE seq = 2"};

    for (size_t k = 0; k < 2; k++) {
        const char *home = test_tmpdir();
        struct place_of_work w = open_in(home);
        struct chain c = make_chain();
        struct buf got = BUF_INIT;

        for (int i = 0; i < 4; i++)
            assert_int_equal(put(w.c, &c.r[i], false), 0);
        assert_int_equal(sqlite3_exec(index_db(store_index(w.s)), wrong[k],
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(catalog_get(w.c, &c.r[2].id, &got, NULL), ERR_CORRUPT);
        if (k == 1)
            assert_int_equal(put(w.c, &c.r[2], false), ERR_IO);
        close_it(&w);
        w = open_in(home);
        for (int i = 0; i < 4; i++)
            assert_true(holds(w.c, &c.r[i]));
        buf_deinit(&got);
        close_it(&w);
        drop(c.r, 4);
    }
}

/* What is here and cannot be read is not said to be put: it may have rotted. */
TEST(catalog_put, unreadable)
{
    struct vdisk *d = vdisk_new(1);
    struct chain c = make_chain();
    struct place_of_work w;

    vdisk_mount(d);
    assert_int_equal(disk_mkdir("/home", 0700), 0);
    w = open_in("/home");
    assert_int_equal(put(w.c, &c.r[0], false), 0);
    vdisk_fail(d, VDISK_READ, 0, 1, EIO);
    assert_int_equal(put(w.c, &c.r[0], false), ERR_IO);
    assert_int_equal(put(w.c, &c.r[0], false), 0);
    close_it(&w);
    vdisk_mount(NULL);
    vdisk_free(d);
    drop(c.r, 4);
}

/* ---- the log by itself
 * -------------------------------------------------------------- */

/* No entry with a flipped bit is read. */
TEST(catalog_log, every_bit)
{
    const char *home = test_tmpdir();
    struct catalog_log l;
    struct buf got = BUF_INIT;
    uint32_t flags;
    uint64_t next;
    uint64_t at;

    assert_int_equal(catalog_log_open(home, &l, NULL), 0);
    assert_int_equal(catalog_log_append(&l, (const uint8_t *)"twelve bytes", 12,
                                        CATALOG_LOG_OWN, &at, NULL),
                     0);
    for (off_t i = 0; i < 8 * (20 + 12); i++) {
        keep_flip(l.path, i / 8, (uint8_t)(1u << (i % 8)));
        assert_int_equal(catalog_log_read(&l, at, &got, &flags, &next, NULL),
                         ERR_CORRUPT);
        keep_flip(l.path, i / 8, (uint8_t)(1u << (i % 8)));
    }
    assert_int_equal(catalog_log_read(&l, at, &got, &flags, &next, NULL), 0);
    assert_int_equal(got.len, 12);
    assert_int_equal(flags, CATALOG_LOG_OWN);
    assert_int_equal(next, 32);
    buf_deinit(&got);
    catalog_log_close(&l);
}
