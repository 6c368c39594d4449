#include "simulations/vdisk_calls.h"

struct vdisk *vdisk__on;

void vdisk__use_calls(struct vdisk *d)
{
    static struct disk_calls calls;

    vdisk__calls_of_fds(&calls);
    vdisk__calls_of_io(&calls);
    vdisk__calls_of_sync(&calls);
    vdisk__calls_of_stat(&calls);
    vdisk__calls_of_folder(&calls);
    vdisk__on = d;
    disk_use(d != NULL ? &calls : NULL);
}
