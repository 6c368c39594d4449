/* config: HOME/config, lines of "key = value". Known keys only. */
#ifndef STORAGE_CONFIG_H
#define STORAGE_CONFIG_H

#include <stddef.h>

#include "crypto/base/err.h"

#define CONFIG_VALUE_MAX 512

/** config_keys - NULL-terminated list of the keys there are. */
const char *const *config_keys(void);
/** config_about - what @key is for; NULL: no such key. */
const char *config_about(const char *key);
/** config_check - would @value do for @key? ERR_INVALID with the reason. */
int config_check(const char *key, const char *value, struct err *e);
/** config_get - the value or the default. ERR_INVALID: no such key. */
int config_get(const char *home, const char *key, char out[CONFIG_VALUE_MAX],
               struct err *e);
int config_set(const char *home, const char *key, const char *value,
               struct err *e);
/** config_check_file - every line of the file. ERR_INVALID names the first. */
int config_check_file(const char *home, struct err *e);

/** config_bytes - "50G", "512M", "1000": bytes (powers of 1024). */
int config_bytes(const char *text, unsigned long long *out);

#endif
