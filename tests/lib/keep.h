/* keep: what the tests of the keepers share: chunks made from a number, files
 * that are bent, homes that are copied, children that die. */
#ifndef TESTS_LIB_KEEP_H
#define TESTS_LIB_KEEP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "storage/file_io.h"
#include "storage/store.h"
#include "tests/lib/test.h"

#define KEEP_PATH 4300

struct keep_chunk {
    struct chunk_ref ref;
    uint8_t data[4096];
};

/* The same number and length always give the same chunk. */
static inline struct keep_chunk keep_make(uint64_t number, uint32_t len)
{
    struct keep_chunk c = {.ref = {.stored_len = len, .raw_len = len}};
    uint64_t x = number * 0x9e3779b97f4a7c15u + 1;

    assert_true(len >= 8 && len <= sizeof c.data);
    for (uint32_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        c.data[i] = (uint8_t)(x >> 32);
    }
    memcpy(c.data, &number, sizeof number);
    c.ref.id = digest_chunk(c.data, len);
    return c;
}

static inline struct store *keep_open_with(const char *home,
                                           const struct store_options *opt)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    int rc = store_open(home, opt, &s, &e);

    if (rc != 0)
        fail_msg("store_open: %s", e.text);
    return s;
}

static inline struct store *keep_open(const char *home)
{
    return keep_open_with(home, NULL);
}

static inline int keep_try_put(struct store *s, uint64_t first, size_t count,
                               uint32_t len, enum store_class cls)
{
    struct keep_chunk *c = calloc(count, sizeof *c);
    struct store_item *items = calloc(count, sizeof *items);
    int rc;

    assert_non_null(c);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        c[i] = keep_make(first + i, len);
        items[i].ref = c[i].ref;
        items[i].data = c[i].data;
    }
    rc = store_put(s, items, count, cls, NULL);
    free(items);
    free(c);
    return rc;
}

static inline void keep_put(struct store *s, uint64_t first, size_t count,
                            uint32_t len)
{
    assert_int_equal(keep_try_put(s, first, count, len, STORE_OWN), 0);
}

/* What store_read says of chunk @number; a 0 is checked against the bytes. */
static inline int keep_read(struct store *s, uint64_t number, uint32_t len)
{
    struct keep_chunk c = keep_make(number, len);
    struct chunk_ref ref;
    uint8_t got[sizeof c.data];
    int rc = store_read(s, &c.ref.id, got, sizeof got, &ref, NULL);

    if (rc == 0) {
        assert_int_equal(ref.stored_len, len);
        assert_memory_equal(got, c.data, len);
    }
    return rc;
}

static inline bool keep_has(struct store *s, uint64_t number, uint32_t len)
{
    struct keep_chunk c = keep_make(number, len);

    return store_has(s, &c.ref.id);
}

static inline void keep_all(struct store *s, uint64_t first, size_t count,
                            uint32_t len)
{
    for (size_t i = 0; i < count; i++)
        if (keep_read(s, first + i, len) != 0)
            fail_msg("chunk %zu is lost", (size_t)first + i);
}

/* ---- files ------------------------------------------------------------------
 */

static inline const char *keep_path(const char *home, const char *name)
{
    static char path[4][KEEP_PATH];
    static int at;

    at = (at + 1) % 4;
    (void)snprintf(path[at], KEEP_PATH, "%s/%s", home, name);
    return path[at];
}

static inline off_t keep_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static inline void keep_flip(const char *path, off_t at, uint8_t mask)
{
    int fd = open(path, O_RDWR);
    uint8_t b;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= mask;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static inline void keep_write(const char *path, const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static inline void keep_copy_file(const char *from, const char *to)
{
    static uint8_t bytes[65536];
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    assert_int_equal(n, 0);
    (void)close(in);
    (void)close(out);
}

/* The plain files of a home and of its folders; what @to held goes first. */
static inline void keep_copy_home(const char *from, const char *to)
{
    DIR *d = opendir(to);
    struct dirent *x;
    struct stat st;

    (void)mkdir(to, 0700);
    for (; d != NULL && (x = readdir(d)) != NULL;)
        if (x->d_name[0] != '.')
            (void)unlink(keep_path(to, x->d_name));
    if (d != NULL)
        (void)closedir(d);
    d = opendir(from);
    assert_non_null(d);
    while ((x = readdir(d)) != NULL) {
        char a[KEEP_PATH];
        char b[KEEP_PATH];

        if (x->d_name[0] == '.')
            continue;
        (void)snprintf(a, sizeof a, "%s/%s", from, x->d_name);
        (void)snprintf(b, sizeof b, "%s/%s", to, x->d_name);
        assert_int_equal(stat(a, &st), 0);
        if (S_ISDIR(st.st_mode))
            keep_copy_home(a, b);
        else
            keep_copy_file(a, b);
    }
    (void)closedir(d);
}

/* ---- processes that end without a word
 * --------------------------------------- */

/* Runs @work in a child that then vanishes, as a killed process does: nothing
 * is closed. */
static inline void keep_vanish(void (*work)(const char *home), const char *home)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        work(home);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void keep_no_faults(void)
{
    file_io_fault_after(FAULT_WRITE, -1, 0, 0);
    file_io_fault_after(FAULT_SYNC, -1, 0, 0);
    file_io_fault_after(FAULT_RENAME, -1, 0, 0);
}

#endif
