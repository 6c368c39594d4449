/* fuzz_home: a home folder in memory, with one file that is the input: for
 * targets whose decoder reads files itself. */
#ifndef TESTS_FUZZ_FUZZ_HOME_H
#define TESTS_FUZZ_FUZZ_HOME_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

static char fuzz_home[64];

static void fuzz_home_remove(void)
{
    static const char *const names[] = {"config", "journal", "identity.key",
                                        "node.key"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", fuzz_home, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(fuzz_home);
}

/* Made at the first call, gone at the end. Holds @name with those bytes. */
static void fuzz_home_with(const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    int fd;

    if (fuzz_home[0] == '\0') {
        (void)snprintf(fuzz_home, sizeof fuzz_home, "%s/lyceum-fuzz-XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (mkdtemp(fuzz_home) == NULL || atexit(fuzz_home_remove) != 0)
            abort();
    }
    (void)snprintf(path, sizeof path, "%s/%s", fuzz_home, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0)
        abort();
}

#endif
