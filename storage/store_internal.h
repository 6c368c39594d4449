/* store_internal: what the files of the store share: store.c (life and
 * questions), store_place.c (packs, files and their descriptors), store_put.c,
 * store_sync.c, store_read.c, store_open.c (recovery), store_file.c,
 * store_sweep.c. The index's mutex guards every field below. */
#ifndef STORAGE_STORE_INTERNAL_H
#define STORAGE_STORE_INTERNAL_H

#include "storage/index.h"
#include "storage/store.h"

#define STORE_FDS 32
#define STORE_PATH_MAX 4200

struct place { /* one pack or file, as it is now */
    uint32_t no;
    char *path; /* files; owned */
    uint64_t path_sum;
    uint64_t size; /* files: when settled */
    int64_t mtime_ns;
    bool settled;
    bool broken;     /* a sync failed: nothing goes into it any more */
    uint64_t end;    /* packs: next free byte, reservations counted */
    uint64_t synced; /* packs: durable before this; files: 1 = nothing marked */
    uint64_t asked;  /* look at which `intact` was found */
    bool intact;     /* files: there, and unchanged since they were settled */
};

struct open_fd {
    uint32_t place; /* 0 = forgotten: closed by its last user */
    int fd;         /* -1 = free slot */
    bool writable;
    unsigned refs;
    uint64_t used; /* for eviction */
};

/* Reservations in packs whose rows are not committed yet. What lies behind the
 * first of them may be missing from the index after a power cut, so neither
 * `end` nor `synced` of a pack is ever written beyond it. */
struct writing {
    struct writing *prev, *next;
    uint64_t ticket;
    bool alone; /* a sweep's, in its own pack: nobody needs to wait for it */
    const struct index_chunk *rows; /* place 0 = none reserved */
    size_t count;
};

struct store {
    char *home;
    struct store_options opt;
    struct index *ix;
    struct place *places; /* sorted by number */
    size_t place_count, place_cap;
    uint32_t pack;       /* the pack that is written to; 0 = none */
    uint32_t sweep_pack; /* the pack that a sweep copies into; 0 = none */
    uint32_t last_pack;  /* highest number ever used */
    uint32_t last_file;
    struct open_fd fds[STORE_FDS];
    uint64_t fd_clock;
    struct writing *writings;
    uint64_t last_ticket;
    uint64_t looks; /* counts calls that look whether files are intact */
    uint64_t chunks;
    uint64_t unflushed_bytes;
    uint64_t unflushed_since_ms; /* 0 = nothing waits, as store_flush_due saw */
    uint64_t unchecked_bytes;    /* put since the disk's room was asked */
    bool dir_dirty;              /* packs/ has a name that is not synced */
    bool unsettled; /* rows changed that an index that falls back does not find
                       again as those of packs: put for settled files, dropped
                       for bytes that have changed */
    bool sweeping;
};

/* ---- store_place.c; all with the index locked -----------------------------
 */

struct place *store__place(struct store *s, uint32_t no);
/** store__add_place - copies @p and takes its path. Moves other places. */
int store__add_place(struct store *s, const struct place *p, struct err *e);
/** store__remove_place - from memory; its row is the caller's affair. */
void store__remove_place(struct store *s, uint32_t no);
/** store__save_place - its row; for packs with an `end` that is safe. */
int store__save_place(struct store *s, const struct place *p, struct err *e);
/** store__safe_end - all before it in the pack is committed (or a hole). */
uint64_t store__safe_end(const struct store *s, const struct place *p);
void store__place_path(const struct store *s, const struct place *p, char *out,
                       size_t cap);

/** store__borrow_fd - for reading and syncing; a pack's may be written, too.
 *  ERR_NOT_FOUND: no such plain file, or a file that may not be read. */
int store__borrow_fd(struct store *s, uint32_t no, int *out_fd, struct err *e);
/** store__borrow_to_write - as that, for writing into a file, too. */
int store__borrow_to_write(struct store *s, uint32_t no, int *out_fd,
                           struct err *e);
void store__return_fd(struct store *s, int fd);
void store__forget_fd(struct store *s, uint32_t no);

/** store__intact - can what lies in this place be counted as held? Looks at
 *  each file once for each value of s->looks. */
bool store__intact(struct store *s, uint32_t no);

/* ---- store_file.c; with the index locked ----------------------------------
 */

/** store__drop_file - forget the place @no and every chunk in it. */
int store__drop_file(struct store *s, uint32_t no, struct err *e);
/** store__settled_file - the first settled file from number @from on; 0: none.
 */
uint32_t store__settled_file(const struct store *s, uint32_t from);

void store__begin_writing(struct store *s, struct writing *w);
void store__end_writing(struct store *s, struct writing *w);

/* ---- store_put.c ----------------------------------------------------------
 */

/** store__reserve - room for @n bytes in pack *@pack (&s->pack or
 *  &s->sweep_pack); when that is full, in a new one. */
int store__reserve(struct store *s, uint32_t *pack, uint64_t n,
                   uint64_t *out_offset, struct err *e);

/** store__append - header and bytes of a chunk to a reserved place. Without
 *  the lock. */
int store__append(int fd, const struct index_chunk *row, const uint8_t *data,
                  struct err *e);

uint64_t store__disk_free(const struct store *s);

/* ---- store_sync.c ---------------------------------------------------------
 */

/** store__sync_names - of packs/, when there may be one that is not. Without
 *  the lock. */
int store__sync_names(struct store *s, struct err *e);

/* ---- store_open.c ---------------------------------------------------------
 */

/** store__recover - bring index and packs together after an unclean stop, or
 *  make a fresh index from the packs. */
/** store__header_agrees - is what stands before its bytes in pack @fd the head
 *  of @c? Without it an index that is made anew does not find it. */
bool store__header_agrees(int fd, const struct index_chunk *c);
int store__end_moves(struct store *s, struct err *e);
int store__recover(struct store *s, bool clean, struct err *e);

#endif
