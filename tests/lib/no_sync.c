/* no_sync: what the unit tests have for the kernel's syncs, SQLite's too: no
 * unit test cuts the power, and some would wait for the disk most of their
 * time. That a sync is asked for, where, and what follows when it fails is seen
 * above this (disk_use, file_io_fault_after, fault_vfs.h, the virtual disk);
 * the integration and end-to-end tests sync in earnest. */
#include <fcntl.h>
#include <unistd.h>

int fsync(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int fdatasync(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int syncfs(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}
