/* walk: what is in a folder that is to be published. Follows no link, opens no
 * device, stays below the folder. Reads names and sizes only. */
#ifndef STORAGE_WALK_H
#define STORAGE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "storage/ignore.h"

struct walk_file {
    char *path; /* as on the disk, relative */
    char *name; /* as published: NFC; sorted by this */
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint64_t inode;
    bool executable;
};

struct walk {
    int fd; /* of the folder */
    struct walk_file *files;
    size_t count, cap;
    char **dirs; /* empty folders, as published */
    size_t dir_count, dir_cap;
    uint64_t bytes;
    /* Told of what is left out or changed: one line each. */
    void (*note)(void *user, const char *text);
    void *note_user;
    struct ignore *ignore;
    bool (*stop)(void *user); /* asked now and then; true ends the walk */
};

/**
 * walk_open - everything below @dir, sorted. @w: zeroed but for note, stop and
 * note_user.
 * Return: 0; ERR_NOT_FOUND; ERR_INVALID: a name that no course may hold (@e
 * says which, and what to do); ERR_IO: something unreadable, named; ERR_LIMIT.
 */
int walk_open(const char *dir, struct walk *w, struct err *e);
void walk_close(struct walk *w);

#endif
