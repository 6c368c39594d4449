/* test_core_revoked: what authors withdraw, told and heard. */
#include "crypto/revocation.h"
#include "tests/lib/core_kit.h"

#define LEN 1000u

struct said {
    struct buf bytes;
    struct record_id id;
};

static struct said revocation(const struct identity *who,
                              const struct kit_course *co, uint64_t seq)
{
    struct revocation_payload p = {.time_ms = 1, .course = co->id, .seq = seq};
    struct said s = {.bytes = BUF_INIT};
    struct buf payload = BUF_INIT;

    p.reason = (struct span){(const uint8_t *)"old", 3};
    assert_int_equal(revocation_encode(&p, &payload, NULL), 0);
    kit_sign(who, RECORD_REVOCATION, &payload, &s.bytes, &s.id);
    buf_deinit(&payload);
    return s;
}

static void begin(struct kit *k, struct kit_course *co, struct said *s)
{
    kit_init(k);
    kit_course_init(co, 1, 10, LEN);
    *s = revocation(co->author, co, 1);
    kit_start(k);
}

static void end(struct kit *k, struct kit_course *co, struct said *s)
{
    kit_deinit(k);
    kit_course_deinit(co);
    buf_deinit(&s->bytes);
}

/* @edition NULL: of the course and its revocation alone. */
static void say(struct kit *k, conn_no conn, uint32_t request,
                const struct kit_course *co, const struct said *s,
                const struct kit_course *edition)
{
    struct msg m = {.type = MSG_RECORDS};

    m.u.records.request = request;
    m.u.records.list[0] = buf_span(&co->course_record);
    m.u.records.list[1] = buf_span(&s->bytes);
    m.u.records.count = 2;
    if (edition != NULL)
        m.u.records.list[m.u.records.count++] =
            buf_span(&edition->edition_record);
    kit_say(k, conn, &m);
}

static void answer(struct kit *k, conn_no conn, const struct kit_course *co,
                   const struct said *s, const struct kit_course *edition)
{
    const struct msg *m = kit_must_send(k, conn, MSG_ASK);

    say(k, conn, m->u.ask.request, co, s, edition);
}

/* The catalog gets @count records, the last of them @last. */
static void stored(struct kit *k, size_t count, const struct buf *last, bool ok)
{
    const struct core_effect *fx = kit_want(k, FX_STORE_RECORDS);
    struct core_event ev = {.kind = EV_RECORDS_STORED};

    assert_int_equal(fx->u.store_records.count, count);
    assert_true(
        span_eq(fx->u.store_records.records[count - 1], buf_span(last)));
    ev.u.records_stored.token = fx->u.store_records.token;
    ev.u.records_stored.ok = ok;
    kit_step(k, &ev);
}

/* The answer to an FX_LOAD_COURSE of one who has withdrawn the course. */
static void load(struct kit *k, const struct kit_course *co,
                 const struct said *s, const struct kit_course *edition)
{
    const struct core_effect *fx = kit_want(k, FX_LOAD_COURSE);
    struct core_event ev = {.kind = EV_COURSE};

    ev.u.course.token = fx->u.load_course.token;
    ev.u.course.course = co->id;
    ev.u.course.found = true;
    ev.u.course.course_record = co->course_record.base;
    ev.u.course.course_record_len = co->course_record.len;
    if (edition != NULL) {
        ev.u.course.edition_record = edition->edition_record.base;
        ev.u.course.edition_record_len = edition->edition_record.len;
    }
    if (s != NULL) {
        ev.u.course.revocations[0] = buf_span(&s->bytes);
        ev.u.course.revocation_count = 1;
    }
    kit_step(k, &ev);
}

static void ask(struct kit *k, conn_no conn, const struct kit_course *co)
{
    struct msg m = {.type = MSG_ASK};

    m.u.ask.request = 1;
    m.u.ask.course = co->id;
    kit_say(k, conn, &m);
}

static void fetch(struct kit *k, const struct kit_course *co)
{
    kit_fetch(k, co);
    kit_course(k, NULL);
}

/* Whoever asks hears what is withdrawn, with the edition that is not, or with
 * none; and no more of it until there is more. */
TEST(core_revoked, told)
{
    struct core_event ev = {.kind = EV_WITHDRAWN};
    const struct msg *m;
    struct kit_course co;
    struct said s;
    struct kit k;

    begin(&k, &co, &s);
    kit_peer(&k, 1);
    ask(&k, 1, &co);
    load(&k, &co, NULL, &co);
    assert_int_equal(kit_must_send(&k, 1, MSG_RECORDS)->u.records.count, 2);
    ev.u.withdrawn.course = co.id;
    for (int again = 0; again < 2; again++) {
        kit_step(&k, &ev);
        load(&k, &co, &s, NULL);
        m = kit_sent(&k, 1, MSG_RECORDS);
        assert_true((m != NULL) == (again == 0));
        if (m == NULL)
            continue;
        assert_int_equal(m->u.records.request, 0);
        assert_int_equal(m->u.records.count, 2);
        assert_true(span_eq(m->u.records.list[1], buf_span(&s.bytes)));
    }
    kit_peer(&k, 2);
    ask(&k, 2, &co);
    load(&k, &co, &s, NULL);
    m = kit_must_send(&k, 2, MSG_RECORDS);
    assert_int_equal(m->u.records.request, 1);
    assert_true(span_eq(m->u.records.list[1], buf_span(&s.bytes)));
    end(&k, &co, &s);
}

/* Nothing but a withdrawal is known to anybody: the fetch is told so, once all
 * have answered. */
TEST(core_revoked, nothing_else)
{
    struct kit_course co;
    struct said s;
    struct kit k;

    begin(&k, &co, &s);
    kit_peer(&k, 1);
    kit_peer(&k, 2);
    fetch(&k, &co);
    answer(&k, 1, &co, &s, NULL);
    stored(&k, 2, &s.bytes, true);
    kit_edition(&k, NULL, false, NULL, false);
    kit_wait(&k, 1500);
    assert_false(kit_notified(&k, NOTICE_WITHDRAWN));
    kit_records(&k, 2, kit_must_send(&k, 2, MSG_ASK)->u.ask.request, NULL);
    kit_wait(&k, 1500);
    assert_true(kit_notified(&k, NOTICE_WITHDRAWN));
    assert_false(kit_notified(&k, NOTICE_UNKNOWN_COURSE));
    assert_null(kit_find(&k, FX_LOAD_EDITION)); /* and is left in peace */
    end(&k, &co, &s);
}

/* An older edition comes with it: that one is fetched. */
TEST(core_revoked, older)
{
    struct kit_course co;
    struct kit_course two;
    struct said s;
    struct kit k;

    begin(&k, &co, &s);
    kit_next_edition(&two, &co, 1, 12, LEN);
    buf_deinit(&s.bytes);
    s = revocation(co.author, &co, 2);
    kit_peer(&k, 1);
    fetch(&k, &co);
    answer(&k, 1, &co, &s, &co);
    stored(&k, 3, &co.edition_record, true);
    kit_edition(&k, &co, true, NULL, false);
    kit_have_all(&k, 1, &co);
    assert_int_equal(kit_progress(&k, &co).seq, 1);
    assert_int_equal(kit_serve_all(&k, 0, LEN), 10);
    assert_true(kit_notified(&k, NOTICE_COMPLETE));
    /* One who knows no better offers the other: it goes to the catalog, which
     * still gives the older one. */
    kit_peer(&k, 2);
    kit_answer(&k, 2, &two);
    stored(&k, 2, &two.edition_record, true);
    kit_edition(&k, &co, true, NULL, true);
    assert_int_equal(kit_progress(&k, &co).seq, 1);
    kit_course_deinit(&two);
    end(&k, &co, &s);
}

/* Withdrawn while it is on its way: back to the one before, or to nothing. */
TEST(core_revoked, on_its_way)
{
    for (int left = 0; left < 2; left++) {
        struct kit_course co;
        struct kit_course two;
        struct said s;
        struct kit k;

        begin(&k, &co, &s);
        kit_next_edition(&two, &co, 1, 12, LEN);
        kit_learner(&k, &two, NULL);
        kit_seeder(&k, 1, &two);
        assert_int_equal(kit_progress(&k, &co).seq, 2);
        say(&k, 1, 0, &co, &s, NULL);
        stored(&k, 2, &s.bytes, true);
        kit_edition(&k, left ? &co : NULL, true, NULL, false);
        assert_int_equal(kit_progress(&k, &co).seq, left ? 1 : 2);
        assert_true(kit_notified(&k, NOTICE_WITHDRAWN) == (left == 0));
        kit_course_deinit(&two);
        end(&k, &co, &s);
    }
}

/* Somebody else's hand withdraws nothing, and costs; the rest of its message
 * counts. */
TEST(core_revoked, stranger)
{
    struct kit_course co;
    struct kit_course other;
    struct said s;
    struct said forged;
    struct kit k;

    begin(&k, &co, &s);
    kit_course_init(&other, 2, 10, LEN);
    forged = revocation(other.author, &co, 1);
    kit_peer(&k, 1);
    fetch(&k, &co);
    answer(&k, 1, &co, &forged, &co);
    stored(&k, 2, &co.edition_record, true);
    kit_edition(&k, &co, true, NULL, false);
    assert_false(kit_dropped(&k, 1));
    for (int i = 0; i < 20 && !kit_dropped(&k, 1); i++)
        say(&k, 1, 0, &co, &forged, NULL);
    assert_true(kit_dropped(&k, 1));
    assert_true(kit_banned(&k, 1) != 0);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    kit_course_deinit(&other);
    buf_deinit(&forged.bytes);
    end(&k, &co, &s);
}

/* Nobody fetches it here: it is news for the catalog all the same, and goes on
 * to those who asked, but not back. A course record must come with it, of the
 * same course, and there is a limit to how many are looked at. */
TEST(core_revoked, gossip)
{
    struct kit_course co;
    struct kit_course other;
    struct said s;
    struct said forged;
    struct kit k;
    size_t jobs = 0;

    begin(&k, &co, &s);
    kit_course_init(&other, 2, 10, LEN);
    forged = revocation(other.author, &co, 1);
    for (uint8_t n = 1; n <= 3; n++)
        kit_peer(&k, n);
    for (uint8_t n = 1; n <= 2; n++) {
        ask(&k, n, &co);
        load(&k, &co, NULL, &co);
        (void)kit_must_send(&k, n, MSG_RECORDS);
    }
    say(&k, 1, 0, &co, &s, NULL);
    stored(&k, 1, &s.bytes, true);
    load(&k, &co, &s, NULL);
    assert_non_null(kit_sent(&k, 2, MSG_RECORDS));
    assert_null(kit_sent(&k, 1, MSG_RECORDS));
    assert_null(kit_sent(&k, 3, MSG_RECORDS));
    say(&k, 3, 0, &co, &forged, NULL);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    for (int i = 0; i < 1000; i++)
        say(&k, 2, 0, &co, &s, NULL);
    while (kit_find(&k, FX_STORE_RECORDS) != NULL)
        jobs++;
    assert_in_range(jobs, 1, LOADS_PER_PEER);
    say(&k, 3, 0, &other, &s, NULL); /* of another course than its record's */
    assert_true(kit_banned(&k, 3) != 0);
    kit_course_deinit(&other);
    buf_deinit(&forged.bytes);
    end(&k, &co, &s);
}

/* As many loads of @conn's as it may have, and no answer yet. */
static void fill_loads(struct kit *k, conn_no conn, const struct kit_course *co)
{
    for (int i = 0; i < LOADS_PER_PEER; i++)
        ask(k, conn, co);
}

static size_t sent(struct kit *k, conn_no conn, enum msg_type type)
{
    size_t n = 0;

    while (kit_sent(k, conn, type) != NULL)
        n++;
    return n;
}

/* When the catalog cannot be told, who knew is asked, until it can. */
TEST(core_revoked, no_room)
{
    struct kit_course co;
    struct said s;
    struct kit k;

    begin(&k, &co, &s);
    kit_peer(&k, 1);
    fill_loads(&k, 1, &co);
    say(&k, 1, 0, &co, &s, NULL);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    assert_null(kit_sent(&k, 1, MSG_ASK));
    kit_wait(&k, 2000);
    answer(&k, 1, &co, &s, NULL);
    assert_null(kit_find(&k, FX_STORE_RECORDS)); /* not yet */
    load(&k, &co, NULL, &co);
    kit_wait(&k, 2000);
    answer(&k, 1, &co, &s, NULL);
    stored(&k, 1, &s.bytes, false); /* the disk would not have it */
    kit_wait(&k, 6000);
    answer(&k, 1, &co, &s, NULL);
    stored(&k, 1, &s.bytes, true);
    kit_wait(&k, 60000);
    assert_null(kit_sent(&k, 1, MSG_ASK));
    end(&k, &co, &s);
}

/* One who says that much is not remembered for all of it, nor for good; and
 * somebody else's word counts. */
TEST(core_revoked, no_room_for_many)
{
    struct kit_course co;
    struct kit_course many[40];
    struct said s;
    struct kit k;

    begin(&k, &co, &s);
    kit_peer(&k, 1);
    kit_peer(&k, 2);
    fill_loads(&k, 1, &co);
    for (uint8_t i = 0; i < 40; i++) {
        struct said other;

        kit_course_init(&many[i], (uint8_t)(10 + i), 4, LEN);
        other = revocation(many[i].author, &many[i], 1);
        kit_wait(&k, 100); /* at its rate */
        say(&k, 1, 0, &many[i], &other, NULL);
        buf_deinit(&other.bytes);
    }
    fill_loads(&k, 2, &co);
    say(&k, 2, 0, &co, &s, NULL);
    assert_null(kit_find(&k, FX_STORE_RECORDS));
    kit_wait(&k, 2000);
    assert_in_range(sent(&k, 1, MSG_ASK), 1, 16);
    assert_int_equal(sent(&k, 2, MSG_ASK), 1);
    for (uint32_t request = 1; request <= 16; request++)
        kit_records(&k, 1, request, NULL);
    kit_wait(&k, 30000);
    assert_int_equal(sent(&k, 1, MSG_ASK), 0);
    for (uint8_t i = 0; i < 40; i++)
        kit_course_deinit(&many[i]);
    end(&k, &co, &s);
}
