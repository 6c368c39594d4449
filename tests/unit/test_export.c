/* test_export: a folder into a store and out of it again: what comes out is
 * what went in, and nothing beside the target is ever touched. */
#include "storage/export.h"

#include "simulations/alloc_fail.h"
#include "tests/lib/edition_kit.h"

/* Links, pipes and a .git stay behind; the rest comes in the order of bytes,
 * with NFC names, modes and empty things. */
TEST(import, odd_things)
{
    static const char *const want[] = {
        "01/a.md", "01/caf\xc3\xa9.md", "empty.md",
        "run.sh",  "video.bin",         "\xd8\xaf\xd8\xb1\xd8\xb3.md",
    };
    struct edition ed;
    struct place p;

    begin(&p);
    make_folder(p.src, "01");
    make_folder(p.src, "bare");
    make_folder(p.src, ".git");
    put_text(p.src, ".git/config", "secret\n");
    put_text(p.src, "01/a.md", "# A\n");
    put_text(p.src, "01/cafe\xcc\x81.md", "# Caf\n");
    put_text(p.src, "empty.md", "");
    put_text(p.src, "run.sh", "#!/bin/sh\n");
    put_text(p.src, "\xd8\xaf\xd8\xb1\xd8\xb3.md", "# Dars\n");
    put_noise(p.src, "video.bin", 3 << 20, 1);
    assert_int_equal(chmod(keep_path(p.src, "run.sh"), 0755), 0);
    assert_int_equal(symlink("/etc/passwd", keep_path(p.src, "link.md")), 0);
    assert_int_equal(symlink("..", keep_path(p.src, "loop")), 0);
    assert_int_equal(mkfifo(keep_path(p.src, "pipe.md"), 0600), 0);
    import(p.s, p.src, &ed);
    assert_int_equal(ed.m.file_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_string_equal(ed.m.files[i].path, want[i]);
    assert_int_equal(ed.m.files[2].size, 0);
    assert_int_equal(ed.m.files[3].flags, FILE_FLAG_EXECUTABLE);
    assert_int_equal(ed.m.dir_count, 1);
    assert_string_equal(ed.m.dirs[0], "bare");
    assert_int_equal(ed.made.note_count, 4); /* three left out, one renamed */
    assert_int_equal(export(p.s, p.home, p.out, &ed), 0);
    assert_same_file(keep_path(p.src, "01/cafe\xcc\x81.md"),
                     keep_path(p.out, "01/caf\xc3\xa9.md"));
    assert_int_equal(access(keep_path(p.out, "run.sh"), X_OK), 0);
    assert_int_equal(entries(p.out), 6);
    assert_int_equal(entries(keep_path(p.out, "bare")), 0);
    drop(&ed);
    store_close(p.s);
}

/* Bytes of which zstd saves 4 %: the pieces of full batches lie end to end in a
 * worker's room, with next to nothing left of it. */
TEST(import, barely_smaller)
{
    size_t n = 6 << 20;
    uint8_t *bytes = malloc(n);
    struct edition ed;
    struct place p;

    assert_non_null(bytes);
    srandom(4);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(random() % 10 != 0 ? random() >> 8 : 0);
    begin(&p);
    keep_write(keep_path(p.src, "v.bin"), bytes, n);
    import(p.s, p.src, &ed);
    assert_in_range(ed.made.stored_bytes, n - n / 20, n - n / 33);
    all_held(&p, &ed);
    assert_int_equal(export(p.s, p.home, p.out, &ed), 0);
    assert_same_file(keep_path(p.src, "v.bin"), keep_path(p.out, "v.bin"));
    free(bytes);
    drop(&ed);
    store_close(p.s);
}

/* The same folder again stores nothing; one byte more stores one piece. */
TEST(import, again)
{
    struct edition one;
    struct edition two;
    struct place p;

    begin(&p);
    put_noise(p.src, "v.bin", 4 << 20, 2);
    put_text(p.src, "a.md", "# A\n");
    import(p.s, p.src, &one);
    assert_true(one.made.new_chunks > 20);
    import(p.s, p.src, &two);
    assert_int_equal(two.made.new_chunks, 0);
    assert_true(two.made.index_blob.len == one.made.index_blob.len &&
                memcmp(two.made.index_blob.base, one.made.index_blob.base,
                       two.made.index_blob.len) == 0);
    drop(&two);
    put_text(p.src, "a.md", "# A!\n");
    import(p.s, p.src, &two);
    assert_int_equal(two.made.new_chunks, 3); /* the text, both blobs */
    drop(&two);
    drop(&one);
    store_close(p.s);
}

/* Each allocation fails in its turn: import says so and goes on the next time.
 * In one thread, so that all of them are seen. */
TEST(import, no_memory)
{
    struct import_progress progress = {0};
    struct import_options opt = {.alone = true};
    struct place p;
    bool failed = true;
    uint64_t n = 0;

    begin(&p);
    put_text(p.src, "a.md", "# A\n");
    make_folder(p.src, "b");
    put_text(p.src, "b/c.md", "c\n");
    put_text(p.src, ".lyceumignore", "*.bak\n");
    opt.dir = p.src;
    for (; failed; n++) {
        struct import_result made;
        int rc;

        alloc_fail_after(n, 1);
        rc = import_run(p.s, &opt, &progress, &made, NULL);
        failed = alloc_fail_stop() > n;
        assert_true(failed || rc == 0);
        if (rc == 0)
            import_result_deinit(&made);
    }
    assert_true(n > 20);
    store_close(p.s);
}

/* A disk that is full at the n-th write is said so, and costs no more than
 * that. */
TEST(import, full_disk)
{
    struct edition ed;
    struct place p;

    begin(&p);
    put_noise(p.src, "v.bin", 2 << 20, 3);
    put_text(p.src, "a.md", "# A\n");
    for (int n = 0, rc = ERR_NO_SPACE; rc != 0; n++) {
        file_io_fault_after(FAULT_WRITE, n, 100000, ENOSPC);
        rc = try_import(p.s, p.src, &ed);
        keep_no_faults();
        assert_true(rc == ERR_NO_SPACE || (rc == 0 && n > 5));
        if (rc == 0)
            import_result_deinit(&ed.made);
    }
    import(p.s, p.src, &ed);
    assert_int_equal(export(p.s, p.home, p.out, &ed), 0);
    assert_same_file(keep_path(p.src, "v.bin"), keep_path(p.out, "v.bin"));
    drop(&ed);
    store_close(p.s);
}

TEST(import, cancelled)
{
    struct import_options opt = {.dir = NULL};
    struct edition ed = {.progress = {.cancel = true}};
    struct place p;

    begin(&p);
    put_noise(p.src, "v.bin", 2 << 20, 4);
    opt.dir = p.src;
    assert_int_equal(import_run(p.s, &opt, &ed.progress, &ed.made, NULL),
                     ERR_INTERRUPTED);
    store_close(p.s);
}

static void assert_untouched(const char *top)
{
    assert_int_equal(entries(keep_path(top, "beside")), 1);
    assert_int_equal(keep_size(keep_path(top, "beside/mine.md")), 5);
}

/* The second wall: paths that the first, at decoding, would not have let in. */
TEST(export, beneath)
{
    static const char *const paths[] = {
        "../beside/x.md",      "/tmp/lyceum-export-x.md",
        "a/../../beside/x.md", "link/x.md",
        "link/mine.md",        "..",
    };
    char top[1100];
    struct edition ed;
    struct place p;

    begin(&p);
    (void)snprintf(top, sizeof top, "%.*s", (int)(strlen(p.src) - 4), p.src);
    make_folder(top, "beside");
    put_text(top, "beside/mine.md", "mine\n");
    put_text(p.src, "x.md", "theirs, and longer\n");
    put_noise(p.src, "y.bin", 2 << 20, 5);
    import(p.s, p.src, &ed);
    assert_int_equal(mkdir(p.out, 0700), 0);
    assert_int_equal(symlink("../beside", keep_path(p.out, "link")), 0);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        for (uint32_t file = 0; file < 2; file++) {
            const char *was = ed.m.files[file].path;

            ed.m.files[file].path = paths[i];
            assert_int_not_equal(export(p.s, p.home, p.out, &ed), 0);
            ed.m.files[file].path = was;
            assert_untouched(top);
            assert_int_not_equal(access("/tmp/lyceum-export-x.md", F_OK), 0);
        }
    drop(&ed);
    store_close(p.s);
}

/* What stands there and is not the course's stays, and is named; what is the
 * course's is taken as done. */
TEST(export, what_is_there)
{
    struct edition ed;
    struct place p;
    struct stat before;
    struct stat after;

    begin(&p);
    put_text(p.src, "a.md", "# A\n");
    put_noise(p.src, "v.bin", 2 << 20, 6);
    import(p.s, p.src, &ed);
    assert_int_equal(mkdir(p.out, 0700), 0);
    put_text(p.out, "a.md", "# mine");
    put_text(p.out, "other.md", "# mine too");
    assert_int_equal(export(p.s, p.home, p.out, &ed), ERR_CONFLICT);
    assert_int_equal(keep_size(keep_path(p.out, "a.md")), 6);
    put_text(p.out, "a.md", "# B\n"); /* of the right length */
    assert_int_equal(export(p.s, p.home, p.out, &ed), ERR_CONFLICT);
    assert_int_equal(unlink(keep_path(p.out, "a.md")), 0);
    assert_int_equal(export(p.s, p.home, p.out, &ed), 0);
    assert_int_equal(stat(keep_path(p.out, "v.bin"), &before), 0);
    assert_int_equal(export(p.s, p.home, p.out, &ed), 0);
    assert_int_equal(stat(keep_path(p.out, "v.bin"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(keep_size(keep_path(p.out, "other.md")), 10);
    assert_int_equal(entries(p.out), 3);
    drop(&ed);
    store_close(p.s);
}
