#include "crypto/key.h"

#include <string.h>

#include <sodium.h>

#include "crypto/key_internal.h"

/* crypto_kdf contexts: 8 bytes, one a role. */
#define CONTEXT_SIGN "lycsign1"
#define CONTEXT_BOX "lycbox_1"

struct identity {
    uint8_t seed[SEED_BYTES];
    uint8_t sign_secret[crypto_sign_SECRETKEYBYTES];
    uint8_t box_secret[crypto_box_SECRETKEYBYTES];
    struct author_id author;
    uint8_t box_public[crypto_box_PUBLICKEYBYTES];
};

int crypto_init(struct err *e)
{
    return sodium_init() >= 0 ? 0 : err_set(e, ERR_FAILED, "libsodium");
}

struct identity *identity_from_seed(const uint8_t seed[SEED_BYTES])
{
    struct identity *id = sodium_malloc(sizeof *id);
    uint8_t sub[32];

    if (id == NULL)
        return NULL;
    memcpy(id->seed, seed, sizeof id->seed);
    (void)crypto_kdf_derive_from_key(sub, sizeof sub, 1, CONTEXT_SIGN, seed);
    (void)crypto_sign_seed_keypair(id->author.b, id->sign_secret, sub);
    (void)crypto_kdf_derive_from_key(sub, sizeof sub, 1, CONTEXT_BOX, seed);
    (void)crypto_box_seed_keypair(id->box_public, id->box_secret, sub);
    sodium_memzero(sub, sizeof sub);
    return id;
}

struct identity *identity_generate(void)
{
    uint8_t seed[SEED_BYTES];
    struct identity *id;

    randombytes_buf(seed, sizeof seed);
    id = identity_from_seed(seed);
    sodium_memzero(seed, sizeof seed);
    return id;
}

void identity_free(struct identity *id)
{
    sodium_free(id); /* wipes */
}

const struct author_id *identity_author(const struct identity *id)
{
    return &id->author;
}

const uint8_t *identity_box_public(const struct identity *id)
{
    return id->box_public;
}

const uint8_t *identity_seed(const struct identity *id)
{
    return id->seed;
}

void key__sign(const struct identity *id, struct span tbs, uint8_t out[64])
{
    (void)crypto_sign_detached(out, NULL, tbs.p, tbs.len, id->sign_secret);
}

void node_key_generate(uint8_t out_secret[32], struct node_id *out_public)
{
    (void)crypto_box_keypair(out_public->b, out_secret);
}

void node_key_public(const uint8_t secret[32], struct node_id *out_public)
{
    (void)crypto_scalarmult_base(out_public->b, secret);
}

bool box_key_valid(const uint8_t key[32])
{
    static const uint8_t scalar[crypto_scalarmult_SCALARBYTES] = {1};
    uint8_t shared[crypto_scalarmult_BYTES];

    return crypto_scalarmult(shared, scalar, key) == 0;
}

bool author_id_valid(const struct author_id *a)
{
    return crypto_core_ed25519_is_valid_point(a->b) == 1;
}
