#include "cli/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/passphrase.h"
#include "cli/sign.h"
#include "storage/config.h"
#include "storage/keyfile.h"
#include "storage/seq_file.h"

void key_file_wipe(struct buf *text)
{
    if (text->base != NULL)
        sodium_memzero(text->base, text->cap);
    buf_deinit(text);
}

/* One byte more than may be there is read, too. */
static int read_all(int fd, size_t max, struct buf *out, struct err *e)
{
    if (buf_reserve(out, max + 1) != 0)
        return err_set(e, ERR_NOMEM, "key file");
    for (;;) {
        ssize_t n = read(fd, out->base + out->len, max + 1 - out->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, "read");
        out->len += (size_t)n;
        if (n == 0)
            return 0;
        if (out->len > max)
            return err_set(e, ERR_LIMIT, "over %zu bytes", max);
    }
}

int key_file_read(struct cli *c, const char *path, size_t max, struct buf *out)
{
    bool stream = strcmp(path, "-") == 0;
    int fd = stream ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_errno(&c->err, errno, "open '%.200s'", path);
    rc = read_all(fd, max, out, &c->err);
    if (rc != 0)
        err_wrap(&c->err, "'%.200s'", path);
    if (!stream)
        (void)close(fd);
    return rc;
}

int key_file_open(struct cli *c, const char *path, struct lyc_out **out)
{
    struct lyc_out_options opt = {.replace = c->yes, .secret = true};
    char *absolute = cli_path(path);
    int rc;

    opt.path = absolute;
    rc = absolute != NULL ? lyc_out_open(&opt, out, &c->err)
                          : err_set(&c->err, ERR_NOMEM, "key file");
    free(absolute);
    return rc;
}

int key_file_finish(struct cli *c, struct lyc_out *o, const struct buf *text)
{
    struct span all = {text->base, text->len};
    int rc = lyc_out_write(o, &all, 1, &c->err);

    if (rc == 0)
        rc = lyc_out_finish(o, &c->err);
    lyc_out_close(o);
    return rc;
}

static int seal_plain(struct cli *c, const struct vault_info *who,
                      const struct buf *text, struct buf *out)
{
    struct identity *id = NULL;
    int rc = vault_open(text->base, text->len, NULL, 0, &id, &c->err);

    if (rc == 0)
        rc = sign_seal(c, id, who->name, out);
    if (id != NULL)
        identity_free(id);
    return rc;
}

static int copy_sealed(struct cli *c, bool check, const struct buf *text,
                       struct buf *out)
{
    struct identity *id = NULL;
    int rc = check ? sign_unlock(c, &id) : 0;

    if (id != NULL)
        identity_free(id);
    if (rc == 0 && buf_append(out, text->base, text->len) != 0)
        rc = err_set(&c->err, ERR_NOMEM, "key file");
    return rc;
}

int key_file_seal(struct cli *c, bool check, struct vault_info *out_who,
                  struct buf *out)
{
    struct buf text = BUF_INIT;
    int rc;

    sign_guard_memory();
    rc = keyfile_identity_read(c->home, &text, &c->err);
    if (rc == ERR_NOT_FOUND) {
        rc = err_set(&c->err, ERR_KEY_NEEDED, "there is no identity here");
        err_hint(&c->err, "%s", say(SAY_TRY_INIT));
    }
    if (rc == 0)
        rc = vault_read(text.base, text.len, out_who, &c->err);
    if (rc == 0)
        rc = out_who->sealed ? copy_sealed(c, check, &text, out)
                             : seal_plain(c, out_who, &text, out);
    key_file_wipe(&text);
    return rc;
}

int key_file_no_identity(struct cli *c)
{
    struct vault_info who;
    int rc;

    if (keyfile_identity_info(c->home, &who, NULL) == ERR_NOT_FOUND)
        return 0;
    rc = err_set(&c->err, ERR_CONFLICT, say(SAY_HAS_IDENTITY), c->home);
    err_hint(&c->err, "%s", say(SAY_TRY_OTHER_HOME));
    return rc;
}

int key_file_adopt(struct cli *c, const struct identity *id, const char *name,
                   const struct buf *text)
{
    int rc = cli_open(c, false); /* before anything is made that needs it */

    /* Before the key: another home may have signed with it. */
    if (rc == 0)
        rc = seq_file_doubt(c->home, &c->err);
    if (rc == 0)
        rc = keyfile_identity_save(c->home, text, &c->err);
    if (rc == 0 && name[0] != '\0')
        rc = config_set(c->home, "name", name, &c->err);
    return rc == 0 ? sign_profile(c, id, name) : rc;
}
