/* test_api_get: `get --to` in a node that has no network: from what is held. */
#include <limits.h>

#include "tests/lib/lyc_kit.h"

/* As `update`: where it lies already. */
static int update(struct rig *r, const struct course *c)
{
    const json_t *result;

    return ask(r,
               json_pack("{s:s, s:s, s:i}", "op", "get", "course",
                         course_id_hex(&c->id).s, "timeout_ms", 4000),
               &result);
}

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

/* Something was on its way into the folder, and never ended: what is missing
 * there comes again. Into another folder: what he removed stays so. */
TEST(api_get, update_half_way)
{
    struct stage s;
    char to[PATH_ROOM];
    char real[PATH_MAX];
    char edition[80];
    const char *values[2] = {"/elsewhere", edition};
    struct id_hex course;
    struct journal *roots;

    set_stage(&s);
    course = course_id_hex(&s.c.id);
    (void)snprintf(to, sizeof to, "%s/knots", test_tmpdir());
    unpack_all(&s.learner, s.file);
    assert_int_equal(get(&s.learner, &s.c, to), 0);
    assert_non_null(realpath(to, real));
    roots = node_roots(s.learner.n);
    assert_int_equal(
        journal_get(roots, "fetched", course.s, 1, edition, sizeof edition), 0);
    assert_int_equal(unlink(keep_path(to, "page.md")), 0);
    assert_int_equal(update(&s.learner, &s.c), 0);
    assert_int_equal(journal_set(roots, "filling", course.s, values, 2, NULL),
                     0);
    assert_int_equal(update(&s.learner, &s.c), 0);
    assert_int_equal(access(keep_path(to, "page.md"), F_OK), -1);
    values[0] = real;
    assert_int_equal(journal_set(roots, "filling", course.s, values, 2, NULL),
                     0);
    assert_int_equal(update(&s.learner, &s.c), 0);
    assert_int_equal(access(keep_path(to, "page.md"), F_OK), 0);
    assert_int_equal(
        journal_get(roots, "filling", course.s, 0, edition, sizeof edition),
        ERR_NOT_FOUND);
    clear_stage(&s);
}
