/* What only the index says: which chunks lie in a file of the author's own, and
 * which in a pack have rotted. Once store_sync has acknowledged that, it holds
 * after a power cut, too. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "simulations/vdisk.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/home.h"
#include "storage/store.h"
#include "tests/lib/test.h"

#define HOME "/home"
#define MOVIE "/movie"
#define ROUNDS 32
#define LEN 700u

static void put_referred(struct store *s, const uint8_t bytes[LEN],
                         const struct chunk_id *id)
{
    struct store_item item = {
        .ref = {.id = *id, .stored_len = LEN, .raw_len = LEN},
        .sum = digest_sum64(bytes, LEN),
        .written = true};
    struct stat st;

    assert_int_equal(disk_lstat(MOVIE, &st), 0);
    assert_int_equal(store_file_refer(s, MOVIE, (uint64_t)st.st_size,
                                      (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                          st.st_mtim.tv_nsec,
                                      &item.file, NULL),
                     0);
    assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
}

static struct vdisk *begin(uint64_t seed, const uint8_t bytes[LEN])
{
    struct vdisk *d = vdisk_new(seed);

    vdisk_mount(d);
    assert_int_equal(home_make(HOME, NULL), 0);
    assert_int_equal(file_io_save(MOVIE, bytes, LEN, NULL), 0);
    return d;
}

static void end(struct vdisk *d)
{
    vdisk_mount(NULL);
    vdisk_free(d);
}

static struct store *opened(void)
{
    struct store *s;

    assert_int_equal(store_open(HOME, NULL, &s, NULL), 0);
    return s;
}

static void die(struct vdisk *d, struct store *s)
{
    vdisk_stop_now(d);
    store_close(s);
}

TEST(unsettled, power_cut)
{
    uint8_t bytes[LEN];
    uint8_t read[LEN];
    struct chunk_id id;

    memset(bytes, 'm', LEN);
    id = digest_chunk(bytes, LEN);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed, bytes);
        struct store *s = opened();

        put_referred(s, bytes, &id);
        assert_int_equal(store_sync(s, NULL), 0);
        die(d, s);
        vdisk_power_cut(d);
        s = opened();
        assert_int_equal(store_read(s, &id, read, LEN, NULL, NULL), 0);
        assert_memory_equal(read, bytes, LEN);
        store_close(s);
        end(d);
    }
}

/* He edits it while nobody has synced it, nor looks: it is still known which
 * file that was. */
TEST(unsettled, edited)
{
    uint8_t bytes[LEN];
    enum store_file_state now;
    struct chunk_id id;
    struct vdisk *d;
    struct store *s;
    char path[64];

    memset(bytes, 'm', LEN);
    id = digest_chunk(bytes, LEN);
    d = begin(1, bytes);
    s = opened();
    put_referred(s, bytes, &id);
    die(d, s);
    vdisk_kill(d);
    assert_int_equal(file_io_save(MOVIE, bytes, LEN - 1, NULL), 0);
    s = opened();
    assert_int_equal(store_file_of(s, &id, path, sizeof path, &now), 0);
    assert_string_equal(path, MOVIE);
    assert_int_equal(now, STORE_FILE_CHANGED);
    assert_false(store_has(s, &id));
    store_close(s);
    end(d);
}

static void rot(const char *path, off_t at)
{
    int fd = disk_open(path, O_RDWR | O_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(file_io_write(fd, "rot", 3, (uint64_t)at, NULL), 0);
    assert_int_equal(disk_fsync(fd), 0);
    (void)disk_close(fd);
}

/* A chunk that was found bad, and left, does not count as held again. */
TEST(unsettled, rotten)
{
    uint8_t bytes[LEN];
    struct store_item item = {.ref = {.stored_len = LEN, .raw_len = LEN},
                              .data = bytes};

    memset(bytes, 'p', LEN);
    item.ref.id = digest_chunk(bytes, LEN);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed, bytes);
        struct store *s = opened();

        assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
        assert_int_equal(store_sync(s, NULL), 0);
        store_close(s);
        rot(HOME "/packs/000001.pack", 200);
        s = opened();
        assert_int_equal(store_verify(s, &item.ref.id, NULL), ERR_CORRUPT);
        assert_int_equal(store_sync(s, NULL), 0);
        die(d, s);
        vdisk_power_cut(d);
        s = opened();
        assert_false(store_has(s, &item.ref.id));
        store_close(s);
        end(d);
    }
}
