/* The lines a node writes: how many, what they hold, and the file they go to.
 */
#include <time.h>

/* Time stands still, whatever the machine does meanwhile. */
static int stand_still(clockid_t id, struct timespec *out)
{
    *out =
        (struct timespec){.tv_sec = id == CLOCK_MONOTONIC ? 1000 : 1800000000};
    return 0;
}

#define clock_gettime stand_still
#include "cli/node_log.c"
#undef clock_gettime

#include <errno.h>
#include <string.h>

#include "tests/lib/keep.h"

static int saved_stderr;

/* stderr is @path until restore(). */
static void write_to(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);

    assert_true(fd >= 0);
    (void)fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    (void)close(fd);
}

static void restore(void)
{
    (void)fflush(stderr);
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
}

static char *contents(const char *path)
{
    struct buf b = BUF_INIT;
    char *text;

    assert_int_equal(file_io_load(path, 1 << 20, &b, NULL), 0);
    text = calloc(1, b.len + 1);
    assert_non_null(text);
    if (b.len != 0)
        memcpy(text, b.base, b.len);
    buf_deinit(&b);
    return text;
}

static size_t lines_in(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static const char *const facts[] = {"node", "ab\x1b[31mcd", "why", "a \"b\"",
                                    NULL};

/* Control characters of a fact reach neither a terminal nor a parser. */
TEST(node_log, text_and_json)
{
    const char *path = keep_path(test_tmpdir(), "log");
    struct node_log log = {.least = NODE_INFO};
    json_t *o;
    char *text;

    write_to(path);
    node_log_write(&log, NODE_DEBUG, "not.said", facts);
    node_log_write(&log, NODE_INFO, "peer.up", facts);
    log.json = true;
    node_log_write(&log, NODE_WARN, "peer.up", facts);
    restore();
    text = contents(path);
    assert_int_equal(lines_in(text), 2);
    assert_non_null(strstr(text, "info  peer.up node=ab"));
    assert_null(strchr(text, '\x1b'));
    o = json_loads(strchr(text, '\n') + 1, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(o, "why")),
                        "a \"b\"");
    json_decref(o);
    free(text);
}

/* A peer who causes a line a millisecond does not fill the disk; how much was
 * left out is said as soon as there is room again. */
TEST(node_log, paced)
{
    const char *path = keep_path(test_tmpdir(), "log");
    struct node_log log = {.least = NODE_INFO};
    uint64_t skipped;
    char *text;

    write_to(path);
    for (int i = 0; i < 2000; i++)
        node_log_write(&log, NODE_INFO, "peer.up", facts);
    skipped = log.skipped;
    log.used_ms = 0; /* a minute later */
    node_log_write(&log, NODE_INFO, "last", facts);
    restore();
    assert_int_equal(skipped, 2000 - 120);
    text = contents(path);
    assert_int_equal(lines_in(text), 120 + 2);
    assert_non_null(strstr(text, "log.skipped lines=18"));
    assert_non_null(strstr(text, " last "));
    free(text);
}

static void make_large(const char *path)
{
    assert_int_equal(truncate(path, FILE_MAX_BYTES), 0);
}

/* The node's own file is set aside when large; a file that somebody else gave
 * us as stderr, and one that has taken the place of ours, is not. */
TEST(node_log, set_aside)
{
    const char *home = test_tmpdir();
    char path[4096];
    char other[4096];
    char older[4100];
    struct node_log log = {.least = NODE_INFO, .file = path};
    char *text;

    (void)snprintf(path, sizeof path, "%s/lyceum.log", home);
    (void)snprintf(other, sizeof other, "%s/mine.txt", home);
    (void)snprintf(older, sizeof older, "%s.1", path);
    write_to(other);
    make_large(other);
    node_log_write(&log, NODE_INFO, "one", facts);
    restore();
    assert_int_not_equal(access(older, F_OK), 0);
    assert_true(keep_size(other) > FILE_MAX_BYTES);

    write_to(path);
    make_large(path);
    node_log_write(&log, NODE_INFO, "two", facts);
    node_log_write(&log, NODE_INFO, "three", facts);
    restore();
    assert_int_equal(keep_size(older), FILE_MAX_BYTES);
    text = contents(path);
    assert_int_equal(lines_in(text), 2);
    free(text);
}
