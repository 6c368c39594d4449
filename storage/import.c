/* import: a folder becomes chunks and a manifest. */
#include "storage/import_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/disk.h"
#include "storage/infer.h"

/* ---- the manifest
 * ----------------------------------------------------------------------------
 */

/* Cuts a blob into chunks, stores them, lists their entries. */
static int store_blob(struct import *im, const struct buf *blob,
                      struct buf *out_entries)
{
    const struct chunker_profile *p = chunker_profile(STREAM_TEXT);
    struct worker *w = calloc(1, sizeof *w);
    size_t at = 0;
    int rc = 0;

    if (w == NULL || !import__worker_init(w, im, 0)) /* one by one */
        rc = err_set(im->e, ERR_NOMEM, "blob");
    while (rc == 0 && at < blob->len) {
        size_t n = chunker_cut(p, blob->base + at, blob->len - at, true);
        struct block *b = im->block; /* idle now: room for a piece */
        struct job j = {.block = b, .len = (uint32_t)n};
        struct chunk_ref ref;
        uint8_t entry[CHUNK_ENTRY_BYTES];

        memcpy(b->bytes, blob->base + at, n);
        rc = import__pack(w, &j, 1, &ref, im->e);
        if (rc != 0)
            break;
        im->new_chunks += w->new_chunks;
        im->new_stored += w->new_stored;
        chunk_entry_encode(&ref, entry);
        (void)buf_append(out_entries, entry, sizeof entry);
        at += n;
    }
    if (w != NULL)
        import__worker_deinit(w);
    free(w);
    if (rc == 0 && out_entries->failed)
        rc = err_set(im->e, ERR_NOMEM, "blob");
    return rc;
}

static int make_index(struct import *im, struct buf *out)
{
    for (size_t i = 0; i < im->chunk_count; i++) {
        uint8_t entry[CHUNK_ENTRY_BYTES];

        chunk_entry_encode(&im->chunks[i], entry);
        if (buf_append(out, entry, sizeof entry) != 0)
            return err_set(im->e, ERR_NOMEM, "index");
        im->out->stored_bytes += im->chunks[i].stored_len;
    }
    /* A course of nothing but empty files has no chunk, but a blob has. */
    return im->chunk_count != 0 ? 0
                                : err_set(im->e, ERR_INVALID,
                                          "there is nothing to publish: every"
                                          " file is empty");
}

static struct span text_span(const char *s)
{
    struct span out = {(const uint8_t *)s, s != NULL ? strlen(s) : 0};

    return out;
}

static void fill_edition(struct import *im)
{
    struct import_result *r = im->out;
    const struct course_info *c = &r->info;
    struct edition_payload *p = &r->edition;

    p->title = text_span(c->title);
    p->summary = text_span(c->summary);
    p->language = text_span(c->language);
    p->level = text_span(c->level);
    p->licence = text_span(c->licence);
    p->change_note = text_span(c->change_note);
    p->tag_count = c->tag_count;
    p->teach_count = c->teach_count;
    p->require_count = c->require_count;
    for (size_t i = 0; i < COURSE_LIST_MAX; i++) {
        p->tags[i] = text_span(i < c->tag_count ? c->tags[i] : NULL);
        p->teaches[i] = text_span(i < c->teach_count ? c->teaches[i] : NULL);
        p->requires_[i] =
            text_span(i < c->require_count ? c->requires_[i] : NULL);
    }
    p->index_blob = buf_span(&r->index_blob);
    p->tree_blob = buf_span(&r->tree_blob);
    p->files = r->files;
    p->bytes = r->bytes;
    p->chunks = r->chunks;
    p->stored_bytes = r->stored_bytes;
}

static int make_manifest(struct import *im)
{
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;
    char **kept = NULL;
    size_t kept_count = 0;
    int rc = infer_lessons(&im->out->info, &im->walk, &im->m, &kept,
                           &kept_count, im->e);

    if (rc == 0)
        rc = manifest_encode_tree(&im->m, &tree, im->e);
    if (rc == 0)
        rc = make_index(im, &index);
    if (rc == 0)
        rc = store_blob(im, &index, &im->out->index_blob);
    if (rc == 0)
        rc = store_blob(im, &tree, &im->out->tree_blob);
    for (size_t i = 0; i < kept_count; i++)
        free(kept[i]);
    free(kept);
    buf_deinit(&index);
    buf_deinit(&tree);
    return rc;
}

static int list_files(struct import *im)
{
    struct manifest *m = &im->m;

    m->files = calloc(im->walk.count + 1, sizeof *m->files);
    m->dirs = calloc(im->walk.dir_count + 1, sizeof *m->dirs);
    im->files = calloc(im->walk.count + 1, sizeof *im->files);
    im->referred = calloc(im->walk.count + 1, sizeof *im->referred);
    if (m->files == NULL || m->dirs == NULL || im->files == NULL ||
        im->referred == NULL)
        return err_set(im->e, ERR_NOMEM, "files");
    m->file_count = (uint32_t)im->walk.count;
    m->dir_count = (uint32_t)im->walk.dir_count;
    for (size_t i = 0; i < im->walk.count; i++) {
        m->files[i].path = im->walk.files[i].name;
        m->files[i].size = im->walk.files[i].size;
        m->files[i].flags =
            im->walk.files[i].executable ? FILE_FLAG_EXECUTABLE : 0;
        m->bytes += m->files[i].size;
    }
    for (size_t i = 0; i < im->walk.dir_count; i++)
        m->dirs[i] = im->walk.dirs[i];
    return 0;
}

/* ---- warnings
 * -----------------------------------------------------------------------------------
 */

static void on_note(void *user, const char *text)
{
    struct import *im = user;

    import__note(im->out->notes, &im->out->note_count, IMPORT_NOTES_MAX,
                 &im->out->notes_dropped, text);
}

static bool on_stop(void *user)
{
    return import__cancelled(user);
}

/* ---- files that stay where they are
 * ---------------------------------------------------------------- */

/* The real path of what is published, and of the folder it begins at. */
static int find_root(struct import *im)
{
    struct stat st;
    char *slash;

    im->dir = disk_realpath(im->opt->dir);
    im->root = im->dir != NULL ? strdup(im->dir) : NULL;
    if (im->root == NULL || disk_stat(im->root, &st) != 0)
        return err_errno(im->e, errno, "'%s'", im->opt->dir);
    slash = strrchr(im->root, '/');
    if (!S_ISDIR(st.st_mode) && slash != NULL)
        slash[slash == im->root] = '\0'; /* one page: its folder */
    return 0;
}

/* What these files were when they were published before is over. */
static int supersede(struct import *im)
{
    int rc = 0;

    for (size_t i = 0; i < im->referred_count && rc == 0; i++)
        rc = store_file_supersede(im->store, im->referred[i], im->e);
    return rc;
}

/* ---- the calls
 * -------------------------------------------------------------------------------------
 */

static int run(struct import *im)
{
    int rc = walk_open(im->opt->dir, &im->walk, im->e);

    if (rc == 0)
        rc = find_root(im);
    if (rc != 0)
        return rc;
    atomic_store(&im->progress->files_found, im->walk.count);
    atomic_store(&im->progress->bytes_found, im->walk.bytes);
    if (im->walk.count == 0)
        rc = err_set(im->e, ERR_INVALID, "'%s' holds nothing to publish",
                     im->opt->dir);
    if (rc == 0 && !im->opt->allow_secrets)
        rc = import__check_secrets(&im->walk, im->e);
    if (rc == 0)
        rc = infer_info(im->opt->dir, &im->walk, &im->out->info, im->e);
    if (rc == 0)
        import__warn_names(&im->walk, on_note, im);
    if (rc == 0 && !im->opt->dry_run)
        rc = store_room(im->store, im->walk.bytes / 16, im->e);
    if (rc == 0)
        rc = list_files(im);
    if (rc == 0)
        import__load_seen(im);
    if (rc == 0)
        rc = import__make_blocks(im);
    if (rc == 0)
        rc = import__run(im, import__read_all);
    if (rc == 0)
        rc = supersede(im);
    if (rc == 0)
        rc = make_manifest(im);
    if (rc == 0)
        rc = import__save_seen(im);
    return rc;
}

int import_run(struct store *s, const struct import_options *opt,
               struct import_progress *progress, struct import_result *out,
               struct err *e)
{
    struct err local = ERR_INIT;
    struct import *im = calloc(1, sizeof *im);
    int rc;

    if (im == NULL)
        return err_set(e, ERR_NOMEM, "import");
    *out = (struct import_result){0};
    im->store = s;
    im->opt = opt;
    im->progress = progress;
    im->out = out;
    im->e = &local;
    im->walk.note = on_note;
    im->walk.note_user = im;
    im->walk.stop = on_stop;
    im->walk.fd = im->dir_fd = -1;
    (void)pthread_mutex_init(&im->mutex, NULL);
    (void)pthread_cond_init(&im->work, NULL);
    (void)pthread_cond_init(&im->room, NULL);
    rc = run(im);
    out->files = im->walk.count;
    out->bytes = im->m.bytes;
    out->chunks = im->chunk_count;
    out->new_chunks = im->new_chunks;
    out->new_stored_bytes = im->new_stored;
    if (rc == 0)
        fill_edition(im);
    import__free_blocks(im);
    free(im->chunks);
    free(im->files);
    free(im->referred);
    free(im->dir);
    free(im->root);
    seen_deinit(&im->before);
    manifest_deinit(&im->m);
    walk_close(&im->walk);
    (void)pthread_cond_destroy(&im->room);
    (void)pthread_cond_destroy(&im->work);
    (void)pthread_mutex_destroy(&im->mutex);
    free(im);
    if (rc != 0) {
        import_result_deinit(out);
        if (e != NULL)
            *e = local;
        err_wrap(e, "publish '%s'", opt->dir);
    }
    return rc;
}

void import_result_deinit(struct import_result *r)
{
    course_info_deinit(&r->info);
    buf_deinit(&r->index_blob);
    buf_deinit(&r->tree_blob);
    for (size_t i = 0; i < r->note_count; i++)
        free(r->notes[i]);
    r->note_count = 0;
}
