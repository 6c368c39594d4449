/* backup and restore: what a home cannot get anywhere else, in one file. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/key_file.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/sign.h"
#include "crypto/did.h"
#include "storage/backup_home.h"
#include "storage/keyfile.h"

static _Atomic bool stopped;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stopped, true);
}

/* An interrupted one cleans up after itself. */
static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal};

    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
}

/* ---- backup ---------------------------------------------------------- */

static void show_backup(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_BACKED_UP), output_text(r, "file"),
           output_size((uint64_t)output_int(r, "bytes")).s);
    printf("\n%s\n", say(SAY_BACKUP_WITHOUT));
    if (output_text(r, "did")[0] != '\0' &&
        !json_is_true(json_object_get(r, "sealed")))
        printf("%s\n", say(SAY_FILE_IS_PLAIN));
}

static void answer_backup(struct cli *c, const struct vault_info *who,
                          uint64_t bytes)
{
    char did[DID_TEXT_MAX] = "";
    bool sealed = who != NULL && (who->sealed || !c->no_passphrase);
    json_t *r;

    if (who != NULL)
        did_encode(&who->author, did);
    r = json_pack("{s:i, s:s, s:s?, s:b, s:I}", "v", 1, "file", c->words[0],
                  "did", who != NULL ? did : NULL, "sealed", sealed, "bytes",
                  (json_int_t)bytes);
    cli_answer(c, r, show_backup);
    json_decref(r);
}

static int open_out(struct cli *c, struct lyc_out **out)
{
    char *path = cli_path(c->words[0]);
    struct lyc_out_options opt = {
        .path = path, .replace = c->yes, .secret = true, .stop = &stopped};
    int rc = path != NULL ? lyc_out_open(&opt, out, &c->err)
                          : err_set(&c->err, ERR_NOMEM, "backup");

    free(path);
    return rc;
}

/* A home of a learner has no identity: then there is none to keep. */
static int seal_identity(struct cli *c, struct vault_info *who,
                         struct buf *text, bool *out_has)
{
    struct vault_info info;
    int rc = keyfile_identity_info(c->home, &info, NULL);

    *out_has = rc != ERR_NOT_FOUND;
    return *out_has ? key_file_seal(c, false, who, text) : 0;
}

int cmd_backup(struct cli *c)
{
    struct lyc_out *out = NULL;
    struct buf text = BUF_INIT;
    struct vault_info who = {0};
    bool has_identity = false;
    uint64_t bytes = 0;
    int rc = home_check(c->home, &c->err);

    catch_signals();
    if (rc == 0)
        rc = open_out(c, &out);
    if (rc == 0)
        rc = seal_identity(c, &who, &text, &has_identity);
    if (rc == 0)
        rc = backup_home_write(c->home, has_identity ? &text : NULL,
                               (uint64_t)time(NULL) * 1000, lyc_out_write, out,
                               &bytes, &c->err);
    if (rc == 0)
        rc = lyc_out_finish(out, &c->err);
    lyc_out_close(out);
    key_file_wipe(&text);
    if (rc == 0)
        answer_backup(c, has_identity ? &who : NULL, bytes);
    return rc;
}

/* ---- restore --------------------------------------------------------- */

struct agreement {
    struct cli *c;
    char did[DID_TEXT_MAX]; /* "" without an identity */
};

/* A home that nobody can unlock would be noticed too late. */
static int agree(void *user, const struct buf *identity, struct err *e)
{
    struct agreement *a = user;
    struct passphrase pass = {NULL, 0};
    struct identity *id = NULL;
    struct vault_info who;
    int rc;

    if (identity == NULL)
        return 0;
    rc = vault_read(identity->base, identity->len, &who, e);
    if (rc == 0 && who.sealed)
        rc = passphrase_ask(&pass, e);
    if (rc == 0)
        rc = vault_open(identity->base, identity->len, pass.text, pass.len, &id,
                        e);
    if (rc == 0)
        did_encode(&who.author, a->did);
    passphrase_wipe(&pass);
    if (id != NULL)
        identity_free(id);
    return rc;
}

static void show_restore(struct cli *c, const json_t *r)
{
    time_t when = (time_t)(output_int(r, "time_ms") / 1000);
    char date[32] = "";
    struct tm tm;

    if (localtime_r(&when, &tm) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
    printf(say(SAY_RESTORED), c->home, date);
    printf("\n%s\n", say(SAY_RESTORED_NEXT));
}

static void answer_restore(struct cli *c, const struct agreement *a,
                           uint64_t time_ms)
{
    json_t *r = json_pack("{s:i, s:s?, s:s, s:I}", "v", 1, "did",
                          a->did[0] != '\0' ? a->did : NULL, "home", c->home,
                          "time_ms", (json_int_t)time_ms);

    cli_answer(c, r, show_restore);
    json_decref(r);
}

int cmd_restore(struct cli *c)
{
    struct agreement a = {.c = c};
    struct restore_options opt = {
        .home = c->home, .read = lyc_in_read, .agree = agree, .user = &a};
    struct lyc_in *in = NULL;
    char *path = cli_path(c->words[0]);
    uint64_t time_ms = 0;
    int rc = path != NULL ? lyc_in_open(path, &stopped, &in, &c->err)
                          : err_set(&c->err, ERR_NOMEM, "restore");

    free(path);
    catch_signals();
    sign_guard_memory();
    opt.read_user = in;
    if (rc == 0)
        rc = backup_home_restore(&opt, &time_ms, &c->err);
    lyc_in_close(in);
    if ((rc == ERR_MALFORMED || rc == ERR_CORRUPT) && c->err.hint[0] == '\0')
        err_hint(&c->err, "%s", say(SAY_TRY_OTHER_BACKUP));
    if (rc == 0)
        answer_restore(c, &a, time_ms);
    return rc;
}
