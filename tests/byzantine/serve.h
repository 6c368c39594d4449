/* serve: how a byzantine peer answers those who believe that it has a course.
 * The counterparts of the simulator's garbage, liar, shifter, staller and fleet
 * over real ZeroMQ; it holds nothing, and so can serve nothing that is right.
 */
#ifndef TESTS_BYZANTINE_SERVE_H
#define TESTS_BYZANTINE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/ids.h"
#include "node/core/rng.h"

enum serve_how {
    SERVE_GARBAGE, /* chunks of noise */
    SERVE_LIAR,    /* claims everything, refuses each chunk */
    SERVE_SHIFTER, /* claims something else each time, keeps half of it */
    SERVE_STALLER, /* claims everything, and answers nothing */
    SERVE_FLEET    /* one bad chunk, and back under another key */
};

struct serve {
    enum serve_how how;
    struct rng *rng;
    struct course_id course;
    struct record_id edition;
    struct buf records; /* the frame that told it of the course */
    uint64_t wanted;    /* chunks that were asked of it */
    void (*say)(void *user, const uint8_t *bytes, size_t len);
    void *user;
};

/** serve_ask - for the course, so as to be told of it. */
void serve_ask(struct serve *s);

/** serve_hear - answer one message of @len bytes; what is none is left alone.
 *  Return: true when it is time to be somebody else. */
bool serve_hear(struct serve *s, const uint8_t *bytes, size_t len);

#endif
