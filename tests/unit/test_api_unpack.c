/* test_api_unpack: course files of honest hands: whole, cut, damaged, onto
 * disks that fail. What was verified stays, and the next run goes on from
 * there. */
#include "tests/lib/lyc_kit.h"

/* ---- honest files
 * ------------------------------------------------------------------- */

/* What was packed comes out, with its records; again, and nothing is stored
 * twice. */
TEST(unpack, whole_course)
{
    struct record_id id;
    const json_t *result;
    struct stage s;
    uint64_t size;
    struct buf b = BUF_INIT;

    set_stage(&s);
    must_be_whole(&s.learner, s.file, s.chunks);
    assert_int_equal(chunks_of(&s.learner), s.chunks);
    assert_int_equal(
        catalog_edition(node_catalog(s.learner.n), &s.c.id, 1, &id, NULL), 0);
    assert_int_equal(catalog_held(node_catalog(s.learner.n), &id),
                     HELD_COMPLETE);
    assert_int_equal(catalog_profile(node_catalog(s.learner.n),
                                     identity_author(s.c.author), &b, NULL),
                     0);
    buf_deinit(&b);
    size = packed_bytes(&s.learner);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_int_equal(number(result, "fetched_chunks"), 0);
    assert_int_equal(number(result, "reused_chunks"), s.chunks);
    assert_int_equal(packed_bytes(&s.learner), size);
    clear_stage(&s);
}

/* A delta on its base, and without it. */
TEST(unpack, delta)
{
    char delta[PATH_ROOM];
    struct record_id id;
    const json_t *result;
    struct rig stranger;
    struct stage s;

    set_stage(&s);
    must_be_whole(&s.learner, s.file, s.chunks);
    publish_second(&s.expert, &s.c);
    pack(&s.expert, &s.c, 1, delta);
    assert_true(keep_size(delta) < keep_size(s.file) / 2);
    assert_int_equal(unpack(&s.learner, delta, &result), 0);
    assert_int_equal(number(result, "edition"), 2);
    assert_true(is_complete(result));
    rig_new(&stranger);
    assert_int_equal(unpack(&stranger, delta, &result), ERR_PARTIAL);
    assert_false(is_complete(result));
    assert_true(number(result, "missing_chunks") > 0);
    assert_non_null(strstr(said(&stranger, "why"), "edition 1"));
    assert_non_null(strstr(said(&stranger, "try"), "--since"));
    assert_int_equal(
        catalog_edition(node_catalog(stranger.n), &s.c.id, 1, &id, NULL),
        ERR_NOT_FOUND);
    /* The older file has what is missing of the newer edition. */
    assert_int_equal(unpack(&stranger, s.file, &result), 0);
    assert_int_equal(number(result, "edition"), 2);
    assert_true(is_complete(result));
    rig_close(&stranger);
    clear_stage(&s);
}

/* The whole chain is in a whole file. */
TEST(unpack, chain)
{
    const json_t *result;
    struct record_id id;
    struct stage s;

    set_stage(&s);
    publish_second(&s.expert, &s.c);
    (void)unlink(s.file);
    pack(&s.expert, &s.c, 0, s.file);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_true(is_complete(result));
    assert_int_equal(number(result, "fetched_chunks"), chunks_of(&s.learner));
    for (uint64_t seq = 1; seq <= 2; seq++) {
        assert_int_equal(
            catalog_edition(node_catalog(s.learner.n), &s.c.id, seq, &id, NULL),
            0);
        assert_true(record_id_eq(&id, &s.c.edition_id[seq - 1]));
    }
    clear_stage(&s);
}

/* A newer edition is known here: the old file is of what use it can be, and
 * says so. */
TEST(unpack, older_than_known)
{
    const json_t *result;
    struct stage s;

    set_stage(&s);
    publish_second(&s.expert, &s.c);
    assert_int_equal(catalog_put(node_catalog(s.learner.n),
                                 s.c.course_record.base, s.c.course_record.len,
                                 false, NULL, NULL),
                     0);
    assert_int_equal(catalog_put(node_catalog(s.learner.n), s.c.edition[1].base,
                                 s.c.edition[1].len, false, NULL, NULL),
                     0);
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_PARTIAL);
    assert_int_equal(number(result, "edition"), 1);
    assert_int_equal(number(result, "missing_chunks"), 0);
    assert_false(is_complete(result));
    assert_non_null(strstr(said(&s.learner, "why"), "edition 2 is known"));
    clear_stage(&s);
}

/* What was removed comes back. */
TEST(unpack, removed)
{
    const json_t *result;
    char v[8];
    struct stage s;

    set_stage(&s);
    must_be_whole(&s.learner, s.file, s.chunks);
    assert_int_equal(ask(&s.learner,
                         json_pack("{s:s, s:s}", "op", "rm", "course",
                                   course_id_hex(&s.c.id).s),
                         &result),
                     0);
    assert_int_equal(ask(&s.learner, json_pack("{s:s}", "op", "gc"), &result),
                     0);
    assert_int_equal(chunks_of(&s.learner), 0);
    must_be_whole(&s.learner, s.file, s.chunks);
    assert_int_equal(journal_get(node_choices(s.learner.n), "removed",
                                 course_id_hex(&s.c.id).s, 0, v, sizeof v),
                     ERR_NOT_FOUND);
    clear_stage(&s);
}

/* Ctrl-C: it ends, and goes on the next time. */
TEST(unpack, interrupted)
{
    const json_t *result;
    struct stage s;

    set_stage(&s);
    s.learner.stop = true;
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_INTERRUPTED);
    s.learner.stop = false;
    must_be_whole(&s.learner, s.file, s.chunks);
    clear_stage(&s);
}

/* ---- damaged files
 * ------------------------------------------------------------------ */

/* A cut file gives what it has; the whole one then only the rest. */
TEST(unpack, cut)
{
    char half[PATH_ROOM + 8];
    const json_t *result;
    struct stage s;
    uint64_t came;

    set_stage(&s);
    (void)snprintf(half, sizeof half, "%s.cut", s.file);
    keep_copy_file(s.file, half);
    assert_int_equal(truncate(half, keep_size(s.file) / 2), 0);
    assert_int_equal(unpack(&s.learner, half, &result), ERR_PARTIAL);
    came = (uint64_t)number(result, "fetched_chunks");
    assert_true(came > 0 && came < s.chunks);
    assert_int_equal(number(result, "missing_chunks"), s.chunks - came);
    assert_true(json_is_true(json_object_get(result, "damaged")));
    assert_non_null(strstr(said(&s.learner, "why"), "cut off"));
    must_be_whole(&s.learner, s.file, s.chunks - came);
    /* Without its end marker it lacks nothing that is needed. */
    assert_int_equal(truncate(s.file, keep_size(s.file) - LYC_END_BYTES), 0);
    must_be_whole(&s.learner, s.file, 0);
    clear_stage(&s);
}

/* A bit anywhere behind the records: all but one chunk come, and it is said. */
TEST(unpack, damaged)
{
    const json_t *result;
    struct stage s;
    struct rig r;
    off_t size;

    set_stage(&s);
    size = keep_size(s.file);
    for (int i = 0; i < 12; i++) {
        off_t at = size - LYC_END_BYTES - 1 -
                   (off_t)((uint64_t)i * 7919 * 17 % MEDIA_BYTES);

        rig_new(&r);
        keep_flip(s.file, at, 0x10);
        assert_int_equal(unpack(&r, s.file, &result), ERR_PARTIAL);
        assert_int_equal(number(result, "rejected_chunks"), 1);
        assert_int_equal(number(result, "missing_chunks"), 1);
        assert_int_equal(number(result, "fetched_chunks"), s.chunks - 1);
        keep_flip(s.file, at, 0x10);
        must_be_whole(&r, s.file, 1);
        rig_close(&r);
    }
    clear_stage(&s);
}

/* A manifest that has rotted here is taken from the file again. */
TEST(unpack, rotten_manifest)
{
    const json_t *result;
    struct stage s;

    set_stage(&s);
    must_be_whole(&s.learner, s.file, s.chunks);
    keep_flip(keep_path(s.learner.home, "packs/000001.pack"), 64 + 5, 1);
    assert_int_equal(unpack(&s.learner, s.file, &result), 0);
    assert_int_equal(number(result, "fetched_chunks"), 1);
    assert_true(is_complete(result));
    clear_stage(&s);
}

/* Records that are damaged make it no course; nothing is stored. */
TEST(unpack, damaged_records)
{
    const json_t *result;
    struct stage s;

    set_stage(&s);
    keep_flip(s.file, LYC_HEAD_BYTES + LYC_RECORD_HEAD_BYTES + 40, 1);
    assert_int_equal(unpack(&s.learner, s.file, &result), ERR_FAILED);
    assert_null(result);
    assert_int_equal(chunks_of(&s.learner), 0);
    clear_stage(&s);
}

/* Other files, folders, nothing. */
TEST(unpack, no_course_file)
{
    const char *dir = test_tmpdir();
    const char *path = keep_path(dir, "x");
    const json_t *result;
    struct rig r;

    rig_new(&r);
    assert_int_equal(unpack(&r, path, &result), ERR_NOT_FOUND);
    assert_int_equal(unpack(&r, dir, &result), ERR_INVALID);
    assert_int_equal(unpack(&r, "x", &result), ERR_INVALID);
    keep_write(path, "", 0);
    assert_int_equal(unpack(&r, path, &result), ERR_FAILED);
    keep_write(path, "PK\003\004 and so on", 15);
    assert_int_equal(unpack(&r, path, &result), ERR_FAILED);
    assert_non_null(strstr(said(&r, "why"), "no course file"));
    rig_close(&r);
}

/* ---- disks that fail
 * ---------------------------------------------------------------- */

/* A full disk, at each write there is: an end with words, and the next run goes
 * on from what came. */
TEST(unpack, disk_full)
{
    const json_t *result;
    struct stage s;
    bool done = false;

    set_stage(&s);
    for (int n = 0; !done && n < 400; n++) {
        struct rig r;
        uint64_t came;
        int rc;

        rig_new(&r);
        file_io_fault_after(FAULT_WRITE, n, 1, ENOSPC);
        rc = unpack(&r, s.file, &result);
        keep_no_faults();
        done = rc == 0;
        if (!done)
            assert_int_equal(rc, ERR_NO_SPACE);
        came = chunks_of(&r);
        must_be_whole(&r, s.file, s.chunks - came);
        rig_close(&r);
    }
    assert_true(done);
    clear_stage(&s);
}

/* Syncs that fail are told of: nobody throws the stick away. */
TEST(unpack, sync_fails)
{
    const json_t *result;
    struct stage s;
    bool done = false;

    set_stage(&s);
    for (int n = 0; !done && n < 50; n++) {
        struct rig r;

        rig_new(&r);
        file_io_fault_after(FAULT_SYNC, n, 1, EIO);
        done = unpack(&r, s.file, &result) == 0;
        keep_no_faults();
        if (!done)
            assert_true(said(&r, "why")[0] != '\0');
        rig_close(&r);
        if (n == 0)
            assert_false(done);
    }
    assert_true(done);
    clear_stage(&s);
}
