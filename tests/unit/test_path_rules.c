#include "tests/lib/test.h"

#include <string.h>

#include "storage/path_rules.h"

/* What real courses hold goes through. */
TEST(path_rules, good)
{
    static const char *const good[] = {"README.md",
                                       "What is C?.md",
                                       "第一课/指针与数组.md",
                                       "الدرس/مقدمة.md",
                                       ".gitignore",
                                       ".github/x.yml",
                                       "xt_MARK.h",
                                       "a b  c",
                                       "-rf",
                                       "~x",
                                       "CON",
                                       "x.",
                                       "git",
                                       ".gitmodules",
                                       "a:b"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(path_check(good[i], strlen(good[i]), NULL), 0);
}

/* What an attacker would like does not. */
TEST(path_rules, hostile)
{
    static const char *const bad[] = {"",
                                      "/x",
                                      "../x",
                                      "a/../b",
                                      "a//b",
                                      "a/",
                                      "./a",
                                      "a/.",
                                      "..",
                                      "a\\..\\b",
                                      "a\nb",
                                      "a\x1b[31m",
                                      ".git",
                                      ".GIT/config",
                                      ".git /x",
                                      ".git.",
                                      ".git..../x",
                                      "git~1/x",
                                      "GIT~1",
                                      ".git:x",
                                      ".g\u200cit/config",
                                      "\uff0egit/x",
                                      "a\u202eb",
                                      "a\u2066b",
                                      "a\u200bb",
                                      "a\ufeff",
                                      "e\u0301.md",
                                      "\xff\xfe",
                                      "a\xc0\xaf",
                                      "sub/.Git/hooks/x"};
    char deep[2 * 65 + 2] = "";
    char name[300];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (path_check(bad[i], strlen(bad[i]), NULL) == 0)
            fail_msg("'%s' was taken", bad[i]);
    assert_int_not_equal(path_check("a\0b", 3, NULL), 0);
    memset(name, 'x', sizeof name);
    assert_int_not_equal(path_check(name, 256, NULL), 0);
    assert_int_equal(path_check(name, 255, NULL), 0);
    for (size_t i = 0; i < 65; i++)
        memcpy(deep + 2 * i, "d/", 2);
    assert_int_not_equal(path_check(deep, 2 * 65 - 1, NULL), 0);
}

/* Together: sorted, unique, and no file where a folder is. */
TEST(path_rules, lists)
{
    static const char *const good[] = {"a", "a.b", "b/c", "b/d/e"};
    static const char *const file_and_folder[] = {"a", "a.b", "a/c"};
    static const char *const twice[] = {"a", "a"};

    assert_int_equal(path_list_check(good, NULL, 4, 100, NULL), 0);
    assert_int_equal(path_list_check(good, NULL, 4, 5, NULL), ERR_LIMIT);
    assert_int_not_equal(path_list_check(file_and_folder, NULL, 3, 100, NULL),
                         0);
    assert_int_not_equal(path_list_check(twice, NULL, 2, 100, NULL), 0);
}
