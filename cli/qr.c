#include "cli/qr.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/file_io.h"

#define QUIET 4 /* modules around it, as the standard wants */
#define SCALE 8 /* pixels */

static int encode(const char *text, QRcode **out, struct err *e)
{
    *out = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (*out != NULL)
        return 0;
    if (errno == ENOMEM)
        return err_set(e, ERR_NOMEM, "out of memory");
    return err_set(e, ERR_INVALID, "%zu bytes are more than a QR code holds",
                   strlen(text));
}

/* The quiet zone, and all around it, is light. */
static bool is_dark(const QRcode *q, int x, int y)
{
    return x >= 0 && y >= 0 && x < q->width && y < q->width &&
           (q->data[y * q->width + x] & 1) != 0;
}

int qr_print(const char *text, bool colour, struct err *e)
{
    /* by what is light: above, below */
    static const char *const cells[2][2] = {{" ", "\u2584"},
                                            {"\u2580", "\u2588"}};
    QRcode *q;
    int rc = encode(text, &q, e);

    if (rc != 0)
        return rc;
    for (int y = -QUIET; y < q->width + QUIET; y += 2) {
        printf("%s", colour ? "\033[97;40m" : "");
        for (int x = -QUIET; x < q->width + QUIET; x++)
            printf("%s", cells[!is_dark(q, x, y)][!is_dark(q, x, y + 1)]);
        printf("%s\n", colour ? "\033[0m" : "");
    }
    QRcode_free(q);
    return 0;
}

static uint8_t *draw(const QRcode *q, unsigned side)
{
    uint8_t *pixels = malloc((size_t)side * side);

    for (unsigned y = 0; pixels != NULL && y < side; y++)
        for (unsigned x = 0; x < side; x++)
            pixels[(size_t)y * side + x] =
                is_dark(q, (int)(x / SCALE) - QUIET, (int)(y / SCALE) - QUIET)
                    ? 0
                    : 255;
    return pixels;
}

int qr_save(const char *text, const char *path, struct err *e)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY};
    png_alloc_size_t size = 0;
    uint8_t *pixels;
    uint8_t *file = NULL;
    QRcode *q;
    int rc = encode(text, &q, e);

    if (rc != 0)
        return rc;
    image.width = image.height = (unsigned)(q->width + 2 * QUIET) * SCALE;
    pixels = draw(q, image.width);
    if (pixels != NULL &&
        png_image_write_get_memory_size(image, size, 0, pixels, 0, NULL))
        file = malloc(size);
    if (file == NULL ||
        !png_image_write_to_memory(&image, file, &size, 0, pixels, 0, NULL))
        rc = err_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0)
        rc = file_io_save(path, file, size, e);
    png_image_free(&image);
    free(file);
    free(pixels);
    QRcode_free(q);
    return rc;
}
