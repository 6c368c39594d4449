/* node, status, peer and config. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/causes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/node_log.h"
#include "cli/output.h"
#include "cli/supervisor.h"
#include "node/api/client.h"
#include "storage/config.h"

#define START_WAIT_MS 10000
#define POLL_MS 50

int cmd_node_status(struct cli *c)
{
    return cmd_status(c);
}

/* ---- node run
 * ---------------------------------------------------------------------------
 */

/* Where a node that runs by itself writes what happens. */
static void log_path(const struct cli *c, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%.3700s/log/lyceum.log", c->home);
}

/* Who started the node may want to know; the node goes on without them. */
static void tell(struct node_log *log, const char *state)
{
    struct err e = ERR_INIT;

    if (supervisor_tell(state, &e) != 0)
        node_log_write(log, NODE_WARN, "not-told",
                       (const char *const[]){"why", e.text, NULL});
}

static void on_ready(void *user, const char *address, const char *key)
{
    struct node_log *log = user;
    char state[256];

    printf("ready %s %s\n", address[0] != '\0' ? address : "-", key);
    (void)fflush(stdout);
    node_log_write(log, NODE_INFO, "ready",
                   (const char *const[]){"address", address, NULL});
    (void)snprintf(state, sizeof state, "READY=1\nSTATUS=%.200s", address);
    tell(log, state);
}

static void on_alive(void *user)
{
    tell(user, "WATCHDOG=1");
}

int cmd_node_run(struct cli *c)
{
    static char listen[CONFIG_VALUE_MAX];
    static char format[CONFIG_VALUE_MAX];
    static struct node_log log; /* the node outlives this call */
    static char path[4096];
    const struct client_hooks hooks = {.ready = on_ready,
                                       .alive = on_alive,
                                       .alive_ms = supervisor_watch_ms(),
                                       .user = &log};
    int rc = home_make(c->home, &c->err);

    if (rc == 0 && c->listen == NULL) {
        rc = config_get(c->home, "listen", listen, &c->err);
        c->listen = listen;
    }
    if (rc == 0 && c->log_format == NULL) {
        rc = config_get(c->home, "log_format", format, &c->err);
        c->log_format = format;
    }
    log.json = c->log_format != NULL && strcmp(c->log_format, "json") == 0;
    log.least = c->verbose ? NODE_DEBUG : c->quiet ? NODE_WARN : NODE_INFO;
    log_path(c, path, sizeof path);
    log.file = path;
    c->log = &log;
    if (rc == 0)
        rc = cli_open(c, true);
    if (rc == 0)
        rc = client_serve(c->client, &hooks, &c->err);
    if (rc == 0) {
        tell(&log, "STOPPING=1");
        node_log_write(&log, NODE_INFO, "stop", (const char *const[]){NULL});
    }
    return rc;
}

/* ---- node start, stop
 * ------------------------------------------------------------------------ */

static void show_start(struct cli *c, const json_t *r)
{
    (void)c;
    printf("ready %s %s\n", output_text(r, "listen"), output_text(r, "node"));
}

static _Noreturn void be_the_node(struct cli *c, const char *log, int out)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *argv[16] = {self, "--home", c->home, "node", "run"};
    size_t argc = 5;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    int null = open("/dev/null", O_RDONLY);

    if (n <= 0 || fd < 0 || null < 0 || setsid() < 0)
        _exit(1);
    self[n] = '\0';
    if (c->listen != NULL) {
        argv[argc++] = "--listen";
        argv[argc++] = c->listen;
    }
    if (c->log_format != NULL) {
        argv[argc++] = "--log-format";
        argv[argc++] = c->log_format;
    }
    if (c->lang != NULL) { /* its last words are told here */
        argv[argc++] = "--lang";
        argv[argc++] = c->lang;
    }
    if (c->offline)
        argv[argc++] = "--offline";
    if (c->verbose)
        argv[argc++] = "-v";
    if (c->quiet)
        argv[argc++] = "-q";
    (void)dup2(null, 0);
    (void)dup2(out, 1);
    (void)dup2(fd, 2);
    execv(self, (char *const *)(uintptr_t)argv);
    _exit(1);
}

/* What the node that did not start said last: its "why:" and "try:". */
static void last_words(struct cli *c, const char *log, off_t from, int rc)
{
    char line[600];
    FILE *f = fopen(log, "r");

    (void)err_set(&c->err, rc, "the node did not start");
    err_hint(&c->err, "see '%.200s'", log);
    if (f == NULL)
        return;
    if (fseeko(f, from, SEEK_SET) == 0)
        while (fgets(line, sizeof line, f) != NULL) {
            line[strcspn(line, "\n")] = '\0';
            if (strncmp(line, "why: ", 5) == 0)
                (void)err_set(&c->err, rc, "the node did not start: %s",
                              line + 5);
            if (strncmp(line, "try: ", 5) == 0)
                err_hint(&c->err, "%s", line + 5);
        }
    (void)fclose(f);
}

/* The ERR_* behind the exit code of the node that did not start. */
static int code_of(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return ERR_FAILED;
    switch (WEXITSTATUS(status)) {
    case 2:
        return ERR_INVALID;
    case 6:
        return ERR_NETWORK;
    case 8:
        return ERR_NO_SPACE;
    case 9:
        return ERR_BUSY;
    case 11:
        return ERR_REFUSED;
    default:
        return ERR_FAILED;
    }
}

/* The line "ready ADDRESS KEY". */
static int wait_ready(struct cli *c, int fd, const char *log, json_t **out)
{
    char line[512] = "";
    char address[256];
    char key[80];
    size_t n = 0;
    ssize_t k;

    while (n < sizeof line - 1 && strchr(line, '\n') == NULL &&
           ((k = read(fd, line + n, sizeof line - 1 - n)) > 0 ||
            (k < 0 && errno == EINTR)))
        n += k > 0 ? (size_t)k : 0;
    if (sscanf(line, "ready %255s %79s", address, key) != 2)
        return err_set(&c->err, ERR_FAILED, "the node did not start");
    *out = json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "listen", address, "node",
                     key, "log", log);
    return 0;
}

int cmd_node_start(struct cli *c)
{
    char dir[HOME_PATH_MAX];
    char log[HOME_PATH_MAX];
    json_t *r = NULL;
    struct stat st;
    off_t from;
    int pipe_[2];
    pid_t pid;
    int rc = home_make(c->home, &c->err);

    if (rc != 0)
        return rc;
    (void)snprintf(dir, sizeof dir, "%.3700s/log", c->home);
    log_path(c, log, sizeof log);
    if ((mkdir(dir, 0700) != 0 && errno != EEXIST) ||
        pipe2(pipe_, O_CLOEXEC) != 0)
        return err_errno(&c->err, errno, "start in '%s'", c->home);
    from = stat(log, &st) == 0 ? st.st_size : 0;
    pid = fork();
    if (pid == 0)
        be_the_node(c, log, pipe_[1]);
    (void)close(pipe_[1]);
    if (pid < 0)
        rc = err_errno(&c->err, errno, "fork");
    else
        rc = wait_ready(c, pipe_[0], log, &r);
    (void)close(pipe_[0]);
    if (rc != 0 && pid > 0) {
        rc = code_of(pid);
        last_words(c, log, from, rc);
    }
    if (rc == 0)
        cli_answer(c, r, show_start);
    json_decref(r);
    return rc;
}

static void show_stop(struct cli *c, const json_t *r)
{
    bool was = json_object_get(r, "running") == NULL;

    (void)c;
    printf("%s\n", say(was ? SAY_DONE : SAY_NOT_RUNNING));
}

int cmd_node_stop(struct cli *c)
{
    const struct timespec nap = {0, POLL_MS * 1000000L};
    char holder[128];
    json_t *r = NULL;
    int rc;

    if (!home_holder(c->home, holder, sizeof holder)) {
        r = json_pack("{s:i, s:b}", "v", 1, "running", 0);
        cli_answer(c, r, show_stop);
        json_decref(r);
        return 0;
    }
    rc = cli_call(c, json_pack("{s:s}", "op", "stop"), &r);
    if (client_hosts(c->client)) { /* it ended by itself meanwhile */
        json_decref(r);
        return rc;
    }
    for (int i = 0; rc == 0 && i < START_WAIT_MS / POLL_MS &&
                    home_holder(c->home, holder, sizeof holder);
         i++)
        (void)nanosleep(&nap, NULL);
    if (rc == 0 && home_holder(c->home, holder, sizeof holder))
        rc = err_set(&c->err, ERR_BUSY, "%s does not end", holder);
    if (rc == 0)
        cli_answer(c, r, show_stop);
    json_decref(r);
    return rc;
}

/* ---- peers
 * --------------------------------------------------------------------------------------
 */

static void show_banned(const json_t *p)
{
    char *why = causes_say(output_text(p, "why"));

    printf("%s  %s\n", output_text(p, "node"), why);
    free(why);
}

static void show_peer(const json_t *p)
{
    printf("%.12s  %-21s %s %s ", output_text(p, "node"),
           output_text(p, "address"),
           output_cell(output_word(output_text(p, "direction")), 3).s,
           output_cell(output_word(output_text(p, "road")), 8).s);
    printf(say(SAY_PEER_RATES), output_int(p, "rtt_ms"),
           output_size((uint64_t)output_int(p, "received_bytes")).s,
           output_size((uint64_t)output_int(p, "sent_bytes")).s);
    printf("\n");
}

static void show_peers(struct cli *c, const json_t *r)
{
    const json_t *list = json_object_get(r, "peers");

    if (json_array_size(list) == 0)
        printf("%s\n", say(SAY_NO_PEERS));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);

        if (c->banned)
            show_banned(p);
        else
            show_peer(p);
    }
}

int cmd_peer_ls(struct cli *c)
{
    json_t *r = NULL;
    int rc = cli_call(
        c, json_pack("{s:s, s:b}", "op", "peer.ls", "banned", c->banned), &r);

    cli_answer(c, r, show_peers);
    json_decref(r);
    return rc;
}

static void show_done(struct cli *c, const json_t *r)
{
    (void)c;
    (void)r;
    printf("%s\n", say(SAY_DONE));
}

int cmd_peer_add(struct cli *c)
{
    return cli_simple(c, "peer.add", "peer", show_done);
}

int cmd_peer_rm(struct cli *c)
{
    return cli_simple(c, "peer.rm", "peer", show_done);
}

int cmd_peer_block(struct cli *c)
{
    return cli_simple(c, "peer.block", "peer", show_done);
}

int cmd_peer_unblock(struct cli *c)
{
    return cli_simple(c, "peer.unblock", "peer", show_done);
}

/* ---- settings
 * --------------------------------------------------------------------------------------
 */

static void show_config(struct cli *c, const json_t *r)
{
    const char *key;
    json_t *value;
    json_t *all = json_object_get(r, "config");

    (void)c;
    json_object_foreach(all, key, value)
        printf("%s = %s\n", key, json_string_value(value));
}

int cmd_config_get(struct cli *c)
{
    json_t *all = json_object();
    json_t *r;
    int rc = 0;

    for (const char *const *k = config_keys(); *k != NULL && rc == 0; k++) {
        char value[CONFIG_VALUE_MAX];

        if (c->word_count != 0 && strcmp(c->words[0], *k) != 0)
            continue;
        rc = config_get(c->home, *k, value, &c->err);
        if (rc == 0)
            (void)json_object_set_new(all, *k, json_string(value));
    }
    if (rc == 0 && json_object_size(all) == 0)
        rc = err_set(&c->err, ERR_INVALID, "no setting '%s'", c->words[0]);
    r = json_pack("{s:i, s:o}", "v", 1, "config", all);
    if (rc == 0)
        cli_answer(c, r, show_config);
    json_decref(r);
    return rc;
}

int cmd_config_set(struct cli *c)
{
    int rc = home_make(c->home, &c->err);
    json_t *r;

    if (rc == 0)
        rc = config_set(c->home, c->words[0], c->words[1], &c->err);
    if (rc != 0)
        return rc;
    r = json_pack("{s:i, s:{s:s}}", "v", 1, "config", c->words[0], c->words[1]);
    cli_answer(c, r, show_config);
    json_decref(r);
    return 0;
}

int cmd_config_check(struct cli *c)
{
    json_t *r;
    int rc = config_check_file(c->home, &c->err);

    if (rc != 0)
        return rc;
    r = json_pack("{s:i, s:b}", "v", 1, "ok", 1);
    cli_answer(c, r, show_done);
    json_decref(r);
    return 0;
}
