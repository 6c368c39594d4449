/* target_internal: shared by target.c (a folder that is filled), target_look.c
 * (what is there before), target_write.c (as chunks come), target_patch.c
 * (large files of which most stays) and target_finish.c and target_replace.c
 * (the end). */
#ifndef STORAGE_TARGET_INTERNAL_H
#define STORAGE_TARGET_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "storage/target.h"

#define TARGET_PATH_MAX 8300

enum file_state {
    FILE_PENDING, /* to be made, as soon as its bytes are here */
    FILE_LATER,   /* small; something may stand there: looked at in the end */
    FILE_PARTIAL, /* media: being written in the home */
    FILE_DONE,
};

struct target_file {
    enum file_state state;
    uint32_t store_file; /* media: number of the partial in the store */
    int fd;              /* media: the partial; -1 */
    uint32_t old;   /* media: the file at its place, of which most stays; 0 */
    bool taken;     /* media: the partial is that file, taken from its place */
    uint32_t aside; /* then: the partial that holds what goes into it; 0 */
    uint32_t missing; /* text: slots that have not come yet */
    bool lacks;       /* in the end: a chunk is not held */
};

struct kept {
    char *path;
    char *beside; /* or NULL */
};

struct target {
    struct store *s;
    const struct manifest *m;
    const struct manifest *before[TARGET_BEFORE_MAX];
    size_t before_count;
    uint64_t seq;
    bool keeps, known, unfinished;
    char *dir;      /* absolute, without links */
    char *partial;  /* HOME/partial/EDITION */
    int partial_fd; /* keeps gc away from it */
    int root;       /* of dir */
    bool was_empty; /* there was nothing in it */
    bool resumed;   /* an earlier run of ours has written this edition there */
    mode_t umask_;
    struct target_file *files;
    uint32_t *by_offset; /* text files in the order of their stream */
    uint32_t text_count;
    uint32_t text_stream;     /* UINT32_MAX = none */
    uint32_t *media_file;     /* per stream: its file, UINT32_MAX = text */
    uint8_t *came;            /* text slots: bits, from the stream's first */
    const _Atomic bool *stop; /* NULL: nobody can */
    pthread_mutex_t mutex;
    uint64_t files_done, bytes_done;
    struct kept *kept;
    size_t kept_count;
};

/* What stands at the place of a file. */
enum standing {
    STANDS_NOTHING,
    STANDS_SAME,    /* what belongs there */
    STANDS_BEFORE,  /* what an edition before has put there */
    STANDS_FOREIGN, /* somebody's */
};

/* target.c */
int target__conflict(const struct target *t, const char *path, struct err *e);
/** target__open_failed - in words, why @path could not be opened or made. */
int target__open_failed(const struct target *t, const char *path, int neg_errno,
                        struct err *e);
void target__count_done(struct target *t, uint32_t i);
mode_t target__mode(const struct target *t, uint32_t i);
/** target__is_media - a file with a stream of its own. */
bool target__is_media(const struct target *t, uint32_t i);
/** target__full_path - @path in the folder; @out: TARGET_PATH_MAX. */
void target__full_path(const struct target *t, const char *path, char *out);
/** target__partial_path - where a partial of file @i is made in the home. */
void target__partial_path(const struct target *t, uint32_t i, char *out,
                          size_t cap);
/** target__taken_path - where the file is while it is patched. */
void target__taken_path(const struct target *t, uint32_t i, char *out,
                        size_t cap);
/** target__path - of the partial that is open: one of these two. */
void target__path(const struct target *t, uint32_t i, char *out, size_t cap);
/** target__go_on - ERR_INTERRUPTED when it is to stop. */
int target__go_on(const struct target *t, struct err *e);

/* target_look.c */
int target__look(struct target *t, uint32_t i, struct err *e);
/** target__before_has - may one of the editions before have made @path? */
bool target__before_has(const struct target *t, const char *path);
/** target__same_as_before - has an edition before the same bytes at its path?
 *  Reads them both. */
bool target__same_as_before(const struct target *t, uint32_t i);
/** target__stands - Return: 0, or ERR_PARTIAL (what it should be is not held),
 *  ERR_REFUSED, ERR_IO. */
int target__stands(const struct target *t, const char *path, int64_t file,
                   enum standing *out, struct err *e);

/* target_write.c */
/** target__all_held - every chunk of file @i is. */
bool target__all_held(const struct target *t, uint32_t i);
/** target__write_new - a file from the store; ERR_PARTIAL, ERR_CONFLICT. */
int target__write_new(struct target *t, uint32_t i, struct err *e);

/** target__copy_out - file @i from the store into @fd. ERR_PARTIAL. */
int target__copy_out(struct target *t, uint32_t i, int fd, struct err *e);

/* target_patch.c */
/** target__plan_patch - sets `old` where media file @i is to be made by
 *  patching. */
void target__plan_patch(struct target *t, uint32_t i);
/** target__stays - is the chunk in @slot already where it belongs in `old`? */
bool target__stays(const struct target *t, uint32_t i, uint32_t slot);
/** target__take - `old` is the partial from now on, or it was not to be had:
 *  see `taken`. In the old partial must be all that does not stay. */
int target__take(struct target *t, uint32_t i, struct err *e);
/** target__find_taken - has a run that was killed taken it? Sets `taken` and
 *  `aside`. */
bool target__find_taken(struct target *t, uint32_t i);
/** target__drop_aside - the file is in place: nobody needs what was beside. */
int target__drop_aside(struct target *t, uint32_t i, struct err *e);

/* target_replace.c */
/** target__put - the partial of media file @i, or for others a new file from
 *  the store, at its place, whatever stands there. */
int target__put(struct target *t, uint32_t i, struct err *e);
/** target__put_back - a file that was taken, as it was. */
int target__put_back(struct target *t, uint32_t i, struct err *e);
/** target__remove_old - files that only editions before have. */
int target__remove_old(struct target *t, struct err *e);

#endif
