/* A large file of which little changes is patched where that does no harm, and
 * written anew where it would. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/file_io.h"
#include "tests/lib/edition_kit.h"

#define SIZE ((size_t)2 << 20)

struct moving { /* a folder with edition one in it, and edition two */
    struct place p;
    struct store *expert;
    struct edition one, two;
    char src[1200], out[1200]; /* of the large file */
    ino_t was;
};

static ino_t inode(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static void edit(const char *path, size_t at, size_t n)
{
    int fd = open(path, O_WRONLY);
    uint8_t *bytes = malloc(n);

    assert_true(fd >= 0 && bytes != NULL);
    memset(bytes, 0x5a, n);
    assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
    (void)close(fd);
    free(bytes);
}

/* As if it had been fetched: what the learner does not hold goes into a pack.
 */
static void fetch(struct moving *m, const struct edition *ed)
{
    static uint8_t stored[CHUNK_RAW_MAX];
    const struct chunk_table *t = &ed->m.table;

    for (uint32_t i = 0; i < t->count; i++) {
        struct store_item item = {.ref = t->refs[i], .data = stored};

        if (store_has(m->p.s, &item.ref.id))
            continue;
        assert_int_equal(store_read(m->expert, &item.ref.id, stored,
                                    sizeof stored, NULL, NULL),
                         0);
        assert_int_equal(store_put(m->p.s, &item, 1, STORE_FETCHED, NULL), 0);
    }
}

/* Edition two: @n bytes changed at @at, then the file is @size long. */
static void set_up(struct moving *m, size_t at, size_t n, size_t size)
{
    struct edition same;
    char home[1200];

    begin(&m->p);
    (void)snprintf(home, sizeof home, "%s/expert", m->p.home);
    assert_int_equal(mkdir(home, 0700), 0);
    m->expert = keep_open(home);
    put_noise(m->p.src, "v.bin", SIZE, 1);
    (void)snprintf(m->src, sizeof m->src, "%s/v.bin", m->p.src);
    (void)snprintf(m->out, sizeof m->out, "%s/v.bin", m->p.out);
    import(m->expert, m->p.src, &same);
    drop(&same);
    import(m->p.s, m->p.src, &m->one);
    number(&m->one, 1);
    assert_int_equal(export(m->p.s, m->p.home, m->p.out, &m->one), 0);
    m->was = inode(m->out);
    edit(m->src, at, n);
    assert_int_equal(truncate(m->src, (off_t)size), 0);
    import(m->expert, m->p.src, &m->two);
    number(&m->two, 2);
    fetch(m, &m->two);
}

static int go(struct moving *m)
{
    return move(&m->p, &m->one, &m->two, NULL);
}

static void tear_down(struct moving *m)
{
    drop(&m->one);
    drop(&m->two);
    store_close(m->expert);
    store_close(m->p.s);
}

/* Edition two is in the folder, both editions in the store, and no more. */
static void assert_moved(struct moving *m)
{
    assert_same_file(m->src, m->out);
    assert_int_equal(entries(m->p.out), 1);
    assert_int_equal(entries(keep_path(m->p.home, "partial")), 0);
    all_held(&m->p, &m->one);
    all_held(&m->p, &m->two);
}

/* The very file stays, changed; back again, too. */
TEST(target_patch, in_the_middle)
{
    struct moving m;
    struct place *p = &m.p;

    set_up(&m, 1 << 20, 5000, SIZE);
    assert_int_equal(go(&m), 0);
    assert_moved(&m);
    assert_int_equal(inode(m.out), m.was);
    assert_int_equal(move(p, &m.two, &m.one, NULL), 0);
    assert_int_equal(inode(m.out), m.was);
    put_noise(p->src, "v.bin", SIZE, 1);
    assert_moved(&m);
    tear_down(&m);
}

/* What is longer or shorter, too. */
TEST(target_patch, other_size)
{
    static const size_t sizes[] = {SIZE + 100000, SIZE - 100000};

    for (size_t i = 0; i < 2; i++) {
        struct moving m;

        set_up(&m, 100, 1, sizes[i]);
        assert_int_equal(go(&m), 0);
        assert_moved(&m);
        assert_int_equal(inode(m.out), m.was);
        tear_down(&m);
    }
}

/* Where most changes, a new file is as cheap. */
TEST(target_patch, most_is_new)
{
    struct moving m;

    set_up(&m, 1 << 19, 1 << 20, SIZE);
    assert_int_equal(go(&m), 0);
    assert_moved(&m);
    assert_int_not_equal(inode(m.out), m.was);
    tear_down(&m);
}

/* A second name of the file is somebody's copy: it stays as it was. */
TEST(target_patch, hard_link)
{
    struct moving m;
    char copy[1200];

    set_up(&m, 1 << 20, 5000, SIZE);
    (void)snprintf(copy, sizeof copy, "%s/copy", m.p.home);
    assert_int_equal(link(m.out, copy), 0);
    assert_int_equal(go(&m), 0);
    assert_moved(&m);
    assert_int_equal(inode(copy), m.was);
    put_noise(m.p.src, "v.bin", SIZE, 1);
    assert_same_file(m.src, copy);
    tear_down(&m);
}

/* Whoever has it open goes on reading what he has begun to read. */
TEST(target_patch, open_elsewhere)
{
    struct moving m;
    uint8_t was[16];
    uint8_t now[16];
    int fd;

    set_up(&m, 1 << 20, 5000, SIZE);
    fd = open(m.out, O_RDONLY);
    assert_int_equal(pread(fd, was, sizeof was, 1 << 20), sizeof was);
    assert_int_equal(go(&m), 0);
    assert_moved(&m);
    assert_int_not_equal(inode(m.out), m.was);
    assert_int_equal(pread(fd, now, sizeof now, 1 << 20), sizeof now);
    assert_memory_equal(was, now, sizeof was);
    (void)close(fd);
    tear_down(&m);
}

/* The user's work is not written over, and not taken away. */
TEST(target_patch, edited)
{
    struct kept_list kept = {.count = 0};
    struct moving m;

    set_up(&m, 1 << 20, 5000, SIZE);
    edit(m.out, 10, 3);
    fetch(&m, &m.two);
    assert_int_equal(move(&m.p, &m.one, &m.two, &kept), 0);
    assert_int_equal(kept.count, 1);
    assert_int_equal(inode(m.out), m.was);
    assert_same_file(m.src, keep_path(m.p.out, "v.bin.edition-2"));
    tear_down(&m);
}

/* ---- ended in the middle ---------------------------------------------------
 */

enum after { GOES_ON, GOES_BACK, GOES_ON_WITHOUT_INDEX };

/* The @n-th call of @kind fails, and the node ends. Whoever comes next, for
 * this edition or for the one before, puts a whole file in its place.
 * *out_away: it was in the home. Return: did one fail? */
static bool assert_mended(enum file_io_fault kind, int n, enum after after,
                          bool *out_away)
{
    struct moving m;
    bool failed;

    set_up(&m, 1 << 20, 5000, SIZE + 100000);
    file_io_fault_after(kind, n, 1, EIO);
    failed = go(&m) != 0;
    file_io_fault_after(kind, -1, 0, 0);
    *out_away |= access(m.out, F_OK) != 0;
    store_close(m.p.s);
    if (after == GOES_ON_WITHOUT_INDEX)
        assert_int_equal(unlink(keep_path(m.p.home, "index.db")), 0);
    m.p.s = keep_open(m.p.home);
    if (failed && after == GOES_BACK) {
        fetch(&m, &m.one); /* what could not be synced is lost */
        assert_int_equal(move(&m.p, &m.two, &m.one, NULL), 0);
        put_noise(m.p.src, "v.bin", SIZE, 1);
        assert_same_file(m.src, m.out);
    } else if (failed) {
        fetch(&m, &m.two);
        assert_int_equal(go(&m), 0);
        assert_same_file(m.src, m.out);
        assert_int_equal(entries(m.p.out), 1);
        assert_int_equal(entries(keep_path(m.p.home, "partial")), 0);
    }
    tear_down(&m);
    return failed;
}

static void assert_all_mended(enum file_io_fault kind, int step,
                              enum after after)
{
    bool away = false;

    for (int n = 0; assert_mended(kind, n, after, &away); n += step)
        ;
    assert_true(away);
}

TEST(target_patch, goes_on)
{
    assert_all_mended(FAULT_WRITE, 5, GOES_ON);
    assert_all_mended(FAULT_SYNC, 1, GOES_ON);
}

TEST(target_patch, goes_back)
{
    assert_all_mended(FAULT_SYNC, 2, GOES_BACK);
}

/* Without an index the two halves are found where they lie. */
TEST(target_patch, index_lost)
{
    assert_all_mended(FAULT_SYNC, 2, GOES_ON_WITHOUT_INDEX);
}

/* Killed when the file was on its way out: the store says where it is. */
TEST(target_patch, killed_on_the_way)
{
    struct moving m;
    char taken[1200];
    uint32_t no;

    set_up(&m, 1 << 20, 5000, SIZE);
    (void)snprintf(taken, sizeof taken, "%s/taken", m.p.home);
    no = store_file_find(m.p.s, m.out);
    assert_int_equal(store_file_moving(m.p.s, no, taken, NULL), 0);
    assert_int_equal(rename(m.out, taken), 0);
    store_close(m.p.s);
    m.p.s = keep_open(m.p.home);
    assert_int_equal(store_file_find(m.p.s, taken), no);
    assert_false(store_file_intact(m.p.s, no)); /* a partial */
    all_held(&m.p, &m.one);
    tear_down(&m);
}
