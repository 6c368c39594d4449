#include "simulations/main/jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

struct head { /* before each text */
    uint64_t len;
    uint64_t sums[JOB_SUMS];
    bool well;
};

struct worker {
    pid_t pid;
    FILE *in; /* NULL: it has died */
};

static void add(uint64_t *sums, const uint64_t *more)
{
    for (size_t i = 0; i < JOB_SUMS; i++)
        sums[i] += more[i];
}

static uint64_t run_here(uint64_t count, job_fn *fn, void *user, uint64_t *sums)
{
    uint64_t failed = 0;

    for (uint64_t i = 0; i < count; i++) {
        struct job job = {.out = stdout};

        failed += !fn(user, i, &job);
        add(sums, job.sums);
        (void)fflush(stdout);
    }
    return failed;
}

static void report(FILE *to, job_fn *fn, void *user, uint64_t i)
{
    struct head h = {0};
    char *text = NULL;
    size_t len = 0;
    struct job job = {.out = open_memstream(&text, &len)};

    if (job.out == NULL)
        exit(3);
    h.well = fn(user, i, &job);
    (void)fclose(job.out);
    memcpy(h.sums, job.sums, sizeof h.sums);
    h.len = len;
    if (fwrite(&h, sizeof h, 1, to) != 1 || fwrite(text, 1, len, to) != len ||
        fflush(to) != 0)
        exit(3);
    free(text);
}

/* Number @me of @jobs does every @jobs-th. */
static bool start(struct worker *w, unsigned me, unsigned jobs, uint64_t count,
                  job_fn *fn, void *user)
{
    int ends[2];
    FILE *to;

    if (pipe(ends) != 0)
        return false;
    w->pid = fork();
    if (w->pid < 0)
        return false;
    if (w->pid != 0) {
        (void)close(ends[1]);
        w->in = fdopen(ends[0], "r");
        return w->in != NULL;
    }
    (void)close(ends[0]);
    to = fdopen(ends[1], "w");
    for (uint64_t i = me; i < count && to != NULL; i += jobs)
        report(to, fn, user, i);
    _exit(to != NULL ? 0 : 3);
}

static bool copy(FILE *in, uint64_t len)
{
    char bytes[4096];

    while (len != 0) {
        size_t n = len < sizeof bytes ? (size_t)len : sizeof bytes;

        if (fread(bytes, 1, n, in) != n || fwrite(bytes, 1, n, stdout) != n)
            return false;
        len -= n;
    }
    return true;
}

/* false: it did not go well, or nobody is there to tell. */
static bool tell(struct worker *w, uint64_t i, uint64_t *sums)
{
    struct head h;

    if (w->in == NULL)
        return false;
    if (fread(&h, sizeof h, 1, w->in) == 1 && copy(w->in, h.len)) {
        (void)fflush(stdout);
        add(sums, h.sums);
        return h.well;
    }
    (void)printf("the process of run %" PRIu64 " died\n", i);
    (void)fclose(w->in);
    w->in = NULL;
    return false;
}

uint64_t jobs_run(unsigned jobs, uint64_t count, job_fn *fn, void *user,
                  uint64_t *sums)
{
    struct worker workers[JOBS_MAX];
    uint64_t failed = 0;

    if (jobs > JOBS_MAX)
        jobs = JOBS_MAX;
    if (jobs < 2)
        return run_here(count, fn, user, sums);
    (void)fflush(stdout);
    memset(workers, 0, sizeof workers);
    for (unsigned k = 0; k < jobs; k++)
        if (!start(&workers[k], k, jobs, count, fn, user))
            (void)fputs("sim: cannot start a process\n", stderr);
    for (uint64_t i = 0; i < count; i++)
        failed += !tell(&workers[i % jobs], i, sums);
    for (unsigned k = 0; k < jobs; k++) {
        if (workers[k].in != NULL)
            (void)fclose(workers[k].in);
        if (workers[k].pid > 0)
            (void)waitpid(workers[k].pid, NULL, 0);
    }
    return failed;
}
