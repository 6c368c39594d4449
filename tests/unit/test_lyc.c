/* test_lyc: the frames of a course file: written, read, bent, cut, forged. */
#include <string.h>

#include "crypto/record.h"
#include "storage/lyc.h"
#include "storage/lyc_file.h"
#include "storage/pack.h"
#include "tests/lib/keep.h"

#define CHUNKS 6
#define LEN 1000u

struct memory { /* a file, read in pieces of @step */
    struct buf b;
    size_t at, step;
};

static int mem_write(void *user, const struct span *parts, size_t count,
                     struct err *e)
{
    struct memory *m = user;

    (void)e;
    for (size_t i = 0; i < count; i++)
        (void)buf_append(&m->b, parts[i].p, parts[i].len);
    return 0;
}

static int mem_read(void *user, uint8_t *p, size_t cap, size_t *out_n,
                    struct err *e)
{
    struct memory *m = user;
    size_t n = m->b.len - m->at;

    (void)e;
    n = n < cap ? n : cap;
    n = n < m->step ? n : m->step;
    if (n != 0)
        memcpy(p, m->b.base + m->at, n);
    m->at += n;
    *out_n = n;
    return 0;
}

static const struct lyc_head head = {
    .course = {{1}}, .edition = {{2}}, .seq = 7, .since = 3};
static const uint8_t record[] = "a record of no meaning";

static void write_file(struct memory *m)
{
    struct lyc_writer w;

    *m = (struct memory){.step = 4096};
    assert_int_equal(lyc_begin(&w, &head, mem_write, m, NULL), 0);
    assert_int_equal(
        lyc_put_record(&w, (struct span){record, sizeof record}, NULL), 0);
    for (uint64_t i = 0; i < CHUNKS; i++) {
        struct keep_chunk c = keep_make(i, LEN);

        assert_int_equal(lyc_put_chunk(&w, &c.ref, c.data, NULL), 0);
    }
    assert_int_equal(lyc_end(&w, NULL), 0);
    assert_int_equal(w.bytes, m->b.len);
    assert_int_equal(w.bytes,
                     LYC_HEAD_BYTES + LYC_RECORD_HEAD_BYTES + sizeof record +
                         CHUNKS * lyc_chunk_bytes(LEN) + LYC_END_BYTES);
}

static size_t chunk_at(size_t i)
{
    return LYC_HEAD_BYTES + LYC_RECORD_HEAD_BYTES + sizeof record +
           i * (size_t)lyc_chunk_bytes(LEN);
}

struct seen { /* what came of a file */
    uint32_t records, chunks, bad, damaged;
    bool have[CHUNKS];
    enum lyc_kind end;
};

static void take(struct lyc_reader *r, const struct lyc_item *item,
                 struct seen *s)
{
    const uint8_t *bytes;
    int rc = lyc_chunk(r, &bytes, NULL);

    s->bad += rc == ERR_CORRUPT;
    if (rc != 0)
        return;
    s->chunks++;
    for (uint64_t i = 0; i < CHUNKS; i++) {
        struct keep_chunk c = keep_make(i, LEN);

        if (!chunk_id_eq(&c.ref.id, &item->ref.id))
            continue;
        assert_memory_equal(bytes, c.data, LEN);
        s->have[i] = true;
    }
}

static struct seen read_back(struct memory *m, bool skip)
{
    struct seen s = {0};
    struct lyc_item item = {.kind = LYC_RECORD};
    struct lyc_reader *r;
    struct lyc_head h;

    m->at = 0;
    assert_int_equal(lyc_open(mem_read, m, &h, &r, NULL), 0);
    assert_memory_equal(&h, &head, sizeof h);
    while (item.kind != LYC_END && item.kind != LYC_CUT) {
        assert_int_equal(lyc_next(r, &item, NULL), 0);
        if (item.kind == LYC_RECORD && item.record.len == sizeof record &&
            memcmp(item.record.p, record, sizeof record) == 0)
            s.records++;
        if (item.kind == LYC_CHUNK && skip)
            s.chunks++;
        else if (item.kind == LYC_CHUNK)
            take(r, &item, &s);
    }
    s.end = item.kind;
    assert_int_equal(lyc_next(r, &item, NULL), 0);
    assert_int_equal(item.kind, s.end); /* and so it stays */
    s.damaged = lyc_damaged(r);
    lyc_close(r);
    return s;
}

static uint32_t missing(const struct seen *s)
{
    uint32_t n = 0;

    for (size_t i = 0; i < CHUNKS; i++)
        n += !s->have[i];
    return n;
}

/* What was written comes back, in whatever pieces it is read. */
TEST(lyc, round_trip)
{
    static const size_t steps[] = {1, 63, 64, 4096, 1u << 20};
    struct memory m;

    write_file(&m);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct seen s;

        m.step = steps[i];
        s = read_back(&m, i % 2 == 1);
        assert_int_equal(s.end, LYC_END);
        assert_int_equal(s.records, 1);
        assert_int_equal(s.chunks, CHUNKS);
        assert_int_equal(s.damaged, 0);
    }
    buf_deinit(&m.b);
}

/* One bit anywhere costs one chunk at most, and never passes unnoticed. */
TEST(lyc, every_byte_bent)
{
    struct memory m;

    write_file(&m);
    for (size_t at = LYC_HEAD_BYTES; at < m.b.len; at++) {
        bool in_record = at < chunk_at(0);
        bool in_end = at >= chunk_at(CHUNKS);
        struct seen s;

        m.b.base[at] ^= (uint8_t)(1u << (at % 8));
        s = read_back(&m, false);
        m.b.base[at] ^= (uint8_t)(1u << (at % 8));
        assert_int_equal(s.damaged, 1);
        assert_int_equal(s.records, in_record ? 0 : 1);
        assert_int_equal(s.chunks, in_record || in_end ? CHUNKS : CHUNKS - 1);
        assert_int_equal(s.end, in_end ? LYC_CUT : LYC_END);
        if (!in_record && !in_end)
            assert_false(
                s.have[(at - chunk_at(0)) / (size_t)lyc_chunk_bytes(LEN)]);
    }
    buf_deinit(&m.b);
}

/* A head that is bent, of another version or of another kind of file. */
TEST(lyc, bad_head)
{
    struct lyc_reader *r = NULL;
    struct lyc_head h;
    struct memory m;
    struct err e;

    write_file(&m);
    for (size_t at = 0; at < LYC_HEAD_BYTES; at++) {
        m.at = 0;
        m.b.base[at] ^= 1;
        assert_int_equal(lyc_open(mem_read, &m, &h, &r, &e), ERR_MALFORMED);
        m.b.base[at] ^= 1;
    }
    for (size_t len = 0; len < LYC_HEAD_BYTES; len++) {
        struct memory cut = {.b = m.b, .step = 4096};

        cut.b.len = len;
        assert_int_equal(lyc_open(mem_read, &cut, &h, &r, &e), ERR_MALFORMED);
    }
    m.at = 0;
    m.b.base[11] = LYC_VERSION + 1;
    assert_int_equal(lyc_open(mem_read, &m, &h, &r, &e), ERR_MALFORMED);
    assert_non_null(strstr(e.text, "version 2"));
    assert_null(r);
    buf_deinit(&m.b);
}

/* Cut anywhere: what stands before is there, and the cut is noticed. */
TEST(lyc, cut_anywhere)
{
    struct memory m;

    write_file(&m);
    for (size_t len = LYC_HEAD_BYTES; len < m.b.len; len += 7) {
        struct memory cut = {.b = m.b, .step = 4096};
        size_t whole = len < chunk_at(0)
                           ? 0
                           : (len - chunk_at(0)) / (size_t)lyc_chunk_bytes(LEN);
        struct seen s;

        cut.b.len = len;
        s = read_back(&cut, false);
        assert_int_equal(s.end, LYC_CUT);
        assert_int_equal(s.chunks, whole);
        assert_int_equal(s.bad, 0);
    }
    buf_deinit(&m.b);
}

/* Bytes that are lost or put in cost the chunk they are in, and no other. */
TEST(lyc, shifted)
{
    struct memory m;
    struct seen s;
    size_t at;

    write_file(&m);
    at = chunk_at(2) + 500;
    memmove(m.b.base + at, m.b.base + at + 100, m.b.len - at - 100);
    m.b.len -= 100;
    s = read_back(&m, false);
    assert_int_equal(missing(&s), 1);
    assert_false(s.have[2]);
    assert_int_equal(s.end, LYC_CUT); /* the end marker tells another place */
    assert_int_equal(buf_reserve(&m.b, 200), 0);
    at = chunk_at(4);
    memmove(m.b.base + at + 200, m.b.base + at, m.b.len - at);
    memset(m.b.base + at, 'L', 200);
    m.b.len += 200;
    s = read_back(&m, false);
    assert_int_equal(missing(&s), 2); /* 4 lost the beginning of its place */
    buf_deinit(&m.b);
}

/* An end marker with other counts is one of another file: two chunks are gone,
 * and in their place lies one of the same size. */
TEST(lyc, chunks_exchanged)
{
    uint32_t len = LEN + (uint32_t)lyc_chunk_bytes(LEN);
    struct keep_chunk c = keep_make(99, len);
    struct memory m;
    struct seen s;

    write_file(&m);
    pack_head_encode(&c.ref, 1, m.b.base + chunk_at(1));
    memcpy(m.b.base + chunk_at(1) + PACK_HEAD_BYTES, c.data, len);
    s = read_back(&m, false);
    assert_int_equal(s.end, LYC_END);
    assert_int_equal(s.chunks, CHUNKS - 1);
    assert_int_equal(missing(&s), 2);
    assert_int_equal(s.damaged, 1);
    buf_deinit(&m.b);
}

/* A frame in a chunk's bytes is not looked at; where a search finds it, its
 * length leads nowhere. */
TEST(lyc, frame_in_a_chunk)
{
    struct chunk_ref fake = {.stored_len = CHUNK_RAW_MAX, .raw_len = 1};
    struct keep_chunk c = keep_make(9, 2000);
    struct memory m = {.step = 4096};
    struct lyc_writer w;
    struct seen s;

    pack_head_encode(&fake, 1, c.data + 100);
    c.ref.id = digest_chunk(c.data, c.ref.stored_len);
    assert_int_equal(lyc_begin(&w, &head, mem_write, &m, NULL), 0);
    assert_int_equal(lyc_put_chunk(&w, &c.ref, c.data, NULL), 0);
    for (uint64_t i = 0; i < CHUNKS; i++) {
        struct keep_chunk k = keep_make(i, LEN);

        assert_int_equal(lyc_put_chunk(&w, &k.ref, k.data, NULL), 0);
    }
    assert_int_equal(lyc_end(&w, NULL), 0);
    s = read_back(&m, false);
    assert_int_equal(s.chunks, CHUNKS + 1);
    assert_int_equal(s.damaged, 0);
    m.b.base[LYC_HEAD_BYTES + 8] ^= 1; /* its head: the fake is found */
    for (int skip = 0; skip < 2; skip++) {
        s = read_back(&m, skip);
        assert_int_equal(s.end, LYC_END);
        assert_int_equal(s.chunks, CHUNKS + skip);
    }
    buf_deinit(&m.b);
}

/* Lengths that no frame may have. */
TEST(lyc, lengths)
{
    struct chunk_ref ref = {.stored_len = CHUNK_RAW_MAX + 1, .raw_len = 1};
    struct memory m = {.step = 4096};
    struct lyc_writer w;
    struct seen s;
    uint8_t *big = calloc(1, CHUNK_RAW_MAX + 1);

    assert_non_null(big);
    assert_int_equal(lyc_begin(&w, &head, mem_write, &m, NULL), 0);
    assert_int_equal(lyc_put_chunk(&w, &ref, big, NULL), 0);
    ref.stored_len = 0;
    assert_int_equal(lyc_put_chunk(&w, &ref, big, NULL), 0);
    assert_int_equal(
        lyc_put_record(&w, (struct span){big, RECORD_BYTES_MAX + 1}, NULL), 0);
    assert_int_equal(lyc_put_record(&w, (struct span){big, 0}, NULL), 0);
    assert_int_equal(lyc_end(&w, NULL), 0);
    s = read_back(&m, false);
    assert_int_equal(s.chunks + s.records, 0);
    assert_int_equal(s.damaged, 1); /* one search over all of it */
    assert_int_equal(s.end, LYC_END);
    free(big);
    buf_deinit(&m.b);
}

/* A file of nothing but frames that lie ends the patience at a limit. */
TEST(lyc, only_lies)
{
    struct chunk_ref fake = {.stored_len = 1, .raw_len = 1};
    struct memory m = {.step = 1u << 20};
    struct lyc_writer w;
    struct seen s;

    assert_int_equal(lyc_begin(&w, &head, mem_write, &m, NULL), 0);
    for (uint32_t i = 0; i < LYC_DAMAGED_MAX + 1000; i++)
        assert_int_equal(lyc_put_chunk(&w, &fake, (const uint8_t *)"x", NULL),
                         0);
    assert_int_equal(lyc_end(&w, NULL), 0);
    s = read_back(&m, false);
    assert_int_equal(s.damaged, LYC_DAMAGED_MAX);
    assert_int_equal(s.end, LYC_CUT);
    buf_deinit(&m.b);
}

/* ---- files ---------------------------------------------------------------
 */

static int write_to(const char *path, bool replace, struct err *e)
{
    struct lyc_out_options opt = {.path = path, .replace = replace};
    struct span part = {record, sizeof record};
    struct lyc_out *o = NULL;
    int rc = lyc_out_open(&opt, &o, e);

    if (rc == 0)
        rc = lyc_out_write(o, &part, 1, e);
    if (rc == 0)
        rc = lyc_out_finish(o, e);
    lyc_out_close(o);
    return rc;
}

/* A file that is there is somebody's; with leave it goes, in one step. */
TEST(lyc_file, names)
{
    const char *dir = test_tmpdir();
    const char *path = keep_path(dir, "a.lyc");
    struct err e;

    assert_int_equal(write_to(path, false, &e), 0);
    assert_int_equal(keep_size(path), sizeof record);
    assert_int_equal(write_to(path, false, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.hint, "-y"));
    assert_int_equal(write_to(path, true, &e), 0);
    assert_int_equal(write_to(dir, true, &e), ERR_CONFLICT);
    assert_int_equal(write_to(keep_path(dir, "no/a.lyc"), false, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(keep_size(keep_path(dir, "a.lyc.lyceum-tmp")), -1);
}

/* What a killed run left is taken over; two at once do not mix. */
TEST(lyc_file, left_and_shared)
{
    const char *dir = test_tmpdir();
    const char *path = keep_path(dir, "a.lyc");
    struct lyc_out_options opt = {.path = path};
    struct lyc_out *o;
    struct lyc_out *other;
    struct err e;

    keep_write(keep_path(dir, "a.lyc.lyceum-tmp"), "much longer than it was",
               23);
    assert_int_equal(lyc_out_open(&opt, &o, &e), 0);
    assert_int_equal(lyc_out_open(&opt, &other, &e), ERR_CONFLICT);
    assert_int_equal(keep_size(keep_path(dir, "a.lyc.lyceum-tmp")), 0);
    assert_int_equal(lyc_out_room(o, 1, &e), 0);
    assert_int_equal(lyc_out_room(o, UINT64_MAX, &e), ERR_NO_SPACE);
    lyc_out_close(o);
    assert_int_equal(keep_size(keep_path(dir, "a.lyc.lyceum-tmp")), -1);
    assert_int_equal(keep_size(path), -1);
}

/* A disk that fails leaves no file of that name, whole or half. */
TEST(lyc_file, faults)
{
    const char *path = keep_path(test_tmpdir(), "a.lyc");
    static const enum file_io_fault kinds[] = {FAULT_WRITE, FAULT_SYNC,
                                               FAULT_RENAME};
    struct err e;

    for (size_t i = 0; i < 3; i++) {
        file_io_fault_after(kinds[i], 0, 1, ENOSPC);
        assert_int_equal(write_to(path, false, &e), ERR_NO_SPACE);
        keep_no_faults();
        assert_int_equal(keep_size(path), -1);
    }
    assert_int_equal(write_to(path, false, &e), 0);
}

/* A pipe that nobody fills or empties can be left. */
TEST(lyc_file, stopped)
{
    static const uint8_t many[200000];
    struct span part = {many, sizeof many};
    _Atomic bool stop = true;
    struct lyc_out_options opt = {.stream = true, .stop = &stop};
    struct lyc_out *o;
    struct lyc_in *in;
    uint8_t b[16];
    size_t n;
    char path[64];
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
    assert_int_equal(lyc_in_open(path, &stop, &in, NULL), 0);
    assert_int_equal(lyc_in_read(in, b, sizeof b, &n, NULL), ERR_INTERRUPTED);
    lyc_in_close(in);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd[1]);
    opt.path = path;
    assert_int_equal(lyc_out_open(&opt, &o, NULL), 0);
    assert_int_equal(lyc_out_write(o, &part, 1, NULL), ERR_INTERRUPTED);
    lyc_out_close(o);
    (void)close(fd[0]);
    (void)close(fd[1]);
    assert_int_equal(lyc_in_open("/", NULL, &in, NULL), ERR_INVALID);
}
