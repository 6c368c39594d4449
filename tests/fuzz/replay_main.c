/* replay_main: runs a fuzz target over every file of the folders it is given,
 * so that an ordinary test run replays the corpora without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    size_t n;
    long size;

    if (f == NULL)
        return -1;
    (void)fseek(f, 0, SEEK_END);
    size = ftell(f);
    (void)fseek(f, 0, SEEK_SET);
    if (size < 0) {
        (void)fclose(f);
        return 0; /* a folder */
    }
    data = malloc(size > 0 ? (size_t)size : 1); /* exact: ASan sees overreads */
    n = data != NULL ? fread(data, 1, (size_t)size, f) : 0;
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        struct dirent *e;
        char path[4096];

        if (d == NULL) {
            fprintf(stderr, "no corpus '%s'\n", argv[i]);
            return 1;
        }
        while ((e = readdir(d)) != NULL) {
            if (e->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            count += replay_file(path) == 1;
        }
        (void)closedir(d);
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
