#include "simulations/disk_storm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/dice.h"
#include "simulations/disk_world.h"
#include "simulations/mem.h"
#include "storage/disk.h"

#define ACTS_MAX 8 /* in a day */
#define PACK_MAX 24576
#define MEDIA_MIN 130000 /* a chunk of large media, of which a file has 8 */
#define MEDIA_MAX 190000

/* ---- the world -------------------------------------------------------------
 */

void disk_fail(struct disk_world *w, const char *name, const char *fmt, ...)
{
    va_list ap;

    if (w->result->broken != NULL)
        return;
    w->result->broken = name;
    va_start(ap, fmt);
    (void)vsnprintf(w->result->why, sizeof w->result->why, fmt, ap);
    va_end(ap);
}

static void say(struct disk_world *w, const char *what)
{
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000,
               "%s (change %d, %016llx)", what, (int)vdisk_changes(w->disk),
               (unsigned long long)vdisk_hash(w->disk));
}

static void add_chunks(struct disk_course *k,
                       const struct course_kit_edition *e)
{
    for (uint32_t s = 0; s < e->table.count; s++) {
        bool known = false;

        for (size_t i = 0; i < k->count && !known; i++)
            known = chunk_id_eq(&k->chunks[i].ref.id, &e->table.refs[s].id);
        if (known)
            continue;
        k->chunks = mem_grow(k->chunks, k->count + 1, sizeof *k->chunks);
        k->chunks[k->count++] =
            (struct disk_chunk){e->table.refs[s], e->bytes[s], false};
    }
}

static void make_course(struct disk_world *w, size_t c)
{
    struct disk_course *k = &w->courses[c];
    struct course_kit_params p = {.chunks = 5 + (uint32_t)rng_below(&w->rng, 4),
                                  .chunk_min = 100,
                                  .chunk_max = 3000,
                                  .editions = COURSE_KIT_EDITIONS};

    if (c >= DISK_OWN) {
        p.media = 1 + (uint32_t)rng_below(&w->rng, 2);
        p.chunks += p.media * COURSE_KIT_MEDIA_CHUNKS;
        if (w->large) { /* 1.0 to 1.4 MiB each */
            p.media_min = MEDIA_MIN;
            p.media_max = MEDIA_MAX;
        }
    }
    k->kit = course_kit_new(&p, &w->rng);
    for (uint32_t i = 0; i < k->kit->edition_count; i++) {
        course_kit_manifest(&k->kit->editions[i], &k->manifests[i]);
        add_chunks(k, &k->kit->editions[i]);
    }
}

static void free_course(struct disk_course *k)
{
    for (uint32_t i = 0; i < k->kit->edition_count; i++)
        manifest_deinit(&k->manifests[i]);
    course_kit_free(k->kit);
    free(k->chunks);
}

static void make_folders(struct disk_world *w)
{
    (void)disk_mkdir(DISK_STICK, 0700);
    w->lessons = disk_lessons_new(&w->rng);
    w->authors[0] = disk_lessons_author(w->lessons);
    if (!w->large)
        return;
    w->footage = disk_footage_new(&w->rng);
    w->authors[1] = disk_footage_author(w->footage);
}

/* ---- what goes wrong -------------------------------------------------------
 */

static uint64_t below(struct disk_world *w, uint64_t n)
{
    return rng_below(&w->rng, n);
}

static void arm_failing_sync(struct disk_world *w)
{
    vdisk_fail_then_stop(w->disk, VDISK_SYNC, below(w, 1ull << below(w, 4)),
                         EIO, 1 + below(w, 3));
}

/* Mostly soon: starts and ends are short, and most is done there. */
static void arm_stop(struct disk_world *w)
{
    if (below(w, 10) != 0)
        vdisk_stop_after(w->disk, 1 + below(w, 1ull << (2 + below(w, 8))));
}

static void arm_fault(struct disk_world *w)
{
    static const int sync_errors[] = {EIO, ENOSPC};
    enum vdisk_fault kind = below(w, 3) == 0
                                ? VDISK_SYNC /* what hurts most */
                                : (enum vdisk_fault)below(w, VDISK_FAULTS);
    unsigned times = 1 + (unsigned)below(w, 3);
    int errnum = EIO;

    if (w->plan.failing_syncs) {
        arm_failing_sync(w);
        return;
    }
    if (below(w, 6) == 0)
        vdisk_room(w->disk, below(w, 1ull << (6 + below(w, 12))));
    if (below(w, 6) != 0)
        return;
    if (kind == VDISK_OPEN)
        errnum = EMFILE;
    else if (kind != VDISK_READ)
        errnum = sync_errors[below(w, 2)];
    if (kind == VDISK_SYNC && below(w, 3) == 0)
        arm_failing_sync(w);
    else
        vdisk_fail(w->disk, kind, below(w, 1ull << below(w, 6)), times, errnum);
}

static void disarm(struct disk_world *w)
{
    vdisk_room(w->disk, UINT64_MAX);
    for (int k = 0; k < VDISK_FAULTS; k++)
        vdisk_fail(w->disk, (enum vdisk_fault)k, 0, 0, 0);
}

/* ---- a day -----------------------------------------------------------------
 */

/* D1: a home opens again, without a hand. */
static bool open_home(struct disk_world *w)
{
    struct err e = ERR_INIT;
    int rc = disk_node_open(&w->node, PACK_MAX, &e);

    w->result->opens++;
    w->open = rc == 0;
    if (rc != 0 && !vdisk_stopped(w->disk))
        disk_fail(w, "D1", "the home does not open: %.200s", e.text);
    return rc == 0 && !vdisk_stopped(w->disk);
}

static void day(struct disk_world *w)
{
    arm_stop(w);
    if (w->restoring)
        disk_go_on_restoring(w);
    if (w->restoring || vdisk_stopped(w->disk) || !open_home(w)) {
        w->result->in_recovery++;
        return;
    }
    say(w, store_rebuilt(w->node.store) ? "open, index made anew" : "open");
    if (w->plan.lost_indexes && w->done != 0) {
        vdisk_stop_after(w->disk, 1 + below(w, 8));
        w->fed_up = true;
    }
    disk_readopt(w);
    if (vdisk_stopped(w->disk)) {
        w->result->in_recovery++;
        return;
    }
    vdisk_hold(w->disk, true);
    disk_check_restart(w);
    vdisk_hold(w->disk, false);
    for (uint64_t n = below(w, ACTS_MAX);
         n != 0 && w->open && !w->fed_up && !vdisk_stopped(w->disk) &&
         w->result->broken == NULL;
         n--) {
        arm_fault(w);
        disk_act(w);
        disarm(w);
        vdisk_hold(w->disk, true);
        if (w->open && !vdisk_stopped(w->disk))
            disk_check_step(w);
        vdisk_hold(w->disk, false);
    }
}

/* It closes in order, or the process is killed, or the power goes. */
static void night(struct disk_world *w)
{
    bool orderly = !w->fed_up && below(w, 4) == 0;
    bool killed = w->fed_up || below(w, 4) == 0;

    if (!vdisk_stopped(w->disk) && !orderly)
        vdisk_stop_now(w->disk);
    if (w->open)
        disk_node_close(&w->node);
    w->open = false;
    w->fed_up = false;
    if (killed) {
        w->result->kills++;
        vdisk_kill(w->disk);
        say(w, "killed");
    } else {
        w->result->cuts++;
        vdisk_power_cut(w->disk);
        say(w, "power cut");
    }
}

/* The index is a cache: whoever deletes it loses nothing. */
static void lose_index(struct disk_world *w)
{
    vdisk_hold(w->disk, true);
    (void)disk_unlink(DISK_NODE_HOME "/index.db");
    (void)disk_unlink(DISK_NODE_HOME "/index.db-wal");
    vdisk_sync_all(w->disk);
    vdisk_hold(w->disk, false);
    say(w, "the index is gone");
}

static void misfortune(struct disk_world *w)
{
    if (below(w, w->plan.lost_indexes ? 4 : 24) == 0)
        lose_index(w);
    if (below(w, 40) == 0)
        disk_rot(w);
    if (below(w, w->plan.rotting ? 4 : 40) == 0)
        disk_rot_books(w);
    else if (w->index_rotten && below(w, 4) == 0)
        lose_index(w);
}

static void run(struct disk_world *w)
{
    unsigned days = w->plan.days != 0 ? w->plan.days : DISK_DAYS;

    for (unsigned i = 0; i < days && w->result->broken == NULL; i++) {
        day(w);
        night(w);
        misfortune(w);
    }
    w->result->changes = vdisk_changes(w->disk);
    w->result->restores = w->restores;
}

void disk_storm(const struct disk_plan *p, FILE *all, FILE *tail,
                struct disk_result *out)
{
    struct disk_world *w = mem_new(1, sizeof *w);

    *out = (struct disk_result){.broken = NULL};
    w->plan = *p;
    w->result = out;
    w->trace = trace_new(all);
    dice_init(&w->rng, p->seed, 78);
    w->disk = vdisk_new(p->seed);
    /* Large files take their time: not in each world. */
    w->large = below(w, 16) == 0 || p->large;
    for (size_t c = 0; c < DISK_COURSES; c++)
        make_course(w, c);
    vdisk_choppy(w->disk, below(w, 2) == 0);
    vdisk_lie(w->disk, p->lie);
    vdisk_slow(w->disk, below(w, 4) == 0);
    vdisk_mount(w->disk);
    make_folders(w);
    vdisk_sync_all(w->disk);
    run(w);
    vdisk_mount(NULL);
    disk_lessons_free(w->lessons);
    disk_footage_free(w->footage);
    say(w, out->broken != NULL ? out->broken : "end");
    trace_hash(w->trace, out->hash);
    out->lines = trace_count(w->trace);
    if (out->broken != NULL && tail != NULL)
        trace_dump(w->trace, tail);
    for (size_t c = 0; c < DISK_COURSES; c++)
        free_course(&w->courses[c]);
    trace_free(w->trace);
    vdisk_free(w->disk);
    free(w);
}
