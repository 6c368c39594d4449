/* proofs: the simulator's command remembers which signatures and keys hold. All
 * nodes of a world check the same few records, thousands of times: that was two
 * thirds of a storm. Put in the place of libsodium's by the linker, for this
 * command alone; the same arguments give the same answer, so no run changes. */
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/digest.h"

#define PLACES 4096
#define KEY_BYTES 32

struct place {
    uint8_t key[KEY_BYTES]; /* of all arguments */
    bool taken;
    int answer;
};

static struct place places[2][PLACES];

/* Where the answer is, or is to be. */
static struct place *find(int which, const uint8_t key[KEY_BYTES], bool *out)
{
    struct place *p;

    p = &places[which][((unsigned)key[0] << 8 | key[1]) % PLACES];
    *out = p->taken && memcmp(p->key, key, KEY_BYTES) == 0;
    memcpy(p->key, key, KEY_BYTES);
    p->taken = true;
    return p;
}

int __real_crypto_sign_verify_detached(const unsigned char *sig,
                                       const unsigned char *m,
                                       unsigned long long len,
                                       const unsigned char *pk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig,
                                       const unsigned char *m,
                                       unsigned long long len,
                                       const unsigned char *pk);
int __real_crypto_core_ed25519_is_valid_point(const unsigned char *p);
int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *p);

int __wrap_crypto_sign_verify_detached(const unsigned char *sig,
                                       const unsigned char *m,
                                       unsigned long long len,
                                       const unsigned char *pk)
{
    uint8_t all[crypto_sign_BYTES + crypto_sign_PUBLICKEYBYTES + KEY_BYTES];
    uint8_t key[KEY_BYTES];
    struct place *p;
    bool known;

    memcpy(all, sig, crypto_sign_BYTES);
    memcpy(all + crypto_sign_BYTES, pk, crypto_sign_PUBLICKEYBYTES);
    digest_sha256(m, (size_t)len, all + sizeof all - KEY_BYTES);
    digest_sha256(all, sizeof all, key);
    p = find(0, key, &known);
    if (!known)
        p->answer = __real_crypto_sign_verify_detached(sig, m, len, pk);
    return p->answer;
}

int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point)
{
    bool known;
    struct place *p = find(1, point, &known); /* it is as good a key as any */

    if (!known)
        p->answer = __real_crypto_core_ed25519_is_valid_point(point);
    return p->answer;
}
