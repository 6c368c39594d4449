#include "cli/sign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>

#include <sodium.h>

#include "cli/passphrase.h"
#include "crypto/did.h"
#include "crypto/profile.h"
#include "storage/config.h"
#include "storage/keyfile.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

void sign_guard_memory(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef UNDER_ASAN /* its leak check is a debugger */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

int sign_sealed(struct cli *c, bool *out_sealed, char *out_did)
{
    struct vault_info who;
    int rc = keyfile_identity_info(c->home, &who, &c->err);

    if (rc == 0) {
        *out_sealed = who.sealed;
        did_encode(&who.author, out_did);
    }
    return rc;
}

int sign_unlock(struct cli *c, struct identity **out)
{
    struct passphrase pass = {NULL, 0};
    struct vault_info who;
    struct buf text = BUF_INIT;
    int rc;

    sign_guard_memory();
    rc = keyfile_identity_read(c->home, &text, &c->err);
    if (rc == 0)
        rc = vault_read(text.base, text.len, &who, &c->err);
    if (rc == 0 && who.sealed)
        rc = passphrase_ask(&pass, &c->err);
    if (rc == 0)
        rc = vault_open(text.base, text.len, pass.text, pass.len, out, &c->err);
    passphrase_wipe(&pass);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    return rc;
}

static int sign_bytes(struct cli *c, const struct identity *id,
                      enum record_type type, struct span payload,
                      char **out_hex)
{
    char network[CONFIG_VALUE_MAX];
    struct buf record = BUF_INIT;
    int rc = config_get(c->home, "network", network, &c->err);

    if (rc == 0)
        rc = record_sign(id, type, network, payload, &record, NULL, &c->err);
    if (rc == 0) {
        *out_hex = malloc(2 * record.len + 1);
        if (*out_hex == NULL)
            rc = err_set(&c->err, ERR_NOMEM, "record");
        else
            hex_encode(record.base, record.len, *out_hex);
    }
    buf_deinit(&record);
    return rc;
}

int sign_payload(struct cli *c, const struct identity *id,
                 enum record_type type, const char *payload_hex, char **out_hex)
{
    size_t n = strlen(payload_hex) / 2;
    uint8_t *payload = malloc(n + 1);
    struct span s = {payload, n};
    int rc = payload == NULL ? err_set(&c->err, ERR_NOMEM, "payload")
             : hex_decode(payload_hex, 2 * n, payload, n) != 0
                 ? err_set(&c->err, ERR_MALFORMED, "payload")
                 : sign_bytes(c, id, type, s, out_hex);

    free(payload);
    return rc;
}

static bool low_memory(void)
{
    struct sysinfo s;

    return sysinfo(&s) == 0 &&
           (unsigned long long)s.totalram * s.mem_unit < (1ull << 30);
}

int sign_seal(struct cli *c, const struct identity *id, const char *name,
              struct buf *out)
{
    struct passphrase pass = {NULL, 0};
    int rc = c->no_passphrase ? 0 : passphrase_new(&pass, &c->err);

    if (rc == 0)
        rc = vault_seal(id, name, pass.text, pass.len, low_memory(), out,
                        &c->err);
    passphrase_wipe(&pass);
    return rc;
}

int sign_profile(struct cli *c, const struct identity *id, const char *name)
{
    struct profile_payload p = {.time_ms = (uint64_t)time(NULL) * 1000};
    struct buf payload = BUF_INIT;
    int rc;

    if (name[0] == '\0')
        return 0;
    p.name.p = (const uint8_t *)name;
    p.name.len = strlen(name);
    memcpy(p.box_key, identity_box_public(id), sizeof p.box_key);
    if (profile_encode(&p, &payload, NULL) != 0) {
        buf_deinit(&payload);
        return 0; /* a name that may not stand in a record stays at home */
    }
    rc = sign_and_put(c, id, RECORD_PROFILE, buf_span(&payload));
    buf_deinit(&payload);
    return rc;
}

int sign_and_put(struct cli *c, const struct identity *id,
                 enum record_type type, struct span payload)
{
    char *hex = NULL;
    json_t *result = NULL;
    int rc = sign_bytes(c, id, type, payload, &hex);

    if (rc == 0)
        rc = cli_call(
            c, json_pack("{s:s, s:s}", "op", "record.put", "record", hex),
            &result);
    json_decref(result);
    free(hex);
    return rc;
}
