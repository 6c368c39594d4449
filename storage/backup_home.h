/* backup_home: the files of a home into a backup, and a new home out of one.
 * Touches no chunks, no index, no node key: a restored home is another node of
 * the same person. Format: backup.h. */
#ifndef STORAGE_BACKUP_HOME_H
#define STORAGE_BACKUP_HOME_H

#include "storage/backup.h"

/**
 * backup_home_write - all parts of @home. A node may run on it meanwhile.
 * @identity: the key file as it shall stand in the backup; NULL: none.
 * @time_ms: now. *out_bytes: of the whole backup.
 * Return: 0; ERR_AGAIN: a file got shorter while it was read; ERR_IO,
 * ERR_LIMIT, what @write says.
 */
int backup_home_write(const char *home, const struct buf *identity,
                      uint64_t time_ms, backup_write_fn *write, void *user,
                      uint64_t *out_bytes, struct err *e);

struct restore_options {
    const char *home; /* absent, or an empty folder */
    backup_read_fn *read;
    void *read_user;
    /* Once all has been read and is whole: may it become the home? @identity:
     * its key file, or NULL when it has none. An error is the answer. */
    int (*agree)(void *user, const struct buf *identity, struct err *e);
    void *user;
};

/**
 * backup_home_restore - a new home, whole or not at all: made as
 * HOME.restoring, synced, renamed. What a killed one left there is removed by
 * the next. The new home doubts its numbers (seq_file_doubt). *out_time_ms:
 * when the backup was made. Return: 0; ERR_CONFLICT: there is a home; ERR_BUSY:
 * somebody is restoring; ERR_REFUSED: HOME.restoring is not ours; as
 * backup_read; ERR_NO_SPACE, ERR_IO.
 */
int backup_home_restore(const struct restore_options *opt,
                        uint64_t *out_time_ms, struct err *e);

#endif
