/* seq_file: HOME/seq, the second copy of how far an author's own chains have
 * come: one line "AUTHOR_HEX COURSE_HEX SEQ" a chain. A lost or restored index
 * cannot make an author contradict himself while this file stands. */
#ifndef STORAGE_SEQ_FILE_H
#define STORAGE_SEQ_FILE_H

#include <stdbool.h>

#include "crypto/base/err.h"
#include "crypto/base/ids.h"

/** seq_file_read - the highest seq noted; 0 when none. */
int seq_file_read(const char *home, const struct author_id *author,
                  const struct course_id *course, uint64_t *out_seq,
                  struct err *e);

/** seq_file_write - note @seq, durably, whatever stood there. */
int seq_file_write(const char *home, const struct author_id *author,
                   const struct course_id *course, uint64_t seq, struct err *e);

#define SEQ_FILE_DOUBT_CHARS 17 /* with NUL */

/** seq_file_doubt - the numbers of this home may be old ones: it was restored,
 * or its identity came from elsewhere. Stays so; durable (HOME/seq.old). */
int seq_file_doubt(const char *home, struct err *e);
/** seq_file_doubtful - has that been said? */
bool seq_file_doubtful(const char *home);
/** seq_file_doubt_name - random and another one each time that it is said; ""
 *  while it is not. */
void seq_file_doubt_name(const char *home, char out[SEQ_FILE_DOUBT_CHARS]);

#endif
