#include "storage/beneath.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/disk.h"
#include "storage/path_rules.h"

int beneath_open(int root, const char *path, int flags, mode_t mode)
{
    return disk_open_beneath(root, path, flags, mode);
}

/* mkdirat follows nothing in the last component, and its folder is opened
 * beneath the root first. */
static int make_one(int root, char *path)
{
    char *slash = strrchr(path, '/');
    int parent = root;
    int rc;

    if (slash != NULL) {
        *slash = '\0';
        parent = beneath_open(root, path, O_PATH | O_DIRECTORY, 0);
        *slash = '/';
        if (parent < 0)
            return parent;
    }
    rc = disk_mkdirat(parent, slash != NULL ? slash + 1 : path, 0777);
    rc = rc != 0 && errno != EEXIST ? -errno : 0;
    if (parent != root)
        (void)disk_close(parent);
    return rc;
}

int beneath_make_dir(int root, const char *path)
{
    char part[PATH_BYTES_MAX + 1];
    int rc = 0;

    if (strlen(path) > PATH_BYTES_MAX)
        return -ENAMETOOLONG;
    memcpy(part, path, strlen(path) + 1);
    for (char *p = part; rc == 0; p++) {
        char was = *p;

        if (was != '/' && was != '\0')
            continue;
        *p = '\0';
        rc = make_one(root, part);
        *p = was;
        if (was == '\0')
            break;
    }
    return rc;
}

int beneath_make_parents(int root, const char *path)
{
    char part[PATH_BYTES_MAX + 1];
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return 0;
    if ((size_t)(slash - path) > PATH_BYTES_MAX)
        return -ENAMETOOLONG;
    memcpy(part, path, (size_t)(slash - path));
    part[slash - path] = '\0';
    return beneath_make_dir(root, part);
}

int beneath_parent(int root, const char *path, const char **out_name)
{
    char part[PATH_BYTES_MAX + 1];
    const char *slash = strrchr(path, '/');
    int fd;

    *out_name = slash != NULL ? slash + 1 : path;
    if (slash == NULL)
        return disk_dup(root);
    memcpy(part, path, (size_t)(slash - path));
    part[slash - path] = '\0';
    fd = beneath_open(root, part, O_RDONLY | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    fd = beneath_make_dir(root, part);
    return fd != 0 ? fd : beneath_open(root, part, O_RDONLY | O_DIRECTORY, 0);
}
