/* disk_facts: what the user has chosen, as the journals and the settings keep
 * it. What was acknowledged is sure. What was under way when something failed
 * is in doubt until the next start: then either may be there, and stays. */
#include <stdio.h>
#include <string.h>

#include "simulations/disk_world.h"
#include "storage/config.h"

static struct journal *journal_of(struct disk_world *w, enum disk_file file)
{
    return file == DISK_ROOTS ? w->node.roots : w->node.choices;
}

static struct disk_fact *fact_of(struct disk_world *w,
                                 const struct disk_place *at)
{
    struct disk_fact *f;

    for (size_t i = 0; i < w->fact_count; i++) {
        f = &w->facts[i];
        if (f->at.file == at->file && strcmp(f->at.verb, at->verb) == 0 &&
            strcmp(f->key, at->key) == 0)
            return f;
    }
    if (w->fact_count == DISK_FACTS)
        return NULL;
    f = &w->facts[w->fact_count++];
    f->at = *at;
    (void)snprintf(f->key, sizeof f->key, "%s", at->key);
    f->at.key = f->key;
    return f;
}

void disk_read_fact(struct disk_world *w, const struct disk_place *at,
                    char out[DISK_VALUE])
{
    char value[CONFIG_VALUE_MAX];

    out[0] = '\0';
    if (at->file == DISK_CONFIG) {
        if (config_get(DISK_NODE_HOME, at->verb, value, NULL) == 0 &&
            strlen(value) < DISK_VALUE)
            memcpy(out, value, strlen(value) + 1);
        return;
    }
    if (journal_get(journal_of(w, at->file), at->verb, at->key, at->index, out,
                    DISK_VALUE) != 0)
        out[0] = '\0';
}

static int state(struct disk_world *w, const struct disk_place *at,
                 const char *const *values, size_t count, struct err *e)
{
    if (at->file == DISK_CONFIG)
        return config_set(DISK_NODE_HOME, at->verb, values[0], e);
    return count != 0
               ? journal_set(journal_of(w, at->file), at->verb, at->key, values,
                             count, e)
               : journal_unset(journal_of(w, at->file), at->verb, at->key, e);
}

int disk_set(struct disk_world *w, const struct disk_place *at,
             const char *const *values, size_t count, struct err *e)
{
    struct disk_fact *f = fact_of(w, at);
    const char *next = count > at->index ? values[at->index] : "";
    int rc = state(w, at, values, count, e);

    if (f == NULL)
        return rc;
    if (rc == 0 && !vdisk_stopped(w->disk)) {
        (void)snprintf(f->sure, sizeof f->sure, "%s", next);
        f->doubt_count = 0;
    } else if (f->doubt_count < DISK_DOUBTS) {
        (void)snprintf(f->doubts[f->doubt_count++], DISK_VALUE, "%s", next);
    }
    return rc;
}

const char *disk_sure(struct disk_world *w, const struct disk_place *at)
{
    const struct disk_fact *f = fact_of(w, at);

    return f != NULL ? f->sure : "";
}

static bool may_be(const struct disk_fact *f, const char *seen, bool restart)
{
    bool ok = strcmp(f->sure, seen) == 0;

    /* A setting is read from the disk: there its doubt shows at once. */
    for (size_t i = 0;
         i < f->doubt_count && (restart || f->at.file == DISK_CONFIG); i++)
        ok |= strcmp(f->doubts[i], seen) == 0;
    return ok;
}

void disk_check_facts(struct disk_world *w, bool restart)
{
    for (size_t i = 0; i < w->fact_count; i++) {
        struct disk_fact *f = &w->facts[i];
        char seen[DISK_VALUE];

        disk_read_fact(w, &f->at, seen);
        if (!may_be(f, seen, restart))
            disk_fail(w, "S2", "'%s' of '%.12s' is '%.20s', was '%.20s'",
                      f->at.verb, f->key, seen, f->sure);
        if (!restart)
            continue;
        (void)snprintf(f->sure, sizeof f->sure, "%s", seen);
        f->doubt_count = 0; /* who has seen it may rely on it */
    }
}
