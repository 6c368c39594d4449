#include "cli/passphrase.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/say.h"
#include "storage/file_io.h"

#define PASSPHRASE_MAX 1024

static int keep(struct passphrase *out, const char *text, size_t len,
                struct err *e)
{
    while (len != 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len == 0)
        return err_set(e, ERR_KEY_NEEDED, "the passphrase is empty");
    out->text = sodium_malloc(len + 1);
    if (out->text == NULL)
        return err_set(e, ERR_NOMEM, "passphrase");
    memcpy(out->text, text, len);
    out->text[len] = '\0';
    out->len = len;
    return 0;
}

static int from_file(const char *path, struct passphrase *out, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_io_load(path, PASSPHRASE_MAX, &text, e);

    if (rc == 0)
        rc = keep(out, (const char *)text.base, text.len, e);
    if (text.base != NULL)
        sodium_memzero(text.base, text.cap);
    buf_deinit(&text);
    if (rc != 0)
        err_wrap(e, "LYCEUM_PASSPHRASE_FILE");
    return rc != 0 ? ERR_KEY_NEEDED : 0;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* One line without echo. A signal must end the read and leave the terminal as
 * it was, whoever handles signals at other times. */
static ssize_t read_line(char *line, size_t cap)
{
    struct sigaction stop = {.sa_handler = on_signal}; /* no SA_RESTART */
    struct sigaction before[2];
    struct termios old;
    struct termios quiet;
    ssize_t n;

    if (tcgetattr(STDIN_FILENO, &old) != 0)
        return -1;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    interrupted = 0;
    (void)sigaction(SIGINT, &stop, &before[0]);
    (void)sigaction(SIGTERM, &stop, &before[1]);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    n = interrupted ? -1 : read(STDIN_FILENO, line, cap);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    (void)sigaction(SIGINT, &before[0], NULL);
    (void)sigaction(SIGTERM, &before[1], NULL);
    return n;
}

static int from_terminal(enum say prompt, struct passphrase *out, struct err *e)
{
    char line[PASSPHRASE_MAX];
    ssize_t n;
    int rc;

    if (!isatty(STDIN_FILENO))
        return err_set(e, ERR_KEY_NEEDED,
                       "a passphrase is wanted, and there is no terminal");
    fprintf(stderr, "%s", say(prompt));
    n = read_line(line, sizeof line);
    fprintf(stderr, "\n");
    if (interrupted)
        rc = err_set(e, ERR_INTERRUPTED, "interrupted");
    else if (n <= 0)
        rc = err_set(e, ERR_KEY_NEEDED, "no passphrase given");
    else
        rc = keep(out, line, (size_t)n, e);
    sodium_memzero(line, sizeof line);
    return rc;
}

int passphrase_ask(struct passphrase *out, struct err *e)
{
    const char *file = getenv("LYCEUM_PASSPHRASE_FILE");

    if (file != NULL && file[0] != '\0')
        return from_file(file, out, e);
    return from_terminal(SAY_PASSPHRASE, out, e);
}

int passphrase_new(struct passphrase *out, struct err *e)
{
    const char *file = getenv("LYCEUM_PASSPHRASE_FILE");
    struct passphrase again = {NULL, 0};
    int rc;

    if (file != NULL && file[0] != '\0')
        return from_file(file, out, e);
    rc = from_terminal(SAY_PASSPHRASE_NEW, out, e);
    if (rc == 0)
        rc = from_terminal(SAY_PASSPHRASE_AGAIN, &again, e);
    if (rc == 0 &&
        (again.len != out->len || memcmp(again.text, out->text, out->len) != 0))
        rc = err_set(e, ERR_INVALID, "%s", say(SAY_NO_MATCH));
    passphrase_wipe(&again);
    if (rc != 0)
        passphrase_wipe(out);
    if (rc == ERR_KEY_NEEDED)
        err_hint(e, "set LYCEUM_PASSPHRASE_FILE, or choose --no-passphrase");
    return rc;
}

void passphrase_wipe(struct passphrase *p)
{
    sodium_free(p->text);
    p->text = NULL;
    p->len = 0;
}
