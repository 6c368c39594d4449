#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <pthread.h>
#include <xxhash.h>

static EVP_MD *sha256; /* fetched once: EVP_sha256() looks it up each time */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void digest_sha256(const void *p, size_t len, uint8_t out[32])
{
    (void)pthread_once(&once, fetch);
    /* Only a broken libcrypto or no memory at all: nothing could be named. */
    if (sha256 == NULL || EVP_Digest(p, len, out, NULL, sha256, NULL) != 1)
        abort();
}

struct chunk_id digest_chunk(const void *p, size_t len)
{
    struct chunk_id id;

    digest_sha256(p, len, id.b);
    return id;
}

uint64_t digest_sum64(const void *p, size_t len)
{
    uint64_t sum = XXH3_64bits(p, len);

    return sum != 0 ? sum : 1;
}
