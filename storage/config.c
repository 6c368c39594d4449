#include "storage/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/buf.h"
#include "crypto/base/text.h"
#include "storage/file_io.h"

#define FILE_MAX 65536

struct key {
    const char *name;
    const char *fallback;
    const char *about;
};

static const struct key keys[] = {
    {"name", "", "how this node's owner is called"},
    {"listen", "0.0.0.0:7460", "ADDR:PORT that node run accepts peers on"},
    {"quota", "20G", "space for what is kept for others"},
    {"network", "main", "which network this node belongs to"},
    {"log_format", "text", "text or json"},
    {"lang", "", "en or zh; empty: by LANG"},
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])

const char *const *config_keys(void)
{
    static const char *names[KEY_COUNT + 1];

    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = keys[i].name;
    return names;
}

static const struct key *find(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

const char *config_about(const char *key)
{
    const struct key *k = find(key);

    return k != NULL ? k->about : NULL;
}

int config_bytes(const char *text, unsigned long long *out)
{
    static const char units[] = "KMGT";
    unsigned long long v;
    const char *unit;
    char *end;

    if (text[0] < '0' || text[0] > '9' || strlen(text) > 15)
        return ERR_INVALID;
    v = strtoull(text, &end, 10);
    unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (*end != '\0' && (unit == NULL || end[1] != '\0'))
        return ERR_INVALID;
    for (const char *u = units; unit != NULL && u <= unit; u++) {
        if (v > (1ull << 53))
            return ERR_INVALID;
        v *= 1024;
    }
    *out = v;
    return 0;
}

static bool address_ok(const char *value)
{
    const char *colon = strrchr(value, ':');
    size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;

    return colon != NULL && colon != value && digits != 0 && digits <= 5 &&
           colon[1 + digits] == '\0' && strtoul(colon + 1, NULL, 10) <= 65535;
}

static bool has_control(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

int config_check(const char *key, const char *value, struct err *e)
{
    const struct key *k = find(key);
    unsigned long long n;
    bool ok = true;

    if (k == NULL)
        return err_set(e, ERR_INVALID, "no setting '%s'", key);
    if (strlen(value) >= CONFIG_VALUE_MAX ||
        !text_utf8_valid((const uint8_t *)value, strlen(value)) ||
        has_control(value))
        return err_set(e, ERR_INVALID, "'%s': one line of UTF-8", key);
    if (strcmp(key, "quota") == 0)
        ok = config_bytes(value, &n) == 0;
    else if (strcmp(key, "listen") == 0)
        ok = address_ok(value);
    else if (strcmp(key, "network") == 0)
        ok = value[0] != '\0' && strlen(value) < 32;
    else if (strcmp(key, "log_format") == 0)
        ok = strcmp(value, "text") == 0 || strcmp(value, "json") == 0;
    else if (strcmp(key, "lang") == 0)
        ok = value[0] == '\0' || strcmp(value, "en") == 0 ||
             strcmp(value, "zh") == 0;
    return ok ? 0
              : err_set(e, ERR_INVALID, "'%s' will not do for %s (%s)", value,
                        key, k->about);
}

static int load(const char *home, struct buf *out, struct err *e)
{
    char path[4096];
    int rc;

    (void)snprintf(path, sizeof path, "%s/config", home);
    rc = file_io_load(path, FILE_MAX, out, e);
    if (rc == ERR_NOT_FOUND)
        rc = 0;
    if (rc == 0 && buf_cstr(out) == NULL)
        rc = err_set(e, ERR_NOMEM, "config");
    return rc;
}

/* Splits "key = value" in place; false for empty lines and comments. */
static bool split(char *line, char **out_key, char **out_value)
{
    char *eq = strchr(line, '=');
    char *end;

    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return false;
    if (eq == NULL) {
        *out_key = line;
        *out_value = NULL;
        return true;
    }
    *eq = '\0';
    for (end = eq; end > line && (end[-1] == ' ' || end[-1] == '\t');)
        *--end = '\0';
    eq++;
    eq += strspn(eq, " \t");
    for (end = eq + strlen(eq);
         end > eq && (end[-1] == ' ' || end[-1] == '\r');)
        *--end = '\0';
    *out_key = line;
    *out_value = eq;
    return true;
}

int config_get(const char *home, const char *key, char out[CONFIG_VALUE_MAX],
               struct err *e)
{
    const struct key *k = find(key);
    struct buf text = BUF_INIT;
    char *save = NULL;
    int rc;

    if (k == NULL)
        return err_set(e, ERR_INVALID, "no setting '%s'", key);
    rc = load(home, &text, e);
    (void)snprintf(out, CONFIG_VALUE_MAX, "%s", k->fallback);
    for (char *line = rc == 0 ? strtok_r((char *)text.base, "\n", &save) : NULL;
         line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *name;
        char *value;

        if (split(line, &name, &value) && value != NULL &&
            strcmp(name, key) == 0)
            (void)snprintf(out, CONFIG_VALUE_MAX, "%s", value);
    }
    buf_deinit(&text);
    return rc;
}

int config_set(const char *home, const char *key, const char *value,
               struct err *e)
{
    struct buf text = BUF_INIT;
    struct buf next = BUF_INIT;
    char path[4096];
    char *save = NULL;
    int rc = config_check(key, value, e);

    if (rc == 0)
        rc = load(home, &text, e);
    for (char *line = rc == 0 ? strtok_r((char *)text.base, "\n", &save) : NULL;
         line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *copy = strdup(line);
        char *name = NULL;
        char *old = NULL;
        bool same =
            copy != NULL && split(copy, &name, &old) && strcmp(name, key) == 0;

        free(copy);
        if (same)
            continue;
        (void)buf_append_str(&next, line);
        (void)buf_append_str(&next, "\n");
    }
    if (rc == 0) {
        (void)buf_append_str(&next, key);
        (void)buf_append_str(&next, " = ");
        (void)buf_append_str(&next, value);
        (void)buf_append_str(&next, "\n");
        (void)snprintf(path, sizeof path, "%s/config", home);
        rc = next.failed ? err_set(e, ERR_NOMEM, "config")
                         : file_io_save(path, next.base, next.len, e);
    }
    buf_deinit(&next);
    buf_deinit(&text);
    return rc;
}

int config_check_file(const char *home, struct err *e)
{
    struct buf text = BUF_INIT;
    char *save = NULL;
    int rc = load(home, &text, e);

    for (char *line = rc == 0 ? strtok_r((char *)text.base, "\n", &save) : NULL;
         line != NULL && rc == 0; line = strtok_r(NULL, "\n", &save)) {
        char *name;
        char *value;

        if (!split(line, &name, &value))
            continue;
        rc = value == NULL
                 ? err_set(e, ERR_INVALID, "'%s' is no KEY = VALUE", name)
                 : config_check(name, value, e);
    }
    buf_deinit(&text);
    return rc;
}
