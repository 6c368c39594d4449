/* fault_vfs: makes SQLite's n-th write or sync fail. Lies over the ordinary VFS
 * and is the default from fault_vfs_install on. */
#ifndef TESTS_LIB_FAULT_VFS_H
#define TESTS_LIB_FAULT_VFS_H

#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

struct fault_vfs_kind { /* files of one kind share a table of methods */
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real;
};

static struct {
    sqlite3_vfs vfs;
    struct fault_vfs_kind kinds[8];
    int left; /* calls until the fault; below 0: none */
    int times;
    int code;
} fault_vfs;

static inline bool fault_vfs__hit(void)
{
    if (fault_vfs.left < 0)
        return false;
    if (fault_vfs.left-- > 0)
        return false;
    fault_vfs.left = --fault_vfs.times > 0 ? 0 : -1;
    return true;
}

static inline const sqlite3_io_methods *fault_vfs__real(const sqlite3_file *f)
{
    size_t i = 0;

    while (f->pMethods != &fault_vfs.kinds[i].methods)
        i++;
    return fault_vfs.kinds[i].real;
}

static inline int fault_vfs__write(sqlite3_file *f, const void *p, int n,
                                   sqlite3_int64 at)
{
    return fault_vfs__hit() ? fault_vfs.code
                            : fault_vfs__real(f)->xWrite(f, p, n, at);
}

static inline int fault_vfs__sync(sqlite3_file *f, int flags)
{
    return fault_vfs__hit() ? fault_vfs.code
                            : fault_vfs__real(f)->xSync(f, flags);
}

static inline int fault_vfs__open(sqlite3_vfs *v, const char *name,
                                  sqlite3_file *f, int flags, int *out)
{
    sqlite3_vfs *real = v->pAppData;
    int rc = real->xOpen(real, name, f, flags, out);

    if (rc == SQLITE_OK && f->pMethods != NULL) {
        struct fault_vfs_kind *k = fault_vfs.kinds;

        while (k->real != NULL && k->real != f->pMethods)
            k++;
        k->real = f->pMethods;
        k->methods = *f->pMethods;
        k->methods.xWrite = fault_vfs__write;
        k->methods.xSync = fault_vfs__sync;
        f->pMethods = &k->methods;
    }
    return rc;
}

static inline void fault_vfs_install(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (real == &fault_vfs.vfs)
        return;
    fault_vfs.vfs = *real;
    fault_vfs.vfs.zName = "fault";
    fault_vfs.vfs.pAppData = real;
    fault_vfs.vfs.xOpen = fault_vfs__open;
    fault_vfs.left = -1;
    (void)sqlite3_vfs_register(&fault_vfs.vfs, 1);
}

/* After @n more writes and syncs @times of them fail with @code. n < 0: none.
 */
static inline void fault_vfs_after(int n, int times, int code)
{
    fault_vfs.times = times;
    fault_vfs.code = code;
    fault_vfs.left = n;
}

#endif
