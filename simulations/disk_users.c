/* disk_users: who does what, and how often. */
#include "simulations/alloc_fail.h"
#include "simulations/disk_deeds.h"

/* Somebody else wants the home while we have it. */
static int second(struct disk_world *w, struct err *err)
{
    struct home_lock l = {.fd = -1};

    if (disk_below(w, 8) != 0) /* it waits a little each time: really */
        return 0;
    if (home_lock(DISK_NODE_HOME, "second", &l, err) == 0 && disk_alive(w))
        disk_fail(w, "lock", "two have the home");
    home_unlock(&l);
    return 0;
}

struct deed {
    const char *name;
    int (*run)(struct disk_world *w, struct err *err);
    unsigned weight;
    bool large; /* only where there are large files */
};

static const struct deed deeds[] = {
    {"publish", disk_publish, 8, false},
    {"get", disk_get, 5, false},
    {"update", disk_update, 3, false},
    {"rollback", disk_rollback, 3, false},
    {"pin", disk_pin, 3, false},
    {"met", disk_met, 1, false},
    {"config", disk_configure, 2, false},
    {"rm", disk_rm, 1, false},
    {"gc", disk_sweep, 3, false},
    {"flush", disk_flush, 2, false},
    {"note", disk_note, 1, false},
    {"edit", disk_edit, 1, false},
    {"pack", disk_pack, 2, false},
    {"unpack", disk_unpack, 2, false},
    {"backup", disk_backup, 2, false},
    {"restore", disk_restore, 1, false},
    {"write", disk_lesson, 3, false},
    {"import", disk_import, 4, false},
    {"verify", disk_verify, 2, false},
    {"second", second, 1, false},
    {"film", disk_film, 5, true},
    {"in place", disk_show_footage, 4, true},
};

#define DEEDS (sizeof deeds / sizeof deeds[0])

static unsigned weight_of(const struct disk_world *w, const struct deed *d)
{
    return d->large && !w->large ? 0 : d->weight;
}

static const struct deed *choose(struct disk_world *w)
{
    unsigned sum = 0;
    uint64_t at;
    size_t i = 0;

    for (size_t k = 0; k < DEEDS; k++)
        sum += weight_of(w, &deeds[k]);
    at = disk_below(w, sum);
    while (at >= weight_of(w, &deeds[i]))
        at -= weight_of(w, &deeds[i++]);
    return &deeds[i];
}

void disk_act(struct disk_world *w)
{
    const struct deed *d = choose(w);
    struct err err = ERR_INIT;
    bool short_of_memory = disk_below(w, 8) == 0;
    int rc;

    if (short_of_memory)
        alloc_fail_after(disk_below(w, 1ull << disk_below(w, 10)), 1);
    rc = d->run(w, &err);
    if (short_of_memory)
        (void)alloc_fail_stop();
    if (rc == ERR_IO || rc == ERR_NO_SPACE) {
        w->media_held = false;
        w->fed_up = disk_below(w, disk_alive(w) ? 3 : 2) == 0;
    }
    /* What it did not make sure of is lost until it is published again. */
    if (vdisk_sync_failed(w->disk, DISK_FOOTAGE "/"))
        disk_footage_forget(w);
    w->result->acts++;
    trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000, "%s: %s%s",
               d->name, rc == 0 ? "done" : err_words(rc),
               disk_alive(w) ? "" : " (stopped)");
    if (rc != 0 && err.text[0] != '\0')
        trace_line(w->trace, (uint64_t)vdisk_now_ns(w->disk) / 1000, "  %s",
                   err.text);
}
