/* The disk that the home lies on, and how many files may be open. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "node/doctor/doctor.h"
#include "storage/home.h"

#define FILES_WANTED 1024

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

enum doubt { OF_A_SERVER, OF_A_PROGRAM, OPEN_TO_OTHERS, NOT_KEPT };

static const struct {
    unsigned long magic;
    const char *name;
    enum doubt doubt;
} doubtful[] = {
    {NFS_SUPER_MAGIC, "NFS", OF_A_SERVER},
    {SMB_SUPER_MAGIC, "SMB", OF_A_SERVER},
    {SMB2_SUPER_MAGIC, "SMB", OF_A_SERVER},
    {CIFS_SUPER_MAGIC, "SMB", OF_A_SERVER},
    {FUSE_SUPER_MAGIC, "FUSE", OF_A_PROGRAM},
    {MSDOS_SUPER_MAGIC, "FAT", OPEN_TO_OTHERS},
    {TMPFS_MAGIC, "tmpfs", NOT_KEPT},
};

/* The home, or the nearest folder above it that exists. */
static int look(const char *home, struct statvfs *v, struct statfs *f)
{
    char path[HOME_PATH_MAX];
    char *slash;

    (void)snprintf(path, sizeof path, "%s", home);
    while (statvfs(path, v) != 0 || statfs(path, f) != 0) {
        slash = strrchr(path, '/');
        if (errno != ENOENT || slash == NULL || path[1] == '\0')
            return -errno;
        slash[slash == path] = '\0';
    }
    return 0;
}

static void space(struct doctor *d, const struct statvfs *v)
{
    uint64_t free_bytes = (uint64_t)v->f_bavail * v->f_frsize;
    uint64_t keep = (uint64_t)v->f_blocks * v->f_frsize / 20;
    bool read_only = (v->f_flag & ST_RDONLY) != 0;
    bool inodes = v->f_files != 0 && v->f_favail < 1000;
    struct err *said;

    keep = keep < (1ull << 30) ? keep : 1ull << 30; /* as the store does */
    said = doctor_note(d, "disk",
                       read_only || free_bytes < keep || inodes ? DOCTOR_PROBLEM
                                                                : DOCTOR_OK);
    if (read_only) {
        (void)err_set(said, ERR_IO, "'%.400s' can only be read", d->home);
        err_hint(said, "mount it for writing, or name another with --home");
    } else if (free_bytes < keep) {
        (void)err_set(said, ERR_NO_SPACE,
                      "%llu MB free, and %llu MB stay free: nothing more can"
                      " be fetched",
                      (unsigned long long)(free_bytes / 1000000),
                      (unsigned long long)(keep / 1000000));
        err_hint(said, "lyceum rm COURSE, then lyceum gc; or a home on another"
                       " disk");
    } else if (inodes) {
        (void)err_set(said, ERR_NO_SPACE,
                      "the disk has room for %llu more files only",
                      (unsigned long long)v->f_favail);
        err_hint(said, "remove small files from that disk");
    } else {
        (void)err_set(said, 0, "%llu MB free",
                      (unsigned long long)(free_bytes / 1000000));
    }
}

static void say_doubt(struct err *said, const char *name, enum doubt doubt)
{
    switch (doubt) {
    case OF_A_SERVER:
        (void)err_set(said, ERR_REFUSED,
                      "the home lies on %s: locks and syncs are up to a server",
                      name);
        break;
    case OF_A_PROGRAM:
        (void)err_set(
            said, ERR_REFUSED,
            "the home lies on %s: locks and syncs are up to a program", name);
        break;
    case OPEN_TO_OTHERS:
        (void)err_set(said, ERR_REFUSED,
                      "the home lies on %s: others can read its keys", name);
        break;
    case NOT_KEPT:
        (void)err_set(said, ERR_REFUSED,
                      "the home lies on %s: it is gone after a restart", name);
        break;
    }
    err_hint(said, "move it to a disk of this machine; --home names it");
}

static void kind(struct doctor *d, const struct statfs *f)
{
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++)
        if ((unsigned long)f->f_type == doubtful[i].magic) {
            say_doubt(doctor_note(d, "filesystem", DOCTOR_WARNING),
                      doubtful[i].name, doubtful[i].doubt);
            return;
        }
    (void)err_set(doctor_note(d, "filesystem", DOCTOR_OK), 0,
                  "one that keeps its promises");
}

static void files(struct doctor *d)
{
    struct rlimit r = {0, 0};
    bool few = getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < FILES_WANTED;
    struct err *said =
        doctor_note(d, "files", few ? DOCTOR_WARNING : DOCTOR_OK);

    (void)err_set(said, few ? ERR_LIMIT : 0, "%llu may be open at a time",
                  (unsigned long long)r.rlim_cur);
    if (few)
        err_hint(said, "ulimit -n %d before lyceum node run", FILES_WANTED);
}

void doctor_disk(struct doctor *d)
{
    struct statvfs v;
    struct statfs f;
    int rc = look(d->home, &v, &f);

    if (rc != 0) {
        struct err *said = doctor_note(d, "disk", DOCTOR_PROBLEM);

        (void)err_errno(said, -rc, "look at '%.400s'", d->home);
        err_hint(said, "name another folder with --home");
    } else {
        space(d, &v);
        kind(d, &f);
    }
    files(d);
}
