#include "storage/backup_home.h"

#include "crypto/key.h"
#include "storage/seq_file.h"
#include "tests/lib/keep.h"

struct memory {
    const uint8_t *p;
    size_t left;
};

static int mem_read(void *user, uint8_t *p, size_t cap, size_t *out_n,
                    struct err *e)
{
    struct memory *m = user;
    size_t n = m->left < cap ? m->left : cap;

    (void)e;
    if (n != 0)
        memcpy(p, m->p, n);
    m->p += n;
    m->left -= n;
    *out_n = n;
    return 0;
}

static int mem_write(void *user, const struct span *parts, size_t count,
                     struct err *e)
{
    (void)e;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(buf_append(user, parts[i].p, parts[i].len), 0);
    return 0;
}

static int agree(void *user, const struct buf *identity, struct err *e)
{
    int *rc = user;

    assert_null(identity);
    return *rc == 0 ? 0 : err_set(e, *rc, "no");
}

static int restore(const struct buf *file, const char *home, int answer,
                   struct err *e)
{
    struct memory m = {file->base, file->len};
    struct restore_options opt = {.home = home,
                                  .read = mem_read,
                                  .read_user = &m,
                                  .agree = agree,
                                  .user = &answer};
    uint64_t time_ms = 0;
    int rc = backup_home_restore(&opt, &time_ms, e);

    if (rc == 0)
        assert_int_equal(time_ms, 1234);
    return rc;
}

/* A home of plain files; what they mean is other tests' affair. */
static const char *make_home(struct buf *file)
{
    static char log[200000];
    const char *home = test_tmpdir();
    uint64_t bytes = 0;

    assert_int_equal(crypto_init(NULL), 0);
    for (size_t i = 0; i < sizeof log; i++)
        log[i] = (char)(i * i >> 3);
    keep_write(keep_path(home, "roots"), "folder\ta\tb\n", 11);
    keep_write(keep_path(home, "seq"), "a b 1\n", 6);
    keep_write(keep_path(home, "choices"), "", 0);
    keep_write(keep_path(home, "node.key"), "secret", 6);
    assert_int_equal(mkdir(keep_path(home, "records"), 0700), 0);
    keep_write(keep_path(home, "records/000001.log"), log, sizeof log);
    assert_int_equal(
        backup_home_write(home, NULL, 1234, mem_write, file, &bytes, NULL), 0);
    assert_int_equal(bytes, file->len);
    return home;
}

static void new_home(char out[4096])
{
    (void)snprintf(out, 4096, "%s/new", test_tmpdir());
}

static void assert_nothing(const char *home)
{
    char tmp[4200];

    (void)snprintf(tmp, sizeof tmp, "%s.restoring", home);
    assert_int_equal(access(home, F_OK), -1);
    assert_int_equal(access(tmp, F_OK), -1);
}

/* What was there is there again, 0600; the node's key is not, and the numbers
 * are in doubt. */
TEST(backup, round)
{
    struct buf file = BUF_INIT;
    struct buf a = BUF_INIT;
    struct buf b = BUF_INIT;
    const char *home = strdup(make_home(&file));
    char back[4096];
    struct stat st;

    new_home(back);
    assert_int_equal(restore(&file, back, 0, NULL), 0);
    assert_int_equal(
        file_io_load(keep_path(home, "records/000001.log"), 1 << 20, &a, NULL),
        0);
    assert_int_equal(
        file_io_load(keep_path(back, "records/000001.log"), 1 << 20, &b, NULL),
        0);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.base, b.base, a.len);
    assert_int_equal(keep_size(keep_path(back, "roots")), 11);
    assert_int_equal(keep_size(keep_path(back, "seq")), 6);
    assert_int_equal(keep_size(keep_path(back, "node.key")), -1);
    assert_int_equal(stat(keep_path(back, "seq"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(back, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_true(seq_file_doubtful(back));
    assert_int_equal(restore(&file, back, 0, NULL), ERR_CONFLICT);
    assert_int_equal(keep_size(keep_path(back, "seq")), 6);
    buf_deinit(&a);
    buf_deinit(&b);
    buf_deinit(&file);
    free((char *)(uintptr_t)home);
}

/* An empty folder is filled, a file or a folder with something in it stays. */
TEST(backup, where)
{
    struct buf file = BUF_INIT;
    char back[4096];

    (void)make_home(&file);
    new_home(back);
    assert_int_equal(mkdir(back, 0700), 0);
    assert_int_equal(restore(&file, back, ERR_KEY_NEEDED, NULL),
                     ERR_KEY_NEEDED);
    assert_int_equal(rmdir(back), 0); /* still empty */
    keep_write(back, "x", 1);
    assert_int_equal(restore(&file, back, 0, NULL), ERR_CONFLICT);
    assert_int_equal(keep_size(back), 1);
    assert_int_equal(unlink(back), 0);
    assert_nothing(back);
    assert_int_equal(mkdir(back, 0700), 0);
    assert_int_equal(restore(&file, back, 0, NULL), 0);
    buf_deinit(&file);
}

/* Cut at any place, a bit flipped anywhere, something behind it: refused, and
 * nothing stays. */
TEST(backup, damaged)
{
    struct buf file = BUF_INIT;
    struct buf cut = BUF_INIT;
    struct err e = ERR_INIT;
    char back[4096];
    size_t len;

    (void)make_home(&file);
    new_home(back);
    len = file.len;
    for (size_t n = 0; n < len; n += n < 300 || n > len - 100 ? 1 : 7919) {
        int rc;

        file.len = n;
        rc = restore(&file, back, 0, &e);
        assert_int_equal(rc, n == 0 ? ERR_MALFORMED : ERR_CORRUPT);
        assert_nothing(back);
    }
    file.len = len;
    for (size_t n = 0; n < len; n += n < 300 || n > len - 100 ? 1 : 7919) {
        int rc;

        file.base[n] = (uint8_t)(file.base[n] ^ (1u << (n % 8)));
        rc = restore(&file, back, 0, &e);
        assert_true(rc == ERR_CORRUPT || (n < 8 && rc == ERR_MALFORMED));
        assert_nothing(back);
        file.base[n] = (uint8_t)(file.base[n] ^ (1u << (n % 8)));
    }
    assert_int_equal(buf_append(&cut, file.base, file.len), 0);
    assert_int_equal(buf_append(&cut, "x", 1), 0);
    assert_int_equal(restore(&cut, back, 0, &e), ERR_CORRUPT);
    assert_nothing(back);
    assert_int_equal(restore(&file, back, 0, &e), 0);
    buf_deinit(&cut);
    buf_deinit(&file);
}

/* Parts that come twice, in another order, too long, or that nobody knows, with
 * all sums right. */
TEST(backup, wrong_parts)
{
    static const struct {
        int first, second;
    } wrong[] = {{2, 2}, {3, 2}, {1, 7}, {1, 0}};
    char back[4096];

    assert_int_equal(crypto_init(NULL), 0);
    new_home(back);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf file = BUF_INIT;
        struct backup_writer w;

        assert_int_equal(backup_begin(&w, mem_write, &file, 1234, NULL), 0);
        assert_int_equal(
            backup_begin_part(&w, (enum backup_part)wrong[i].first, 0, NULL),
            0);
        (void)backup_begin_part(&w, (enum backup_part)wrong[i].second, 0, NULL);
        assert_int_equal(backup_end(&w, NULL), 0);
        assert_int_equal(restore(&file, back, 0, NULL), ERR_CORRUPT);
        assert_nothing(back);
        buf_deinit(&file);
    }
}

/* No fault of the disk leaves half a home. */
TEST(backup, faults)
{
    struct buf file = BUF_INIT;
    char back[4096];

    (void)make_home(&file);
    new_home(back);
    for (int kind = FAULT_WRITE; kind <= FAULT_RENAME; kind++) {
        for (int n = 0;; n++) {
            int rc;

            file_io_fault_after((enum file_io_fault)kind, n, 1, ENOSPC);
            rc = restore(&file, back, 0, NULL);
            keep_no_faults();
            if (rc == 0)
                break;
            assert_int_equal(rc, ERR_NO_SPACE);
            if (access(back, F_OK) == 0)
                break; /* the last sync, of the folder it lies in */
            assert_nothing(back);
        }
        assert_int_equal(keep_size(keep_path(back, "seq")), 6);
        new_home(back);
    }
    buf_deinit(&file);
}

/* What a killed one left is taken away; a folder that is not ours stays. */
TEST(backup, leftovers)
{
    struct buf file = BUF_INIT;
    char back[4096];
    char tmp[4200];

    (void)make_home(&file);
    new_home(back);
    (void)snprintf(tmp, sizeof tmp, "%s.restoring", back);
    assert_int_equal(mkdir(tmp, 0700), 0);
    assert_int_equal(mkdir(keep_path(tmp, "records"), 0700), 0);
    keep_write(keep_path(tmp, "records/000001.log"), "old", 3);
    keep_write(keep_path(tmp, "identity.key"), "old", 3);
    assert_int_equal(restore(&file, back, 0, NULL), 0);
    assert_int_equal(access(tmp, F_OK), -1);
    assert_int_equal(keep_size(keep_path(back, "identity.key")), -1);
    new_home(back);
    (void)snprintf(tmp, sizeof tmp, "%s.restoring", back);
    assert_int_equal(symlink(test_tmpdir(), tmp), 0);
    assert_int_not_equal(restore(&file, back, 0, NULL), 0);
    assert_int_equal(access(back, F_OK), -1);
    assert_int_equal(unlink(tmp), 0);
    buf_deinit(&file);
}
