/* beneath: files below a folder and never outside it: openat2 with
 * RESOLVE_BENEATH and no symlinks, whatever anybody does to the folder
 * meanwhile. */
#ifndef STORAGE_BENEATH_H
#define STORAGE_BENEATH_H

#include <sys/types.h>

#include "crypto/base/err.h"

/** beneath_open - as openat(2), below @root. Return: fd, or -errno. */
int beneath_open(int root, const char *path, int flags, mode_t mode);

/** beneath_make_parents - every folder above @path. 0 or -errno. */
int beneath_make_parents(int root, const char *path);

/** beneath_make_dir - the folder @path itself and those above it. */
int beneath_make_dir(int root, const char *path);

/** beneath_parent - the folder that holds @path, made when missing; *out_name
 * is its last component. Return: fd, or -errno. */
int beneath_parent(int root, const char *path, const char **out_name);

#endif
