/* HOME/config as an editor left it: a file that is accepted stays accepted when
 * a setting is changed, and the setting is what it was set to. */
#include <stdbool.h>
#include <string.h>

#include "storage/config.h"
#include "tests/fuzz/fuzz_home.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[CONFIG_VALUE_MAX];
    unsigned long long n;
    bool good;

    fuzz_home_with("config", data, size);
    good = config_check_file(fuzz_home, NULL) == 0;
    for (const char *const *key = config_keys(); *key != NULL; key++) {
        if (config_about(*key) == NULL)
            abort();
        if (config_get(fuzz_home, *key, value, NULL) == 0) {
            (void)config_check(*key, value, NULL);
            (void)config_bytes(value, &n);
        }
    }
    if (config_get(fuzz_home, "no such key", value, NULL) == 0)
        abort();
    if (!good || config_set(fuzz_home, "lang", "zh", NULL) != 0)
        return 0;
    if (config_check_file(fuzz_home, NULL) != 0 ||
        config_get(fuzz_home, "lang", value, NULL) != 0 ||
        strcmp(value, "zh") != 0)
        abort();
    return 0;
}
