#include "storage/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/home.h"

#define KEY_FILE_MAX 4096

static void path_of(const char *home, const char *name, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/%s", home, name);
}

static int node_make(const char *path, uint8_t out_secret[32],
                     struct node_id *out_public, struct err *e)
{
    char text[66];
    int rc;

    node_key_generate(out_secret, out_public);
    hex_encode(out_secret, 32, text);
    text[64] = '\n';
    rc = file_io_save(path, text, 65, e);
    sodium_memzero(text, sizeof text);
    return rc;
}

int keyfile_node_load(const char *home, uint8_t out_secret[32],
                      struct node_id *out_public, struct err *e)
{
    struct buf text = BUF_INIT;
    char path[HOME_PATH_MAX];
    uint8_t secret[32];
    int rc;

    path_of(home, "node.key", path, sizeof path);
    if (disk_access(path, F_OK) != 0 && errno == ENOENT)
        return node_make(path, out_secret, out_public, e);
    rc = home_check_secret(path, e);
    if (rc == 0)
        rc = file_io_load(path, KEY_FILE_MAX, &text, e);
    if (rc == 0 && ((text.len != 64 && text.len != 65) ||
                    hex_decode((const char *)text.base, 64, secret, 32) != 0))
        rc = err_set(e, ERR_MALFORMED, "'%s' is no node key", path);
    if (rc == 0) {
        memcpy(out_secret, secret, sizeof secret);
        node_key_public(out_secret, out_public);
    }
    sodium_memzero(secret, sizeof secret);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    return rc;
}

int keyfile_identity_save(const char *home, const struct buf *text,
                          struct err *e)
{
    char path[HOME_PATH_MAX];

    path_of(home, "identity.key", path, sizeof path);
    if (disk_access(path, F_OK) == 0)
        return err_set(e, ERR_CONFLICT, "there is an identity in '%s'", path);
    return file_io_save(path, text->base, text->len, e);
}

int keyfile_identity_read(const char *home, struct buf *out, struct err *e)
{
    char path[HOME_PATH_MAX];
    int rc;

    path_of(home, "identity.key", path, sizeof path);
    rc = home_check_secret(path, e);
    return rc != 0 ? rc : file_io_load(path, KEY_FILE_MAX, out, e);
}

int keyfile_identity_info(const char *home, struct vault_info *out,
                          struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = keyfile_identity_read(home, &text, e);

    if (rc == 0)
        rc = vault_read(text.base, text.len, out, e);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    return rc;
}
