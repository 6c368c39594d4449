/* The open part of a key file. */
#include "crypto/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vault_info info;

    if (crypto_init(NULL) == 0)
        (void)vault_read(data, size, &info, NULL);
    return 0;
}
