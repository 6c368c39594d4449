#include "node/api/past.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/api.h"
#include "node/driver/clock.h"

#define KEPT_MAX 6 /* values of a fact in a journal */
#define ENTRY_MAX 96
#define WHY_MAX 400

struct had {
    char list[KEPT_MAX][ENTRY_MAX];
    size_t n;
};

static bool knows(const struct had *h, const char *node)
{
    for (size_t i = 0; i < h->n; i++)
        if (strncmp(h->list[i], node, 2 * ID_BYTES) == 0)
            return true;
    return false;
}

static void add(struct had *h, const char *entry)
{
    if (h->n < KEPT_MAX && !knows(h, entry))
        (void)snprintf(h->list[h->n++], ENTRY_MAX, "%s", entry);
}

static void load(struct node *n, const char *course, struct had *h)
{
    char entry[ENTRY_MAX];

    for (size_t i = 0;
         i < KEPT_MAX && journal_get(node_choices(n), "had", course, i, entry,
                                     sizeof entry) == 0;
         i++)
        add(h, entry);
}

/* Those who sent something now stand before those who did earlier. */
static void keep_peers(struct node *n, const char *course,
                       const struct fetch_peer *peers, size_t count)
{
    const char *values[KEPT_MAX];
    struct had h = {.n = 0};
    char entry[ENTRY_MAX];

    for (size_t i = 0; i < count; i++) {
        if (peers[i].bytes == 0)
            continue;
        (void)snprintf(entry, sizeof entry, "%s %llu",
                       node_id_hex(&peers[i].node).s,
                       (unsigned long long)wall_clock_ms());
        add(&h, entry);
    }
    if (h.n == 0)
        return;
    load(n, course, &h);
    for (size_t i = 0; i < h.n; i++)
        values[i] = h.list[i];
    (void)journal_set(node_choices(n), "had", course, values, h.n, NULL);
}

void past_keep(struct node *n, int rc, const struct err *e,
               const struct fetch_status *s, const struct fetch_peer *peers,
               size_t peer_count)
{
    struct id_hex course = course_id_hex(&s->course);
    char edition[24];
    char time[24];
    char why[WHY_MAX];
    const char *values[4] = {rc == 0 ? "ok" : api_code_name(rc), edition, time,
                             why};

    (void)snprintf(edition, sizeof edition, "%llu", (unsigned long long)s->seq);
    (void)snprintf(time, sizeof time, "%llu",
                   (unsigned long long)wall_clock_ms());
    (void)snprintf(why, sizeof why, "%.*s", WHY_MAX - 1,
                   rc != 0 ? e->text : "");
    (void)journal_set(node_choices(n), "got", course.s, values, 4, NULL);
    keep_peers(n, course.s, peers, peer_count);
}

int past_forget(struct node *n, const struct course_id *course, struct err *e)
{
    struct id_hex hex = course_id_hex(course);
    int rc = journal_unset(node_choices(n), "got", hex.s, e);

    return rc == 0 ? journal_unset(node_choices(n), "had", hex.s, e) : rc;
}

json_t *past_last(struct node *n, const struct course_id *course)
{
    struct id_hex hex = course_id_hex(course);
    char v[4][WHY_MAX];

    for (size_t i = 0; i < 4; i++)
        if (journal_get(node_choices(n), "got", hex.s, i, v[i], WHY_MAX) != 0)
            return json_null();
    return json_pack("{s:s, s:I, s:I, s:s}", "code", v[0], "edition",
                     (json_int_t)strtoull(v[1], NULL, 10), "time_ms",
                     (json_int_t)strtoull(v[2], NULL, 10), "why", v[3]);
}

static bool is_blocked(struct node *n, const char *node)
{
    char until[24];

    return journal_get(node_choices(n), "block", node, 0, until,
                       sizeof until) == 0 &&
           strtoull(until, NULL, 10) > wall_clock_ms();
}

json_t *past_peers(struct node *n, const struct course_id *course)
{
    json_t *list = json_array();
    struct had h = {.n = 0};

    load(n, course_id_hex(course).s, &h);
    for (size_t i = 0; i < h.n; i++) {
        char address[CORE_ADDRESS_MAX] = "";
        char *space = strchr(h.list[i], ' ');

        if (space == NULL)
            continue;
        *space = '\0';
        if (journal_get(node_choices(n), "peer", h.list[i], 0, address,
                        sizeof address) != 0)
            (void)journal_get(node_choices(n), "seen", h.list[i], 0, address,
                              sizeof address);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:b}", "node", h.list[i],
                            "address", address, "time_ms",
                            (json_int_t)strtoull(space + 1, NULL, 10),
                            "blocked", is_blocked(n, h.list[i])));
    }
    return list;
}
