/* digest_many: SHA-256 of several things at once. One digest waits for itself:
 * each step needs the last. Intel's library for packet crypto takes 16 digests
 * side by side with AVX-512 (6 GB/s a core where libcrypto does 2), or two with
 * the SHA instructions (3 GB/s). It is Debian's on amd64 only; elsewhere, and
 * for few or long things, it is libcrypto, one by one. */
#include "crypto/digest.h"

static void one_by_one(const struct span *bytes, size_t count,
                       struct chunk_id *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = digest_chunk(bytes[i].p, bytes[i].len);
}

#ifdef LYCEUM_IPSEC_MB

#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>
#include <pthread.h>

/* with fewer, two side by side are faster */
#define LEN_MAX (1024u * 1024u) /* it counts blocks in 16 bits */
#define MANY 64u                /* at a time */
#define LANES 16u
#define WIDE_LANE 8u /* times slower than both of a pair together */

struct managers {  /* of one thread */
    IMB_MGR *wide; /* NULL: this CPU has none */
    IMB_MGR *pair;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key, can_wide, can_pair;

static void free_managers(void *p)
{
    struct managers *m = p;

    if (m->wide != NULL)
        free_mb_mgr(m->wide);
    if (m->pair != NULL)
        free_mb_mgr(m->pair);
    free(m);
}

static void submit(IMB_MGR *m, struct span bytes, struct chunk_id *out)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(m);

    memset(job, 0, sizeof *job);
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = bytes.p;
    job->msg_len_to_hash_in_bytes = bytes.len;
    job->auth_tag_output = out->b;
    job->auth_tag_output_len_in_bytes = sizeof out->b;
    /* Its check knows packets only, up to 64 KiB; is_right() is ours. */
    (void)IMB_SUBMIT_JOB_NOCHECK(m);
}

static void run_one(IMB_MGR *m, struct span bytes, struct chunk_id *out)
{
    if (bytes.len == 0 || bytes.len > LEN_MAX)
        *out = digest_chunk(bytes.p, bytes.len);
    else
        submit(m, bytes, out);
}

static void finish(IMB_MGR *m)
{
    while (IMB_FLUSH_JOB(m) != NULL)
        ;
}

static void run(IMB_MGR *m, const struct span *bytes, size_t count,
                struct chunk_id *out)
{
    for (size_t i = 0; i < count; i++)
        run_one(m, bytes[i], &out[i]);
    finish(m);
}

/* Does it say what libcrypto says, up to the longest that it is given? */
static bool is_right(IMB_MGR *m, const uint8_t *bytes)
{
    static const size_t lengths[] = {1,     55,          56,     64,
                                     65536, LEN_MAX - 1, LEN_MAX};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    struct span list[COUNT];
    struct chunk_id got[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        list[i] = (struct span){bytes, lengths[i]};
    run(m, list, COUNT, got);
    for (size_t i = 0; i < COUNT; i++) {
        struct chunk_id want = digest_chunk(bytes, lengths[i]);

        if (!chunk_id_eq(&got[i], &want))
            return false;
    }
    return true;
}

static void find_out(void)
{
    IMB_MGR *wide = alloc_mb_mgr(0);
    IMB_MGR *pair = alloc_mb_mgr(0);
    uint8_t *bytes = calloc(1, LEN_MAX);
    IMB_ARCH arch = IMB_ARCH_NONE;

    has_key = pthread_key_create(&key, free_managers) == 0;
    if (has_key && wide != NULL && pair != NULL && bytes != NULL) {
        init_mb_mgr_auto(wide, &arch);
        can_wide = arch == IMB_ARCH_AVX512 && is_right(wide, bytes);
        if ((wide->features & IMB_FEATURE_SHANI) != 0) {
            init_mb_mgr_sse(pair);
            can_pair = is_right(pair, bytes);
        }
    }
    free(bytes);
    if (wide != NULL)
        free_mb_mgr(wide);
    if (pair != NULL)
        free_mb_mgr(pair);
}

static struct managers *mine(void)
{
    struct managers *m;

    (void)pthread_once(&once, find_out);
    if (!can_wide && !can_pair)
        return NULL;
    m = pthread_getspecific(key);
    if (m != NULL)
        return m;
    m = calloc(1, sizeof *m);
    if (m == NULL || pthread_setspecific(key, m) != 0) {
        free(m);
        return NULL;
    }
    m->wide = can_wide ? alloc_mb_mgr(0) : NULL;
    m->pair = can_pair ? alloc_mb_mgr(0) : NULL;
    if (m->wide != NULL)
        init_mb_mgr_avx512(m->wide);
    if (m->pair != NULL)
        init_mb_mgr_sse(m->pair);
    return m;
}

static int by_length(const void *a, const void *b)
{
    size_t x = (*(const struct span *const *)a)->len;
    size_t y = (*(const struct span *const *)b)->len;

    return (x < y) - (x > y);
}

/* The longest first, so that no lane works on alone at the end. */
static void run_wide(IMB_MGR *m, const struct span *bytes, size_t count,
                     struct chunk_id *out)
{
    const struct span *order[MANY];

    for (size_t i = 0; i < count; i++)
        order[i] = &bytes[i];
    qsort(order, count, sizeof order[0], by_length);
    for (size_t i = 0; i < count; i++)
        run_one(m, *order[i], &out[order[i] - bytes]);
    finish(m);
}

static bool is_wide_faster(const struct span *bytes, size_t count)
{
    size_t sum = 0;
    size_t lane = 0;

    for (size_t i = 0; i < count; i++) {
        sum += bytes[i].len;
        lane = bytes[i].len > lane ? bytes[i].len : lane;
    }
    lane = sum / LANES > lane ? sum / LANES : lane;
    return WIDE_LANE * lane < sum;
}

static void run_some(const struct managers *m, const struct span *bytes,
                     size_t count, struct chunk_id *out)
{
    if (m->wide != NULL && is_wide_faster(bytes, count))
        run_wide(m->wide, bytes, count, out);
    else if (m->pair != NULL && count > 1)
        run(m->pair, bytes, count, out);
    else
        one_by_one(bytes, count, out);
}

void digest_many(const struct span *bytes, size_t count, struct chunk_id *out)
{
    const struct managers *m = count > 1 ? mine() : NULL;

    if (m == NULL)
        one_by_one(bytes, count, out);
    for (size_t i = 0; m != NULL && i < count; i += MANY)
        run_some(m, bytes + i, count - i < MANY ? count - i : MANY, out + i);
}

#else

void digest_many(const struct span *bytes, size_t count, struct chunk_id *out)
{
    one_by_one(bytes, count, out);
}

#endif
