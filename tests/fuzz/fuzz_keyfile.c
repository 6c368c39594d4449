/* The two key files of a home: what is there is read or refused, never changed;
 * a home without one gets one and keeps it. */
#include <string.h>

#include "storage/keyfile.h"
#include "tests/fuzz/fuzz_home.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void node_key(const uint8_t *data, size_t size)
{
    struct node_id id[2];
    uint8_t secret[2][32];
    char path[128];

    fuzz_home_with("node.key", data, size);
    if (keyfile_node_load(fuzz_home, secret[0], &id[0], NULL) == 0 &&
        (keyfile_node_load(fuzz_home, secret[1], &id[1], NULL) != 0 ||
         !node_id_eq(&id[0], &id[1])))
        abort();
    (void)snprintf(path, sizeof path, "%s/node.key", fuzz_home);
    if (unlink(path) != 0 ||
        keyfile_node_load(fuzz_home, secret[0], &id[0], NULL) != 0 ||
        keyfile_node_load(fuzz_home, secret[1], &id[1], NULL) != 0 ||
        memcmp(secret[0], secret[1], sizeof secret[0]) != 0 ||
        chmod(path, 0644) != 0 ||
        keyfile_node_load(fuzz_home, secret[1], &id[1], NULL) == 0 ||
        unlink(path) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT;
    struct vault_info info;
    char path[128];

    if (crypto_init(NULL) != 0)
        abort();
    node_key(data, size);
    fuzz_home_with("identity.key", data, size);
    (void)keyfile_identity_info(fuzz_home, &info, NULL);
    if (keyfile_identity_read(fuzz_home, &text, NULL) == 0 &&
        (text.len != size ||
         (size != 0 && memcmp(text.base, data, size) != 0) ||
         keyfile_identity_save(fuzz_home, &text, NULL) == 0))
        abort(); /* one that is there is not replaced */
    (void)snprintf(path, sizeof path, "%s/identity.key", fuzz_home);
    (void)unlink(path);
    if (keyfile_identity_read(fuzz_home, &text, NULL) == 0 ||
        keyfile_identity_save(fuzz_home, &text, NULL) != 0)
        abort();
    buf_deinit(&text);
    return 0;
}
