#include "storage/seq_file.h"

#include "tests/lib/keep.h"

static uint64_t read_seq(const char *home, uint8_t author, uint8_t course)
{
    struct author_id a = {{author}};
    struct course_id c = {{course}};
    uint64_t seq = 77;

    assert_int_equal(seq_file_read(home, &a, &c, &seq, NULL), 0);
    return seq;
}

static int write_seq(const char *home, uint8_t author, uint8_t course,
                     uint64_t seq)
{
    struct author_id a = {{author}};
    struct course_id c = {{course}};

    return seq_file_write(home, &a, &c, seq, NULL);
}

/* A number a chain, each for itself. */
TEST(seq_file, chains)
{
    const char *home = test_tmpdir();

    assert_int_equal(read_seq(home, 1, 1), 0);
    for (uint8_t i = 1; i < 30; i++)
        assert_int_equal(write_seq(home, i, (uint8_t)(i * 7), i), 0);
    assert_int_equal(write_seq(home, 3, 21, (UINT64_C(1) << 48) - 1), 0);
    assert_int_equal(write_seq(home, 29, 203, 5), 0);
    for (uint8_t i = 1; i < 29; i++)
        if (i != 3)
            assert_int_equal(read_seq(home, i, (uint8_t)(i * 7)), i);
    assert_true(read_seq(home, 3, 21) == (UINT64_C(1) << 48) - 1);
    assert_int_equal(read_seq(home, 29, 203), 5);
    assert_int_equal(read_seq(home, 3, 22), 0);
    assert_int_equal(read_seq(home, 30, 210), 0);
}

/* A file that somebody edited and left without its last newline still counts,
 * and the next line does not run into it. */
TEST(seq_file, no_newline)
{
    const char *home = test_tmpdir();
    off_t size;

    assert_int_equal(write_seq(home, 1, 1, 12), 0);
    size = keep_size(keep_path(home, "seq"));
    assert_int_equal(truncate(keep_path(home, "seq"), size - 1), 0);
    assert_int_equal(read_seq(home, 1, 1), 12);
    assert_int_equal(write_seq(home, 2, 2, 5), 0);
    assert_int_equal(read_seq(home, 1, 1), 12);
    assert_int_equal(read_seq(home, 2, 2), 5);
}

/* A write that fails leaves what stood there. */
TEST(seq_file, faults)
{
    const char *home = test_tmpdir();

    assert_int_equal(write_seq(home, 1, 1, 12), 0);
    for (int kind = FAULT_WRITE; kind <= FAULT_RENAME; kind++) {
        file_io_fault_after((enum file_io_fault)kind, 0, 1, EIO);
        assert_int_equal(write_seq(home, 1, 1, 13), ERR_IO);
        keep_no_faults();
        assert_int_equal(read_seq(home, 1, 1), 12);
    }
}

/* Said once, it stays, and the numbers stay too; each time has its own name. */
TEST(seq_file, doubt)
{
    const char *home = test_tmpdir();
    char first[SEQ_FILE_DOUBT_CHARS];
    char again[SEQ_FILE_DOUBT_CHARS];

    assert_false(seq_file_doubtful(home));
    assert_int_equal(write_seq(home, 1, 1, 12), 0);
    file_io_fault_after(FAULT_WRITE, 0, 1, ENOSPC);
    assert_int_equal(seq_file_doubt(home, NULL), ERR_NO_SPACE);
    keep_no_faults();
    assert_false(seq_file_doubtful(home));
    seq_file_doubt_name(home, first);
    assert_string_equal(first, "");
    assert_int_equal(seq_file_doubt(home, NULL), 0);
    seq_file_doubt_name(home, first);
    assert_int_equal(strlen(first), sizeof first - 1);
    assert_int_equal(seq_file_doubt(home, NULL), 0);
    seq_file_doubt_name(home, again);
    assert_int_equal(strlen(again), sizeof again - 1);
    assert_string_not_equal(first, again);
    assert_true(seq_file_doubtful(home));
    assert_int_equal(read_seq(home, 1, 1), 12);
}
