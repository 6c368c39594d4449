/* infer: what a course is when its author does not say: the title from the
 * first heading or the folder's name, modules from folders, lessons from files
 * in the order a person would count them. */
#ifndef STORAGE_INFER_H
#define STORAGE_INFER_H

#include "crypto/base/err.h"
#include "storage/course_yaml.h"
#include "storage/manifest.h"
#include "storage/walk.h"

/** infer_info - read course.yaml, then fill in the title if it is missing. */
int infer_info(const char *dir, const struct walk *w, struct course_info *out,
               struct err *e);

/**
 * infer_lessons - modules and lessons of @info or, if it has none, of the
 * files, into @m (whose files are set). Texts are borrowed from @info, @w and
 * @keep. ERR_INVALID: a lesson names a file that is not there.
 */
int infer_lessons(const struct course_info *info, const struct walk *w,
                  struct manifest *m, char ***keep, size_t *keep_count,
                  struct err *e);

#endif
