/* The home: is it ours alone, can it be read, does its node answer? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/vault.h"
#include "node/doctor/doctor.h"
#include "storage/config.h"
#include "storage/home.h"
#include "storage/index_look.h"
#include "storage/keyfile.h"

static void folder(struct doctor *d)
{
    struct err why = ERR_INIT;
    int rc = home_check(d->home, &why);
    struct err *said;

    d->exists = rc != ERR_NOT_FOUND && access(d->home, F_OK) == 0;
    said = doctor_note(d, "home",
                       rc == 0 || !d->exists ? DOCTOR_OK : DOCTOR_PROBLEM);
    if (rc == 0)
        (void)err_set(said, 0, "'%.400s' is yours alone", d->home);
    else if (!d->exists)
        (void)err_set(said, 0, "'%.400s' is made when it is needed", d->home);
    else
        *said = why;
}

static void node(struct doctor *d)
{
    enum doctor_state state =
        d->held && !d->answers ? DOCTOR_PROBLEM : DOCTOR_OK;
    struct err *said = doctor_note(d, "node", state);
    char holder[128];

    if (!home_holder(d->home, holder, sizeof holder))
        (void)snprintf(holder, sizeof holder, "?");
    if (!d->held) {
        (void)err_set(said, 0, "no node runs; commands bring their own");
    } else if (d->answers) {
        (void)err_set(said, 0, "the node runs and answers");
    } else {
        (void)err_set(said, ERR_BUSY, "%s has the home and does not answer",
                      holder);
        err_hint(said, "end that process; kill -9 loses nothing");
    }
}

static void settings(struct doctor *d)
{
    struct err why = ERR_INIT;
    int rc = d->exists ? config_check_file(d->home, &why) : 0;
    struct err *said =
        doctor_note(d, "config", rc == 0 ? DOCTOR_OK : DOCTOR_PROBLEM);

    if (rc == 0) {
        (void)err_set(said, 0, "every setting is understood");
        return;
    }
    *said = why;
    if (said->hint[0] == '\0')
        err_hint(said, "lyceum config set KEY VALUE, or mend the line by hand");
}

static void identity(struct doctor *d)
{
    struct vault_info who;
    struct err why = ERR_INIT;
    int rc =
        d->exists ? keyfile_identity_info(d->home, &who, &why) : ERR_NOT_FOUND;
    struct err *said;

    if (rc == ERR_NOT_FOUND) {
        said = doctor_note(d, "identity", DOCTOR_OK);
        (void)err_set(said, 0, "none: needed to publish, not to learn");
    } else if (rc != 0) {
        said = doctor_note(d, "identity", DOCTOR_PROBLEM);
        *said = why;
        if (said->hint[0] == '\0')
            err_hint(said, "lyceum restore or lyceum id import brings it back");
    } else if (!who.sealed) {
        said = doctor_note(d, "identity", DOCTOR_WARNING);
        (void)err_set(said, ERR_REFUSED,
                      "it has no passphrase: who reads the disk can sign as "
                      "you");
        err_hint(said, "lyceum id export FILE seals it; lyceum id import FILE "
                       "in a new home takes it");
    } else {
        said = doctor_note(d, "identity", DOCTOR_OK);
        (void)err_set(said, 0, "under a passphrase");
    }
}

static void database(struct doctor *d)
{
    struct err why = ERR_INIT;
    int rc = d->exists && !d->held ? index_look(d->home, &d->newest_ms, &why)
                                   : ERR_NOT_FOUND;
    struct err *said =
        doctor_note(d, "index", rc == ERR_CORRUPT ? DOCTOR_WARNING : DOCTOR_OK);

    if (d->held) {
        (void)err_set(said, 0, "in use; lyceum verify --all reads everything");
    } else if (rc == 0) {
        (void)err_set(said, 0,
                      "sound; lyceum verify --all reads the chunks, too");
    } else if (rc == ERR_AGAIN) {
        (void)err_set(said, 0,
                      "the last stop was not clean: the next start looks");
    } else if (rc == ERR_CORRUPT) {
        (void)err_set(said, rc,
                      "damaged: the next start makes it anew from the packs");
        err_hint(said, "lyceum verify --all");
    } else {
        (void)err_set(said, 0, "nothing is kept yet");
    }
}

void doctor_home(struct doctor *d)
{
    folder(d);
    node(d);
    settings(d);
    identity(d);
    database(d);
}
