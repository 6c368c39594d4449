/* Chunks in a file of the author's own are in the index and nowhere else: what
 * store_sync has acknowledged is in it after a power cut, too. */
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

TEST(referred, power_cut)
{
    uint8_t bytes[LEN];
    uint8_t read[LEN];
    struct chunk_id id;

    memset(bytes, 'm', LEN);
    id = digest_chunk(bytes, LEN);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = vdisk_new(seed);
        struct store *s;

        vdisk_mount(d);
        assert_int_equal(home_make(HOME, NULL), 0);
        assert_int_equal(file_io_save(MOVIE, bytes, LEN, NULL), 0);
        assert_int_equal(store_open(HOME, NULL, &s, NULL), 0);
        put_referred(s, bytes, &id);
        assert_int_equal(store_sync(s, NULL), 0);
        vdisk_stop_now(d);
        store_close(s);
        vdisk_power_cut(d);
        assert_int_equal(store_open(HOME, NULL, &s, NULL), 0);
        assert_int_equal(store_read(s, &id, read, LEN, NULL, NULL), 0);
        assert_memory_equal(read, bytes, LEN);
        store_close(s);
        vdisk_mount(NULL);
        vdisk_free(d);
    }
}
