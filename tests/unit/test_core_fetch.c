/* test_core_fetch: from a course id to every slot, with peers that behave. */
#include "tests/lib/core_kit.h"

#define LEN 1000u

static void begin(struct kit *k, struct kit_course *co, uint32_t slots)
{
    kit_init(k);
    kit_course_init(co, 1, slots, LEN);
    kit_start(k);
}

static void end(struct kit *k, struct kit_course *co)
{
    kit_deinit(k);
    kit_course_deinit(co);
}

static void records_stored(struct kit *k, bool ok)
{
    const struct core_effect *fx = kit_want(k, FX_STORE_RECORDS);
    struct core_event ev = {.kind = EV_RECORDS_STORED};

    ev.u.records_stored.token = fx->u.store_records.token;
    ev.u.records_stored.ok = ok;
    kit_step(k, &ev);
}

/* All three records are handed to the catalog, course first. */
static void expect_records(struct kit *k, const struct kit_course *co)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct core_effect *fx = &k->log[i].fx;

        if (fx->kind != FX_STORE_RECORDS)
            continue;
        assert_int_equal(fx->u.store_records.count, 3);
        assert_true(span_eq(fx->u.store_records.records[0],
                            buf_span(&co->course_record)));
        assert_true(span_eq(fx->u.store_records.records[1],
                            buf_span(&co->profile_record)));
        assert_true(span_eq(fx->u.store_records.records[2],
                            buf_span(&co->edition_record)));
        return;
    }
    fail_msg("no records stored");
}

/* A course that nobody here ever heard of: records, blobs, manifest, content.
 */
TEST(core_fetch, from_nothing)
{
    struct kit k;
    struct kit_course co;
    const struct core_effect *fx;
    const struct msg *m;

    begin(&k, &co, 40);
    kit_peer(&k, 1);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    kit_answer(&k, 1, &co);
    expect_records(&k, &co);
    records_stored(&k, true);
    assert_true(kit_progress(&k, &co).seq == 0);
    kit_edition(&k, &co, false, NULL, false);
    assert_true(kit_notified(&k, NOTICE_EDITION));
    assert_false(kit_notified(&k, NOTICE_MANIFEST));

    m = kit_must_send(&k, 1, MSG_HAVE);
    assert_int_equal(m->u.have.slots, KIT_BLOBS);
    assert_false(m->u.have.all);
    kit_have_all(&k, 1, &co);
    assert_int_equal(kit_serve_all(&k, 0, LEN), KIT_BLOBS);

    fx = kit_want(&k, FX_LOAD_MANIFEST);
    assert_true(record_id_eq(&fx->u.load_manifest.edition, &co.edition));
    kit_edition_for(&k, fx->u.load_manifest.token, &co, true,
                    (const uint8_t[]){0xc0, 0, 0, 0, 0}, false);
    assert_true(kit_notified(&k, NOTICE_MANIFEST));
    assert_int_equal(kit_serve_all(&k, 0, LEN), 40 - KIT_BLOBS);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    assert_int_equal(kit_progress(&k, &co).slots_have, 40);
    assert_int_equal(kit_progress(&k, &co).stored_bytes_have, 40 * LEN);
    assert_int_equal(kit_progress(&k, &co).fetched_chunks, 40);
    assert_int_equal(kit_progress(&k, &co).seeders, 1);
    assert_int_equal(core_owed_bytes(k.c, 1), 0);
    end(&k, &co);
}

/* What is held is not asked for again. */
TEST(core_fetch, resume)
{
    static const uint8_t have[] = {0xff, 0xff, 0x0f, 0x00, 0xff};
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 40);
    kit_learner(&k, &co, have);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, a, 64);
    assert_int_equal(n, 12);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(have[a[i].slot / 8] & (0x80u >> (a[i].slot % 8)), 0);
    for (size_t i = 0; i < n; i++)
        kit_give(&k, &a[i], LEN, STORE_OK);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* Everything is here already: complete without anybody. */
TEST(core_fetch, all_held)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_fetch(&k, &co);
    kit_course(&k, &co);
    kit_edition(&k, &co, true, NULL, true);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    kit_clear(&k);
    kit_fetch(&k, &co); /* a second one hears of it too */
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* A newer edition in the middle: the old one's requests are cancelled. */
TEST(core_fetch, new_edition)
{
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;
    struct kit_course newer;
    struct msg m = {.type = MSG_RECORDS};
    size_t n;

    begin(&k, &co, 40);
    kit_next_edition(&newer, &co, 1, 60, LEN);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, a, 64);
    assert_int_equal(n, 40);
    kit_give(&k, &a[0], LEN, STORE_OK);

    m.u.records.list[0] = buf_span(&newer.edition_record);
    m.u.records.count = 1;
    kit_say(&k, 1, &m); /* pushed */
    records_stored(&k, true);
    kit_edition(&k, &newer, true, NULL, false);
    assert_int_equal(kit_must_send(&k, 1, MSG_CANCEL)->u.cancel.count, 39);
    assert_int_equal(kit_progress(&k, &co).seq, 2);
    while (kit_sent(&k, 1, MSG_HAVE) != NULL)
        ;
    kit_have_all(&k, 1, &newer);
    /* The cancelled ones are still owed: their answers fill the window. */
    for (size_t i = 1; i < n; i++)
        kit_chunk(&k, 1, a[i].request, LEN);
    kit_clear(&k);
    kit_wait(&k, 1000);
    assert_true(kit_progress(&k, &co).slots == 60);
    end(&k, &co);
    kit_course_deinit(&newer);
}

/* Only what there is to fetch: the manifest comes, nothing of the content,
 * until somebody wants that too. */
TEST(core_fetch, listing)
{
    struct core_event ev = {.kind = EV_FETCH};
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    ev.u.fetch.course = co.id;
    ev.u.fetch.listing = true;
    kit_step(&k, &ev);
    kit_course(&k, &co);
    kit_edition(&k, &co, true, NULL, false);
    kit_seeder(&k, 1, &co);
    assert_true(kit_notified(&k, NOTICE_MANIFEST));
    kit_wait(&k, 3000);
    assert_int_equal(kit_asked(&k, 1, a, 64), 0);
    assert_true(kit_progress(&k, &co).slots == 10);
    kit_fetch(&k, &co);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 10);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* A course that is read: of its content the range that is named, in order, and
 * what is named next; nothing when that is over. */
TEST(core_fetch, reading)
{
    static const struct {
        uint32_t first, count;
    } ranges[] = {{20, 10}, {28, 12}, {90, 1000}};
    static const uint8_t blobs[13] = {0xc0};
    struct core_event ev = {.kind = EV_FETCH};
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;
    uint32_t next = 20;

    begin(&k, &co, 100);
    ev.u.fetch.course = co.id;
    ev.u.fetch.listing = true;
    kit_step(&k, &ev);
    kit_course(&k, &co);
    kit_edition(&k, &co, true, blobs, false);
    kit_seeder(&k, 1, &co);
    kit_wait(&k, 3000);
    assert_int_equal(kit_asked(&k, 1, a, 64), 0);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        size_t n;

        ev = (struct core_event){.kind = EV_PRIORITY};
        ev.u.priority.course = co.id;
        ev.u.priority.first = ranges[i].first;
        ev.u.priority.count = ranges[i].count;
        kit_step(&k, &ev);
        n = kit_asked(&k, 1, a, 64);
        next = next < ranges[i].first ? ranges[i].first : next;
        for (size_t j = 0; j < n; j++, next++) {
            assert_int_equal(a[j].slot, next);
            kit_give(&k, &a[j], LEN, STORE_OK);
        }
        assert_int_equal(next, ranges[i].first + ranges[i].count < 100
                                   ? ranges[i].first + ranges[i].count
                                   : 100);
        assert_int_equal(kit_asked(&k, 1, a, 64), 0);
    }
    assert_int_equal(kit_progress(&k, &co).slots_have, 32);
    end(&k, &co);
}

/* An older edition never replaces the current one. */
TEST(core_fetch, no_rollback)
{
    struct kit k;
    struct kit_course co;
    struct kit_course newer;
    struct msg m = {.type = MSG_RECORDS};

    begin(&k, &co, 10);
    kit_next_edition(&newer, &co, 1, 20, LEN);
    kit_learner(&k, &newer, NULL);
    kit_peer(&k, 1);
    kit_answer(&k, 1, &co);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    m.u.records.list[0] = buf_span(&co.edition_record);
    m.u.records.count = 1;
    kit_say(&k, 1, &m);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    assert_int_equal(kit_progress(&k, &co).seq, 2);
    end(&k, &co);
    kit_course_deinit(&newer);
}

/* Two editions of one number: the catalog gets the proof, once; the course
 * goes on as it was. */
TEST(core_fetch, fork)
{
    struct kit k;
    struct kit_course co;
    struct kit_course fork;

    begin(&k, &co, 10);
    kit_course_init(&fork, 1, 11, LEN);
    assert_true(course_id_eq(&co.id, &fork.id));
    kit_learner(&k, &co, NULL);
    kit_peer(&k, 1);
    kit_answer(&k, 1, &fork);
    records_stored(&k, true);
    kit_edition(&k, &co, true, NULL, false);
    kit_records(&k, 1, 0, &fork);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    assert_int_equal(kit_progress(&k, &co).slots, 10);
    end(&k, &co);
    kit_course_deinit(&fork);
}

/* An edition signed by somebody who is no author of the course. */
TEST(core_fetch, not_an_author)
{
    struct kit k;
    struct kit_course co;
    struct kit_course forged;

    begin(&k, &co, 10);
    kit_next_edition(&forged, &co, 2, 10, LEN);
    kit_peer(&k, 1);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    kit_answer(&k, 1, &forged);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    assert_null(kit_find(&k, FX_BAN)); /* it costs score */
    end(&k, &co);
    kit_course_deinit(&forged);
}

/* A record whose signature does not hold. */
TEST(core_fetch, bad_record)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_peer(&k, 1);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    co.edition_record.base[co.edition_record.len - 1] ^= 1;
    kit_answer(&k, 1, &co);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    assert_int_equal(kit_banned(&k, 1), 3600 * 1000);
    assert_true(kit_dropped(&k, 1));
    end(&k, &co);
}

/* The catalog refuses: the peers are asked again after a while. */
TEST(core_fetch, records_not_kept)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_peer(&k, 1);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    kit_answer(&k, 1, &co);
    records_stored(&k, false);
    assert_null(kit_sent(&k, 1, MSG_ASK));
    kit_wait(&k, 6000);
    kit_answer(&k, 1, &co);
    records_stored(&k, true);
    kit_edition(&k, &co, false, NULL, false);
    assert_true(kit_progress(&k, &co).known);
    end(&k, &co);
}

static void fetch_blobs(struct kit *k, const struct kit_course *co)
{
    kit_fetch(k, co);
    kit_course(k, co);
    kit_edition(k, co, false, NULL, false);
    kit_seeder(k, 1, co);
    assert_int_equal(kit_serve_all(k, 0, LEN), KIT_BLOBS);
}

/* The author published rubbish: said once, and nothing more is asked. */
TEST(core_fetch, bad_manifest)
{
    struct core_event ev = {.kind = EV_EDITION};
    struct kit_asked a[8];
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    fetch_blobs(&k, &co);
    ev.u.edition.token = kit_want(&k, FX_LOAD_MANIFEST)->u.load_manifest.token;
    ev.u.edition.bad_manifest = true;
    kit_step(&k, &ev);
    assert_true(kit_notified(&k, NOTICE_BAD_EDITION));
    kit_wait(&k, 5000);
    assert_null(kit_find(&k, FX_LOAD_MANIFEST));
    assert_int_equal(kit_asked(&k, 0, a, 8), 0);
    end(&k, &co);
}

/* A blob chunk that went bad on the disk is fetched again. */
TEST(core_fetch, blob_lost)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    fetch_blobs(&k, &co);
    kit_edition_for(&k, kit_want(&k, FX_LOAD_MANIFEST)->u.load_manifest.token,
                    &co, false, (const uint8_t[]){0x80}, false);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 1);
    kit_edition_for(&k, kit_want(&k, FX_LOAD_MANIFEST)->u.load_manifest.token,
                    &co, true, (const uint8_t[]){0xc0, 0}, false);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 8);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* A full disk: nothing is asked for a second, then again. */
TEST(core_fetch, disk_failed)
{
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;
    size_t n;

    begin(&k, &co, 20);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    n = kit_asked(&k, 1, a, 64);
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++)
        kit_give(&k, &a[i], LEN, STORE_FAILED);
    assert_int_equal(kit_asked(&k, 1, a, 64), 0);
    assert_int_equal(kit_banned(&k, 1), 0);
    kit_wait(&k, 1200);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 20);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* A chunk found lost later is fetched again. */
TEST(core_fetch, lost_later)
{
    struct core_event ev = {.kind = EV_LOST};
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    (void)kit_serve_all(&k, 0, LEN);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    ev.u.lost.swarm = 1;
    ev.u.lost.slot = 7;
    kit_step(&k, &ev);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 1);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* Stopped: requests are cancelled, what still comes is kept, and a later fetch
 * goes on from there on the same connection. */
TEST(core_fetch, stop_and_again)
{
    struct kit_asked a[64];
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 20);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    assert_int_equal(kit_asked(&k, 1, a, 64), 20);
    kit_stop(&k, &co);
    assert_int_equal(kit_must_send(&k, 1, MSG_CANCEL)->u.cancel.count, 20);
    kit_give(&k, &a[0], LEN, STORE_OK);
    assert_int_equal(kit_progress(&k, &co).slots_have, 1);
    kit_clear(&k);

    kit_learner(&k, &co, NULL);
    kit_answer(&k, 1, &co);
    for (size_t i = 1; i < 20; i++)
        kit_chunk(&k, 1, a[i].request, LEN);
    kit_wait(&k, 200);
    (void)kit_serve_all(&k, 0, LEN);
    while (kit_progress(&k, &co).slots_have < 20) {
        const struct core_effect *fx = kit_want(&k, FX_STORE);

        kit_stored(&k, fx, STORE_OK);
    }
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    end(&k, &co);
}

/* A fetch of what a swarm that lives on has whole hears of it, every time. */
TEST(core_fetch, whole_and_again)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    for (int i = 0; i < 2; i++) {
        kit_fetch(&k, &co);
        kit_course(&k, &co);
        kit_edition(&k, &co, true, NULL, true);
        assert_true(kit_notified(&k, NOTICE_COMPLETE));
        kit_stop(&k, &co);
        kit_clear(&k);
    }
    end(&k, &co);
}

/* After a minute without use a swarm that is not fetched is put away. */
TEST(core_fetch, released)
{
    const struct core_effect *fx;
    struct record_id edition;
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_fetch(&k, &co);
    kit_course(&k, &co);
    kit_edition(&k, &co, true, NULL, true);
    assert_true(core_swarm_edition(k.c, 1, &edition));
    assert_true(record_id_eq(&edition, &co.edition));
    kit_wait(&k, 120000);
    assert_null(kit_find(&k, FX_RELEASE)); /* a topic keeps it */
    kit_stop(&k, &co);
    kit_wait(&k, 61000);
    fx = kit_want(&k, FX_RELEASE);
    assert_int_equal(fx->u.release.swarm, 1);
    assert_true(record_id_eq(&fx->u.release.edition, &co.edition));
    assert_false(core_swarm_edition(k.c, 1, &edition));
    assert_true(core_deadline_ms(k.c) == UINT64_MAX);
    end(&k, &co);
}

/* A course that was removed: nothing more is asked for, its swarm goes at once,
 * what was on its way to the store disturbs nobody, and peers who ask for it
 * are told that it is not known. */
TEST(core_fetch, removed)
{
    struct core_event ev = {.kind = EV_REMOVED};
    struct kit k;
    struct kit_course co;
    struct record_id edition;

    begin(&k, &co, 10);
    kit_learner(&k, &co, NULL);
    kit_seeder(&k, 1, &co);
    assert_true(core_swarm_edition(k.c, 1, &edition));
    ev.u.removed.course = co.id;
    kit_step(&k, &ev);
    assert_int_equal(kit_want(&k, FX_RELEASE)->u.release.swarm, 1);
    assert_false(core_swarm_edition(k.c, 1, &edition));
    (void)kit_serve_all(&k, 0, LEN);
    assert_null(kit_find(&k, FX_STORE));
    kit_wait(&k, 30000);
    assert_null(kit_find(&k, FX_DROP)); /* late chunks are no crime */
    end(&k, &co);
}

/* Nobody there; then a peer who knows nothing; then one who has nothing. */
TEST(core_fetch, notices)
{
    struct core_event ev = {.kind = EV_HINT};
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    ev.u.hint.node = kit_node(1);
    ev.u.hint.road = ROAD_EXPLICIT;
    (void)snprintf(ev.u.hint.address, CORE_ADDRESS_MAX, "8.8.4.1:5000");
    kit_step(&k, &ev);
    assert_non_null(kit_find(&k, FX_DIAL)); /* at once */
    kit_wait(&k, 3000);
    assert_false(kit_notified(&k, NOTICE_NO_PEERS)); /* still dialling */
    ev.kind = EV_DIAL_FAILED;
    ev.u.dial_failed.node = kit_node(1);
    (void)snprintf(ev.u.dial_failed.address, CORE_ADDRESS_MAX, "8.8.4.1:5000");
    ev.u.dial_failed.refused = false;
    kit_step(&k, &ev);
    kit_wait(&k, 500);
    assert_true(kit_notified(&k, NOTICE_NO_PEERS));

    kit_peer(&k, 2);
    kit_wait(&k, 500);
    assert_false(kit_notified(&k, NOTICE_UNKNOWN_COURSE)); /* not answered */
    kit_answer(&k, 2, NULL);
    kit_wait(&k, 500);
    assert_true(kit_notified(&k, NOTICE_UNKNOWN_COURSE));

    kit_peer(&k, 3);
    kit_answer(&k, 3, &co);
    records_stored(&k, true);
    kit_edition(&k, &co, true, NULL, false);
    kit_have(&k, 3, &co, 0, 8);
    (void)kit_serve_all(&k, 0, LEN);
    assert_false(kit_notified(&k, NOTICE_NO_SOURCE));
    kit_wait(&k, 3000);
    assert_true(kit_notified(&k, NOTICE_NO_SOURCE));
    end(&k, &co);
}

/* An ASK that was lost is sent again. */
TEST(core_fetch, ask_again)
{
    struct kit k;
    struct kit_course co;

    begin(&k, &co, 10);
    kit_fetch(&k, &co);
    kit_peer(&k, 1);
    assert_non_null(kit_sent(&k, 1, MSG_ASK));
    kit_wait(&k, 9000);
    assert_null(kit_sent(&k, 1, MSG_ASK));
    kit_wait(&k, 2000);
    assert_non_null(kit_sent(&k, 1, MSG_ASK));
    end(&k, &co);
}

/* Many courses at once: asked at a pace that costs nobody score, all in time.
 */
TEST(core_fetch, hundred_courses)
{
    struct core_event ev = {.kind = EV_FETCH};
    uint32_t asked = 0;
    struct kit k;

    kit_init(&k);
    kit_start(&k);
    kit_peer(&k, 1);
    for (uint8_t i = 0; i < 100; i++) {
        memset(&ev.u.fetch.course, i + 1, sizeof ev.u.fetch.course);
        ev.kind = EV_FETCH;
        kit_step(&k, &ev);
    }
    for (int second = 0; second < 9; second++) {
        uint32_t now = 0;

        while (kit_sent(&k, 1, MSG_ASK) != NULL)
            now++;
        assert_true(now <= 50);
        asked += now;
        kit_wait(&k, 1000);
    }
    assert_true(asked >= 100);
    kit_deinit(&k);
}

/* Nor may the first edition that is heard of be numbered beyond a jump: the
 * catalog would refuse it, and what is good would have to wait for that. */
TEST(core_fetch, impossible_first_number)
{
    struct kit k;
    struct kit_course co;

    kit_init(&k);
    kit_course_init(&co, 1, 20, 1000);
    kit_start(&k);
    kit_fetch(&k, &co);
    kit_course(&k, NULL);
    kit_make_edition(&co, EDITION_SEQ_JUMP_MAX + 1, &co.edition);
    kit_peer(&k, 1);
    kit_answer(&k, 1, &co);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    kit_make_edition(&co, 1, NULL);
    kit_peer(&k, 2);
    kit_answer(&k, 2, &co);
    assert_non_null(kit_find(&k, FX_STORE_RECORDS));
    kit_deinit(&k);
    kit_course_deinit(&co);
}

/* Told in the midst of carrying out: what was lent before stays as it was, and
 * what the later event asks for stands behind it. */
TEST(core_fetch, amid)
{
    struct core_event timeout = {.kind = EV_TIMEOUT};
    struct core_event course = {.kind = EV_COURSE};
    struct msg ask = {.type = MSG_ASK};
    struct core_effects fx = {NULL, 0};
    struct buf before = BUF_INIT;
    struct kit_course co;
    struct kit k;
    size_t first;

    kit_init(&k);
    kit_course_init(&co, 1, 10, 1000);
    kit_start(&k);
    kit_peer(&k, 1);
    ask.u.ask.request = 1;
    ask.u.ask.course = co.id;
    kit_say(&k, 1, &ask);
    course.u.course.token = kit_want(&k, FX_LOAD_COURSE)->u.load_course.token;
    kit_fetch(&k, &co);
    course.u.course.found = true;
    course.u.course.course_record = co.course_record.base;
    course.u.course.course_record_len = co.course_record.len;
    course.u.course.edition_record = co.edition_record.base;
    course.u.course.edition_record_len = co.edition_record.len;
    course.now_ms = timeout.now_ms = k.now_ms;
    assert_int_equal(core_step(k.c, &course, &fx, NULL), 0);
    assert_true(fx.count != 0 && fx.list[0].kind == FX_SEND);
    first = fx.count;
    (void)buf_append(&before, fx.list[0].u.send.data, fx.list[0].u.send.len);
    for (int i = 0; i < 40; i++) { /* until everything has moved */
        struct core_event up = {.kind = EV_PEER_UP, .now_ms = k.now_ms};

        up.u.up.conn = up.u.up.node.b[0] = (uint8_t)(100 + i);
        up.u.up.scope = SCOPE_LAN;
        up.u.up.address = "10.0.0.1:5000";
        assert_int_equal(core_step_amid(k.c, &up, &fx, NULL), 0);
    }
    assert_int_equal(fx.count, first + 40); /* a HELLO each */
    assert_true(
        span_eq(buf_span(&before),
                (struct span){fx.list[0].u.send.data, fx.list[0].u.send.len}));
    assert_int_equal(fx.list[fx.count - 1].u.send.conn, 139);
    assert_null(core_check(k.c));
    assert_int_equal(core_step(k.c, &timeout, &fx, NULL), 0);
    assert_true(fx.count < first + 40);
    buf_deinit(&before);
    kit_course_deinit(&co);
    kit_deinit(&k);
}

/* There was no memory to read it: nobody is told that it is not here, and it is
 * read again. */
TEST(core_fetch, not_read)
{
    struct core_event course = {.kind = EV_COURSE};
    struct msg ask = {.type = MSG_ASK};
    struct kit_course co;
    struct kit k;

    kit_init(&k);
    kit_course_init(&co, 1, 10, 1000);
    kit_start(&k);
    kit_peer(&k, 1);
    course.u.course.failed = true;
    ask.u.ask.request = 1;
    ask.u.ask.course = co.id;
    kit_say(&k, 1, &ask);
    course.u.course.token = kit_want(&k, FX_LOAD_COURSE)->u.load_course.token;
    kit_step(&k, &course);
    assert_null(kit_sent(&k, 1, MSG_RECORDS));
    kit_fetch(&k, &co);
    course.u.course.token = kit_want(&k, FX_LOAD_COURSE)->u.load_course.token;
    kit_step(&k, &course);
    assert_null(kit_find(&k, FX_LOAD_COURSE));
    kit_wait(&k, 1000);
    kit_course(&k, &co);
    kit_want(&k, FX_LOAD_EDITION);
    kit_course_deinit(&co);
    kit_deinit(&k);
}
