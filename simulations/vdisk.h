/* vdisk: one disk in memory, for the real storage code and the real SQLite. It
 * stands behind storage/disk.h, and behind SQLite's VFS, while it is mounted.
 * Single-threaded. Knows no formats.
 *
 * What a file holds is kept twice: as the page cache shows it, and as it is on
 * the platter. A sync carries the one over to the other. At a power cut each
 * 512-byte sector that was not synced is kept, dropped or torn, and the changes
 * of names in each folder that was not synced are kept up to some point, in
 * their order; a rename happens in both of its folders or in none. That is less
 * than ext4 keeps (it would save the name of a file that was synced itself).
 * A sync that fails leaves clean pages behind: nobody hears of it again. */
#ifndef SIMULATIONS_VDISK_H
#define SIMULATIONS_VDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VDISK_SECTOR 512u

struct vdisk;

/** vdisk_new - "/" and /proc's boot id, nothing else. Never NULL. */
struct vdisk *vdisk_new(uint64_t rng_seed);
void vdisk_free(struct vdisk *d);

/** vdisk_mount - every file call of storage/ and of SQLite goes to @d now.
 *  NULL: to the kernel again. */
void vdisk_mount(struct vdisk *d);

/* ---- what goes wrong -------------------------------------------------------
 */

/**
 * vdisk_stop_after - the machine stops in the middle of the @n-th change from
 * now (1: the next). It, and every call after it, fails with EIO and changes
 * nothing more, so that the code under test can unwind. 0: not.
 */
void vdisk_stop_after(struct vdisk *d, uint64_t n);
bool vdisk_stopped(const struct vdisk *d);
/** vdisk_stop_now - between two calls. */
void vdisk_stop_now(struct vdisk *d);
/** vdisk_hold - while somebody looks: nothing goes wrong, nothing counts. */
void vdisk_hold(struct vdisk *d, bool on);

/** vdisk_kill - the process is gone, and with it all descriptors. The machine
 *  goes on. */
void vdisk_kill(struct vdisk *d);
/** vdisk_power_cut - and the page cache is gone, too; another boot begins. */
void vdisk_power_cut(struct vdisk *d);

enum vdisk_fault {
    VDISK_WRITE,
    VDISK_SYNC, /* and what was to be synced is dropped or stays unwritten */
    VDISK_READ,
    VDISK_OPEN,
    VDISK_RENAME,
    VDISK_FAULTS
};

/** vdisk_fail - after @n more calls of that kind, @times fail with @errnum.
 *  @times 0: never. */
void vdisk_fail(struct vdisk *d, enum vdisk_fault kind, uint64_t n,
                unsigned times, int errnum);

/** vdisk_fail_then_stop - the same, once, and the machine stops in the
 *  @changes-th change behind it. */
void vdisk_fail_then_stop(struct vdisk *d, enum vdisk_fault kind, uint64_t n,
                          int errnum, uint64_t changes);

/** vdisk_room - ENOSPC when @bytes more were written. UINT64_MAX: never. */
void vdisk_room(struct vdisk *d, uint64_t bytes);

/** vdisk_choppy - some reads and writes are short, some end with EINTR. */
void vdisk_choppy(struct vdisk *d, bool on);

/** vdisk_slow - now and then a change takes seconds. */
void vdisk_slow(struct vdisk *d, bool on);

/** vdisk_sync_failed - of a file whose path begins with @dir, since this was
 *  asked last. */
bool vdisk_sync_failed(struct vdisk *d, const char *dir);

/** vdisk_rot - sectors of one file of those that @may says yes of change where
 *  they are stored. Return: how many; 0: there is none. */
unsigned vdisk_rot(struct vdisk *d, bool (*may)(const char *path));

/* What a worse disk, or a keeper that forgot a call, would do. To check that
 * the invariants notice. */
enum vdisk_lie {
    VDISK_HONEST,
    VDISK_LIE_PACKS_DIR, /* the folder packs/ is not synced */
    VDISK_LIE_HOME_DIR,  /* the home is not */
    VDISK_LIE_RECORDS_DIR,
    VDISK_LIE_PACKS,    /* packs are not */
    VDISK_LIE_RECORDS,  /* record logs are not */
    VDISK_LIE_JOURNALS, /* roots and choices are not */
    VDISK_LIE_TMP,      /* what is about to be renamed is not */
    VDISK_LIE_INDEX,    /* the database is not */
    VDISK_LIE_FOLDER,   /* syncfs does nothing */
    VDISK_LIE_ERROR,    /* a sync that failed says that it did not */
    VDISK_LIE_CACHE,    /* what a failed sync has left is read as if it were
                           stored */
    VDISK_LIE_LOCK,     /* everybody gets a lock */
    VDISK_LIE_STICK,    /* what is put on a stick is not synced */
    VDISK_LIE_RESTORED, /* nor is what makes a home again */
    VDISK_LIE_PARTIAL,  /* nor what goes from partial/ into a folder */
};
void vdisk_lie(struct vdisk *d, enum vdisk_lie what);

/* ---- looking ---------------------------------------------------------------
 */

/** vdisk_changes - how many calls that change something there were. */
uint64_t vdisk_changes(const struct vdisk *d);
/** vdisk_hash - of all calls and what they returned: one seed, one hash. */
uint64_t vdisk_hash(const struct vdisk *d);
/** vdisk_now_ns - the disk's clock: a step forward with each change. */
int64_t vdisk_now_ns(const struct vdisk *d);

/** vdisk_each - call @fn with the path of everything that the page cache shows,
 *  in the order of names. */
void vdisk_each(const struct vdisk *d,
                void (*fn)(void *user, const char *path, bool dir), void *user);

/** vdisk_sync_all - as sync(2): nothing can be lost any more. */
void vdisk_sync_all(struct vdisk *d);

#endif
