/* say: what the interface says, in English and Simplified Chinese. One table.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

/* X(ID, English, Chinese). Formats of one line take the same arguments. */
#define SAY_TABLE(X)                                                           \
    X(CANNOT_RUN, "cannot %s", "无法执行 %s")                                  \
    X(USAGE, "usage: lyceum %s", "用法：lyceum %s")                            \
    X(UNKNOWN_COMMAND, "no command '%s'", "没有命令“%s”")                      \
    X(UNKNOWN_OPTION, "no option '%s' here", "此处没有选项“%s”")               \
    X(NEEDS_VALUE, "option '%s' needs a value", "选项“%s”需要一个值")          \
    X(NO_VALUE, "option '%s' takes no value", "选项“%s”不带值")                \
    X(BAD_VALUE, "option '%s' does not take this value",                       \
      "选项“%s”不接受这个值")                                                  \
    X(NOT_UTF8, "'%s' is not UTF-8", "“%s”不是 UTF-8")                         \
    X(GROUP, "'%s' wants a second word", "“%s”后面还需要一个词")               \
    X(WORD_COUNT, "'%s' takes other words than these", "“%s”的参数不对")       \
    X(ONE_OR_ALL, "one course is wanted, or --all",                            \
      "请指定一门课程，或用 --all")                                            \
    X(TRY_HELP, "lyceum help%s%s", "lyceum help%s%s")                          \
    X(TRY_AGAIN, "look at the cause, then run it again",                       \
      "先解决上述原因，再试一次")                                              \
    X(TRY_WAIT, "wait for it to end, or stop it: lyceum node stop",            \
      "等它结束，或停止它：lyceum node stop")                                  \
    X(INTERRUPTED, "Interrupted. What is done stays.",                         \
      "已中断，已完成的部分会保留。")                                          \
    X(CANNOT_WRITE, "the output cannot be written", "无法写出结果")            \
    X(HOME_IS, "home %s, %s", "主目录 %s，%s")                                 \
    X(NODE_HERE, "the node runs for this command only", "节点只为本命令运行")  \
    X(NODE_THERE, "asking the running node", "使用正在运行的节点")             \
    X(SIGNING, "Signing '%s', edition %lld, as %s",                            \
      "将以 %3$s 的身份签署“%1$s”第 %2$lld 版")                                \
    X(TRY_LS, "lyceum ls shows what is here", "用 lyceum ls 查看现有课程")     \
    X(TRY_PEER, "check the peer's address, or name one with --peer",           \
      "检查对方地址，或用 --peer 指定")                                        \
    X(TRY_SPACE, "free some space: lyceum rm, lyceum gc",                      \
      "腾出空间：lyceum rm、lyceum gc")                                        \
    X(TRY_VERIFY, "lyceum verify --all", "lyceum verify --all")                \
    X(TRY_KEY, "set LYCEUM_PASSPHRASE_FILE, or run it on a terminal",          \
      "设置 LYCEUM_PASSPHRASE_FILE，或在终端里运行")                           \
    X(TRY_OTHER, "choose another name or folder", "换一个名称或文件夹")        \
    X(HELLO, "Hello %s. You are %s", "你好，%s。你的身份是 %s")                \
    X(KEY_IS_PLAIN, "The key lies in the home without a passphrase.",          \
      "密钥未加密码保存在主目录中。")                                          \
    X(PASSPHRASE, "Passphrase: ", "密码：")                                    \
    X(PASSPHRASE_NEW, "New passphrase: ", "新密码：")                          \
    X(PASSPHRASE_AGAIN, "Once more: ", "再输一次：")                           \
    X(NO_MATCH, "the two differ", "两次输入不一致")                            \
    X(PUBLISHED, "Published '%s', edition %lld", "已发布“%s”，第 %lld 版")     \
    X(UNCHANGED, "Nothing has changed: '%s' stays at edition %lld",            \
      "没有变化：“%s”仍为第 %lld 版")                                          \
    X(WOULD_PUBLISH, "Would publish '%s' as edition %lld",                     \
      "将发布“%s”，第 %lld 版")                                                \
    X(SIZES, "  %s, %s in %s, %s stored, %s new",                              \
      "  %s，%s，%s，存储 %s，新增 %s")                                        \
    X(IN_PLACE, "  large files stay where they are, and are not copied",       \
      "  大文件保留在原处，不另行复制")                                        \
    X(PLACE_OR_COPY, "--in-place or --copy, not both",                         \
      "--in-place 与 --copy 只能选一个")                                       \
    X(TICKET_IS, "  ticket %s", "  取课码 %s")                                 \
    X(NOTE, "note: %s", "提示：%s")                                            \
    X(GOT, "'%s' edition %lld is here: %s in %.1f s from %s",                  \
      "“%s”第 %lld 版已取得：%s，用时 %.1f 秒，来自 %s")                       \
    X(GOT_PART, "%lld of its chunks came, the rest is still to come",          \
      "已取得 %lld 块，其余尚缺")                                              \
    X(PLAN, "%s of %s in %lld chunks", "%2$s 中的 %1$s，共 %3$lld 块")         \
    X(UP_TO_DATE, "'%s' is up to date: edition %lld",                          \
      "“%s”已是最新：第 %lld 版")                                              \
    X(WOULD_FETCH, "'%s' edition %lld: %s of %s in %s",                        \
      "“%1$s”第 %2$lld 版：%4$s 中的 %3$s，共 %5$s")                           \
    X(KEPT_BESIDE, "kept as you changed it: %s; the new one is %s",            \
      "保留了你修改过的 %s；新版本是 %s")                                      \
    X(KEPT_ALONE, "kept as you changed it: %s; this edition has none",         \
      "保留了你修改过的 %s；此版中没有这个文件")                               \
    X(ROLLED_BACK, "'%s' is at edition %lld again, from %lld",                 \
      "“%s”已回到第 %lld 版（原为第 %lld 版）")                                \
    X(NO_EDITION, "'%s' is no number of an edition", "“%s”不是版本号")         \
    X(HELD_COMPLETE, "complete   ", "完整    ")                                \
    X(HELD_PARTIAL, "partial    ", "部分    ")                                 \
    X(HELD_LISTED, "record only", "仅有记录")                                  \
    X(BAD_EDITION, "'%s' is no number of an edition", "“%s”不是版本号")        \
    X(DIFF_HEAD, "'%s' from edition %lld to %lld",                             \
      "“%s”从第 %lld 版到第 %lld 版")                                          \
    X(DIFF_WAS, " (%s before)", "（原为 %s）")                                 \
    X(DIFF_UNSURE, " (perhaps)", "（可能）")                                   \
    X(DIFF_SUM, "%zu added, %zu removed, %zu changed, %zu moved",              \
      "新增 %zu，删除 %zu，修改 %zu，移动 %zu")                                \
    X(DIFF_SAME, "No file differs.", "文件没有差别。")                         \
    X(DIFF_FETCH, "Going there fetches %s, %s.", "升级需取得 %s，%s。")        \
    X(SIGNING_ALL_GONE,                                                        \
      "Signing, as %3$s, that '%1$s' up to edition %2$lld is withdrawn: %4$s", \
      "将以 %3$s 的身份声明撤回“%1$s”（至第 %2$lld 版）：%4$s")                \
    X(SIGNING_ONE_GONE,                                                        \
      "Signing, as %3$s, that '%1$s' edition %2$lld is withdrawn: %4$s",       \
      "将以 %3$s 的身份声明撤回“%1$s”第 %2$lld 版：%4$s")                      \
    X(WITHDREW_ALL,                                                            \
      "'%s' is withdrawn, up to edition %lld. Who has it keeps it.",           \
      "已撤回“%s”（至第 %lld 版）。已有的人会保留。")                          \
    X(WITHDREW_ONE, "'%s' edition %lld is withdrawn. Who has it keeps it.",    \
      "已撤回“%s”第 %lld 版。已有的人会保留。")                                \
    X(WITHDRAWN_BEFORE, "'%s' is withdrawn already.", "“%s”早已撤回。")        \
    X(WANTS_REASON, "--reason is wanted: who looks for the course reads it",   \
      "需要 --reason：寻找此课程的人会看到")                                   \
    X(WITHDRAWN, "withdrawn by its author: %s", "作者已撤回：%s")              \
    X(WITHDRAWN_MARK, " (withdrawn)", "（已撤回）")                            \
    X(GOT_OLDER, "edition %lld was withdrawn by its author: %s",               \
      "第 %lld 版已被作者撤回：%s")                                            \
    X(WHY_OK, "'%s' edition %lld is whole.", "“%s”第 %lld 版完整无缺。")       \
    X(WHY_MISSING, "'%s' edition %lld: %s of content missing, %s",             \
      "“%s”第 %lld 版：缺少 %s，%s")                                           \
    X(WHY_LISTED,                                                              \
      "'%s' edition %lld: only its record is here; %s, %s to come",            \
      "“%s”第 %lld 版：只有记录；还需 %s，%s")                                 \
    X(WHY_FILE, "  not whole: %s", "  不完整：%s")                             \
    X(WHY_LESSON, "  lesson %lld is not whole: %s", "  第 %lld 课不完整：%s")  \
    X(WHY_MORE, "  and %lld more", "  另有 %lld 个")                           \
    X(WHY_WHOLE, "  edition %lld is whole here", "  第 %lld 版在本机是完整的") \
    X(WHY_NEWER, "edition %lld is known and not fetched",                      \
      "已知有第 %lld 版，尚未取得")                                            \
    X(WHY_FULL, "the disk is full: %s free, %s more needed",                   \
      "磁盘已满：剩余 %s，还需 %s")                                            \
    X(WHY_FILE_GONE, "a file that held some of it is gone: %s",                \
      "保存内容的文件不见了：%s")                                              \
    X(WHY_FILE_EDITED, "a file that held some of it was changed: %s",          \
      "保存内容的文件被改动：%s")                                              \
    X(WHY_DIR_GONE, "its folder is gone or was moved: %s",                     \
      "文件夹已移走或删除：%s")                                                \
    X(WHY_DIR_EDITED,                                                          \
      "its folder was edited, %lld files gone, %lld changed:"                  \
      " %s",                                                                   \
      "文件夹有改动，缺 %lld 个文件，改 %lld 个：%s")                          \
    X(WHY_NEVER, "it was never fetched here", "本机从未取过")                  \
    X(WHY_LAST, "the last get, %s, ended with: %s", "上次获取（%s）：%s")      \
    X(WHY_NOW, "it is being fetched now, from %s", "正在从%s获取")             \
    X(WHY_OFFLINE, "no node is connected to others now",                       \
      "现在没有节点连接网络")                                                  \
    X(WHY_NO_PEERS, "no peer is connected", "没有已连接的节点")                \
    X(WHY_SEEN, "had it %s: %s at %s", "%s 曾有：%s，地址 %s")                 \
    X(WHY_SEEN_NOW, "had it %s, connected: %s at %s",                          \
      "%s 曾有，已连接：%s，地址 %s")                                          \
    X(WHY_BLOCKED, "had it %s, but is refused: %s at %s",                      \
      "%s 曾有，但被拒绝：%s，地址 %s")                                        \
    X(NO_COURSES, "No courses yet. lyceum get TICKET brings one.",             \
      "还没有课程。用 lyceum get 取一个。")                                    \
    X(MISSING, "%lld chunks are not here: lyceum get fetches them",            \
      "缺少 %lld 块，可用 lyceum get 取回")                                    \
    X(VERIFIED, "%s of %s verified: all good", "已校验 %2$s的 %1$s：全部正确") \
    X(BAD_CHUNKS, "%zu chunks are bad", "%zu 块已损坏")                        \
    X(EDITED, "edited: %s", "已被修改：%s")                                    \
    X(GONE, "gone: %s", "已不在：%s")                                          \
    X(REMOVED, "Removed. lyceum gc frees its space.",                          \
      "已移除。用 lyceum gc 释放空间。")                                       \
    X(ASK_RM, "Remove '%s' from this home? [y/N] ", "从本机移除“%s”？[y/N] ")  \
    X(NEEDS_YES, "this removes things: say -y", "此操作会删除内容：请加 -y")   \
    X(SWEPT, "%s removed, %s freed", "删除 %s，释放 %s")                       \
    X(EXPORTED, "%s written to %s", "已写出 %s到 %s")                          \
    X(PACKED, "Packed edition %lld into %s: %s, %s",                           \
      "已将第 %lld 版打包到 %s：%s，%s")                                       \
    X(UNPACKED, "'%s' edition %lld is here: %s; %s taken from the file",       \
      "“%s”第 %lld 版已在本机：%s；从文件取得 %s")                             \
    X(UNPACKED_PART, "%lld chunks taken from the file, %lld still missing",    \
      "从文件取得 %lld 块，尚缺 %lld 块")                                      \
    X(FILE_DAMAGED, "note: the file is damaged; copy it anew for others",      \
      "提示：文件已损坏，给他人前请重新复制")                                  \
    X(NOT_TO_TERMINAL, "a course file is not for a terminal",                  \
      "课程文件不能输出到终端")                                                \
    X(TRY_REDIRECT, "name a file, or send it on: lyceum %s | ...",             \
      "请指定文件，或用管道：lyceum %s | ...")                                 \
    X(DONE, "Done.", "完成。")                                                 \
    X(RUNNING, "running, %s, listening on %s", "运行中，%s，监听 %s")          \
    X(NOT_RUNNING, "not running", "未运行")                                    \
    X(HOLDS, "%s, %s stored, %s free", "%s，存储 %s，剩余 %s")                 \
    X(WATCH_RATES, "in %s/s, out %s/s", "下行 %s/s，上行 %s/s")                \
    X(KEY_EXPORTED, "Key of %s written to %s", "%s 的密钥已写入 %s")           \
    X(TRY_INIT, "lyceum init makes one", "用 lyceum init 创建")                \
    X(HAS_IDENTITY, "'%s' has an identity already", "“%s”已有身份")            \
    X(TRY_OTHER_HOME, "lyceum id shows it; another --home holds another",      \
      "用 lyceum id 查看；另一身份请用另一个 --home")                          \
    X(SHEET_TITLE, "Recovery sheet of %s, %s", "%s 的恢复纸条，%s")            \
    X(SHEET_SECRET, "Who reads these rows can sign as you. Keep it on paper.", \
      "看到这些字的人就能以你的名义签名。请只写在纸上。")                      \
    X(SHEET_HOW, "To take it back: lyceum id import --sheet -",                \
      "取回身份：lyceum id import --sheet -")                                  \
    X(SHEET_ROW, "row %d of %d: ", "第 %d 行（共 %d 行）：")                   \
    X(SHEET_MISTYPED, "This row is not right (%s). Again, please.",            \
      "这一行不对（%s），请重新输入。")                                        \
    X(TRY_SHEET, "look at that row again: no I, L, O or U stands in it",       \
      "请再看那一行：其中没有 I、L、O、U")                                     \
    X(WANTS_FILE, "a file is wanted, or --sheet", "需要文件名，或 --sheet")    \
    X(FILE_IS_PLAIN, "It has no passphrase: who reads it can sign as you.",    \
      "它没有密码：看到它的人就能以你的名义签名。")                            \
    X(ASKING_HEAD,                                                             \
      "Asking peers for newer editions: this home may be behind.",             \
      "正在向节点询问更新的版本：本机可能不是最新。")                          \
    X(BACKED_UP, "Backed up to %s, %s.", "已备份到 %s，%s。")                  \
    X(BACKUP_WITHOUT,                                                          \
      "Contents of courses are not in it: lyceum pack does that.",             \
      "其中不含课程内容：用 lyceum pack 打包。")                               \
    X(RESTORED, "Restored to %s, as it was on %s.",                            \
      "已恢复到 %s（备份于 %s）。")                                            \
    X(RESTORED_NEXT,                                                           \
      "Publish a folder again, or lyceum get, to have the contents back.",     \
      "再次发布文件夹，或用 lyceum get 取回内容。")                            \
    X(TRY_OTHER_BACKUP,                                                        \
      "take another copy of the backup; nothing was changed here",             \
      "请换一份备份；本机未作任何改动")                                        \
    X(NOT_A_KEY, "'%s' is no key file", "“%s”不是密钥文件")                    \
    X(NODE_IS, "node %s", "节点 %s")                                           \
    X(NO_PEERS, "No peers connected.", "没有已连接的节点。")                   \
    X(LINT_GOOD, "Ready to publish: %s, %s", "可以发布：%s，%s")               \
    X(A_COURSE_IT_IS, "course", "课程")                                        \
    X(IS_COMPLETE, "complete", "完整")                                         \
    X(IS_PARTIAL, "partial", "部分")                                           \
    X(IS_LISTED, "listed", "仅记录")                                           \
    X(IS_LOCKED, "locked", "已锁定")                                           \
    X(A_PAGE, "page", "页面")                                                  \
    X(A_VIDEO, "video", "视频")                                                \
    X(AN_AUDIO, "audio", "音频")                                               \
    X(A_DOCUMENT, "document", "文档")                                          \
    X(A_CODE, "code", "代码")                                                  \
    X(ANOTHER_KIND, "other", "其他")                                           \
    X(INWARDS, "in", "入")                                                     \
    X(OUTWARDS, "out", "出")                                                   \
    X(ROAD_INBOUND, "inbound", "对方连来")                                     \
    X(ROAD_PEER, "peer", "指定")                                               \
    X(ROAD_TICKET, "ticket", "取课码")                                         \
    X(ROAD_EXCHANGE, "exchange", "节点交换")                                   \
    X(ROAD_LAN, "lan", "局域网")                                               \
    X(ROAD_LAST_SEEN, "last-seen", "曾连过")                                   \
    X(IS_OK, "ok", "正常")                                                     \
    X(IS_A_WARNING, "warning", "注意")                                         \
    X(IS_A_PROBLEM, "problem", "问题")                                         \
    X(CHECK_HOME, "home", "主目录")                                            \
    X(CHECK_NODE, "node", "节点")                                              \
    X(CHECK_CONFIG, "config", "设置")                                          \
    X(CHECK_IDENTITY, "identity", "身份")                                      \
    X(CHECK_INDEX, "index", "索引")                                            \
    X(CHECK_DISK, "disk", "磁盘")                                              \
    X(CHECK_FILESYSTEM, "filesystem", "文件系统")                              \
    X(CHECK_FILES, "files", "打开文件")                                        \
    X(CHECK_CLOCK, "clock", "时钟")                                            \
    X(CHECK_PORT, "port", "端口")                                              \
    X(CHECK_MDNS, "mdns", "局域网")                                            \
    X(CHECK_NAT, "nat", "外网")                                                \
    X(DOCTOR_TRY, "         try: %s", "         办法：%s")                     \
    X(AWAY,                                                                    \
      "%s: %s moved or edited, %s cannot be given to others: lyceum why %.8s", \
      "%s：%s已移动或修改，%s 无法提供给他人：lyceum why %.8s")                \
    X(WHY_ALL_OK, "Nothing is missing of %s here.", "本机的 %s 什么都不缺。")  \
    X(UNIT_CHUNKS, "chunks", "块")                                             \
    X(PEER_RATES, "%4lld ms  in %s  out %s", "%4lld 毫秒  收 %s  发 %s")       \
    X(PROGRESS_PEERS, "%lld peers", "%lld 个节点")                             \
    X(PROGRESS_LEFT, "%llu s left", "还需 %llu 秒")                            \
    X(A_FILE, "%lld file", "%lld 个文件")                                      \
    X(FILES, "%lld files", "%lld 个文件")                                      \
    X(A_CHUNK, "%lld chunk", "%lld 块")                                        \
    X(CHUNKS, "%lld chunks", "%lld 块")                                        \
    X(A_COURSE, "%lld course", "%lld 门课程")                                  \
    X(COURSES, "%lld courses", "%lld 门课程")                                  \
    X(A_PEER, "%lld peer", "%lld 个节点")                                      \
    X(PEERS, "%lld peers", "%lld 个节点")                                      \
    X(LINT_BAD, "%lld errors stand in the way", "有 %lld 个错误需要解决")      \
    X(MADE, "Made %s. Edit it, then: lyceum publish %s",                       \
      "已创建 %s。编辑后运行：lyceum publish %s")                              \
    X(NO_SHELL, "no completion for the shell '%s'", "没有外壳“%s”的补全")      \
    X(EXIT_OK, "success", "成功")                                              \
    X(EXIT_FAILED, "it failed", "失败")                                        \
    X(EXIT_USAGE, "the command line is wrong", "命令行有误")                   \
    X(EXIT_NOT_FOUND, "there is no such course, file or record",               \
      "没有这样的课程、文件或记录")                                            \
    X(EXIT_CORRUPT, "verification failed: bytes are not what was signed",      \
      "校验失败：内容与签名不符")                                              \
    X(EXIT_KEY, "a key or its passphrase is needed", "需要密钥或其密码")       \
    X(EXIT_NETWORK, "no peer was reached, or time ran out",                    \
      "没有连上任何节点，或已超时")                                            \
    X(EXIT_PARTIAL, "partly done; the rest can be had later",                  \
      "只完成一部分，其余以后可以再取")                                        \
    X(EXIT_SPACE, "no space, or over the quota", "空间不足，或超出配额")       \
    X(EXIT_BUSY, "the home is in use, or the node does not answer",            \
      "主目录正被使用，或节点没有回应")                                        \
    X(EXIT_CONFLICT, "a conflict: an edited file, an ambiguous name",          \
      "有冲突：文件被改过，或名称不唯一")                                      \
    X(EXIT_REFUSED, "refused by policy, like a key file that others can read", \
      "按规则拒绝，如他人可读的密钥文件")                                      \
    X(EXIT_INTERRUPT, "interrupted; what is done stays",                       \
      "被中断，已完成的部分会保留")

enum say {
#define X(id, en, zh) SAY_##id,
    SAY_TABLE(X)
#undef X
        SAY_COUNT
};

enum say_lang { SAY_EN, SAY_ZH };

/** say_set_lang - "en", "zh" or NULL for LC_ALL, LC_MESSAGES, LANG. */
void say_set_lang(const char *lang);
enum say_lang say_lang(void);
/** say - the text or format of @id in the language chosen. */
const char *say(enum say id);
/** say_in - in a given one, for tests. */
const char *say_in(enum say id, enum say_lang lang);

#endif
