#include "node/doctor/doctor.h"

#include <assert.h>

struct err *doctor_note(struct doctor *d, const char *id,
                        enum doctor_state state)
{
    struct finding *f = &d->list[d->count++];

    assert(d->count <= DOCTOR_FINDINGS_MAX);
    *f = (struct finding){.id = id, .state = state};
    return &f->said;
}

void doctor_look(struct doctor *d)
{
    doctor_home(d);
    doctor_disk(d);
    doctor_clock(d);
    doctor_port(d);
    doctor_reach(d);
}
