/* Paths: what is accepted is in its normal form, and survives the other calls.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/path_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATHS_MAX 16

/* The lines as the paths of one course; those that end in '/' are folders. */
static void check_list(const char *p, size_t size)
{
    const char *paths[PATHS_MAX];
    bool is_dir[PATHS_MAX];
    char *copy = malloc(size + 1);
    size_t n = 0;

    if (copy == NULL)
        abort();
    if (size != 0)
        memcpy(copy, p, size);
    copy[size] = '\0';
    for (char *line = copy; line != NULL && n < PATHS_MAX; n++) {
        char *end = strchr(line, '\n');
        size_t len;

        if (end != NULL)
            *end++ = '\0';
        len = strlen(line);
        is_dir[n] = len != 0 && line[len - 1] == '/';
        if (is_dir[n])
            line[len - 1] = '\0';
        paths[n] = line;
        line = end;
    }
    if (path_list_check(paths, is_dir, n, 2 * PATHS_MAX, NULL) == 0)
        for (size_t i = 1; i < n; i++)
            if (path_compare(paths[i - 1], paths[i]) >= 0)
                abort();
    free(copy);
}

/* The form that names are given is one that stays. */
static void normalize_twice(const char *p, size_t size)
{
    struct buf one = BUF_INIT;
    struct buf two = BUF_INIT;
    bool changed;

    if (path_normalize(p, size, &one, &changed, NULL) == 0 &&
        (path_normalize((const char *)one.base, one.len, &two, &changed,
                        NULL) != 0 ||
         changed))
        abort();
    buf_deinit(&one);
    buf_deinit(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct buf nfc = BUF_INIT;
    struct buf folded = BUF_INIT;
    bool changed = false;

    (void)path_fold(p, size, &folded);
    if (path_check(p, size, NULL) == 0) {
        if (memchr(data, 0, size) != NULL || data[0] == '/' ||
            path_normalize(p, size, &nfc, &changed, NULL) != 0 || changed)
            abort();
        for (unsigned w = path_warnings(p, size); w != 0; w &= w - 1)
            if (path_warning_text((enum path_warning)(w & -w))[0] == '\0')
                abort();
    }
    check_list(p, size);
    normalize_twice(p, size);
    buf_deinit(&nfc);
    buf_deinit(&folded);
    return 0;
}
