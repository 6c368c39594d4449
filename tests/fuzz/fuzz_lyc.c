/* Course files of strangers: every frame found is one that may be, and the
 * reader comes to an end. The first byte says how the bytes come and whether
 * chunks are read or skipped. And a file made of the input is read as made. */
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/record.h"
#include "storage/lyc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *p;
    size_t left, step;
};

static int mem_read(void *user, uint8_t *p, size_t cap, size_t *out_n,
                    struct err *e)
{
    struct memory *m = user;
    size_t n = m->left < m->step ? m->left : m->step;

    (void)e;
    n = n < cap ? n : cap;
    if (n != 0)
        memcpy(p, m->p, n);
    m->p += n;
    m->left -= n;
    *out_n = n;
    return 0;
}

static void look_at(struct lyc_reader *r, const struct lyc_item *item,
                    bool take)
{
    const uint8_t *bytes;
    struct chunk_id is;

    if (item->kind == LYC_RECORD &&
        (item->record.len < 1 || item->record.len > RECORD_BYTES_MAX))
        abort();
    if (item->kind == LYC_RECORD)
        (void)digest_sum64(item->record.p, item->record.len);
    if (item->kind != LYC_CHUNK)
        return;
    if (item->ref.stored_len < 1 || item->ref.stored_len > CHUNK_RAW_MAX)
        abort();
    if (!take || lyc_chunk(r, &bytes, NULL) != 0)
        return;
    is = digest_chunk(bytes, item->ref.stored_len);
    if (!chunk_id_eq(&is, &item->ref.id))
        abort();
}

static int mem_write(void *user, const struct span *parts, size_t count,
                     struct err *e)
{
    (void)e;
    for (size_t i = 0; i < count; i++)
        (void)buf_append(user, parts[i].p, parts[i].len);
    return 0;
}

static void expect(struct lyc_reader *r, enum lyc_kind kind, struct span bytes)
{
    const uint8_t *p;
    struct lyc_item item;

    if (lyc_next(r, &item, NULL) != 0 || item.kind != kind)
        abort();
    if (kind == LYC_RECORD && !span_eq(item.record, bytes))
        abort();
    if (kind == LYC_CHUNK &&
        (item.ref.stored_len != bytes.len || lyc_chunk(r, &p, NULL) != 0 ||
         memcmp(p, bytes.p, bytes.len) != 0))
        abort();
}

static void there_and_back(struct span bytes)
{
    struct chunk_ref ref = {.id = digest_chunk(bytes.p, bytes.len),
                            .stored_len = (uint32_t)bytes.len,
                            .raw_len = (uint32_t)bytes.len};
    struct lyc_head head = {.seq = 3, .since = 2};
    struct lyc_head back;
    struct buf file = BUF_INIT;
    struct lyc_writer w;
    struct lyc_reader *r;
    struct memory m;

    if (lyc_begin(&w, &head, mem_write, &file, NULL) != 0 ||
        lyc_put_record(&w, bytes, NULL) != 0 ||
        lyc_put_chunk(&w, &ref, bytes.p, NULL) != 0 || lyc_end(&w, NULL) != 0)
        abort();
    m = (struct memory){file.base, file.len, 1000};
    if (lyc_open(mem_read, &m, &back, &r, NULL) != 0 || back.seq != 3 ||
        back.since != 2)
        abort();
    expect(r, LYC_RECORD, bytes);
    expect(r, LYC_CHUNK, bytes);
    expect(r, LYC_END, bytes);
    if (lyc_damaged(r) != 0)
        abort();
    lyc_close(r);
    buf_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data + 1, size - 1, 0};
    struct lyc_item item = {.kind = LYC_RECORD};
    struct lyc_reader *r;
    struct lyc_head head;

    if (size < 1)
        return 0;
    if (size <= RECORD_BYTES_MAX)
        there_and_back((struct span){data, size});
    m.step = 1 + (size_t)(data[0] >> 1) * 40;
    if (lyc_open(mem_read, &m, &head, &r, NULL) != 0)
        return 0;
    for (size_t i = 0; item.kind != LYC_END && item.kind != LYC_CUT; i++) {
        if (i > size || lyc_next(r, &item, NULL) != 0)
            abort(); /* a frame takes a byte at least */
        look_at(r, &item, (data[0] & 1) != 0);
    }
    lyc_close(r);
    return 0;
}
