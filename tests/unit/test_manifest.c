#include "storage/manifest.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/* Two streams: text of three files in two chunks, one video in three. */
struct sample {
    struct chunk_ref blobs[2];
    struct chunk_table table;
    struct chunk_ref chunks[5];
    struct manifest_stream streams[2];
    struct manifest_file files[5];
    const char *dirs[2];
    struct manifest_module modules[2];
    struct manifest_lesson lessons[3];
    struct manifest m;
    struct manifest_totals totals;
    size_t chunk_count;
};

static void make(struct sample *s)
{
    static const uint32_t raw[] = {600, 400, 2000, 2000, 1000};

    memset(s, 0, sizeof *s);
    s->blobs[0] = s->blobs[1] =
        (struct chunk_ref){.stored_len = 10, .raw_len = 10};
    s->table = (struct chunk_table){s->blobs, 2, 1, 1};
    s->chunk_count = 5;
    for (size_t i = 0; i < 5; i++) {
        memset(s->chunks[i].id.b, (int)i + 1, ID_BYTES);
        s->chunks[i].raw_len = raw[i];
        s->chunks[i].stored_len = i < 2 ? raw[i] / 2 : raw[i];
        s->chunks[i].flags = i < 2 ? CHUNK_FLAG_ZSTD : 0;
    }
    s->streams[0] = (struct manifest_stream){STREAM_TEXT, 2, 2, 1000};
    s->streams[1] = (struct manifest_stream){STREAM_MEDIA, 4, 3, 5000};
    s->files[0] = (struct manifest_file){"01/a.md", 300, 0, 0, 0};
    s->files[1] = (struct manifest_file){"01/b.md", 500, 300, 0, 1};
    s->files[2] = (struct manifest_file){"02/c.md", 200, 800, 0, 0};
    s->files[3] = (struct manifest_file){"02/empty", 0, 0, 0, 0};
    s->files[4] = (struct manifest_file){"02/v.mp4", 5000, 0, 1, 0};
    s->dirs[0] = "03";
    s->dirs[1] = "04/deep";
    s->modules[0].title = "One";
    s->modules[1].title = "Two";
    s->lessons[0] =
        (struct manifest_lesson){"A", "01/a.md", LESSON_PAGE, 0, 0, 0};
    s->lessons[1] =
        (struct manifest_lesson){"B", "01/b.md", LESSON_CODE, 0, 1, 0};
    s->lessons[2] =
        (struct manifest_lesson){"V", "02/v.mp4", LESSON_VIDEO, 90, 0, 1};
    s->m.streams = s->streams;
    s->m.stream_count = 2;
    s->m.files = s->files;
    s->m.file_count = 5;
    s->m.dirs = s->dirs;
    s->m.dir_count = 2;
    s->m.modules = s->modules;
    s->m.module_count = 2;
    s->m.lessons = s->lessons;
    s->m.lesson_count = 3;
    s->totals = (struct manifest_totals){5, 6000, 5, 500 + 5000};
}

static int decode(const struct sample *s, struct manifest *out)
{
    uint8_t index[5 * CHUNK_ENTRY_BYTES];
    struct buf tree = BUF_INIT;
    int rc;

    for (size_t i = 0; i < s->chunk_count; i++)
        chunk_entry_encode(&s->chunks[i], index + i * CHUNK_ENTRY_BYTES);
    assert_int_equal(manifest_encode_tree(&s->m, &tree, NULL), 0);
    rc = manifest_decode(
        &s->table, (struct span){index, s->chunk_count * CHUNK_ENTRY_BYTES},
        buf_span(&tree), &s->totals, out, NULL);
    buf_deinit(&tree);
    return rc;
}

TEST(manifest, round_trip)
{
    struct sample s;
    struct manifest m;
    uint32_t first;
    uint32_t count;
    uint32_t skip;

    make(&s);
    assert_int_equal(decode(&s, &m), 0);
    assert_int_equal(m.table.count, 7);
    assert_int_equal(m.streams[1].first_slot, 4);
    assert_string_equal(m.files[4].path, "02/v.mp4");
    assert_int_equal(m.lessons[2].module, 1);
    assert_string_equal(m.lessons[2].path, "02/v.mp4");
    assert_int_equal(manifest_find(&m, "02/c.md"), 2);
    assert_int_equal(manifest_find(&m, "02"), -1);
    manifest_slots_of(&m, 1, 200, 200, &first, &count, &skip); /* 500..700 */
    assert_true(first == 2 && count == 2 && skip == 500);
    manifest_slots_of(&m, 4, 4000, 99999, &first, &count, &skip);
    assert_true(first == 6 && count == 1 && skip == 0);
    manifest_slots_of(&m, 3, 0, 10, &first, &count, &skip);
    assert_int_equal(count, 0);
    manifest_deinit(&m);
}

/* One thing changed at a time: each is refused, and nothing is left behind. */
static void lie(struct sample *s, int what)
{
    switch (what) {
    case 0:
        s->files[1].offset = 299;
        break; /* overlaps */
    case 1:
        s->files[1].offset = 301;
        break; /* leaves a gap */
    case 2:
        s->files[2].size = 201;
        break; /* beyond its stream */
    case 3:
        s->files[2].size = 199;
        break;
    case 4:
        s->files[2].stream = 2;
        break; /* which is not there */
    case 5:
        s->files[3].path = "";
        break;
    case 6:
        s->files[4].size = UINT64_C(1) << 63;
        break;
    case 7:
        s->files[1].path = "01/a.md";
        break; /* twice */
    case 8:
        s->files[1].path = "00/b.md";
        break; /* unsorted */
    case 9:
        s->files[1].path = "01/a.md/b";
        break; /* a file with a file in it */
    case 10:
        s->dirs[0] = "02/v.mp4";
        break; /* file and folder */
    case 11:
        s->dirs[1] = "03";
        break;
    case 12:
        s->dirs[1] = "../up";
        break;
    case 13:
        s->files[4].path = "02/../../v.mp4";
        break;
    case 14:
        s->streams[0].bytes = 999;
        break;
    case 15:
        s->streams[0].chunk_count = 1;
        break;
    case 16:
        s->streams[1].chunk_count = UINT32_MAX;
        break;
    case 17:
        s->streams[1].chunk_count = 2;
        break; /* a chunk of no stream */
    case 18:
        s->streams[0].bytes = UINT64_MAX;
        break;
    case 19:
        s->chunks[2].raw_len = 0;
        break;
    case 20:
        s->chunks[2].raw_len = CHUNK_RAW_MAX + 1;
        break;
    case 21:
        s->chunks[2].stored_len = 0;
        break;
    case 22:
        s->chunks[2].stored_len = CHUNK_RAW_MAX + 1;
        break;
    case 23:
        s->chunks[2].flags = 0x80;
        break;
    case 24:
        s->chunks[4].raw_len = 999;
        break; /* sums differ */
    case 25:
        s->chunk_count = 4;
        break;
    case 26:
        s->chunk_count = 0;
        break;
    case 27:
        s->totals.files++;
        break;
    case 28:
        s->totals.bytes--;
        break;
    case 29:
        s->totals.chunks++;
        break;
    case 30:
        s->totals.stored_bytes++;
        break;
    case 31:
        s->lessons[0].path = "01/nowhere.md";
        break;
    case 32:
        s->lessons[0].path = "03";
        break; /* a folder */
    case 33:
        s->lessons[0].title = "";
        break;
    case 34:
        s->lessons[0].title = "red\x1b[31m";
        break;
    case 35:
        s->lessons[0].kind = (enum lesson_kind)6;
        break;
    case 36:
        s->lessons[0].flags = 2;
        break;
    case 37:
        s->files[0].flags = 2;
        break;
    case 38:
        s->streams[0].profile = (enum stream_profile)2;
        break;
    case 39:
        s->m.file_count = 4;
        break; /* the video covers nothing */
    default:
        fail();
    }
}

TEST(manifest, lies)
{
    for (int what = 0; what < 40; what++) {
        struct sample s;
        struct manifest m;
        int rc;

        make(&s);
        lie(&s, what);
        rc = decode(&s, &m);
        if (rc != ERR_MALFORMED && rc != ERR_LIMIT)
            fail_msg("lie %d: %d", what, rc);
    }
}

/* Each byte of a tree flipped, and each of its prefixes: refused, or another
 * tree that encodes to just these bytes. */
TEST(manifest, mutations)
{
    struct sample s;
    struct buf tree = BUF_INIT;
    uint8_t index[5 * CHUNK_ENTRY_BYTES];
    struct span all = {index, sizeof index};
    struct manifest m;

    make(&s);
    for (size_t i = 0; i < 5; i++)
        chunk_entry_encode(&s.chunks[i], index + i * CHUNK_ENTRY_BYTES);
    assert_int_equal(manifest_encode_tree(&s.m, &tree, NULL), 0);
    for (size_t n = 0; n < tree.len; n++)
        assert_int_not_equal(manifest_decode(&s.table, all,
                                             (struct span){tree.base, n},
                                             &s.totals, &m, NULL),
                             0);
    for (size_t bit = 0; bit < 8 * tree.len; bit++) {
        tree.base[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (manifest_decode(&s.table, all, buf_span(&tree), &s.totals, &m,
                            NULL) == 0) {
            struct buf again = BUF_INIT;

            assert_int_equal(manifest_encode_tree(&m, &again, NULL), 0);
            assert_int_equal(again.len, tree.len);
            assert_memory_equal(again.base, tree.base, tree.len);
            buf_deinit(&again);
            manifest_deinit(&m);
        }
        tree.base[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_deinit(&tree);
}

/* The table of an edition record: no blob, half an entry, or too many. */
TEST(manifest, blob_entries)
{
    size_t n = MANIFEST_BLOB_ENTRIES_MAX + 1;
    uint8_t *list = malloc(n * CHUNK_ENTRY_BYTES);
    struct chunk_ref ref = {.stored_len = 1, .raw_len = 1};
    struct chunk_table t;

    assert_non_null(list);
    for (size_t i = 0; i < n; i++)
        chunk_entry_encode(&ref, list + i * CHUNK_ENTRY_BYTES);
    for (size_t index = 0; index < 3; index++)
        for (size_t tree = 0; tree < 3; tree++) {
            int rc = chunk_table_from_blobs(
                (struct span){list, index * CHUNK_ENTRY_BYTES},
                (struct span){list, tree * CHUNK_ENTRY_BYTES}, &t, NULL);

            assert_int_equal(rc == 0, index != 0 && tree != 0);
            if (rc == 0)
                chunk_table_deinit(&t);
        }
    assert_int_equal(chunk_table_from_blobs((struct span){list, 41},
                                            (struct span){list, 40}, &t, NULL),
                     ERR_MALFORMED);
    assert_int_equal(chunk_table_from_blobs(
                         (struct span){list, (n - 1) * CHUNK_ENTRY_BYTES},
                         (struct span){list, CHUNK_ENTRY_BYTES}, &t, NULL),
                     ERR_MALFORMED);
    free(list);
}
