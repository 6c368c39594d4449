/* .lyceumignore of anybody's folder: the first line is a path, the rest the
 * patterns. Deciding twice gives the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/ignore.h"

#define PATH_MAX_BYTES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
    size_t n = end != NULL ? (size_t)(end - data) : size;
    char path[PATH_MAX_BYTES + 1];
    struct ignore *ig = ignore_new();
    bool first;

    if (ig == NULL)
        abort();
    if (n > PATH_MAX_BYTES)
        n = PATH_MAX_BYTES;
    if (n != 0)
        memcpy(path, data, n);
    path[n] = '\0';
    if (end != NULL &&
        ignore_add(ig, (const char *)end + 1, size - (size_t)(end + 1 - data),
                   size % 3 == 0 ? "folder" : "") != 0)
        abort();
    first = ignore_match(ig, path, false);
    (void)ignore_match(ig, path, true);
    (void)ignore_secret(path);
    if (ignore_match(ig, path, false) != first)
        abort();
    ignore_free(ig);
    return 0;
}
