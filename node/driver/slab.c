#include "node/driver/slab.h"

#include <pthread.h>
#include <stdlib.h>

#define STEP (16u * 1024u)
#define CLASSES 130 /* up to 2 MiB */

struct block {
    struct block *next;
    size_t class_no;
    _Alignas(16) uint8_t bytes[];
};

struct slab {
    pthread_mutex_t mutex;
    struct block *spare[CLASSES];
    size_t kept, keep_max;
    size_t refs; /* the owner and each buffer that is out */
};

struct slab *slab_new(size_t keep_bytes)
{
    struct slab *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->keep_max = keep_bytes;
    s->refs = 1;
    return s;
}

static void destroy(struct slab *s)
{
    for (size_t i = 0; i < CLASSES; i++) {
        while (s->spare[i] != NULL) {
            struct block *b = s->spare[i];

            s->spare[i] = b->next;
            free(b);
        }
    }
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

void slab_unref(struct slab *s)
{
    size_t left;

    (void)pthread_mutex_lock(&s->mutex);
    left = --s->refs;
    (void)pthread_mutex_unlock(&s->mutex);
    if (left == 0)
        destroy(s);
}

uint8_t *slab_get(struct slab *s, size_t len)
{
    size_t no = (len + STEP - 1) / STEP;
    struct block *b;

    if (no >= CLASSES)
        return NULL;
    (void)pthread_mutex_lock(&s->mutex);
    b = s->spare[no];
    if (b != NULL) {
        s->spare[no] = b->next;
        s->kept -= no * STEP;
    }
    s->refs++;
    (void)pthread_mutex_unlock(&s->mutex);
    if (b == NULL) {
        b = malloc(sizeof *b + no * STEP);
        if (b == NULL) {
            slab_unref(s);
            return NULL;
        }
        b->class_no = no;
    }
    return b->bytes;
}

void slab_put(struct slab *s, uint8_t *buffer)
{
    struct block *b =
        (struct block *)(void *)(buffer - offsetof(struct block, bytes));
    size_t bytes = b->class_no * STEP;

    (void)pthread_mutex_lock(&s->mutex);
    if (s->kept + bytes <= s->keep_max) {
        b->next = s->spare[b->class_no];
        s->spare[b->class_no] = b;
        s->kept += bytes;
        b = NULL;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    free(b);
    slab_unref(s);
}

size_t slab_kept_bytes(struct slab *s)
{
    size_t kept;

    (void)pthread_mutex_lock(&s->mutex);
    kept = s->kept;
    (void)pthread_mutex_unlock(&s->mutex);
    return kept;
}
