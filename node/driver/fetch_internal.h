/* fetch_internal: one request under way; shared by fetch.c (what moves it),
 * fetch_folder.c (the folder it goes to) and fetch_status.c (how it goes). */
#ifndef NODE_DRIVER_FETCH_INTERNAL_H
#define NODE_DRIVER_FETCH_INTERNAL_H

#include "node/driver/folder.h"
#include "node/driver/node_internal.h"

struct baseline { /* what a peer had sent before this fetch began */
    struct node_id node;
    uint64_t bytes;
    uint32_t rejected;
};

struct fetch {
    struct fetch *next;
    struct node *n;
    struct fetch_events events;
    void *user;
    struct course_id course;
    char *to;
    enum fetch_purpose purpose;
    bool follow; /* `to` is where it lies already: only news goes there */
    bool must, offline; /* as in fetch_options */
    bool idle;          /* nobody waits for chunks now */
    int32_t lesson;
    uint64_t timeout_ms;

    enum fetch_state state;
    struct record_id edition;
    struct held_manifest *hm;
    struct folder folder;
    struct folder retired; /* of an edition that was overtaken */
    bool busy;             /* a worker has the folder */
    bool complete;         /* every slot is held */
    bool whole;            /* and every file in place that may be */
    bool started_complete;
    int tries;

    uint64_t start_ms;
    uint64_t moved_ms; /* last progress */
    uint64_t moved_mark;
    uint64_t no_peers_ms; /* 0 = not so */
    uint64_t unknown_ms;  /* every peer said: unknown; 0 = not so */
    uint64_t met_ms;      /* first peer that takes part; 0 = none yet */
    bool have_reused;
    uint32_t reused;
    struct baseline *base;
    size_t base_count;

    _Atomic bool stop; /* for the worker that has the target */
    bool ending;
    int rc;
    struct err err;
    uv_timer_t timer;
};

struct peer_list {
    struct fetch *f;
    struct fetch_peer *list;
    size_t count;
};

/* fetch.c */
/** fetch__kick - look at it on the next turn of the loop, never inside a step
 * of the core. */
void fetch__kick(struct fetch *f);
/** fetch__end_with - the first reason counts. @e: copied; may be NULL. */
void fetch__end_with(struct fetch *f, int rc, const struct err *e);
bool fetch__is_for(const struct fetch *f, const struct course_id *course);
void fetch__note(struct fetch *f, enum core_notice notice);

/* fetch_folder.c */
bool fetch__needs_folder(const struct fetch *f,
                         const struct record_id *edition);
int fetch__open_folder(struct fetch *f, struct held_manifest *hm,
                       void (*then)(void *user), void *then_user);
/** fetch__folder_uses - chunks are on their way to the folder. */
bool fetch__folder_uses(const struct fetch *f);
/** fetch__look_for_holes - what the store turned out to lack is wanted again.
 */
void fetch__look_for_holes(struct fetch *f);
/** fetch__detach_folder - no more chunks go there. */
void fetch__detach_folder(struct fetch *f);
/** fetch__close_folder - once nobody uses it. */
void fetch__close_folder(struct fetch *f);
/** fetch__start_finish - put the files in place, on a worker. */
void fetch__start_finish(struct fetch *f);

/* fetch_status.c */
void fetch__fill_status(struct fetch *f, struct fetch_status *s);
/** fetch__add_baseline - for core_peers; @user: a struct fetch. */
void fetch__add_baseline(void *user, const struct core_peer_info *p);
/** fetch__add_peer - for core_peers; @user: a struct peer_list. */
void fetch__add_peer(void *user, const struct core_peer_info *p);

#endif
