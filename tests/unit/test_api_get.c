/* test_api_get: `get --to` in a node that has no network: from what is held. */
#include "tests/lib/lyc_kit.h"

static int get(struct rig *r, const struct course *c, const char *to)
{
    const json_t *result;

    return ask(r,
               json_pack("{s:s, s:s, s:s, s:i}", "op", "get", "course",
                         course_id_hex(&c->id).s, "to", to, "timeout_ms", 4000),
               &result);
}

static void unpack_all(struct rig *r, const char *file)
{
    const json_t *result;

    if (unpack(r, file, &result) != 0)
        fail_msg("unpack: %s", said(r, "why"));
}

static void go_on(void)
{
    struct buf page = BUF_INIT;
    char file[PATH_ROOM];
    char to[PATH_ROOM];
    struct stage s;

    set_stage(&s);
    (void)snprintf(to, sizeof to, "%s/knots", test_tmpdir());
    unpack_all(&s.learner, s.file);
    assert_int_equal(get(&s.learner, &s.c, to), 0);
    write_noise(s.c.dir, "video.bin", 9, MEDIA_BYTES);
    publish_second(&s.expert, &s.c);
    pack(&s.expert, &s.c, 0, file);
    unpack_all(&s.learner, file);
    assert_int_equal(get(&s.learner, &s.c, to), 0);
    assert_int_equal(file_io_load(keep_path(to, "page.md"), 64, &page, NULL),
                     0);
    assert_int_equal(page.len, 8);
    assert_memory_equal(page.base, "# Bends\n", 8);
    assert_int_equal(keep_size(keep_path(to, "more.bin")), 50000);
    buf_deinit(&page);
    clear_stage(&s);
}

/* The node still knows the edition before, and opens the folder for that, while
 * it hears of the new one: it ends, and with the files of that. */
TEST(api_get, next_edition)
{
    for (int round = 0; round < 5; round++)
        go_on();
}
