/* err: what went wrong, in words for a person and a code for a program.
 * Never allocates. Layers add what they were doing with err_wrap, so that the
 * text reads from the outside in: `get chunk '91bc': digest mismatch`. */
#ifndef CRYPTO_BASE_ERR_H
#define CRYPTO_BASE_ERR_H

#include <stddef.h>

/* X(NAME, value, words). Values are stable inside one process only. */
#define ERR_LIST(X)                                                            \
    X(FAILED, -1, "failed")                                                    \
    X(AGAIN, -2, "try again")                                                  \
    X(NOMEM, -3, "out of memory")                                              \
    X(INVALID, -4, "invalid argument")                                         \
    X(NOT_FOUND, -5, "not found")                                              \
    X(MALFORMED, -6, "malformed bytes")                                        \
    X(CORRUPT, -7, "verification failed")                                      \
    X(KEY_NEEDED, -8, "key needed")                                            \
    X(NETWORK, -9, "network failure")                                          \
    X(TIMEOUT, -10, "timed out")                                               \
    X(PARTIAL, -11, "partly done")                                             \
    X(NO_SPACE, -12, "no space")                                               \
    X(BUSY, -13, "in use")                                                     \
    X(CONFLICT, -14, "conflict")                                               \
    X(REFUSED, -15, "refused")                                                 \
    X(IO, -16, "input/output error")                                           \
    X(INTERRUPTED, -17, "interrupted")                                         \
    X(LIMIT, -18, "over a limit")                                              \
    X(AMBIGUOUS, -19, "ambiguous")

enum err_code {
#define X(name, value, words) ERR_##name = value,
    ERR_LIST(X)
#undef X
};

#define ERR_TEXT_MAX 640
#define ERR_HINT_MAX 256

struct err {
    int code;                /* an ERR_* or 0 */
    char text[ERR_TEXT_MAX]; /* cause, outermost layer first; no full stop */
    char hint[ERR_HINT_MAX]; /* what the user can do; "" when nobody said */
};

#define ERR_INIT                                                               \
    {                                                                          \
        0, "", ""                                                              \
    }

/**
 * err_set - record a failure and hand its code back.
 * @e:    may be NULL; what it held before is replaced, the hint too.
 * @code: an ERR_*.
 * @fmt:  printf format; lower case, no full stop, values in quotes.
 * Return: @code, so that `return err_set(...)` reads as one step.
 */
int err_set(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_errno - like err_set, with the words of @errnum at the end.
 * Return: ERR_NO_SPACE for ENOSPC and EDQUOT, ERR_NOMEM, ERR_NOT_FOUND,
 *         ERR_CONFLICT (EEXIST), else ERR_IO.
 */
int err_errno(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** err_wrap - put "fmt: " before the text that is there. @e may be NULL. */
void err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** err_hint - say what the user can do about it. @e may be NULL. */
void err_hint(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** err_words - the list's words for @code; "unknown error" for others. */
const char *err_words(int code);

#endif
