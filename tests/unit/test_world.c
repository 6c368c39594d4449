#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulations/dice.h"
#include "simulations/trace.h"
#include "simulations/world.h"

struct diary {
    struct world *w;
    uint64_t args[64];
    uint64_t times[64];
    size_t count;
};

static void note(void *user, uint64_t arg)
{
    struct diary *d = user;

    d->args[d->count] = arg;
    d->times[d->count++] = world_now_us(d->w);
}

static void note_and_go_on(void *user, uint64_t arg)
{
    struct diary *d = user;

    note(user, arg);
    if (arg < 5)
        world_at(d->w, 0, note_and_go_on, d, arg + 1);
}

/* What is due at one time happens in the order it was scheduled. */
TEST(world_step, order)
{
    struct diary d = {.w = world_new()};

    world_at(d.w, 30, note, &d, 3);
    world_at(d.w, 10, note, &d, 1);
    world_at(d.w, 30, note, &d, 4);
    world_after(d.w, 20, note, &d, 2);
    assert_int_equal(world_next_us(d.w), 10);
    while (world_step(d.w))
        ;
    assert_int_equal(d.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(d.args[i], i + 1);
    assert_int_equal(d.times[3], 30);
    assert_int_equal(world_count(d.w), 4);
    assert_true(world_next_us(d.w) == UINT64_MAX);
    world_free(d.w);
}

/* The past is now, behind what is due now already: time never runs back. */
TEST(world_step, the_past_is_now)
{
    struct diary d = {.w = world_new()};

    world_at(d.w, 100, note_and_go_on, &d, 1);
    world_at(d.w, 100, note, &d, 9);
    while (world_step(d.w))
        ;
    assert_int_equal(d.count, 6);
    assert_int_equal(d.args[1], 9);
    assert_int_equal(d.times[5], 100);
    world_free(d.w);
}

static void rising(void *user, uint64_t arg)
{
    uint64_t *last = user;

    assert_true(arg >= *last);
    *last = arg;
}

/* Ten thousand events in random order come out sorted. */
TEST(world_step, many)
{
    struct world *w = world_new();
    struct rng rng;
    uint64_t last = 0;

    dice_init(&rng, 1, 1);
    for (int i = 0; i < 10000; i++) {
        uint64_t at = rng_below(&rng, 100000);

        world_at(w, at, rising, &last, at);
    }
    while (world_step(w))
        ;
    assert_int_equal(world_count(w), 10000);
    world_free(w);
}

/* Neighbouring seeds and parts have nothing in common, from the first draw. */
TEST(dice, seeds_differ)
{
    uint64_t first[64];

    for (uint64_t i = 0; i < 64; i++) {
        struct rng rng;

        dice_init(&rng, i / 4, i % 4);
        first[i] = rng_next(&rng);
        for (uint64_t k = 0; k < i; k++)
            assert_true(first[k] != first[i]);
    }
}

/* The hash covers every line, also those that the ring has lost. */
TEST(trace, hash_covers_all)
{
    struct trace *a = trace_new(NULL);
    struct trace *b = trace_new(NULL);
    char x[65];
    char y[65];

    for (int i = 0; i < 3 * TRACE_KEPT; i++) {
        trace_line(a, (uint64_t)i, "line %d", i);
        trace_line(b, (uint64_t)i, "line %d", i != 5 ? i : 6);
    }
    trace_hash(a, x);
    trace_hash(b, y);
    assert_string_not_equal(x, y);
    assert_int_equal(trace_count(a), 3 * TRACE_KEPT);
    trace_free(a);
    trace_free(b);
}

/* The dump holds the last lines, oldest first; long ones are cut. */
TEST(trace, dump)
{
    struct trace *t = trace_new(NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    for (int i = 0; i <= TRACE_KEPT; i++)
        trace_line(t, 1250000, "line %d %300d", i, 7);
    trace_dump(t, out);
    (void)fclose(out);
    assert_int_equal(strncmp(text, "[   1.250] line 1 ", 18), 0);
    assert_int_equal(len, TRACE_KEPT * TRACE_LINE_MAX);
    free(text);
    trace_free(t);
}
