/* in_place: folders whose large files are not copied: the chunks stay in the
 * author's own files. `roots` remembers them (verb `inplace`: folder -> course,
 * edition), since nothing else in the home does. Thread-safe. */
#ifndef NODE_DRIVER_IN_PLACE_H
#define NODE_DRIVER_IN_PLACE_H

#include "node/driver/node.h"

/** in_place_is - is the folder @dir (its real path) published in place? */
bool in_place_is(struct node *n, const char *dir);

/** in_place_keep - from now on it is (@yes), as @edition, or is not. */
int in_place_keep(struct node *n, const char *dir, bool yes,
                  const struct course_id *course,
                  const struct record_id *edition, struct err *e);

/** in_place_forget - all folders of @course. */
int in_place_forget(struct node *n, const struct course_id *course,
                    struct err *e);

/** in_place_course - does @course stay in any folder? *out_same: are all files
 *  in it that chunks were found in as they were then? May be NULL. */
bool in_place_course(struct node *n, const struct course_id *course,
                     bool *out_same);

/** in_place_away - does the chunk lie in a file of such a folder that is gone
 *  or was changed, and may come back? */
bool in_place_away(struct node *n, const struct chunk_id *id);

/** in_place_each - call @fn for each folder. */
void in_place_each(struct node *n,
                   void (*fn)(void *user, const char *dir,
                              const struct record_id *edition),
                   void *user);

#endif
