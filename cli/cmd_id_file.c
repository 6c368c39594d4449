/* id export and id import: a person's key leaves a home and comes to one, as a
 * sealed file or as rows on paper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/commands.h"
#include "cli/key_file.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/sign.h"
#include "crypto/did.h"
#include "crypto/sheet.h"
#include "storage/config.h"
#include "storage/keyfile.h"

/* ---- export ---------------------------------------------------------- */

static void show_export(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_KEY_EXPORTED), output_text(r, "did"),
           output_text(r, "file"));
    printf("\n");
    if (!json_is_true(json_object_get(r, "sealed")))
        printf("%s\n", say(SAY_FILE_IS_PLAIN));
}

static void answer_export(struct cli *c, const struct vault_info *who)
{
    char did[DID_TEXT_MAX];
    json_t *r;

    did_encode(&who->author, did);
    r = json_pack("{s:i, s:s, s:s, s:b}", "v", 1, "did", did, "file",
                  c->words[0], "sealed", who->sealed || !c->no_passphrase);
    cli_answer(c, r, show_export);
    json_decref(r);
}

static int export_file(struct cli *c)
{
    struct lyc_out *out = NULL;
    struct buf text = BUF_INIT;
    struct vault_info who;
    int rc = key_file_open(c, c->words[0], &out);

    if (rc != 0)
        return rc;
    rc = key_file_seal(c, true, &who, &text);
    if (rc == 0)
        rc = key_file_finish(c, out, &text);
    else
        lyc_out_close(out);
    if (rc == 0)
        answer_export(c, &who);
    key_file_wipe(&text);
    return rc;
}

/* ---- the sheet ------------------------------------------------------- */

static void remark(struct buf *out, const char *text)
{
    (void)buf_append_str(out, "# ");
    (void)buf_append_str(out, text);
    (void)buf_append_str(out, "\n");
}

static int write_sheet(struct cli *c, const struct identity *id,
                       const struct vault_info *who, struct buf *out)
{
    time_t now = time(NULL);
    char *name = output_safe(who->name);
    char did[DID_TEXT_MAX];
    char date[32] = "";
    char line[512];
    struct tm tm;
    int rc;

    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%d", &tm);
    did_encode(&who->author, did);
    (void)snprintf(line, sizeof line, say(SAY_SHEET_TITLE),
                   name[0] != '\0' ? name : "lyceum", date);
    remark(out, line);
    remark(out, did);
    remark(out, say(SAY_SHEET_SECRET));
    rc = sheet_write(identity_seed(id), out, &c->err);
    remark(out, say(SAY_SHEET_HOW));
    free(name);
    if (rc == 0 && buf_cstr(out) == NULL)
        rc = err_set(&c->err, ERR_NOMEM, "sheet");
    return rc;
}

static int unlock_sheet(struct cli *c, struct vault_info *out_who,
                        struct buf *out)
{
    struct identity *id = NULL;
    int rc = keyfile_identity_info(c->home, out_who, &c->err);

    if (rc == ERR_NOT_FOUND) {
        rc = err_set(&c->err, ERR_KEY_NEEDED, "there is no identity here");
        err_hint(&c->err, "%s", say(SAY_TRY_INIT));
    }
    if (rc == 0)
        rc = sign_unlock(c, &id);
    if (rc == 0)
        rc = write_sheet(c, id, out_who, out);
    if (id != NULL)
        identity_free(id);
    return rc;
}

static void show_sheet(struct cli *c, const json_t *r)
{
    (void)c;
    printf("%s", output_text(r, "sheet"));
}

/* The result of the command: it is printed with -q, too. */
static void answer_sheet(struct cli *c, const struct vault_info *who,
                         const struct buf *text)
{
    char did[DID_TEXT_MAX];
    json_t *r;

    did_encode(&who->author, did);
    r = json_pack("{s:i, s:s, s:s}", "v", 1, "did", did, "sheet",
                  (const char *)text->base);
    c->quiet = false;
    cli_answer(c, r, show_sheet);
    json_decref(r);
}

static int export_sheet(struct cli *c)
{
    struct lyc_out *out = NULL;
    struct buf text = BUF_INIT;
    struct vault_info who = {0};
    int rc = c->word_count != 0 ? key_file_open(c, c->words[0], &out) : 0;

    if (rc != 0)
        return rc;
    rc = unlock_sheet(c, &who, &text);
    if (rc == 0 && out == NULL)
        answer_sheet(c, &who, &text);
    if (rc == 0 && out != NULL) {
        rc = key_file_finish(c, out, &text);
        out = NULL;
        c->no_passphrase = true; /* what was written has none */
        who.sealed = false;
        if (rc == 0)
            answer_export(c, &who);
    }
    lyc_out_close(out);
    key_file_wipe(&text);
    return rc;
}

int cmd_id_export(struct cli *c)
{
    int rc;

    if (c->sheet)
        return export_sheet(c);
    if (c->word_count == 1)
        return export_file(c);
    rc = err_set(&c->err, ERR_INVALID, "%s", say(SAY_WANTS_FILE));
    err_hint(&c->err, say(SAY_TRY_HELP), " ", c->command->name);
    return rc;
}

/* ---- import ---------------------------------------------------------- */

struct incoming {
    struct identity *id;
    struct vault_info who;
    struct buf text; /* of the key file to be */
};

/* A sealed one stays as it is, once it is known that it can be opened. */
static int open_sealed(struct cli *c, struct incoming *in)
{
    struct passphrase pass = {NULL, 0};
    int rc = passphrase_ask(&pass, &c->err);

    if (rc == 0)
        rc = vault_open(in->text.base, in->text.len, pass.text, pass.len,
                        &in->id, &c->err);
    passphrase_wipe(&pass);
    return rc;
}

static int open_plain(struct cli *c, struct incoming *in)
{
    int rc = vault_open(in->text.base, in->text.len, NULL, 0, &in->id, &c->err);

    key_file_wipe(&in->text);
    in->text = (struct buf)BUF_INIT;
    return rc == 0 ? sign_seal(c, in->id, in->who.name, &in->text) : rc;
}

static int read_key(struct cli *c, struct incoming *in)
{
    int rc = key_file_read(c, c->words[0], KEY_FILE_BYTES_MAX, &in->text);

    if (rc == 0)
        rc = vault_read(in->text.base, in->text.len, &in->who, &c->err);
    if (rc == ERR_LIMIT || rc == ERR_MALFORMED)
        rc = err_set(&c->err, ERR_MALFORMED, say(SAY_NOT_A_KEY), c->words[0]);
    if (rc != 0)
        return rc;
    return in->who.sealed ? open_sealed(c, in) : open_plain(c, in);
}

/* On a terminal each row is asked for until it is right. */
static int ask_rows(struct cli *c, uint8_t seed[SEED_BYTES])
{
    for (int row = 1; row <= SHEET_ROWS;) {
        struct err e = ERR_INIT;
        char line[256];
        ssize_t n;

        fprintf(stderr, say(SAY_SHEET_ROW), row, SHEET_ROWS);
        n = read(STDIN_FILENO, line, sizeof line);
        if (n <= 0)
            return err_set(&c->err, ERR_MALFORMED, "row %d is missing", row);
        while (n > 0 && line[n - 1] == '\n')
            n--;
        if (sheet_row(line, (size_t)n, row, seed + 4 * (row - 1), &e) == 0) {
            row++;
        } else {
            fprintf(stderr, say(SAY_SHEET_MISTYPED), e.text);
            fprintf(stderr, "\n");
        }
        sodium_memzero(line, sizeof line);
    }
    return 0;
}

static int read_rows(struct cli *c, uint8_t seed[SEED_BYTES])
{
    struct buf text = BUF_INIT;
    int rc = key_file_read(c, c->words[0], SHEET_TEXT_MAX, &text);

    if (rc == ERR_LIMIT)
        rc = err_set(&c->err, ERR_MALFORMED, "too long for a sheet");
    if (rc == 0)
        rc = sheet_read(text.base, text.len, seed, &c->err);
    if (rc == ERR_MALFORMED)
        err_hint(&c->err, "%s", say(SAY_TRY_SHEET));
    key_file_wipe(&text);
    return rc;
}

static int read_sheet(struct cli *c, struct incoming *in)
{
    bool typed = strcmp(c->words[0], "-") == 0 && isatty(STDIN_FILENO);
    const char *name = c->name != NULL ? c->name : "";
    uint8_t seed[SEED_BYTES];
    int rc = c->name != NULL ? config_check("name", name, &c->err) : 0;

    if (rc == 0)
        rc = typed ? ask_rows(c, seed) : read_rows(c, seed);
    if (rc == 0) {
        in->id = identity_from_seed(seed);
        rc = in->id != NULL ? sign_seal(c, in->id, name, &in->text)
                            : err_set(&c->err, ERR_NOMEM, "identity");
    }
    if (rc == 0)
        (void)snprintf(in->who.name, sizeof in->who.name, "%s", name);
    sodium_memzero(seed, sizeof seed);
    return rc;
}

int cmd_id_import(struct cli *c)
{
    struct incoming in = {.text = BUF_INIT};
    int rc;

    sign_guard_memory();
    rc = key_file_no_identity(c);
    if (rc == 0)
        rc = c->sheet ? read_sheet(c, &in) : read_key(c, &in);
    if (rc == 0)
        rc = home_make(c->home, &c->err);
    if (rc == 0)
        rc = key_file_adopt(c, in.id, in.who.name, &in.text);
    if (in.id != NULL)
        identity_free(in.id);
    key_file_wipe(&in.text);
    if (rc != 0)
        return rc;
    c->word_count = 0;
    return cmd_id(c);
}
