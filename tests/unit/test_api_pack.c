/* test_api_pack: a course leaves as a file, whole or not at all. */
#include "tests/lib/lyc_kit.h"

/* What cannot be packed leaves no file. */
TEST(pack, refusals)
{
    char path[PATH_ROOM];
    const json_t *result;
    struct rig hollow;
    struct stage s;

    set_stage(&s);
    (void)snprintf(path, sizeof path, "%s/new.lyc", test_tmpdir());
    assert_int_equal(pack_to(&s.expert, &s.c, s.file, 0, &result),
                     ERR_CONFLICT);
    assert_int_equal(pack_to(&s.expert, &s.c, path, 1, &result), ERR_INVALID);
    assert_int_equal(pack_to(&s.expert, &s.c, "new.lyc", 0, &result),
                     ERR_INVALID);
    assert_int_equal(pack_to(&s.learner, &s.c, path, 0, &result),
                     ERR_NOT_FOUND);
    rig_new(&hollow); /* knows the course, and nothing of it */
    assert_int_equal(catalog_put(node_catalog(hollow.n), s.c.course_record.base,
                                 s.c.course_record.len, false, NULL, NULL),
                     0);
    assert_int_equal(pack_to(&hollow, &s.c, path, 0, &result), ERR_NOT_FOUND);
    assert_int_equal(catalog_put(node_catalog(hollow.n), s.c.edition[0].base,
                                 s.c.edition[0].len, false, NULL, NULL),
                     0);
    assert_int_equal(pack_to(&hollow, &s.c, path, 0, &result), ERR_PARTIAL);
    assert_int_equal(keep_size(path), -1);
    rig_close(&hollow);
    clear_stage(&s);
}

/* An edition is a base as long as the list of its chunks is here. */
TEST(pack, since)
{
    char path[PATH_ROOM];
    struct held_manifest *hm = NULL;
    const json_t *result;
    struct stage s;

    set_stage(&s);
    publish_second(&s.expert, &s.c);
    (void)snprintf(path, sizeof path, "%s/new.lyc", test_tmpdir());
    assert_int_equal(
        node_manifest_load(s.expert.n, &s.c.edition_id[0], &hm, NULL), 0);
    assert_int_equal(pack_to(&s.expert, &s.c, path, 1, &result), 0);
    assert_int_equal(number(result, "since"), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(
        store_forget(node_store(s.expert.n), &hm->m.table.refs[0].id, NULL), 0);
    assert_int_equal(pack_to(&s.expert, &s.c, path, 1, &result), ERR_NOT_FOUND);
    assert_non_null(strstr(said(&s.expert, "try"), "without --since"));
    assert_int_equal(keep_size(path), -1);
    held_manifest_unref(hm);
    clear_stage(&s);
}

/* A chunk that is not here, or has rotted, is not packed, nor is the rest. */
TEST(pack, rotten)
{
    char path[PATH_ROOM];
    struct held_manifest *hm = NULL;
    const json_t *result;
    struct stage s;

    set_stage(&s);
    (void)snprintf(path, sizeof path, "%s/new.lyc", test_tmpdir());
    assert_int_equal(
        node_manifest_load(s.expert.n, &s.c.edition_id[0], &hm, NULL), 0);
    keep_flip(keep_path(s.expert.home, "packs/000001.pack"),
              keep_size(keep_path(s.expert.home, "packs/000001.pack")) / 2, 1);
    assert_int_equal(pack_to(&s.expert, &s.c, path, 0, &result), ERR_PARTIAL);
    assert_int_equal(keep_size(path), -1);
    assert_int_equal(pack_to(&s.expert, &s.c, path, 0, &result), ERR_PARTIAL);
    assert_non_null(strstr(said(&s.expert, "why"), "1 of"));
    held_manifest_unref(hm);
    clear_stage(&s);
}

/* A full stick, at each write there is: no file, and no temporary one. */
TEST(pack, disk_full)
{
    const json_t *result;
    struct stage s;
    int n = 0;

    set_stage(&s);
    for (;; n++) {
        char path[PATH_ROOM];
        char tmp[PATH_ROOM + 16];
        int rc;

        (void)snprintf(path, sizeof path, "%s/new.lyc", test_tmpdir());
        (void)snprintf(tmp, sizeof tmp, "%s.lyceum-tmp", path);
        file_io_fault_after(FAULT_WRITE, n, 1, ENOSPC);
        rc = pack_to(&s.expert, &s.c, path, 0, &result);
        keep_no_faults();
        assert_int_equal(keep_size(tmp), -1);
        if (rc == 0)
            break;
        assert_int_equal(rc, ERR_NO_SPACE);
        assert_int_equal(keep_size(path), -1);
        n += 6;
    }
    assert_true(n > (int)s.chunks);
    clear_stage(&s);
}
