/* index_open: the database file: made, checked, moved aside when unusable. */
#include "storage/index_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/disk.h"

#define APPLICATION_ID 0x4c796365 /* "Lyce" */
#define SCHEMA_VERSION 1
#define SMALL_BYTES (16 << 20) /* quick_check costs little */
#define BUSY_MS 500
#define BAD_KEPT 3
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const char *const sql[STATEMENTS] = {
    [S_FIND] = "SELECT * FROM chunk WHERE id = ?1",
    [S_PUT_RECENT] = "INSERT INTO recent VALUES (?1,?2,?3,?4,?5,?6,?7)",
    [S_MERGE] = "INSERT OR IGNORE INTO chunk SELECT * FROM recent ORDER BY id",
    [S_CLEAR_RECENT] = "DELETE FROM recent",
    [S_REPLACE] = "INSERT OR REPLACE INTO chunk VALUES"
                  " (?1,?2,?3,?4,?5,?6,?7)",
    [S_MOVE] = "UPDATE chunk SET place = ?4, off = ?5"
               " WHERE id = ?1 AND place = ?2 AND off = ?3",
    [S_DROP] = "DELETE FROM chunk WHERE id = ?1",
    [S_DROP_IN] = "DELETE FROM chunk WHERE place = ?1 AND off >= ?2",
    [S_DROP_PLACE] = "DELETE FROM place WHERE no = ?1",
    [S_PUT_MOVING] = "INSERT OR REPLACE INTO moving VALUES (?1,?2,?3,?4)",
    [S_DROP_MOVING] = "DELETE FROM moving WHERE no = ?1",
    [S_PUT_PLACE] = "INSERT OR REPLACE INTO place VALUES (?1,?2,?3,?4,?5,?6,"
                    "?7)",
    [S_PLAIN_FIND] = "SELECT stored FROM plain WHERE scope = ?1 AND plain ="
                     " ?2",
    [S_PLAIN_PUT] = "INSERT OR REPLACE INTO plain VALUES (?1, ?2, ?3)",
    [S_PLAIN_PRUNE] = "DELETE FROM plain WHERE NOT EXISTS"
                      " (SELECT 1 FROM chunk WHERE id = stored)",
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS chunk(id BLOB PRIMARY KEY, place INTEGER,"
    " off INTEGER, len INTEGER, raw INTEGER, flags INTEGER, sum INTEGER)"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS chunk_place ON chunk(place, off);"
    "CREATE TABLE IF NOT EXISTS recent(id BLOB, place INTEGER, off INTEGER,"
    " len INTEGER, raw INTEGER, flags INTEGER, sum INTEGER);"
    "CREATE TABLE IF NOT EXISTS place(no INTEGER PRIMARY KEY, path TEXT,"
    " size INTEGER, mtime INTEGER, settled INTEGER, end INTEGER,"
    " synced INTEGER);"
    "CREATE TABLE IF NOT EXISTS moving(no INTEGER PRIMARY KEY, path TEXT,"
    " size INTEGER, mtime INTEGER);"
    "CREATE TABLE IF NOT EXISTS plain(scope INTEGER, plain BLOB, stored BLOB,"
    " PRIMARY KEY (scope, plain)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS record(id BLOB PRIMARY KEY, type INTEGER,"
    " author BLOB, course BLOB, seq INTEGER, time INTEGER, log INTEGER,"
    " off INTEGER, len INTEGER, state INTEGER) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS record_course ON record(course, type, seq);"
    "CREATE INDEX IF NOT EXISTS record_author ON record(author, type);"
    "CREATE TABLE IF NOT EXISTS held(edition BLOB PRIMARY KEY, state INTEGER)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS seen(dir TEXT PRIMARY KEY, form INTEGER,"
    " index_blob BLOB, tree_blob BLOB, list BLOB, files INTEGER,"
    " bytes INTEGER, chunks INTEGER, stored INTEGER);";

static const char pragmas[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA journal_size_limit=16777216; PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
    "PRAGMA cache_size=-4096;";

/* ---- opening
 * ------------------------------------------------------------------- */

static void harden(sqlite3 *db)
{
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 8 << 20);
    (void)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 64 << 10);
    (void)sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 64);
    (void)sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 32);
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, 256);
}

int index__verdict(int said)
{
    switch (said & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_ERROR: /* a schema that is not ours */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_READONLY: /* touch could write: it is the header that forbids */
        return ERR_CORRUPT;
    default:
        return ERR_IO;
    }
}

static int64_t pragma_int(sqlite3 *db, const char *text)
{
    sqlite3_stmt *st = NULL;
    int64_t v = -1;

    if (sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        v = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return v;
}

static bool quick_check(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    bool ok = false;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) ==
            SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW) {
        const char *said = (const char *)sqlite3_column_text(st, 0);

        ok = said != NULL && strcmp(said, "ok") == 0;
    }
    (void)sqlite3_finalize(st);
    return ok;
}

static void read_meta(sqlite3 *db, const char *key, char *out, size_t cap)
{
    sqlite3_stmt *st = NULL;

    out[0] = '\0';
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = ?1", -1, &st,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        (void)snprintf(out, cap, "%s",
                       (const char *)sqlite3_column_text(st, 0));
    (void)sqlite3_finalize(st);
}

static int write_meta(sqlite3 *db, const char *key, const char *value)
{
    sqlite3_stmt *st = NULL;
    int rc = SQLITE_ERROR;

    if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
                           -1, &st, NULL) == SQLITE_OK &&
        sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC) == SQLITE_OK)
        rc = sqlite3_step(st);
    (void)sqlite3_finalize(st);
    return rc == SQLITE_DONE ? 0 : index__verdict(rc);
}

static void boot_id(char out[64])
{
    int fd = disk_open(BOOT_ID, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd >= 0 ? disk_read(fd, out, 36) : -1;

    if (fd >= 0)
        (void)disk_close(fd);
    out[n > 0 ? n : 0] = '\0';
}

static int prepare_all(struct index *ix)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(ix->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &ix->st[i], NULL) != SQLITE_OK)
            return ERR_CORRUPT;
    return 0;
}

/* SQLite would make the file with the modes that umask leaves. ERR_CORRUPT:
 * what has the name is no file, so somebody put it there. */
static int touch(const char *path, bool *out_fresh, struct err *e)
{
    struct stat st;
    int fd = disk_open(
        path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    int rc = 0;

    if (fd < 0)
        rc = errno == EISDIR || errno == ELOOP || errno == ENXIO
                 ? ERR_CORRUPT
                 : err_errno(e, errno, "open");
    else if (disk_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = ERR_CORRUPT;
    else
        *out_fresh = st.st_size == 0;
    if (fd >= 0)
        (void)disk_close(fd);
    return rc;
}

static int check_version(sqlite3 *db)
{
    return pragma_int(db, "PRAGMA application_id") == APPLICATION_ID &&
                   pragma_int(db, "PRAGMA user_version") == SCHEMA_VERSION
               ? 0
               : ERR_CORRUPT;
}

static int make_schema(sqlite3 *db, bool fresh)
{
    int rc = sqlite3_exec(db, schema, NULL, NULL, NULL);

    if (rc == SQLITE_OK && fresh)
        rc = sqlite3_exec(db,
                          "INSERT OR REPLACE INTO meta"
                          " VALUES ('files', 'unknown');"
                          "PRAGMA application_id=1283023717;"
                          "PRAGMA user_version=1;",
                          NULL, NULL, NULL);
    return index__verdict(rc);
}

/* Return: as verdict, or what touch says, with @e; there is no database then.
 */
static int try_open(struct index *ix, const char *path, bool *out_fresh,
                    bool *out_clean, struct err *e)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW;
    char said[64];
    char now[64];
    struct stat st;
    bool fresh;
    int rc = touch(path, &fresh, e);

    ix->condemned = ix->unsynced = false;
    if (rc == 0)
        rc = index__verdict(sqlite3_open_v2(path, &ix->db, flags, NULL));
    if (rc != 0)
        return rc;
    index__watch(ix);
    harden(ix->db);
    (void)sqlite3_busy_timeout(ix->db, BUSY_MS);
    rc = index__verdict(sqlite3_exec(ix->db, pragmas, NULL, NULL, NULL));
    if (rc == 0 && !fresh)
        rc = check_version(ix->db);
    if (rc == 0)
        rc = make_schema(ix->db, fresh);
    if (rc != 0)
        return rc;
    read_meta(ix->db, "files", said, sizeof said);
    ix->lacks_files = said[0] != '\0';
    read_meta(ix->db, "clean", said, sizeof said);
    boot_id(now);
    *out_fresh = fresh;
    *out_clean = fresh || (said[0] != '\0' && strcmp(said, now) == 0);
    if (!fresh &&
        (!*out_clean || disk_stat(path, &st) != 0 ||
         st.st_size < SMALL_BYTES) &&
        !quick_check(ix->db))
        return ERR_CORRUPT;
    rc = prepare_all(ix);
    if (rc == 0)
        rc = index__load_recent(ix);
    return rc != 0 ? rc : write_meta(ix->db, "clean", "");
}

static void shut(struct index *ix)
{
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(ix->st[i]);
        ix->st[i] = NULL;
    }
    if (ix->db != NULL)
        index__end_log(ix);
    (void)sqlite3_close_v2(ix->db);
    ix->db = NULL;
}

static void move_aside(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    char from[4200];
    char to[4300];
    int n = 1;

    do
        (void)snprintf(to, sizeof to, "%s.bad-%d", path, n);
    while (disk_access(to, F_OK) == 0 && ++n < BAD_KEPT);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(from, sizeof from, "%s%s", path, tails[i]);
        (void)snprintf(to, sizeof to, "%s.bad-%d%s", path, n, tails[i]);
        if (disk_rename(from, to) != 0)
            (void)disk_unlink(from);
    }
}

static int open_or_make(struct index *ix, bool *out_fresh, bool *out_clean,
                        struct err *e)
{
    char path[4200];
    char mark[4200];
    int rc;

    (void)snprintf(path, sizeof path, "%s/index.db", ix->home);
    index__mark_path(ix, mark, sizeof mark);
    if (disk_access(mark, F_OK) == 0)
        move_aside(path);
    rc = try_open(ix, path, out_fresh, out_clean, e);
    if (rc == ERR_CORRUPT) {
        shut(ix);
        move_aside(path);
        rc = try_open(ix, path, out_fresh, out_clean, e);
    }
    if (rc == 0 && !ix->condemned)
        (void)disk_unlink(mark);
    else if (rc == ERR_BUSY)
        (void)err_set(e, rc, "another program has it");
    else if (rc != 0 && ix->db != NULL)
        rc = index__say(ix->db, "sqlite", e);
    else if (rc == ERR_CORRUPT) /* and it could not be moved aside */
        rc = err_set(e, ERR_IO, "not a plain file");
    if (rc != 0)
        err_wrap(e, "open the index '%s'", path);
    return rc;
}

int index_open(const char *home, struct index **out, bool *out_fresh,
               bool *out_clean, struct err *e)
{
    struct index *ix = calloc(1, sizeof *ix);
    int rc;

    if (ix == NULL || (ix->home = strdup(home)) == NULL) {
        free(ix);
        return err_set(e, ERR_NOMEM, "index");
    }
    (void)pthread_mutex_init(&ix->mutex, NULL);
    (void)pthread_cond_init(&ix->changed, NULL);
    ix->recent = recent_new();
    rc = ix->recent != NULL ? open_or_make(ix, out_fresh, out_clean, e)
                            : err_set(e, ERR_NOMEM, "index");
    if (rc != 0) {
        index_close(ix, false);
        return rc;
    }
    *out = ix;
    return 0;
}

void index_close(struct index *ix, bool clean)
{
    char now[64];

    if (ix == NULL)
        return;
    boot_id(now);
    if (clean && ix->db != NULL)
        (void)write_meta(ix->db, "clean", now);
    shut(ix);
    (void)pthread_cond_destroy(&ix->changed);
    (void)pthread_mutex_destroy(&ix->mutex);
    recent_free(ix->recent);
    free(ix->home);
    free(ix);
}

bool index_lacks_files(const struct index *ix)
{
    return ix->lacks_files;
}

int index_knows_files(struct index *ix, struct err *e)
{
    int rc;

    index_lock(ix);
    rc = write_meta(ix->db, "files", "");
    if (rc == 0)
        ix->lacks_files = false;
    else
        rc = index__say(ix->db, "sqlite", e);
    index_unlock(ix);
    return rc;
}
