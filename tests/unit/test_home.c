#include "storage/home.h"

#include <signal.h>

#include "tests/lib/keep.h"

/* Sets the three variables (NULL: unset) and asks. */
static const char *find(const char *given, const char *lyceum, const char *xdg,
                        const char *user)
{
    static char out[HOME_PATH_MAX];
    const char *names[3] = {"LYCEUM_HOME", "XDG_DATA_HOME", "HOME"};
    const char *values[3] = {lyceum, xdg, user};

    for (int i = 0; i < 3; i++) {
        if (values[i] != NULL)
            (void)setenv(names[i], values[i], 1);
        else
            (void)unsetenv(names[i]);
    }
    return home_find(given, out, NULL) == 0 ? out : "none";
}

/* --home, then LYCEUM_HOME, then XDG_DATA_HOME, then ~/.local/share; relative
 * ones are made absolute, or ignored where XDG says so. */
TEST(home_find, order)
{
    char cwd[1024];
    char want[2048];

    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_string_equal(find("/a/", "/b", "/c", "/d"), "/a");
    assert_string_equal(find(NULL, "/b//", "/c", "/d"), "/b");
    assert_string_equal(find(NULL, "", "/c", "/d"), "/c/lyceum");
    assert_string_equal(find(NULL, NULL, "c", "/d"), "/d/.local/share/lyceum");
    assert_string_equal(find(NULL, NULL, NULL, "/d"), "/d/.local/share/lyceum");
    assert_string_equal(find(NULL, NULL, NULL, NULL), "none");
    assert_string_equal(find("/", NULL, NULL, NULL), "/");
    (void)snprintf(want, sizeof want, "%s/x", cwd);
    assert_string_equal(find("x", "/b", NULL, NULL), want);
}

/* A path that leaves no room for names below it is refused. */
TEST(home_find, too_long)
{
    char *path = malloc(6000);

    assert_non_null(path);
    memset(path, 'x', 5999);
    path[0] = '/';
    path[5999] = '\0';
    assert_string_equal(find(path, NULL, NULL, NULL), "none");
    path[HOME_PATH_MAX - 70] = '\0';
    assert_string_equal(find(path, NULL, NULL, NULL), path);
    free(path);
}

/* A home is made with its parents, closed to others whatever the umask. */
TEST(home_make, modes)
{
    const char *home = keep_path(test_tmpdir(), "a/b/home");
    mode_t old = umask(0);
    struct stat st;
    char *copy = strdup(home);

    assert_int_equal(home_make(copy, NULL), 0);
    assert_int_equal(home_make(copy, NULL), 0);
    (void)umask(old);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(home_check(copy, NULL), 0);
    free(copy);
}

/* A home that others may enter is refused, with the command that helps. */
TEST(home_check, open_to_others)
{
    static const mode_t modes[] = {0701, 0710, 0750, 0755, 0777, 0704};
    const char *home = test_tmpdir();
    struct err e = ERR_INIT;

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(chmod(home, modes[i]), 0);
        assert_int_equal(home_check(home, &e), ERR_REFUSED);
        assert_int_equal(home_make(home, NULL), ERR_REFUSED);
        assert_non_null(strstr(e.text, home));
        assert_non_null(strstr(e.hint, "chmod 0700"));
    }
    assert_int_equal(chmod(home, 0700), 0);
    assert_int_equal(home_check(home, NULL), 0);
    assert_int_equal(home_check(keep_path(home, "none"), NULL), ERR_NOT_FOUND);
    keep_write(keep_path(home, "file"), "", 0);
    assert_int_equal(home_check(keep_path(home, "file"), NULL), ERR_CONFLICT);
    assert_int_equal(home_make(keep_path(home, "file/x"), NULL), ERR_NOT_FOUND);
}

/* A secret must be a plain file of ours that nobody else can read. */
TEST(home_check_secret, modes)
{
    const char *dir = test_tmpdir();
    const char *path = strdup(keep_path(dir, "key"));
    struct err e = ERR_INIT;

    assert_int_equal(home_check_secret(path, NULL), ERR_NOT_FOUND);
    keep_write(path, "x", 1);
    assert_int_equal(home_check_secret(path, NULL), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(home_check_secret(path, &e), ERR_REFUSED);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.hint, "chmod 0600"));
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(home_check_secret(path, NULL), 0);
    assert_int_equal(symlink(path, keep_path(dir, "link")), 0);
    assert_int_equal(home_check_secret(keep_path(dir, "link"), NULL),
                     ERR_REFUSED);
    if (geteuid() == 0) { /* only root can give files away */
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_int_equal(home_check_secret(path, &e), ERR_REFUSED);
        assert_non_null(strstr(e.text, "12345"));
    }
    free((char *)(uintptr_t)path);
}

/* One owner at a time: the second is told who it is, a process that vanishes
 * gives the home back. */
TEST(home_lock, one_owner)
{
    const char *home = test_tmpdir();
    struct home_lock a = {-1};
    struct home_lock b = {-1};
    struct err e = ERR_INIT;
    char who[128];
    char pid[32];
    int ends[2];
    pid_t child;
    char c;

    assert_false(home_holder(home, who, sizeof who));
    assert_int_equal(home_lock(home, "node run", &a, NULL), 0);
    assert_int_equal(home_lock(home, "get", &b, &e), ERR_BUSY);
    assert_int_equal(b.fd, -1);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(e.text, pid));
    assert_non_null(strstr(e.text, "node run"));
    assert_true(home_holder(home, who, sizeof who));
    assert_non_null(strstr(who, pid));
    home_unlock(&a);
    home_unlock(&a);
    assert_false(home_holder(home, who, sizeof who));

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (home_lock(home, "child", &a, NULL) != 0 ||
            write(ends[1], "x", 1) != 1)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(home_lock(home, "get", &b, &e), ERR_BUSY);
    assert_non_null(strstr(e.text, "child"));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(home_lock(home, "get", &b, NULL), 0);
    home_unlock(&b);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
