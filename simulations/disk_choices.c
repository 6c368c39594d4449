/* disk_choices: what the user chooses, and what he writes with his own hands.
 */
#include <stdio.h>
#include <string.h>

#include "simulations/disk_deeds.h"
#include "storage/disk.h"
#include "storage/file_io.h"

int disk_pin(struct disk_world *w, struct err *err)
{
    size_t c = (size_t)disk_below(w, DISK_COURSES);
    struct id_hex hex = course_id_hex(&w->courses[c].kit->course);
    const struct disk_place at = {DISK_CHOICES, "pin", hex.s, 0};
    const char *const values[1] = {"1"};

    return disk_set(w, &at, values, disk_below(w, 3) != 0, err);
}

/* Many lines: journals are written anew when they are long. */
int disk_met(struct disk_world *w, struct err *err)
{
    char value[24];
    const char *values[1] = {value};
    int rc = 0;

    for (uint64_t n = 1 + disk_below(w, 40); n != 0 && rc == 0; n--) {
        struct disk_place at = {DISK_CHOICES, "seen", "peer", 0};

        (void)snprintf(value, sizeof value, "10.0.0.1:%d",
                       (int)disk_below(w, 60000));
        rc = disk_set(w, &at, values, 1, err);
    }
    return rc;
}

int disk_configure(struct disk_world *w, struct err *err)
{
    const struct disk_place at = {DISK_CONFIG, "name", "", 0};
    char name[24];
    const char *values[1] = {name};

    (void)snprintf(name, sizeof name, "Ada %d", (int)disk_below(w, 1000));
    return disk_set(w, &at, values, 1, err);
}

/* With an editor that syncs. */
static int save(struct disk_world *w, const char *path, char text[64],
                struct err *err)
{
    int rc;

    (void)snprintf(text, 64, "my own words, number %d\n",
                   (int)disk_below(w, 9999));
    rc = file_io_save(path, text, strlen(text), err);
    if (rc == 0) /* the folder itself may be new */
        rc = file_io_sync_parent(DISK_FOLDER, err);
    if (rc != 0 || !disk_alive(w))
        text[0] = '\0'; /* his editor told him */
    return rc;
}

int disk_note(struct disk_world *w, struct err *err)
{
    struct stat st;

    if (w->folder_left || disk_lstat(DISK_FOLDER, &st) != 0 ||
        w->note[0] != '\0')
        return 0;
    return save(w, DISK_FOLDER "/" DISK_NOTE, w->note, err);
}

int disk_edit(struct disk_world *w, struct err *err)
{
    struct stat st;

    if (disk_lstat(DISK_FOLDER "/part-0000.txt", &st) != 0 ||
        w->edit[0] != '\0' || w->edit_doubt || w->folder_left)
        return 0;
    w->edit_doubt = save(w, DISK_FOLDER "/part-0000.txt", w->edit, err) != 0 ||
                    !disk_alive(w);
    return w->edit_doubt ? ERR_IO : 0;
}
