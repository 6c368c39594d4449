/* The clock. Newest-wins, bans and what a receipt is good for go by it;
 * editions do not. */
#include "node/doctor/doctor.h"

#define DAY_MS 86400000ull
#define WRITTEN_MS 1793491200000ull /* 2026-11-01: this program is younger */
#define YEARS 30                    /* and nobody runs it longer than that */

static unsigned long long days(uint64_t from, uint64_t to)
{
    return (to - from) / DAY_MS;
}

void doctor_clock(struct doctor *d)
{
    bool early = d->now_ms < WRITTEN_MS;
    bool late = d->now_ms > WRITTEN_MS + YEARS * 365 * DAY_MS;
    bool behind = !early && d->newest_ms > d->now_ms + DAY_MS;
    struct err *said = doctor_note(d, "clock",
                                   early || late ? DOCTOR_PROBLEM
                                   : behind      ? DOCTOR_WARNING
                                                 : DOCTOR_OK);

    if (early)
        (void)err_set(said, ERR_FAILED,
                      "%llu days before this program was written",
                      days(d->now_ms, WRITTEN_MS));
    else if (late)
        (void)err_set(said, ERR_FAILED,
                      "%llu days after this program was written",
                      days(WRITTEN_MS, d->now_ms));
    else if (behind)
        (void)err_set(said, ERR_FAILED,
                      "a record here is from %llu days ahead: this clock is"
                      " behind, or its author's was ahead",
                      days(d->now_ms, d->newest_ms));
    else
        (void)err_set(said, 0, "it can be right");
    if (early || late || behind)
        err_hint(said,
                 "timedatectl set-ntp true, or date -s with the right time");
}
