#include "storage/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/manifest.h"
#include "storage/path_rules.h"

#define IGNORE_FILE ".lyceumignore"
#define IGNORE_MAX (256u * 1024u)

static void note(struct walk *w, const char *what, const char *path)
{
    char text[1400];

    if (w->note == NULL)
        return;
    (void)snprintf(text, sizeof text, "'%s': %s", path, what);
    w->note(w->note_user, text);
}

static int bad_name(const char *path, struct err *e)
{
    err_wrap(e, "'%s'", path);
    err_hint(e, "rename it, or name it in .lyceumignore; for names in another "
                "encoding: convmv -f latin1 -t utf8 -r --notest FOLDER");
    return ERR_INVALID;
}

static int published_name(struct walk *w, const char *path, char **out,
                          struct err *e)
{
    struct buf nfc = BUF_INIT;
    bool changed = false;
    int rc = path_normalize(path, strlen(path), &nfc, &changed, e);

    if (rc == 0)
        rc = path_check((const char *)nfc.base, nfc.len, e);
    if (rc != 0) {
        buf_deinit(&nfc);
        return bad_name(path, e);
    }
    if (changed)
        note(w, "published under its NFC name", path);
    *out = (char *)nfc.base; /* ends in a NUL */
    return 0;
}

static int grow(void **list, size_t *cap, size_t count, size_t size)
{
    void *grown;

    if (count < *cap)
        return 0;
    *cap = *cap ? 2 * *cap : 64;
    grown = realloc(*list, *cap * size);
    if (grown == NULL)
        return ERR_NOMEM;
    *list = grown;
    return 0;
}

static int add_file(struct walk *w, const char *path, const struct stat *st,
                    struct err *e)
{
    struct walk_file f = {.size = (uint64_t)st->st_size,
                          .executable = (st->st_mode & 0100) != 0};
    int rc = published_name(w, path, &f.name, e);

    if (rc != 0)
        return rc;
    f.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    f.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
    f.inode = (uint64_t)st->st_ino;
    f.path = strdup(path);
    if (f.path == NULL ||
        grow((void **)&w->files, &w->cap, w->count, sizeof *w->files) != 0) {
        free(f.path);
        free(f.name);
        return err_set(e, ERR_NOMEM, "walk");
    }
    if (w->count == MANIFEST_FILES_MAX) {
        free(f.path);
        free(f.name);
        return err_set(e, ERR_LIMIT, "over 100,000 files");
    }
    w->files[w->count++] = f;
    w->bytes += f.size;
    return 0;
}

static int add_dir(struct walk *w, const char *path, struct err *e)
{
    char *name;
    int rc = published_name(w, path, &name, e);

    if (rc != 0)
        return rc;
    if (grow((void **)&w->dirs, &w->dir_cap, w->dir_count, sizeof *w->dirs) !=
        0) {
        free(name);
        return err_set(e, ERR_NOMEM, "walk");
    }
    w->dirs[w->dir_count++] = name;
    return 0;
}

static int load_ignore(struct walk *w, int dirfd, const char *base,
                       struct err *e)
{
    static _Thread_local char text[IGNORE_MAX];
    int fd =
        disk_openat(dirfd, IGNORE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    ssize_t n;

    if (fd < 0)
        return 0;
    n = file_io_read_head(fd, text, sizeof text);
    (void)disk_close(fd);
    if (n < 0 || (size_t)n == sizeof text)
        return err_set(e, ERR_INVALID,
                       "'%s%s" IGNORE_FILE "' is unreadable or"
                       " over 256 KiB",
                       base, base[0] ? "/" : "");
    return ignore_add(w->ignore, text, (size_t)n, base);
}

static int walk_dir(struct walk *w, int fd, const char *rel, unsigned depth,
                    struct err *e);

static int enter(struct walk *w, int dirfd, const char *name, const char *path,
                 unsigned depth, struct err *e)
{
    int fd = disk_openat(dirfd, name,
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);

    if (fd < 0)
        return err_errno(e, errno, "open folder '%s'", path);
    if (depth > PATH_DEPTH_MAX) {
        (void)disk_close(fd);
        return err_set(e, ERR_LIMIT, "'%s' is over 64 folders deep", path);
    }
    return walk_dir(w, fd, path, depth, e);
}

static int take_entry(struct walk *w, int dirfd, const char *name,
                      const char *path, unsigned depth, bool *out_taken,
                      struct err *e)
{
    struct stat st;

    if (disk_fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return err_errno(e, errno, "stat '%s'", path);
    if (ignore_match(w->ignore, path, S_ISDIR(st.st_mode)))
        return 0;
    if (S_ISDIR(st.st_mode)) {
        *out_taken = true;
        return enter(w, dirfd, name, path, depth + 1, e);
    }
    if (!S_ISREG(st.st_mode)) {
        note(w,
             S_ISLNK(st.st_mode) ? "a link: left out"
                                 : "no plain file: left out",
             path);
        return 0;
    }
    *out_taken = true;
    return add_file(w, path, &st, e);
}

/* Takes @fd. */
static int walk_dir(struct walk *w, int fd, const char *rel, unsigned depth,
                    struct err *e)
{
    struct disk_dir *dir = disk_dir_take(fd);
    bool taken = false;
    const char *d;
    int rc;

    if (dir == NULL) {
        (void)disk_close(fd);
        return err_errno(e, errno, "open folder '%s'", rel);
    }
    rc = load_ignore(w, fd, rel, e);
    while (rc == 0 && (d = disk_dir_next(dir)) != NULL) {
        char path[PATH_BYTES_MAX * 4];

        if (strcmp(d, ".") == 0 || strcmp(d, "..") == 0)
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s%s%s", rel,
                             rel[0] ? "/" : "", d) >= sizeof path)
            rc = err_set(e, ERR_LIMIT, "a path is too long below '%s'", rel);
        else
            rc = take_entry(w, fd, d, path, depth, &taken, e);
        if (rc == 0 && w->stop != NULL && w->stop(w->note_user))
            rc = err_set(e, ERR_INTERRUPTED, "interrupted");
    }
    disk_dir_close(dir);
    if (rc == 0 && !taken && rel[0] != '\0')
        rc = add_dir(w, rel, e);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return path_compare(((const struct walk_file *)a)->name,
                        ((const struct walk_file *)b)->name);
}

static int by_text(const void *a, const void *b)
{
    return path_compare(*(char *const *)a, *(char *const *)b);
}

static int one_page(const char *path, struct walk *w, struct err *e)
{
    char dir[4096];
    char *slash;
    struct stat st;

    (void)snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        (void)snprintf(dir, sizeof dir, ".");
    else
        slash[slash == dir] = '\0';
    w->fd = disk_open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    slash = strrchr(path, '/');
    path = slash != NULL ? slash + 1 : path;
    if (w->fd < 0 || disk_fstatat(w->fd, path, &st, 0) != 0)
        return err_errno(e, errno, "open '%s'", path);
    return add_file(w, path, &st, e);
}

int walk_open(const char *dir, struct walk *w, struct err *e)
{
    struct stat st;
    int rc;

    w->fd = -1;
    w->ignore = ignore_new();
    if (w->ignore == NULL)
        return err_set(e, ERR_NOMEM, "walk");
    if (disk_stat(dir, &st) != 0)
        rc = err_errno(e, errno, "'%s'", dir);
    else if (S_ISREG(st.st_mode))
        rc = one_page(dir, w, e);
    else {
        w->fd = disk_open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        rc = w->fd < 0 ? err_errno(e, errno, "open folder '%s'", dir)
                       : walk_dir(w, disk_dup(w->fd), "", 0, e);
    }
    if (rc != 0) {
        walk_close(w);
        return rc;
    }
    if (w->count != 0)
        qsort(w->files, w->count, sizeof *w->files, by_name);
    if (w->dir_count != 0)
        qsort(w->dirs, w->dir_count, sizeof *w->dirs, by_text);
    for (size_t i = 1; i < w->count && rc == 0; i++)
        if (path_compare(w->files[i - 1].name, w->files[i].name) == 0)
            rc = err_set(e, ERR_INVALID, "two files are both '%s' in NFC",
                         w->files[i].name);
    if (rc != 0)
        walk_close(w);
    return rc;
}

void walk_close(struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->files[i].path);
        free(w->files[i].name);
    }
    for (size_t i = 0; i < w->dir_count; i++)
        free(w->dirs[i]);
    free(w->files);
    free(w->dirs);
    ignore_free(w->ignore);
    if (w->fd >= 0)
        (void)disk_close(w->fd);
    w->files = NULL;
    w->dirs = NULL;
    w->ignore = NULL;
    w->count = w->dir_count = 0;
    w->fd = -1;
}
