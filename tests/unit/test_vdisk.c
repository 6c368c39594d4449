#include "simulations/vdisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "storage/disk.h"
#include "storage/file_io.h"
#include "tests/lib/test.h"

#define ROUNDS 64

static struct vdisk *begin(uint64_t seed)
{
    struct vdisk *d = vdisk_new(seed);

    vdisk_mount(d);
    assert_int_equal(disk_mkdir("/d", 0700), 0);
    assert_int_equal(file_io_sync_dir("/", NULL), 0);
    return d;
}

static void end(struct vdisk *d)
{
    vdisk_mount(NULL);
    vdisk_free(d);
}

static bool there(const char *path)
{
    struct stat st;

    return disk_lstat(path, &st) == 0;
}

/* What a text save has put there, as one character; '-': nothing, '0': empty,
 * '?': something else. */
static char content(const char *path)
{
    struct buf out = BUF_INIT;
    int rc = file_io_load(path, 4096, &out, NULL);
    char is = rc == ERR_NOT_FOUND ? '-' : rc != 0 ? '?' : '0';

    if (rc == 0 && out.len != 0)
        is = (char)out.base[0];
    for (size_t i = 0; i < out.len; i++)
        is = out.base[i] == (uint8_t)is ? is : '?';
    buf_deinit(&out);
    return is;
}

static void put(const char *path, char c, size_t n, bool sync)
{
    char bytes[2048];
    int fd = disk_open(path, O_RDWR | O_CREAT, 0600);

    memset(bytes, c, sizeof bytes);
    assert_true(fd >= 0);
    assert_int_equal(file_io_write(fd, bytes, n, 0, NULL), 0);
    assert_true(!sync || file_io_sync(fd, NULL) == 0);
    assert_int_equal(disk_close(fd), 0);
}

/* What was synced, with its name, outlives every power cut. */
TEST(vdisk_power_cut, synced_stays)
{
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed);

        assert_int_equal(file_io_save("/d/a", "xxxx", 4, NULL), 0);
        vdisk_power_cut(d);
        assert_int_equal(content("/d/a"), 'x');
        assert_false(there("/d/a.tmp"));
        end(d);
    }
}

/* A synced file whose folder was not may be gone; one whose bytes were not may
 * be empty, short, torn, or whole. All of it happens. */
TEST(vdisk_power_cut, unsynced_may_go)
{
    unsigned gone = 0;
    unsigned torn = 0;
    unsigned whole = 0;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed);

        put("/d/a", 'x', 2000, seed % 2 == 0);
        vdisk_power_cut(d);
        gone += content("/d/a") == '-';
        whole += content("/d/a") == 'x';
        torn += content("/d/a") != '-' && content("/d/a") != 'x';
        assert_true(seed % 2 != 0 || content("/d/a") == 'x' ||
                    content("/d/a") == '-');
        end(d);
    }
    assert_true(gone > 5 && torn > 2 && whole > 5);
}

/* A rename is whole or has not happened, also between two folders. */
TEST(vdisk_power_cut, rename_is_one)
{
    unsigned moved = 0;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed);

        assert_int_equal(disk_mkdir("/e", 0700), 0);
        assert_int_equal(file_io_sync_dir("/", NULL), 0);
        assert_int_equal(file_io_save("/d/a", "x", 1, NULL), 0);
        assert_int_equal(disk_rename("/d/a", "/e/a"), 0);
        vdisk_power_cut(d);
        assert_true(there("/d/a") != there("/e/a"));
        moved += there("/e/a");
        end(d);
    }
    assert_true(moved > 5 && moved < ROUNDS - 5);
}

/* A kill leaves the page cache; a stop fails every call that follows. */
TEST(vdisk_kill, cache_stays)
{
    struct vdisk *d = begin(1);

    put("/d/a", 'x', 700, false);
    vdisk_stop_after(d, 1);
    assert_int_equal(disk_unlink("/d/b"), -1);
    assert_false(vdisk_stopped(d)); /* nothing was changed */
    assert_int_equal(file_io_save("/d/b", "y", 1, NULL), ERR_IO);
    assert_true(vdisk_stopped(d));
    assert_int_equal(content("/d/a"), '?'); /* not even to be read */
    vdisk_kill(d);
    assert_int_equal(content("/d/a"), 'x');
    end(d);
}

/* After a sync that failed the next one has nothing to do, and the bytes are
 * not there. */
TEST(vdisk_fail, sync_then_clean)
{
    struct vdisk *d = begin(1);
    int fd;

    put("/d/a", 'x', 700, true);
    assert_int_equal(file_io_sync_dir("/d", NULL), 0);
    put("/d/a", 'y', 700, false);
    fd = disk_open("/d/a", O_RDWR, 0);
    vdisk_fail(d, VDISK_SYNC, 0, 1, EIO);
    assert_int_equal(disk_fdatasync(fd), -1);
    assert_int_equal(disk_fdatasync(fd), 0);
    assert_int_equal(disk_close(fd), 0);
    vdisk_power_cut(d);
    assert_int_equal(content("/d/a"), 'x');
    end(d);
}

/* The disk is full at a byte, and what fits is written. */
TEST(vdisk_room, nth_byte)
{
    struct vdisk *d = begin(1);
    struct stat st;
    char bytes[100] = "";
    int fd = disk_open("/d/a", O_RDWR | O_CREAT, 0600);

    vdisk_room(d, 60);
    assert_int_equal(file_io_write(fd, bytes, 100, 0, NULL), ERR_NO_SPACE);
    assert_int_equal(disk_fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 60);
    vdisk_room(d, UINT64_MAX);
    assert_int_equal(file_io_write(fd, bytes, 100, 0, NULL), 0);
    assert_int_equal(disk_close(fd), 0);
    end(d);
}

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int64_t v = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        v = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return v;
}

/* SQLite runs on it, and keeps its promise: what it has committed with
 * synchronous=FULL is there after a power cut. */
TEST(vdisk_mount, sqlite)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct vdisk *d = begin(seed);
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open("/d/a.db", &db), SQLITE_OK);
        assert_int_equal(
            sqlite3_exec(db,
                         "PRAGMA locking_mode=EXCLUSIVE;"
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "CREATE TABLE t(x); INSERT INTO t VALUES (7);",
                         NULL, NULL, NULL),
            SQLITE_OK);
        vdisk_stop_now(d);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        vdisk_power_cut(d);
        assert_int_equal(sqlite3_open("/d/a.db", &db), SQLITE_OK);
        assert_int_equal(
            sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL),
            SQLITE_OK);
        assert_int_equal(ask(db, "SELECT x FROM t"), 7);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        end(d);
    }
}
