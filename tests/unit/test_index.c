#include "storage/index.h"
#include "storage/recent.h"

#include "tests/lib/keep.h"

static struct index *open_index(const char *home, bool *fresh, bool *clean)
{
    struct index *ix = NULL;
    struct err e = ERR_INIT;

    if (index_open(home, &ix, fresh, clean, &e) != 0)
        fail_msg("index_open: %s", e.text);
    return ix;
}

static struct index_chunk row(uint64_t number, uint32_t place, uint64_t offset)
{
    struct keep_chunk c = keep_make(number, 100);

    return (struct index_chunk){
        .ref = c.ref, .place = place, .offset = offset, .sum = number + 1};
}

static void put_one(const char *home)
{
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);
    struct index_chunk c = row(1, 1, 64);

    if (index_put(ix, &c, false, NULL) != 0)
        _exit(1);
}

/* Fresh, then known and clean; a process that vanished leaves it unclean, with
 * its rows. */
TEST(index_open, stops)
{
    const char *home = test_tmpdir();
    struct index_chunk c = row(1, 1, 64);
    struct index_chunk got;
    bool fresh;
    bool clean;

    index_close(open_index(home, &fresh, &clean), true);
    assert_true(fresh);
    index_close(open_index(home, &fresh, &clean), true);
    assert_true(!fresh && clean);
    keep_vanish(put_one, home);
    struct index *ix = open_index(home, &fresh, &clean);

    assert_true(!fresh && !clean);
    assert_int_equal(index_find(ix, &c.ref.id, &got, NULL), 0);
    assert_int_equal(got.offset, 64);
    index_close(ix, false);
    index_close(open_index(home, &fresh, &clean), true);
    assert_true(!fresh && !clean);
}

/* The file is ours alone, whatever the umask. */
TEST(index_open, mode)
{
    const char *home = test_tmpdir();
    mode_t old = umask(0);
    struct stat st;
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);

    (void)umask(old);
    assert_int_equal(stat(keep_path(home, "index.db"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(keep_path(home, "index.db-wal"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    index_close(ix, true);
}

/* A second one is told that the first is at work, and harms nothing. */
TEST(index_open, twice)
{
    const char *home = test_tmpdir();
    struct index_chunk c = row(1, 1, 64);
    struct index *other = NULL;
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);

    assert_int_equal(index_put(ix, &c, false, NULL), 0);
    assert_int_equal(index_open(home, &other, &fresh, &clean, NULL), ERR_BUSY);
    assert_int_equal(keep_size(keep_path(home, "index.db.bad-1")), -1);
    assert_int_equal(index_find(ix, &c.ref.id, NULL, NULL), 0);
    index_close(ix, true);
}

/* An index that was caught lying is made again; the old one stands aside. */
TEST(index_distrust, next_open)
{
    const char *home = test_tmpdir();
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);

    assert_false(index_distrusted(ix));
    index_distrust(ix);
    assert_true(index_distrusted(ix));
    index_close(ix, true);
    ix = open_index(home, &fresh, &clean);
    assert_true(fresh && !index_distrusted(ix));
    index_close(ix, true);
    assert_true(keep_size(keep_path(home, "index.db.bad-1")) > 0);
    index_close(open_index(home, &fresh, &clean), true);
    assert_false(fresh);
}

/* What has the name and is no file of ours is moved aside, whole, and nothing
 * is written through a link. */
TEST(index_open, no_file)
{
    const char *home = test_tmpdir();
    struct stat st;
    bool fresh;
    bool clean;

    assert_int_equal(mkdir(keep_path(home, "index.db"), 0700), 0);
    index_close(open_index(home, &fresh, &clean), true);
    assert_true(fresh);
    assert_int_equal(rmdir(keep_path(home, "index.db.bad-1")), 0);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    assert_int_equal(mkfifo(keep_path(home, "index.db"), 0600), 0);
    index_close(open_index(home, &fresh, &clean), true);
    assert_true(fresh);
    assert_int_equal(lstat(keep_path(home, "index.db.bad-1"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    assert_int_equal(
        symlink(keep_path(home, "other"), keep_path(home, "index.db")), 0);
    index_close(open_index(home, &fresh, &clean), true);
    assert_true(fresh);
    assert_int_equal(access(keep_path(home, "other"), F_OK), -1);
}

static int count_rows(void *user, const struct index_chunk *c)
{
    struct index_chunk *last = user;

    assert_true(c->offset > last->offset);
    last->offset = c->offset;
    last->sum++;
    return 0;
}

/* Rows are put, replaced, moved when they lie where they should, and dropped by
 * name, by place and from an offset on. */
TEST(index, rows)
{
    const char *home = test_tmpdir();
    struct index_chunk a = row(1, 1, 64);
    struct index_chunk b = row(1, 2, 640);
    struct index_chunk seen = {.offset = 0, .sum = 0};
    struct index_chunk got;
    uint64_t chunks;
    uint64_t bytes;
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);

    assert_int_equal(index_put(ix, &a, false, NULL), 0);
    assert_int_equal(index_changed(ix), 1);
    assert_int_equal(index_put(ix, &b, false, NULL), 0);
    assert_int_equal(index_changed(ix), 0);
    assert_int_equal(index_move(ix, &b, &a, NULL), 0);
    assert_int_equal(index_changed(ix), 0);
    assert_int_equal(index_move(ix, &a, &b, NULL), 0);
    assert_int_equal(index_find(ix, &a.ref.id, &got, NULL), 0);
    assert_true(got.place == 2 && got.offset == 640 && got.sum == 2);
    assert_int_equal(index_put(ix, &a, true, NULL), 0);
    assert_int_equal(index_find(ix, &a.ref.id, &got, NULL), 0);
    assert_int_equal(got.place, 1);
    for (uint64_t i = 2; i < 12; i++) {
        struct index_chunk c = row(i, 1, 100 * i);

        assert_int_equal(index_put(ix, &c, false, NULL), 0);
    }
    b = row(50, 3 | INDEX_FILE, 0);
    assert_int_equal(index_put(ix, &b, false, NULL), 0);
    assert_int_equal(index_totals(ix, &chunks, &bytes, NULL), 0);
    assert_true(chunks == 12 && bytes == 100);
    assert_int_equal(index_in_place(ix, 1, 300, count_rows, &seen, NULL), 0);
    assert_int_equal(seen.sum, 9);
    assert_int_equal(index_drop_in(ix, 1, 1000, NULL), 0);
    assert_int_equal(index_changed(ix), 2);
    assert_int_equal(index_drop_place(ix, 1, NULL), 0);
    assert_int_equal(index_totals(ix, &chunks, &bytes, NULL), 0);
    assert_int_equal(chunks, 1);
    assert_int_equal(index_find(ix, &a.ref.id, &got, NULL), ERR_NOT_FOUND);
    index_close(ix, true);
}

/* What is rolled back never was. */
TEST(index, rollback)
{
    const char *home = test_tmpdir();
    struct index_chunk a = row(1, 1, 64);
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);

    assert_int_equal(index_begin(ix, NULL), 0);
    assert_int_equal(index_put(ix, &a, false, NULL), 0);
    assert_int_equal(index_finish(ix, ERR_IO, NULL), ERR_IO);
    assert_int_equal(index_find(ix, &a.ref.id, NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(index_begin(ix, NULL), 0);
    assert_int_equal(index_put(ix, &a, false, NULL), 0);
    assert_int_equal(index_finish(ix, 0, NULL), 0);
    assert_int_equal(index_find(ix, &a.ref.id, NULL, NULL), 0);
    index_close(ix, true);
}

static int count_up(void *user, const struct index_chunk *c)
{
    uint64_t *next = user;

    assert_int_equal(c->offset, 64 + *next * 200);
    ++*next;
    return 0;
}

#define MANY (2 * RECENT_MAX + 7)

/* Whether a row lies among the recent ones or in the sorted table makes no
 * difference to anybody: here, twice over the border and after each reopening.
 */
TEST(index, recent)
{
    const char *home = test_tmpdir();
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);
    struct index_chunk got;
    struct index_chunk c;
    uint64_t seen = 0;

    for (uint64_t i = 0; i < MANY; i++) {
        c = row(i, 1, 64 + i * 200);
        assert_int_equal(index_put(ix, &c, false, NULL), 0);
        assert_int_equal(index_changed(ix), 1);
        assert_int_equal(index_put(ix, &c, false, NULL), 0);
        assert_int_equal(index_changed(ix), 0);
    }
    index_close(ix, true);
    ix = open_index(home, &fresh, &clean);
    for (uint64_t i = 0; i < MANY; i++) {
        c = row(i, 1, 0);
        assert_int_equal(index_find(ix, &c.ref.id, &got, NULL), 0);
        assert_int_equal(got.offset, 64 + i * 200);
        assert_int_equal(got.sum, i + 1);
    }
    assert_int_equal(index_in_place(ix, 1, 0, count_up, &seen, NULL), 0);
    assert_int_equal(seen, MANY);
    c = row(MANY - 1, 1, 0); /* was recent until just now */
    assert_int_equal(index_drop(ix, &c.ref.id, NULL), 0);
    assert_int_equal(index_changed(ix), 1);
    assert_int_equal(index_find(ix, &c.ref.id, NULL, NULL), ERR_NOT_FOUND);
    index_close(ix, true);
}

/* A transaction that fails takes its rows with it, merged in the meantime or
 * not, and only those. */
TEST(index, recent_rollback)
{
    const char *home = test_tmpdir();
    bool fresh;
    bool clean;
    struct index *ix = open_index(home, &fresh, &clean);
    struct index_chunk before = row(1, 1, 64);
    struct index_chunk in = row(2, 1, 264);
    struct index_chunk got;

    assert_int_equal(index_put(ix, &before, false, NULL), 0);
    for (int merged = 0; merged < 2; merged++) {
        assert_int_equal(index_begin(ix, NULL), 0);
        assert_int_equal(index_put(ix, &in, false, NULL), 0);
        if (merged != 0)
            assert_int_equal(index_drop_in(ix, 2, 0, NULL), 0);
        index_rollback(ix);
        assert_int_equal(index_find(ix, &in.ref.id, NULL, NULL), ERR_NOT_FOUND);
        assert_int_equal(index_find(ix, &before.ref.id, &got, NULL), 0);
        assert_int_equal(got.offset, 64);
    }
    index_close(ix, true);
}
