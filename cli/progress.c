#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"

#define BAR_CELLS 24
#define LINE_EVERY_S 5

static bool bar_is_up;

static void show_json(const json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);

    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
}

/* Bytes, or "12/40 chunks" where the job counts those. */
static void show_counts(const json_t *event, uint64_t done, uint64_t total)
{
    const char *unit = output_text(event, "unit");

    if (unit[0] != '\0')
        fprintf(stderr, "%llu / %llu %s", (unsigned long long)done,
                (unsigned long long)total, output_word(unit));
    else
        fprintf(stderr, "%s / %s", output_size(done).s, output_size(total).s);
}

static void show_text(const json_t *event, bool bar)
{
    uint64_t done = (uint64_t)output_int(event, "done");
    uint64_t total = (uint64_t)output_int(event, "total");
    uint64_t rate = (uint64_t)output_int(event, "rate");
    unsigned cells = total != 0 && done <= total && done < UINT64_MAX / 32
                         ? (unsigned)(done * BAR_CELLS / total)
                         : 0;
    char cell[BAR_CELLS + 1];

    for (unsigned i = 0; i < BAR_CELLS; i++)
        cell[i] = i < cells ? '#' : '.';
    cell[BAR_CELLS] = '\0';
    if (bar)
        fprintf(stderr, "\r\033[K[%s] ", cell);
    show_counts(event, done, total);
    if (rate != 0)
        fprintf(stderr, "  %s/s", output_size(rate).s);
    if (json_object_get(event, "peers") != NULL) {
        fprintf(stderr, "  ");
        fprintf(stderr, say(SAY_PROGRESS_PEERS), output_int(event, "peers"));
    }
    if (rate != 0 && total > done) {
        fprintf(stderr, "  ");
        fprintf(stderr, say(SAY_PROGRESS_LEFT),
                (unsigned long long)((total - done) / rate + 1));
    }
    if (!bar)
        fprintf(stderr, "\n");
    bar_is_up = bar;
}

/* Before it starts, what it will fetch. */
static void show_plan(const json_t *event)
{
    if (output_int(event, "fetch_bytes") == 0 ||
        output_int(event, "fetch_bytes") >= output_int(event, "bytes"))
        return; /* nothing, or all of it: the bar says so */
    fprintf(stderr, say(SAY_PLAN),
            output_size((uint64_t)output_int(event, "fetch_bytes")).s,
            output_size((uint64_t)output_int(event, "bytes")).s,
            output_int(event, "fetch_chunks"));
    fprintf(stderr, "\n");
}

void progress_show(struct cli *c, const json_t *event)
{
    static time_t last;
    struct timespec now;

    if (c->progress != NULL && strcmp(c->progress, "json") == 0) {
        show_json(event);
        return;
    }
    if (c->quiet || (c->progress != NULL && strcmp(c->progress, "none") == 0))
        return;
    if (strcmp(output_text(event, "event"), "plan") == 0) {
        if (!c->check)
            show_plan(event);
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (isatty(STDERR_FILENO)) {
        show_text(event, true);
    } else if (last == 0) {
        last = now.tv_sec;
    } else if (now.tv_sec - last >= LINE_EVERY_S) {
        last = now.tv_sec;
        show_text(event, false);
    }
}

void progress_end(struct cli *c)
{
    (void)c;
    if (bar_is_up)
        fprintf(stderr, "\r\033[K");
    bar_is_up = false;
}
