/* What went wrong, told by many layers to one person. */
#include "crypto/base/err.h"

#include <errno.h>
#include <string.h>

#include "tests/lib/test.h"

/* The system's reason stands behind what was being done. */
TEST(err_errno, says_why)
{
    static const struct {
        int errnum;
        int code;
        const char *words;
    } cases[] = {
        {ENOSPC, ERR_NO_SPACE, "No space left on device"},
        {EDQUOT, ERR_NO_SPACE, "Disk quota exceeded"},
        {ENOENT, ERR_NOT_FOUND, "No such file or directory"},
        {EROFS, ERR_IO, "Read-only file system"},
        {EMFILE, ERR_IO, "Too many open files"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = ERR_INIT;

        assert_int_equal(err_errno(&e, cases[i].errnum, "open '%s'", "x"),
                         cases[i].code);
        assert_int_equal(strncmp(e.text, "open 'x': ", 10), 0);
        assert_string_equal(e.text + 10, cases[i].words);
    }
}

/* However long the story, it ends within its room and keeps its beginning. */
TEST(err_wrap, too_long)
{
    struct err e = ERR_INIT;

    (void)err_errno(&e, EIO, "read");
    for (int i = 0; i < 100; i++)
        err_wrap(&e, "layer %d", i);
    assert_int_equal(strncmp(e.text, "layer 99: layer 98: ", 20), 0);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}
