#include "storage/diff.h"

#include "tests/lib/edition_kit.h"

struct told {
    char lines[32][200];
    size_t n;
};

static void tell(void *user, const struct diff_entry *d)
{
    static const char marks[] = "+-~>";
    struct told *t = user;

    assert_true(t->n < 32);
    (void)snprintf(t->lines[t->n++], sizeof t->lines[0], "%c%s%s%s %u %u%s",
                   marks[d->kind], d->old_path != NULL ? d->old_path : "",
                   d->old_path != NULL ? ">" : "", d->path, (unsigned)d->bytes,
                   (unsigned)d->old_bytes, d->unsure ? " ?" : "");
}

static void expect(struct store *s, const struct edition *a,
                   const struct edition *b, const char *const *lines)
{
    struct told t = {.n = 0};
    size_t n = 0;

    assert_int_equal(diff_editions(s, &a->m, &b->m, NULL, tell, &t, NULL), 0);
    for (; lines[n] != NULL; n++)
        assert_string_equal(n < t.n ? t.lines[n] : "", lines[n]);
    assert_int_equal(t.n, n);
}

/* Pages share a chunk with their neighbours; only those that differ are told,
 * and a page or video that lies elsewhere now has moved. */
TEST(diff_editions, kinds)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct edition a;
    struct edition b;
    static const char *const there[] = {"~d.md 4 4",
                                        "~e.md 6 5",
                                        "~r.sh 2 2",
                                        ">c.md>z/c.md 5 0",
                                        ">v.mp4>z/w.mp4 1200000 0",
                                        "+0.md 3 0",
                                        "+z/nothing 0 0",
                                        "-gone.md 5 0",
                                        "-nothing 0 0",
                                        NULL};
    static const char *const none[] = {NULL};

    put_text(dir, "a.md", "same");
    put_text(dir, "b.md", "same too");
    put_text(dir, "c.md", "moves");
    put_text(dir, "d.md", "1234");
    put_text(dir, "e.md", "short");
    put_text(dir, "gone.md", "going");
    put_text(dir, "nothing", "");
    put_text(dir, "r.sh", "sh");
    put_noise(dir, "v.mp4", 1200000, 1);
    import(s, dir, &a);
    put_text(dir, "0.md", "new");
    put_text(dir, "d.md", "4321");
    put_text(dir, "e.md", "longer");
    assert_int_equal(chmod(keep_path(dir, "r.sh"), 0755), 0);
    assert_int_equal(mkdir(keep_path(dir, "z"), 0700), 0);
    assert_int_equal(rename(keep_path(dir, "c.md"), keep_path(dir, "z/c.md")),
                     0);
    assert_int_equal(rename(keep_path(dir, "v.mp4"), keep_path(dir, "z/w.mp4")),
                     0);
    assert_int_equal(
        rename(keep_path(dir, "nothing"), keep_path(dir, "z/nothing")), 0);
    assert_int_equal(unlink(keep_path(dir, "gone.md")), 0);
    import(s, dir, &b);
    expect(s, &a, &b, there);
    expect(s, &a, &a, none);
    expect(s, &b, &b, none);
    drop(&a);
    drop(&b);
    store_close(s);
}

/* Two of the same content: each is one move, the third is new. */
TEST(diff_editions, twins)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct edition a;
    struct edition b;
    static const char *const there[] = {">a>x 4 0", ">b>y 4 0", "+z 4 0", NULL};
    static const char *const back[] = {">x>a 4 0", ">y>b 4 0", "-z 4 0", NULL};

    put_text(dir, "README.md", "# Twins");
    put_text(dir, "a", "twin");
    put_text(dir, "b", "twin");
    import(s, dir, &a);
    assert_int_equal(rename(keep_path(dir, "a"), keep_path(dir, "x")), 0);
    assert_int_equal(rename(keep_path(dir, "b"), keep_path(dir, "y")), 0);
    put_text(dir, "z", "twin");
    import(s, dir, &b);
    expect(s, &a, &b, there);
    expect(s, &b, &a, back);
    drop(&a);
    drop(&b);
    store_close(s);
}

/* Without the chunks: what cannot be known is said to be unsure, and what the
 * manifest alone tells is not. */
TEST(diff_editions, not_held)
{
    const char *dir = test_tmpdir();
    struct store *s = keep_open(test_tmpdir());
    struct store *empty = keep_open(test_tmpdir());
    _Atomic bool stop = true;
    struct told t = {.n = 0};
    struct edition a;
    struct edition b;
    static const char *const lines[] = {
        "~a.md 4 4 ?", "~b.md 4 3", ">v.mp4>w.mp4 1200000 0",
        "+d.md 4 0",   "-c.md 4 0", NULL};

    put_text(dir, "a.md", "same");
    put_text(dir, "b.md", "old");
    put_text(dir, "c.md", "move");
    put_noise(dir, "v.mp4", 1200000, 1);
    import(s, dir, &a);
    put_text(dir, "b.md", "new!");
    assert_int_equal(rename(keep_path(dir, "c.md"), keep_path(dir, "d.md")), 0);
    assert_int_equal(rename(keep_path(dir, "v.mp4"), keep_path(dir, "w.mp4")),
                     0);
    import(s, dir, &b);
    expect(empty, &a, &b, lines);
    assert_int_equal(diff_editions(s, &a.m, &b.m, &stop, tell, &t, NULL),
                     ERR_INTERRUPTED);
    drop(&a);
    drop(&b);
    store_close(empty);
    store_close(s);
}
