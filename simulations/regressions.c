#include "simulations/regressions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/disk_storm.h"
#include "simulations/plan_cut.h"
#include "simulations/sim.h"

#define LINE_MAX_BYTES 1024
#define SPACE " \t\n"

bool regressions_parse(char *line, struct plan *out)
{
    struct plan_cut cut = {0};
    char *rest = NULL;
    const char *name;
    const char *seed;
    const char *option;
    char *end;

    line[strcspn(line, "#")] = '\0';
    name = strtok_r(line, SPACE, &rest);
    seed = strtok_r(NULL, SPACE, &rest);
    if (name == NULL || seed == NULL || *seed < '0' || *seed > '9' ||
        !plan_named(name, strtoull(seed, &end, 10), out) || *end != '\0')
        return false;
    while ((option = strtok_r(NULL, SPACE, &rest)) != NULL)
        if (!plan_cut_option(&cut, option, strtok_r(NULL, SPACE, &rest)))
            return false;
    plan_cut_apply(&cut, out);
    return true;
}

bool regressions_parse_disk(const char *line, uint64_t *out_seed)
{
    static const char head[] = "--disk --seed ";
    char *end;

    line += strspn(line, SPACE);
    if (strncmp(line, head, sizeof head - 1) != 0)
        return false;
    line += sizeof head - 1;
    *out_seed = strtoull(line, &end, 10);
    end += strspn(end, SPACE);
    return *line >= '0' && *line <= '9' && (*end == '\0' || *end == '#');
}

static bool run_disk(uint64_t seed, FILE *out)
{
    struct disk_plan p = {.seed = seed};
    struct disk_result r;

    disk_storm(&p, NULL, NULL, &r);
    if (r.broken != NULL)
        (void)fprintf(out, "--disk --seed %" PRIu64 ": %s broken: %s\n", seed,
                      r.broken, r.why);
    return r.broken == NULL;
}

static bool run_one(const struct plan *p, FILE *out)
{
    struct sim_result r;

    sim_check(p, NULL, NULL, &r);
    if (r.broken != NULL)
        (void)fprintf(out, "%s %" PRIu64 ": %s broken: %s\n", p->scenario,
                      p->seed, r.broken, r.why);
    return r.broken == NULL;
}

int regressions_run(const char *path, FILE *out)
{
    FILE *in = fopen(path, "r");
    char line[LINE_MAX_BYTES];
    int failed = 0;
    int number = 0;

    if (in == NULL) {
        (void)fprintf(out, "cannot read '%s'\n", path);
        return -1;
    }
    while (failed >= 0 && fgets(line, sizeof line, in) != NULL) {
        uint64_t seed;
        struct plan p;

        number++;
        if (line[strspn(line, SPACE)] == '#' ||
            line[strspn(line, SPACE)] == '\0')
            continue;
        if (regressions_parse_disk(line, &seed)) {
            failed += !run_disk(seed, out);
        } else if (!regressions_parse(line, &p)) {
            (void)fprintf(out, "%s:%d: not a seed\n", path, number);
            failed = -1;
        } else {
            failed += !run_one(&p, out);
        }
    }
    (void)fclose(in);
    return failed;
}
