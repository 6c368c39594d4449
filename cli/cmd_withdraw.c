/* withdraw: an author stops offering a course or an edition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/sign.h"
#include "crypto/did.h"

static void show(struct cli *c, const json_t *r)
{
    bool whole = json_is_true(json_object_get(r, "whole"));
    char *title = output_safe(output_text(r, "title"));

    (void)c;
    if (json_is_true(json_object_get(r, "unchanged")))
        printf(say(SAY_WITHDRAWN_BEFORE), title);
    else
        printf(say(whole ? SAY_WITHDREW_ALL : SAY_WITHDREW_ONE), title,
               output_int(r, "edition"));
    printf("\n");
    free(title);
}

/* COURSE or COURSE@E. */
static json_t *make_request(struct cli *c)
{
    const char *at = strrchr(c->words[0], '@');
    size_t digits = at != NULL ? strspn(at + 1, "0123456789") : 0;
    bool one = digits != 0 && digits <= 15 && at[1 + digits] == '\0';
    size_t n = one ? (size_t)(at - c->words[0]) : strlen(c->words[0]);
    json_t *q = json_pack("{s:s, s:s#, s:s}", "op", "withdraw.prepare",
                          "course", c->words[0], (int)n, "reason", c->reason);

    if (q != NULL && one)
        (void)json_object_set_new(q, "edition",
                                  json_integer(strtoll(at + 1, NULL, 10)));
    return q;
}

static int show_what_is_signed(struct cli *c, const json_t *r)
{
    char did[DID_TEXT_MAX];
    bool sealed = false;
    int rc = sign_sealed(c, &sealed, did);

    if (rc == 0 && sealed && !c->quiet) {
        char *title = output_safe(output_text(r, "title"));
        char *reason = output_safe(output_text(r, "reason"));

        fprintf(stderr,
                say(json_is_true(json_object_get(r, "whole"))
                        ? SAY_SIGNING_ALL_GONE
                        : SAY_SIGNING_ONE_GONE),
                title, output_int(r, "edition"), did, reason);
        fprintf(stderr, "\n");
        free(reason);
        free(title);
    }
    return rc;
}

static int sign_and_commit(struct cli *c, json_t *r)
{
    struct identity *id = NULL;
    json_t *done = NULL;
    char *hex = NULL;
    int rc = show_what_is_signed(c, r);

    if (rc == 0)
        rc = sign_unlock(c, &id);
    if (rc == 0)
        rc = sign_payload(c, id, RECORD_REVOCATION, output_text(r, "payload"),
                          &hex);
    if (rc == 0)
        rc = cli_call(
            c, json_pack("{s:s, s:s}", "op", "withdraw.commit", "record", hex),
            &done);
    if (rc == 0)
        (void)json_object_set(r, "record", json_object_get(done, "record"));
    if (id != NULL)
        identity_free(id);
    json_decref(done);
    free(hex);
    return rc;
}

int cmd_withdraw(struct cli *c)
{
    json_t *r = NULL;
    int rc;

    if (c->reason == NULL) {
        rc = err_set(&c->err, ERR_INVALID, "%s", say(SAY_WANTS_REASON));
        err_hint(&c->err, say(SAY_TRY_HELP), " ", "withdraw");
        return rc;
    }
    rc = cli_call(c, make_request(c), &r);
    if (rc == 0 && !json_is_true(json_object_get(r, "unchanged")))
        rc = sign_and_commit(c, r);
    if (rc == 0) {
        (void)json_object_del(r, "payload");
        cli_answer(c, r, show);
    }
    json_decref(r);
    return rc;
}
