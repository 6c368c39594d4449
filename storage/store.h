/* store: the chunks this node holds, by their ids. A chunk's place is a pack
 * (append-only segment in the home) or a range of a file outside it (the folder
 * a learner fetched into; the expert's own file). The SQLite index says which;
 * it is a cache and can be deleted: packs and `roots` rebuild it.
 *
 * Thread-safe: every call may come from any thread. Does not know courses,
 * editions or peers; what may be removed is told to it (store_sweep).
 *
 * Durability: STORE_OWN chunks are on the disk when store_sync returns. STORE_
 * FETCHED ones are flushed in the background and stay marked until then; marked
 * chunks are verified again after an unclean stop.
 * Every read is checked against a 64-bit sum kept with the chunk, so that rot
 * is noticed before it is served; the SHA-256 is checked when a chunk enters,
 * by store_verify, and after an unclean stop. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"
#include "storage/manifest.h"

struct store;

struct store_options {
    uint64_t pack_max_bytes;    /* 0 = 256 MiB */
    uint64_t flush_every_bytes; /* 0 = 256 MiB */
    uint64_t flush_every_ms;    /* 0 = 5,000 */
    uint64_t min_free_bytes;    /* kept free on the disk; 0 = 1 GiB or 5 % */
};

/**
 * store_open - open or make the store below @home (packs/, index.db).
 * Repairs what an unclean stop left: cuts torn tails, takes up records behind
 * the index's end, re-verifies marked chunks. A missing, corrupt or foreign
 * index is moved aside (index.db.bad-N) and rebuilt from the packs.
 * @opt: may be NULL. The caller holds the home's lock.
 */
int store_open(const char *home, const struct store_options *opt,
               struct store **out, struct err *e);

/** store_rebuilt - the index was made anew by a store_open: the packs' chunks
 * are in it, files outside are not: add again what `roots` knows of. So until
 *  store_readopted, also after other starts. */
bool store_rebuilt(const struct store *s);
/** store_readopted - all that was to be added again is. */
int store_readopted(struct store *s, struct err *e);

/** store_close - mark the stop as clean, free. What waits for a flush stays
 *  marked, and is verified if the machine starts anew before the flush. */
void store_close(struct store *s);

enum store_class { STORE_OWN, STORE_FETCHED };

struct store_item {
    struct chunk_ref ref; /* id must be the SHA-256 of data: caller checked */
    const uint8_t *data;  /* ref.stored_len bytes; borrowed for the call */
    uint64_t sum;         /* checksum64 of data; 0 = the store computes it */
    uint32_t file;        /* 0 = into a pack; else a file_no: write data at */
    uint64_t offset;      /*   this offset of that file and refer to it     */
    bool written;         /* with file: the bytes are there already */
    bool anew;            /* it lies here from now on, wherever it did before */
    bool move;            /* one that lies in another file shall lie here */
};

/**
 * store_put - keep chunks. One index transaction for all of @items.
 * A chunk that is held already is left where it is (no second copy), but with
 * `file` set the data is still written there, and with `move` set it is left
 * only in a pack. With `written` and `sum` set, data may be NULL. @items stay
 * the caller's.
 * Return: 0; ERR_NO_SPACE, ERR_IO: nothing of this call is held, and what was
 * held before still is.
 */
int store_put(struct store *s, const struct store_item *items, size_t count,
              enum store_class cls, struct err *e);

/** store_sync - all chunks put so far are durable when this returns 0. After
 *  ERR_IO or ERR_NO_SPACE those that were not yet are not held any more: the
 *  kernel would not report their loss a second time. */
int store_sync(struct store *s, struct err *e);

/** store_flush_due - is it time for store_flush? (bytes or age). Cheap. */
bool store_flush_due(struct store *s, uint64_t now_ms);

/** store_flush - flush fetched chunks and clear their marks. Slow: on a worker.
 */
int store_flush(struct store *s, uint64_t now_ms, struct err *e);

struct index;

/** store_index - the database, for the catalog alone. Borrowed. */
struct index *store_index(struct store *s);

bool store_has(struct store *s, const struct chunk_id *id);

/**
 * store_have - which of @refs are held.
 * @bits: (count + 7) / 8 bytes, MSB first, filled. Return: 0 or ERR_IO.
 */
int store_have(struct store *s, const struct chunk_ref *refs, uint32_t count,
               uint8_t *bits, uint32_t *out_held, struct err *e);

/**
 * store_read - the stored bytes of a chunk.
 * @dst, @cap: cap at least stored_len, else ERR_LIMIT.
 * @out_ref: stored_len, raw_len and flags as kept; may be NULL.
 * Return: 0; ERR_NOT_FOUND; ERR_CORRUPT (sum differs: the chunk counts as not
 * held from now on); ERR_IO.
 */
int store_read(struct store *s, const struct chunk_id *id, uint8_t *dst,
               size_t cap, struct chunk_ref *out_ref, struct err *e);

/** store_verify - read @id and check its SHA-256 too. As store_read. One whose
 *  bytes are good and whose head in the pack has rotted is put once more. */
int store_verify(struct store *s, const struct chunk_id *id, struct err *e);

/** store_forget - the chunk is not held any more (a peer proved it bad, ...).
 */
int store_forget(struct store *s, const struct chunk_id *id, struct err *e);

/* ---- the publisher's index: never compress the same piece twice ---------- */

/**
 * store_plain_find - the stored chunk of a plain piece.
 * @plain: SHA-256 of the raw bytes. Return: 0 and @out_ref (held), or
 * ERR_NOT_FOUND. Only pieces stored compressed are listed: a raw chunk's id is
 * its plain hash.
 */
int store_plain_find(struct store *s, uint32_t scope,
                     const struct chunk_id *plain, struct chunk_ref *out_ref);

struct store_plain {
    struct chunk_id plain;
    struct chunk_id stored;
};

int store_plain_put(struct store *s, uint32_t scope,
                    const struct store_plain *list, size_t count,
                    struct err *e);

/* ---- files outside the packs ----------------------------------------------
 */

/**
 * store_file_add - register a file that chunks will lie in.
 * @path: absolute; the file exists. Its size and mtime are noted at
 * store_file_settle; until then it is a partial that only we write.
 * Return: 0 and @out_file (never 0).
 */
int store_file_add(struct store *s, const char *path, uint32_t *out_file,
                   struct err *e);

/** store_file_find - the newest number of @path, or 0. */
uint32_t store_file_find(struct store *s, const char *path);

/** store_file_settle - the file is whole and now lies at @path (after a
 *  rename): note its size and mtime. Chunks in a settled file whose size or
 *  mtime has changed count as not held, though store_read still returns one
 *  whose sum holds. */
int store_file_settle(struct store *s, uint32_t file, const char *path,
                      struct err *e);

/** store_file_moving - the file is about to be renamed to @path, as it is: if
 *  the node ends before store_file_settle (or, of a settled file,
 *  store_file_take), the next store_open does that. */
int store_file_moving(struct store *s, uint32_t file, const char *path,
                      struct err *e);

/** store_file_take - a settled file lies at @path now (after a rename) and is a
 *  partial again, that only we write: until store_file_settle. */
int store_file_take(struct store *s, uint32_t file, const char *path,
                    struct err *e);

/**
 * store_file_refer - register a file that is somebody else's and lies there
 * whole: chunks may refer to it, nothing is ever written. It is settled as it
 * was when it was looked at: @size, @mtime_ns.
 * Return: 0 and @out_file: its number of before when it was so then, else a new
 * one; store_file_supersede forgets the old one.
 */
int store_file_refer(struct store *s, const char *path, uint64_t size,
                     int64_t mtime_ns, uint32_t *out_file, struct err *e);

/** store_file_supersede - @file is what lies at its path: every other one that
 *  was registered with this path is forgotten, with the chunks in it. */
int store_file_supersede(struct store *s, uint32_t file, struct err *e);

enum store_file_state {
    STORE_FILE_SAME,    /* as it was settled */
    STORE_FILE_CHANGED, /* another size or time, no plain file, unreadable */
    STORE_FILE_ABSENT,
};

/** store_file_of - in which file outside the packs the chunk lies, or lay
 *  before the file changed. Return: 0; ERR_NOT_FOUND: in none. */
int store_file_of(struct store *s, const struct chunk_id *id, char *path,
                  size_t cap, enum store_file_state *out_state);

/** store_files_same - is every settled file at or below @dir as it was when it
 *  was settled? One lstat for each. */
bool store_files_same(struct store *s, const char *dir);

/** store_away - settled files at or below @dir that are gone or changed, and
 * the bytes of the chunks in them: these cannot be given to anybody. */
int store_away(struct store *s, const char *dir, uint32_t *out_files,
               uint64_t *out_bytes, struct err *e);

/** store_kept_in - is the chunk held in a pack, or (@dir not NULL) in a file
 *  below the folder @dir? *out_held: is it anywhere? */
bool store_kept_in(struct store *s, const struct chunk_id *id, const char *dir,
                   bool *out_held);

/** store_file_close - no descriptor of the store's is open on it, but for those
 *  that are in use just now. */
void store_file_close(struct store *s, uint32_t file);

/** store_lies_at - is the chunk kept in @file at @offset? */
bool store_lies_at(struct store *s, const struct chunk_id *id, uint32_t file,
                   uint64_t offset);

/** store_file_intact - settled, and size and mtime are what they were then. */
bool store_file_intact(struct store *s, uint32_t file);

/** Does the chunk stay where it lies, at @offset? Called with the store locked:
 *  must not call the store. */
typedef bool store_stays_fn(void *user, const struct chunk_id *id,
                            uint64_t offset);

/** store_file_rescue - @file is about to go, or all of it that does not stay
 *  (@stays NULL: nothing does): what lies there goes into a pack. Slow.
 *  Return: 0; ERR_NO_SPACE; ERR_IO. What does not read as it was put there is
 *  left. */
int store_file_rescue(struct store *s, uint32_t file, store_stays_fn *stays,
                      void *user, struct err *e);

/** store_file_clear - forget what lies in @file and does not stay. */
int store_file_clear(struct store *s, uint32_t file, store_stays_fn *stays,
                     void *user, struct err *e);

/** store_file_drop - forget the file and every chunk in it; not unlinked. */
int store_file_drop(struct store *s, uint32_t file, struct err *e);

/** store_file_lost - as store_file_drop, of one that is not there any more and
 *  whose name is about to be another file's: it stays forgotten whatever
 *  happens. Slower. */
int store_file_lost(struct store *s, uint32_t file, struct err *e);

/** store_file_each - call @fn for each registered file; @settled is false for
 *  partials. @fn must not call the store. */
void store_file_each(struct store *s,
                     void (*fn)(void *user, uint32_t file, const char *path,
                                bool settled),
                     void *user);

/* ---- space -----------------------------------------------------------------
 */

struct store_usage {
    uint64_t pack_bytes; /* packs on disk, dead chunks included */
    uint64_t file_bytes; /* chunk bytes lying in files outside */
    uint64_t chunks;
    uint64_t free_bytes; /* of the home's disk */
    uint64_t unflushed_bytes;
};

int store_usage(struct store *s, struct store_usage *out, struct err *e);

/** store_room - would @bytes more leave enough free? 0 or ERR_NO_SPACE with
 *  the figures in @e. */
int store_room(struct store *s, uint64_t bytes, struct err *e);

/** A set of chunk ids to keep, made by the caller. Called with the store
 * locked: must not call the store. */
typedef bool store_live_fn(void *user, const struct chunk_id *id);

struct store_swept {
    uint64_t chunks_removed;
    uint64_t bytes_freed;
    uint64_t packs_rewritten;
};

/**
 * store_sweep - drop every chunk for which @live says no, and compact packs of
 * which a quarter or more is dead: live records are copied to a new pack,
 * synced, the index moved over, then the old pack unlinked. A kill at any point
 * loses nothing. Slow: on a worker. Files outside are never touched; of those
 * that are gone or changed, the index forgets what is not live.
 * Chunks put during the sweep stay whatever @live says. One that was held
 * before is up to @live: whoever means to rely on it makes that known there
 * first. @stop: looked at between packs; NULL: it is never stopped.
 * Return: 0; ERR_BUSY: a sweep is at work; ERR_INTERRUPTED; ERR_NO_SPACE;
 * ERR_IO: some packs are done, nothing is lost.
 */
int store_sweep(struct store *s, store_live_fn *live, void *user,
                const _Atomic bool *stop, struct store_swept *out,
                struct err *e);

#endif
