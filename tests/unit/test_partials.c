/* What fetches leave in the home goes when nobody comes back for it. */
#include "storage/partials.h"

#include <unistd.h>

#include "tests/lib/edition_kit.h"

static bool yes(void *user, const struct record_id *edition)
{
    (void)user;
    (void)edition;
    return true;
}

static bool no(void *user, const struct record_id *edition)
{
    (void)user;
    (void)edition;
    return false;
}

/* Of the large file's chunks every second one is live. */
static bool is_even(void *user, const struct chunk_id *id)
{
    const struct edition *ed = user;
    const struct chunk_table *t = &ed->m.table;

    for (uint32_t i = 0; i < t->count; i += 2)
        if (chunk_id_eq(&t->refs[i].id, id))
            return true;
    return false;
}

/* A fetch that has one chunk too few, and ends. */
static void leave(struct place *p, struct edition *ed)
{
    const struct chunk_ref *last;

    begin(p);
    put_noise(p->src, "v.bin", 2 << 20, 1);
    import(p->s, p->src, ed);
    last = &ed->m.table.refs[ed->m.table.count - 1];
    assert_int_equal(store_forget(p->s, &last->id, NULL), 0);
    assert_int_equal(export(p->s, p->home, p->out, ed), ERR_PARTIAL);
}

static size_t sweep(struct place *p, struct edition *ed,
                    partials_needed_fn *needed)
{
    uint64_t freed = 0;

    assert_int_equal(
        partials_sweep(p->s, p->home, needed, is_even, ed, &freed, NULL), 0);
    assert_int_equal(freed >= 2 << 20,
                     entries(keep_path(p->home, "partial")) == 0);
    return entries(keep_path(p->home, "partial"));
}

static void end(struct place *p, struct edition *ed)
{
    drop(ed);
    store_close(p->s);
}

/* What is live of it goes into a pack, and only that. */
TEST(partials, left)
{
    struct edition ed;
    struct place p;
    size_t held = 0;

    leave(&p, &ed);
    assert_int_equal(sweep(&p, &ed, no), 0);
    for (uint32_t i = 0; i < ed.m.table.count; i++) {
        const struct chunk_id *id = &ed.m.table.refs[i].id;
        bool blob = i < ed.m.table.index_count + ed.m.table.tree_count;

        held += store_has(p.s, id);
        if (store_has(p.s, id))
            assert_int_equal(store_verify(p.s, id, NULL), 0);
        else
            assert_true(!blob && (i % 2 == 1 || i + 1 == ed.m.table.count));
    }
    assert_true(held > ed.m.table.count / 3 && held < ed.m.table.count - 3);
    end(&p, &ed);
}

/* Somebody will go on with it, or is at it. */
TEST(partials, needed)
{
    struct target *t = NULL;
    struct edition ed;
    struct place p;

    leave(&p, &ed);
    assert_int_equal(sweep(&p, &ed, yes), 1);
    {
        struct target_options opt = {
            .home = p.home, .dir = p.out, .edition = ed.id, .m = &ed.m};

        assert_int_equal(target_open(p.s, &opt, &t, NULL), 0);
    }
    assert_int_equal(sweep(&p, &ed, no), 1);
    target_close(t);
    assert_int_equal(sweep(&p, &ed, no), 0);
    end(&p, &ed);
}

/* What is not an edition's is not ours to remove; without the folder there is
 * nothing to do. */
TEST(partials, foreign)
{
    struct edition ed;
    struct place p;

    leave(&p, &ed);
    assert_int_equal(sweep(&p, &ed, no), 0);
    assert_int_equal(rmdir(keep_path(p.home, "partial")), 0);
    {
        uint64_t freed = 1;

        assert_int_equal(
            partials_sweep(p.s, p.home, no, is_even, &ed, &freed, NULL), 0);
        assert_int_equal(freed, 0);
    }
    make_folder(p.home, "partial");
    make_folder(p.home, "partial/mine");
    assert_int_equal(sweep(&p, &ed, no), 1);
    end(&p, &ed);
}
