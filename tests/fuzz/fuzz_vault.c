/* Key files of strangers: the open part, and what lies there without a
 * passphrase. And once, since it is slow by design: what is sealed opens with
 * its passphrase and with no other. */
#include <stdlib.h>
#include <string.h>

#include "crypto/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "horse";

/* NULL: none, the text lies open. */
static size_t length(const char *passphrase)
{
    return passphrase != NULL ? strlen(passphrase) : 0;
}

static struct identity *opens(const struct buf *text, const char *passphrase)
{
    struct identity *id = NULL;
    struct err e = ERR_INIT;

    if (vault_open(text->base, text->len, passphrase, length(passphrase), &id,
                   &e) != 0)
        return NULL;
    return id;
}

static void there_and_back(const struct identity *id, const char *passphrase)
{
    struct vault_info info;
    struct buf text = BUF_INIT;
    struct identity *back;

    if (vault_seal(id, "a \"name\"\n", passphrase, length(passphrase), true,
                   &text, NULL) != 0 ||
        vault_read(text.base, text.len, &info, NULL) != 0 ||
        info.sealed != (passphrase != NULL))
        abort();
    back = opens(&text, passphrase);
    if (back == NULL ||
        !author_id_eq(identity_author(back), identity_author(id)) ||
        (info.sealed && opens(&text, "house") != NULL))
        abort();
    text.base[text.len - 3] ^= 1; /* and not when a byte has changed */
    identity_free(opens(&text, passphrase));
    identity_free(back);
    buf_deinit(&text);
}

/* Before the first input: a second or ten are no input's fault. */
__attribute__((constructor)) static void once(void)
{
    static const uint8_t seed[SEED_BYTES] = {1};
    struct identity *id;

    if (crypto_init(NULL) != 0)
        abort();
    id = identity_from_seed(seed);
    if (id == NULL)
        abort();
    there_and_back(id, secret);
    there_and_back(id, NULL);
    identity_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity *id = NULL;
    struct vault_info info;

    if (vault_read(data, size, &info, NULL) == 0 && !info.sealed &&
        vault_open(data, size, "", 0, &id, NULL) == 0 &&
        !author_id_eq(identity_author(id), &info.author))
        abort();
    identity_free(id);
    return 0;
}
