#include "storage/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/disk.h"
#include "storage/file_io.h"

#define LOCK_TRIES 5
#define LOCK_PAUSE_NS 10000000

static const char *env(const char *name)
{
    const char *v = getenv(name);

    return v != NULL && v[0] != '\0' ? v : NULL;
}

int home_find(const char *given, char out[HOME_PATH_MAX], struct err *e)
{
    const char *xdg = env("XDG_DATA_HOME");
    const char *user = env("HOME");
    char path[HOME_PATH_MAX + 1];
    char cwd[2048];
    int n;

    if (given == NULL)
        given = env("LYCEUM_HOME");
    if (given != NULL && given[0] == '/')
        n = snprintf(path, sizeof path, "%s", given);
    else if (given != NULL && getcwd(cwd, sizeof cwd) == NULL)
        return err_errno(e, errno, "find out the current folder");
    else if (given != NULL)
        n = snprintf(path, sizeof path, "%s/%s", cwd, given);
    else if (xdg != NULL && xdg[0] == '/') /* others are to be ignored: XDG */
        n = snprintf(path, sizeof path, "%s/lyceum", xdg);
    else if (user != NULL && user[0] == '/')
        n = snprintf(path, sizeof path, "%s/.local/share/lyceum", user);
    else
        n = 0;
    if (n == 0) {
        int rc = err_set(e, ERR_INVALID, "no home: HOME is not set");

        err_hint(e, "name a folder with --home or LYCEUM_HOME");
        return rc;
    }
    if (n >= HOME_PATH_MAX - 64)
        return err_set(e, ERR_INVALID, "the path of the home is too long");
    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    memcpy(out, path, (size_t)n + 1);
    return 0;
}

static int make_parents(const char *path, struct err *e)
{
    char part[HOME_PATH_MAX];
    struct stat st;

    (void)snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (disk_mkdir(part, 0700) == 0)
            (void)file_io_sync_parent(part, NULL); /* or it was killed here */
        else if (disk_stat(part, &st) != 0)
            return err_errno(e, errno, "make folder '%s'", part);
        *p = '/';
    }
    return 0;
}

int home_make(const char *home, struct err *e)
{
    int rc = make_parents(home, e);

    if (rc != 0)
        return rc;
    if (disk_mkdir(home, 0700) == 0)
        return file_io_sync_parent(home, e);
    if (errno != EEXIST)
        return err_errno(e, errno, "make home '%s'", home);
    rc = home_check(home, e);
    /* The run that made it may have been killed before this; a folder above
     * that we may not read is older than any of our runs. */
    if (rc == 0)
        (void)file_io_sync_parent(home, NULL);
    return rc;
}

static int check_mode(const char *path, const struct stat *st, mode_t mode,
                      struct err *e)
{
    int rc;

    if (st->st_uid != geteuid()) {
        rc = err_set(e, ERR_REFUSED, "'%s' belongs to user %u, not to you",
                     path, (unsigned)st->st_uid);
        err_hint(e, "run it as that user, or name another --home");
        return rc;
    }
    if ((st->st_mode & 077) != 0) {
        rc = err_set(e, ERR_REFUSED, "'%s' is open to others (mode %04o)", path,
                     (unsigned)(st->st_mode & 07777));
        err_hint(e, "chmod %04o '%s'", (unsigned)mode, path);
        return rc;
    }
    return 0;
}

int home_check(const char *home, struct err *e)
{
    struct stat st;

    if (disk_stat(home, &st) != 0)
        return err_errno(e, errno, "home '%s'", home);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_CONFLICT, "home '%s' is not a folder", home);
    return check_mode(home, &st, 0700, e);
}

int home_check_secret(const char *path, struct err *e)
{
    struct stat st;

    if (disk_lstat(path, &st) != 0)
        return err_errno(e, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_REFUSED, "'%s' is not a plain file", path);
    return check_mode(path, &st, 0600, e);
}

/* ---- the lock
 * ---------------------------------------------------------------------- */

static void lock_path(const char *home, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/lock", home);
}

static void read_holder(int fd, char *out, size_t cap)
{
    ssize_t n = disk_pread(fd, out, cap - 1, 0);

    out[n > 0 ? n : 0] = '\0';
    for (char *p = out; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20)
            *p = '\0';
}

/* home_holder holds the lock for an instant when it looks: try again. */
static bool take_lock(int fd)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (disk_flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

int home_lock(const char *home, const char *what, struct home_lock *out,
              struct err *e)
{
    char path[HOME_PATH_MAX];
    char text[128];
    int fd;
    int rc;
    int n;

    lock_path(home, path, sizeof path);
    fd = disk_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, errno, "open '%s'", path);
    if (!take_lock(fd)) {
        read_holder(fd, text, sizeof text);
        (void)disk_close(fd);
        return err_set(e, ERR_BUSY, "home '%s' is in use by %s", home,
                       text[0] != '\0' ? text : "another process");
    }
    n = snprintf(text, sizeof text, "process %ld (lyceum %.64s)\n",
                 (long)getpid(), what);
    rc = disk_ftruncate(fd, 0) == 0 ? file_io_write(fd, text, (size_t)n, 0, e)
                                    : err_errno(e, errno, "truncate");
    if (rc != 0) {
        err_wrap(e, "lock '%s'", path);
        (void)disk_close(fd);
        return rc;
    }
    out->fd = fd;
    return 0;
}

void home_unlock(struct home_lock *l)
{
    if (l->fd >= 0)
        (void)disk_close(l->fd); /* drops the flock */
    l->fd = -1;
}

bool home_holder(const char *home, char *out, size_t cap)
{
    char path[HOME_PATH_MAX];
    bool held;
    int fd;

    lock_path(home, path, sizeof path);
    fd = disk_open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return false;
    held = disk_flock(fd, LOCK_SH | LOCK_NB) != 0;
    read_holder(fd, out, cap);
    (void)disk_close(fd);
    return held;
}
