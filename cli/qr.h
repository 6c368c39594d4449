/* qr: a text as a QR code, on the terminal or in a PNG file. */
#ifndef CLI_QR_H
#define CLI_QR_H

#include <stdbool.h>

#include "crypto/base/err.h"

/** qr_print - @text to stdout, two rows of modules in a line of half blocks;
 *  light modules are what is printed, as most terminals are dark; with @colour
 *  both colours are set, so that any terminal will do.
 *  Return: 0; ERR_INVALID when @text is longer than a code holds (2,300 bytes);
 *  ERR_NOMEM. */
int qr_print(const char *text, bool colour, struct err *e);

/** qr_save - into the PNG file @path, whole or not at all: grey, 8 pixels a
 *  module. Return: as above; ERR_* of file_io_save. */
int qr_save(const char *text, const char *path, struct err *e);

#endif
