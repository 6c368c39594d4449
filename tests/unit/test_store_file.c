/* Chunks that lie in files outside the packs. */
#include "storage/store.h"

#include <sys/inotify.h>

#include <sqlite3.h>

#include "tests/lib/keep.h"

#define LEN 500u

static uint32_t add(struct store *s, const char *path)
{
    uint32_t file = 0;

    assert_int_equal(store_file_add(s, path, &file, NULL), 0);
    assert_true(file != 0);
    return file;
}

/* Chunk @number at its place in the file; @written: the file has it already. */
static int put_in(struct store *s, uint32_t file, uint64_t number, bool written)
{
    struct keep_chunk c = keep_make(number, LEN);
    struct store_item item = {.ref = c.ref,
                              .data = c.data,
                              .file = file,
                              .offset = number * LEN,
                              .written = written};

    return store_put(s, &item, 1, STORE_FETCHED, NULL);
}

/* A file with chunks 0 to 3, whole and settled under its own name. */
static uint32_t fetched(struct store *s, const char *dir, const char *name)
{
    char part[KEEP_PATH];
    uint32_t file;

    (void)snprintf(part, sizeof part, "%s/%s.part", dir, name);
    keep_write(part, "", 0);
    file = add(s, part);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(put_in(s, file, i, false), 0);
    assert_int_equal(rename(part, keep_path(dir, name)), 0);
    assert_int_equal(store_file_settle(s, file, keep_path(dir, name), NULL), 0);
    return file;
}

/* As rot does: without a trace in the times. */
static void flip_quietly(const char *path, off_t at)
{
    struct timespec times[2];
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    keep_flip(path, at, 1);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The store writes into the file and reads from it, before and after it is
 * settled, and after a stop. */
TEST(store_file, write_settle_read)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);
    struct store_usage u;
    uint32_t file = fetched(s, dir, "a.mp4");

    assert_int_equal(keep_size(keep_path(dir, "a.mp4")), 4 * LEN);
    assert_int_equal(store_file_find(s, keep_path(dir, "a.mp4")), file);
    assert_int_equal(store_file_find(s, keep_path(dir, "a.mp4.part")), 0);
    keep_all(s, 0, 4, LEN);
    assert_int_equal(store_flush(s, 1, NULL), 0);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 4, LEN);
    assert_int_equal(store_file_find(s, keep_path(dir, "a.mp4")), file);
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.file_bytes, 4 * LEN);
    assert_int_equal(u.pack_bytes, 0);
    store_close(s);
}

/* The index has lost the place of a file and not its rows, as after a sync that
 * failed: a new file does not get its number, and with it its chunks. */
TEST(store_file, place_lost)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);
    struct keep_chunk c = keep_make(1, LEN);
    sqlite3 *db = NULL;
    uint32_t file;

    (void)fetched(s, dir, "a.mp4");
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
    assert_int_equal(sqlite3_open(keep_path(home, "index.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM place WHERE path IS NOT NULL",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    s = keep_open(home);
    keep_write(keep_path(dir, "b.part"), "", 0);
    file = add(s, keep_path(dir, "b.part"));
    assert_false(store_lies_at(s, &c.ref.id, file, LEN));
    assert_false(store_has(s, &c.ref.id));
    assert_int_equal(put_in(s, file, 1, false), 0);
    assert_true(store_has(s, &c.ref.id));
    store_close(s);
}

/* Bytes that are there already are referred to and not written. */
TEST(store_file, in_place)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(0, LEN);
    const char *path = strdup(keep_path(dir, "own"));
    struct stat before;
    struct stat after;
    uint32_t file;

    keep_write(path, c.data, LEN);
    assert_int_equal(stat(path, &before), 0);
    file = add(s, path);
    assert_int_equal(put_in(s, file, 0, true), 0);
    assert_int_equal(store_file_settle(s, file, path, NULL), 0);
    assert_int_equal(store_sync(s, NULL), 0);
    keep_all(s, 0, 1, LEN);
    assert_int_equal(stat(path, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    free((char *)(uintptr_t)path);
    store_close(s);
}

/* A chunk that is held elsewhere is written into the file all the same. */
TEST(store_file, known_chunk)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(0, LEN);
    uint8_t got[LEN];
    uint32_t file;
    int fd;

    keep_put(s, 0, 1, LEN);
    keep_write(keep_path(dir, "f"), "", 0);
    file = add(s, keep_path(dir, "f"));
    assert_int_equal(put_in(s, file, 0, false), 0);
    fd = open(keep_path(dir, "f"), O_RDONLY);
    assert_int_equal(read(fd, got, LEN), LEN);
    assert_memory_equal(got, c.data, LEN);
    (void)close(fd);
    assert_int_equal(store_file_drop(s, file, NULL), 0);
    keep_all(s, 0, 1, LEN);
    store_close(s);
}

/* An edited file: its chunks are not held; those whose bytes are as they were
 * still read, the others are gone; and they can be put elsewhere. */
TEST(store_file, edited)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct chunk_ref refs[4];
    uint32_t held = 9;
    uint8_t bits;

    (void)fetched(s, dir, "a");
    for (uint64_t i = 0; i < 4; i++)
        refs[i] = keep_make(i, LEN).ref;
    assert_int_equal(store_have(s, refs, 4, &bits, &held, NULL), 0);
    assert_int_equal(held, 4);
    keep_flip(keep_path(dir, "a"), 2 * LEN + 7, 1);
    assert_int_equal(truncate(keep_path(dir, "a"), 4 * LEN + 1), 0);
    assert_int_equal(store_have(s, refs, 4, &bits, &held, NULL), 0);
    assert_int_equal(held, 0);
    assert_false(keep_has(s, 1, LEN));
    assert_int_equal(keep_read(s, 1, LEN), 0);
    assert_int_equal(keep_read(s, 2, LEN), ERR_NOT_FOUND);
    keep_put(s, 0, 4, LEN);
    assert_int_equal(store_have(s, refs, 4, &bits, &held, NULL), 0);
    assert_int_equal(held, 4);
    assert_int_equal(unlink(keep_path(dir, "a")), 0);
    keep_all(s, 0, 4, LEN);
    store_close(s);
}

/* Rot in a file that nobody has touched is rot. */
TEST(store_file, rot)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());

    (void)fetched(s, dir, "a");
    flip_quietly(keep_path(dir, "a"), 7);
    assert_true(keep_has(s, 0, LEN));
    assert_int_equal(keep_read(s, 0, LEN), ERR_CORRUPT);
    assert_false(keep_has(s, 0, LEN));
    keep_all(s, 1, 3, LEN);
    store_close(s);
}

/* A file on a disk that was unplugged comes back with it. */
TEST(store_file, away_and_back)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);

    (void)fetched(s, dir, "a");
    store_close(s);
    assert_int_equal(rename(keep_path(dir, "a"), keep_path(dir, "b")), 0);
    s = keep_open(home);
    assert_false(keep_has(s, 0, LEN));
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(rename(keep_path(dir, "b"), keep_path(dir, "a")), 0);
    keep_all(s, 0, 4, LEN);
    store_close(s);
}

/* A link, a FIFO or a folder in the place of a file is no file; nothing hangs.
 */
TEST(store_file, not_plain)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    const char *path = strdup(keep_path(dir, "a"));
    struct store *s = keep_open(home);

    (void)fetched(s, dir, "a");
    assert_int_equal(store_flush(s, 1, NULL), 0);
    store_close(s);
    s = keep_open(home);
    assert_int_equal(rename(path, keep_path(dir, "real")), 0);
    assert_int_equal(symlink(keep_path(dir, "real"), path), 0);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rename(keep_path(dir, "real"), path), 0);
    keep_all(s, 0, 4, LEN);
    free((char *)(uintptr_t)path);
    store_close(s);
}

struct seen {
    size_t settled;
    size_t partial;
};

static void count(void *user, uint32_t file, const char *path, bool settled)
{
    struct seen *seen = user;

    assert_true(file != 0 && path[0] == '/');
    if (settled)
        seen->settled++;
    else
        seen->partial++;
}

/* Files are listed and dropped; a dropped one takes its chunks along and stays
 * on the disk; unknown numbers are refused. */
TEST(store_file, list_drop)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);
    struct seen seen = {0, 0};
    uint32_t file = fetched(s, dir, "a");
    uint32_t part;

    keep_write(keep_path(dir, "p"), "", 0);
    part = add(s, keep_path(dir, "p"));
    store_file_each(s, count, &seen);
    assert_true(seen.settled == 1 && seen.partial == 1);
    assert_int_equal(store_file_drop(s, file, NULL), 0);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(keep_size(keep_path(dir, "a")), 4 * LEN);
    assert_int_equal(put_in(s, file, 9, false), ERR_NOT_FOUND);
    assert_int_equal(store_file_settle(s, file, keep_path(dir, "a"), NULL),
                     ERR_NOT_FOUND);
    store_close(s);
    s = keep_open(home);
    seen = (struct seen){0, 0};
    store_file_each(s, count, &seen);
    assert_true(seen.settled == 0 && seen.partial == 1);
    assert_int_equal(store_file_find(s, keep_path(dir, "p")), part);
    store_close(s);
}

/* More files than descriptors are kept open: all are read and written, and no
 * descriptor is left behind. */
TEST(store_file, many)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);
    struct store_item items[100];
    struct keep_chunk *c = calloc(100, sizeof *c);
    uint32_t files[100];
    char path[KEEP_PATH];
    int lowest;

    assert_non_null(c);
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof path, "%s/%u", dir, i);
        keep_write(path, "", 0);
        files[i] = add(s, path);
        c[i] = keep_make(i, LEN);
        items[i] = (struct store_item){
            .ref = c[i].ref, .data = c[i].data, .file = files[i]};
    }
    assert_int_equal(store_put(s, items, 100, STORE_FETCHED, NULL), 0);
    assert_int_equal(store_flush(s, 1, NULL), 0);
    for (int round = 0; round < 3; round++)
        keep_all(s, 0, 100, LEN);
    lowest = open("/dev/null", O_RDONLY);
    assert_true(lowest >= 0 && lowest < 60);
    (void)close(lowest);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 100, LEN);
    store_close(s);
    free(c);
}

static const char *vanish_dir;

static void put_marked(const char *home)
{
    struct store *s = keep_open(home);
    uint32_t part;

    (void)fetched(s, vanish_dir, "a");
    keep_write(keep_path(vanish_dir, "p"), "", 0);
    part = add(s, keep_path(vanish_dir, "p"));
    if (put_in(s, part, 10, false) != 0 || put_in(s, part, 11, false) != 0)
        _exit(1);
}

/* Chunks of files that were not flushed, settled or not, are verified after an
 * unclean stop. */
TEST(store_file, marked)
{
    const char *home = test_tmpdir();
    struct store *s;

    vanish_dir = test_tmpdir();
    keep_vanish(put_marked, home);
    flip_quietly(keep_path(vanish_dir, "a"), LEN + 3);
    flip_quietly(keep_path(vanish_dir, "p"), 10 * LEN + 3);
    s = keep_open(home);
    assert_true(keep_has(s, 0, LEN) && keep_has(s, 2, LEN));
    assert_true(keep_has(s, 11, LEN));
    assert_false(keep_has(s, 1, LEN) || keep_has(s, 10, LEN));
    keep_all(s, 2, 2, LEN);
    keep_all(s, 11, 1, LEN);
    store_close(s);
}

/* A flush that fails drops what it could not make sure of, and says so. */
TEST(store_file, flush_fails)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());

    (void)fetched(s, dir, "a");
    file_io_fault_after(FAULT_SYNC, 0, 1, EIO);
    assert_int_equal(store_flush(s, 1, NULL), ERR_IO);
    keep_no_faults();
    assert_false(keep_has(s, 0, LEN));
    assert_int_equal(store_flush(s, 2, NULL), 0);
    store_close(s);
}

/* ---- files that are somebody else's ----------------------------------------
 */

static void write_own(const char *path, uint64_t first, size_t count)
{
    uint8_t bytes[8 * LEN];

    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * LEN, keep_make(first + i, LEN).data, LEN);
    keep_write(path, bytes, count * LEN);
}

/* Register the file as it is now. */
static uint32_t refer(struct store *s, const char *path)
{
    uint32_t file = 0;
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(store_file_refer(s, path, (uint64_t)st.st_size,
                                      (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                          st.st_mtim.tv_nsec,
                                      &file, NULL),
                     0);
    return file;
}

/* Chunks @first .. @first + @count - 1 lie behind each other in the file. */
static void put_own(struct store *s, uint32_t file, uint64_t first,
                    size_t count, bool move)
{
    for (size_t i = 0; i < count; i++) {
        struct keep_chunk c = keep_make(first + i, LEN);
        struct store_item item = {.ref = c.ref,
                                  .sum = digest_sum64(c.data, LEN),
                                  .file = file,
                                  .offset = i * LEN,
                                  .written = true,
                                  .move = move};

        assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
    }
}

/* A file that is as it was keeps its number, in the next life too; one that has
 * changed gets another, and what was in the old one is forgotten with it. */
TEST(store_file, refer)
{
    const char *home = test_tmpdir();
    const char *path = strdup(keep_path(test_tmpdir(), "own"));
    struct store *s = keep_open(home);
    uint32_t old;
    uint32_t now;

    write_own(path, 0, 4);
    old = refer(s, path);
    put_own(s, old, 0, 4, false);
    assert_int_equal(refer(s, path), old);
    store_close(s);
    s = keep_open(home);
    assert_int_equal(refer(s, path), old);
    keep_all(s, 0, 4, LEN);
    write_own(path, 3, 6); /* chunk 3 lies elsewhere in it now */
    assert_false(keep_has(s, 3, LEN));
    now = refer(s, path);
    assert_int_not_equal(now, old);
    put_own(s, now, 3, 6, false);
    assert_int_equal(store_file_supersede(s, now, NULL), 0);
    keep_all(s, 3, 6, LEN);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(store_file_find(s, path), now);
    assert_int_equal(store_file_drop(s, old, NULL), 0); /* nothing is there */
    keep_all(s, 3, 6, LEN);
    free((char *)(uintptr_t)path);
    store_close(s);
}

/* A chunk can be moved out of a file, into a pack or another file; not out of a
 * pack. */
TEST(store_file, move)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(0, LEN);
    struct store_item item = {.ref = c.ref, .data = c.data, .move = true};
    struct chunk_id id = c.ref.id;
    bool held;
    uint32_t a;
    uint32_t b;

    write_own(keep_path(dir, "a"), 0, 2);
    write_own(keep_path(dir, "b"), 0, 2);
    a = refer(s, keep_path(dir, "a"));
    b = refer(s, keep_path(dir, "b"));
    assert_false(store_kept_in(s, &id, dir, &held) || held);
    put_own(s, a, 0, 2, false);
    assert_true(store_kept_in(s, &id, dir, &held) && held);
    assert_false(store_kept_in(s, &id, NULL, &held));
    assert_true(held);
    assert_false(store_kept_in(s, &id, keep_path(dir, "aa"), &held));
    put_own(s, b, 0, 1, false);
    assert_true(store_lies_at(s, &id, a, 0));
    put_own(s, b, 0, 1, true);
    assert_true(store_lies_at(s, &id, b, 0));
    assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
    assert_true(store_kept_in(s, &id, NULL, &held));
    put_own(s, a, 0, 1, true);
    assert_true(store_kept_in(s, &id, NULL, &held));
    assert_int_equal(unlink(keep_path(dir, "b")), 0);
    keep_all(s, 0, 2, LEN);
    store_close(s);
}

/* What can be said of the file that a chunk is in. */
TEST(store_file, of)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct chunk_id id = keep_make(0, LEN).ref.id;
    struct chunk_id packed = keep_make(9, LEN).ref.id;
    enum store_file_state now;
    char path[KEEP_PATH];

    keep_put(s, 9, 1, LEN);
    write_own(keep_path(dir, "a"), 0, 2);
    put_own(s, refer(s, keep_path(dir, "a")), 0, 2, false);
    assert_int_equal(store_file_of(s, &packed, path, sizeof path, &now),
                     ERR_NOT_FOUND);
    assert_int_equal(store_file_of(s, &id, path, sizeof path, &now), 0);
    assert_string_equal(path, keep_path(dir, "a"));
    assert_int_equal(now, STORE_FILE_SAME);
    assert_true(store_files_same(s, dir));
    assert_int_equal(truncate(path, 2 * LEN + 1), 0);
    assert_int_equal(store_file_of(s, &id, path, sizeof path, &now), 0);
    assert_int_equal(now, STORE_FILE_CHANGED);
    assert_false(store_files_same(s, dir));
    assert_true(store_files_same(s, keep_path(dir, "b")));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_file_of(s, &id, path, sizeof path, &now), 0);
    assert_int_equal(now, STORE_FILE_ABSENT);
    store_close(s);
}

/* A file that was edited and read meanwhile, then replaced by what it was: its
 * chunks are there again, though a descriptor of the edited one is kept. */
TEST(store_file, put_back)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct timespec times[2];
    struct stat st;

    (void)fetched(s, dir, "a");
    keep_all(s, 0, 4, LEN);
    assert_int_equal(stat(keep_path(dir, "a"), &st), 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    keep_copy_file(keep_path(dir, "a"), keep_path(dir, "copy"));
    keep_flip(keep_path(dir, "a"), 3, 1);
    assert_int_equal(truncate(keep_path(dir, "a"), 3 * LEN), 0);
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    assert_int_equal(keep_read(s, 3, LEN), ERR_NOT_FOUND);
    assert_int_equal(rename(keep_path(dir, "copy"), keep_path(dir, "a")), 0);
    assert_int_equal(
        utimensat(AT_FDCWD, keep_path(dir, "a"), times, AT_SYMLINK_NOFOLLOW),
        0);
    keep_all(s, 0, 4, LEN);
    assert_true(keep_has(s, 0, LEN) && keep_has(s, 3, LEN));
    store_close(s);
}

/* What is only referred to is never opened for writing: who watches the folder
 * would take that for an edit. */
TEST(store_file, only_read)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct inotify_event event;
    struct store *s = keep_open(home);

    write_own(keep_path(dir, "own"), 0, 4);
    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, dir, IN_CLOSE_WRITE | IN_MODIFY) >= 0);
    put_own(s, refer(s, keep_path(dir, "own")), 0, 4, false);
    keep_all(s, 0, 4, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 4, LEN);
    store_close(s);
    assert_int_equal(read(watch, &event, sizeof event), -1);
    assert_int_equal(errno, EAGAIN);
    (void)close(watch);
}

/* A file whose move was not ended, and that was found at its new place since,
 * is not taken from there again. */
TEST(store_file, found_before_its_move_ended)
{
    const char *home = test_tmpdir();
    const char *dir = test_tmpdir();
    struct store *s = keep_open(home);
    char part[KEEP_PATH];
    char path[KEEP_PATH];
    uint32_t moved;
    uint32_t found;

    (void)snprintf(part, sizeof part, "%s/a.part", dir);
    (void)snprintf(path, sizeof path, "%s/a.mp4", dir);
    keep_write(part, "", 0);
    moved = add(s, part);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(put_in(s, moved, i, false), 0);
    assert_int_equal(store_file_moving(s, moved, path, NULL), 0);
    assert_int_equal(rename(part, path), 0);
    found = refer(s, path);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(put_in(s, found, i, true), 0);
    assert_int_equal(store_file_supersede(s, found, NULL), 0);
    keep_all(s, 0, 4, LEN);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 4, LEN);
    store_close(s);
}
