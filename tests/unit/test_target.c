/* A folder that holds one edition comes to hold another. */
#include "tests/lib/edition_kit.h"

/* A folder where a file was and the other way round; what goes takes its empty
 * folders with it; both editions stay whole in the store. */
TEST(target, other_kinds)
{
    struct edition one;
    struct edition two;
    struct place p;

    begin(&p);
    put_text(p.src, "a", "a file\n");
    make_folder(p.src, "b");
    put_text(p.src, "b/x.md", "in a folder\n");
    make_folder(p.src, "c");
    make_folder(p.src, "c/d");
    put_text(p.src, "c/d/deep.md", "deep\n");
    put_noise(p.src, "v.bin", 3 << 20, 1);
    import(p.s, p.src, &one);
    number(&one, 1);
    assert_int_equal(export(p.s, p.home, p.out, &one), 0);
    assert_int_equal(unlink(keep_path(p.src, "a")), 0);
    make_folder(p.src, "a");
    put_text(p.src, "a/y.md", "in a folder now\n");
    assert_int_equal(unlink(keep_path(p.src, "b/x.md")), 0);
    assert_int_equal(rmdir(keep_path(p.src, "b")), 0);
    put_text(p.src, "b", "a file now\n");
    assert_int_equal(unlink(keep_path(p.src, "c/d/deep.md")), 0);
    assert_int_equal(rmdir(keep_path(p.src, "c/d")), 0);
    assert_int_equal(rmdir(keep_path(p.src, "c")), 0);
    put_noise(p.src, "v.bin", 2 << 20, 2);
    import(p.s, p.src, &two);
    number(&two, 2);
    assert_int_equal(move(&p, &one, &two, NULL), 0);
    assert_same_file(keep_path(p.src, "a/y.md"), keep_path(p.out, "a/y.md"));
    assert_same_file(keep_path(p.src, "b"), keep_path(p.out, "b"));
    assert_same_file(keep_path(p.src, "v.bin"), keep_path(p.out, "v.bin"));
    assert_int_equal(entries(p.out), 3);
    all_held(&p, &one);
    all_held(&p, &two);
    assert_int_equal(move(&p, &two, &one, NULL), 0);
    assert_int_equal(entries(p.out), 4);
    all_held(&p, &two);
    drop(&one);
    drop(&two);
    store_close(p.s);
}

/* A name that leaves no room for what is appended to it is cut, in front of a
 * whole character. */
TEST(target, long_name_beside)
{
    struct kept_list kept = {.count = 0};
    struct edition one;
    struct edition two;
    struct place p;
    char name[256];
    char cut[300];

    begin(&p);
    for (size_t i = 0; i < 252; i += 3)
        memcpy(name + i, "\xe8\xaf\xbe", 3);
    memcpy(name + 252, ".md", 4);
    put_text(p.src, name, "one\n");
    import(p.s, p.src, &one);
    number(&one, 1);
    assert_int_equal(export(p.s, p.home, p.out, &one), 0);
    put_text(p.src, name, "two, longer\n");
    put_text(p.out, name, "mine\n");
    import(p.s, p.src, &two);
    number(&two, 2);
    assert_int_equal(move(&p, &one, &two, &kept), 0);
    assert_int_equal(kept.count, 1);
    assert_string_equal(kept.path[0], name);
    (void)snprintf(cut, sizeof cut, "%.243s.edition-2", name);
    assert_string_equal(kept.beside[0], cut);
    assert_same_file(keep_path(p.src, name), keep_path(p.out, cut));
    drop(&one);
    drop(&two);
    store_close(p.s);
}

/* With chunks missing nothing of the old edition goes that the new one lacks.
 */
TEST(target, partial)
{
    struct edition one;
    struct edition two;
    struct place p;

    begin(&p);
    put_text(p.src, "old.md", "old\n");
    put_noise(p.src, "v.bin", 2 << 20, 1);
    import(p.s, p.src, &one);
    number(&one, 1);
    assert_int_equal(export(p.s, p.home, p.out, &one), 0);
    assert_int_equal(unlink(keep_path(p.src, "old.md")), 0);
    put_noise(p.src, "v.bin", 2 << 20, 2);
    put_text(p.src, "new.md", "new\n");
    import(p.s, p.src, &two);
    number(&two, 2);
    assert_int_equal(
        store_forget(p.s, &two.m.table.refs[two.m.table.count - 1].id, NULL),
        0);
    assert_int_equal(move(&p, &one, &two, NULL), ERR_PARTIAL);
    assert_int_equal(access(keep_path(p.out, "old.md"), F_OK), 0);
    assert_int_equal(keep_size(keep_path(p.out, "v.bin")), 2 << 20);
    all_held(&p, &one);
    drop(&one);
    drop(&two);
    store_close(p.s);
}

/* Files that are copies go, and the store has lost nothing. */
TEST(target, copies)
{
    struct edition one;
    struct place p;
    struct target *t = NULL;
    struct target_options opt = {
        .home = p.home, .dir = p.out, .m = &one.m, .keeps = true};

    begin(&p);
    put_noise(p.src, "v.bin", 2 << 20, 1);
    import(p.s, p.src, &one);
    assert_int_equal(target_open(p.s, &opt, &t, NULL), 0);
    assert_int_equal(target_finish(t, NULL), 0);
    target_close(t);
    assert_same_file(keep_path(p.src, "v.bin"), keep_path(p.out, "v.bin"));
    assert_int_equal(unlink(keep_path(p.out, "v.bin")), 0);
    all_held(&p, &one);
    drop(&one);
    store_close(p.s);
}

/* A link that leads out is refused, in a folder of ours too. */
TEST(target, link_out)
{
    struct edition one;
    struct edition two;
    struct place p;
    const char *outside = test_tmpdir();

    begin(&p);
    make_folder(p.src, "d");
    put_text(p.src, "d/a.md", "one\n");
    import(p.s, p.src, &one);
    number(&one, 1);
    assert_int_equal(export(p.s, p.home, p.out, &one), 0);
    put_text(p.src, "d/a.md", "two\n");
    import(p.s, p.src, &two);
    number(&two, 2);
    assert_int_equal(unlink(keep_path(p.out, "d/a.md")), 0);
    assert_int_equal(rmdir(keep_path(p.out, "d")), 0);
    assert_int_equal(symlink(outside, keep_path(p.out, "d")), 0);
    assert_int_equal(move(&p, &one, &two, NULL), ERR_REFUSED);
    assert_int_equal(entries(outside), 0);
    drop(&one);
    drop(&two);
    store_close(p.s);
}

/* A run that was killed leaves the beginning of a small file: that is ours. Any
 * other short file is not, however short. */
TEST(target, torn)
{
    struct kept_list kept = {.count = 0};
    struct edition one;
    struct edition two;
    struct place p;

    begin(&p);
    put_text(p.src, "a.md", "one\n");
    put_text(p.src, "b.md", "one\n");
    import(p.s, p.src, &one);
    number(&one, 1);
    assert_int_equal(export(p.s, p.home, p.out, &one), 0);
    put_text(p.src, "a.md", "two, and longer\n");
    put_text(p.src, "b.md", "two, and longer\n");
    put_noise(p.src, "v.bin", 2 << 20, 1);
    import(p.s, p.src, &two);
    number(&two, 2);
    assert_int_equal(
        store_forget(p.s, &two.m.table.refs[two.m.table.count - 1].id, NULL),
        0);
    assert_int_equal(move(&p, &one, &two, NULL), ERR_PARTIAL); /* and killed */
    put_text(p.out, "a.md", "two, a");
    put_text(p.out, "b.md", "mine");
    drop(&two);
    import(p.s, p.src, &two); /* the chunk is here again */
    number(&two, 2);
    assert_int_equal(move(&p, &one, &two, &kept), 0);
    assert_same_file(keep_path(p.src, "a.md"), keep_path(p.out, "a.md"));
    assert_int_equal(keep_size(keep_path(p.out, "b.md")), 4);
    assert_int_equal(kept.count, 1);
    assert_string_equal(kept.path[0], "b.md");
    drop(&one);
    drop(&two);
    store_close(p.s);
}
