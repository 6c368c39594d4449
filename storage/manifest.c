#include "storage/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "storage/path_rules.h"

enum { VERSION = 1, STREAMS = 2, FILES = 3, DIRS = 4, MODULES = 5 };

#define TREE_VERSION 1
#define LESSON_TITLE_MAX 800 /* bytes of 200 code points */
#define BYTES_MAX (UINT64_C(1) << 53)

/* ---- chunk entries
 * --------------------------------------------------------------- */

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* SPEC 4.2: "chunk id (32), stored_len (u32), flags (u8), raw_len (u24)" */
void chunk_entry_encode(const struct chunk_ref *ref, uint8_t out[40])
{
    memcpy(out, ref->id.b, sizeof ref->id.b);
    put_u32(out + 32, ref->stored_len);
    put_u32(out + 36, (uint32_t)ref->flags << 24 | ref->raw_len);
}

int chunk_entry_decode(const uint8_t in[40], struct chunk_ref *out_ref)
{
    struct chunk_ref r;
    bool packed;

    memcpy(r.id.b, in, sizeof r.id.b);
    r.stored_len = get_u32(in + 32);
    r.flags = in[36];
    r.raw_len = get_u32(in + 36) & 0xffffff;
    packed = (r.flags & CHUNK_FLAG_ZSTD) != 0;
    if ((r.flags & ~CHUNK_FLAG_ZSTD) != 0 || r.stored_len < 1 ||
        r.stored_len > CHUNK_RAW_MAX || r.raw_len < 1 ||
        r.raw_len > CHUNK_RAW_MAX ||
        (packed ? r.stored_len >= r.raw_len : r.stored_len != r.raw_len))
        return ERR_MALFORMED;
    *out_ref = r;
    return 0;
}

static int decode_entries(struct span s, struct chunk_ref *out)
{
    for (size_t i = 0; i * CHUNK_ENTRY_BYTES < s.len; i++)
        if (chunk_entry_decode(s.p + i * CHUNK_ENTRY_BYTES, &out[i]) != 0)
            return ERR_MALFORMED;
    return 0;
}

int chunk_table_from_blobs(struct span index_blob, struct span tree_blob,
                           struct chunk_table *out_table, struct err *e)
{
    struct chunk_table t = CHUNK_TABLE_INIT;
    size_t ni = index_blob.len / CHUNK_ENTRY_BYTES;
    size_t nt = tree_blob.len / CHUNK_ENTRY_BYTES;

    if (index_blob.len % CHUNK_ENTRY_BYTES != 0 ||
        tree_blob.len % CHUNK_ENTRY_BYTES != 0 || ni == 0 || nt == 0 ||
        ni + nt > MANIFEST_BLOB_ENTRIES_MAX)
        return err_set(e, ERR_MALFORMED, "blob entries");
    t.refs = calloc(ni + nt, sizeof *t.refs);
    if (t.refs == NULL)
        return err_set(e, ERR_NOMEM, "chunk table");
    t.count = (uint32_t)(ni + nt);
    t.index_count = (uint32_t)ni;
    t.tree_count = (uint32_t)nt;
    if (decode_entries(index_blob, t.refs) != 0 ||
        decode_entries(tree_blob, t.refs + ni) != 0) {
        free(t.refs);
        return err_set(e, ERR_MALFORMED, "blob entry out of range");
    }
    *out_table = t;
    return 0;
}

void chunk_table_deinit(struct chunk_table *t)
{
    free(t->refs);
    *t = (struct chunk_table)CHUNK_TABLE_INIT;
}

/* ---- the index blob
 * ------------------------------------------------------------------ */

static int decode_index(struct manifest *m, const struct chunk_table *blobs,
                        struct span index, struct err *e)
{
    size_t n = index.len / CHUNK_ENTRY_BYTES;
    uint32_t head = blobs->count;

    if (index.len % CHUNK_ENTRY_BYTES != 0 || n > MANIFEST_CHUNKS_MAX)
        return err_set(e, ERR_MALFORMED, "index of %zu bytes", index.len);
    m->table = *blobs;
    m->table.refs = calloc(head + n + 1, sizeof *m->table.refs);
    m->slot_offset = calloc(n + 1, sizeof *m->slot_offset);
    if (m->table.refs == NULL || m->slot_offset == NULL)
        return err_set(e, ERR_NOMEM, "chunk table");
    memcpy(m->table.refs, blobs->refs, head * sizeof *blobs->refs);
    m->table.count = head + (uint32_t)n;
    if (decode_entries(index, m->table.refs + head) != 0)
        return err_set(e, ERR_MALFORMED, "chunk entry out of range");
    for (size_t i = 0; i < n; i++)
        m->stored_bytes += m->table.refs[head + i].stored_len;
    return 0;
}

/* ---- the tree blob
 * ---------------------------------------------------------------------- */

struct tree_reader {
    struct cbor_in in;
    struct manifest *m;
    struct err *e;
};

static int bad(struct tree_reader *t, const char *why)
{
    return err_set(t->e, ERR_MALFORMED, "tree: %s", why);
}

static void *table_of(uint64_t n, size_t size)
{
    return calloc((size_t)n + 1, size);
}

static int read_count(struct tree_reader *t, uint64_t max, uint64_t *out)
{
    if (cbor_read_array(&t->in, out) != 0)
        return bad(t, "a list is missing");
    return *out <= max ? 0 : err_set(t->e, ERR_LIMIT, "tree: too many entries");
}

static int read_shape(struct tree_reader *t, uint64_t want)
{
    uint64_t n;

    if (cbor_read_array(&t->in, &n) != 0 || n != want)
        return bad(t, "an entry of another shape");
    return 0;
}

/* The offsets of a stream's chunks, which must sum to its bytes. */
static int place_stream(struct tree_reader *t, struct manifest_stream *s,
                        uint64_t *slot)
{
    struct manifest *m = t->m;
    uint32_t head = m->table.index_count + m->table.tree_count;
    uint64_t at = 0;

    if (s->chunk_count > m->table.count - *slot)
        return bad(t, "streams of more chunks than the index has");
    s->first_slot = (uint32_t)*slot;
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        m->slot_offset[*slot + i - head] = at;
        at += m->table.refs[*slot + i].raw_len;
    }
    if (at != s->bytes || at == 0)
        return bad(t, "a stream whose chunks do not sum to its bytes");
    *slot += s->chunk_count;
    return 0;
}

static int read_streams(struct tree_reader *t)
{
    struct manifest *m = t->m;
    uint64_t slot = m->table.index_count + m->table.tree_count;
    uint64_t n;
    int rc = read_count(t, MANIFEST_FILES_MAX + 1, &n);

    if (rc != 0)
        return rc;
    m->streams = table_of(n, sizeof *m->streams);
    if (m->streams == NULL)
        return err_set(t->e, ERR_NOMEM, "streams");
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct manifest_stream *s = &m->streams[i];
        uint64_t profile;
        uint64_t chunks;

        rc = read_shape(t, 3);
        if (rc == 0 && (cbor_read_uint(&t->in, &profile) != 0 ||
                        cbor_read_uint(&t->in, &chunks) != 0 ||
                        cbor_read_uint(&t->in, &s->bytes) != 0 || profile > 1 ||
                        chunks > MANIFEST_CHUNKS_MAX || s->bytes >= BYTES_MAX))
            rc = bad(t, "a stream out of range");
        if (rc != 0)
            return rc;
        s->profile = (enum stream_profile)profile;
        s->chunk_count = (uint32_t)chunks;
        rc = place_stream(t, s, &slot);
    }
    m->stream_count = (uint32_t)n;
    if (rc == 0 && slot != m->table.count)
        rc = bad(t, "chunks that belong to no stream");
    return rc;
}

/* Texts are copied behind each other into m->strings, which was given all the
 * room they can need, so that it never moves. */
static const char *keep_text(struct manifest *m, struct span s)
{
    char *at = (char *)m->strings.base + m->strings.len;

    if (m->strings.cap - m->strings.len <= s.len)
        return NULL;
    if (s.len != 0)
        memcpy(at, s.p, s.len);
    at[s.len] = '\0';
    m->strings.len += s.len + 1;
    return at;
}

static int read_path(struct tree_reader *t, const char **out)
{
    struct span s;
    int rc;

    if (cbor_read_text(&t->in, &s) != 0)
        return bad(t, "a path is missing");
    rc = path_check((const char *)s.p, s.len, t->e);
    if (rc != 0) {
        err_wrap(t->e, "tree: path");
        return rc;
    }
    *out = keep_text(t->m, s);
    return *out != NULL ? 0 : bad(t, "texts out of room");
}

static int read_file(struct tree_reader *t, struct manifest_file *f)
{
    const struct manifest *m = t->m;
    uint64_t flags;
    uint64_t stream;
    int rc = read_shape(t, 5);

    if (rc == 0)
        rc = read_path(t, &f->path);
    if (rc != 0)
        return rc;
    if (cbor_read_uint(&t->in, &f->size) != 0 ||
        cbor_read_uint(&t->in, &flags) != 0 ||
        cbor_read_uint(&t->in, &stream) != 0 ||
        cbor_read_uint(&t->in, &f->offset) != 0 || flags > 1)
        return bad(t, "a file out of range");
    f->flags = (uint8_t)flags;
    f->stream = (uint32_t)stream;
    if (f->size == 0)
        return stream == 0 && f->offset == 0
                   ? 0
                   : bad(t, "an empty file that refers to something");
    if (stream >= m->stream_count || f->offset > m->streams[stream].bytes ||
        f->size > m->streams[stream].bytes - f->offset)
        return bad(t, "a file outside its stream");
    return 0;
}

static int read_files(struct tree_reader *t)
{
    struct manifest *m = t->m;
    uint64_t n;
    int rc = read_count(t, MANIFEST_FILES_MAX, &n);

    if (rc != 0)
        return rc;
    m->files = table_of(n, sizeof *m->files);
    if (m->files == NULL)
        return err_set(t->e, ERR_NOMEM, "files");
    m->file_count = (uint32_t)n;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        rc = read_file(t, &m->files[i]);
        m->bytes += m->files[i].size; /* each below its stream: no wrap */
        if (rc == 0 && m->bytes >= BYTES_MAX)
            rc = bad(t, "sizes out of range");
    }
    return rc;
}

static int read_dirs(struct tree_reader *t)
{
    struct manifest *m = t->m;
    uint64_t n;
    int rc = read_count(t, MANIFEST_FILES_MAX, &n);

    if (rc != 0)
        return rc;
    m->dirs = table_of(n, sizeof *m->dirs);
    if (m->dirs == NULL)
        return err_set(t->e, ERR_NOMEM, "folders");
    m->dir_count = (uint32_t)n;
    for (uint64_t i = 0; i < n && rc == 0; i++)
        rc = read_path(t, &m->dirs[i]);
    return rc;
}

static int read_title(struct tree_reader *t, const char **out)
{
    struct span s;

    if (cbor_read_text(&t->in, &s) != 0 || s.len == 0 ||
        s.len > LESSON_TITLE_MAX)
        return bad(t, "a title out of range");
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return bad(t, "a title with control characters");
    *out = keep_text(t->m, s);
    return *out != NULL ? 0 : bad(t, "texts out of room");
}

static int read_lesson(struct tree_reader *t, struct manifest_lesson *l)
{
    uint64_t kind;
    uint64_t duration;
    uint64_t flags;
    struct span path;
    int64_t file;
    int rc = read_shape(t, 5);

    if (rc == 0)
        rc = read_title(t, &l->title);
    if (rc != 0)
        return rc;
    if (cbor_read_uint(&t->in, &kind) != 0 ||
        cbor_read_text(&t->in, &path) != 0 ||
        cbor_read_uint(&t->in, &duration) != 0 ||
        cbor_read_uint(&t->in, &flags) != 0 || kind > LESSON_OTHER ||
        duration > UINT32_MAX || flags > LESSON_FLAG_PREVIEW)
        return bad(t, "a lesson out of range");
    l->path = keep_text(t->m, path);
    file = l->path != NULL && memchr(path.p, 0, path.len) == NULL
               ? manifest_find(t->m, l->path)
               : -1;
    if (file < 0)
        return bad(t, "a lesson whose path is no file");
    l->path = t->m->files[file].path;
    l->kind = (enum lesson_kind)kind;
    l->duration_s = (uint32_t)duration;
    l->flags = (uint8_t)flags;
    return 0;
}

static int read_lessons(struct tree_reader *t, uint32_t module, size_t *cap)
{
    struct manifest *m = t->m;
    uint64_t n;
    int rc = read_count(t, MANIFEST_FILES_MAX - m->lesson_count, &n);

    if (rc == 0 && m->lesson_count + n > *cap) {
        size_t want = (m->lesson_count + (size_t)n) * 2;
        void *grown = realloc(m->lessons, want * sizeof *m->lessons);

        if (grown == NULL)
            return err_set(t->e, ERR_NOMEM, "lessons");
        m->lessons = grown;
        *cap = want;
    }
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct manifest_lesson l = {.module = module};

        rc = read_lesson(t, &l);
        if (rc == 0)
            m->lessons[m->lesson_count++] = l;
    }
    return rc;
}

static int read_modules(struct tree_reader *t)
{
    struct manifest *m = t->m;
    size_t cap = 0;
    uint64_t n;
    int rc = read_count(t, MANIFEST_FILES_MAX, &n);

    if (rc != 0)
        return rc;
    m->modules = table_of(n, sizeof *m->modules);
    if (m->modules == NULL)
        return err_set(t->e, ERR_NOMEM, "modules");
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        rc = read_shape(t, 2);
        if (rc == 0)
            rc = read_title(t, &m->modules[i].title);
        if (rc == 0)
            rc = read_lessons(t, (uint32_t)i, &cap);
    }
    m->module_count = (uint32_t)n;
    return rc;
}

static int read_tree(struct tree_reader *t)
{
    uint64_t key = 0;
    uint64_t version = 0;
    uint64_t pairs = 0;
    int rc = 0;

    if (cbor_read_map(&t->in, &pairs) != 0 || pairs != 5 ||
        cbor_read_uint(&t->in, &key) != 0 || key != VERSION ||
        cbor_read_uint(&t->in, &version) != 0)
        return bad(t, "not a tree");
    if (version != TREE_VERSION)
        return bad(t, "a version of the future");
    for (uint64_t want = STREAMS; want <= MODULES && rc == 0; want++) {
        if (cbor_read_uint(&t->in, &key) != 0 || key != want)
            return bad(t, "a part is missing");
        if (want == STREAMS)
            rc = read_streams(t);
        else if (want == FILES)
            rc = read_files(t);
        else if (want == DIRS)
            rc = read_dirs(t);
        else
            rc = read_modules(t);
    }
    if (rc == 0 && !cbor_done(&t->in))
        rc = bad(t, "bytes left over");
    return rc;
}

/* ---- checks over the whole
 * ------------------------------------------------------------------ */

static int compare_place(const void *a, const void *b)
{
    const struct manifest_file *x = *(const struct manifest_file *const *)a;
    const struct manifest_file *y = *(const struct manifest_file *const *)b;

    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* SPEC 4.4: "files of one stream do not overlap, and cover it" */
static int check_cover(struct manifest *m, struct err *e)
{
    const struct manifest_file **by_place =
        calloc(m->file_count + 1u, sizeof(*by_place));
    uint32_t n = 0;
    uint32_t stream = 0;
    uint64_t at = 0;
    int rc = 0;

    if (by_place == NULL)
        return err_set(e, ERR_NOMEM, "files");
    for (uint32_t i = 0; i < m->file_count; i++)
        if (m->files[i].size != 0)
            by_place[n++] = &m->files[i];
    qsort(by_place, n, sizeof(*by_place), compare_place);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        const struct manifest_file *f = by_place[i];

        if (f->stream == stream + 1 && stream < m->stream_count &&
            at == m->streams[stream].bytes) {
            stream++;
            at = 0;
        }
        if (f->stream != stream || f->offset != at)
            rc = err_set(e, ERR_MALFORMED,
                         "tree: '%s' overlaps or leaves a gap", f->path);
        at += f->size;
    }
    if (rc == 0 && m->stream_count != 0 &&
        (stream != m->stream_count - 1 || at != m->streams[stream].bytes))
        rc = err_set(e, ERR_MALFORMED, "tree: a stream that no file covers");
    free(by_place);
    return rc;
}

static int check_paths(struct manifest *m, struct err *e)
{
    size_t total = (size_t)m->file_count + m->dir_count;
    const char **all = calloc(total + 1, sizeof *all);
    size_t f = 0;
    size_t d = 0;
    int rc;

    if (all == NULL)
        return err_set(e, ERR_NOMEM, "paths");
    for (size_t i = 0; i < total; i++) {
        bool file = d == m->dir_count ||
                    (f != m->file_count &&
                     path_compare(m->files[f].path, m->dirs[d]) < 0);

        all[i] = file ? m->files[f++].path : m->dirs[d++];
    }
    rc = path_list_check(all, NULL, total, MANIFEST_NAMES_MAX, e);
    free(all);
    return rc;
}

static int check_sorted(struct manifest *m, struct err *e)
{
    for (uint32_t i = 1; i < m->file_count; i++)
        if (path_compare(m->files[i - 1].path, m->files[i].path) >= 0)
            return err_set(e, ERR_MALFORMED, "tree: files are unsorted");
    for (uint32_t i = 1; i < m->dir_count; i++)
        if (path_compare(m->dirs[i - 1], m->dirs[i]) >= 0)
            return err_set(e, ERR_MALFORMED, "tree: folders are unsorted");
    return 0;
}

static int check_totals(const struct manifest *m,
                        const struct manifest_totals *t, struct err *e)
{
    uint64_t chunks =
        m->table.count - m->table.index_count - m->table.tree_count;

    if (m->file_count != t->files || m->bytes != t->bytes ||
        chunks != t->chunks || m->stored_bytes != t->stored_bytes)
        return err_set(e, ERR_MALFORMED,
                       "manifest: totals differ from the edition's");
    return 0;
}

int manifest_decode(const struct chunk_table *blobs, struct span index,
                    struct span tree, const struct manifest_totals *totals,
                    struct manifest *out_m, struct err *e)
{
    struct manifest m = {0};
    struct tree_reader t = {.m = &m, .e = e};
    int rc = 0;

    if (tree.len > MANIFEST_TREE_MAX)
        return err_set(e, ERR_LIMIT, "tree of over 16 MiB");
    rc = cbor_check(tree.p, tree.len, 0, e);
    /* One NUL a text: never more texts than bytes. Paths twice: lessons. */
    if (rc == 0)
        rc = buf_reserve(&m.strings, 2 * tree.len + 16);
    if (rc == 0)
        rc = decode_index(&m, blobs, index, e);
    if (rc == 0) {
        cbor_in_init(&t.in, tree.p, tree.len);
        rc = read_tree(&t);
    }
    if (rc == 0)
        rc = check_sorted(&m, e);
    if (rc == 0)
        rc = check_paths(&m, e);
    if (rc == 0)
        rc = check_cover(&m, e);
    if (rc == 0)
        rc = check_totals(&m, totals, e);
    if (rc == 0)
        *out_m = m;
    else
        manifest_deinit(&m);
    return rc;
}

void manifest_deinit(struct manifest *m)
{
    chunk_table_deinit(&m->table);
    free(m->streams);
    free(m->files);
    free(m->dirs);
    free(m->modules);
    free(m->lessons);
    free(m->slot_offset);
    buf_deinit(&m->strings);
    *m = (struct manifest){0};
}

/* ---- encoding
 * -----------------------------------------------------------------------------------
 */

static void put_str(struct buf *out, const char *s)
{
    cbor_put_text(out, s, strlen(s));
}

static void put_file(struct buf *out, const struct manifest_file *f)
{
    cbor_put_array(out, 5);
    put_str(out, f->path);
    cbor_put_uint(out, f->size);
    cbor_put_uint(out, f->flags);
    cbor_put_uint(out, f->size != 0 ? f->stream : 0);
    cbor_put_uint(out, f->size != 0 ? f->offset : 0);
}

static void put_module(struct buf *out, const struct manifest *m, uint32_t no,
                       uint32_t *lesson)
{
    uint32_t n = 0;

    while (*lesson + n < m->lesson_count &&
           m->lessons[*lesson + n].module == no)
        n++;
    cbor_put_array(out, 2);
    put_str(out, m->modules[no].title);
    cbor_put_array(out, n);
    for (; n != 0; n--, (*lesson)++) {
        const struct manifest_lesson *l = &m->lessons[*lesson];

        cbor_put_array(out, 5);
        put_str(out, l->title);
        cbor_put_uint(out, l->kind);
        put_str(out, l->path);
        cbor_put_uint(out, l->duration_s);
        cbor_put_uint(out, l->flags);
    }
}

int manifest_encode_tree(const struct manifest *m, struct buf *out,
                         struct err *e)
{
    size_t start = out->len;
    uint32_t lesson = 0;

    cbor_put_map(out, 5);
    cbor_put_uint(out, VERSION);
    cbor_put_uint(out, TREE_VERSION);
    cbor_put_uint(out, STREAMS);
    cbor_put_array(out, m->stream_count);
    for (uint32_t i = 0; i < m->stream_count; i++) {
        cbor_put_array(out, 3);
        cbor_put_uint(out, m->streams[i].profile);
        cbor_put_uint(out, m->streams[i].chunk_count);
        cbor_put_uint(out, m->streams[i].bytes);
    }
    cbor_put_uint(out, FILES);
    cbor_put_array(out, m->file_count);
    for (uint32_t i = 0; i < m->file_count; i++)
        put_file(out, &m->files[i]);
    cbor_put_uint(out, DIRS);
    cbor_put_array(out, m->dir_count);
    for (uint32_t i = 0; i < m->dir_count; i++)
        put_str(out, m->dirs[i]);
    cbor_put_uint(out, MODULES);
    cbor_put_array(out, m->module_count);
    for (uint32_t i = 0; i < m->module_count; i++)
        put_module(out, m, i, &lesson);
    if (out->failed)
        return err_set(e, ERR_NOMEM, "tree");
    if (out->len - start > MANIFEST_TREE_MAX)
        return err_set(e, ERR_LIMIT, "the list of files is over 16 MiB");
    return 0;
}

/* ---- questions
 * ---------------------------------------------------------------------------------------
 */

int64_t manifest_find(const struct manifest *m, const char *path)
{
    uint32_t lo = 0;
    uint32_t hi = m->file_count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = path_compare(m->files[mid].path, path);

        if (order == 0)
            return mid;
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}

static uint32_t head_slots(const struct manifest *m)
{
    return m->table.index_count + m->table.tree_count;
}

uint64_t manifest_slot_offset(const struct manifest *m, uint32_t slot)
{
    return m->slot_offset[slot - head_slots(m)];
}

uint32_t manifest_stream_of(const struct manifest *m, uint32_t slot)
{
    uint32_t lo = 0;
    uint32_t hi = m->stream_count;

    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (m->streams[mid].first_slot <= slot)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* The last slot of @s that starts at or before @at. */
static uint32_t slot_at(const struct manifest *m,
                        const struct manifest_stream *s, uint64_t at)
{
    uint32_t lo = s->first_slot;
    uint32_t hi = s->first_slot + s->chunk_count;

    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (manifest_slot_offset(m, mid) <= at)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

void manifest_slots_of(const struct manifest *m, uint32_t file, uint64_t off,
                       uint64_t len, uint32_t *out_first, uint32_t *out_count,
                       uint32_t *out_skip)
{
    const struct manifest_file *f = &m->files[file];
    const struct manifest_stream *s;
    uint64_t start;
    uint32_t first;

    *out_first = *out_count = *out_skip = 0;
    if (off >= f->size || len == 0)
        return;
    if (len > f->size - off)
        len = f->size - off;
    s = &m->streams[f->stream];
    start = f->offset + off;
    first = slot_at(m, s, start);
    *out_first = first;
    *out_count = slot_at(m, s, start + len - 1) - first + 1;
    *out_skip = (uint32_t)(start - manifest_slot_offset(m, first));
}
