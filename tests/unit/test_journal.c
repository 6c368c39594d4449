#include "storage/journal.h"

#include "simulations/alloc_fail.h"
#include "tests/lib/keep.h"

static struct journal *open_it(const char *home)
{
    struct journal *j = NULL;
    struct err e = ERR_INIT;

    if (journal_open(home, "roots", &j, &e) != 0)
        fail_msg("journal_open: %s", e.text);
    return j;
}

static int set(struct journal *j, const char *key, const char *value)
{
    return journal_set(j, "pin", key, &value, 1, NULL);
}

static const char *get(struct journal *j, const char *key, size_t index)
{
    static char out[4096];

    return journal_get(j, "pin", key, index, out, sizeof out) == 0 ? out : "-";
}

/* The newest line about a key counts, verbs are apart, what was unset is gone;
 * the same after a stop. */
TEST(journal, facts)
{
    const char *home = test_tmpdir();
    struct journal *j = open_it(home);
    const char *values[6] = {"a", "", "c", "d", "e", "f"};

    assert_int_equal(set(j, "one", "1"), 0);
    assert_int_equal(set(j, "two", "2"), 0);
    assert_int_equal(set(j, "one", "11"), 0);
    assert_int_equal(journal_set(j, "name", "one", values, 6, NULL), 0);
    assert_int_equal(journal_set(j, "pin", "none", NULL, 0, NULL), 0);
    assert_int_equal(set(j, "gone", "3"), 0);
    assert_int_equal(journal_unset(j, "pin", "gone", NULL), 0);
    assert_int_equal(journal_unset(j, "pin", "never", NULL), 0);
    for (int life = 0; life < 2; life++) {
        char out[8];

        assert_string_equal(get(j, "one", 0), "11");
        assert_string_equal(get(j, "two", 0), "2");
        assert_string_equal(get(j, "two", 1), "-");
        assert_string_equal(get(j, "none", 0), "-");
        assert_string_equal(get(j, "gone", 0), "-");
        assert_int_equal(journal_get(j, "name", "one", 1, out, 8), 0);
        assert_string_equal(out, "");
        assert_int_equal(journal_get(j, "name", "one", 5, out, 8), 0);
        assert_string_equal(out, "f");
        assert_int_equal(journal_get(j, "pin", "one", 0, out, 2), ERR_LIMIT);
        journal_close(j);
        j = open_it(home);
    }
    journal_close(j);
}

/* Any text is a key or a value. */
TEST(journal, any_text)
{
    static const char *const odd[] = {"",     "\t",    "\n\r",   "%",
                                      "%00",  "-pin",  " a b ",  "\x01\xff\x80",
                                      "\"{}", "C:\\x", "/a//b/", "K\xc3\xa4se"};
    const char *home = test_tmpdir();
    struct journal *j = open_it(home);

    for (size_t i = 0; i < 12; i++)
        assert_int_equal(set(j, odd[i], odd[11 - i]), 0);
    for (int life = 0; life < 2; life++) {
        for (size_t i = 0; i < 12; i++)
            assert_string_equal(get(j, odd[i], 0), odd[11 - i]);
        journal_close(j);
        j = open_it(home);
    }
    journal_close(j);
}

/* What cannot be written is refused: a verb of other letters, too many values,
 * a line without end. */
TEST(journal, refused)
{
    struct journal *j = open_it(test_tmpdir());
    const char *values[7] = {"", "", "", "", "", "", ""};
    char *huge = malloc(40000);
    const char *value = huge;

    assert_non_null(huge);
    memset(huge, 'x', 39999);
    huge[39999] = '\0';
    assert_int_equal(journal_set(j, "Pin", "k", values, 1, NULL), ERR_INVALID);
    assert_int_equal(journal_set(j, "-pin", "k", values, 1, NULL), ERR_INVALID);
    assert_int_equal(journal_set(j, "", "k", values, 1, NULL), ERR_INVALID);
    assert_int_equal(journal_unset(j, "a\tb", "k", NULL), ERR_INVALID);
    assert_int_equal(journal_set(j, "pin", "k", values, 7, NULL), ERR_INVALID);
    assert_int_equal(journal_set(j, "pin", "k", &value, 1, NULL), ERR_LIMIT);
    assert_string_equal(get(j, "k", 0), "-");
    free(huge);
    journal_close(j);
}

struct seen {
    char keys[64];
    size_t count;
};

static void note(void *user, const char *key, const char *const *values,
                 size_t count)
{
    struct seen *s = user;

    s->count += count;
    (void)values;
    (void)strncat(s->keys, key, 8);
}

/* Facts of one verb come in key order. */
TEST(journal, each)
{
    struct journal *j = open_it(test_tmpdir());
    struct seen s = {.count = 0};

    assert_int_equal(set(j, "c", "1"), 0);
    assert_int_equal(set(j, "a", "1"), 0);
    assert_int_equal(set(j, "b", "1"), 0);
    assert_int_equal(journal_set(j, "pinned", "x", NULL, 0, NULL), 0);
    journal_each(j, "pin", note, &s);
    assert_string_equal(s.keys, "abc");
    assert_int_equal(s.count, 3);
    journal_close(j);
}

/* A last line cut at any length is as if it had never been, and the next line
 * does not run into it. */
TEST(journal, torn_tail)
{
    const char *home = test_tmpdir();
    const char *path = strdup(keep_path(home, "roots"));
    struct journal *j = open_it(home);
    off_t before;
    off_t after;

    assert_int_equal(set(j, "one", "1"), 0);
    before = keep_size(path);
    assert_int_equal(set(j, "one", "two/three"), 0);
    after = keep_size(path);
    journal_close(j);
    for (off_t n = after - 1; n >= before; n--) {
        assert_int_equal(truncate(path, n), 0);
        j = open_it(home);
        assert_string_equal(get(j, "one", 0), "1");
        assert_int_equal(keep_size(path), before);
        assert_int_equal(set(j, "one", "two/three"), 0);
        journal_close(j);
        j = open_it(home);
        assert_string_equal(get(j, "one", 0), "two/three");
        journal_close(j);
    }
    free((char *)(uintptr_t)path);
}

/* Lines that are not understood are passed over and harm no others. */
TEST(journal, odd_lines)
{
    static const char lines[] = "pin\tone\t1\n\npin\nfuture\n"
                                "pin\tbad\t%zz\npin\ttwo\t2\n\t\t\t\n"
                                "new\tk\t1\t2\t3\t4\t5\t6\t7\t8\t9\n-pin\n";
    const char *home = test_tmpdir();
    struct journal *j;

    keep_write(keep_path(home, "roots"), lines, sizeof lines - 1);
    j = open_it(home);
    assert_string_equal(get(j, "one", 0), "1");
    assert_string_equal(get(j, "two", 0), "2");
    assert_string_equal(get(j, "bad", 0), "-");
    journal_close(j);
}

/* A journal of mostly superseded lines is written anew at open, with all that
 * counts; a disk too full for that keeps nobody out. */
TEST(journal, compact)
{
    const char *home = test_tmpdir();
    struct journal *j = open_it(home);
    char value[16];
    struct stat st;
    off_t before;

    file_io_fault_after(FAULT_RENAME, 0, 1000, ENOSPC);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(value, sizeof value, "%d", i);
        assert_int_equal(set(j, i % 2 ? "odd" : "even", value), 0);
    }
    assert_int_equal(set(j, "gone", "1"), 0);
    assert_int_equal(journal_unset(j, "pin", "gone", NULL), 0);
    before = keep_size(keep_path(home, "roots"));
    journal_close(j);
    j = open_it(home);
    keep_no_faults();
    assert_int_equal(keep_size(keep_path(home, "roots")), before);
    assert_string_equal(get(j, "odd", 0), "299");
    assert_string_equal(get(j, "gone", 0), "-");
    journal_close(j);
    j = open_it(home);
    assert_true(keep_size(keep_path(home, "roots")) < 40);
    assert_string_equal(get(j, "odd", 0), "299");
    assert_string_equal(get(j, "gone", 0), "-");
    assert_int_equal(set(j, "new", "1"), 0);
    journal_close(j);
    j = open_it(home);
    assert_string_equal(get(j, "even", 0), "298");
    assert_string_equal(get(j, "new", 0), "1");
    assert_int_equal(stat(keep_path(home, "roots"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    journal_close(j);
}

/* A line that could not be written or synced is not a fact, and leaves nothing
 * behind. */
TEST(journal, faults)
{
    static const struct {
        enum file_io_fault kind;
        int errnum;
        int want;
    } kinds[] = {{FAULT_WRITE, ENOSPC, ERR_NO_SPACE},
                 {FAULT_WRITE, EIO, ERR_IO},
                 {FAULT_SYNC, EIO, ERR_IO}};
    const char *home = test_tmpdir();
    struct journal *j = open_it(home);
    off_t before;

    assert_int_equal(set(j, "k", "before"), 0);
    before = keep_size(keep_path(home, "roots"));
    for (size_t i = 0; i < 3; i++) {
        file_io_fault_after(kinds[i].kind, 0, 1, kinds[i].errnum);
        assert_int_equal(set(j, "k", "after"), kinds[i].want);
        file_io_fault_after(kinds[i].kind, 0, 1, kinds[i].errnum);
        assert_int_equal(journal_unset(j, "pin", "k", NULL), kinds[i].want);
        keep_no_faults();
        assert_string_equal(get(j, "k", 0), "before");
        assert_int_equal(keep_size(keep_path(home, "roots")), before);
    }
    assert_int_equal(set(j, "k", "after"), 0);
    journal_close(j);
    j = open_it(home);
    assert_string_equal(get(j, "k", 0), "after");
    journal_close(j);
}

/* What is set again and again is kept once: the file does not grow without end,
 * and goes on being written to after it was shortened. */
TEST(journal, does_not_grow)
{
    const char *home = test_tmpdir();
    struct journal *j = NULL;
    struct stat st;
    char got[32];

    assert_int_equal(journal_open(home, "choices", &j, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        char text[32];
        const char *values[1] = {text};

        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(journal_set(j, "seen", "peer", values, 1, NULL), 0);
    }
    assert_int_equal(stat(keep_path(home, "choices"), &st), 0);
    assert_true(st.st_size < 4096);
    journal_close(j);
    assert_int_equal(journal_open(home, "choices", &j, NULL), 0);
    assert_int_equal(journal_get(j, "seen", "peer", 0, got, sizeof got), 0);
    assert_string_equal(got, "999");
    journal_close(j);
}

static bool is_past(void *user, const char *const *values, size_t count)
{
    return count > 0 && strtol(values[0], NULL, 10) < *(long *)user;
}

/* What is over goes in one go; other verbs, later facts and the file behind
 * them stay, and a full disk takes nothing away from what is still true. */
TEST(journal, prune)
{
    const char *home = test_tmpdir();
    struct journal *j = open_it(home);
    off_t full;
    long now = 150;

    for (int i = 0; i < 300; i++) {
        char key[16];
        char text[16];
        const char *values[1] = {text};

        (void)snprintf(key, sizeof key, "k%03d", i);
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(journal_set(j, "block", key, values, 1, NULL), 0);
    }
    assert_int_equal(set(j, "pinned", "1"), 0);
    full = keep_size(keep_path(home, "roots"));
    assert_int_equal(journal_prune(j, "block", is_past, &now, NULL), 0);
    assert_true(keep_size(keep_path(home, "roots")) < full * 2 / 3);
    file_io_fault_after(FAULT_WRITE, 0, 1, ENOSPC);
    now = 160;
    assert_int_equal(journal_prune(j, "block", is_past, &now, NULL),
                     ERR_NO_SPACE);
    keep_no_faults();
    assert_int_equal(set(j, "after", "2"), 0);
    journal_close(j);

    j = open_it(home);
    {
        char got[16];

        assert_int_equal(journal_get(j, "block", "k149", 0, got, sizeof got),
                         ERR_NOT_FOUND);
        assert_int_equal(journal_get(j, "block", "k150", 0, got, sizeof got),
                         0);
        assert_int_equal(journal_get(j, "block", "k299", 0, got, sizeof got),
                         0);
    }
    assert_string_equal(get(j, "pinned", 0), "1");
    assert_string_equal(get(j, "after", 0), "2");
    journal_close(j);
}

static void get_pin(struct journal *j, char out[16])
{
    out[0] = '\0';
    (void)journal_get(j, "pin", "course", 0, out, 16);
}

/* Each allocation fails in its turn: what is said to be set is in force, what
 * is not is not, and a start does not pass over a line for want of memory. */
TEST(journal, no_memory)
{
    const char *const old[1] = {"old"};
    const char *const next[1] = {"next"};
    bool failed = true;
    uint64_t n = 0;

    for (; failed; n++) {
        const char *home = test_tmpdir();
        struct journal *j;
        char was[16];
        char is[16];
        int rc;

        assert_int_equal(journal_open(home, "choices", &j, NULL), 0);
        assert_int_equal(journal_set(j, "pin", "course", old, 1, NULL), 0);
        alloc_fail_after(n, 1);
        rc = journal_set(j, "pin", "course", next, 1, NULL);
        failed = alloc_fail_stop() > n;
        get_pin(j, is);
        assert_string_equal(is, rc == 0 ? "next" : "old");
        (void)snprintf(was, sizeof was, "%s", is);
        journal_close(j);
        alloc_fail_after(n, 1);
        rc = journal_open(home, "choices", &j, NULL);
        (void)alloc_fail_stop();
        if (rc != 0)
            continue;
        get_pin(j, is);
        assert_string_equal(is, was);
        journal_close(j);
    }
    assert_true(n > 4);
}
