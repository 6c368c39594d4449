#include "tests/lib/catalog_kit.h"

struct seen {
    struct record_id ids[8];
    uint64_t seqs[8];
    size_t n;
};

static void see(void *user, const struct record_id *edition, uint64_t seq)
{
    struct seen *s = user;

    assert_true(s->n < 8);
    s->ids[s->n] = *edition;
    s->seqs[s->n++] = seq;
}

static struct seen list(struct catalog *c, const struct course_id *course)
{
    struct seen s = {.n = 0};

    assert_int_equal(catalog_editions(c, course, see, &s, NULL), 0);
    return s;
}

/* The newest first, whatever the order they came in; no forks, nothing of other
 * courses, nothing of one that was removed; the same from a new index. */
TEST(catalog_editions, list)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct rec fork = edition(ann, &c.id, 2, &c.r[1].id, "other two");
    struct course_id stranger = {{7}};
    struct seen s;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(list(w.c, &c.id).n, 0);
    assert_int_equal(put(w.c, &c.r[2], false), 0);
    assert_int_equal(put(w.c, &c.r[3], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(put(w.c, &fork, false), ERR_CONFLICT);
    for (int life = 0; life < 2; life++) {
        s = list(w.c, &c.id);
        assert_int_equal(s.n, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(s.seqs[i], 3 - i);
            assert_true(record_id_eq(&s.ids[i], &c.r[3 - i].id));
        }
        assert_int_equal(list(w.c, &stranger).n, 0);
        close_it(&w);
        assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        w = open_in(home);
    }
    assert_int_equal(catalog_forget(w.c, &c.id, NULL), 0);
    assert_int_equal(list(w.c, &c.id).n, 0);
    close_it(&w);
    drop(c.r, 4);
    drop(&fork, 1);
}
