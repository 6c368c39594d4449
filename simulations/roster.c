#include "simulations/roster.h"

#include <stdio.h>
#include <stdlib.h>

#include "simulations/mem.h"

struct entry {
    struct node_id key;
    char name[ROSTER_NAME_MAX];
    bool honest;
};

struct roster {
    struct entry *list;
    size_t count, cap;
};

struct roster *roster_new(void)
{
    return mem_new(1, sizeof(struct roster));
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    free(r->list);
    free(r);
}

void roster_add(struct roster *r, const struct node_id *key, const char *name,
                bool honest)
{
    struct entry *e;

    if (r->count == r->cap) {
        r->cap = r->cap != 0 ? 2 * r->cap : 32;
        r->list = mem_grow(r->list, r->cap, sizeof *r->list);
    }
    e = &r->list[r->count++];
    e->key = *key;
    e->honest = honest;
    (void)snprintf(e->name, sizeof e->name, "%s", name);
}

static const struct entry *find(const struct roster *r,
                                const struct node_id *key)
{
    for (size_t i = 0; i < r->count; i++)
        if (node_id_eq(&r->list[i].key, key))
            return &r->list[i];
    return NULL;
}

const char *roster_name(const struct roster *r, const struct node_id *key)
{
    const struct entry *e = find(r, key);

    return e != NULL ? e->name : "?";
}

bool roster_honest(const struct roster *r, const struct node_id *key)
{
    const struct entry *e = find(r, key);

    return e != NULL && e->honest;
}
