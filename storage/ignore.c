#include "storage/ignore.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/err.h"

struct pattern {
    char *text; /* without '!', leading and trailing '/' */
    char *base;
    bool negated;
    bool dir_only;
    bool anchored; /* holds a '/': matched against the whole path */
};

struct ignore {
    struct pattern *list;
    size_t count, cap;
};

static const char builtin[] =
    ".git\n.svn\n.hg\n.bzr\nCVS\n.DS_Store\n._*\nThumbs.db\ndesktop.ini\n"
    "__MACOSX\n*~\n.*.swp\n.*.swo\n.#*\n#*#\n.lyceum-*\n";

struct ignore *ignore_new(void)
{
    struct ignore *ig = calloc(1, sizeof *ig);

    if (ig != NULL && ignore_add(ig, builtin, sizeof builtin - 1, "") != 0) {
        ignore_free(ig);
        return NULL;
    }
    return ig;
}

void ignore_free(struct ignore *ig)
{
    if (ig == NULL)
        return;
    for (size_t i = 0; i < ig->count; i++) {
        free(ig->list[i].text);
        free(ig->list[i].base);
    }
    free(ig->list);
    free(ig);
}

static int add_line(struct ignore *ig, const char *p, size_t n,
                    const char *base)
{
    struct pattern pat = {0};

    while (n != 0 && (p[n - 1] == ' ' || p[n - 1] == '\r'))
        n--;
    if (n == 0 || p[0] == '#') {
        if (n < 2 || p[n - 1] != '#') /* "#*#" is a pattern of ours */
            return 0;
    }
    if (p[0] == '!') {
        pat.negated = true;
        p++;
        n--;
    }
    if (n != 0 && p[n - 1] == '/') {
        pat.dir_only = true;
        n--;
    }
    if (n == 0)
        return 0;
    pat.anchored = memchr(p, '/', n) != NULL;
    if (p[0] == '/') {
        p++;
        n--;
    }
    if (ig->count == ig->cap) {
        size_t cap = ig->cap ? 2 * ig->cap : 32;
        struct pattern *grown = realloc(ig->list, cap * sizeof *grown);

        if (grown == NULL)
            return ERR_NOMEM;
        ig->list = grown;
        ig->cap = cap;
    }
    pat.text = strndup(p, n);
    pat.base = strdup(base);
    if (pat.text == NULL || pat.base == NULL) {
        free(pat.text);
        free(pat.base);
        return ERR_NOMEM;
    }
    ig->list[ig->count++] = pat;
    return 0;
}

int ignore_add(struct ignore *ig, const char *text, size_t len,
               const char *base)
{
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i != len && text[i] != '\n')
            continue;
        if (add_line(ig, text + start, i - start, base) != 0)
            return ERR_NOMEM;
        start = i + 1;
    }
    return 0;
}

/* fnmatch, after the two looks that decide nearly every case: a file meets some
 * forty patterns. */
static bool match_name(const char *pattern, const char *name)
{
    static const char wild[] = "*?[\\";

    if (strchr(wild, pattern[0]) == NULL && pattern[0] != name[0])
        return false;
    if (pattern[0] == '*' && strpbrk(pattern + 1, wild) == NULL) {
        size_t tail = strlen(pattern + 1);
        size_t n = strlen(name);

        return n >= tail && strcmp(name + n - tail, pattern + 1) == 0;
    }
    return fnmatch(pattern, name, 0) == 0;
}

/* "**" crosses folders, which fnmatch cannot say: try each way to split. */
static bool match_path(const char *pattern, const char *path)
{
    const char *stars = strstr(pattern, "**/");
    char head[1024];
    size_t n;

    if (stars == NULL) {
        n = strlen(pattern);
        if (n >= 3 && strcmp(pattern + n - 3, "/**") == 0 && n < sizeof head) {
            memcpy(head, pattern, n - 3);
            head[n - 3] = '\0';
            return strncmp(path, head, n - 3) == 0 && path[n - 3] == '/';
        }
        return fnmatch(pattern, path, FNM_PATHNAME) == 0;
    }
    n = (size_t)(stars - pattern);
    if (n >= sizeof head || strncmp(pattern, path, n) != 0)
        return false;
    for (const char *at = path + n; at != NULL;) {
        if (match_path(stars + 3, at))
            return true;
        at = strchr(at, '/');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool matches(const struct pattern *p, const char *path, const char *name,
                    bool is_dir)
{
    size_t n = strlen(p->base);

    if (p->dir_only && !is_dir)
        return false;
    if (n != 0 && (strncmp(path, p->base, n) != 0 || path[n] != '/'))
        return false;
    if (!p->anchored)
        return match_name(p->text, name);
    return match_path(p->text, n != 0 ? path + n + 1 : path);
}

bool ignore_match(const struct ignore *ig, const char *path, bool is_dir)
{
    const char *name = last_part(path);
    bool out = false;

    for (size_t i = 0; i < ig->count; i++)
        if (ig->list[i].negated == out &&
            matches(&ig->list[i], path, name, is_dir))
            out = !out;
    return out;
}

bool ignore_secret(const char *path)
{
    static const char *const patterns[] = {
        ".env",
        ".env.*",
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".htpasswd",
        "credentials",
        ".git-credentials",
        "*.kdbx",
        "identity.key",
    };
    const char *name = last_part(path);

    if (strcmp(name, ".env.example") == 0 || strcmp(name, ".env.sample") == 0)
        return false;
    if (strncmp(name, "id_", 3) == 0 && strchr(name, '.') == NULL)
        return true; /* id_ed25519; its .pub is none, id_cards.md neither */
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (match_name(patterns[i], name))
            return true;
    return false;
}
