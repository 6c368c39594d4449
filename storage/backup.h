/* backup: the format of a backup file: what a home cannot get anywhere else, in
 * one file (BACKUP.md). Pure: bytes come and go through functions; which files
 * of a home they are is backup_home.h's affair. A part has a number and no
 * name, so no file can say where it wants to lie. Memory: 64 KiB. */
#ifndef STORAGE_BACKUP_H
#define STORAGE_BACKUP_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

/* X(name, number, most bytes). In this order, each at most once. */
#define BACKUP_PARTS(X)                                                        \
    X(IDENTITY, 1, UINT64_C(4096))                                             \
    X(CONFIG, 2, UINT64_C(65536))                                              \
    X(ROOTS, 3, UINT64_C(64) << 20)                                            \
    X(CHOICES, 4, UINT64_C(64) << 20)                                          \
    X(SEQ, 5, UINT64_C(64) << 20)                                              \
    X(RECORDS, 6, UINT64_C(1) << 40)

enum backup_part {
#define X(name, number, max) BACKUP_##name = number,
    BACKUP_PARTS(X)
#undef X
};

#define BACKUP_PART_LAST BACKUP_RECORDS

/** backup_part_max - the most bytes a part may have. */
uint64_t backup_part_max(enum backup_part part);

/* A lyc_write_fn: @count parts, one behind the other. */
typedef int backup_write_fn(void *user, const struct span *parts, size_t count,
                            struct err *e);

struct backup_writer { /* fill with backup_begin */
    backup_write_fn *write;
    void *user;
    crypto_hash_sha256_state sum;
    uint64_t at;
    uint64_t left; /* of the part that was begun */
    unsigned last;
};

/** backup_begin - @time_ms: when it was made. */
int backup_begin(struct backup_writer *w, backup_write_fn *write, void *user,
                 uint64_t time_ms, struct err *e);
/** backup_begin_part - its bytes follow in backup_bytes, @len in all.
 *  ERR_LIMIT: more than may be. */
int backup_begin_part(struct backup_writer *w, enum backup_part part,
                      uint64_t len, struct err *e);
int backup_bytes(struct backup_writer *w, const void *p, size_t n,
                 struct err *e);
int backup_end(struct backup_writer *w, struct err *e);

/* A lyc_read_fn: up to @cap bytes; *out_n 0 is the end. */
typedef int backup_read_fn(void *user, uint8_t *p, size_t cap, size_t *out_n,
                           struct err *e);

struct backup_sink { /* what a reader hands over; an error ends it */
    int (*part)(void *user, enum backup_part part, uint64_t len, struct err *e);
    int (*bytes)(void *user, const uint8_t *p, size_t n, struct err *e);
    void *user;
};

/**
 * backup_read - from the first byte to the last. Nothing that the sink got is
 * to be believed before this returns 0.
 * Return: 0; ERR_MALFORMED: no backup, or of another version; ERR_CORRUPT: cut
 * off, changed, or with something behind its end; what @read or the sink says.
 */
int backup_read(backup_read_fn *read, void *user,
                const struct backup_sink *sink, uint64_t *out_time_ms,
                struct err *e);

#endif
