#include "storage/disk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/file_io.h"
#include "tests/lib/test.h"

/* A disk where nothing can be opened, and that counts who tried. */
static int asked;

static int refuse(int dir, const char *path, int flags, mode_t mode)
{
    (void)dir;
    (void)path;
    (void)flags;
    (void)mode;
    asked++;
    errno = EROFS;
    return -1;
}

static const struct disk_calls nothing = {.openat = refuse, .openat2 = refuse};

/* What a simulator puts there is asked, by the keepers too, until the kernel is
 * again. */
TEST(disk_use, other_calls)
{
    const char *dir = test_tmpdir();
    struct buf out = BUF_INIT;
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/file", dir);
    assert_int_equal(file_io_save(path, "x", 1, NULL), 0);
    asked = 0;
    disk_use(&nothing);
    assert_int_equal(file_io_load(path, 10, &out, NULL), ERR_IO);
    assert_int_equal(disk_open_beneath(AT_FDCWD, path, O_RDONLY, 0), -EROFS);
    assert_null(disk_dir_open(dir));
    assert_int_equal(asked, 3);
    disk_use(NULL);
    assert_int_equal(file_io_load(path, 10, &out, NULL), 0);
    assert_int_equal(out.len, 1);
    assert_int_equal(asked, 3);
    buf_deinit(&out);
}

/* Beneath a folder: no way up, no link, and the reason comes back. */
TEST(disk_open_beneath, leads_out)
{
    const char *dir = test_tmpdir();
    char path[4096];
    int root = disk_open(dir, O_RDONLY | O_DIRECTORY, 0);
    int fd;

    assert_true(root >= 0);
    (void)snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink("/etc", path), 0);
    assert_int_equal(disk_open_beneath(root, "..", O_RDONLY, 0), -EXDEV);
    assert_int_equal(disk_open_beneath(root, "/etc", O_RDONLY, 0), -EXDEV);
    assert_int_equal(disk_open_beneath(root, "link", O_RDONLY, 0), -ELOOP);
    fd = disk_open_beneath(root, "new", O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(disk_close(fd), 0);
    assert_int_equal(disk_close(root), 0);
}

/* Every name of a folder comes once. */
TEST(disk_dir, names)
{
    const char *dir = test_tmpdir();
    char path[4096];
    struct disk_dir *d;
    const char *name;
    int seen = 0;

    (void)snprintf(path, sizeof path, "%s/one", dir);
    assert_int_equal(disk_mkdir(path, 0700), 0);
    d = disk_dir_open(dir);
    assert_non_null(d);
    while ((name = disk_dir_next(d)) != NULL)
        seen += strcmp(name, "one") == 0 ? 1 : 10;
    disk_dir_close(d);
    assert_int_equal(seen, 21); /* and ".", ".." */
    assert_int_equal(disk_rmdir(path), 0);
    assert_int_equal(disk_rmdir(path), -1);
    assert_int_equal(errno, ENOENT);
}
