/* init and id: the keys, in this process and nowhere else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/sign.h"
#include "crypto/did.h"
#include "storage/config.h"
#include "storage/keyfile.h"

static void show_init(struct cli *c, const json_t *r)
{
    char *name = output_safe(output_text(r, "name"));

    printf(say(SAY_HELLO), name[0] ? name : "", output_text(r, "did"));
    printf("\n");
    if (c->no_passphrase)
        printf("%s\n", say(SAY_KEY_IS_PLAIN));
    free(name);
}

static void show_id(struct cli *c, const json_t *r)
{
    (void)c;
    printf("%s\n", output_text(r, "did"));
    output_line(output_text(r, "name"));
    printf(say(SAY_NODE_IS), output_text(r, "node"));
    printf("\n%s\n", output_text(r, "home"));
}

static int answer(struct cli *c, void (*show)(struct cli *c, const json_t *r))
{
    struct vault_info who;
    struct node_id node;
    uint8_t secret[32];
    char did[DID_TEXT_MAX];
    json_t *r;
    json_t *name;
    int rc = keyfile_identity_info(c->home, &who, &c->err);

    if (rc == ERR_NOT_FOUND) {
        rc = err_set(&c->err, ERR_KEY_NEEDED, "there is no identity here");
        err_hint(&c->err, "lyceum init makes one");
    }
    if (rc == 0)
        rc = keyfile_node_load(c->home, secret, &node, &c->err);
    if (rc != 0)
        return rc;
    sodium_memzero(secret, sizeof secret);
    did_encode(&who.author, did);
    name = json_string(who.name);
    r = json_pack("{s:i, s:s, s:s, s:o, s:s}", "v", 1, "did", did, "node",
                  node_id_hex(&node).s, "name",
                  name != NULL ? name : json_string(""), "home", c->home);
    cli_answer(c, r, show);
    json_decref(r);
    return 0;
}

static int make(struct cli *c, const char *name)
{
    struct identity *id = NULL;
    struct buf text = BUF_INIT;
    int rc = cli_open(c, false); /* before anything is made that needs it */

    sign_guard_memory();
    if (rc == 0) {
        id = identity_generate();
        rc = id != NULL ? 0 : err_set(&c->err, ERR_NOMEM, "identity");
    }
    if (rc == 0)
        rc = sign_seal(c, id, name, &text);
    if (rc == 0)
        rc = keyfile_identity_save(c->home, &text, &c->err);
    if (rc == 0 && name[0] != '\0')
        rc = config_set(c->home, "name", name, &c->err);
    if (rc == 0 && c->quota != NULL)
        rc = config_set(c->home, "quota", c->quota, &c->err);
    if (rc == 0)
        rc = sign_profile(c, id, name);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    if (id != NULL)
        identity_free(id);
    return rc;
}

int cmd_init(struct cli *c)
{
    struct vault_info who;
    int rc = home_make(c->home, &c->err);

    if (rc == 0 && c->quota != NULL)
        rc = config_check("quota", c->quota, &c->err);
    if (rc == 0 && c->name != NULL)
        rc = config_check("name", c->name, &c->err);
    if (rc == 0 &&
        keyfile_identity_info(c->home, &who, NULL) != ERR_NOT_FOUND) {
        rc = err_set(&c->err, ERR_CONFLICT, say(SAY_HAS_IDENTITY), c->home);
        err_hint(&c->err, "%s", say(SAY_TRY_OTHER_HOME));
    }
    if (rc == 0)
        rc = make(c, c->name != NULL ? c->name : "");
    return rc == 0 ? answer(c, show_init) : rc;
}

static int unknown_word(struct cli *c)
{
    int rc = err_set(&c->err, ERR_INVALID, "id show, id export or id import");

    err_hint(&c->err, say(SAY_TRY_HELP), " ", "id");
    return rc;
}

int cmd_id(struct cli *c)
{
    if (c->word_count == 1 && strcmp(c->words[0], "show") != 0)
        return unknown_word(c);
    return answer(c, show_id);
}
