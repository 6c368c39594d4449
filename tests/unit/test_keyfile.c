#include "storage/keyfile.h"

#include "tests/lib/keep.h"

static void init(void)
{
    assert_int_equal(crypto_init(NULL), 0);
}

/* A node's key is made once, 0600, and is the same from then on. */
TEST(keyfile_node, made_once)
{
    const char *home = test_tmpdir();
    struct node_id first;
    struct node_id again;
    uint8_t a[32];
    uint8_t b[32];
    struct stat st;
    mode_t old;

    init();
    old = umask(0);
    assert_int_equal(keyfile_node_load(home, a, &first, NULL), 0);
    (void)umask(old);
    assert_int_equal(stat(keep_path(home, "node.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 65);
    assert_int_equal(keyfile_node_load(home, b, &again, NULL), 0);
    assert_memory_equal(a, b, 32);
    assert_true(node_id_eq(&first, &again));
    assert_int_equal(keyfile_node_load(test_tmpdir(), b, &again, NULL), 0);
    assert_memory_not_equal(a, b, 32);
}

/* Readable by others, of another shape, or a link: refused, and left alone. */
TEST(keyfile_node, refused)
{
    static const char *const bad[] = {
        "", "00", "x",
        "0000000000000000000000000000000000000000000000000000000000000000\n\n",
        "g000000000000000000000000000000000000000000000000000000000000000\n"};
    const char *home = test_tmpdir();
    const char *path = strdup(keep_path(home, "node.key"));
    struct node_id id;
    struct err e = ERR_INIT;
    uint8_t key[32] = {1};

    init();
    assert_int_equal(keyfile_node_load(home, key, &id, NULL), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(keyfile_node_load(home, key, &id, &e), ERR_REFUSED);
    assert_non_null(strstr(e.text, "node.key"));
    for (size_t i = 0; i < 5; i++) {
        keep_write(path, bad[i], strlen(bad[i]));
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(keyfile_node_load(home, key, &id, &e), ERR_MALFORMED);
        assert_int_equal(keep_size(path), (off_t)strlen(bad[i]));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(keyfile_node_load(home, key, &id, &e), ERR_REFUSED);
    free((char *)(uintptr_t)path);
}

/* No half key stays when the disk is full, and the next try makes a whole one.
 */
TEST(keyfile_node, faults)
{
    static const enum file_io_fault kinds[] = {FAULT_WRITE, FAULT_SYNC,
                                               FAULT_RENAME};
    const char *home = test_tmpdir();
    struct node_id id;
    uint8_t key[32];

    init();
    for (size_t i = 0; i < 3; i++) {
        file_io_fault_after(kinds[i], 0, 1, ENOSPC);
        assert_int_equal(keyfile_node_load(home, key, &id, NULL), ERR_NO_SPACE);
        keep_no_faults();
        assert_int_equal(keep_size(keep_path(home, "node.key")), -1);
        assert_int_equal(keep_size(keep_path(home, "node.key.tmp")), -1);
    }
    assert_int_equal(keyfile_node_load(home, key, &id, NULL), 0);
}

/* An identity is saved once, read back as it was, and opens. */
TEST(keyfile_identity, round)
{
    const char *home = test_tmpdir();
    struct identity *id;
    struct identity *back = NULL;
    struct vault_info info;
    struct buf text = BUF_INIT;
    struct buf got = BUF_INIT;
    struct stat st;

    init();
    id = identity_generate();
    assert_non_null(id);
    assert_int_equal(keyfile_identity_read(home, &got, NULL), ERR_NOT_FOUND);
    assert_int_equal(keyfile_identity_info(home, &info, NULL), ERR_NOT_FOUND);
    assert_int_equal(vault_seal(id, "Ann", NULL, 0, true, &text, NULL), 0);
    assert_int_equal(keyfile_identity_save(home, &text, NULL), 0);
    assert_int_equal(keyfile_identity_save(home, &text, NULL), ERR_CONFLICT);
    assert_int_equal(stat(keep_path(home, "identity.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyfile_identity_info(home, &info, NULL), 0);
    assert_string_equal(info.name, "Ann");
    assert_false(info.sealed);
    assert_true(author_id_eq(&info.author, identity_author(id)));
    assert_int_equal(keyfile_identity_read(home, &got, NULL), 0);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.base, text.base, got.len);
    assert_int_equal(vault_open(got.base, got.len, NULL, 0, &back, NULL), 0);
    assert_memory_equal(identity_seed(back), identity_seed(id), SEED_BYTES);
    assert_int_equal(chmod(keep_path(home, "identity.key"), 0640), 0);
    assert_int_equal(keyfile_identity_info(home, &info, NULL), ERR_REFUSED);
    identity_free(back);
    identity_free(id);
    buf_deinit(&text);
    buf_deinit(&got);
}
