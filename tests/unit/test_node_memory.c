/* test_node_memory: a real node that has no memory for something: whatever
 * waits for an answer gets one. */
#include "simulations/alloc_fail.h"
#include "tests/lib/lyc_kit.h"

#define SWEEP_MAX 1000
#define LATE_MS 20000 /* a load that failed is asked for again after 500 ms */

static void on_late(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_closed(uv_handle_t *handle)
{
    handle->data = NULL;
}

/* Its own course, which is whole here. false: no answer. */
static bool answers(struct rig *r, const struct course *c)
{
    json_t *request = json_pack("{s:s, s:s, s:i}", "op", "get", "course",
                                course_id_hex(&c->id).s, "timeout_ms", 600000);
    struct api_call *call = api_begin(r->n, request, on_emit, r);
    bool late = false;
    uv_timer_t timer;

    assert_int_equal(uv_timer_init(&r->loop, &timer), 0);
    timer.data = &late;
    assert_int_equal(uv_timer_start(&timer, on_late, LATE_MS, 0), 0);
    while (call != NULL && r->last == NULL && !late)
        (void)uv_run(&r->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, on_closed);
    while (timer.data != NULL)
        (void)uv_run(&r->loop, UV_RUN_NOWAIT);
    json_decref(request);
    json_decref(r->last);
    r->last = NULL;
    return !late;
}

/* Return: how many allocations there are when none fails. */
static uint64_t sweep(uint64_t times)
{
    struct rig expert;
    struct course c;
    uint64_t asked;
    uint64_t n = 0;

    rig_new(&expert);
    publish_first(&expert, &c, 1);
    do {
        assert_true(n < SWEEP_MAX);
        alloc_fail_after(n, times);
        if (!answers(&expert, &c))
            fail_msg("no answer without allocation %u", (unsigned)n);
        asked = alloc_fail_stop();
    } while (asked > n++);
    rig_close(&expert);
    course_free(&c);
    return asked;
}

/* Each allocation of the loop's thread fails, one at a time. */
TEST(node_memory, one)
{
    assert_true(sweep(1) > 20);
}

/* Nor is there any for what would tell of it. */
TEST(node_memory, some)
{
    assert_true(sweep(5) > 20);
}
