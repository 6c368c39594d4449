#include "tests/lib/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TESTS_MAX 512
#define DIRS_MAX 256

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;
static char *dirs[DIRS_MAX];
static size_t dir_count;

void test_register(const char *name, test_fn *fn)
{
    if (test_count == TESTS_MAX)
        abort();
    tests[test_count++] = (struct CMUnitTest){name, fn, NULL, NULL, NULL};
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    (void)remove(path);
    return 0;
}

static void remove_dirs(void)
{
    for (size_t i = 0; i < dir_count; i++) {
        (void)nftw(dirs[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(dirs[i]);
    }
}

const char *test_tmpdir(void)
{
    const char *root = getenv("TMPDIR");
    char *path = NULL;

    if (dir_count == DIRS_MAX)
        abort();
    if (asprintf(&path, "%s/lyceum-test-XXXXXX", root ? root : "/tmp") < 0)
        abort();
    if (mkdtemp(path) == NULL)
        abort();
    dirs[dir_count++] = path;
    return path;
}

int main(int argc, char **argv)
{
    int failed;

    (void)argc;
    if (atexit(remove_dirs) != 0)
        return 1;
    failed = _cmocka_run_group_tests(argv[0], tests, test_count, NULL, NULL);
    return failed == 0 && test_count != 0 ? 0 : 1;
}
