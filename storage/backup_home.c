#include "storage/backup_home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/vault.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/home.h"
#include "storage/seq_file.h"

#define PIECE (64u * 1024u)
#define RECORDS_DIR "records"

static const char *name_of(enum backup_part part)
{
    switch (part) {
    case BACKUP_IDENTITY:
        return "identity.key";
    case BACKUP_CONFIG:
        return "config";
    case BACKUP_ROOTS:
        return "roots";
    case BACKUP_CHOICES:
        return "choices";
    case BACKUP_SEQ:
        return "seq";
    case BACKUP_RECORDS:
        return RECORDS_DIR "/000001.log";
    }
    return "";
}

/* ---- out of a home --------------------------------------------------- */

static int copy_file(struct backup_writer *w, int fd, uint64_t len,
                     struct err *e)
{
    uint8_t piece[PIECE];
    int rc = 0;

    for (uint64_t at = 0; at < len && rc == 0;) {
        size_t n = len - at < sizeof piece ? (size_t)(len - at) : sizeof piece;

        rc = file_io_read(fd, piece, n, at, e);
        if (rc == ERR_CORRUPT)
            rc = err_set(e, ERR_AGAIN, "it got shorter while it was read");
        if (rc == 0)
            rc = backup_bytes(w, piece, n, e);
        at += n;
    }
    return rc;
}

/* As long as it is now: a node that runs may add to it meanwhile. */
static int write_file(struct backup_writer *w, const char *home,
                      enum backup_part part, struct err *e)
{
    char path[HOME_PATH_MAX + 32];
    struct stat st;
    int rc;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", home, name_of(part));
    fd = disk_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, errno, "open '%s'", path);
    if (disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "not a plain file");
    else if (st.st_size == 0)
        rc = 0;
    else
        rc = backup_begin_part(w, part, (uint64_t)st.st_size, e);
    if (rc == 0 && st.st_size != 0)
        rc = copy_file(w, fd, (uint64_t)st.st_size, e);
    if (rc != 0)
        err_wrap(e, "'%s'", path);
    (void)disk_close(fd);
    return rc;
}

/* seq before the records: a record that is signed in between raises the number
 * when the restored home is opened; the other way round, the number of a record
 * that nobody has would end the chain. */
int backup_home_write(const char *home, const struct buf *identity,
                      uint64_t time_ms, backup_write_fn *write, void *user,
                      uint64_t *out_bytes, struct err *e)
{
    struct backup_writer w;
    int rc = backup_begin(&w, write, user, time_ms, e);

    if (rc == 0 && identity != NULL) {
        rc = backup_begin_part(&w, BACKUP_IDENTITY, identity->len, e);
        if (rc == 0)
            rc = backup_bytes(&w, identity->base, identity->len, e);
    }
    for (int part = BACKUP_CONFIG; part <= BACKUP_PART_LAST && rc == 0; part++)
        rc = write_file(&w, home, (enum backup_part)part, e);
    if (rc == 0)
        rc = backup_end(&w, e);
    if (rc == 0)
        *out_bytes = w.at + 40;
    return rc;
}

/* ---- into a home ----------------------------------------------------- */

struct restore {
    char tmp[HOME_PATH_MAX + 16];
    int dir; /* of tmp, locked; -1: not ours */
    int fd;  /* of the part being written */
    uint64_t at;
    bool has_identity;
    enum backup_part part;
};

/* An empty folder is no home: the new one takes its place. */
static int no_home(const char *home, struct err *e)
{
    struct disk_dir *dir = disk_dir_open(home);
    const char *entry;
    bool empty = true;
    int rc;

    if (dir == NULL && errno == ENOENT)
        return 0;
    if (dir == NULL && errno != ENOTDIR)
        return err_errno(e, errno, "home '%s'", home);
    while (dir != NULL && (entry = disk_dir_next(dir)) != NULL)
        if (strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0)
            empty = false;
    if (dir != NULL)
        disk_dir_close(dir);
    if (dir != NULL && empty)
        return 0;
    rc = err_set(e, ERR_CONFLICT, "there is something in '%s' already", home);
    err_hint(e, "name another folder with --home, or move that one away");
    return rc;
}

/* Only what this module makes: a folder with more in it stays. */
static void empty_tmp(const struct restore *r)
{
    static const char *const others[] = {"seq.old", "seq.old.tmp"};

    for (int p = 1; p <= BACKUP_PART_LAST; p++)
        (void)disk_unlinkat(r->dir, name_of((enum backup_part)p), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        (void)disk_unlinkat(r->dir, others[i], 0);
    (void)disk_unlinkat(r->dir, RECORDS_DIR, AT_REMOVEDIR);
}

static bool is_ours(const struct restore *r)
{
    struct stat here;
    struct stat there;

    return disk_fstat(r->dir, &here) == 0 && disk_lstat(r->tmp, &there) == 0 &&
           S_ISDIR(there.st_mode) && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev && here.st_uid == geteuid() &&
           (here.st_mode & 077) == 0;
}

static int open_tmp(struct restore *r, const char *home, struct err *e)
{
    int n = snprintf(r->tmp, sizeof r->tmp, "%s.restoring", home);
    int rc = 0;

    r->dir = r->fd = -1;
    if (n < 0 || (size_t)n >= sizeof r->tmp)
        return err_set(e, ERR_INVALID, "the path of the home is too long");
    rc = home_make(r->tmp, e); /* parents too; ERR_REFUSED: not ours */
    if (rc == ERR_REFUSED || rc == ERR_CONFLICT)
        return rc;
    if (rc != 0) {
        (void)disk_rmdir(r->tmp); /* it could not be synced */
        return rc;
    }
    r->dir =
        disk_open(r->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (r->dir < 0)
        return err_errno(e, errno, "open '%s'", r->tmp);
    if (disk_flock(r->dir, LOCK_EX | LOCK_NB) != 0 || !is_ours(r)) {
        rc = err_set(e, ERR_BUSY, "somebody else is restoring '%s'", home);
        (void)disk_close(r->dir);
        r->dir = -1;
        return rc;
    }
    empty_tmp(r);
    if (disk_mkdirat(r->dir, RECORDS_DIR, 0700) != 0)
        return err_errno(e, errno, "make folder '%s/" RECORDS_DIR "'", r->tmp);
    return 0;
}

static int close_part(struct restore *r, struct err *e)
{
    int rc = r->fd >= 0 ? file_io_sync(r->fd, e) : 0;

    if (r->fd >= 0)
        (void)disk_close(r->fd);
    r->fd = -1;
    return rc;
}

static int on_part(void *user, enum backup_part part, uint64_t len,
                   struct err *e)
{
    struct restore *r = user;
    int rc = close_part(r, e);

    (void)len; /* a length is believed when its bytes have come */
    if (rc != 0)
        return rc;
    r->fd =
        disk_openat(r->dir, name_of(part),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->fd < 0)
        return err_errno(e, errno, "create '%s/%s'", r->tmp, name_of(part));
    r->at = 0;
    r->part = part;
    r->has_identity |= part == BACKUP_IDENTITY;
    return 0;
}

static int on_bytes(void *user, const uint8_t *p, size_t n, struct err *e)
{
    struct restore *r = user;
    int rc = file_io_write(r->fd, p, n, r->at, e);

    if (rc != 0)
        err_wrap(e, "'%s/%s'", r->tmp, name_of(r->part));
    r->at += n;
    return rc;
}

static int ask_agreement(struct restore *r, const struct restore_options *opt,
                         struct err *e)
{
    char path[HOME_PATH_MAX + 64];
    struct buf text = BUF_INIT;
    struct vault_info who;
    int rc = 0;

    if (!r->has_identity)
        return opt->agree(opt->user, NULL, e);
    (void)snprintf(path, sizeof path, "%s/%s", r->tmp,
                   name_of(BACKUP_IDENTITY));
    rc = file_io_load(path, (size_t)backup_part_max(BACKUP_IDENTITY), &text, e);
    if (rc == 0)
        rc = vault_read(text.base, text.len, &who, e);
    if (rc == 0)
        rc = opt->agree(opt->user, &text, e);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    return rc;
}

static int finish(struct restore *r, const char *home, struct err *e)
{
    char records[HOME_PATH_MAX + 64];
    int rc = seq_file_doubt(r->tmp, e);

    (void)snprintf(records, sizeof records, "%s/" RECORDS_DIR, r->tmp);
    if (rc == 0)
        rc = file_io_sync_dir(records, e);
    if (rc == 0)
        rc = file_io_sync_dir(r->tmp, e);
    if (rc == 0)
        rc = no_home(home, e); /* somebody may have made one meanwhile */
    if (rc == 0)
        rc = file_io_rename(r->tmp, home, e);
    if (rc != 0)
        return rc;
    (void)disk_close(r->dir);
    r->dir = -1; /* from here on it is a home */
    return file_io_sync_parent(home, e);
}

int backup_home_restore(const struct restore_options *opt,
                        uint64_t *out_time_ms, struct err *e)
{
    struct restore r;
    struct backup_sink sink = {on_part, on_bytes, &r};
    int rc = no_home(opt->home, e);

    if (rc != 0)
        return rc;
    r = (struct restore){.fd = -1};
    rc = open_tmp(&r, opt->home, e);
    if (rc == 0)
        rc = backup_read(opt->read, opt->read_user, &sink, out_time_ms, e);
    if (rc == 0)
        rc = close_part(&r, e);
    if (rc == 0)
        rc = ask_agreement(&r, opt, e);
    if (rc == 0)
        rc = finish(&r, opt->home, e);
    if (r.fd >= 0)
        (void)disk_close(r.fd);
    if (r.dir >= 0) {
        empty_tmp(&r);
        (void)disk_rmdir(r.tmp);
        (void)disk_close(r.dir);
    }
    return rc;
}
