/* ignore: which files of a folder are no part of a course: what editors and
 * version control leave behind, and what `.lyceumignore` names (the patterns of
 * a .gitignore). Also: what looks like a secret. Pure. */
#ifndef STORAGE_IGNORE_H
#define STORAGE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct ignore;

/** ignore_new - with the built-in patterns. NULL when out of memory. */
struct ignore *ignore_new(void);
void ignore_free(struct ignore *ig);

/** ignore_add - the lines of an ignore file that lies in folder @base
 * (relative,
 *  "" = the top). Later lines win. 0 or ERR_NOMEM. */
int ignore_add(struct ignore *ig, const char *text, size_t len,
               const char *base);

/** ignore_match - is @path (relative, no leading slash) left out? Ask for a
 *  folder before what is in it: nothing below an ignored folder comes back. */
bool ignore_match(const struct ignore *ig, const char *path, bool is_dir);

/** ignore_secret - does the last component look like a key or password file? */
bool ignore_secret(const char *path);

#endif
