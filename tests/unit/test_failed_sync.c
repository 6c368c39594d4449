/* A sync fails, the process is killed before it can take back what it wrote,
 * and the next one finds that in the page cache. It may show only what a power
 * cut leaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "simulations/vdisk.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/home.h"
#include "storage/index.h"
#include "storage/journal.h"
#include "storage/store.h"
#include "tests/lib/test.h"

#define HOME "/home"
#define ROUNDS 32
#define CHUNKS 6
#define LEN 700u

static struct vdisk *begin(uint64_t seed)
{
    struct vdisk *d = vdisk_new(seed);

    vdisk_mount(d);
    assert_int_equal(home_make(HOME, NULL), 0);
    return d;
}

static void end(struct vdisk *d)
{
    vdisk_mount(NULL);
    vdisk_free(d);
}

/* The next sync fails, and the process dies in the first change behind it. */
static void fail_and_die(struct vdisk *d, uint64_t changes_before)
{
    vdisk_fail(d, VDISK_SYNC, 0, 1, EIO);
    vdisk_stop_after(d, changes_before + 1);
}

static void revive(struct vdisk *d)
{
    vdisk_fail(d, VDISK_SYNC, 0, 0, 0);
    vdisk_kill(d);
}

static void choice(char out[16])
{
    struct journal *j;

    out[0] = '\0';
    assert_int_equal(journal_open(HOME, "choices", &j, NULL), 0);
    (void)journal_get(j, "pin", "course", 0, out, 16);
    journal_close(j);
}

TEST(failed_sync, choice)
{
    unsigned undone = 0;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        const char *const yes[1] = {"yes"};
        struct vdisk *d = begin(seed);
        struct journal *j;
        char shown[16];
        char kept[16];

        assert_int_equal(journal_open(HOME, "choices", &j, NULL), 0);
        fail_and_die(d, 1); /* behind the write */
        assert_int_not_equal(journal_set(j, "pin", "course", yes, 1, NULL), 0);
        journal_close(j);
        undone += vdisk_stopped(d);
        revive(d);
        choice(shown);
        vdisk_power_cut(d);
        choice(kept);
        assert_string_equal(shown, kept);
        end(d);
    }
    assert_true(undone == ROUNDS); /* none could take it back */
}

struct kept_chunk {
    uint8_t bytes[LEN];
    struct store_item item;
};

static void make_chunks(struct kept_chunk chunks[CHUNKS])
{
    for (size_t i = 0; i < CHUNKS; i++) {
        memset(chunks[i].bytes, (int)('a' + i), LEN);
        chunks[i].item = (struct store_item){
            .ref = {.id = digest_chunk(chunks[i].bytes, LEN),
                    .stored_len = LEN,
                    .raw_len = LEN},
            .data = chunks[i].bytes};
    }
}

static unsigned held(const struct kept_chunk chunks[CHUNKS], bool has[CHUNKS])
{
    uint8_t bytes[LEN];
    struct store *s;
    unsigned n = 0;

    assert_int_equal(store_open(HOME, NULL, &s, NULL), 0);
    for (size_t i = 0; i < CHUNKS; i++) {
        has[i] = store_has(s, &chunks[i].item.ref.id);
        if (has[i])
            assert_int_equal(
                store_read(s, &chunks[i].item.ref.id, bytes, LEN, NULL, NULL),
                0);
        n += has[i];
    }
    store_close(s);
    return n;
}

TEST(failed_sync, chunks)
{
    struct kept_chunk chunks[CHUNKS];

    make_chunks(chunks);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct vdisk *d = begin(seed);
        bool shown[CHUNKS];
        bool kept[CHUNKS];
        struct store *s;

        assert_int_equal(store_open(HOME, NULL, &s, NULL), 0);
        assert_int_equal(store_put(s, &chunks[0].item, 1, STORE_OWN, NULL), 0);
        assert_int_equal(store_sync(s, NULL), 0);
        for (size_t i = 1; i < CHUNKS; i++)
            assert_int_equal(store_put(s, &chunks[i].item, 1, STORE_OWN, NULL),
                             0);
        fail_and_die(d, 0);
        assert_int_not_equal(store_sync(s, NULL), 0);
        store_close(s);
        revive(d);
        assert_true(held(chunks, shown) >= 1 && shown[0]);
        vdisk_power_cut(d);
        assert_true(held(chunks, kept) >= 1 && kept[0]);
        assert_memory_equal(shown, kept, sizeof kept);
        end(d);
    }
}

static int count_places(void *user, const struct index_place *p)
{
    size_t *n = user;

    (void)p;
    (*n)++;
    return 0;
}

static int count_chunks(void *user, const struct index_chunk *c)
{
    size_t *n = user;

    (void)c;
    (*n)++;
    return 0;
}

/* Each place has one chunk. */
static void put_pair(struct index *ix, uint32_t no)
{
    uint8_t bytes[LEN];
    struct index_place p = {.place = no, .path = "/far/away", .settled = true};
    struct index_chunk c = {.place = no,
                            .ref = {.stored_len = LEN, .raw_len = LEN}};

    memset(bytes, (int)no, LEN);
    c.ref.id = digest_chunk(bytes, LEN);
    assert_int_equal(index_begin(ix, NULL), 0);
    assert_int_equal(index_put_place(ix, &p, NULL), 0);
    assert_int_equal(index_put(ix, &c, true, NULL), 0);
    assert_int_equal(index_commit(ix, NULL), 0);
}

/* The sync of its log has failed, and the next one says nothing of what that
 * did not write: what comes back is whole, or is made anew. */
TEST(failed_sync, index)
{
    for (uint64_t seed = 1; seed <= 16 * (uint64_t)ROUNDS; seed++) {
        struct vdisk *d = begin(seed);
        struct index *ix;
        bool fresh;
        bool clean;
        size_t places = 0;

        assert_int_equal(index_open(HOME, &ix, &fresh, &clean, NULL), 0);
        for (uint32_t no = 1; no <= 40; no++)
            put_pair(ix, no);
        assert_int_equal(index_settle(ix, NULL), 0);
        for (uint32_t no = 41; no <= 60; no++)
            put_pair(ix, no);
        vdisk_fail(d, VDISK_SYNC, 0, 1, EIO);
        assert_int_not_equal(index_settle(ix, NULL), 0);
        for (uint32_t no = 61; no <= 62; no++)
            put_pair(ix, no);
        vdisk_stop_after(d, 1 + seed % 16);
        (void)index_settle(ix, NULL);
        vdisk_stop_now(d);
        index_close(ix, false);
        vdisk_power_cut(d);
        assert_int_equal(index_open(HOME, &ix, &fresh, &clean, NULL), 0);
        assert_int_equal(index_places(ix, count_places, &places, NULL), 0);
        assert_true(fresh || places >= 40);
        for (uint32_t no = 1; no <= 62; no++) {
            size_t chunks = 0;

            assert_int_equal(
                index_in_place(ix, no, 0, count_chunks, &chunks, NULL), 0);
            assert_int_equal(chunks, no <= places);
        }
        index_close(ix, false);
        end(d);
    }
}
