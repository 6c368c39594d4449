#include "crypto/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "crypto/base/hex.h"
#include "crypto/base/text.h"
#include "crypto/did.h"

#define OPS 3
#define MEMORY (UINT64_C(256) << 20)
#define MEMORY_LOW (UINT64_C(64) << 20)
#define OPS_MIN 2
#define OPS_MAX 10
#define MEMORY_MIN (UINT64_C(64) << 20)
#define MEMORY_MAX (UINT64_C(1) << 30)
#define SALT_BYTES crypto_pwhash_SALTBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEALED_BYTES (SEED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define TEXT_MAX 4096

struct kdf {
    bool used;
    uint64_t ops;
    uint64_t memory;
    uint8_t salt[SALT_BYTES];
};

struct parsed {
    struct vault_info info;
    char did[DID_TEXT_MAX];
    struct kdf kdf;
    uint8_t nonce[NONCE_BYTES];
    uint8_t sealed[SEALED_BYTES];
    uint8_t plain[SEED_BYTES];
};

static int stretch(const struct kdf *k, const char *passphrase, size_t len,
                   uint8_t out[32], struct err *e)
{
    if (crypto_pwhash(out, 32, passphrase, len, k->salt, k->ops,
                      (size_t)k->memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return err_set(e, ERR_NOMEM, "argon2id needs %" PRIu64 " MiB",
                       k->memory >> 20);
    return 0;
}

/* ---- writing
 * ------------------------------------------------------------------ */

static void put_line(struct buf *out, const char *key, const char *value)
{
    (void)buf_append_str(out, key);
    (void)buf_append_str(out, ": ");
    (void)buf_append_str(out, value);
    (void)buf_append_str(out, "\n");
}

static int seal_seed(const struct identity *id, const char *did,
                     const char *passphrase, size_t len, bool low_memory,
                     struct buf *out, struct err *e)
{
    struct kdf k = {
        .used = true, .ops = OPS, .memory = low_memory ? MEMORY_LOW : MEMORY};
    uint8_t key[32];
    uint8_t nonce[NONCE_BYTES];
    uint8_t sealed[SEALED_BYTES];
    char salt_hex[2 * SALT_BYTES + 1];
    char nonce_hex[2 * NONCE_BYTES + 1];
    char sealed_hex[2 * SEALED_BYTES + 1];
    char line[256];
    int rc;

    randombytes_buf(k.salt, sizeof k.salt);
    randombytes_buf(nonce, sizeof nonce);
    rc = stretch(&k, passphrase, len, key, e);
    if (rc != 0)
        return rc;
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed, NULL, identity_seed(id), SEED_BYTES, (const uint8_t *)did,
        strlen(did), NULL, nonce, key);
    sodium_memzero(key, sizeof key);
    hex_encode(k.salt, sizeof k.salt, salt_hex);
    hex_encode(nonce, sizeof nonce, nonce_hex);
    hex_encode(sealed, sizeof sealed, sealed_hex);
    (void)snprintf(line, sizeof line, "argon2id %" PRIu64 " %" PRIu64 " %s",
                   k.ops, k.memory, salt_hex);
    put_line(out, "kdf", line);
    (void)snprintf(line, sizeof line, "%s %s", nonce_hex, sealed_hex);
    put_line(out, "seed", line);
    return 0;
}

int vault_seal(const struct identity *id, const char *name,
               const char *passphrase, size_t passphrase_len, bool low_memory,
               struct buf *out, struct err *e)
{
    struct buf encoded = BUF_INIT;
    char did[DID_TEXT_MAX];
    char seed_hex[2 * SEED_BYTES + 1];
    size_t len = strlen(name);
    int rc = 0;

    if (len >= VAULT_NAME_MAX || !text_utf8_valid((const uint8_t *)name, len))
        return err_set(e, ERR_INVALID, "a name of at most 255 bytes");
    did_encode(identity_author(id), did);
    text_percent_encode((const uint8_t *)name, len, "", &encoded);
    (void)buf_append_str(out, "lyceum-key 1\n");
    put_line(out, "did", did);
    put_line(out, "name", encoded.failed ? "" : buf_cstr(&encoded));
    buf_deinit(&encoded);
    if (passphrase != NULL) {
        rc = seal_seed(id, did, passphrase, passphrase_len, low_memory, out, e);
    } else {
        hex_encode(identity_seed(id), SEED_BYTES, seed_hex);
        put_line(out, "kdf", "none");
        put_line(out, "seed", seed_hex);
        sodium_memzero(seed_hex, sizeof seed_hex);
    }
    if (rc == 0 && out->failed)
        rc = err_set(e, ERR_NOMEM, "key file");
    return rc;
}

/* ---- reading
 * -------------------------------------------------------------------- */

static int bad(struct err *e, const char *what)
{
    return err_set(e, ERR_MALFORMED, "key file: %s", what);
}

/* The value of the next line, which must be "KEY: value\n". NULL if not. */
static char *take_line(char **at, const char *key)
{
    size_t n = strlen(key);
    char *value = *at;
    char *end = strchr(value, '\n');

    if (end == NULL || strncmp(value, key, n) != 0)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return value + n;
}

static int parse_uint(const char *s, uint64_t *out)
{
    char *end;

    if (*s < '0' || *s > '9' || strlen(s) > 12)
        return ERR_MALFORMED;
    *out = strtoull(s, &end, 10);
    return *end == '\0' ? 0 : ERR_MALFORMED;
}

static int parse_kdf(char *value, struct kdf *k)
{
    char *save = NULL;
    char *word = strtok_r(value, " ", &save);
    char *ops = strtok_r(NULL, " ", &save);
    char *memory = strtok_r(NULL, " ", &save);
    char *salt = strtok_r(NULL, " ", &save);

    if (word != NULL && strcmp(word, "none") == 0)
        return ops == NULL ? 0 : ERR_MALFORMED;
    k->used = true;
    if (salt == NULL || strtok_r(NULL, " ", &save) != NULL ||
        strcmp(word, "argon2id") != 0 || parse_uint(ops, &k->ops) != 0 ||
        parse_uint(memory, &k->memory) != 0)
        return ERR_MALFORMED;
    return hex_decode(salt, strlen(salt), k->salt, sizeof k->salt);
}

static int parse_seed(char *value, struct parsed *p)
{
    char *space = strchr(value, ' ');

    if (!p->kdf.used)
        return hex_decode(value, strlen(value), p->plain, sizeof p->plain);
    if (space == NULL)
        return ERR_MALFORMED;
    if (hex_decode(value, (size_t)(space - value), p->nonce, sizeof p->nonce) !=
        0)
        return ERR_MALFORMED;
    return hex_decode(space + 1, strlen(space + 1), p->sealed,
                      sizeof p->sealed);
}

static int parse_name(const char *value, struct parsed *p)
{
    struct buf name = BUF_INIT;
    int rc = text_percent_decode(value, strlen(value), &name);

    if (rc == 0 && (name.len >= VAULT_NAME_MAX ||
                    memchr(name.base ? name.base : (void *)"", 0, name.len) ||
                    !text_utf8_valid(name.base, name.len)))
        rc = ERR_MALFORMED;
    if (rc == 0 && name.len != 0)
        memcpy(p->info.name, name.base, name.len);
    buf_deinit(&name);
    return rc;
}

static int parse_lines(char *text, struct parsed *p, struct err *e)
{
    char *at = text;
    char *value = take_line(&at, "lyceum-key ");

    if (value == NULL || strcmp(value, "1") != 0)
        return bad(e, "not a lyceum-key of version 1");
    value = take_line(&at, "did: ");
    if (value == NULL || strlen(value) >= sizeof p->did ||
        did_decode(value, strlen(value), &p->info.author, NULL) != 0)
        return bad(e, "no valid did");
    memcpy(p->did, value, strlen(value) + 1);
    value = take_line(&at, "name: ");
    if (value == NULL || parse_name(value, p) != 0)
        return bad(e, "no valid name");
    value = take_line(&at, "kdf: ");
    if (value == NULL || parse_kdf(value, &p->kdf) != 0)
        return bad(e, "no valid kdf");
    value = take_line(&at, "seed: ");
    if (value == NULL || parse_seed(value, p) != 0)
        return bad(e, "no valid seed");
    p->info.sealed = p->kdf.used;
    return *at == '\0' ? 0 : bad(e, "more lines than there should be");
}

static int parse(const uint8_t *text, size_t len, struct parsed *p,
                 struct err *e)
{
    char copy[TEXT_MAX + 1];
    int rc;

    *p = (struct parsed){0};
    if (len > TEXT_MAX || memchr(text, 0, len) != NULL)
        return bad(e, "too long, or not text");
    memcpy(copy, text, len);
    copy[len] = '\0';
    rc = parse_lines(copy, p, e);
    sodium_memzero(copy, sizeof copy);
    return rc;
}

int vault_read(const uint8_t *text, size_t len, struct vault_info *out,
               struct err *e)
{
    struct parsed p;
    int rc = parse(text, len, &p, e);

    if (rc == 0)
        *out = p.info;
    sodium_memzero(&p, sizeof p);
    return rc;
}

static int unseal(struct parsed *p, const char *passphrase, size_t len,
                  struct err *e)
{
    uint8_t key[32];
    int rc;

    if (p->kdf.ops < OPS_MIN || p->kdf.ops > OPS_MAX ||
        p->kdf.memory < MEMORY_MIN || p->kdf.memory > MEMORY_MAX ||
        p->kdf.memory % 1024 != 0) /* argon2 counts in KiB: one spelling */
        return err_set(e, ERR_REFUSED, "argon2id parameters out of range");
    if (passphrase == NULL)
        return err_set(e, ERR_KEY_NEEDED, "the key is under a passphrase");
    rc = stretch(&p->kdf, passphrase, len, key, e);
    if (rc != 0)
        return rc;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            p->plain, NULL, NULL, p->sealed, sizeof p->sealed,
            (const uint8_t *)p->did, strlen(p->did), p->nonce, key) != 0)
        rc = err_set(e, ERR_KEY_NEEDED, "wrong passphrase");
    sodium_memzero(key, sizeof key);
    return rc;
}

int vault_open(const uint8_t *text, size_t len, const char *passphrase,
               size_t passphrase_len, struct identity **out, struct err *e)
{
    struct identity *id = NULL;
    struct parsed p;
    int rc = parse(text, len, &p, e);

    if (rc == 0 && p.kdf.used)
        rc = unseal(&p, passphrase, passphrase_len, e);
    if (rc == 0) {
        id = identity_from_seed(p.plain);
        if (id == NULL)
            rc = err_set(e, ERR_NOMEM, "identity");
        else if (!author_id_eq(identity_author(id), &p.info.author))
            rc = bad(e, "the seed is not that of the did");
    }
    if (rc == 0)
        *out = id;
    else if (id != NULL)
        identity_free(id);
    sodium_memzero(&p, sizeof p);
    return rc;
}
