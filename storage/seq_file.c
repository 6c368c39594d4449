#include "storage/seq_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <unistd.h>

#include "crypto/base/buf.h"
#include "storage/disk.h"
#include "storage/file_io.h"

#define FILE_MAX (64u << 20)
#define KEY_CHARS (64 + 1 + 64 + 1) /* two ids and their spaces */

static void make_key(const struct author_id *author,
                     const struct course_id *course, char out[KEY_CHARS + 1])
{
    (void)snprintf(out, KEY_CHARS + 1, "%s %s ", author_id_hex(author).s,
                   course_id_hex(course).s);
}

static int load(const char *home, char path[4096], struct buf *out,
                struct err *e)
{
    int rc;

    (void)snprintf(path, 4096, "%s/seq", home);
    rc = file_io_load(path, FILE_MAX, out, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0 && out->len != 0 && out->base[out->len - 1] != '\n' &&
        buf_append_str(out, "\n") != 0) /* somebody has edited it */
        rc = err_set(e, ERR_NOMEM, "seq");
    return rc;
}

/* The line of @key in @text: its start and length with the newline, or NULL. */
static const char *find_line(struct buf *text, const char *key, size_t *out_n)
{
    const char *at = buf_cstr(text);

    while (at != NULL && *at != '\0') {
        const char *end = strchr(at, '\n');

        if (end == NULL)
            return NULL;
        if (strncmp(at, key, KEY_CHARS) == 0) {
            *out_n = (size_t)(end - at) + 1;
            return at;
        }
        at = end + 1;
    }
    return NULL;
}

int seq_file_read(const char *home, const struct author_id *author,
                  const struct course_id *course, uint64_t *out_seq,
                  struct err *e)
{
    struct buf text = BUF_INIT;
    char key[KEY_CHARS + 1];
    char path[4096];
    const char *line;
    size_t n;
    int rc = load(home, path, &text, e);

    make_key(author, course, key);
    if (rc == 0) {
        line = find_line(&text, key, &n);
        *out_seq = line != NULL ? strtoull(line + KEY_CHARS, NULL, 10) : 0;
    }
    buf_deinit(&text);
    return rc;
}

int seq_file_write(const char *home, const struct author_id *author,
                   const struct course_id *course, uint64_t seq, struct err *e)
{
    struct buf text = BUF_INIT;
    struct buf next = BUF_INIT;
    char key[KEY_CHARS + 1];
    char number[24];
    char path[4096];
    const char *line;
    size_t n = 0;
    int rc = load(home, path, &text, e);

    make_key(author, course, key);
    line = rc == 0 ? find_line(&text, key, &n) : NULL;
    if (rc == 0) {
        size_t before =
            line != NULL ? (size_t)(line - (char *)text.base) : text.len;

        (void)snprintf(number, sizeof number, "%" PRIu64 "\n", seq);
        (void)buf_append(&next, text.base, before);
        (void)buf_append_str(&next, key);
        (void)buf_append_str(&next, number);
        if (line != NULL)
            (void)buf_append(&next, line + n, text.len - before - n);
        rc = next.failed ? err_set(e, ERR_NOMEM, "seq")
                         : file_io_save(path, next.base, next.len, e);
    }
    buf_deinit(&next);
    buf_deinit(&text);
    return rc;
}

static void doubt_path(const char *home, char path[4096])
{
    (void)snprintf(path, 4096, "%s/seq.old", home);
}

int seq_file_doubt(const char *home, struct err *e)
{
    uint8_t name[(SEQ_FILE_DOUBT_CHARS - 1) / 2];
    char text[128];
    char path[4096];
    int n;

    randombytes_buf(name, sizeof name);
    hex_encode(name, sizeof name, text);
    n = snprintf(text + 2 * sizeof name, sizeof text - 2 * sizeof name,
                 " the numbers in seq may be old: peers are asked before"
                 " signing\n");
    doubt_path(home, path);
    return file_io_save(path, text, 2 * sizeof name + (size_t)n, e);
}

bool seq_file_doubtful(const char *home)
{
    char path[4096];

    doubt_path(home, path);
    return disk_access(path, F_OK) == 0;
}

void seq_file_doubt_name(const char *home, char out[SEQ_FILE_DOUBT_CHARS])
{
    struct buf text = BUF_INIT;
    char path[4096];

    out[0] = '\0';
    doubt_path(home, path);
    if (file_io_load(path, 4096, &text, NULL) == 0 &&
        text.len >= SEQ_FILE_DOUBT_CHARS) {
        memcpy(out, text.base, SEQ_FILE_DOUBT_CHARS - 1);
        out[SEQ_FILE_DOUBT_CHARS - 1] = '\0';
    }
    buf_deinit(&text);
}
