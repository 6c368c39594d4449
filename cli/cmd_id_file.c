/* id export and id import: a person's key leaves a home and comes to one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/key_file.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/sign.h"
#include "crypto/did.h"
#include "storage/keyfile.h"

/* ---- export ---------------------------------------------------------- */

static void show_export(struct cli *c, const json_t *r)
{
    (void)c;
    printf(say(SAY_KEY_EXPORTED), output_text(r, "did"),
           output_text(r, "file"));
    printf("\n");
    if (!json_is_true(json_object_get(r, "sealed")))
        printf("%s\n", say(SAY_KEY_IS_PLAIN));
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

int cmd_id_export(struct cli *c)
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

int cmd_id_import(struct cli *c)
{
    struct incoming in = {.text = BUF_INIT};
    int rc;

    sign_guard_memory();
    rc = key_file_no_identity(c);
    if (rc == 0)
        rc = read_key(c, &in);
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
