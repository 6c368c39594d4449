/* test_import: a folder becomes an edition, with its large files copied or left
 * where they are, and the second time without reading what has not changed. */
#include "storage/import.h"

#include "tests/lib/keep.h"

#define LARGE (3u << 19)    /* 1.5 MiB: a stream of its own */
#define LATER 4000000000000 /* ms: long after any file was written */

static uint8_t *noise(unsigned seed)
{
    uint8_t *p = malloc(LARGE);

    assert_non_null(p);
    srandom(seed);
    for (size_t i = 0; i < LARGE; i++)
        p[i] = (uint8_t)(random() >> 8);
    return p;
}

static void put_noise(const char *dir, const char *name, unsigned seed)
{
    uint8_t *p = noise(seed);

    keep_write(keep_path(dir, name), p, LARGE);
    free(p);
}

static const char *folder(void)
{
    const char *dir = test_tmpdir();

    put_noise(dir, "a.mp4", 1);
    put_noise(dir, "b.mp4", 2);
    keep_write(keep_path(dir, "one.md"), "# One\n", 6);
    keep_write(keep_path(dir, "two.md"), "# Two\n", 6);
    return dir;
}

static int run(struct store *s, struct import_options opt,
               struct import_result *out, struct err *e)
{
    struct import_progress progress = {0};
    int rc = import_run(s, &opt, &progress, out, e);

    if (rc == 0)
        assert_int_equal(progress.bytes_done, out->bytes);
    return rc;
}

static struct import_result publish(struct store *s, struct import_options opt)
{
    struct import_result r;
    struct err e = ERR_INIT;

    if (run(s, opt, &r, &e) != 0)
        fail_msg("import: %s", e.text);
    assert_int_equal(store_sync(s, NULL), 0);
    return r;
}

/* The same manifest, as a full import into a fresh store makes it. */
static void assert_as_fresh(const char *dir, const struct import_result *r)
{
    struct store *s = keep_open(test_tmpdir());
    struct import_result f = publish(s, (struct import_options){.dir = dir});

    assert_true(span_eq(buf_span(&f.index_blob), buf_span(&r->index_blob)));
    assert_true(span_eq(buf_span(&f.tree_blob), buf_span(&r->tree_blob)));
    assert_int_equal(f.files, r->files);
    assert_int_equal(f.bytes, r->bytes);
    assert_int_equal(f.chunks, r->chunks);
    assert_int_equal(f.stored_bytes, r->stored_bytes);
    import_result_deinit(&f);
    store_close(s);
}

static uint64_t in_packs(struct store *s)
{
    struct store_usage u;

    assert_int_equal(store_usage(s, &u, NULL), 0);
    return u.pack_bytes;
}

/* Large files stay, the rest goes into packs; the manifest is that of a copy.
 * Afterwards a copy can be made, and needs the files no more. */
TEST(import, in_place)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_options opt = {.dir = dir, .in_place = true};
    struct import_result r = publish(s, opt);
    struct store_usage u;

    assert_true(in_packs(s) < 20000);
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.file_bytes, 2 * LARGE);
    assert_int_not_equal(store_file_find(s, keep_path(dir, "a.mp4")), 0);
    assert_as_fresh(dir, &r);
    import_result_deinit(&r);
    opt.in_place = false;
    r = publish(s, opt);
    assert_int_equal(r.new_chunks, 0);
    assert_true(in_packs(s) > 2 * LARGE);
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.file_bytes, 0);
    import_result_deinit(&r);
    store_close(s);
}

/* Nothing is stored by a dry run, and no file is registered. */
TEST(import, in_place_dry)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_result r = publish(
        s, (struct import_options){
               .dir = dir, .in_place = true, .dry_run = true, .now_ms = LATER});

    assert_true(r.new_chunks > 2);
    assert_int_equal(in_packs(s), 0);
    assert_int_equal(store_file_find(s, keep_path(dir, "a.mp4")), 0);
    import_result_deinit(&r);
    r = publish(s, (struct import_options){.dir = dir, .now_ms = LATER});
    assert_int_equal(r.read_bytes, r.bytes);
    import_result_deinit(&r);
    store_close(s);
}

/* A file that changed is found anew, what it was is forgotten. */
TEST(import, in_place_changed)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_options opt = {.dir = dir, .in_place = true};
    struct import_result r = publish(s, opt);
    uint32_t was = store_file_find(s, keep_path(dir, "a.mp4"));
    struct store_usage u;

    import_result_deinit(&r);
    put_noise(dir, "a.mp4", 3);
    r = publish(s, opt);
    assert_as_fresh(dir, &r);
    assert_int_not_equal(store_file_find(s, keep_path(dir, "a.mp4")), was);
    assert_int_equal(store_usage(s, &u, NULL), 0);
    assert_int_equal(u.file_bytes, 2 * LARGE);
    import_result_deinit(&r);
    store_close(s);
}

/* Unchanged files are not read; a changed one is, and of the small ones all or
 * none. The result is always that of reading everything. */
TEST(import, again)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_options opt = {.dir = dir, .now_ms = LATER};
    struct import_result r;

    for (int i = 0; i < 5; i++) {
        static const uint64_t reads[] = {2 * LARGE + 12, 0, LARGE, 12, 13};

        if (i == 2)
            put_noise(dir, "b.mp4", 4);
        if (i == 3)
            keep_write(keep_path(dir, "one.md"), "# 1st\n", 6);
        if (i == 4) {
            assert_int_equal(
                rename(keep_path(dir, "two.md"), keep_path(dir, "a.md")), 0);
            keep_write(keep_path(dir, "z.md"), "#", 1);
        }
        r = publish(s, opt);
        assert_int_equal(r.read_bytes, reads[i]);
        assert_as_fresh(dir, &r);
        import_result_deinit(&r);
    }
    opt.reread = true;
    r = publish(s, opt);
    assert_int_equal(r.read_bytes, r.bytes);
    import_result_deinit(&r);
    store_close(s);
}

/* A file that was written just before it was read is read again; one whose time
 * was set back is noticed by the inode's own. */
TEST(import, again_young)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_options opt = {.dir = dir, .now_ms = LATER};
    struct timespec times[2];
    struct stat st;
    struct import_result r = publish(s, opt);

    import_result_deinit(&r);
    assert_int_equal(stat(keep_path(dir, "a.mp4"), &st), 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    keep_flip(keep_path(dir, "a.mp4"), 5, 1);
    assert_int_equal(utimensat(AT_FDCWD, keep_path(dir, "a.mp4"), times, 0), 0);
    opt.now_ms = (uint64_t)st.st_mtim.tv_sec * 1000 + 100;
    r = publish(s, opt);
    assert_int_equal(r.read_bytes, LARGE);
    assert_as_fresh(dir, &r);
    import_result_deinit(&r);
    opt.now_ms = LATER;
    r = publish(s, opt);
    assert_int_equal(r.read_bytes, LARGE);
    import_result_deinit(&r);
    r = publish(s, opt);
    assert_int_equal(r.read_bytes, 0);
    import_result_deinit(&r);
    store_close(s);
}

/* What is known is of no use when the chunks are not held any more. */
TEST(import, again_without_chunks)
{
    const char *dir = folder();
    struct store *s = keep_open(test_tmpdir());
    struct import_options opt = {.dir = dir, .now_ms = LATER, .in_place = true};
    struct import_result r = publish(s, opt);
    uint32_t file = store_file_find(s, keep_path(dir, "b.mp4"));

    import_result_deinit(&r);
    assert_int_equal(store_file_drop(s, file, NULL), 0);
    r = publish(s, opt);
    assert_int_equal(r.read_bytes, LARGE);
    assert_as_fresh(dir, &r);
    import_result_deinit(&r);
    store_close(s);
}
