/* A pack of anything: a scan ends, and finds only records whose bytes have the
 * digest that their header says, in order, inside the file. And what is written
 * is found: the input as one chunk, behind itself. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "storage/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    const uint8_t *data;
    size_t size;
    uint64_t last;
    size_t count;
    struct chunk_id id; /* of the last one */
};

static int on_record(void *user, const struct pack_record *r)
{
    struct seen *s = user;
    struct chunk_id id;

    if (r->offset < s->last + PACK_HEAD_BYTES ||
        r->offset + r->ref.stored_len > s->size)
        abort();
    id = digest_chunk(s->data + r->offset, r->ref.stored_len);
    if (!chunk_id_eq(&id, &r->ref.id))
        abort();
    s->last = r->offset + r->ref.stored_len;
    s->id = id;
    s->count++;
    return 0;
}

static void scan(struct seen *s)
{
    int fd = memfd_create("pack", MFD_CLOEXEC);
    uint64_t end;

    if (fd < 0 || write(fd, s->data, s->size) != (ssize_t)s->size ||
        pack_scan(fd, 0, on_record, s, &end, NULL) != 0 || end != s->last)
        abort();
    (void)close(fd);
}

static int on_number(void *user, uint32_t number)
{
    uint32_t *last = user;

    if (number != *last + 1)
        abort();
    *last = number;
    return 0;
}

/* The names of packs are numbers, and nothing else is a pack. Once. */
__attribute__((constructor)) static void list(void)
{
    static const char *const others[] = {"0.pack", "000003.tmp", "x00004.pack"};
    char home[] = "/tmp/lyceum-fuzz-XXXXXX";
    char path[128];
    uint32_t last = 0;
    bool made = mkdtemp(home) != NULL;

    (void)snprintf(path, sizeof path, "%s/packs", home);
    made = made && mkdir(path, 0700) == 0;
    for (uint32_t i = 2; made && i > 0; i--) {
        pack_path(home, i, path, sizeof path);
        made = close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0;
    }
    for (size_t i = 0; made && i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/packs/%s", home, others[i]);
        made = close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0;
    }
    if (!made || pack_list(home, on_number, &last, NULL) != 0 || last != 2)
        abort();
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/packs/%s", home, others[i]);
        (void)unlink(path);
    }
    for (uint32_t i = 1; i <= 2; i++) {
        pack_path(home, i, path, sizeof path);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/packs", home);
    (void)rmdir(path);
    (void)rmdir(home);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen s = {data, size, 0, 0, {{0}}};
    struct chunk_ref ref = {0};
    size_t n = size < 4096 ? size : 4096;
    uint8_t *both = malloc(size + PACK_HEAD_BYTES + n + 1);

    if (both == NULL)
        abort();
    scan(&s);
    if (n != 0) {
        ref.id = digest_chunk(data, n);
        ref.stored_len = ref.raw_len = (uint32_t)n;
        memcpy(both, data, size);
        pack_head_encode(&ref, digest_sum64(data, n), both + size);
        memcpy(both + size + PACK_HEAD_BYTES, data, n);
        s = (struct seen){both, size + PACK_HEAD_BYTES + n, 0, 0, {{0}}};
        scan(&s);
        if (s.last != s.size || !chunk_id_eq(&s.id, &ref.id))
            abort();
    }
    free(both);
    return 0;
}
