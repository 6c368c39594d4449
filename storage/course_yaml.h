/* course_yaml: what an author says about a course, from course.yaml or, where
 * there is none, inferred from the folder. Pure for the parser: bytes in,
 * struct out. Schema: docs/course.yaml.md. Unknown keys are errors. */
#ifndef STORAGE_COURSE_YAML_H
#define STORAGE_COURSE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"

#define COURSE_LIST_MAX 32
#define COURSE_YAML_MAX (256u * 1024u)

struct course_lesson {
    char *title;
    char *path; /* relative to the folder, as written */
    bool preview;
    uint32_t duration_s;
};

struct course_module {
    char *title;
    struct course_lesson *lessons;
    size_t lesson_count;
};

struct course_info { /* every text owned, NULL when absent */
    char *id;        /* `id:`, a name for the folder that outlives a move */
    char *title;
    char *summary;
    char *language;
    char *level;
    char *licence;
    char *tags[COURSE_LIST_MAX];
    size_t tag_count;
    char *teaches[COURSE_LIST_MAX];
    size_t teach_count;
    char *requires_[COURSE_LIST_MAX];
    size_t require_count;
    char *change_note; /* `change:` */
    struct course_module *modules;
    size_t module_count;
};

/**
 * course_yaml_parse - @yaml of at most COURSE_YAML_MAX bytes. No aliases, tags
 * or several documents; depth at most 8.
 * Return: 0; ERR_INVALID with "course.yaml:LINE: ..." in @e; ERR_NOMEM.
 */
int course_yaml_parse(const uint8_t *yaml, size_t len, struct course_info *out,
                      struct err *e);

void course_info_deinit(struct course_info *c);

#endif
