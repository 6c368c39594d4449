#include "storage/store.h"

#include "storage/pack.h"
#include "storage/store_internal.h"
#include "tests/lib/keep.h"

#define LEN 300u

static uint64_t pack_bytes(struct store *s)
{
    struct store_usage u;

    assert_int_equal(store_usage(s, &u, NULL), 0);
    return u.pack_bytes;
}

static uint64_t chunks(struct store *s)
{
    struct store_usage u;

    assert_int_equal(store_usage(s, &u, NULL), 0);
    return u.chunks;
}

/* ---- put and read -----------------------------------------------------------
 */

/* What was put is read back, with its lengths and flags, also after a stop. */
TEST(store_put, read)
{
    const char *home = test_tmpdir();
    struct keep_chunk c = keep_make(99, 200);
    struct store *s = keep_open(home);
    struct store_item item = {.data = c.data};
    struct chunk_ref ref;
    uint8_t got[200];

    c.ref.raw_len = 777;
    c.ref.flags = CHUNK_FLAG_ZSTD;
    item.ref = c.ref;
    assert_true(store_rebuilt(s));
    assert_int_equal(store_readopted(s, NULL), 0);
    assert_false(store_has(s, &c.ref.id));
    assert_int_equal(store_put(s, &item, 1, STORE_OWN, NULL), 0);
    keep_put(s, 0, 40, LEN);
    for (int i = 0; i < 2; i++) {
        assert_true(store_has(s, &c.ref.id));
        assert_int_equal(store_read(s, &c.ref.id, got, 200, &ref, NULL), 0);
        assert_memory_equal(got, c.data, 200);
        assert_true(ref.raw_len == 777 && ref.flags == CHUNK_FLAG_ZSTD);
        assert_int_equal(store_read(s, &c.ref.id, got, 199, &ref, NULL),
                         ERR_LIMIT);
        assert_int_equal(store_verify(s, &c.ref.id, NULL), 0);
        keep_all(s, 0, 40, LEN);
        store_close(s);
        s = keep_open(home);
        assert_false(store_rebuilt(s));
    }
    store_close(s);
}

/* A chunk is kept once, also when it comes twice in one call. */
TEST(store_put, twice)
{
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(5, LEN);
    struct store_item items[2] = {{.ref = c.ref, .data = c.data},
                                  {.ref = c.ref, .data = c.data}};
    uint64_t before;

    assert_int_equal(store_put(s, items, 2, STORE_OWN, NULL), 0);
    assert_int_equal(chunks(s), 1);
    before = pack_bytes(s);
    keep_put(s, 5, 1, LEN);
    assert_int_equal(pack_bytes(s), before);
    assert_int_equal(store_put(s, items, 0, STORE_OWN, NULL), 0);
    keep_all(s, 5, 1, LEN);
    store_close(s);
}

/* A full pack is left for the next; a chunk larger than a pack has one alone.
 */
TEST(store_put, many_packs)
{
    const struct store_options opt = {.pack_max_bytes = 1000};
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &opt);

    keep_put(s, 0, 100, LEN);
    keep_put(s, 200, 3, 2000);
    assert_true(keep_size(keep_path(home, "packs/000034.pack")) > 0);
    store_close(s);
    s = keep_open_with(home, &opt);
    keep_put(s, 300, 10, LEN);
    keep_all(s, 0, 100, LEN);
    keep_all(s, 200, 3, 2000);
    keep_all(s, 300, 10, LEN);
    store_close(s);
}

/* store_have sets the bits of what is held, most significant first. */
TEST(store_have, bits)
{
    struct store *s = keep_open(test_tmpdir());
    struct chunk_ref refs[100];
    uint8_t bits[13];
    uint32_t held = 7;

    for (uint32_t i = 0; i < 100; i++)
        refs[i] = keep_make(i, LEN).ref;
    memset(bits, 0xff, sizeof bits);
    assert_int_equal(store_have(s, refs, 100, bits, &held, NULL), 0);
    assert_int_equal(held, 0);
    for (size_t i = 0; i < sizeof bits; i++)
        assert_int_equal(bits[i], 0);
    keep_put(s, 0, 1, LEN);
    keep_put(s, 9, 2, LEN);
    keep_put(s, 99, 1, LEN);
    assert_int_equal(store_have(s, refs, 100, bits, &held, NULL), 0);
    assert_int_equal(held, 4);
    assert_int_equal(bits[0], 0x80);
    assert_int_equal(bits[1], 0x60);
    assert_int_equal(bits[12], 0x10);
    store_close(s);
}

/* What is forgotten is not held, and can be put again. */
TEST(store_forget, put_again)
{
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(3, LEN);

    keep_put(s, 0, 10, LEN);
    assert_int_equal(store_forget(s, &c.ref.id, NULL), 0);
    assert_int_equal(store_forget(s, &c.ref.id, NULL), 0);
    assert_int_equal(keep_read(s, 3, LEN), ERR_NOT_FOUND);
    assert_int_equal(chunks(s), 9);
    keep_put(s, 3, 1, LEN);
    keep_all(s, 0, 10, LEN);
    store_close(s);
}

/* store_verify finds bytes that never were the chunk, although their sum is the
 * one they were put with. */
TEST(store_verify, wrong_from_the_start)
{
    struct store *s = keep_open(test_tmpdir());
    struct keep_chunk c = keep_make(3, LEN);
    struct store_item item = {.ref = c.ref, .data = c.data};

    c.data[7] ^= 1;
    assert_int_equal(store_put(s, &item, 1, STORE_FETCHED, NULL), 0);
    assert_int_equal(store_verify(s, &c.ref.id, NULL), ERR_CORRUPT);
    assert_false(store_has(s, &c.ref.id));
    store_close(s);
}

/* Plain pieces lead to chunks that are held, per scope, and to no others. */
TEST(store_plain, find)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct keep_chunk c = keep_make(1, LEN);
    struct store_plain p = {keep_make(2, LEN).ref.id, c.ref.id};
    struct store_plain q = {keep_make(3, LEN).ref.id, keep_make(4, LEN).ref.id};
    struct chunk_ref ref;

    keep_put(s, 1, 1, LEN);
    assert_int_equal(store_plain_put(s, 0, &p, 1, NULL), 0);
    assert_int_equal(store_plain_put(s, 0, &q, 1, NULL), 0);
    store_close(s);
    s = keep_open(home);
    assert_int_equal(store_plain_find(s, 0, &p.plain, &ref), 0);
    assert_true(chunk_id_eq(&ref.id, &c.ref.id));
    assert_int_equal(ref.stored_len, LEN);
    assert_int_equal(store_plain_find(s, 1, &p.plain, &ref), ERR_NOT_FOUND);
    assert_int_equal(store_plain_find(s, 0, &q.plain, &ref), ERR_NOT_FOUND);
    assert_int_equal(store_forget(s, &c.ref.id, NULL), 0);
    assert_int_equal(store_plain_find(s, 0, &p.plain, &ref), ERR_NOT_FOUND);
    store_close(s);
}

/* Room is refused with figures; the least that stays free can be chosen. */
TEST(store_room, figures)
{
    const struct store_options opt = {.min_free_bytes = 1};
    struct store *s = keep_open_with(test_tmpdir(), &opt);
    struct err e = ERR_INIT;

    assert_int_equal(store_room(s, 1, &e), 0);
    assert_int_equal(store_room(s, UINT64_MAX / 2, &e), ERR_NO_SPACE);
    assert_non_null(strstr(e.text, "MB free"));
    store_close(s);
}

/* A flush is due by bytes or by age, and not when nothing waits. */
TEST(store_flush, due)
{
    const struct store_options opt = {.flush_every_bytes = 3000,
                                      .flush_every_ms = 50};
    struct store *s = keep_open_with(test_tmpdir(), &opt);
    struct store_usage u;

    assert_false(store_flush_due(s, 1000));
    assert_false(store_flush_due(s, 9000));
    assert_int_equal(keep_try_put(s, 0, 1, LEN, STORE_FETCHED), 0);
    assert_false(store_flush_due(s, 10000));
    assert_false(store_flush_due(s, 10049));
    assert_true(store_flush_due(s, 10050));
    assert_int_equal(store_flush(s, 10060, NULL), 0);
    assert_false(store_flush_due(s, 20000));
    assert_int_equal(keep_try_put(s, 1, 10, LEN, STORE_FETCHED), 0);
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.unflushed_bytes, 10 * LEN);
    assert_true(store_flush_due(s, 20001));
    store_close(s);
}

/* ---- two at once
 * ------------------------------------------------------------- */

/* A second store over one home is refused and harms nothing. */
TEST(store_open, twice)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct store *other = NULL;

    keep_put(s, 0, 10, LEN);
    assert_int_equal(store_open(home, NULL, &other, NULL), ERR_BUSY);
    keep_put(s, 10, 10, LEN);
    keep_all(s, 0, 20, LEN);
    store_close(s);
    s = keep_open(home);
    keep_all(s, 0, 20, LEN);
    store_close(s);
}

/* ---- rot
 * ---------------------------------------------------------------------- */

/* One flipped bit, wherever in a pack, is never read as a chunk; what was
 * damaged counts as not held and can be put again. */
TEST(store_read, every_byte)
{
    const char *home = test_tmpdir();
    const char *pack;
    struct store *s = keep_open(home);

    keep_put(s, 0, 3, 40);
    pack = strdup(keep_path(home, "packs/000001.pack"));
    assert_non_null(pack);
    for (off_t at = 0; at < 3 * 104; at++) {
        uint64_t number = (uint64_t)at / 104;
        bool head = at % 104 < 64;

        keep_flip(pack, at, (uint8_t)(1u << (at % 8)));
        assert_int_equal(keep_read(s, number, 40), head ? 0 : ERR_CORRUPT);
        assert_int_equal(keep_has(s, number, 40), head);
        keep_flip(pack, at, (uint8_t)(1u << (at % 8)));
        if (!head) { /* again at the same place: as if it had never been */
            store_close(s);
            assert_int_equal(unlink(keep_path(home, "index.db")), 0);
            s = keep_open(home);
        }
        keep_all(s, 0, 3, 40);
    }
    free((char *)(uintptr_t)pack);
    store_close(s);
}

/* An index that was made anew says so until somebody has told it of the files
 * outside: who was killed on the way comes back to it. */
TEST(store_rebuilt, until_readopted)
{
    const char *home = test_tmpdir();
    struct store *s;

    for (int i = 0; i < 2; i++) {
        s = keep_open(home);
        assert_true(store_rebuilt(s));
        store_close(s);
    }
    s = keep_open(home);
    assert_int_equal(store_readopted(s, NULL), 0);
    assert_false(store_rebuilt(s));
    store_close(s);
    s = keep_open(home);
    assert_false(store_rebuilt(s));
    store_close(s);
}

/* Good bytes behind a head that has rotted are put once more: an index that is
 * made anew would not have found them. */
TEST(store_verify, rotten_head)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);
    struct keep_chunk c = keep_make(1, LEN);

    keep_put(s, 0, 3, LEN);
    keep_flip(keep_path(home, "packs/000001.pack"), 64 + LEN + 20, 4);
    assert_int_equal(store_verify(s, &c.ref.id, NULL), 0);
    store_close(s);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    s = keep_open(home);
    keep_all(s, 0, 3, LEN);
    store_close(s);
}

/* A power cut keeps the bytes of what was not synced, and not their head: it is
 * not held, or what is published next would rely on it, and lose it with the
 * index. */
TEST(store_open, head_that_never_came)
{
    const char *home = test_tmpdir();
    const char *cut = test_tmpdir();
    struct store *s = keep_open(home);

    keep_put(s, 0, 1, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    keep_put(s, 1, 2, LEN);
    keep_copy_home(home, cut);
    store_close(s);
    keep_flip(keep_path(cut, "packs/000001.pack"), 64 + LEN + 20, 4);
    s = keep_open(cut);
    assert_true(keep_has(s, 0, LEN));
    assert_false(keep_has(s, 1, LEN));
    assert_true(keep_has(s, 2, LEN));
    keep_put(s, 1, 1, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
    assert_int_equal(unlink(keep_path(cut, "index.db")), 0);
    s = keep_open(cut);
    keep_all(s, 0, 3, LEN);
    store_close(s);
}

/* What was put again because it had rotted is found by an index that fell back
 * to before that, too. */
TEST(store_open, put_again_after_rot)
{
    const char *home = test_tmpdir();
    const char *before = test_tmpdir();
    struct store *s = keep_open(home);

    keep_put(s, 0, 3, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
    keep_copy_home(home, before);
    keep_flip(keep_path(home, "packs/000001.pack"), 64 + 5, 4);
    s = keep_open(home);
    assert_int_equal(keep_read(s, 0, LEN), ERR_CORRUPT);
    keep_put(s, 0, 1, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
    assert_int_equal(
        rename(keep_path(before, "index.db"), keep_path(home, "index.db")), 0);
    s = keep_open(home);
    keep_all(s, 0, 3, LEN);
    store_close(s);
}

/* Rot in the bytes does not condemn the index; a row that points to where no
 * such record is does, and the next open finds the chunk again. */
TEST(store_read, who_is_wrong)
{
    const char *home = test_tmpdir();
    struct store *s = keep_open(home);

    assert_int_equal(store_readopted(s, NULL), 0);
    keep_put(s, 0, 3, LEN);
    keep_flip(keep_path(home, "packs/000001.pack"), 64 + 5, 4);
    assert_int_equal(keep_read(s, 0, LEN), ERR_CORRUPT);
    store_close(s);
    s = keep_open(home);
    assert_false(store_rebuilt(s));
    assert_int_equal(keep_read(s, 0, LEN), ERR_NOT_FOUND);
    store_close(s);
    keep_flip(keep_path(home, "packs/000001.pack"), 64 + 5, 4);
    { /* two records change places: their rows are wrong now */
        int fd = open(keep_path(home, "packs/000001.pack"), O_RDWR);
        uint8_t bytes[2 * (64 + LEN)];

        assert_int_equal(pread(fd, bytes, sizeof bytes, 64 + LEN),
                         sizeof bytes);
        assert_int_equal(pwrite(fd, bytes + 64 + LEN, 64 + LEN, 64 + LEN),
                         64 + LEN);
        assert_int_equal(pwrite(fd, bytes, 64 + LEN, 2 * (64 + LEN)), 64 + LEN);
        (void)close(fd);
    }
    s = keep_open(home);
    assert_int_equal(keep_read(s, 1, LEN), ERR_CORRUPT);
    store_close(s);
    s = keep_open(home);
    assert_true(store_rebuilt(s));
    keep_all(s, 0, 3, LEN);
    store_close(s);
}

/* A pack that is cut short, or gone, loses its own chunks and no others. */
TEST(store_open, pack_gone)
{
    const struct store_options opt = {.pack_max_bytes = 1000};
    const char *home = test_tmpdir();
    struct store *s = keep_open_with(home, &opt);

    keep_put(s, 0, 6, LEN); /* two in each pack */
    store_close(s);
    assert_int_equal(unlink(keep_path(home, "packs/000001.pack")), 0);
    assert_int_equal(truncate(keep_path(home, "packs/000002.pack"), 500), 0);
    s = keep_open_with(home, &opt);
    assert_false(keep_has(s, 0, LEN) || keep_has(s, 1, LEN));
    assert_true(keep_has(s, 2, LEN) && !keep_has(s, 3, LEN));
    keep_all(s, 4, 2, LEN);
    assert_int_equal(unlink(keep_path(home, "packs/000003.pack")), 0);
    keep_put(s, 0, 1, LEN);
    assert_int_equal(keep_read(s, 0, LEN), 0);
    store_close(s);
}

/* ---- the index is a cache
 * ------------------------------------------------------ */

static void twenty(const char *home)
{
    struct store *s = keep_open(home);

    keep_put(s, 0, 20, LEN);
    assert_int_equal(store_sync(s, NULL), 0);
    store_close(s);
}

static void check_twenty(const char *home)
{
    struct store *s = keep_open(home);

    keep_all(s, 0, 20, LEN);
    keep_put(s, 50, 1, LEN);
    keep_all(s, 50, 1, LEN);
    store_close(s);
}

/* Deleted, cut to any length or with a foreign version, it is made again. */
TEST(store_open, index_gone)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    const char *db = strdup(keep_path(home, "index.db"));
    off_t size;

    twenty(first);
    size = keep_size(keep_path(first, "index.db"));
    keep_copy_home(first, home);
    assert_int_equal(unlink(db), 0);
    check_twenty(home);
    for (off_t n = 0; n < size; n += n < 200 ? 13 : 1777) {
        keep_copy_home(first, home);
        assert_int_equal(truncate(db, n), 0);
        check_twenty(home);
    }
    keep_copy_home(first, home);
    keep_flip(db, 63, 6); /* user_version */
    check_twenty(home);
    assert_true(keep_size(keep_path(home, "index.db.bad-1")) > 0);
    keep_copy_home(first, home);
    keep_flip(db, 70, 1); /* application_id */
    check_twenty(home);
    free((char *)(uintptr_t)db);
}

/* Header flipped at any byte, any page zeroed or full of noise: it opens, and
 * what is read is right; after a second open all is there. */
TEST(store_open, index_mutated)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    const char *db = strdup(keep_path(home, "index.db"));
    uint8_t page[4096];
    off_t size;

    twenty(first);
    size = keep_size(keep_path(first, "index.db"));
    for (off_t at = 0; at < 100; at++) {
        keep_copy_home(first, home);
        keep_flip(db, at, (uint8_t)(1u << (at % 8)));
        check_twenty(home);
    }
    for (off_t at = 0; at < size; at += 4096) {
        for (int noise = 0; noise < 2; noise++) {
            int fd;

            for (size_t i = 0; i < sizeof page; i++)
                page[i] = (uint8_t)(noise ? i * 31 + (size_t)at / 4096 : 0);
            keep_copy_home(first, home);
            fd = open(db, O_RDWR);
            assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
            (void)close(fd);
            check_twenty(home);
        }
    }
    free((char *)(uintptr_t)db);
}

/* A bit flipped anywhere in the index: nothing wrong is read, nothing crashes,
 * and what the index has lost is back when it is made again. */
TEST(store_open, index_bits)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    const char *db = strdup(keep_path(home, "index.db"));
    off_t size;
    struct store *s;

    twenty(first);
    size = keep_size(keep_path(first, "index.db"));
    for (off_t at = 100; at < size; at += 293) {
        keep_copy_home(first, home);
        keep_flip(db, at, (uint8_t)(1u << (at % 8)));
        s = keep_open(home);
        for (uint64_t i = 0; i < 20; i++)
            (void)keep_read(s, i, LEN); /* checks the bytes */
        store_close(s);
        (void)unlink(db);
        check_twenty(home);
    }
    free((char *)(uintptr_t)db);
}

/* ---- stops without a word
 * ------------------------------------------------------ */

static void put_synced(const char *home)
{
    struct store *s = keep_open(home);

    keep_put(s, 0, 10, LEN);
    if (store_sync(s, NULL) != 0)
        _exit(1);
}

static void put_three(const char *home)
{
    struct store *s = keep_open(home);

    keep_put(s, 0, 3, LEN);
}

/* Nothing is lost by a process that vanishes; without its WAL neither. */
TEST(store_open, vanished)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    struct store *s;

    s = keep_open(first);
    assert_int_equal(store_readopted(s, NULL), 0);
    keep_put(s, 100, 5, LEN);
    store_close(s);
    keep_vanish(put_synced, first);
    keep_copy_home(first, home);
    s = keep_open(home);
    assert_false(store_rebuilt(s));
    keep_all(s, 0, 10, LEN);
    keep_all(s, 100, 5, LEN);
    store_close(s);
    keep_copy_home(first, home);
    assert_int_equal(unlink(keep_path(home, "index.db-wal")), 0);
    s = keep_open(home);
    assert_false(store_rebuilt(s));
    keep_all(s, 0, 10, LEN);
    keep_all(s, 100, 5, LEN);
    store_close(s);
}

/* The last record cut at any length: the others are there, and it is when it is
 * whole; the same when the index is gone too. */
TEST(store_open, torn_tail)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    const off_t full = 3 * (off_t)(64 + LEN);
    const off_t two = 2 * (off_t)(64 + LEN);

    keep_vanish(put_three, first);
    for (off_t n = two; n <= full; n += n < two + 80 ? 1 : 19) {
        for (int gone = 0; gone < 2; gone++) {
            struct store *s;

            keep_copy_home(first, home);
            assert_int_equal(truncate(keep_path(home, "packs/000001.pack"), n),
                             0);
            if (gone)
                assert_int_equal(unlink(keep_path(home, "index.db")), 0);
            s = keep_open(home);
            keep_all(s, 0, 2, LEN);
            assert_int_equal(keep_has(s, 2, LEN), n == full);
            keep_put(s, 2, 2, LEN);
            keep_all(s, 0, 4, LEN);
            store_close(s);
            s = keep_open(home);
            keep_all(s, 0, 4, LEN);
            store_close(s);
        }
    }
}

/* Pages that never reached the disk: after an unclean stop the marked chunk is
 * found out and dropped before anybody asks; the flushed one is trusted. */
TEST(store_open, marked_chunks)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    const char *pack = "packs/000001.pack";
    struct store_usage use;
    struct store *s;

    keep_vanish(put_three, first);
    keep_copy_home(first, home);
    keep_flip(keep_path(home, pack), 64 + LEN + 64 + 9, 1);
    s = keep_open(home);
    assert_true(keep_has(s, 0, LEN) && keep_has(s, 2, LEN));
    assert_false(keep_has(s, 1, LEN));
    assert_int_equal(store_usage(s, &use, NULL), 0);
    assert_int_equal(use.unflushed_bytes, 0); /* what was found is durable */
    store_close(s);

    /* A clean stop on this boot, flushed or not, is not verified again. */
    keep_copy_home(first, home);
    store_close(keep_open(home));
    keep_flip(keep_path(home, pack), 64 + LEN + 64 + 9, 1);
    s = keep_open(home);
    assert_true(keep_has(s, 1, LEN));
    assert_int_equal(keep_read(s, 1, LEN), ERR_CORRUPT);
    store_close(s);
}

/* Chunk 0 is on its way into the pack while chunk 1 is put behind it; the disk
 * then has the index of that moment, although 0 is committed and synced. */
static void overtaken(const char *home)
{
    struct store *s = keep_open(home);
    int known = store_readopted(s, NULL);
    struct keep_chunk c = keep_make(0, LEN);
    struct index_chunk row = {.ref = c.ref, .sum = digest_sum64(c.data, LEN)};
    struct writing w = {.rows = &row, .count = 1};
    uint64_t at = 0;
    int fd = -1;
    int rc;

    index_lock(s->ix);
    rc = store__reserve(s, &s->pack, PACK_HEAD_BYTES + LEN, &at, NULL);
    row.place = s->pack;
    row.offset = at + PACK_HEAD_BYTES;
    store__begin_writing(s, &w);
    rc = rc == 0 ? store__borrow_fd(s, s->pack, &fd, NULL) : rc;
    index_unlock(s->ix);
    keep_put(s, 1, 1, LEN);
    if (known != 0 || rc != 0 || store__append(fd, &row, c.data, NULL) != 0 ||
        sqlite3_exec(index_db(s->ix), "PRAGMA wal_checkpoint(TRUNCATE)", NULL,
                     NULL, NULL) != SQLITE_OK)
        _exit(1);
    index_lock(s->ix);
    store__end_writing(s, &w);
    if (index_put(s->ix, &row, false, NULL) != 0)
        _exit(1);
    index_unlock(s->ix);
    if (store_sync(s, NULL) != 0)
        _exit(1);
}

/* An index that is behind knows from where on to look. */
TEST(store_open, overtaken)
{
    const char *home = test_tmpdir();
    struct store *s;

    keep_vanish(overtaken, home);
    assert_int_equal(truncate(keep_path(home, "index.db-wal"), 0), 0);
    s = keep_open(home);
    assert_false(store_rebuilt(s));
    keep_all(s, 0, 2, LEN);
    store_close(s);
}
