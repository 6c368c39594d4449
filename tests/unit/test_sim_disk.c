#include "simulations/disk_storm.h"

#include <string.h>

#include "crypto/key.h"
#include "tests/lib/test.h"

#define TRIES 60 /* seeds in which a defect must show */

static void run(struct disk_plan p, struct disk_result *out)
{
    assert_int_equal(crypto_init(NULL), 0);
    disk_storm(&p, NULL, NULL, out);
}

/* One seed, one trace; another seed, another one. */
TEST(disk_storm, deterministic)
{
    struct disk_result a;
    struct disk_result b;

    run((struct disk_plan){.seed = 7}, &a);
    run((struct disk_plan){.seed = 7}, &b);
    assert_true(a.lines > 40 && a.cuts > 10 && a.in_recovery > 3);
    assert_string_equal(a.hash, b.hash);
    run((struct disk_plan){.seed = 8}, &b);
    assert_string_not_equal(a.hash, b.hash);
}

/* Each has broken something once, or was the first to show what a fix cures. */
TEST(disk_storm, seeds_that_failed_once)
{
    static const uint64_t seeds[] = {1,   13,  25,  33,  35,  36,  40,  46,
                                     57,  81,  85,  205, 221, 266, 275, 295,
                                     337, 400, 460, 505, 563, 572, 809, 952};

    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        struct disk_result r;

        run((struct disk_plan){.seed = seeds[i]}, &r);
        if (r.broken != NULL)
            fail_msg("seed %d: %s: %s", (int)seeds[i], r.broken, r.why);
    }
}

/* A defect shows, by one of the names given, within TRIES seeds. */
static void catch (enum vdisk_lie lie, enum disk_slip slip, const char *names)
{
    struct disk_result r = {.broken = NULL};

    for (uint64_t seed = 1; seed <= TRIES && r.broken == NULL; seed++)
        run((struct disk_plan){.seed = seed, .lie = lie, .slip = slip}, &r);
    assert_non_null(r.broken);
    if (strstr(names, r.broken) == NULL)
        fail_msg("%s, not %s: %s", r.broken, names, r.why);
}

/* A pack whose name is not on the disk takes published chunks along. */
TEST(disk_storm, catches_unsynced_folder_of_packs)
{
    catch (VDISK_LIE_PACKS_DIR, DISK_NO_SLIP, "S2 S12");
}

/* Renames in the home that did not last: keys, numbers, choices. */
TEST(disk_storm, catches_unsynced_home)
{
    catch (VDISK_LIE_HOME_DIR, DISK_NO_SLIP, "S2 S3 S15 S1");
}

TEST(disk_storm, catches_unsynced_folder_of_records)
{
    catch (VDISK_LIE_RECORDS_DIR, DISK_NO_SLIP, "S2 S3");
}

TEST(disk_storm, catches_unsynced_packs)
{
    catch (VDISK_LIE_PACKS, DISK_NO_SLIP, "S2 S12");
}

TEST(disk_storm, catches_unsynced_records)
{
    catch (VDISK_LIE_RECORDS, DISK_NO_SLIP, "S2 S3");
}

TEST(disk_storm, catches_unsynced_journals)
{
    catch (VDISK_LIE_JOURNALS, DISK_NO_SLIP, "S2 S15 S1");
}

/* A rename before the bytes: the new name with nothing in it. */
TEST(disk_storm, catches_rename_before_sync)
{
    catch (VDISK_LIE_TMP, DISK_NO_SLIP, "S2 S3 D1 S15");
}

TEST(disk_storm, catches_unsynced_folder_of_a_course)
{
    catch (VDISK_LIE_FOLDER, DISK_NO_SLIP, "S1 S15");
}

/* Acknowledged before it is durable. */
TEST(disk_storm, catches_record_without_sync)
{
    catch (VDISK_HONEST, DISK_SLIP_NO_SYNC, "S2");
}

TEST(disk_storm, catches_record_before_chunks)
{
    catch (VDISK_HONEST, DISK_SLIP_ORDER, "S2");
}

TEST(disk_storm, catches_greedy_sweep)
{
    catch (VDISK_HONEST, DISK_SLIP_GREEDY_SWEEP, "S2");
}
