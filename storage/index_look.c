#include "storage/index_look.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/disk.h"
#include "storage/home.h"

#define URI_MAX (3 * HOME_PATH_MAX + 64)

/* For SQLite: everything but letters and what is plain in a path. */
static void make_uri(const char *path, char *out)
{
    static const char plain[] = "/._-";
    size_t n = (size_t)snprintf(out, URI_MAX, "file:");

    for (; *path != '\0' && n + 32 < URI_MAX; path++) {
        unsigned char c = (unsigned char)*path;
        bool same = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || strchr(plain, c) != NULL;

        n += (size_t)snprintf(out + n, URI_MAX - n, same ? "%c" : "%%%02X", c);
    }
    /* Nobody has it open: no lock, no log, nothing is written beside it. */
    (void)snprintf(out + n, URI_MAX - n, "?mode=ro&immutable=1");
}

static int ask(sqlite3 *db, const char *sql, char *out, size_t cap)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
                     sqlite3_step(st) == SQLITE_ROW
                 ? 0
                 : ERR_CORRUPT;
    const char *text = rc == 0 ? (const char *)sqlite3_column_text(st, 0) : "";

    (void)snprintf(out, cap, "%s", text != NULL ? text : "0");
    (void)sqlite3_finalize(st);
    return rc;
}

int index_look(const char *home, uint64_t *out_newest_ms, struct err *e)
{
    char path[HOME_PATH_MAX + 32];
    char uri[URI_MAX];
    char said[128];
    sqlite3 *db = NULL;
    struct stat st;
    int rc = 0;

    *out_newest_ms = 0;
    (void)snprintf(path, sizeof path, "%s/index.db-wal", home);
    if (disk_stat(path, &st) == 0 && st.st_size != 0)
        return ERR_AGAIN;
    (void)snprintf(path, sizeof path, "%s/index.db", home);
    if (disk_stat(path, &st) != 0)
        return ERR_NOT_FOUND;
    make_uri(path, uri);
    if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                        NULL) != SQLITE_OK)
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = ask(db, "PRAGMA quick_check(1)", said, sizeof said);
    if (rc == 0 && strcmp(said, "ok") != 0)
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = ask(db, "SELECT max(time) FROM record", said, sizeof said);
    if (rc == 0)
        *out_newest_ms = strtoull(said, NULL, 10);
    (void)sqlite3_close(db);
    return rc == 0 ? 0 : err_set(e, rc, "the index is damaged");
}
