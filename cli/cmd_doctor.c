/* doctor: what may be wrong here, and what mends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/causes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "node/doctor/doctor.h"
#include "node/driver/clock.h"
#include "storage/config.h"

static const char *const states[] = {"ok", "warning", "problem"};

static json_t *answer(const struct doctor *d, bool ok)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->count; i++) {
        const struct finding *f = &d->list[i];

        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s}", "id", f->id, "state",
                            states[f->state], "text", f->said.text, "try",
                            f->said.hint));
    }
    return json_pack("{s:i, s:b, s:o}", "v", 1, "ok", ok, "checks", list);
}

static void show(struct cli *c, const json_t *r)
{
    const json_t *list = json_object_get(r, "checks");

    (void)c;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        char *said = causes_say(output_text(one, "text"));
        char *text = output_safe_long(said, 300);
        char *mend = causes_say(output_text(one, "try"));

        printf("%s %s %s\n",
               output_cell(output_word(output_text(one, "state")), 8).s,
               output_cell(output_word(output_text(one, "id")), 11).s, text);
        if (mend[0] != '\0') {
            printf(say(SAY_DOCTOR_TRY), mend);
            printf("\n");
        }
        free(mend);
        free(text);
        free(said);
    }
}

/* Of the node that has the home; nobody is hosted for this. */
static json_t *ask_node(struct cli *c, struct doctor *d)
{
    struct err kept = c->err;
    char holder[128];
    json_t *status = NULL;

    d->held = home_holder(c->home, holder, sizeof holder);
    d->answers = d->held &&
                 cli_call(c, json_pack("{s:s}", "op", "status"), &status) == 0;
    d->listening =
        json_string_value(json_array_get(json_object_get(status, "listen"), 0));
    c->err = kept;
    return status;
}

int cmd_doctor(struct cli *c)
{
    struct doctor d = {.home = c->home, .offline = c->offline};
    char listen[CONFIG_VALUE_MAX];
    json_t *status = ask_node(c, &d);
    json_t *r;
    size_t problems = 0;

    if (c->listen == NULL && config_get(c->home, "listen", listen, NULL) != 0)
        (void)config_get("", "listen", listen, NULL);
    d.listen = c->listen != NULL ? c->listen : listen;
    d.now_ms = wall_clock_ms();
    doctor_look(&d);
    for (size_t i = 0; i < d.count; i++)
        problems += d.list[i].state == DOCTOR_PROBLEM;
    r = answer(&d, problems == 0);
    cli_answer(c, r, show);
    json_decref(r);
    json_decref(status);
    if (problems == 0)
        return 0;
    (void)err_set(&c->err, ERR_FAILED, "%zu of %zu checks found a problem",
                  problems, d.count);
    err_hint(&c->err, "the lines above say what mends each");
    return ERR_FAILED;
}
