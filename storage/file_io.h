/* file_io: reads and writes that are whole or fail, with the errors in words,
 * and a count-down that makes the n-th of them fail, for tests. On top of
 * disk.h, where the calls themselves can be replaced. Knows no formats. */
#ifndef STORAGE_FILE_IO_H
#define STORAGE_FILE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

/** file_io_write - all of @n bytes at @off, in pieces that end at multiples of
 *  64 KiB (measured: a third less time than any other way on ext4). */
int file_io_write(int fd, const void *p, size_t n, uint64_t off, struct err *e);

/** file_io_write_parts - the same for @count parts that lie one behind the
 * other in the file. */
int file_io_write_parts(int fd, const struct span *parts, size_t count,
                        uint64_t off, struct err *e);

/** file_io_allocate - make the file @size bytes long, with its blocks where the
 *  file system can: ERR_NO_SPACE comes now and not in the middle, and writing
 *  costs half. What is in it stays, up to @size. */
int file_io_allocate(int fd, uint64_t size, struct err *e);

/** file_io_read - exactly @n bytes at @off; ERR_CORRUPT when the file ends. */
int file_io_read(int fd, void *p, size_t n, uint64_t off, struct err *e);

/** file_io_read_head - the first @cap bytes, or all there are. Return: how
 * many, or -1 and errno. */
ssize_t file_io_read_head(int fd, void *p, size_t cap);

/** file_io_sync - fdatasync. A failure is final for what was written. */
int file_io_sync(int fd, struct err *e);

/** file_io_sync_anew - the same, with a new time of change, which is on the
 * disk too: what was written over takes nobody for what it was. */
int file_io_sync_anew(int fd, struct err *e);

/** file_io_uncache - what is read of @fd from now on is what the disk has, but
 *  for what still waits to be written: after a sync that failed the cache shows
 *  bytes that nobody will write any more, and calls them clean. Another process
 *  that has them mapped keeps them there. */
void file_io_uncache(int fd);

/** file_io_sync_disk - everything that was written to the file system that @fd
 *  is on: one call for many small files and their names. */
int file_io_sync_disk(int fd, struct err *e);

/** file_io_sync_dir - make names in the folder @path durable. */
int file_io_sync_dir(const char *path, struct err *e);

/** file_io_sync_parent - of the folder that @path lies in: so that its own name
 *  outlives a power cut. */
int file_io_sync_parent(const char *path, struct err *e);

/** file_io_rename - rename(2), then the folder is not synced yet. */
int file_io_rename(const char *from, const char *to, struct err *e);

/** file_io_load - a whole file of at most @max bytes, appended to @out.
 *  ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. Follows no symlink. */
int file_io_load(const char *path, size_t max, struct buf *out, struct err *e);

/** file_io_save - write @path whole: temporary name, sync, rename, sync of the
 *  folder. Mode 0600. */
int file_io_save(const char *path, const void *p, size_t n, struct err *e);

enum file_io_fault { FAULT_WRITE, FAULT_SYNC, FAULT_RENAME };

/** file_io_fault_after - tests only: after @n more calls of @kind fail @times
 *  calls with @errnum. n < 0: never. */
void file_io_fault_after(enum file_io_fault kind, int n, int times, int errnum);

#endif
