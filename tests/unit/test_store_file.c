/* Chunks that lie in files outside the packs. */
#include "storage/store.h"

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
