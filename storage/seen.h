/* seen: what the files of a published folder were when they were read: size,
 * times, inode, and the manifest that came of them. A file that is the same by
 * all of these need not be read again. A cache in the index: without it, or
 * with chunks of it gone, the folder is read. Says nothing about editions. */
#ifndef STORAGE_SEEN_H
#define STORAGE_SEEN_H

#include "storage/manifest.h"
#include "storage/store.h"

struct seen_file {
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns; /* 0 = was too young to be trusted: matches nothing */
    uint64_t inode;
};

struct seen {
    struct manifest m;
    struct seen_file *files; /* m.file_count, in its order */
};

struct seen_blobs { /* entry lists and sums, as in an edition record */
    struct span index_blob;
    struct span tree_blob;
    struct manifest_totals totals;
};

/**
 * seen_load - what is known of the folder @dir.
 * Return: 0 and @out (seen_deinit it); ERR_NOT_FOUND: nothing that is of use.
 */
int seen_load(struct store *s, const char *dir, struct seen *out);

/** seen_save - from now on that. @files: one for each file of the manifest. */
int seen_save(struct store *s, const char *dir, const struct seen_blobs *blobs,
              const struct seen_file *files, size_t count, struct err *e);

void seen_deinit(struct seen *s);

/** seen_equal - has the file not changed, as far as anybody can tell? */
bool seen_equal(const struct seen_file *a, const struct seen_file *b);

#endif
