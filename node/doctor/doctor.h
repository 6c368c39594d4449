/* doctor: what may be wrong with the place that a node lives in. Looks and
 * changes nothing, with or without a home, with or without a node that runs.
 * Each check says what it saw and, when that is not well, what mends it. */
#ifndef NODE_DOCTOR_DOCTOR_H
#define NODE_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/err.h"

#define DOCTOR_FINDINGS_MAX 24

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_WARNING, /* it works, but not as well as it could, or not for long */
    DOCTOR_PROBLEM, /* something does not work */
};

struct finding {
    const char *id; /* "home", "port" */
    enum doctor_state state;
    struct err said; /* text: what was seen; hint: what mends it */
};

struct doctor {
    /* given */
    const char *home;
    bool held;             /* somebody has the home open */
    bool answers;          /* and it is a node that answers */
    const char *listening; /* where that accepts peers; NULL: nowhere */
    const char *listen;    /* where a node would */
    bool offline;          /* nothing is to be sent */
    uint64_t now_ms;       /* wall clock */
    /* found */
    bool exists;        /* the home */
    uint64_t newest_ms; /* the latest record in it; 0: not known */
    struct finding list[DOCTOR_FINDINGS_MAX];
    size_t count;
};

/** doctor_look - all checks; a few seconds at most. */
void doctor_look(struct doctor *d);

/** doctor_note - one more finding, to be put into words: err_set, err_hint. */
struct err *doctor_note(struct doctor *d, const char *id,
                        enum doctor_state state);

/* The checks, by where they look. */
void doctor_home(struct doctor *d);  /* doctor_home.c */
void doctor_disk(struct doctor *d);  /* doctor_disk.c */
void doctor_clock(struct doctor *d); /* doctor_clock.c */
void doctor_port(struct doctor *d);  /* doctor_port.c */
void doctor_reach(struct doctor *d); /* doctor_reach.c: LAN and far away */

#endif
