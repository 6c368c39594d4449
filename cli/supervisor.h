/* supervisor: tells who started us how we are, when they ask for it: systemd's
 * Type=notify, and whoever speaks the same protocol, which is a datagram to the
 * socket that NOTIFY_SOCKET names. Source: sd_notify(3), whose notes say that
 * it is stable and may be spoken without libsystemd. */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <stdint.h>

#include "crypto/base/err.h"

/**
 * supervisor_tell - @state: lines as in sd_notify(3), like "READY=1".
 * Return: 0, also when nobody asked; ERR_INVALID: a socket that is none of a
 * file or abstract; ERR_IO: it could not be told.
 */
int supervisor_tell(const char *state, struct err *e);

/** supervisor_watch_ms - how often "WATCHDOG=1" is wanted of this process: half
 *  the time after which it would be taken for dead. 0: nobody watches. */
uint64_t supervisor_watch_ms(void);

#endif
