/* disk_rules: what must hold of a home, whatever happened to it. S1 nothing is
 * read that does not verify; S2 what only this node had survives; S3 numbers
 * never fall; S12 index and packs agree; S15 nothing outside the folder, and
 * what is the user's in it stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/disk_author.h"
#include "simulations/disk_world.h"
#include "simulations/mem.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/index.h"
#include "storage/pack.h"
#include "storage/seq_file.h"

/* ---- chunks ----------------------------------------------------------------
 */

void disk_acknowledge_records(struct disk_world *w, size_t c, uint64_t seq)
{
    struct disk_course *k = &w->courses[c];

    k->acked[seq] = true;
    k->current = seq > k->current ? seq : k->current;
    k->signed_to = seq > k->signed_to ? seq : k->signed_to;
}

void disk_acknowledge(struct disk_world *w, size_t c, uint64_t seq)
{
    struct disk_course *k = &w->courses[c];
    const struct chunk_table *t = &k->kit->editions[seq - 1].table;

    disk_acknowledge_records(w, c, seq);
    for (size_t i = 0; i < k->count && c < DISK_OWN; i++)
        for (uint32_t s = 0; s < t->count && !k->chunks[i].owed; s++)
            k->chunks[i].owed =
                chunk_id_eq(&k->chunks[i].ref.id, &t->refs[s].id);
}

/* S1, S2 and S12 of one chunk. */
static void check_chunk(struct disk_world *w, const struct disk_chunk *c,
                        bool owed)
{
    static uint8_t bytes[CHUNK_RAW_MAX];
    bool has = store_has(w->node.store, &c->ref.id);
    int rc =
        store_read(w->node.store, &c->ref.id, bytes, sizeof bytes, NULL, NULL);

    if (rc == 0 && memcmp(bytes, c->bytes, c->ref.stored_len) != 0)
        disk_fail(w, "S1", "chunk %.12s is read with other bytes",
                  chunk_id_hex(&c->ref.id).s);
    /* What has rotted may be lost until it is put again; that it was found to
     * be is forgotten with an index that falls back. */
    if (w->rotten || w->index_rotten || (w->ever_rotten && !(owed && c->owed)))
        return;
    if (rc != 0 && has)
        disk_fail(w, "S12", "chunk %.12s counts as held and is not: %s",
                  chunk_id_hex(&c->ref.id).s, err_words(rc));
    if (rc != 0 && owed && c->owed)
        disk_fail(w, "S2", "own chunk %.12s is lost: %s",
                  chunk_id_hex(&c->ref.id).s, err_words(rc));
}

static void check_chunks(struct disk_world *w)
{
    for (size_t c = 0; c < DISK_COURSES; c++)
        for (size_t i = 0; i < w->courses[c].count; i++)
            check_chunk(w, &w->courses[c].chunks[i], c < DISK_OWN);
}

/* ---- records ---------------------------------------------------------------
 */

static int check_record(struct disk_world *w, const struct record_id *id,
                        const struct buf *record)
{
    struct buf bytes = BUF_INIT;
    int rc = catalog_get(w->node.catalog, id, &bytes, NULL);

    if (rc == 0 && (bytes.len != record->len ||
                    memcmp(bytes.base, record->base, bytes.len) != 0))
        disk_fail(w, "S1", "record %.12s is read with other bytes",
                  record_id_hex(id).s);
    buf_deinit(&bytes);
    return rc;
}

/* What is shown after a start is relied on: it is acknowledged, too. */
static void check_edition(struct disk_world *w, size_t c, uint64_t seq)
{
    struct disk_course *k = &w->courses[c];
    const struct course_kit_edition *e = &k->kit->editions[seq - 1];
    struct record_id id;
    bool here =
        catalog_edition(w->node.catalog, &k->kit->course, seq, &id, NULL) == 0;

    if (check_record(w, &e->id, &e->record) != 0 && here &&
        !disk_books_rotten(w))
        disk_fail(w, "S2", "the record of edition %d of course %zu is lost",
                  (int)seq, c);
    if (disk_books_rotten(w))
        return;
    if (here && !record_id_eq(&id, &e->id))
        disk_fail(w, "S1", "edition %d of course %zu is another one", (int)seq,
                  c);
    else if (here && !k->acked[seq] && w->restores == 0)
        disk_acknowledge(w, c, seq);
    else if (here && !k->acked[seq]) /* of a backup without chunks? */
        disk_acknowledge_records(w, c, seq);
    else if (!here && k->acked[seq] && !k->may_be_removed)
        disk_fail(w, "S2", "edition %d of course %zu is lost", (int)seq, c);
}

static void check_current(struct disk_world *w, size_t c)
{
    struct disk_course *k = &w->courses[c];
    struct record_id id;
    uint64_t seq = 0;
    uint64_t next = 0;

    if (catalog_current(w->node.catalog, &k->kit->course, &id, &seq, NULL) != 0)
        seq = 0;
    if (seq < k->current && !k->may_be_removed && !disk_books_rotten(w))
        disk_fail(w, "S3", "course %zu fell from edition %d to %d", c,
                  (int)k->current, (int)seq);
    if (c >= DISK_OWN || (w->log_rotten && seq_file_doubtful(DISK_NODE_HOME)))
        return; /* in such a home peers are asked before */
    if (catalog_next_seq(w->node.catalog, &k->kit->author, &k->kit->course,
                         &next, NULL) == 0 &&
        next <= k->current)
        disk_fail(w, "S3", "the next edition of course %zu is %d, not %d", c,
                  (int)next, (int)k->current + 1);
}

/* A removal that was under way has happened, or it has not. Where rot hides
 * which, nothing of before it is owed: it may come again before it is seen. */
static void end_removal(struct disk_course *k, struct disk_world *w)
{
    struct record_id id;

    if (!k->may_be_removed)
        return;
    k->may_be_removed = false;
    if (!disk_books_rotten(w) &&
        catalog_current(w->node.catalog, &k->kit->course, &id, NULL, NULL) == 0)
        return;
    k->current = 0;
    memset(k->acked, 0, sizeof k->acked);
}

static void check_records(struct disk_world *w)
{
    end_removal(&w->courses[DISK_FETCHED], w);
    for (size_t c = 0; c < DISK_COURSES; c++) {
        for (uint64_t s = 1; s <= w->courses[c].kit->edition_count; s++)
            check_edition(w, c, s);
        check_current(w, c);
    }
}

/* ---- the index -------------------------------------------------------------
 */

/* S12: what the index says of packs is so, on the disk. */
static void check_places(struct disk_world *w)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *db = index_db(store_index(w->node.store));

    if (sqlite3_prepare_v2(db,
                           "SELECT no, end, synced FROM place"
                           " WHERE no < 1073741824",
                           -1, &st, NULL) != SQLITE_OK)
        disk_fail(w, "S12", "the index cannot be asked");
    while (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
        uint32_t no = (uint32_t)sqlite3_column_int64(st, 0);
        char path[128];
        struct stat file;

        pack_path(DISK_NODE_HOME, no, path, sizeof path);
        if (disk_lstat(path, &file) != 0)
            disk_fail(w, "S12", "pack %u is in the index and not there", no);
        else if (sqlite3_column_int64(st, 1) > file.st_size ||
                 sqlite3_column_int64(st, 2) > sqlite3_column_int64(st, 1))
            disk_fail(w, "S12", "pack %u is shorter than the index says", no);
    }
    (void)sqlite3_finalize(st);
}

/* ---- the folder ------------------------------------------------------------
 */

static bool holds(const char *path, const char *text)
{
    struct buf bytes = BUF_INIT;
    bool same = file_io_load(path, CHUNK_RAW_MAX, &bytes, NULL) == 0 &&
                bytes.len == strlen(text) &&
                memcmp(bytes.base, text, bytes.len) == 0;

    buf_deinit(&bytes);
    return same;
}

/* S15: a file of the user's is not ours to change. */
static void check_users_files(struct disk_world *w)
{
    if (w->note[0] != '\0' && !holds(DISK_FOLDER "/" DISK_NOTE, w->note))
        disk_fail(w, "S15", "the user's own file has changed");
    if (w->edit[0] != '\0' && !holds(DISK_FOLDER "/part-0000.txt", w->edit))
        disk_fail(w, "S15", "what the user wrote into a file is gone");
}

static bool ends_in_our_name(const char *name)
{
    return strncmp(name, ".lyceum-", 8) == 0;
}

static bool is_of_course(const struct disk_world *w, const char *name)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];

    for (uint32_t i = 0; i < k->kit->edition_count; i++)
        if (manifest_find(&k->manifests[i], name) >= 0)
            return true;
    return false;
}

/* Where the node, or he himself, may write what it likes. */
static bool is_users(const char *path)
{
    static const char *const roots[] = {
        "/proc",    DISK_NODE_HOME, (DISK_NODE_HOME ".restoring"),
        DISK_STICK, "/author",      DISK_FOOTAGE,
        DISK_SHELF};

    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        size_t n = strlen(roots[i]);

        if (strncmp(path, roots[i], n) == 0 &&
            (path[n] == '\0' || path[n] == '/'))
            return true;
    }
    return false;
}

/* Nothing but the home, the folder, and in it only what belongs there. A new
 * file beside an old one means that somebody has edited that: only one was. */
static void check_path(void *user, const char *path, bool dir)
{
    struct disk_world *w = user;
    const char *name = path + sizeof DISK_FOLDER; /* behind the slash */

    (void)dir;
    if (strcmp(path, DISK_FOLDER) == 0 || is_users(path))
        return;
    if (strncmp(path, DISK_FOLDER "/", sizeof DISK_FOLDER) != 0)
        disk_fail(w, "S15", "'%.100s' was made outside", path);
    else if (strncmp(name, DISK_NOTE, sizeof DISK_NOTE - 1) != 0 &&
             strncmp(name, "part-0000.txt", 13) != 0 &&
             !(w->ever_rotten && strstr(name, ".edition-") != NULL) &&
             !ends_in_our_name(name) && !is_of_course(w, name))
        disk_fail(w, "S15", "'%.100s' is nobody's", path);
}

static bool same_file(const struct disk_course *k, uint64_t seq, uint32_t file,
                      const char *path)
{
    const struct course_kit_edition *e = &k->kit->editions[seq - 1];
    const struct manifest *m = &k->manifests[seq - 1];
    uint64_t left = m->files[file].size;
    struct buf is = BUF_INIT;
    static uint8_t raw[CHUNK_RAW_MAX];
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    bool same = file_io_load(path, 1u << 24, &is, NULL) == 0 && is.len == left;

    manifest_slots_of(m, file, 0, left, &first, &count, &skip);
    for (uint32_t s = first; s < first + count && same; s++) {
        uint64_t n = e->table.refs[s].raw_len - skip;

        n = n < left ? n : left;
        course_kit_raw(e, s, raw);
        same = memcmp(is.base + (m->files[file].size - left), raw + skip,
                      (size_t)n) == 0;
        left -= n;
        skip = 0;
    }
    buf_deinit(&is);
    return same;
}

void disk_check_folder(struct disk_world *w, uint64_t seq)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];
    const struct manifest *m = &k->manifests[seq - 1];

    for (uint32_t i = 0; i < m->file_count; i++) {
        char path[256];
        bool edited = strcmp(m->files[i].path, "part-0000.txt") == 0 &&
                      (w->edit[0] != '\0' || w->edit_doubt);

        (void)snprintf(path, sizeof path, DISK_FOLDER "/%s", m->files[i].path);
        if (!edited && !same_file(k, seq, i, path))
            disk_fail(w, "S1", "'%.60s' is not that of edition %d", path,
                      (int)seq);
    }
}

/* R1: what lies in a folder that is done is not fetched again. */
static void check_folder_held(struct disk_world *w)
{
    const struct disk_course *k = &w->courses[DISK_FETCHED];
    const struct manifest *m = &k->manifests[w->done - 1];

    for (uint32_t i = 0; i < m->stream_count; i++)
        for (uint32_t c = 0; c < m->streams[i].chunk_count; c++) {
            const struct chunk_ref *ref =
                &m->table.refs[m->streams[i].first_slot + c];

            if (m->streams[i].profile != STREAM_TEXT && ref->flags == 0 &&
                !store_has(w->node.store, &ref->id))
                disk_fail(w, "R1",
                          "chunk %.12s lies in the folder, and is not"
                          " held",
                          chunk_id_hex(&ref->id).s);
        }
}

static void check_done(struct disk_world *w)
{
    if (w->done == 0)
        return;
    disk_check_folder(w, w->done);
    if (w->media_held)
        check_folder_held(w);
}

/* ---- all of it -------------------------------------------------------------
 */

static void check_keys(struct disk_world *w)
{
    if (w->has_self && !node_id_eq(&w->self, &w->node.self))
        disk_fail(w, "S2", "the node has another key");
    w->self = w->node.self;
    w->has_self = true;
}

void disk_check_restart(struct disk_world *w)
{
    check_keys(w);
    disk_check_facts(w, true);
    check_records(w);
    if (!w->index_rotten)
        check_places(w);
    check_chunks(w);
    check_users_files(w);
    check_done(w);
    disk_check_stick(w);
    for (size_t i = 0; i < DISK_AUTHORS && w->authors[i] != NULL; i++)
        if (!disk_books_rotten(w))
            disk_author_check(w, w->authors[i]);
    disk_check_footage(w);
    vdisk_each(w->disk, check_path, w);
}

void disk_check_step(struct disk_world *w)
{
    disk_check_facts(w, false);
    for (size_t c = 0; c < DISK_COURSES; c++)
        check_current(w, c);
    check_users_files(w);
    check_done(w);
    disk_check_footage(w);
}
