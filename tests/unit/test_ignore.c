#include "storage/ignore.h"

#include "tests/lib/test.h"

#include <string.h>

static bool matches(const char *rules, const char *base, const char *path,
                    bool is_dir)
{
    struct ignore *ig = ignore_new();
    bool out;

    assert_non_null(ig);
    assert_int_equal(ignore_add(ig, rules, strlen(rules), base), 0);
    out = ignore_match(ig, path, is_dir);
    ignore_free(ig);
    return out;
}

/* What never belongs into a course, wherever it stands. */
TEST(ignore, built_in)
{
    static const char *const droppings[] = {
        ".git",     "a/.git",     ".DS_Store",   "x/._y", "notes.md~",
        "a/.x.swp", "#draft.md#", ".lyceum-tmp", "a/CVS", "Thumbs.db",
    };
    static const char *const content[] = {
        "git",    "a/git.md",   ".gitignore",    "readme.md",
        "a#b.md", "tilde~1.md", "swp",           "_y",
        "#1.md",  "CVS.md",     ".lyceumignore",
    };

    for (size_t i = 0; i < sizeof droppings / sizeof droppings[0]; i++)
        if (!matches("", "", droppings[i], false))
            fail_msg("'%s' is content", droppings[i]);
    for (size_t i = 0; i < sizeof content / sizeof content[0]; i++)
        if (matches("", "", content[i], false))
            fail_msg("'%s' is left out", content[i]);
}

/* Names, whole paths, folders, stars, and what takes it back. */
TEST(ignore, rules)
{
    static const struct {
        const char *rules, *base, *path;
        bool is_dir, out;
    } cases[] = {
        {"*.tmp", "", "a/b.tmp", false, true},
        {"*.tmp", "", "tmp", false, false},
        {"*.tmp", "", ".tmp", false, true},
        {"x*.tmp", "", "xy.tmp", false, true},
        {"x*.tmp", "", "yx.tmp", false, false},
        {"?.md", "", "a/b.md", false, true},
        {"?.md", "", "bb.md", false, false},
        {"[ab].md", "", "b.md", false, true},
        {"[ab].md", "", "c.md", false, false},
        {"\\*.md", "", "*.md", false, true},
        {"\\*.md", "", "x.md", false, false},
        {"build/", "", "build", true, true},
        {"build/", "", "build", false, false},
        {"/top.md", "", "top.md", false, true},
        {"/top.md", "", "a/top.md", false, false},
        {"a/*.md", "", "a/x.md", false, true},
        {"a/*.md", "", "a/b/x.md", false, false},
        {"a/**/x.md", "", "a/b/c/x.md", false, true},
        {"**/x.md", "", "x.md", false, true},
        {"a/**", "", "a/b/c", false, true},
        {"a/**", "", "ab/c", false, false},
        {"*.md\n!keep.md", "", "keep.md", false, false},
        {"*.md\n!keep.md", "", "lose.md", false, true},
        {"# *.md", "", "x.md", false, false},
        {"x.md\r", "", "x.md", false, true},
        {"*.md", "sub", "sub/x.md", false, true},
        {"*.md", "sub", "subway/x.md", false, false},
        {"/x.md", "sub", "sub/x.md", false, true},
        {"/x.md", "sub", "sub/deep/x.md", false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (matches(cases[i].rules, cases[i].base, cases[i].path,
                    cases[i].is_dir) != cases[i].out)
            fail_msg("'%s' (in '%s') and '%s'", cases[i].rules, cases[i].base,
                     cases[i].path);
}

TEST(ignore, secrets)
{
    static const char *const secret[] = {
        ".env",         "a/.env.local", "id_ed25519",  "a/id_work",
        "x/server.pem", ".key",         "a/tls.key",   ".netrc",
        ".npmrc",       "vault.kdbx",   "credentials", "identity.key",
    };
    static const char *const plain[] = {
        ".env.example", "env",    "id_rsa.md", "id_rsa.pub",
        "keyboard.md",  "a/key",  "pem.md",    "credentials.md",
        "environment",  "monkey",
    };

    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        if (!ignore_secret(secret[i]))
            fail_msg("'%s' would be published", secret[i]);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (ignore_secret(plain[i]))
            fail_msg("'%s' is no secret", plain[i]);
}
