#include "storage/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/text.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define VALUES_MAX 6
#define FILE_MAX (64u * 1024u * 1024u)
#define LINE_MAX_BYTES (32u * 1024u)
#define VERB_MAX 32
#define COMPACT_LINES 64 /* shorter journals are not worth it */

struct fact {
    char *verb;
    char *key;
    char *values[VALUES_MAX];
    size_t count;
};

struct journal {
    char *path;
    int fd;
    uint64_t end;
    size_t lines;
    struct fact *facts; /* sorted by (verb, key) */
    size_t count, cap;
    pthread_mutex_t mutex;
};

/* ---- facts
 * ---------------------------------------------------------------------------
 */

static void fact_deinit(struct fact *f)
{
    free(f->verb);
    free(f->key);
    for (size_t i = 0; i < f->count; i++)
        free(f->values[i]);
}

static size_t position(const struct journal *j, const char *verb,
                       const char *key, bool *out_found)
{
    size_t lo = 0;
    size_t hi = j->count;

    *out_found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(j->facts[mid].verb, verb);

        if (order == 0)
            order = strcmp(j->facts[mid].key, key);
        if (order == 0) {
            *out_found = true;
            return mid;
        }
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void forget(struct journal *j, const char *verb, const char *key)
{
    bool found;
    size_t at = position(j, verb, key, &found);

    if (!found)
        return;
    fact_deinit(&j->facts[at]);
    memmove(&j->facts[at], &j->facts[at + 1],
            (j->count - at - 1) * sizeof *j->facts);
    j->count--;
}

/* For one more. */
static int make_room(struct journal *j)
{
    size_t cap = j->cap ? 2 * j->cap : 32;
    struct fact *grown;

    if (j->count < j->cap)
        return 0;
    grown = realloc(j->facts, cap * sizeof *grown);
    if (grown == NULL)
        return ERR_NOMEM;
    j->facts = grown;
    j->cap = cap;
    return 0;
}

/* Takes @f; there is room for it. */
static void remember(struct journal *j, const struct fact *f)
{
    bool found;
    size_t at = position(j, f->verb, f->key, &found);

    if (found) {
        fact_deinit(&j->facts[at]);
        j->facts[at] = *f;
        return;
    }
    memmove(&j->facts[at + 1], &j->facts[at],
            (j->count - at) * sizeof *j->facts);
    j->facts[at] = *f;
    j->count++;
}

static bool verb_ok(const char *verb)
{
    size_t n = strspn(verb, "abcdefghijklmnopqrstuvwxyz");

    return n != 0 && n <= VERB_MAX && verb[n] == '\0';
}

/* ---- lines
 * -------------------------------------------------------------------------------
 */

static void put_field(struct buf *line, const char *s)
{
    (void)buf_append_str(line, "\t");
    text_percent_encode((const uint8_t *)s, strlen(s), "/:@ ,", line);
}

static int make_line(const char *verb, const char *key,
                     const char *const *values, size_t count, struct buf *out)
{
    (void)buf_append_str(out, verb);
    put_field(out, key);
    for (size_t i = 0; i < count; i++)
        put_field(out, values[i]);
    (void)buf_append_str(out, "\n");
    return out->failed ? ERR_NOMEM : 0;
}

static int decode_field(const char *p, size_t n, char **out)
{
    struct buf text = BUF_INIT;
    int rc = ERR_MALFORMED;

    if (text_percent_decode(p, n, &text) == 0 && buf_cstr(&text) != NULL &&
        (text.len == 0 || memchr(text.base, 0, text.len) == NULL)) {
        *out = (char *)text.base;
        return 0;
    }
    if (text.failed)
        rc = ERR_NOMEM;
    buf_deinit(&text);
    return rc;
}

/* ERR_MALFORMED: a line that is not ours. */
static int parse_line(const char *p, size_t n, struct fact *out)
{
    char *fields[2 + VALUES_MAX] = {NULL};
    size_t count = 0;
    size_t start = 0;
    int rc = 0;

    for (size_t i = 0; i <= n && count < 2 + VALUES_MAX && rc == 0; i++) {
        if (i != n && p[i] != '\t')
            continue;
        rc = decode_field(p + start, i - start, &fields[count]);
        count += rc == 0;
        start = i + 1;
    }
    if (rc == 0 && count < 2)
        rc = ERR_MALFORMED;
    for (size_t i = 0; i < count && rc != 0; i++)
        free(fields[i]);
    if (rc != 0)
        return rc;
    *out =
        (struct fact){.verb = fields[0], .key = fields[1], .count = count - 2};
    memcpy(out->values, fields + 2, out->count * sizeof *fields);
    return 0;
}

/* Takes @f, for which there is room. */
static void apply(struct journal *j, struct fact *f)
{
    j->lines++;
    if (f->verb[0] != '-') {
        remember(j, f);
        return;
    }
    forget(j, f->verb + 1, f->key);
    fact_deinit(f);
}

/* A line that is not ours is passed over: a newer version may have written it.
 * One that there is no memory for is not: it would be gone with the next
 * compaction. */
static int take_line(struct journal *j, const char *p, size_t n)
{
    struct fact f;
    int rc = make_room(j);

    if (rc == 0)
        rc = parse_line(p, n, &f);
    if (rc == 0)
        apply(j, &f);
    else if (rc == ERR_MALFORMED)
        j->lines++;
    return rc == ERR_MALFORMED ? 0 : rc;
}

static int take_all(struct journal *j, const struct buf *text)
{
    const char *p = (const char *)text->base;
    size_t start = 0;
    int rc = 0;

    for (size_t i = 0; i < text->len && rc == 0; i++) {
        if (p[i] != '\n')
            continue;
        rc = take_line(j, p + start, i - start);
        start = i + 1;
    }
    j->end = start; /* what follows is a torn line */
    return rc;
}

static int compact(struct journal *j, struct err *e)
{
    struct buf all = BUF_INIT;
    int rc = 0;

    for (size_t i = 0; i < j->count && rc == 0; i++) {
        const struct fact *f = &j->facts[i];

        rc = make_line(f->verb, f->key, (const char *const *)f->values,
                       f->count, &all);
    }
    if (rc == 0)
        rc = file_io_save(j->path, all.base, all.len, e);
    if (rc == 0) {
        j->end = all.len;
        j->lines = j->count;
    }
    buf_deinit(&all);
    return rc;
}

static void forget_all(struct journal *j)
{
    for (size_t i = 0; i < j->count; i++)
        fact_deinit(&j->facts[i]);
    j->count = 0;
    j->lines = 0;
}

/* A run that was killed after a sync that failed has left lines in the cache
 * that are not on the disk, and never will be. */
static void uncache(const struct journal *j)
{
    int fd = disk_open(j->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);

    if (fd < 0)
        return;
    file_io_uncache(fd);
    (void)disk_close(fd);
}

static int read_all(struct journal *j, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    uncache(j);
    rc = file_io_load(j->path, FILE_MAX, &text, e);

    if (rc == ERR_NOT_FOUND)
        rc = file_io_save(j->path, "", 0, e);
    else if (rc == 0 && take_all(j, &text) != 0)
        rc = err_set(e, ERR_NOMEM, "journal");
    buf_deinit(&text);
    return rc;
}

static int load(struct journal *j, struct err *e)
{
    int rc = read_all(j, e);

    if (rc != 0 || j->lines <= COMPACT_LINES || j->lines <= 2 * j->count)
        return rc;
    if (compact(j, NULL) == 0)
        return 0;
    forget_all(
        j); /* a full disk must not keep us out: go on with what stands */
    return read_all(j, e);
}

int journal_open(const char *home, const char *name, struct journal **out,
                 struct err *e)
{
    struct journal *j = calloc(1, sizeof *j);
    int rc;

    if (j == NULL || asprintf(&j->path, "%s/%s", home, name) < 0) {
        free(j);
        return err_set(e, ERR_NOMEM, "journal");
    }
    (void)pthread_mutex_init(&j->mutex, NULL);
    j->fd = -1;
    rc = load(j, e);
    if (rc == 0) {
        j->fd = disk_open(j->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
        if (j->fd < 0 || disk_ftruncate(j->fd, (off_t)j->end) != 0)
            rc = err_errno(e, errno, "open '%s'", j->path);
    }
    if (rc == 0) /* a killed run may have written what it did not sync */
        rc = file_io_sync(j->fd, e);
    if (rc == 0)
        rc = file_io_sync_parent(j->path, e);
    if (rc != 0) {
        journal_close(j);
        return rc;
    }
    *out = j;
    return 0;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)disk_close(j->fd);
    forget_all(j);
    free(j->facts);
    free(j->path);
    (void)pthread_mutex_destroy(&j->mutex);
    free(j);
}

/* What was set again and again does not pile up while we run, either. A full
 * disk leaves the long form in force. */
static int rewrite(struct journal *j, struct err *e)
{
    int rc = compact(j, e);

    if (rc != 0)
        return rc;
    (void)disk_close(j->fd);
    j->fd = disk_open(j->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
    return j->fd >= 0 ? 0 : err_errno(e, errno, "open '%s'", j->path);
}

static void shorten(struct journal *j)
{
    if (j->lines > COMPACT_LINES && j->lines > 2 * j->count)
        (void)rewrite(j, NULL);
}

static int write_line(struct journal *j, const struct buf *line, struct err *e)
{
    int rc = file_io_write(j->fd, line->base, line->len, j->end, e);

    if (rc == 0)
        rc = file_io_sync(j->fd, e);
    if (rc == 0)
        j->end += line->len;
    else if (disk_ftruncate(j->fd, (off_t)j->end) != 0)
        err_wrap(e, "and its tail stays torn");
    if (rc != 0)
        err_wrap(e, "write '%s'", j->path);
    return rc;
}

/* A failed append leaves the old end in force: the next one writes over it.
 * What is written is in force: all that can fail comes first. */
static int append(struct journal *j, const char *verb, const char *key,
                  const char *const *values, size_t count, struct err *e)
{
    struct buf line = BUF_INIT;
    struct fact f = {0};
    int rc = make_line(verb, key, values, count, &line);

    if (rc == 0 && line.len > LINE_MAX_BYTES)
        rc = err_set(e, ERR_LIMIT, "journal line of %zu bytes", line.len);
    if (rc == 0)
        rc = make_room(j);
    if (rc == 0)
        rc = parse_line((const char *)line.base, line.len - 1, &f);
    if (rc == ERR_NOMEM)
        (void)err_set(e, rc, "journal");
    if (rc == 0)
        rc = write_line(j, &line, e);
    if (rc == 0) {
        apply(j, &f);
        shorten(j);
    } else {
        fact_deinit(&f);
    }
    buf_deinit(&line);
    return rc;
}

int journal_set(struct journal *j, const char *verb, const char *key,
                const char *const *values, size_t count, struct err *e)
{
    int rc;

    if (count > VALUES_MAX)
        return err_set(e, ERR_INVALID, "over %d values", VALUES_MAX);
    if (!verb_ok(verb))
        return err_set(e, ERR_INVALID, "'%s' is no verb", verb);
    (void)pthread_mutex_lock(&j->mutex);
    rc = append(j, verb, key, values, count, e);
    (void)pthread_mutex_unlock(&j->mutex);
    return rc;
}

int journal_unset(struct journal *j, const char *verb, const char *key,
                  struct err *e)
{
    char minus[VERB_MAX + 2];
    bool found;
    int rc = 0;

    if (!verb_ok(verb))
        return err_set(e, ERR_INVALID, "'%s' is no verb", verb);
    (void)snprintf(minus, sizeof minus, "-%s", verb);
    (void)pthread_mutex_lock(&j->mutex);
    (void)position(j, verb, key, &found);
    if (found)
        rc = append(j, minus, key, NULL, 0, e);
    (void)pthread_mutex_unlock(&j->mutex);
    return rc;
}

int journal_prune(struct journal *j, const char *verb,
                  bool (*over)(void *user, const char *const *values,
                               size_t count),
                  void *user, struct err *e)
{
    size_t kept = 0;
    int rc = 0;

    (void)pthread_mutex_lock(&j->mutex);
    for (size_t i = 0; i < j->count; i++) {
        struct fact *f = &j->facts[i];

        if (strcmp(f->verb, verb) == 0 &&
            over(user, (const char *const *)f->values, f->count))
            fact_deinit(f);
        else
            j->facts[kept++] = *f;
    }
    if (kept != j->count) {
        j->count = kept;
        rc = rewrite(j, e);
    }
    (void)pthread_mutex_unlock(&j->mutex);
    return rc;
}

void journal_each(struct journal *j, const char *verb,
                  void (*fn)(void *user, const char *key,
                             const char *const *values, size_t count),
                  void *user)
{
    (void)pthread_mutex_lock(&j->mutex);
    for (size_t i = 0; i < j->count; i++)
        if (strcmp(j->facts[i].verb, verb) == 0)
            fn(user, j->facts[i].key, (const char *const *)j->facts[i].values,
               j->facts[i].count);
    (void)pthread_mutex_unlock(&j->mutex);
}

int journal_get(struct journal *j, const char *verb, const char *key,
                size_t index, char *out, size_t cap)
{
    bool found;
    size_t at;
    int rc = ERR_NOT_FOUND;

    (void)pthread_mutex_lock(&j->mutex);
    at = position(j, verb, key, &found);
    if (found && index < j->facts[at].count) {
        const char *v = j->facts[at].values[index];

        rc = strlen(v) < cap ? 0 : ERR_LIMIT;
        if (rc == 0)
            memcpy(out, v, strlen(v) + 1);
    }
    (void)pthread_mutex_unlock(&j->mutex);
    return rc;
}
