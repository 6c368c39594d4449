#include "cli/causes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/err.h"
#include "crypto/base/text.h"
#include "tests/lib/test.h"

static void expect(const char *english, const char *chinese)
{
    char *zh = causes_in(SAY_ZH, english);
    char *en = causes_in(SAY_EN, english);

    assert_string_equal(zh, chinese);
    assert_string_equal(en, english);
    free(zh);
    free(en);
}

/* A text is read as err_set, err_errno and err_wrap made it: link by link. */
TEST(causes, links)
{
    struct err e = ERR_INIT;

    (void)err_errno(&e, ENOSPC, "open '%s'", "/a");
    err_wrap(&e, "publish '%s'", "/c");
    expect(e.text, "发布“/c”：打开“/a”：磁盘空间不足");
    expect("interrupted", "已中断");
    expect("", "");
}

/* Numbers keep their form, arguments their meaning in another order. */
TEST(causes, arguments)
{
    expect("3 of 12 chunks are not here", "12 块中有 3 块不在本机");
    expect("entry at 77 of '/l' has changed", "“/l”中位于 77 的条目已改变");
    expect("message of type 0x1f", "消息类型为 0x1f");
    expect("'/h' is open to others (mode 0755)", "“/h”对他人开放（权限 0755）");
}

/* A cause inside of a cause is one, too; a bare word stays a word. */
TEST(causes, nested)
{
    expect("the file cannot be read to its end: read: Input/output error: 7"
           " chunks are missing, what came is kept",
           "文件无法读到末尾：读取：输入输出错误：缺少 7 块，已取得的会保留");
    expect("the file is cut off: 1 chunks are missing, what came is kept",
           "文件被截断了：缺少 1 块，已取得的会保留");
    expect("no peer could be reached; 4 chunks are missing, what came is kept",
           "联系不到任何节点；缺少 4 块，已取得的会保留");
    expect("there is a folder '/x'", "已有文件夹“/x”");
    expect("home '/h' is in use by process 12 (lyceum gc)",
           "主目录“/h”正在被进程 12（“lyceum gc”）使用");
}

/* Values are anybody's: whatever they hold, they come out as they went in. */
TEST(causes, values)
{
    expect("open '/a': b': Permission denied", "打开“/a': b”：权限不够");
    expect("open '/a: interrupted': Permission denied",
           "打开“/a: interrupted”：权限不够");
    expect("open 'record': Permission denied", "打开“record”：权限不够");
    expect("'index': a link: left out", "“index”：是链接：未收入");
    expect("'interrupted': a link: left out", "“interrupted”：是链接：未收入");
    expect("withdrawn by its author: see: interrupted",
           "作者已撤回：“see: interrupted”");
    expect("open '%s%n%1$s': Is a directory", "打开“%s%n%1$s”：是文件夹");
    expect("open '': Is a directory", "打开“”：是文件夹");
}

/* What no format made stays as it is, and does not spoil its neighbours. */
TEST(causes, unknown)
{
    expect("the moon is full", "the moon is full");
    expect("the moon: is: full", "the moon: is: full");
    expect("open '/a': the moon is full", "打开“/a”：the moon is full");
    expect("the moon: read: Is a directory", "the moon：读取：是文件夹");
    expect("没有命令“x”", "没有命令“x”");
}

/* A text that struct err cut off is still told as far as it goes. */
TEST(causes, cut)
{
    char path[2 * ERR_TEXT_MAX];
    struct err e = ERR_INIT;
    char *zh;

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    (void)err_errno(&e, EACCES, "open '%s'", path);
    zh = causes_in(SAY_ZH, e.text);
    assert_memory_equal(zh, "打开“xxx", strlen("打开“xxx"));
    free(zh);
    zh = causes_in(SAY_ZH, "open 'xxx");
    assert_string_equal(zh, "open 'xxx");
    free(zh);
}

/* Texts made to be hard to read end, and soon. */
TEST(causes, hostile)
{
    static const char *const bits[] = {"'",       "': ",  "read: ",  ": ",
                                       "' to '",  "'/'",  "; 1 chu", "open '",
                                       "key 1: ", "%s: ", "chunk: ", "tree: "};
    char text[ERR_TEXT_MAX];

    for (size_t b = 0; b < sizeof bits / sizeof bits[0]; b++)
        for (size_t head = 0; head < 3; head++) {
            size_t n = 0;
            char *zh;

            n += (size_t)snprintf(text, sizeof text, "%s",
                                  head == 0   ? ""
                                  : head == 1 ? "'"
                                              : "rename '");
            while (n + strlen(bits[b]) < sizeof text) {
                memcpy(text + n, bits[b], strlen(bits[b]));
                n += strlen(bits[b]);
            }
            text[n] = '\0';
            zh = causes_in(SAY_ZH, text);
            assert_true(strlen(zh) > 0);
            free(zh);
        }
}

/* Every format of the table reads back as itself, values and all, whatever
 * else in the table might fit as well. */
TEST(causes, table)
{
    static const struct {
        const char *en, *zh;
    } rows[] = {
#define X(en, zh) {en, zh},
#include "cli/causes.inc"
#undef X
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *zh = rows[i].zh;
        char text[512];
        size_t n = 0;
        char *got;

        for (const char *p = rows[i].en; *p != '\0'; p++) {
            if (*p == '%' && p[1] != '%') {
                p += strcspn(p, "diouxs");
                n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                      *p == 's' ? "Zqx" : "40");
            } else {
                p += *p == '%';
                text[n++] = *p;
            }
        }
        text[n] = '\0';
        got = causes_in(SAY_ZH, text);
        for (const char *p = zh, *g = got; *p != '\0';) {
            size_t same = strcspn(p, "%");

            if (strncmp(g, p, same) != 0)
                fail_msg("'%s' became '%s', not '%s'", text, got, zh);
            p += same;
            g += same;
            if (*p == '\0')
                break;
            if (p[1] == '%') {
                p += 2;
                g += 1;
                continue;
            }
            p += strcspn(p, "diouxs") + 1;
            g += *g == 'Z' ? 3 : 2;
        }
        free(got);
    }
}
