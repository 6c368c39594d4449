/* why: what of a course is missing, why, and what to do about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/causes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

#define LINES_MAX 5

/* "try:" is never translated, and what follows is a command. */
static void try(const char *command, const char *word)
{
    char *safe = output_safe_long(word, 1024);

    printf("try: %s%s\n", command, safe);
    free(safe);
}

static bool has_reason(const json_t *r, const char *code)
{
    const json_t *list = json_object_get(r, "reasons");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), code) == 0)
            return true;
    return false;
}

static void say_path(enum say id, const char *path)
{
    char *safe = output_safe_long(path, 1024);

    printf(say(id), safe);
    printf("\n");
    free(safe);
}

static void show_missing(const json_t *r)
{
    const json_t *m = json_object_get(r, "missing");
    const json_t *files = json_object_get(m, "files");
    const json_t *lessons = json_object_get(m, "lessons");
    char *title = output_safe(output_text(r, "title"));
    bool ok = json_is_true(json_object_get(r, "ok"));
    bool here = json_is_true(json_object_get(m, "list_here"));
    long long more;

    printf(say(ok     ? SAY_WHY_OK
               : here ? SAY_WHY_MISSING
                      : SAY_WHY_LISTED),
           title, output_int(r, "edition"),
           output_count(output_int(m, "chunks"), SAY_A_CHUNK).s,
           output_size((uint64_t)output_int(m, "bytes")).s);
    printf("\n");
    free(title);
    for (size_t i = 0; i < json_array_size(lessons) && i < LINES_MAX; i++) {
        const json_t *l = json_array_get(lessons, i);
        char *name = output_safe(output_text(l, "title"));

        printf(say(SAY_WHY_LESSON), output_int(l, "lesson"), name);
        printf("\n");
        free(name);
    }
    for (size_t i = 0; i < json_array_size(files) && i < LINES_MAX; i++)
        say_path(SAY_WHY_FILE, json_string_value(json_array_get(files, i)));
    more = here ? output_int(m, "file_count") - LINES_MAX : 0;
    if (more > 0) {
        printf(say(SAY_WHY_MORE), more);
        printf("\n");
    }
}

static void show_editions(const json_t *r)
{
    long long shown = output_int(r, "edition");
    long long whole = output_int(r, "whole_edition");

    if (whole != 0 && whole != shown) {
        printf(say(SAY_WHY_WHOLE), whole);
        printf("\n");
    }
    if (has_reason(r, "newer_known")) {
        printf(say(SAY_WHY_NEWER), output_int(r, "newest"));
        printf("\n");
        try("lyceum update ", output_text(r, "course"));
    }
}

static void show_folders(const json_t *r)
{
    const json_t *away = json_object_get(r, "away");
    const json_t *folders = json_object_get(r, "folders");

    for (size_t i = 0; i < json_array_size(away) && i < LINES_MAX; i++) {
        const json_t *f = json_array_get(away, i);

        say_path(strcmp(output_text(f, "state"), "gone") == 0
                     ? SAY_WHY_FILE_GONE
                     : SAY_WHY_FILE_EDITED,
                 output_text(f, "path"));
    }
    for (size_t i = 0; i < json_array_size(folders); i++) {
        const json_t *f = json_array_get(folders, i);
        const char *path = output_text(f, "path");
        bool gone = strcmp(output_text(f, "state"), "gone") == 0;
        bool fetched = strcmp(output_text(f, "kind"), "fetched") == 0;
        char *safe = output_safe_long(path, 1024);

        if (gone) {
            say_path(SAY_WHY_DIR_GONE, path);
            if (!fetched)
                try("lyceum publish DIR --course ", output_text(r, "course"));
        } else if (strcmp(output_text(f, "state"), "edited") == 0) {
            printf(say(SAY_WHY_DIR_EDITED), output_int(f, "absent"),
                   output_int(f, "edited"), safe);
            printf("\n");
            if (!fetched)
                try("lyceum publish ", path);
            else
                try("lyceum verify ", output_text(r, "course"));
        }
        free(safe);
    }
}

static void show_obstacles(const json_t *r)
{
    const json_t *disk = json_object_get(r, "disk");
    const json_t *last = json_object_get(r, "last_get");

    if (json_is_true(json_object_get(r, "withdrawn")))
        say_path(SAY_WITHDRAWN, output_text(r, "withdrawn_reason"));
    if (has_reason(r, "disk_full")) {
        printf(say(SAY_WHY_FULL),
               output_size((uint64_t)output_int(disk, "free_bytes")).s,
               output_size((uint64_t)output_int(disk, "need_bytes")).s);
        printf("\n");
        try("lyceum gc", "");
    }
    if (has_reason(r, "never_fetched"))
        printf("%s\n", say(SAY_WHY_NEVER));
    if (has_reason(r, "last_get_failed")) {
        char *said = causes_say(output_text(last, "why"));
        char *why = output_safe_long(said, 400);

        printf(say(SAY_WHY_LAST),
               output_date((uint64_t)output_int(last, "time_ms")).s, why);
        printf("\n");
        free(why);
        free(said);
    }
}

/* Commands that bring it from the peer that had it last. */
static void show_seen(const json_t *r)
{
    const json_t *seen = json_object_get(r, "seen");
    char peer[256] = "";

    for (size_t i = 0; i < json_array_size(seen); i++) {
        const json_t *p = json_array_get(seen, i);
        bool blocked = json_is_true(json_object_get(p, "blocked"));
        bool now = json_is_true(json_object_get(p, "connected"));
        const char *address = output_text(p, "address");
        char *safe = output_safe(address);

        printf(say(blocked ? SAY_WHY_BLOCKED
                   : now   ? SAY_WHY_SEEN_NOW
                           : SAY_WHY_SEEN),
               output_date((uint64_t)output_int(p, "time_ms")).s,
               output_text(p, "node"), safe);
        printf("\n");
        if (blocked)
            try("lyceum peer unblock ", output_text(p, "node"));
        else if (peer[0] == '\0' && address[0] != '\0')
            (void)snprintf(peer, sizeof peer, "%.8s --peer %s@%s",
                           output_text(r, "course"), safe,
                           output_text(p, "node"));
        free(safe);
    }
    if (json_is_true(json_object_get(r, "withdrawn")))
        return; /* nobody will give it */
    if (peer[0] != '\0')
        try("lyceum get ", peer);
    else
        try("lyceum get ", output_text(r, "course"));
}

static void show_why(struct cli *c, const json_t *r)
{
    (void)c;
    show_missing(r);
    show_editions(r);
    show_obstacles(r);
    show_folders(r);
    if (json_is_true(json_object_get(r, "ok")))
        return;
    if (json_is_true(json_object_get(r, "fetching"))) {
        printf(say(SAY_WHY_NOW),
               output_count(output_int(r, "sources"), SAY_A_PEER).s);
        printf("\n");
    }
    if (has_reason(r, "not_online"))
        printf("%s\n", say(SAY_WHY_OFFLINE));
    if (has_reason(r, "no_peers"))
        printf("%s\n", say(SAY_WHY_NO_PEERS));
    show_seen(r);
}

/* ---- every course ---------------------------------------------------- */

static void show_all(struct cli *c, const json_t *r)
{
    const json_t *list = json_object_get(r, "courses");
    size_t shown = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);

        if (json_array_size(json_object_get(one, "reasons")) == 0)
            continue;
        if (shown++ != 0)
            printf("\n");
        show_why(c, one);
    }
    if (shown == 0)
        printf(say(SAY_WHY_ALL_OK),
               output_count((long long)json_array_size(list), SAY_A_COURSE).s);
    if (shown == 0)
        printf("\n");
}

/* The first that is not well decides how it ends. */
static int why_all(struct cli *c)
{
    json_t *done = json_array();
    json_t *r = json_pack("{s:i, s:o}", "v", 1, "courses", done);
    struct err first = ERR_INIT;
    json_t *ls = NULL;
    const json_t *courses;
    int worst = cli_call(c, json_pack("{s:s}", "op", "ls"), &ls);

    courses = json_object_get(ls, "courses");
    for (size_t i = 0; i < json_array_size(courses); i++) {
        const char *course = output_text(json_array_get(courses, i), "course");
        json_t *one = NULL;
        int rc = cli_call(
            c, json_pack("{s:s, s:s}", "op", "why", "course", course), &one);

        if (one != NULL)
            (void)json_array_append_new(done, one);
        if (rc == ERR_INTERRUPTED || (rc != 0 && worst == 0)) {
            worst = rc;
            first = c->err;
        }
        if (rc == ERR_INTERRUPTED)
            break;
    }
    if (worst == 0 || json_array_size(done) != 0)
        cli_answer(c, r, show_all);
    json_decref(ls);
    json_decref(r);
    if (first.code != 0)
        c->err = first;
    return worst;
}

int cmd_why(struct cli *c)
{
    return c->word_count != 0 ? cli_simple(c, "why", "course", show_why)
                              : why_all(c);
}
