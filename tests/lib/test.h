/* test: TEST(suite, case) { ... } on top of cmocka. Cases register themselves;
 * tests/lib/test_main.c runs them as one cmocka group. Use cmocka's assert_*.
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef void test_fn(void **state);

/** test_register - called by TEST before main; not for anybody else. */
void test_register(const char *name, test_fn *fn);

#define TEST(suite, name)                                                      \
    static void suite##__##name(void **state);                                 \
    __attribute__((constructor)) static void suite##__##name##__reg(void)      \
    {                                                                          \
        test_register(#suite "." #name, suite##__##name);                      \
    }                                                                          \
    static void suite##__##name(void **state __attribute__((unused)))

/** test_tmpdir - a new empty folder, removed when the program ends. */
const char *test_tmpdir(void);

#endif
