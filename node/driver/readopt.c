/* readopt: after the index was made anew. Packs tell the store what they hold;
 * what lies in folders that were fetched into or published in place is told
 * here. */
#include "node/driver/node_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/driver/in_place.h"
#include "storage/export.h"

struct readopt {
    struct node *n;
    bool failed; /* something may still be added: at the next start */
};

static void adopt_folder(struct readopt *r, const char *dir,
                         const struct record_id *edition)
{
    struct held_manifest *hm = NULL;
    uint64_t chunks;
    int rc = node_manifest_load(r->n, edition, &hm, NULL);

    if (rc == 0)
        rc = export_adopt(r->n->store, &hm->m, dir, &chunks, NULL);
    r->failed |= rc == ERR_IO || rc == ERR_NO_SPACE || rc == ERR_NOMEM;
    held_manifest_unref(hm);
}

static void on_fetched(void *user, const char *course,
                       const char *const *values, size_t count)
{
    struct record_id edition;

    (void)course;
    if (count >= 2 && strlen(values[1]) == 2 * sizeof edition.b &&
        hex_decode(values[1], strlen(values[1]), edition.b, sizeof edition.b) ==
            0)
        adopt_folder(user, values[0], &edition);
}

/* What was published is a folder, or one page in a folder. */
static void on_in_place(void *user, const char *dir,
                        const struct record_id *edition)
{
    char *folder = strdup(dir);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    struct stat st;

    if (slash != NULL && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        slash[slash == folder] = '\0';
    if (folder != NULL)
        adopt_folder(user, folder, edition);
    free(folder);
}

void readopt__folders(struct node *n)
{
    struct readopt r = {.n = n};
    struct store_usage use = {0};

    if (!store_rebuilt(n->store))
        return;
    journal_each(n->roots, "fetched", on_fetched, &r);
    in_place_each(n, on_in_place, &r);
    if (!r.failed) /* else, or when it is killed, it is all done again */
        (void)store_readopted(n->store, NULL);
    (void)store_usage(n->store, &use, NULL);
    if (use.chunks != 0) /* not just a new home */
        node__log(n, NODE_WARN, "index.rebuilt", (const char *const[]){NULL});
}
