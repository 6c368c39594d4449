/* vdisk_calls: the calls of storage/disk.h, over the disk that is mounted. Each
 * of vdisk_fds.c, vdisk_io.c, vdisk_sync.c, vdisk_stat.c and vdisk_folder.c
 * brings some of them. */
#ifndef SIMULATIONS_VDISK_CALLS_H
#define SIMULATIONS_VDISK_CALLS_H

#include "simulations/vdisk_internal.h"
#include "storage/disk.h"

extern struct vdisk *vdisk__on; /* the one that is mounted */

enum call { /* for the hash */
            CALL_OPEN = 1,
            CALL_WRITE,
            CALL_READ,
            CALL_SYNC,
            CALL_SIZE,
            CALL_NAME,
            CALL_STAT
};

/** vdisk__slot - NULL: errno is set. So of the next two; 0: of the third. */
struct vfd *vdisk__slot(int fd);
struct vnode *vdisk__node_of(int fd);
uint32_t vdisk__dir_of(int fd);
/** vdisk__give - a descriptor for @ino; -1: errno is set. */
int vdisk__give(uint32_t ino, int flags);
int vdisk__close(int fd);

void vdisk__calls_of_fds(struct disk_calls *c);
void vdisk__calls_of_io(struct disk_calls *c);
void vdisk__calls_of_sync(struct disk_calls *c);
void vdisk__calls_of_stat(struct disk_calls *c);
void vdisk__calls_of_folder(struct disk_calls *c);

#endif
