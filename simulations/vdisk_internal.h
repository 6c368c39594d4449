/* vdisk_internal: shared by vdisk.c (nodes and what goes wrong), vdisk_names.c
 * (folders), vdisk_bytes.c (files), vdisk_cut.c (what a power cut leaves),
 * vdisk_calls.c (the table of storage/disk.h) and vdisk_sqlite.c (the VFS). */
#ifndef SIMULATIONS_VDISK_INTERNAL_H
#define SIMULATIONS_VDISK_INTERNAL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "node/core/rng.h"
#include "simulations/vdisk.h"

#define VDISK_NAME 128
#define VDISK_FD_FIRST 5000 /* far from the descriptors of the kernel */
#define VDISK_FDS 128
#define VDISK_ROOT 1u

struct vname { /* an entry of a folder */
    char name[VDISK_NAME];
    uint32_t ino;
};

struct vnames {
    struct vname *list; /* sorted */
    size_t count, cap;
};

struct vbytes {
    uint8_t *base;
    size_t len, cap; /* zeros from len to cap */
};

struct vnode {
    uint32_t ino;
    bool dir;
    mode_t mode;
    int64_t mtime_ns;
    int64_t synced_mtime_ns;
    struct vbytes cache, platter; /* files */
    uint8_t *dirty;               /* a byte a sector of the cache */
    size_t dirty_cap;
    size_t dirty_from, dirty_to; /* none is outside */
    bool resized;                /* since it was synced */
    bool sync_failed;            /* since somebody asked */
    struct vnames names, synced; /* folders */
    bool reached;                /* scratch of whoever walks */
};

/* A change of names that happens whole or not at all: up to two entries. */
struct vchange {
    struct {
        uint32_t dir;
        uint32_t ino; /* 0: the name goes */
        char name[VDISK_NAME];
    } at[2];
    size_t count;
    bool durable;
};

struct vfd {
    uint32_t ino; /* 0: free */
    int flags;
    int locked; /* LOCK_SH, LOCK_EX; 0: not */
    off_t at;
};

struct vfault {
    uint64_t left;
    unsigned times;
    int errnum;
    uint64_t then_stop; /* so many changes behind it; 0: not */
};

struct vdisk {
    struct rng rng;
    struct vnode **nodes; /* [ino - 1]; NULL: gone */
    size_t count, cap;
    struct vchange *changes; /* of names, not durable yet, oldest first */
    size_t change_count, change_cap;
    struct vfd fds[VDISK_FDS];
    struct vfault faults[VDISK_FAULTS];
    enum vdisk_lie lie;
    uint64_t room;
    uint64_t stop_left; /* 0: never */
    bool stopped, held, choppy, slow;
    uint64_t steps;
    uint64_t hash;
    int64_t now_ns;
    uint32_t boots;
};

enum vturn {
    TURN_GO,
    TURN_DIES, /* the machine stops in the middle of this one */
    TURN_FAILS /* errno is set */
};

/* ---- vdisk.c ---------------------------------------------------------------
 */

/** vdisk__turn - of a call that changes something. */
enum vturn vdisk__turn(struct vdisk *d, enum vdisk_fault kind);
/** vdisk__look - of one that does not. false: errno is set. */
bool vdisk__look(struct vdisk *d, enum vdisk_fault kind);
/** vdisk__note - into the hash: what was called, on what, how it ended. */
void vdisk__note(struct vdisk *d, unsigned call, uint64_t a, int64_t result);
/** vdisk__coin - true once in @n. */
bool vdisk__coin(struct vdisk *d, uint64_t n);
struct vnode *vdisk__node(const struct vdisk *d, uint32_t ino);
struct vnode *vdisk__new_node(struct vdisk *d, bool dir, mode_t mode);
void vdisk__free_node(struct vdisk *d, uint32_t ino);
/** vdisk__write_boot_id - another one for each boot; durable. */
void vdisk__write_boot_id(struct vdisk *d);

/* ---- vdisk_bytes.c ---------------------------------------------------------
 */

ssize_t vdisk__read(const struct vnode *v, void *p, size_t n, off_t at);
void vdisk__write(struct vdisk *d, struct vnode *v, const void *p, size_t n,
                  off_t at);
void vdisk__resize(struct vdisk *d, struct vnode *v, size_t len);
/** vdisk__sync_bytes - the platter is what the cache is. */
void vdisk__sync_bytes(struct vnode *v);
/** vdisk__lose_sync - a failed sync: pages are clean, and were not written;
 *  the cache may show the old ones again. */
void vdisk__lose_sync(struct vdisk *d, struct vnode *v);
/** vdisk__uncache - what does not wait to be written is read anew. */
void vdisk__uncache(struct vnode *v);
void vdisk__set_len(struct vbytes *b, size_t len);
bool vdisk__is_dirty(const struct vnode *v, size_t sector);
void vdisk__clean(struct vnode *v);

/* ---- vdisk_names.c ---------------------------------------------------------
 */

/** vdisk__find - what @path means from folder @from on. 0: errno is set. */
uint32_t vdisk__find(const struct vdisk *d, uint32_t from, const char *path);
/** vdisk__find_parent - the folder that holds @path, and the last name. */
uint32_t vdisk__find_parent(const struct vdisk *d, uint32_t from,
                            const char *path, char out_name[VDISK_NAME]);
uint32_t vdisk__entry(const struct vnames *n, const char *name);
void vdisk__set_entry(struct vnames *n, const char *name, uint32_t ino);
/** vdisk__change - in the page cache, and in the list of what is to be synced.
 */
void vdisk__change(struct vdisk *d, const struct vchange *c);
/** vdisk__commit - the first @count changes, as far as folder @dir hangs on
 *  them, become durable. */
void vdisk__commit(struct vdisk *d, uint32_t dir, size_t count);
/** vdisk__apply - to the platter: those that are durable. They, and with
 *  @drop the others too, are forgotten. */
void vdisk__apply(struct vdisk *d, bool drop);
void vdisk__copy_names(struct vnames *to, const struct vnames *from);
/** vdisk__path_of - of a node in the cache, "" when it has none. */
void vdisk__path_of(const struct vdisk *d, uint32_t ino, char *out, size_t cap);

/* ---- vdisk_cut.c -----------------------------------------------------------
 */

/** vdisk__forget_lost - nodes that nothing leads to. */
void vdisk__forget_lost(struct vdisk *d);

/* ---- vdisk_calls.c, vdisk_sqlite.c -----------------------------------------
 */

void vdisk__use_calls(struct vdisk *d);
/** vdisk__use_sqlite - NULL: SQLite's own VFS is the default again. */
void vdisk__use_sqlite(struct vdisk *d);

#endif
