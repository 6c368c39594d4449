#include "storage/index.h"
#include "tests/lib/catalog_kit.h"
#include "tests/lib/fault_vfs.h"

/* ---- chains
 * --------------------------------------------------------------------- */

/* Editions follow each other; all stay readable, the newest is current; putting
 * one again changes nothing; the same after a stop and with a new index. */
TEST(catalog_put, chain)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct record_id id;

    assert_int_equal(catalog_current(w.c, &c.id, &id, NULL, NULL),
                     ERR_NOT_FOUND);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    for (int life = 0; life < 3; life++) {
        for (int i = 0; i < 4; i++)
            assert_true(holds(w.c, &c.r[i]));
        assert_int_equal(current(w.c, &c.id, &id), 3);
        assert_true(record_id_eq(&id, &c.r[3].id));
        assert_int_equal(catalog_edition(w.c, &c.id, 2, &id, NULL), 0);
        assert_true(record_id_eq(&id, &c.r[2].id));
        assert_int_equal(catalog_edition(w.c, &c.id, 4, &id, NULL),
                         ERR_NOT_FOUND);
        close_it(&w);
        if (life == 1)
            assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        w = open_in(home);
    }
    close_it(&w);
    drop(c.r, 4);
}

/* A lower seq becomes history; the one before need not be here; one that is
 * here must be named. */
TEST(catalog_put, order)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec wrong = edition(ann, &c.id, 3, &c.r[1].id, "skips");
    struct record_id id;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[2], false), 0);
    assert_int_equal(put(w.c, &wrong, false), ERR_REFUSED);
    assert_false(holds(w.c, &wrong));
    assert_int_equal(put(w.c, &c.r[3], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(current(w.c, &c.id, &id), 3);
    assert_int_equal(catalog_edition(w.c, &c.id, 1, &id, NULL), 0);
    close_it(&w);
    drop(c.r, 4);
    drop(&wrong, 1);
}

/* Refused: of a course that is not here, by one who is no author, a jump of
 * more than 2^20, a flipped bit. */
TEST(catalog_put, refused)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    const uint64_t far = (UINT64_C(1) << 20) + 1;
    struct rec odd[] = {edition(eve, &c.id, 1, NULL, "x"),
                        edition(ann, &c.id, far, &c.r[1].id, "far"),
                        edition(ann, &c.id, far - 1, &c.r[1].id, "near"),
                        edition(ann, &c.id, far, &c.r[1].id, "next")};

    assert_int_equal(put(w.c, &c.r[1], false), ERR_REFUSED);
    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &odd[0], false), ERR_REFUSED);
    assert_int_equal(put(w.c, &odd[1], false), ERR_REFUSED);
    assert_int_equal(put(w.c, &odd[2], false), 0);
    assert_int_equal(put(w.c, &odd[3], false), ERR_REFUSED); /* wrong prev */
    c.r[1].bytes.base[c.r[1].bytes.len - 1] ^= 1;
    assert_int_equal(put(w.c, &c.r[1], false), ERR_CORRUPT);
    assert_int_equal(catalog_put(w.c, c.r[1].bytes.base, 20, false, NULL, NULL),
                     ERR_MALFORMED);
    close_it(&w);
    drop(c.r, 4);
    drop(odd, 4);
}

/* Signed for another network, by its author's own hand: not of this one. */
TEST(catalog_put, other_network)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct profile_payload p = {.time_ms = 1, .name = text("Ann")};
    struct buf payload = BUF_INIT;
    struct rec r = {.bytes = BUF_INIT};

    memcpy(p.box_key, identity_box_public(ann), 32);
    assert_int_equal(profile_encode(&p, &payload, NULL), 0);
    assert_int_equal(record_sign(ann, RECORD_PROFILE, "other",
                                 buf_span(&payload), &r.bytes, &r.id, NULL),
                     0);
    assert_int_equal(put(w.c, &r, false), ERR_CORRUPT);
    assert_int_equal(put(w.c, &r, true), ERR_CORRUPT);
    assert_false(holds(w.c, &r));
    buf_deinit(&payload);
    drop(&r, 1);
    close_it(&w);
}

/* A chain goes on by its own author's record: prev may not be a co-author's. A
 * gap is no reason to refuse, a jump is counted from where the chain stands. */
TEST(catalog_put, gaps)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    const uint64_t jump = UINT64_C(1) << 20;
    struct rec bobs = edition(bob, &c.id, 1, NULL, "bob's");
    struct rec odd[] = {edition(ann, &c.id, 2, &bobs.id, "after bob"),
                        edition(ann, &c.id, 5 + jump + 1, &bobs.id, "far"),
                        edition(ann, &c.id, 5, &bobs.id, "gap"),
                        edition(ann, &c.id, 5 + jump, &bobs.id, "near")};
    struct record_id id;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    assert_int_equal(put(w.c, &bobs, false), 0);
    assert_int_equal(put(w.c, &odd[0], false), ERR_REFUSED);
    assert_int_equal(put(w.c, &odd[2], false), 0);
    assert_int_equal(put(w.c, &odd[1], false), ERR_REFUSED);
    assert_int_equal(current(w.c, &c.id, &id), 5);
    assert_int_equal(put(w.c, &odd[3], false), 0);
    assert_int_equal(current(w.c, &c.id, &id), 5 + jump);
    close_it(&w);
    drop(c.r, 4);
    drop(odd, 4);
    drop(&bobs, 1);
}

/* Two editions of one author with one number: both are kept, neither replaces
 * the other, whichever comes first and however often; the chain goes on. */
TEST(catalog_put, equivocation)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct rec other = edition(ann, &c.id, 2, &c.r[1].id, "another two");
    struct record_id id;

    for (int i = 0; i < 3; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    assert_int_equal(put(w.c, &other, false), ERR_CONFLICT);
    assert_int_equal(put(w.c, &other, false), ERR_CONFLICT);
    for (int life = 0; life < 3; life++) {
        assert_true(holds(w.c, &other) && holds(w.c, &c.r[2]));
        assert_int_equal(current(w.c, &c.id, &id), 2);
        assert_true(record_id_eq(&id, &c.r[2].id));
        close_it(&w);
        if (life == 1)
            assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        w = open_in(home);
    }
    assert_int_equal(put(w.c, &c.r[3], false), 0);
    assert_int_equal(current(w.c, &c.id, &id), 3);
    close_it(&w);
    drop(c.r, 4);
    drop(&other, 1);
}

/* An author's own node keeps no proof against him. */
TEST(catalog_put, own_equivocation)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct rec other = edition(ann, &c.id, 1, NULL, "another one");
    off_t before;

    assert_int_equal(put(w.c, &c.r[0], true), 0);
    assert_int_equal(put(w.c, &c.r[1], true), 0);
    before = keep_size(keep_path(home, "records/000001.log"));
    assert_int_equal(put(w.c, &other, true), ERR_CONFLICT);
    assert_false(holds(w.c, &other));
    assert_int_equal(keep_size(keep_path(home, "records/000001.log")), before);
    close_it(&w);
    drop(c.r, 4);
    drop(&other, 1);
}

/* Co-authors have a chain each: one number twice is no contradiction. */
TEST(catalog_put, co_authors)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct rec b1 = edition(bob, &c.id, 1, NULL, "Bob's one");
    struct rec b4 = edition(bob, &c.id, 4, &c.r[3].id, "Bob's four");
    struct record_id id;

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    assert_int_equal(put(w.c, &b1, false), 0);
    assert_int_equal(current(w.c, &c.id, &id), 3);
    assert_int_equal(put(w.c, &b4, false), 0);
    assert_int_equal(current(w.c, &c.id, &id), 4);
    assert_true(record_id_eq(&id, &b4.id));
    close_it(&w);
    drop(c.r, 4);
    drop(&b1, 1);
    drop(&b4, 1);
}

/* ---- profiles and lists
 * ----------------------------------------------------------- */

/* The newest profile counts, whatever order they came in. */
TEST(catalog_profile, newest)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct rec r[] = {profile(ann, 20, "Ann B."), profile(ann, 10, "Ann"),
                      profile(bob, 30, "Bob")};
    struct buf got = BUF_INIT;

    for (int i = 0; i < 3; i++)
        assert_int_equal(put(w.c, &r[i], false), 0);
    assert_int_equal(catalog_profile(w.c, identity_author(ann), &got, NULL), 0);
    assert_int_equal(got.len, r[0].bytes.len);
    assert_memory_equal(got.base, r[0].bytes.base, got.len);
    assert_int_equal(catalog_profile(w.c, identity_author(eve), &got, NULL),
                     ERR_NOT_FOUND);
    buf_deinit(&got);
    close_it(&w);
    drop(r, 3);
}

static void count_course(void *user, const struct course_id *id)
{
    size_t *n = user;

    (void)id;
    ++*n;
}

static void count_record(void *user, const struct record_id *id)
{
    size_t *n = user;

    (void)id;
    ++*n;
}

/* Courses are listed, records found by the first digits of their ids. */
TEST(catalog_find, prefix)
{
    struct place_of_work w = open_in(test_tmpdir());
    struct chain c = make_chain();
    struct id_hex hex = record_id_hex(&c.r[2].id);
    size_t n = 0;

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    assert_int_equal(catalog_courses(w.c, count_course, &n, NULL), 0);
    assert_int_equal(n, 1);
    n = 0;
    assert_int_equal(catalog_find(w.c, hex.s, 8, count_record, &n), 1);
    assert_int_equal(n, 1);
    hex.s[12] = '\0';
    assert_int_equal(catalog_find(w.c, hex.s, 8, count_record, &n), 1);
    assert_int_equal(catalog_find(w.c, "", 3, count_record, &n), 3);
    assert_int_equal(catalog_find(w.c, "xyz", 3, count_record, &n), 0);
    assert_int_equal(catalog_find(w.c, "%", 3, count_record, &n), 0);
    close_it(&w);
    drop(c.r, 4);
}

/* What is held of an edition is noted and survives a stop. */
TEST(catalog_held, noted)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct record_id id = {{7}};

    assert_int_equal(catalog_held(w.c, &id), HELD_NOTHING);
    assert_int_equal(catalog_set_held(w.c, &id, HELD_PARTIAL, NULL), 0);
    assert_int_equal(catalog_set_held(w.c, &id, HELD_COMPLETE, NULL), 0);
    close_it(&w);
    w = open_in(home);
    assert_int_equal(catalog_held(w.c, &id), HELD_COMPLETE);
    close_it(&w);
}

/* A removal that failed has not happened, for an index that is made anew
 * neither. */
TEST(catalog_forget, failed)
{
    const char *home = test_tmpdir();
    struct chain c = make_chain();
    struct place_of_work w;
    struct buf bytes = BUF_INIT;
    unsigned failed = 0;

    fault_vfs_install();
    w = open_in(home);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    fault_vfs_after(0, 1, SQLITE_FULL);
    failed += catalog_forget(w.c, &c.id, NULL) != 0;
    fault_vfs_after(-1, 0, 0);
    assert_int_equal(failed, 1);
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    w = open_in(home);
    for (int i = 0; i < 4; i++)
        assert_int_equal(catalog_get(w.c, &c.r[i].id, &bytes, NULL), 0);
    buf_deinit(&bytes);
    close_it(&w);
    drop(c.r, 4);
}

/* A forgotten course is gone, also when the index is made again, and comes back
 * when it is put again. */
TEST(catalog_forget, for_good)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();
    struct record_id id;
    size_t n = 0;

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], false), 0);
    assert_int_equal(catalog_forget(w.c, &c.id, NULL), 0);
    for (int life = 0; life < 3; life++) {
        assert_int_equal(current(w.c, &c.id, &id), 0);
        assert_false(holds(w.c, &c.r[0]) || holds(w.c, &c.r[3]));
        assert_int_equal(catalog_courses(w.c, count_course, &n, NULL), 0);
        assert_int_equal(n, 0);
        close_it(&w);
        if (life == 1)
            assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        w = open_in(home);
    }
    assert_int_equal(put(w.c, &c.r[1], false), ERR_REFUSED);
    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[3], false), 0);
    for (int life = 0; life < 2; life++) {
        assert_int_equal(current(w.c, &c.id, &id), 3);
        close_it(&w);
        assert_int_equal(unlink(keep_path(home, "index.db")), 0);
        w = open_in(home);
    }
    close_it(&w);
    drop(c.r, 4);
}

/* ---- numbers
 * ------------------------------------------------------------------------ */

static uint64_t next_seq(struct catalog *c, const struct course_id *id)
{
    uint64_t seq = 0;

    assert_int_equal(catalog_next_seq(c, identity_author(ann), id, &seq, NULL),
                     0);
    return seq;
}

/* The next number never goes back: not with a lost index, nor with all records
 * lost, while the file `seq` stands. */
TEST(catalog_next_seq, lost)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();

    assert_int_equal(next_seq(w.c, &c.id), 1);
    assert_int_equal(put(w.c, &c.r[0], true), 0);
    assert_int_equal(next_seq(w.c, &c.id), 1);
    assert_int_equal(put(w.c, &c.r[1], true), 0);
    assert_int_equal(put(w.c, &c.r[2], true), 0);
    assert_int_equal(next_seq(w.c, &c.id), 3);
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    assert_int_equal(unlink(keep_path(home, "records/000001.log")), 0);
    w = open_in(home);
    assert_int_equal(next_seq(w.c, &c.id), 3);
    close_it(&w);
    drop(c.r, 4);
}

/* A lost file `seq` is raised again from the records that are taken up. */
TEST(catalog_next_seq, file_lost)
{
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();

    for (int i = 0; i < 4; i++)
        assert_int_equal(put(w.c, &c.r[i], true), 0);
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "seq")), 0);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    w = open_in(home);
    assert_true(keep_size(keep_path(home, "seq")) > 128);
    assert_int_equal(next_seq(w.c, &c.id), 4);
    close_it(&w);
    drop(c.r, 4);
}

/* A put that failed and died while it took the number back: its record is in
 * the log, and its row in the index. The number counts. */
TEST(catalog_next_seq, file_behind)
{
    const char *home = test_tmpdir();
    const char *before = test_tmpdir();
    struct place_of_work w = open_in(home);
    struct chain c = make_chain();

    assert_int_equal(put(w.c, &c.r[0], true), 0);
    assert_int_equal(put(w.c, &c.r[1], true), 0);
    keep_copy_home(home, before);
    assert_int_equal(put(w.c, &c.r[2], true), 0);
    close_it(&w);
    assert_int_equal(rename(keep_path(before, "seq"), keep_path(home, "seq")),
                     0);
    w = open_in(home);
    close_it(&w);
    assert_int_equal(unlink(keep_path(home, "index.db")), 0);
    assert_int_equal(unlink(keep_path(home, "records/000001.log")), 0);
    w = open_in(home);
    assert_int_equal(next_seq(w.c, &c.id), 3);
    close_it(&w);
    drop(c.r, 4);
}

/* ---- damage
 * ------------------------------------------------------------------------- */

/* The last entry cut at any length: the others are there, and it can be put. */
TEST(catalog_open, torn_tail)
{
    const char *first = test_tmpdir();
    const char *home = test_tmpdir();
    struct place_of_work w = open_in(first);
    struct chain c = make_chain();
    struct record_id id;
    off_t before;
    off_t after;

    assert_int_equal(put(w.c, &c.r[0], false), 0);
    assert_int_equal(put(w.c, &c.r[1], false), 0);
    before = keep_size(keep_path(first, "records/000001.log"));
    assert_int_equal(put(w.c, &c.r[2], false), 0);
    after = keep_size(keep_path(first, "records/000001.log"));
    close_it(&w);
    for (off_t n = before; n < after; n += n < before + 30 ? 1 : 17) {
        for (int gone = 0; gone < 2; gone++) {
            keep_copy_home(first, home);
            assert_int_equal(truncate(keep_path(home, "records/000001.log"), n),
                             0);
            if (gone)
                assert_int_equal(unlink(keep_path(home, "index.db")), 0);
            w = open_in(home);
            assert_int_equal(current(w.c, &c.id, &id), 1);
            assert_false(holds(w.c, &c.r[2]));
            assert_int_equal(put(w.c, &c.r[2], false), 0);
            close_it(&w);
            w = open_in(home);
            assert_int_equal(current(w.c, &c.id, &id), 2);
            assert_true(holds(w.c, &c.r[1]) && holds(w.c, &c.r[2]));
            close_it(&w);
        }
    }
    drop(c.r, 4);
}

static struct chain vanish_chain;

static void put_and_vanish(const char *home)
{
    struct place_of_work w = open_in(home);

    for (int i = 0; i < 4; i++)
        if (put(w.c, &vanish_chain.r[i], true) != 0)
            _exit(1);
}

/* What was acknowledged survives a process that vanishes, with its WAL lost. */
TEST(catalog_open, vanished)
{
    const char *home = test_tmpdir();
    struct place_of_work w;
    struct record_id id;

    vanish_chain = make_chain();
    keep_vanish(put_and_vanish, home);
    assert_int_equal(unlink(keep_path(home, "index.db-wal")), 0);
    w = open_in(home);
    assert_int_equal(current(w.c, &vanish_chain.id, &id), 3);
    assert_int_equal(next_seq(w.c, &vanish_chain.id), 4);
    close_it(&w);
    drop(vanish_chain.r, 4);
}

/* Every write, sync and rename fails in its turn: a record that was refused is
 * not here, those before it are, its number is free, and the same record is
 * taken afterwards. */
TEST(catalog_put, faults)
{
    static const struct {
        enum file_io_fault kind;
        int errnum;
    } kinds[] = {{FAULT_WRITE, ENOSPC},
                 {FAULT_WRITE, EIO},
                 {FAULT_SYNC, EIO},
                 {FAULT_RENAME, EIO},
                 {FAULT_SYNC, ENOSPC}};
    const char *root = test_tmpdir();
    struct chain c = make_chain();
    char home[KEEP_PATH];

    for (size_t k = 0; k < 5; k++) {
        for (int n = 0;; n++) {
            struct place_of_work w;
            struct record_id id;
            int rc;

            (void)snprintf(home, sizeof home, "%s/%zu-%d", root, k, n);
            assert_int_equal(mkdir(home, 0700), 0);
            w = open_in(home);
            assert_int_equal(put(w.c, &c.r[0], true), 0);
            assert_int_equal(put(w.c, &c.r[1], true), 0);
            file_io_fault_after(kinds[k].kind, n, 1, kinds[k].errnum);
            rc = put(w.c, &c.r[2], true);
            keep_no_faults();
            assert_true(rc == 0 || rc == ERR_IO || rc == ERR_NO_SPACE);
            assert_int_equal(holds(w.c, &c.r[2]), rc == 0);
            assert_int_equal(current(w.c, &c.id, &id), rc == 0 ? 2 : 1);
            assert_int_equal(next_seq(w.c, &c.id), rc == 0 ? 3 : 2);
            if (n % 2 == 0) {
                close_it(&w);
                w = open_in(home);
                assert_int_equal(current(w.c, &c.id, &id), rc == 0 ? 2 : 1);
            }
            assert_int_equal(put(w.c, &c.r[2], true), 0);
            assert_int_equal(put(w.c, &c.r[3], true), 0);
            close_it(&w);
            w = open_in(home);
            assert_int_equal(current(w.c, &c.id, &id), 3);
            close_it(&w);
            if (rc == 0)
                break;
            assert_true(n < 100);
        }
    }
    drop(c.r, 4);
}

/* A disk that stays full from the n-th write on, SQLite's included: in this
 * life and the next, a number is taken if and only if its record is here. */
TEST(catalog_put, full_for_long)
{
    const char *root = test_tmpdir();
    struct chain c = make_chain();
    char home[KEEP_PATH];
    bool stayed = false;

    fault_vfs_install();
    for (int n = 0; n < 6; n++) { /* a put writes three times, an undo once */
        for (int again = 0; again < 2; again++) {
            struct place_of_work w;
            struct record_id id;
            uint64_t next;

            (void)snprintf(home, sizeof home, "%s/%d-%d", root, n, again);
            assert_int_equal(mkdir(home, 0700), 0);
            w = open_in(home);
            assert_int_equal(put(w.c, &c.r[0], true), 0);
            assert_int_equal(put(w.c, &c.r[1], true), 0);
            file_io_fault_after(FAULT_WRITE, n, 1000, ENOSPC);
            fault_vfs_after(0, 1000, SQLITE_FULL);
            assert_int_equal(put(w.c, &c.r[2], true), ERR_NO_SPACE);
            keep_no_faults();
            fault_vfs_after(-1, 0, 0);
            if (again == 1) {
                close_it(&w);
                w = open_in(home);
            }
            next = next_seq(w.c, &c.id); /* takes up what stayed */
            assert_int_equal(next == 3, holds(w.c, &c.r[2]));
            stayed = stayed || holds(w.c, &c.r[2]);
            assert_int_equal(put(w.c, &c.r[2], true), 0);
            assert_int_equal(next_seq(w.c, &c.id), 3);
            assert_int_equal(current(w.c, &c.id, &id), 2);
            assert_int_equal(put(w.c, &c.r[3], true), 0);
            close_it(&w);
            w = open_in(home);
            assert_int_equal(current(w.c, &c.id, &id), 3);
            close_it(&w);
        }
    }
    assert_true(stayed);
    drop(c.r, 4);
}
