/* A journal as a crash, or an editor, left it: it opens, what it says can be
 * asked, and a fact that is stated is there after the next open. */
#include <stdbool.h>
#include <string.h>

#include "storage/journal.h"
#include "tests/fuzz/fuzz_home.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_over(void *user, const char *const *values, size_t count)
{
    (void)user;
    return count != 0 && values[0][0] == 'x';
}

static void count(void *user, const char *key, const char *const *values,
                  size_t n)
{
    size_t *sum = user;

    *sum += strlen(key);
    for (size_t i = 0; i < n; i++)
        *sum += strlen(values[i]);
}

/* What cannot be opened, is refused as a whole. */
static struct journal *reopen(struct journal *j)
{
    if (j != NULL)
        journal_close(j);
    return journal_open(fuzz_home, "journal", &j, NULL) == 0 ? j : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const values[] = {"a value\t%", "\n", ""};
    struct journal *j;
    char out[64];
    size_t sum = 0;

    fuzz_home_with("journal", data, size);
    j = reopen(NULL);
    if (j == NULL)
        return 0;
    journal_each(j, "pinned", count, &sum);
    journal_each(j, "seen", count, &sum);
    (void)journal_get(j, "pinned", "a", 0, out, sizeof out);
    (void)journal_unset(j, "pinned", "a", NULL);
    (void)journal_prune(j, "seen", is_over, NULL, NULL);
    if (journal_set(j, "fact", "k e\ty", values, 3, NULL) != 0 ||
        journal_set(j, "fact", "other", values, 1, NULL) != 0 ||
        journal_unset(j, "fact", "other", NULL) != 0)
        abort();
    j = reopen(j);
    if (j == NULL ||
        journal_get(j, "fact", "k e\ty", 0, out, sizeof out) != 0 ||
        strcmp(out, values[0]) != 0 ||
        journal_get(j, "fact", "other", 0, out, sizeof out) == 0 ||
        journal_get(j, "fact", "k e\ty", 0, out, 3) == 0)
        abort();
    journal_close(j);
    return 0;
}
