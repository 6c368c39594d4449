#include "crypto/revocation.h"
#include "tests/lib/catalog_kit.h"

/* @one: that edition alone, else the course up to @seq. */
static struct rec withdraw(struct identity *who, const struct course_id *c,
                           uint64_t seq, const struct record_id *one,
                           const char *reason)
{
    struct revocation_payload p = {.time_ms = 9,
                                   .course = *c,
                                   .seq = seq,
                                   .has_edition = one != NULL,
                                   .reason = text(reason)};
    struct buf payload = BUF_INIT;

    if (one != NULL)
        p.edition = *one;
    assert_int_equal(revocation_encode(&p, &payload, NULL), 0);
    return sign(who, RECORD_REVOCATION, &payload);
}

/* The number of the edition that is offered; 0: all are withdrawn. */
static uint64_t offered(struct catalog *c, const struct course_id *id,
                        const char *why)
{
    struct err e = ERR_INIT;
    struct record_id edition;
    uint64_t seq = 0;
    int rc = catalog_offered(c, id, &edition, &seq, &e);

    assert_true(rc == 0 || rc == ERR_REFUSED);
    if (rc != 0)
        assert_string_equal(e.text, why);
    return seq;
}

static void count_one(void *user, struct span record)
{
    assert_true(record.len != 0);
    ++*(size_t *)user;
}

static size_t revocations(struct catalog *c, const struct course_id *id)
{
    size_t n = 0;

    assert_int_equal(catalog_revocations(c, id, 1000, count_one, &n, NULL), 0);
    return n;
}

/* A course up to an edition: those before it too, whenever they come, and none
 * that its author makes later. */
TEST(catalog_revoked, course)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec all = withdraw(ann, &c.id, 2, NULL, "out of date");
    struct rec later = edition(ann, &c.id, 3, &c.r[2].id, "again");
    struct record_id id;
    struct buf why = BUF_INIT;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &all, false), 0);
    assert_int_equal(
        offered(w.c, &c.id, "withdrawn by its author: out of date"), 0);
    assert_int_equal(put(w.c, &c.r[2], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(
        offered(w.c, &c.id, "withdrawn by its author: out of date"), 0);
    assert_int_equal(current(w.c, &c.id, &id), 2); /* it recalls nothing */
    assert_true(catalog_withdrawn(w.c, &c.id, &c.r[1].id, 1, NULL));
    assert_true(catalog_withdrawn(w.c, &c.id, &c.r[2].id, 2, &why));
    assert_true(why.len != 0);
    assert_int_equal(put(w.c, &later, false), 0);
    assert_false(catalog_withdrawn(w.c, &c.id, &later.id, 3, NULL));
    assert_int_equal(offered(w.c, &c.id, NULL), 3);
    assert_int_equal(put(w.c, &all, false), 0); /* a replay says nothing new */
    assert_int_equal(offered(w.c, &c.id, NULL), 3);
    assert_int_equal(revocations(w.c, &c.id), 1);
    buf_deinit(&why);
    close_it(&w);
    drop(c.r, 4);
    drop(&all, 1);
    drop(&later, 1);
}

/* One edition: the newest other one is offered, whichever came first, and two
 * of one number are told apart. */
TEST(catalog_revoked, edition)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec two = withdraw(ann, &c.id, 2, &c.r[2].id, "two");
    struct rec three = withdraw(bob, &c.id, 3, &c.r[3].id, "three");
    struct rec one = withdraw(ann, &c.id, 1, &c.r[1].id, "one");
    struct record_id other = {{42}};

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(put(w.c, &three, false), 0); /* before its edition */
    assert_int_equal(offered(w.c, &c.id, NULL), 1);
    assert_int_equal(put(w.c, &c.r[2], false), 0);
    assert_int_equal(offered(w.c, &c.id, NULL), 2);
    assert_int_equal(put(w.c, &c.r[3], false), 0);
    assert_int_equal(offered(w.c, &c.id, NULL), 2);
    assert_int_equal(put(w.c, &two, false), 0);
    assert_int_equal(offered(w.c, &c.id, NULL), 1);
    assert_false(catalog_withdrawn(w.c, &c.id, &other, 2, NULL));
    assert_int_equal(put(w.c, &one, false), 0);
    assert_int_equal(offered(w.c, &c.id, "withdrawn by its author: three"), 0);
    close_it(&w);
    drop(c.r, 4);
    drop(&one, 1);
    drop(&two, 1);
    drop(&three, 1);
}

/* Refused: by one who is no author, of a course that is not here, with a
 * flipped bit. Nothing is withdrawn by it. */
TEST(catalog_revoked, refused)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec all = withdraw(ann, &c.id, 9, NULL, "x");
    struct rec foreign = withdraw(eve, &c.id, 9, NULL, "mine now");

    assert_int_equal(put(w.c, &all, false), ERR_REFUSED);
    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(put(w.c, &foreign, false), ERR_REFUSED);
    assert_int_equal(put(w.c, &foreign, true), ERR_REFUSED);
    all.bytes.base[all.bytes.len - 1] ^= 1;
    assert_int_equal(put(w.c, &all, false), ERR_CORRUPT);
    assert_int_equal(revocations(w.c, &c.id), 0);
    assert_int_equal(offered(w.c, &c.id, NULL), 1);
    close_it(&w);
    drop(c.r, 4);
    drop(&all, 1);
    drop(&foreign, 1);
}

/* Two about one thing contradict nothing: the first is kept, one that says more
 * is kept beside it. */
TEST(catalog_revoked, set)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec r[] = {withdraw(ann, &c.id, 2, NULL, "first words"),
                      withdraw(ann, &c.id, 2, NULL, "other words"),
                      withdraw(ann, &c.id, 1, NULL, "less"),
                      withdraw(ann, &c.id, 2, &c.r[2].id, "covered"),
                      withdraw(bob, &c.id, 2, NULL, "me too"),
                      withdraw(ann, &c.id, 3, NULL, "more")};
    static const size_t kept[] = {1, 1, 1, 1, 2, 3};

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(put(w.c, &r[i], false), 0);
        assert_int_equal(revocations(w.c, &c.id), kept[i]);
        assert_int_equal(offered(w.c, &c.id, "withdrawn by its author: more"),
                         i < 5 ? 3 : 0);
    }
    assert_false(holds(w.c, &r[1]));
    assert_true(holds(w.c, &r[0]));
    close_it(&w);
    drop(c.r, 4);
    drop(r, 6);
}

/* No author fills the disk with them, and another's are still heard. */
TEST(catalog_revoked, limit)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec r;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    for (unsigned i = 0; i <= CATALOG_REVOCATIONS_MAX; i++) {
        struct record_id id = {{1, (uint8_t)i}};

        r = withdraw(ann, &c.id, 5, &id, "many");
        assert_int_equal(put(w.c, &r, false),
                         i < CATALOG_REVOCATIONS_MAX ? 0 : ERR_LIMIT);
        drop(&r, 1);
    }
    assert_int_equal(revocations(w.c, &c.id), CATALOG_REVOCATIONS_MAX);
    r = withdraw(bob, &c.id, 5, NULL, "honest");
    assert_int_equal(put(w.c, &r, false), 0);
    drop(&r, 1);
    close_it(&w);
    drop(c.r, 4);
}

/* What is withdrawn stays so: after `rm`, after the course has come back, after
 * the index was lost before and after that. */
TEST(catalog_revoked, stays)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct rec all = withdraw(ann, &c.id, 3, NULL, "gone");

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    assert_int_equal(put(w.c, &all, false), 0);
    for (int round = 0; round < 3; round++) {
        for (int life = 0; life < 2; life++) {
            assert_int_equal(
                offered(w.c, &c.id, "withdrawn by its author: gone"), 0);
            close_it(&w);
            if (life == 0)
                assert_int_equal(unlink(keep_path(home, "index.db")), 0);
            w = open_in(home);
        }
        assert_int_equal(revocations(w.c, &c.id), 1);
        if (round == 0)
            assert_int_equal(catalog_forget(w.c, &c.id, NULL), 0);
        if (round == 1)
            for (int i = 0; i < 3; i++)
                assert_int_equal(put(w.c, &c.r[i], false), 0);
    }
    close_it(&w);
    drop(c.r, 4);
    drop(&all, 1);
}
