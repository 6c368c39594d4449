/* lyc_file: where the bytes of a course file go to and come from: a plain file,
 * which is there whole or not at all, or a stream that somebody else reads or
 * fills. Knows nothing of what the bytes mean. */
#ifndef STORAGE_LYC_FILE_H
#define STORAGE_LYC_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/err.h"

struct lyc_out;

struct lyc_out_options {
    const char *path; /* absolute */
    bool stream;      /* append to what is open there; else a new file */
    bool replace;     /* a plain file of that name goes */
    bool secret;      /* 0600, and no file of somebody else's is taken over */
    const _Atomic bool *stop; /* ends with ERR_INTERRUPTED soon after it is set;
                                 NULL: never. Outlives the file */
};

/**
 * lyc_out_open - a file is made under a temporary name, PATH.lyceum-tmp, which
 * one of a killed run is taken over.
 * Return: 0; ERR_CONFLICT: there is something of that name, or somebody is
 * writing it; ERR_NOT_FOUND: no such folder; ERR_NO_SPACE; ERR_IO.
 */
int lyc_out_open(const struct lyc_out_options *opt, struct lyc_out **out,
                 struct err *e);

/** lyc_out_room - is there room for @bytes? 0 or ERR_NO_SPACE. Streams are not
 *  asked. */
int lyc_out_room(const struct lyc_out *o, uint64_t bytes, struct err *e);

/** lyc_out_write - a lyc_write_fn. ERR_NO_SPACE, ERR_IO, ERR_INTERRUPTED. */
int lyc_out_write(void *out, const struct span *parts, size_t count,
                  struct err *e);

/** lyc_out_finish - durable and under its name when this returns 0. */
int lyc_out_finish(struct lyc_out *o, struct err *e);

/** lyc_out_close - what was not finished is removed. NULL is fine. */
void lyc_out_close(struct lyc_out *o);

struct lyc_in;

/** lyc_in_open - a plain file, or what is open at @path (a pipe). @stop: as
 *  above. ERR_NOT_FOUND; ERR_INVALID: a folder; ERR_IO. */
int lyc_in_open(const char *path, const _Atomic bool *stop, struct lyc_in **out,
                struct err *e);

/** lyc_in_read - a lyc_read_fn. */
int lyc_in_read(void *in, uint8_t *p, size_t cap, size_t *out_n, struct err *e);

void lyc_in_close(struct lyc_in *i);

#endif
