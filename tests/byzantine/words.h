/* words: what a byzantine peer says. Half of it is a message of any type that
 * is well formed and wrong (of a real edition, or of one that nobody has), half
 * of it such a message with something done to its bytes. A seed decides it all.
 */
#ifndef TESTS_BYZANTINE_WORDS_H
#define TESTS_BYZANTINE_WORDS_H

#include "crypto/base/buf.h"
#include "crypto/base/ids.h"
#include "node/core/rng.h"

#define WORDS_SLOTS_MAX 600u /* more than the courses of the tests have */

struct words {
    struct rng rng;
    struct course_id course; /* real ones */
    struct record_id edition;
};

/** words_hello - the message that lets the others be heard. */
void words_hello(struct buf *out);

/** words_valid - any message, well formed; replaces what @out holds. */
void words_valid(struct words *w, struct buf *out);

/** words_mutate - change the message in @out: a bit, its length, its type, its
 *  tail, or all of it. May leave it empty, or larger than any may be. */
void words_mutate(struct words *w, struct buf *out);

#endif
