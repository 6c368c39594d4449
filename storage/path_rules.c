#include "storage/path_rules.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "crypto/base/text.h"

/* ---- one component
 * ------------------------------------------------------------- */

static const char *bad_code_point(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return "a control character";
    if ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069))
        return "a character that turns the writing direction";
    if (cp == 0x200b || cp == 0x2060 || cp == 0xfeff)
        return "an invisible character";
    return cp == '\\' ? "a backslash" : NULL;
}

/* HFS+ ignores these when it compares names. */
static bool is_ignorable(uint32_t cp)
{
    return (cp >= 0x200c && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x206a && cp <= 0x206f) || cp == 0xfeff || cp == 0xad ||
           cp == 0x61c;
}

int path_fold(const char *p, size_t len, struct buf *out)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map(
        (const utf8proc_uint8_t *)p, (utf8proc_ssize_t)len, &folded,
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
            UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    int rc;

    if (n < 0)
        return n == UTF8PROC_ERROR_NOMEM ? ERR_NOMEM : ERR_MALFORMED;
    rc = buf_append(out, folded, (size_t)n);
    free(folded);
    return rc;
}

static void drop_ignorable(const struct buf *in, struct buf *out)
{
    const uint8_t *p = in->base;
    const uint8_t *end = in->base + in->len;
    uint32_t cp;

    while (p < end) {
        size_t n = text_utf8_next(p, end, &cp);

        if (n == 0)
            return;
        if (!is_ignorable(cp))
            (void)buf_append(out, p, n);
        p += n;
    }
}

/* `.git` in any spelling that a file system may take for it: other case, wide
 * letters, ignorable marks (HFS+), dots and spaces behind, a stream (NTFS), the
 * short name GIT~1. */
static int is_dot_git(const char *p, size_t len, bool *out)
{
    struct buf folded = BUF_INIT;
    struct buf plain = BUF_INIT;
    size_t n;
    int rc = path_fold(p, len, &folded);

    if (rc == 0)
        drop_ignorable(&folded, &plain);
    if (rc == 0 && (folded.failed || plain.failed))
        rc = ERR_NOMEM;
    for (n = 0; n < plain.len && plain.base[n] != ':'; n++)
        continue;
    while (n > 0 && (plain.base[n - 1] == '.' || plain.base[n - 1] == ' '))
        n--;
    *out = (n == 4 && memcmp(plain.base, ".git", 4) == 0) ||
           (n == 5 && memcmp(plain.base, "git~1", 5) == 0);
    buf_deinit(&plain);
    buf_deinit(&folded);
    return rc;
}

static bool maybe_dot_git(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)p[i] >= 0x80)
            return true;
    return len >= 4 && (p[0] == '.' || p[0] == 'g' || p[0] == 'G');
}

static const char *component_fault(const char *p, size_t len)
{
    const uint8_t *at = (const uint8_t *)p;
    const uint8_t *end = at + len;
    bool git = false;

    if (len == 0)
        return "an empty component";
    if (len > PATH_NAME_MAX)
        return "a name of over 255 bytes";
    if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
        return "a component '.' or '..'";
    while (at < end) {
        uint32_t cp;
        size_t n = text_utf8_next(at, end, &cp);
        const char *why = n != 0 ? bad_code_point(cp) : "not UTF-8";

        if (why != NULL)
            return why;
        at += n;
    }
    if (maybe_dot_git(p, len) && (is_dot_git(p, len, &git) != 0 || git))
        return "a name that may stand for .git";
    return NULL;
}

/* ---- whole paths
 * --------------------------------------------------------------------- */

static bool is_ascii(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)p[i] >= 0x80)
            return false;
    return true;
}

int path_normalize(const char *p, size_t len, struct buf *out,
                   bool *out_changed, struct err *e)
{
    utf8proc_uint8_t *nfc = NULL;
    utf8proc_ssize_t n = (utf8proc_ssize_t)len;

    *out_changed = false;
    if (is_ascii(p, len)) {
        (void)buf_append(out, p, len);
        return buf_cstr(out) != NULL ? 0 : ERR_NOMEM;
    }
    if (!text_utf8_valid((const uint8_t *)p, len))
        return err_set(e, ERR_MALFORMED, "not UTF-8");
    n = utf8proc_map((const utf8proc_uint8_t *)p, n, &nfc,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0)
        return err_set(e, ERR_NOMEM, "%s", utf8proc_errmsg(n));
    *out_changed = (size_t)n != len || memcmp(nfc, p, len) != 0;
    (void)buf_append(out, nfc, (size_t)n);
    free(nfc);
    return buf_cstr(out) != NULL ? 0 : ERR_NOMEM;
}

static int check_nfc(const char *p, size_t len, struct err *e)
{
    struct buf nfc = BUF_INIT;
    bool changed;
    int rc = path_normalize(p, len, &nfc, &changed, e);

    buf_deinit(&nfc);
    if (rc == 0 && changed)
        rc = err_set(e, ERR_MALFORMED, "not in Unicode's NFC form");
    return rc;
}

int path_check(const char *p, size_t len, struct err *e)
{
    size_t depth = 0;
    size_t start = 0;

    if (len == 0)
        return err_set(e, ERR_MALFORMED, "an empty path");
    if (len > PATH_BYTES_MAX)
        return err_set(e, ERR_MALFORMED, "a path of over 1,024 bytes");
    if (p[0] == '/')
        return err_set(e, ERR_MALFORMED, "an absolute path");
    for (size_t i = 0; i <= len; i++) {
        const char *why;

        if (i != len && p[i] != '/')
            continue;
        why = component_fault(p + start, i - start);
        if (why != NULL)
            return err_set(e, ERR_MALFORMED, "%s", why);
        if (++depth > PATH_DEPTH_MAX)
            return err_set(e, ERR_MALFORMED, "over 64 components");
        start = i + 1;
    }
    return is_ascii(p, len) ? 0 : check_nfc(p, len, e);
}

/* ---- warnings
 * -------------------------------------------------------------------------- */

static bool is_device(const char *p, size_t len)
{
    static const char *const names[] = {"con", "prn", "aux", "nul"};
    char stem[5] = "";
    size_t n = 0;

    while (n < len && p[n] != '.')
        n++;
    if (n < 3 || n > 4)
        return false;
    for (size_t i = 0; i < n; i++)
        stem[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
    for (size_t i = 0; i < 4; i++)
        if (strcmp(stem, names[i]) == 0)
            return true;
    return n == 4 &&
           (strncmp(stem, "com", 3) == 0 || strncmp(stem, "lpt", 3) == 0) &&
           stem[3] >= '1' && stem[3] <= '9';
}

static unsigned component_warnings(const char *p, size_t len)
{
    const uint8_t *at = (const uint8_t *)p;
    const uint8_t *end = at + len;
    unsigned bits = 0;
    uint32_t cp;

    for (size_t n; at < end && (n = text_utf8_next(at, end, &cp)) != 0;
         at += n) {
        if (cp < 0x80 && strchr(":*?\"<>|", (int)cp) != NULL)
            bits |= PATH_WARN_CHARACTER;
        if ((cp >= 0x200c && cp <= 0x200f) || cp == 0x61c)
            bits |= PATH_WARN_INVISIBLE;
    }
    if (p[0] == '-' || p[0] == '~')
        bits |= PATH_WARN_LEADING;
    if (p[len - 1] == '.' || p[len - 1] == ' ')
        bits |= PATH_WARN_TRAILING;
    if (is_device(p, len))
        bits |= PATH_WARN_DEVICE;
    return bits;
}

unsigned path_warnings(const char *p, size_t len)
{
    unsigned bits = 0;
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i != len && p[i] != '/')
            continue;
        if (i > start)
            bits |= component_warnings(p + start, i - start);
        start = i + 1;
    }
    return bits;
}

const char *path_warning_text(enum path_warning w)
{
    switch (w) {
    case PATH_WARN_CHARACTER:
        return "holds one of : * ? \" < > |, which Windows does not take";
    case PATH_WARN_LEADING:
        return "starts with - or ~, which commands misread";
    case PATH_WARN_TRAILING:
        return "ends in a dot or space, which Windows drops";
    case PATH_WARN_DEVICE:
        return "is a device name on Windows";
    case PATH_WARN_INVISIBLE:
        return "holds an invisible character";
    }
    return "";
}

/* ---- many paths
 * ---------------------------------------------------------------------------
 */

int path_compare(const char *a, const char *b)
{
    return strcmp(a, b);
}

/* Length of the folder part that @a and @b share, up to a '/'. */
static size_t shared_folders(const char *a, const char *b)
{
    size_t last = 0;

    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '/')
            last = i + 1;
    return last;
}

static size_t count_folders(const char *p)
{
    size_t n = 0;

    for (; *p != '\0'; p++)
        n += *p == '/';
    return n;
}

/* Is some prefix of @path that ends at a '/' itself one of the paths? They are
 * sorted by bytes, where 'a.b' stands between 'a' and 'a/b': search for it. */
static bool prefix_is_listed(const char *const *paths, size_t count,
                             const char *path, size_t from)
{
    for (size_t i = from; path[i] != '\0'; i++) {
        size_t lo = 0;
        size_t hi = count;

        if (path[i] != '/')
            continue;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            int order = strncmp(paths[mid], path, i);

            if (order == 0 && paths[mid][i] == '\0')
                return true;
            if (order < 0)
                lo = mid + 1;
            else
                hi = mid;
        }
    }
    return false;
}

int path_list_check(const char *const *paths, const bool *is_dir, size_t count,
                    size_t max_names, struct err *e)
{
    size_t names = count;

    (void)is_dir; /* an empty folder that holds something is not empty: the
                     same fault as a file where a folder is */
    for (size_t i = 0; i < count; i++) {
        size_t shared = i != 0 ? shared_folders(paths[i - 1], paths[i]) : 0;

        if (i != 0 && strcmp(paths[i - 1], paths[i]) >= 0)
            return err_set(e, ERR_MALFORMED,
                           "paths are unsorted or repeated at '%s'", paths[i]);
        names += count_folders(paths[i] + shared);
        if (names > max_names)
            return err_set(e, ERR_LIMIT, "over %zu names", max_names);
        if (prefix_is_listed(paths, count, paths[i], shared))
            return err_set(e, ERR_MALFORMED, "a file where '%s' has a folder",
                           paths[i]);
    }
    return 0;
}
