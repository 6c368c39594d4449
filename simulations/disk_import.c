/* disk_import: the user's own folder, written with an editor and published with
 * the real import, in one thread. What was published has to be what lay there,
 * and stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/alloc_fail.h"
#include "simulations/disk_author.h"
#include "simulations/disk_deeds.h"
#include "simulations/mem.h"
#include "storage/disk.h"
#include "storage/export.h"
#include "storage/file_io.h"

#define FOLDER "/author"
#define FILES 4
#define TEXT_CAP 9000u

struct disk_lessons {
    struct disk_author by;
    unsigned version[FILES]; /* of the text; 0: not written yet */
    bool unsure[FILES];      /* his editor failed */
};

/* ---- his folder ------------------------------------------------------------
 */

static void name_of(size_t file, char out[64])
{
    (void)snprintf(out, 64, FOLDER "/lesson-%zu.md", file);
}

/* The same for the same version, longer than a chunk for some. */
static size_t text_of(size_t file, unsigned version, char out[TEXT_CAP])
{
    uint64_t x = rng_mix(file * 1000 + version);
    size_t len = 40 + (size_t)(x % (file == 0 ? 8000 : 700));
    size_t n =
        (size_t)snprintf(out, TEXT_CAP, "# Lesson %zu, %u\n", file, version);

    while (n < len) {
        x = rng_mix(x);
        n += (size_t)snprintf(out + n, TEXT_CAP - n, "%08x ", (unsigned)x);
    }
    return n;
}

static int write_lesson(struct disk_lessons *a, size_t file, struct err *err)
{
    char text[TEXT_CAP];
    char path[64];
    int rc;

    name_of(file, path);
    rc = file_io_save(path, text, text_of(file, a->version[file], text), err);
    a->unsure[file] = rc != 0;
    return rc;
}

int disk_lesson(struct disk_world *w, struct err *err)
{
    struct disk_lessons *a = w->lessons;
    size_t file = (size_t)disk_below(w, FILES);

    a->version[file]++;
    a->unsure[file] = true;
    return write_lesson(a, file, err);
}

static int end_writing(struct disk_lessons *a, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < FILES && rc == 0; i++)
        if (a->unsure[i])
            rc = write_lesson(a, i, err);
    return rc;
}

static bool has_written(const struct disk_lessons *a)
{
    unsigned sum = 0;

    for (size_t i = 0; i < FILES; i++)
        sum += a->version[i];
    return sum != 0;
}

/* ---- is it what lay there? -------------------------------------------------
 */

struct compare {
    const char *text;
    size_t len, at;
    bool same;
};

static int compare_piece(void *user, const uint8_t *p, size_t n)
{
    struct compare *c = user;

    c->same =
        c->same && n <= c->len - c->at && memcmp(c->text + c->at, p, n) == 0;
    c->at += n;
    return 0;
}

static void check_content(struct disk_world *w, const struct manifest *m)
{
    struct disk_lessons *a = w->lessons;

    for (size_t i = 0; i < FILES; i++) {
        char path[64];
        char text[TEXT_CAP];
        struct compare c = {.text = text, .same = true};
        int64_t at;
        int rc;

        if (a->version[i] == 0)
            continue;
        name_of(i, path);
        c.len = text_of(i, a->version[i], text);
        at = manifest_find(m, path + sizeof FOLDER);
        rc = at < 0 ? ERR_NOT_FOUND
                    : export_read(w->node.store, m, (uint32_t)at, 0, TEXT_CAP,
                                  compare_piece, &c, NULL);
        if (rc != 0 || !c.same || c.at != c.len)
            disk_fail(w, "S1", "published is not what lay in '%s': %s", path,
                      err_words(rc));
    }
}

static int import(struct disk_world *w, struct err *err)
{
    struct manifest m = {0};
    int rc = disk_author_import(w, &w->lessons->by, FOLDER, &m, err);

    if (rc != 0)
        return rc;
    if (disk_alive(w)) {
        (void)alloc_fail_stop(); /* he looks at it himself */
        vdisk_hold(w->disk, true);
        check_content(w, &m);
        vdisk_hold(w->disk, false);
    }
    manifest_deinit(&m);
    return 0;
}

int disk_import(struct disk_world *w, struct err *err)
{
    int rc;

    if (!has_written(w->lessons) || w->rotten || w->index_rotten)
        return 0;
    rc = end_writing(w->lessons, err);
    return rc == 0 ? import(w, err) : rc;
}

/* ---- his life --------------------------------------------------------------
 */

struct disk_author *disk_lessons_author(struct disk_lessons *l)
{
    return &l->by;
}

struct disk_lessons *disk_lessons_new(struct rng *rng)
{
    struct disk_lessons *l = mem_new(1, sizeof *l);

    disk_author_init(&l->by, rng);
    (void)disk_mkdir(FOLDER, 0755);
    return l;
}

void disk_lessons_free(struct disk_lessons *l)
{
    disk_author_deinit(&l->by);
    free(l);
}
