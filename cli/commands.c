#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define AT(field) offsetof(struct cli, field)

static const struct option_spec
    o_name = {"--name",
              "NAME",
              OPTION_TEXT,
              AT(name),
              {"how others will call you", "你的名字"}},
    o_quota = {"--quota",
               "SIZE",
               OPTION_TEXT,
               AT(quota),
               {"space for what is kept for others, like 50G",
                "为他人保存内容的空间，如 50G"}},
    o_nopass = {"--no-passphrase",
                NULL,
                OPTION_FLAG,
                AT(no_passphrase),
                {"keep the key without a passphrase", "密钥不加密码"}},
    o_sheet = {"--sheet",
               NULL,
               OPTION_FLAG,
               AT(sheet),
               {"as rows to write on paper and type in",
                "用于抄写和键入的纸条"}},
    o_course = {"--course",
                "COURSE",
                OPTION_TEXT,
                AT(course),
                {"the next edition of this course", "作为该课程的下一版"}},
    o_dry = {"--dry-run",
             NULL,
             OPTION_FLAG,
             AT(dry_run),
             {"say what would happen, store nothing", "只说明，不写入"}},
    o_secrets = {"--allow-secrets",
                 NULL,
                 OPTION_FLAG,
                 AT(allow_secrets),
                 {"publish what looks like a secret, too",
                  "即使看似密钥也发布"}},
    o_best = {"--best",
              NULL,
              OPTION_FLAG,
              AT(best),
              {"compress harder, slower", "压缩更小但更慢"}},
    o_in_place = {"--in-place",
                  NULL,
                  OPTION_FLAG,
                  AT(in_place),
                  {"do not copy large files, now and the next times",
                   "不复制大文件，以后也如此"}},
    o_copy = {"--copy",
              NULL,
              OPTION_FLAG,
              AT(copy),
              {"copy them again, after --in-place", "恢复为复制大文件"}},
    o_reread = {"--reread",
                NULL,
                OPTION_FLAG,
                AT(reread),
                {"read unchanged files, too", "重新读取未变的文件"}},
    o_to = {"--to",
            "DIR",
            OPTION_TEXT,
            AT(to),
            {"put the files into this folder", "把文件放到此文件夹"}},
    o_check = {"--check",
               NULL,
               OPTION_FLAG,
               AT(check),
               {"only say what there is to fetch", "只说明需要取得多少"}},
    o_peer = {"--peer",
              "HOST:PORT@KEY",
              OPTION_LIST,
              AT(peers),
              {"ask this node; may be repeated", "询问此节点，可重复"}},
    o_lesson = {"--lesson",
                "N",
                OPTION_NUMBER,
                AT(lesson),
                {"this lesson first", "先取第 N 课"}},
    o_since = {"--since",
               "E",
               OPTION_NUMBER,
               AT(since),
               {"only what edition E does not have", "只含第 E 版所没有的"}},
    o_range = {"--range",
               "A-B",
               OPTION_TEXT,
               AT(range),
               {"bytes A to B; A- from there on; -N the last N",
                "第 A 至 B 字节；A- 到结尾；-N 为最后 N 字节"}},
    o_raw = {"--raw",
             "FILE",
             OPTION_TEXT,
             AT(raw),
             {"write the record's bytes to FILE", "把记录原文写入文件"}},
    o_versions = {"--versions",
                  NULL,
                  OPTION_FLAG,
                  AT(versions),
                  {"list the editions", "列出各版"}},
    o_all = {"--all", NULL, OPTION_FLAG, AT(all), {"every course", "所有课程"}},
    o_banned = {"--banned",
                NULL,
                OPTION_FLAG,
                AT(banned),
                {"those that are refused", "被拒绝的节点"}},
    o_reason = {"--reason",
                "TEXT",
                OPTION_TEXT,
                AT(reason),
                {"why, in one line that everybody reads", "一行公开的理由"}},
    o_qr = {"--qr",
            "[FILE.png]",
            OPTION_PNG,
            AT(qr),
            {"as a QR code, here or in a file", "显示二维码，或存为图片"}},
    o_watch = {"--watch",
               NULL,
               OPTION_FLAG,
               AT(watch),
               {"look again every second", "每秒刷新"}},
    o_log = {"--log-format",
             "text|json",
             OPTION_CHOICE,
             AT(log_format),
             {"form of the log lines", "日志格式"}};

static const struct option_spec globals[] = {
    {"--listen",
     "ADDR:PORT",
     OPTION_TEXT,
     AT(listen),
     {"accept peers here; port 0 takes a free one",
      "在此地址接受节点；端口 0 为任意"}},
    {"--json",
     NULL,
     OPTION_FLAG,
     AT(json),
     {"one JSON object on stdout", "输出一个 JSON 对象"}},
    {"-q", NULL, OPTION_FLAG, AT(quiet), {"say less", "少说"}},
    {"-v", NULL, OPTION_FLAG, AT(verbose), {"say more", "多说"}},
    {"-y", NULL, OPTION_FLAG, AT(yes), {"yes to questions", "全部同意"}},
    {"--offline",
     NULL,
     OPTION_FLAG,
     AT(offline),
     {"use no network", "不使用网络"}},
    {"--no-color", NULL, OPTION_FLAG, AT(no_color), {"no colours", "不用颜色"}},
    {"--home",
     "DIR",
     OPTION_TEXT,
     AT(given_home),
     {"the home; else LYCEUM_HOME", "主目录，默认 LYCEUM_HOME"}},
    {"--timeout",
     "30s",
     OPTION_TIME,
     AT(timeout_ms),
     {"give up after that long without progress", "无进展多久后放弃"}},
    {"--lang",
     "zh|en",
     OPTION_CHOICE,
     AT(lang),
     {"language; else by LANG", "语言，默认按 LANG"}},
    {"--progress",
     "auto|none|json",
     OPTION_CHOICE,
     AT(progress),
     {"how far it is, on stderr", "在 stderr 显示进度"}},
    {"--help", NULL, OPTION_FLAG, AT(help), {"this text", "显示帮助"}},
    {"--version", NULL, OPTION_FLAG, AT(version), {"which one", "显示版本"}},
    {"-h", NULL, OPTION_FLAG, AT(help), {NULL, NULL}},
    /* There is no discovery yet that these two could switch off. */
    {"--no-lan", NULL, OPTION_FLAG, AT(no_lan), {NULL, NULL}},
    {"--no-wan", NULL, OPTION_FLAG, AT(no_wan), {NULL, NULL}},
    {NULL, NULL, OPTION_FLAG, 0, {NULL, NULL}},
};

static const struct command table[] = {
    {"init",
     "",
     0,
     0,
     cmd_init,
     {"make an identity", "创建身份"},
     "lyceum init --name Ada",
     {&o_name, &o_quota, &o_nopass}},
    {"id export",
     "[FILE]",
     0,
     1,
     cmd_id_export,
     {"your key in a file, under a passphrase", "把密钥存为文件，加密码"},
     "lyceum id export ada.key",
     {&o_sheet, &o_nopass}},
    {"id import",
     "FILE",
     1,
     1,
     cmd_id_import,
     {"be here who you are elsewhere; - is stdin",
      "在本机使用已有的身份；- 为标准输入"},
     "lyceum id import ada.key",
     {&o_sheet, &o_name, &o_nopass}},
    {"id",
     "[show]",
     0,
     1,
     cmd_id,
     {"show who you are", "显示身份"},
     "lyceum id",
     {NULL}},
    {"new",
     "DIR",
     1,
     1,
     cmd_new,
     {"make a folder to start a course from", "创建课程文件夹"},
     "lyceum new git-basics",
     {NULL}},
    {"lint",
     "DIR",
     1,
     1,
     cmd_lint,
     {"check a folder before publishing", "发布前检查文件夹"},
     "lyceum lint git-basics",
     {&o_secrets}},
    {"publish",
     "DIR",
     1,
     1,
     cmd_publish,
     {"publish a folder as a signed course", "把文件夹发布为签名课程"},
     "lyceum publish git-basics",
     {&o_course, &o_in_place, &o_copy, &o_reread, &o_dry, &o_secrets, &o_best,
      &o_peer}},
    {"withdraw",
     "COURSE[@E]",
     1,
     1,
     cmd_withdraw,
     {"stop offering a course or an edition of yours",
      "不再提供自己的课程或某一版"},
     "lyceum withdraw git-basics@2 --reason 'wrong commands in lesson 3'",
     {&o_reason}},
    {"ticket",
     "COURSE",
     1,
     1,
     cmd_ticket,
     {"a text that brings others the course", "生成取课码"},
     "lyceum ticket git-basics --qr git.png",
     {&o_qr}},
    {"get",
     "TICKET|COURSE",
     1,
     1,
     cmd_get,
     {"fetch a course from all who have it", "从所有节点取得课程"},
     "lyceum get lyceum:abc... --to ~/courses/git",
     {&o_to, &o_peer, &o_lesson}},
    {"cat",
     "COURSE PATH",
     2,
     2,
     cmd_cat,
     {"read one file while it is being fetched", "边取边读一个文件"},
     "lyceum cat git-basics videos/01.mp4 | mpv -",
     {&o_range, &o_peer}},
    {"update",
     "[COURSE]",
     0,
     1,
     cmd_update,
     {"move a course, or all, to the newest edition",
      "把课程（或全部）更新到最新版"},
     "lyceum update git-basics --check",
     {&o_check, &o_peer}},
    {"rollback",
     "COURSE [EDITION]",
     1,
     2,
     cmd_rollback,
     {"go back to an older edition, until the next update",
      "回到旧版，直到下次更新"},
     "lyceum rollback git-basics 3",
     {NULL}},
    {"ls",
     "",
     0,
     0,
     cmd_ls,
     {"courses in this home", "列出课程"},
     "lyceum ls",
     {NULL}},
    {"info",
     "COURSE",
     1,
     1,
     cmd_info,
     {"what a course is and holds", "课程详情"},
     "lyceum info git-basics --versions",
     {&o_versions}},
    {"diff",
     "COURSE [E1 E2]",
     1,
     3,
     cmd_diff,
     {"what changed between two editions", "比较两版的差异"},
     "lyceum diff git-basics 1 2",
     {NULL}},
    {"doctor",
     "",
     0,
     0,
     cmd_doctor,
     {"what may be wrong here, and what mends it", "检查本机环境并给出办法"},
     "lyceum doctor",
     {NULL}},
    {"why",
     "[COURSE]",
     0,
     1,
     cmd_why,
     {"what of a course is missing, and what to do",
      "课程缺什么、为什么、怎么办"},
     "lyceum why git-basics",
     {NULL}},
    {"verify",
     "COURSE|--all",
     0,
     1,
     cmd_verify,
     {"check every stored byte", "校验所有字节"},
     "lyceum verify --all",
     {&o_all}},
    {"export",
     "COURSE DIR",
     2,
     2,
     cmd_export,
     {"write a course's files into a folder", "把课程文件写到文件夹"},
     "lyceum export git-basics ~/git",
     {NULL}},
    {"pack",
     "COURSE FILE.lyc",
     2,
     2,
     cmd_pack,
     {"a course, or what is new, in one file; - is stdout",
      "把课程或更新打包成一个文件；- 为标准输出"},
     "lyceum pack git-basics /media/usb/git.lyc --since 3",
     {&o_since}},
    {"unpack",
     "FILE.lyc",
     1,
     1,
     cmd_unpack,
     {"take a course from a file, verified; - is stdin",
      "从文件取得课程并校验；- 为标准输入"},
     "lyceum unpack /media/usb/git.lyc",
     {NULL}},
    {"backup",
     "FILE",
     1,
     1,
     cmd_backup,
     {"what this home cannot get anywhere else, in one file",
      "把本机独有的内容存为一个文件"},
     "lyceum backup /media/usb/lyceum.backup",
     {&o_nopass}},
    {"restore",
     "FILE",
     1,
     1,
     cmd_restore,
     {"a new home out of a backup", "从备份恢复主目录"},
     "lyceum restore /media/usb/lyceum.backup",
     {NULL}},
    {"rm",
     "COURSE",
     1,
     1,
     cmd_rm,
     {"forget a course; its folders stay", "移除课程，文件夹保留"},
     "lyceum rm git-basics",
     {NULL}},
    {"pin",
     "COURSE",
     1,
     1,
     cmd_pin,
     {"mark a course as one to keep", "标记为长期保留"},
     "lyceum pin git-basics",
     {NULL}},
    {"unpin",
     "COURSE",
     1,
     1,
     cmd_unpin,
     {"undo pin", "取消固定"},
     "lyceum unpin git-basics",
     {NULL}},
    {"gc",
     "",
     0,
     0,
     cmd_gc,
     {"free the space of what is not needed", "释放不需要的空间"},
     "lyceum gc",
     {NULL}},
    {"record show",
     "ID",
     1,
     1,
     cmd_record,
     {"one signed record, or its bytes", "显示一条签名记录"},
     "lyceum record show 7f3a --raw record.cose",
     {&o_raw}},
    {"status",
     "",
     0,
     0,
     cmd_status,
     {"node, peers and space", "节点、连接与空间"},
     "lyceum status",
     {&o_watch}},
    {"node run",
     "",
     0,
     0,
     cmd_node_run,
     {"run the node here until Ctrl-C", "在前台运行节点"},
     "lyceum node run --listen 0.0.0.0:7460",
     {&o_log}},
    {"node start",
     "",
     0,
     0,
     cmd_node_start,
     {"start the node in the background", "在后台启动节点"},
     "lyceum node start",
     {&o_log}},
    {"node stop",
     "",
     0,
     0,
     cmd_node_stop,
     {"stop it", "停止节点"},
     "lyceum node stop",
     {NULL}},
    {"node status",
     "",
     0,
     0,
     cmd_node_status,
     {"is it running?", "节点是否运行"},
     "lyceum node status",
     {NULL}},
    {"peer ls",
     "",
     0,
     0,
     cmd_peer_ls,
     {"peers now, or those refused", "当前节点或被拒节点"},
     "lyceum peer ls --banned",
     {&o_banned}},
    {"peer add",
     "HOST:PORT@KEY",
     1,
     1,
     cmd_peer_add,
     {"remember a peer", "记住节点"},
     "lyceum peer add 192.168.1.7:7460@9c1e...",
     {NULL}},
    {"peer rm",
     "KEY",
     1,
     1,
     cmd_peer_rm,
     {"forget a peer", "忘记节点"},
     "lyceum peer rm 9c1e",
     {NULL}},
    {"peer block",
     "KEY",
     1,
     1,
     cmd_peer_block,
     {"refuse a peer", "拒绝节点"},
     "lyceum peer block 9c1e...",
     {NULL}},
    {"peer unblock",
     "KEY",
     1,
     1,
     cmd_peer_unblock,
     {"admit it again", "解除拒绝"},
     "lyceum peer unblock 9c1e",
     {NULL}},
    {"config get",
     "[SETTING]",
     0,
     1,
     cmd_config_get,
     {"a setting, or all", "查看设置"},
     "lyceum config get quota",
     {NULL}},
    {"config set",
     "SETTING VALUE",
     2,
     2,
     cmd_config_set,
     {"change a setting", "修改设置"},
     "lyceum config set quota 50G",
     {NULL}},
    {"config check",
     "",
     0,
     0,
     cmd_config_check,
     {"are all settings sound?", "检查设置"},
     "lyceum config check",
     {NULL}},
    {"completion",
     "bash|zsh|fish",
     1,
     1,
     cmd_completion,
     {"the script that makes a shell complete all this", "外壳的命令补全脚本"},
     "lyceum completion fish > ~/.config/fish/completions/lyceum.fish",
     {NULL}},
    {NULL, NULL, 0, 0, NULL, {NULL, NULL}, NULL, {NULL}},
};

const struct command *commands_all(void)
{
    return table;
}

const struct option_spec *commands_globals(void)
{
    return globals;
}

const struct command *commands_find(const char *const *words, size_t count,
                                    size_t *out_used)
{
    for (const struct command *c = table; c->name != NULL; c++) {
        const char *space = strchr(c->name, ' ');
        size_t n = space != NULL ? (size_t)(space - c->name) : 0;

        if (space == NULL && count >= 1 && strcmp(words[0], c->name) == 0) {
            *out_used = 1;
            return c;
        }
        if (space != NULL && count >= 2 && strlen(words[0]) == n &&
            strncmp(words[0], c->name, n) == 0 &&
            strcmp(words[1], space + 1) == 0) {
            *out_used = 2;
            return c;
        }
    }
    return NULL;
}

const struct option_spec *commands_option(const char *name, size_t len,
                                          const struct command *cmd)
{
    for (const struct option_spec *o = globals; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    for (const struct command *c = table; c->name != NULL; c++)
        for (size_t i = 0; (cmd == NULL || cmd == c) &&
                           i < COMMAND_OPTIONS_MAX && c->options[i] != NULL;
             i++)
            if (strlen(c->options[i]->name) == len &&
                memcmp(c->options[i]->name, name, len) == 0)
                return c->options[i];
    return NULL;
}

bool commands_is_group(const char *word)
{
    size_t n = strlen(word);

    for (const struct command *c = table; c->name != NULL; c++)
        if (strncmp(c->name, word, n) == 0 && c->name[n] == ' ')
            return true;
    return false;
}

/* ---- help ------------------------------------------------------------ */

static void print_option(const struct option_spec *o)
{
    char left[64];

    if (o->help[0] == NULL)
        return;
    (void)snprintf(left, sizeof left, "%s %s", o->name,
                   o->value != NULL ? o->value : "");
    printf("  %-24s %s\n", left, o->help[say_lang()]);
}

static void print_command(const struct command *c)
{
    char left[64];

    (void)snprintf(left, sizeof left, "%s %s", c->name, c->words);
    printf("  %-24s %s\n", left, c->help[say_lang()]);
}

void commands_help_one(const struct command *cmd)
{
    char usage[128];

    (void)snprintf(usage, sizeof usage, "%s %s", cmd->name, cmd->words);
    printf(say(SAY_USAGE), usage);
    printf("\n%s\n\n", cmd->help[say_lang()]);
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && cmd->options[i] != NULL; i++)
        print_option(cmd->options[i]);
    if (cmd->options[0] != NULL)
        printf("\n");
    printf("  $ %s\n", cmd->example);
}

void commands_help_group(const char *group)
{
    size_t n = strlen(group);
    char usage[128];

    (void)snprintf(usage, sizeof usage, "%.64s COMMAND", group);
    printf(say(SAY_USAGE), usage);
    printf("\n\n");
    for (const struct command *c = table; c->name != NULL; c++)
        if (strncmp(c->name, group, n) == 0 && c->name[n] == ' ')
            print_command(c);
}

void commands_help(void)
{
    printf(say(SAY_USAGE), "COMMAND");
    printf("\n\n");
    for (const struct command *c = table; c->name != NULL; c++)
        print_command(c);
    printf("\n");
    for (const struct option_spec *o = globals; o->name != NULL; o++)
        print_option(o);
}
