/* edition_kit: folders that become editions in a real store, and come out of it
 * again. */
#ifndef TESTS_LIB_EDITION_KIT_H
#define TESTS_LIB_EDITION_KIT_H

#include <dirent.h>

#include "storage/codec.h"
#include "storage/import.h"
#include "storage/target.h"
#include "tests/lib/keep.h"

struct edition {
    struct import_result made;
    struct import_progress progress;
    struct chunk_table blobs;
    struct manifest m;
    struct record_id id;
};

static inline void put_text(const char *dir, const char *name, const char *text)
{
    keep_write(keep_path(dir, name), text, strlen(text));
}

static inline void make_folder(const char *dir, const char *name)
{
    assert_int_equal(mkdir(keep_path(dir, name), 0700), 0);
}

static inline void put_noise(const char *dir, const char *name, size_t n,
                             unsigned seed)
{
    uint8_t *p = malloc(n);

    assert_non_null(p);
    srandom(seed);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(random() >> 8);
    keep_write(keep_path(dir, name), p, n);
    free(p);
}

static inline void read_blob(struct store *s, const struct chunk_ref *refs,
                             size_t n, struct buf *out)
{
    static uint8_t stored[CHUNK_RAW_MAX];
    struct codec *c = codec_new();

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(
            store_read(s, &refs[i].id, stored, sizeof stored, NULL, NULL), 0);
        assert_int_equal(buf_reserve(out, refs[i].raw_len), 0);
        assert_int_equal(codec_decode(c, stored, refs[i].stored_len,
                                      refs[i].flags, out->base + out->len,
                                      refs[i].raw_len, NULL),
                         0);
        out->len += refs[i].raw_len;
    }
    codec_free(c);
}

static inline int try_import(struct store *s, const char *dir,
                             struct edition *ed)
{
    struct import_options opt = {.dir = dir};

    memset(ed, 0, sizeof *ed);
    return import_run(s, &opt, &ed->progress, &ed->made, NULL);
}

static inline void import(struct store *s, const char *dir, struct edition *ed)
{
    struct buf index = BUF_INIT;
    struct buf tree = BUF_INIT;
    struct manifest_totals t;

    assert_int_equal(try_import(s, dir, ed), 0);
    assert_int_equal(chunk_table_from_blobs(buf_span(&ed->made.index_blob),
                                            buf_span(&ed->made.tree_blob),
                                            &ed->blobs, NULL),
                     0);
    read_blob(s, ed->blobs.refs, ed->blobs.index_count, &index);
    read_blob(s, ed->blobs.refs + ed->blobs.index_count, ed->blobs.tree_count,
              &tree);
    t = (struct manifest_totals){ed->made.files, ed->made.bytes,
                                 ed->made.chunks, ed->made.stored_bytes};
    assert_int_equal(manifest_decode(&ed->blobs, buf_span(&index),
                                     buf_span(&tree), &t, &ed->m, NULL),
                     0);
    buf_deinit(&index);
    buf_deinit(&tree);
}

static inline void drop(struct edition *ed)
{
    manifest_deinit(&ed->m);
    chunk_table_deinit(&ed->blobs);
    import_result_deinit(&ed->made);
}

static inline int export(struct store *s, const char *home, const char *dir,
                         struct edition *ed)
{
    struct target *t = NULL;
    struct target_options opt = {
        .home = home, .dir = dir, .edition = ed->id, .m = &ed->m};
    int rc = target_open(s, &opt, &t, NULL);

    if (rc == 0)
        rc = target_finish(t, NULL);
    target_close(t);
    return rc;
}

static inline void assert_same_file(const char *a, const char *b)
{
    struct buf x = BUF_INIT;
    struct buf y = BUF_INIT;

    assert_int_equal(file_io_load(a, 64 << 20, &x, NULL), 0);
    assert_int_equal(file_io_load(b, 64 << 20, &y, NULL), 0);
    assert_int_equal(x.len, y.len);
    if (x.len != 0)
        assert_memory_equal(x.base, y.base, x.len);
    buf_deinit(&x);
    buf_deinit(&y);
}

static inline size_t entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n - 2;
}

struct place { /* of one test */
    char home[1100], src[1100], out[1100];
    struct store *s;
};

static inline void begin(struct place *p)
{
    const char *top = test_tmpdir(); /* short */

    (void)snprintf(p->home, sizeof p->home, "%.1000s/home", top);
    (void)snprintf(p->src, sizeof p->src, "%.1000s/src", top);
    (void)snprintf(p->out, sizeof p->out, "%.1000s/out", top);
    assert_int_equal(mkdir(p->home, 0700), 0);
    assert_int_equal(mkdir(p->src, 0700), 0);
    p->s = keep_open(p->home);
}

/* ---- a folder that moves ------------------------------------------------- */

struct kept_list {
    char path[8][300];
    char beside[8][300];
    size_t count;
};

static inline void note_kept(void *user, const char *path, const char *beside)
{
    struct kept_list *l = user;

    assert_true(l->count < 8);
    (void)snprintf(l->path[l->count], 300, "%s", path);
    (void)snprintf(l->beside[l->count], 300, "%s",
                   beside != NULL ? beside : "");
    l->count++;
}

/* Edition @to into the folder that holds @from. */
static inline int move(struct place *p, struct edition *from,
                       struct edition *to, struct kept_list *kept)
{
    struct target_options opt = {.home = p->home,
                                 .dir = p->out,
                                 .edition = to->id,
                                 .seq = 2,
                                 .m = &to->m,
                                 .before = {&from->m},
                                 .before_count = 1,
                                 .known = true};
    struct target *t = NULL;
    int rc = target_open(p->s, &opt, &t, NULL);

    if (rc == 0)
        rc = target_finish(t, NULL);
    if (rc == 0 && kept != NULL)
        target_each_kept(t, note_kept, kept);
    target_close(t);
    return rc;
}

static inline void number(struct edition *ed, uint8_t n)
{
    memset(ed->id.b, n, sizeof ed->id.b);
}

static inline void all_held(struct place *p, const struct edition *ed)
{
    for (uint32_t i = 0; i < ed->m.table.count; i++)
        assert_int_equal(store_verify(p->s, &ed->m.table.refs[i].id, NULL), 0);
}

#endif
