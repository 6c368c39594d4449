/* journal: a small append-only text file of what nothing else holds, one line a
 * fact: `VERB<TAB>KEY<TAB>VALUE...`, key and values percent-encoded, the last
 * line about a (verb, key) wins; `-VERB<TAB>KEY` ends it. A torn last line is
 * cut at open, a line that is not understood is passed over. Lines are
 * fdatasync'ed before journal_set returns. Two files use it:
 *   roots    which folder is which course: published, in place, fetched into
 *   choices  pins, names, blocks, addresses that worked
 * Compacted at open when more than half of its lines are superseded (tmp file,
 * fsync, rename). Thread-safe. */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/base/err.h"

struct journal;

/** journal_open - the file @name in folder @home, made when missing (0600). */
int journal_open(const char *home, const char *name, struct journal **out,
                 struct err *e);
void journal_close(struct journal *j);

/**
 * journal_set - state a fact.
 * @verb: lower-case word. @key: any text. @values: @count texts, at most 6.
 * The newest line of (verb, key) is the one that counts.
 * Return: 0; ERR_INVALID; ERR_LIMIT (a line over 32 KiB); ERR_NO_SPACE, ERR_IO:
 * what held before still does.
 */
int journal_set(struct journal *j, const char *verb, const char *key,
                const char *const *values, size_t count, struct err *e);

/** journal_unset - (verb, key) does not hold any more. Fine if it never did. */
int journal_unset(struct journal *j, const char *verb, const char *key,
                  struct err *e);

/** journal_prune - forget the facts of @verb for which @over says yes: all of
 *  them at once, in one new file. Return: 0; ERR_IO, ERR_NO_SPACE: they are
 *  forgotten here, and will be again after the next open. */
int journal_prune(struct journal *j, const char *verb,
                  bool (*over)(void *user, const char *const *values,
                               size_t count),
                  void *user, struct err *e);

/** journal_each - call @fn for each fact of @verb, in key order. @fn must not
 *  call the journal. Strings are borrowed for the call. */
void journal_each(struct journal *j, const char *verb,
                  void (*fn)(void *user, const char *key,
                             const char *const *values, size_t count),
                  void *user);

/** journal_get - value number @index of (verb, key) into @out (@cap bytes with
 *  NUL). Return: 0 or ERR_NOT_FOUND; ERR_LIMIT if it does not fit. */
int journal_get(struct journal *j, const char *verb, const char *key,
                size_t index, char *out, size_t cap);

#endif
