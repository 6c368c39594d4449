#include "storage/pack.h"

#include "tests/lib/keep.h"

static size_t record_bytes(uint32_t len)
{
    return PACK_HEAD_BYTES + len;
}

static void append(int fd, const struct keep_chunk *c)
{
    uint8_t head[PACK_HEAD_BYTES];

    pack_head_encode(&c->ref, digest_sum64(c->data, c->ref.stored_len), head);
    assert_int_equal(write(fd, head, sizeof head), sizeof head);
    assert_int_equal(write(fd, c->data, c->ref.stored_len), c->ref.stored_len);
}

struct found {
    struct pack_record list[64];
    size_t count;
};

static int note(void *user, const struct pack_record *r)
{
    struct found *f = user;

    assert_true(f->count < 64);
    f->list[f->count++] = *r;
    return 0;
}

static struct found scan(int fd, uint64_t from, uint64_t *out_end)
{
    struct found f = {.count = 0};

    assert_int_equal(pack_scan(fd, from, note, &f, out_end, NULL), 0);
    return f;
}

static int new_pack(void)
{
    int fd = open(test_tmpdir(), O_RDWR | O_TMPFILE, 0600);

    if (fd < 0)
        fd = open(keep_path(test_tmpdir(), "p"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* A header reads back as it was written. */
TEST(pack_head, round)
{
    struct keep_chunk c = keep_make(1, 100);
    uint8_t head[PACK_HEAD_BYTES];
    struct pack_record r;

    c.ref.raw_len = 300;
    c.ref.flags = CHUNK_FLAG_ZSTD;
    pack_head_encode(&c.ref, UINT64_MAX - 5, head);
    assert_int_equal(pack_head_decode(head, &r), 0);
    assert_true(chunk_id_eq(&r.ref.id, &c.ref.id));
    assert_int_equal(r.ref.stored_len, 100);
    assert_int_equal(r.ref.raw_len, 300);
    assert_int_equal(r.ref.flags, CHUNK_FLAG_ZSTD);
    assert_true(r.sum == UINT64_MAX - 5);
}

/* No header with a flipped bit is one. */
TEST(pack_head, every_bit)
{
    struct keep_chunk c = keep_make(2, 100);
    uint8_t head[PACK_HEAD_BYTES];
    struct pack_record r;

    pack_head_encode(&c.ref, 7, head);
    for (size_t i = 0; i < 8 * sizeof head; i++) {
        head[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(pack_head_decode(head, &r), ERR_MALFORMED);
        head[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(pack_head_decode(head, &r), 0);
}

/* Lengths that no chunk has are no header, however well summed. */
TEST(pack_head, lengths)
{
    struct keep_chunk c = keep_make(3, 100);
    uint8_t head[PACK_HEAD_BYTES];
    struct pack_record r;

    c.ref.stored_len = 0;
    pack_head_encode(&c.ref, 7, head);
    assert_int_equal(pack_head_decode(head, &r), ERR_MALFORMED);
    c.ref.stored_len = CHUNK_RAW_MAX + 1;
    pack_head_encode(&c.ref, 7, head);
    assert_int_equal(pack_head_decode(head, &r), ERR_MALFORMED);
}

/* A scan finds what was appended, from any record on. */
TEST(pack_scan, all)
{
    int fd = new_pack();
    uint64_t end = 0;
    struct found f;

    for (uint64_t i = 0; i < 20; i++) {
        struct keep_chunk c = keep_make(i, 50 + 10 * (uint32_t)i);

        append(fd, &c);
    }
    f = scan(fd, 0, &end);
    assert_int_equal(f.count, 20);
    assert_int_equal(end, lseek(fd, 0, SEEK_END));
    f = scan(fd, f.list[7].offset - PACK_HEAD_BYTES, &end);
    assert_int_equal(f.count, 13);
    (void)close(fd);
}

/* Holes between records, also ones longer than a search reads at once, do not
 * end a scan. */
TEST(pack_scan, holes)
{
    int fd = new_pack();
    struct keep_chunk a = keep_make(1, 500);
    struct keep_chunk b = keep_make(2, 600);
    uint64_t end = 0;
    struct found f;

    append(fd, &a);
    assert_true(lseek(fd, 3 * 1024 * 1024 + 17, SEEK_SET) > 0);
    append(fd, &b);
    assert_true(lseek(fd, 63, SEEK_CUR) > 0);
    append(fd, &a);
    assert_int_equal(write(fd, "LyPkLyPk", 8), 8);
    f = scan(fd, 0, &end);
    assert_int_equal(f.count, 3);
    assert_true(chunk_id_eq(&f.list[1].ref.id, &b.ref.id));
    assert_int_equal(end, lseek(fd, 0, SEEK_END) - 8);
    (void)close(fd);
}

/* A record cut anywhere is not found, those before it are. */
TEST(pack_scan, torn)
{
    int fd = new_pack();
    struct keep_chunk a = keep_make(1, 90);
    struct keep_chunk b = keep_make(2, 110);
    uint64_t end = 0;

    append(fd, &a);
    append(fd, &b);
    for (size_t n = record_bytes(110); n-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)(record_bytes(90) + n)), 0);
        assert_int_equal(scan(fd, 0, &end).count, 1);
        assert_int_equal(end, record_bytes(90));
    }
    (void)close(fd);
}

/* A chunk that contains a forged record cannot have it taken up when its own
 * header is lost: only a SHA-256 makes a record. */
TEST(pack_scan, forged_inside)
{
    int fd = new_pack();
    struct keep_chunk outer = keep_make(1, 2000);
    struct keep_chunk good = keep_make(2, 100);
    struct keep_chunk forged = keep_make(3, 200);
    uint64_t end = 0;
    struct found f;

    forged.data[50] ^= 1; /* the id is another chunk's now */
    pack_head_encode(&forged.ref, digest_sum64(forged.data, 200),
                     outer.data + 64);
    memcpy(outer.data + 128, forged.data, 200);
    outer.ref.id = digest_chunk(outer.data, 2000);
    append(fd, &outer);
    append(fd, &good);
    assert_int_equal(scan(fd, 0, &end).count, 2);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    f = scan(fd, 0, &end);
    assert_int_equal(f.count, 1);
    assert_true(chunk_id_eq(&f.list[0].ref.id, &good.ref.id));
    (void)close(fd);
}

static int number_list(void *user, uint32_t number)
{
    uint32_t **at = (uint32_t **)user;

    *(*at)++ = number;
    return 0;
}

/* Packs are listed by number; nothing else in the folder is. */
TEST(pack_list, order)
{
    static const char *const names[] = {
        "packs/000010.pack", "packs/000002.pack", "packs/1000000.pack",
        "packs/x.pack",      "packs/000003.bad",  "packs/000000.pack"};
    const char *home = test_tmpdir();
    uint32_t list[8] = {0};
    uint32_t *at = list;
    char path[KEEP_PATH];

    assert_int_equal(mkdir(keep_path(home, "packs"), 0700), 0);
    for (size_t i = 0; i < 6; i++)
        keep_write(keep_path(home, names[i]), "", 0);
    assert_int_equal(pack_list(home, number_list, &at, NULL), 0);
    assert_int_equal(at - list, 3);
    assert_int_equal(list[0], 2);
    assert_int_equal(list[1], 10);
    assert_int_equal(list[2], 1000000);
    pack_path(home, 10, path, sizeof path);
    assert_int_equal(keep_size(path), 0);
}
