#include "storage/infer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/base/text.h"
#include "storage/disk.h"
#include "storage/file_io.h"
#include "storage/path_rules.h"

#define TITLE_CP 200
#define HEAD_BYTES 4096

/* ---- the title
 * ---------------------------------------------------------------------- */

/* @text as a title: control characters out, at most 200 code points. */
static char *clean(const char *text, size_t len)
{
    struct buf out = BUF_INIT;
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = p + len;
    size_t count = 0;
    uint32_t cp;

    while (p < end && count < TITLE_CP) {
        size_t n = text_utf8_next(p, end, &cp);

        if (n == 0) {
            p++;
            continue;
        }
        if (!text_is_control(cp)) {
            (void)buf_append(&out, p, n);
            count++;
        }
        p += n;
    }
    while (out.len != 0 && out.base[out.len - 1] == ' ')
        out.len--;
    if (out.len == 0 || buf_cstr(&out) == NULL) {
        buf_deinit(&out);
        return NULL;
    }
    return (char *)out.base;
}

static size_t read_head(const struct walk *w, const char *path, char *out,
                        size_t cap)
{
    int fd = disk_openat(w->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    ssize_t n = fd >= 0 ? file_io_read_head(fd, out, cap) : -1;

    if (fd >= 0)
        (void)disk_close(fd);
    return n > 0 ? (size_t)n : 0;
}

static char *first_heading(const struct walk *w, const char *path)
{
    char text[HEAD_BYTES];
    size_t n = read_head(w, path, text, sizeof text);
    size_t start = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i != n && text[i] != '\n')
            continue;
        if (i - start > 2 && text[start] == '#') {
            while (start < i && (text[start] == '#' || text[start] == ' '))
                start++;
            return clean(text + start, i - start);
        }
        start = i + 1;
    }
    return NULL;
}

static bool is_readme(const char *name)
{
    return strcasecmp(name, "README.md") == 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t k = strlen(suffix);

    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

static char *folder_name(const char *dir)
{
    char *full = disk_realpath(dir);
    const char *slash = full != NULL ? strrchr(full, '/') : NULL;
    char *out = NULL;

    if (slash != NULL && slash[1] != '\0')
        out = clean(slash + 1, strlen(slash + 1));
    free(full);
    return out != NULL ? out : strdup("Course");
}

static char *infer_title(const char *dir, const struct walk *w)
{
    char *title = NULL;

    for (size_t i = 0; i < w->count && title == NULL; i++)
        if (is_readme(w->files[i].name) ||
            (w->count == 1 && has_suffix(w->files[i].name, ".md")))
            title = first_heading(w, w->files[i].path);
    return title != NULL ? title : folder_name(dir);
}

static int load_yaml(const struct walk *w, struct course_info *out,
                     struct err *e)
{
    static const char *const names[] = {"course.yaml", "course.yml"};
    uint8_t *text;
    ssize_t n = -1;
    int fd = -1;
    int rc;

    for (size_t i = 0; i < 2 && fd < 0; i++)
        fd = disk_openat(w->fd, names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return 0;
    text = malloc(COURSE_YAML_MAX + 1);
    if (text != NULL)
        n = file_io_read_head(fd, text, COURSE_YAML_MAX + 1);
    (void)disk_close(fd);
    if (text == NULL)
        return err_set(e, ERR_NOMEM, "course.yaml");
    rc = n < 0 ? err_set(e, ERR_IO, "read course.yaml")
               : course_yaml_parse(text, (size_t)n, out, e);
    free(text);
    return rc;
}

int infer_info(const char *dir, const struct walk *w, struct course_info *out,
               struct err *e)
{
    struct course_info info = {0};
    struct stat st;
    int rc = 0;

    if (disk_stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
        rc = load_yaml(w, &info, e);
    if (rc != 0)
        return rc;
    if (info.title == NULL)
        info.title = infer_title(dir, w);
    if (info.title == NULL) {
        course_info_deinit(&info);
        return err_set(e, ERR_NOMEM, "title");
    }
    *out = info;
    return 0;
}

/* ---- lessons
 * ----------------------------------------------------------------------------
 */

static enum lesson_kind kind_of(const char *path)
{
    static const struct {
        const char *suffix;
        enum lesson_kind kind;
    } kinds[] = {
        {".md", LESSON_PAGE},       {".html", LESSON_PAGE},
        {".htm", LESSON_PAGE},      {".xhtml", LESSON_PAGE},
        {".txt", LESSON_PAGE},      {".rst", LESSON_PAGE},
        {".mp4", LESSON_VIDEO},     {".mkv", LESSON_VIDEO},
        {".webm", LESSON_VIDEO},    {".mov", LESSON_VIDEO},
        {".mp3", LESSON_AUDIO},     {".ogg", LESSON_AUDIO},
        {".opus", LESSON_AUDIO},    {".flac", LESSON_AUDIO},
        {".m4a", LESSON_AUDIO},     {".pdf", LESSON_DOCUMENT},
        {".epub", LESSON_DOCUMENT}, {".odt", LESSON_DOCUMENT},
        {".odp", LESSON_DOCUMENT},  {".c", LESSON_CODE},
        {".h", LESSON_CODE},        {".py", LESSON_CODE},
        {".js", LESSON_CODE},       {".rs", LESSON_CODE},
        {".go", LESSON_CODE},       {".java", LESSON_CODE},
        {".sh", LESSON_CODE},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (has_suffix(path, kinds[i].suffix))
            return kinds[i].kind;
    return LESSON_OTHER;
}

static bool is_lesson(const char *path)
{
    enum lesson_kind k = kind_of(path);

    return k != LESSON_CODE && k != LESSON_OTHER;
}

static char *keep(char ***list, size_t *count, char *text)
{
    char **grown;

    if (text == NULL)
        return NULL;
    if ((*count & (*count - 1)) == 0) { /* at powers of two */
        grown = realloc(*list, (*count ? 2 * *count : 1) * sizeof *grown);
        if (grown == NULL) {
            free(text);
            return NULL;
        }
        *list = grown;
    }
    (*list)[(*count)++] = text;
    return text;
}

/* "02-first_steps.md" -> "02 first steps" */
static char *title_of(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *dot;
    char *out;

    name = name != NULL ? name + 1 : path;
    dot = strrchr(name, '.');
    out = strndup(name, dot != NULL && dot != name ? (size_t)(dot - name)
                                                   : strlen(name));
    for (char *p = out; p != NULL && *p != '\0'; p++)
        if (*p == '_' || *p == '-')
            *p = ' ';
    return out;
}

/* Numbers in names count as numbers: 2 before 10. */
static int natural(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
            char *ea;
            char *eb;
            unsigned long long x = strtoull(a, &ea, 10);
            unsigned long long y = strtoull(b, &eb, 10);

            if (x != y)
                return x < y ? -1 : 1;
            a = ea;
            b = eb;
            continue;
        }
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a++;
        b++;
    }
    return (*a != '\0') - (*b != '\0');
}

static size_t module_len(const char *path)
{
    const char *slash = strchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) : 0;
}

static int by_lesson(const void *a, const void *b)
{
    const char *x = *(const char *const *)a;
    const char *y = *(const char *const *)b;
    bool in_x = module_len(x) != 0;
    bool in_y = module_len(y) != 0;

    if (in_x != in_y)
        return in_x ? 1 : -1; /* the top's own files first */
    return natural(x, y);
}

static int add_lesson(struct manifest *m, size_t *cap, const char *title,
                      const char *path, bool preview, uint32_t duration_s)
{
    if (title == NULL)
        return ERR_NOMEM;
    if (m->lesson_count == *cap) {
        size_t want = *cap ? 2 * *cap : 64;
        void *grown = realloc(m->lessons, want * sizeof *m->lessons);

        if (grown == NULL)
            return ERR_NOMEM;
        m->lessons = grown;
        *cap = want;
    }
    m->lessons[m->lesson_count++] =
        (struct manifest_lesson){.title = title,
                                 .path = path,
                                 .kind = kind_of(path),
                                 .duration_s = duration_s,
                                 .flags = preview ? LESSON_FLAG_PREVIEW : 0,
                                 .module = m->module_count - 1};
    return 0;
}

static int add_module(struct manifest *m, const char *title)
{
    void *grown;

    if (title == NULL)
        return ERR_NOMEM;
    grown = realloc(m->modules, (m->module_count + 1) * sizeof *m->modules);
    if (grown == NULL)
        return ERR_NOMEM;
    m->modules = grown;
    m->modules[m->module_count++].title = title;
    return 0;
}

static int stated(const struct course_info *info, struct manifest *m,
                  char ***kept, size_t *kept_count, struct err *e)
{
    size_t cap = 0;
    int rc = 0;

    for (size_t i = 0; i < info->module_count && rc == 0; i++) {
        const struct course_module *mod = &info->modules[i];

        rc = add_module(m, mod->title);
        for (size_t k = 0; k < mod->lesson_count && rc == 0; k++) {
            const struct course_lesson *l = &mod->lessons[k];
            int64_t file = manifest_find(m, l->path);

            if (file < 0) {
                rc = err_set(e, ERR_INVALID,
                             "course.yaml: lesson '%s' is no file of the"
                             " course",
                             l->path);
                break;
            }
            rc = add_lesson(m, &cap,
                            l->title != NULL
                                ? l->title
                                : keep(kept, kept_count, title_of(l->path)),
                            m->files[file].path, l->preview, l->duration_s);
        }
    }
    return rc == ERR_NOMEM ? err_set(e, rc, "lessons") : rc;
}

static int inferred(const struct course_info *info, const struct walk *w,
                    struct manifest *m, char ***kept, size_t *kept_count)
{
    const char **paths = calloc(w->count + 1, sizeof *paths);
    const char *module = NULL;
    size_t module_n = 0;
    size_t cap = 0;
    size_t n = 0;
    int rc = paths != NULL ? 0 : ERR_NOMEM;

    for (size_t i = 0; i < w->count && rc == 0; i++)
        if (is_lesson(w->files[i].name))
            paths[n++] = m->files[i].path;
    if (n != 0)
        qsort(paths, n, sizeof *paths, by_lesson);
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t len = module_len(paths[i]);

        if (module == NULL || len != module_n ||
            strncmp(module, paths[i], len) != 0) {
            module = paths[i];
            module_n = len;
            rc = add_module(
                m, len == 0 ? info->title
                            : keep(kept, kept_count, strndup(paths[i], len)));
        }
        if (rc == 0)
            rc = add_lesson(m, &cap, keep(kept, kept_count, title_of(paths[i])),
                            paths[i], false, 0);
    }
    free(paths);
    return rc;
}

int infer_lessons(const struct course_info *info, const struct walk *w,
                  struct manifest *m, char ***kept, size_t *kept_count,
                  struct err *e)
{
    int rc;

    if (info->module_count != 0)
        return stated(info, m, kept, kept_count, e);
    rc = inferred(info, w, m, kept, kept_count);
    return rc == 0 ? 0 : err_set(e, rc, "lessons");
}
