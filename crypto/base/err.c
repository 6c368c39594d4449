#include "crypto/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_text(struct err *e, const char *fmt, va_list ap)
{
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    e->hint[0] = '\0';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return code;
    va_start(ap, fmt);
    set_text(e, fmt, ap);
    va_end(ap);
    e->code = code;
    return code;
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ENOMEM:
        return ERR_NOMEM;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_CONFLICT;
    default:
        return ERR_IO;
    }
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    int code = code_of_errno(errnum);
    char room[128];
    size_t n;
    va_list ap;

    if (e == NULL)
        return code;
    va_start(ap, fmt);
    set_text(e, fmt, ap);
    va_end(ap);
    e->code = code;
    n = strlen(e->text);
    (void)snprintf(e->text + n, sizeof e->text - n, ": %s",
                   strerror_r(errnum, room, sizeof room)); /* GNU's */
    return code;
}

void err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    size_t n;
    va_list ap;

    if (e == NULL)
        return;
    memcpy(inner, e->text, sizeof inner);
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    (void)snprintf(e->text + n, sizeof e->text - n, ": %s", inner);
}

void err_hint(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(e->hint, sizeof e->hint, fmt, ap);
    va_end(ap);
}

const char *err_words(int code)
{
    switch (code) {
#define X(name, value, words)                                                  \
    case value:                                                                \
        return words;
        ERR_LIST(X)
#undef X
    default:
        return "unknown error";
    }
}
