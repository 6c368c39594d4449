#include "storage/config.h"

#include "tests/lib/keep.h"

static const char *get(const char *home, const char *key)
{
    static char out[CONFIG_VALUE_MAX];

    return config_get(home, key, out, NULL) == 0 ? out : "none";
}

/* Without a file the defaults hold; what was set is read back. */
TEST(config, set_get)
{
    const char *home = test_tmpdir();

    assert_string_equal(get(home, "network"), "main");
    assert_int_equal(config_set(home, "network", "school", NULL), 0);
    assert_int_equal(config_set(home, "name", "K\xc3\xa4the = Ann", NULL), 0);
    assert_int_equal(config_set(home, "network", "class-2", NULL), 0);
    assert_string_equal(get(home, "network"), "class-2");
    assert_string_equal(get(home, "name"), "K\xc3\xa4the = Ann");
    assert_string_equal(get(home, "log_format"), "text");
    assert_string_equal(get(home, "no_such"), "none");
    assert_int_equal(config_check_file(home, NULL), 0);
}

/* Every key has a default that is a value, and says what it is for. */
TEST(config, keys)
{
    const char *home = test_tmpdir();
    size_t n = 0;

    for (const char *const *k = config_keys(); *k != NULL; k++, n++) {
        assert_non_null(config_about(*k));
        assert_int_equal(config_check(*k, get(home, *k), NULL), 0);
    }
    assert_true(n >= 6);
    assert_null(config_about("no_such"));
}

/* Comments and other people's spacing survive a change of one key. */
TEST(config, comments)
{
    static const char text[] = "# mine\n  quota=5G  \r\nnetwork\t=\tx\n# end";
    const char *home = test_tmpdir();
    struct buf got = BUF_INIT;

    keep_write(keep_path(home, "config"), text, sizeof text - 1);
    assert_string_equal(get(home, "quota"), "5G");
    assert_string_equal(get(home, "network"), "x");
    assert_int_equal(config_check_file(home, NULL), 0);
    assert_int_equal(config_set(home, "network", "y", NULL), 0);
    assert_string_equal(get(home, "quota"), "5G");
    assert_string_equal(get(home, "network"), "y");
    assert_int_equal(file_io_load(keep_path(home, "config"), 999, &got, NULL),
                     0);
    assert_non_null(strstr(buf_cstr(&got), "# mine\n"));
    assert_non_null(strstr(buf_cstr(&got), "# end\n"));
    buf_deinit(&got);
}

/* What cannot be meant is refused, by set and by check, and not written. */
TEST(config, refused)
{
    static const char *const bad[][2] = {
        {"listen", "7460"},       {"listen", ":7460"}, {"listen", "h:"},
        {"listen", "h:70000"},    {"listen", "h:1x"},  {"quota", "many"},
        {"quota", "1Q"},          {"quota", "-1"},     {"network", ""},
        {"log_format", "xml"},    {"lang", "de"},      {"name", "a\nb"},
        {"name", "a\x1b[2J"},     {"name", "\xff"},    {"colour", "red"},
        {"quota", "99999999999T"}};
    const char *home = test_tmpdir();
    struct err e = ERR_INIT;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e.text[0] = '\0';
        assert_int_equal(config_set(home, bad[i][0], bad[i][1], &e),
                         ERR_INVALID);
        assert_non_null(strstr(e.text, bad[i][0]));
    }
    assert_int_equal(keep_size(keep_path(home, "config")), -1);
    keep_write(keep_path(home, "config"), "quota = 5G\nlang = de\n", 21);
    assert_int_equal(config_check_file(home, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "lang"));
    keep_write(keep_path(home, "config"), "quota\n", 6);
    assert_int_equal(config_check_file(home, &e), ERR_INVALID);
    assert_int_equal(config_check("listen", "[::1]:0", NULL), 0);
}

/* Sizes are numbers with one letter, in powers of 1024. */
TEST(config_bytes, units)
{
    unsigned long long n = 0;

    assert_int_equal(config_bytes("0", &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(config_bytes("50G", &n), 0);
    assert_true(n == 50ull << 30);
    assert_int_equal(config_bytes("3T", &n), 0);
    assert_true(n == 3ull << 40);
    assert_int_equal(config_bytes("7K", &n), 0);
    assert_int_equal(n, 7168);
    assert_int_equal(config_bytes("", &n), ERR_INVALID);
    assert_int_equal(config_bytes("G", &n), ERR_INVALID);
    assert_int_equal(config_bytes("1GB", &n), ERR_INVALID);
    assert_int_equal(config_bytes(" 1", &n), ERR_INVALID);
    assert_int_equal(config_bytes("999999999999999", &n), 0);
    assert_int_equal(config_bytes("99999999999999T", &n), ERR_INVALID);
    assert_int_equal(n, 999999999999999);
}

/* A value that could not be saved leaves the old file. */
TEST(config, faults)
{
    const char *home = test_tmpdir();

    assert_int_equal(config_set(home, "quota", "5G", NULL), 0);
    for (int kind = FAULT_WRITE; kind <= FAULT_RENAME; kind++) {
        file_io_fault_after((enum file_io_fault)kind, 0, 1, ENOSPC);
        assert_int_equal(config_set(home, "quota", "6G", NULL), ERR_NO_SPACE);
        keep_no_faults();
        assert_string_equal(get(home, "quota"), "5G");
    }
}
