#include "cli/node_log.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"

#define FILE_MAX_BYTES (8 << 20)
#define LINE_EVERY_MS 500
#define BURST_MS 60000 /* 120 lines at once */

static const char *const level_names[] = {"debug", "info", "warn"};

/* When stderr is the log file and has grown: that gets another name, and stderr
 * a new file of the old one. */
static void rotate(const char *path)
{
    char older[4100];
    struct stat is;
    struct stat ours;
    int fd;

    if (path == NULL || fstat(STDERR_FILENO, &is) != 0 ||
        is.st_size < FILE_MAX_BYTES || lstat(path, &ours) != 0 ||
        is.st_dev != ours.st_dev || is.st_ino != ours.st_ino)
        return;
    (void)snprintf(older, sizeof older, "%s.1", path);
    if (rename(path, older) != 0)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return;
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
}

static uint64_t now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool may_write(struct node_log *log)
{
    uint64_t now = now_ms();

    if (log->used_ms + BURST_MS < now)
        log->used_ms = now - BURST_MS;
    if (log->used_ms >= now)
        return false;
    log->used_ms += LINE_EVERY_MS;
    return true;
}

static void write_text(const char *when, const char *level, const char *event,
                       const char *const *facts)
{
    fprintf(stderr, "%s %-5s %s", when, level, event);
    for (; facts[0] != NULL; facts += 2) {
        char *safe = output_safe_long(facts[1], 400);

        fprintf(stderr, " %s=%s", facts[0], safe);
        free(safe);
    }
    fprintf(stderr, "\n");
}

static void write_json(const char *when, const char *level, const char *event,
                       const char *const *facts)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "time", when, "level", level,
                          "event", event);
    char *text;

    for (; facts[0] != NULL; facts += 2)
        (void)json_object_set_new(o, facts[0], json_string(facts[1]));
    text = json_dumps(o, JSON_COMPACT);
    fprintf(stderr, "%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(o);
}

static void write_line(const struct node_log *log, enum node_log_level level,
                       const char *event, const char *const *facts)
{
    struct timespec ts;
    struct tm tm;
    char when[40];

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    (void)gmtime_r(&ts.tv_sec, &tm);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    (log->json ? write_json : write_text)(when, level_names[level], event,
                                          facts);
}

void node_log_write(void *user, enum node_log_level level, const char *event,
                    const char *const *facts)
{
    struct node_log *log = user;
    char count[24];

    if (level < log->least)
        return;
    if (!may_write(log)) {
        log->skipped++;
        return;
    }
    rotate(log->file);
    if (log->skipped != 0) {
        (void)snprintf(count, sizeof count, "%llu",
                       (unsigned long long)log->skipped);
        log->skipped = 0;
        write_line(log, NODE_WARN, "log.skipped",
                   (const char *const[]){"lines", count, NULL});
    }
    write_line(log, level, event, facts);
}
