/* hostile_publish: makes a publisher that signs what ours never would: a path
 * from LYCEUM_HOSTILE_PATH in the place of evil.bin, and with
 * LYCEUM_HOSTILE_BOMB chunks whose zstd frame holds more than was signed. It
 * takes any path itself, so that it can serve what it has signed. Linked with
 * -Wl,--wrap=... into a whole `lyceum`, for the end-to-end tests. */
#include <stdlib.h>
#include <string.h>

#include "storage/codec.h"
#include "storage/manifest.h"
#include "storage/path_rules.h"

#define BOMB_FROM 20000 /* manifests stay what they are */

int __real_manifest_encode_tree(const struct manifest *m, struct buf *out,
                                struct err *e);
int __real_codec_encode(struct codec *c, int level, const uint8_t *raw,
                        size_t len, uint8_t *dst, size_t *out_len,
                        uint8_t *out_flags);
int __wrap_manifest_encode_tree(const struct manifest *m, struct buf *out,
                                struct err *e);
int __wrap_codec_encode(struct codec *c, int level, const uint8_t *raw,
                        size_t len, uint8_t *dst, size_t *out_len,
                        uint8_t *out_flags);
int __wrap_path_check(const char *p, size_t len, struct err *e);
int __wrap_path_list_check(const char *const *paths, const bool *is_dir,
                           size_t count, size_t max_names, struct err *e);

int __wrap_path_check(const char *p, size_t len, struct err *e)
{
    (void)p;
    (void)len;
    (void)e;
    return 0;
}

int __wrap_path_list_check(const char *const *paths, const bool *is_dir,
                           size_t count, size_t max_names, struct err *e)
{
    (void)paths;
    (void)is_dir;
    (void)count;
    (void)max_names;
    (void)e;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->path,
                  ((const struct manifest_file *)b)->path);
}

int __wrap_manifest_encode_tree(const struct manifest *m, struct buf *out,
                                struct err *e)
{
    const char *path = getenv("LYCEUM_HOSTILE_PATH");

    for (uint32_t i = 0; i < m->file_count && path != NULL; i++)
        if (strcmp(m->files[i].path, "evil.bin") == 0)
            m->files[i].path = path;
    qsort(m->files, m->file_count, sizeof *m->files, by_path);
    for (uint32_t i = 0; i < m->lesson_count && path != NULL; i++)
        if (strcmp(m->lessons[i].path, "evil.bin") == 0)
            m->lessons[i].path = path;
    return __real_manifest_encode_tree(m, out, e);
}

int __wrap_codec_encode(struct codec *c, int level, const uint8_t *raw,
                        size_t len, uint8_t *dst, size_t *out_len,
                        uint8_t *out_flags)
{
    static const uint8_t zeros[CHUNK_RAW_MAX];

    if (len > BOMB_FROM && getenv("LYCEUM_HOSTILE_BOMB") != NULL)
        return __real_codec_encode(c, level, zeros, sizeof zeros, dst, out_len,
                                   out_flags);
    return __real_codec_encode(c, level, raw, len, dst, out_len, out_flags);
}
