#include "node/driver/reader_run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/export.h"

#define WAIT_MS 4    /* between two looks for a chunk */
#define POLL_MS 50   /* between two looks at `stop` */
#define RUN_SLOTS 16 /* read in one go, at most */

static void sleep_ms(int ms)
{
    struct timespec t = {0, ms * 1000000L};

    (void)nanosleep(&t, NULL);
}

/* ---- writing --------------------------------------------------------- */

static int write_piece(void *user, const uint8_t *p, size_t n)
{
    struct reader_run *r = user;

    while (n != 0) {
        struct pollfd out = {.fd = r->fd, .events = POLLOUT};
        ssize_t w;

        if (atomic_load(&r->stop))
            return ERR_INTERRUPTED;
        w = write(r->fd, p, n);
        if (w > 0) {
            p += w;
            n -= (size_t)w;
            atomic_fetch_add(&r->at, (uint64_t)w);
        } else if (w < 0 && errno == EAGAIN) {
            (void)poll(&out, 1, POLL_MS);
        } else if (w < 0 && errno != EINTR) {
            r->closed = errno == EPIPE;
            return r->closed ? ERR_INTERRUPTED
                             : err_errno(&r->err, errno, "write to the pipe");
        }
    }
    return 0;
}

/* ---- what is there to write ------------------------------------------ */

/* How many bytes from `at` on lie in chunks that are here, of the next few. */
static uint64_t bytes_here(const struct reader_run *r, uint64_t at)
{
    uint8_t held[(RUN_SLOTS + 7) / 8] = {0};
    const struct chunk_ref *refs;
    uint64_t bytes = 0;
    uint32_t first;
    uint32_t count;
    uint32_t skip;
    uint32_t n;

    manifest_slots_of(r->m, r->file, at, r->end - at, &first, &count, &skip);
    refs = &r->m->table.refs[first];
    count = count < RUN_SLOTS ? count : RUN_SLOTS;
    if (count == 0 || store_have(r->store, refs, count, held, &n, NULL) != 0)
        return 0;
    for (uint32_t i = 0; i < count && (held[i / 8] & (0x80u >> i % 8)) != 0;
         i++)
        bytes += refs[i].raw_len;
    bytes = bytes > skip ? bytes - skip : 0;
    return bytes < r->end - at ? bytes : r->end - at;
}

static void run(void *user)
{
    struct reader_run *r = user;
    int rc = 0;

    while (rc == 0 && !atomic_load(&r->stop)) {
        uint64_t at = atomic_load(&r->at);
        uint64_t n = bytes_here(r, at);

        if (at == r->end)
            break;
        atomic_store(&r->waiting, n == 0);
        if (n == 0)
            sleep_ms(WAIT_MS);
        else
            rc = export_read(r->store, r->m, r->file, at, n, write_piece, r,
                             &r->err);
    }
    r->rc = rc == ERR_INTERRUPTED ? 0 : rc;
    atomic_store(&r->ended, true);
}

int reader_run_start(struct reader_run *r)
{
    atomic_store(&r->at, r->off);
    atomic_store(&r->waiting, false);
    r->err = (struct err)ERR_INIT;
    return uv_thread_create(&r->thread, run, r) == 0 ? 0 : ERR_NOMEM;
}

void reader_run_join(struct reader_run *r)
{
    (void)uv_thread_join(&r->thread);
}
