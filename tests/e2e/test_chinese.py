"""The interface in Chinese: help, results and failures, whoever they come from."""
import json
import os
import re

from lib import ROOT, Case, random_bytes

CHINESE = re.compile(r"[\u3400-\u9fff]")
QUOTED = re.compile(r"“[^”]*”|'[^']*'")
# Names that are the same in every language, commands and their words.
NAMES = re.compile(
    r"lyceum(?: [a-z]+)*|--?[a-z][a-z-]*|\.lyceumignore|[\w./-]*/[\w./-]*"
    r"|\b(?:[A-Z][A-Z_:@.]+|did:key:\w+|[0-9a-f]{8,}|https?:\S+|course\.yaml"
    r"|zstd|argon2id|Unicode|[kKMGT]i?B|FAT32|exFAT|Windows|Ed25519|base58"
    r"|convmv -f latin1 -t utf8|pack|gc|ulimit|chmod)\b")


def english(line):
    """Two English words side by side that no quotation marks hold."""
    bare = NAMES.sub("·", QUOTED.sub("·", line))
    return re.search(r"[A-Za-z]{2,}[ ,:;]+[A-Za-z]{2,}", bare)


class Chinese(Case):
    def check(self, r, code, *words):
        """Three lines, the first words of theirs as ever, the rest Chinese."""
        lines = r.err.strip().splitlines()[-3:]
        self.assertEqual([l.split(":")[0] for l in lines],
                         ["error", "why", "try"], str(r))
        self.assertEqual(r.code, code, str(r))
        self.assertRegex(lines[0], "^error: 无法执行 [a-z ]+$")
        for line in lines[1:]:
            self.assertIsNone(english(line.split(": ", 1)[1]), str(r))
        for line in lines[:2]:
            self.assertRegex(line, CHINESE, str(r))
        for word in words:
            self.assertIn(word, lines[1], str(r))

    def bad(self, home, *args, code, why=(), **kw):
        r = home.run("--lang", "zh", *args, code=None, **kw)
        self.check(r, code, *([why] if isinstance(why, str) else why))
        return r

    def course(self, name="c", files=3):
        for i in range(files):
            self.write(f"{name}/{i}.md", f"# Lesson {i}\n" * 20)
        return self.path(name)

    def test_help(self):
        home = self.home()
        text = home.run("--lang", "zh", "help").out
        commands = set()
        for line in text.splitlines():
            if line.startswith("  ") and not line.startswith("  -"):
                commands.add(tuple(re.match(r"[a-z]+(?: [a-z]+)*",
                                            line.strip())[0].split()))
            if line.startswith("  "):
                self.assertRegex(line, CHINESE)
        self.assertGreater(len(commands), 30)
        for words in sorted(commands):
            r = home.run("--lang", "zh", "help", *words)
            for line in r.out.splitlines():
                if line.strip() and not line.startswith("  $"):
                    self.assertRegex(line, CHINESE, f"{words}: {line}")

    def test_words_of_a_command(self):
        h = self.home()
        self.bad(h, "publishh", code=2, why="publishh")
        self.bad(h, "publish", code=2)
        self.bad(h, "ls", "--nothing", code=2, why="--nothing")
        self.bad(h, "get", "x", "--lesson", code=2, why="--lesson")
        self.bad(h, "node", code=2)
        self.bad(h, "config", "set", "moon", "full", code=2, why="没有设置项")
        self.bad(h, "config", "set", "quota", "big", code=2,
                  why=["“big”", "quota", "为他人保存"])

    def test_names_and_tickets(self):
        h = self.home("who")
        self.bad(h, "info", "nothing-here", code=3,
                  why="本机不知道课程“nothing-here”")
        self.bad(h, "get", "lyceum:abc", code=2, why="取课码")
        self.bad(h, "record", "show", "zz", code=2, why="十六进制")
        self.bad(h, "record", "show", "abcd1234", code=3, why="abcd1234")
        self.bad(h, "peer", "add", "nowhere", code=2, why="HOST:PORT@KEY")
        self.bad(h, "peer", "block", "12", code=2)
        self.bad(h, "init", "--no-passphrase", code=10, why="已有身份")

    def test_publishing(self):
        h = self.home("who")
        self.bad(h, "publish", self.path("away"), code=3, why="不存在")
        os.makedirs(self.path("empty"))
        self.bad(h, "publish", self.path("empty"), code=2, why="没有可发布")
        self.course("s")
        self.write("s/id_rsa", "x")
        self.bad(h, "publish", self.path("s"), code=11,
                  why=["发布“", "机密文件"])
        self.course("y")
        for text, why in (("titel: x\n", "未知的键“titel”"),
                          ("title: [\n", "第 1 行"),
                          ("title: a\ntitle: b\n", "同一个键"),
                          ("title: x\ntags: y\n", "列表"),
                          ("title: x\nlevel: guru\n", "level")):
            self.write("y/course.yaml", text)
            self.bad(h, "publish", self.path("y"), code=2, why=why)
        self.bad(self.home(), "publish", self.course(), code=5,
                  why="没有身份")
        os.symlink("0.md", self.path("c", "link"))
        r = h.run("--lang", "zh", "publish", self.path("c"))
        self.assertIn("“link”：是链接：未收入", r.err)
        self.assertIsNone(english(r.err.replace("\n", "·")))
        r = h.run("--lang", "zh", "lint", self.path("s"), code=None)
        self.assertIn("错误：“id_rsa”看似机密文件", r.out)

    def test_files(self):
        h = self.home("who")
        p = h.json("publish", self.course())
        self.write("file", "x")
        self.bad(h, "export", p["course"], self.path("file"), code=3,
                  why=["文件夹", "file"])
        self.write("full/0.md", "mine")
        self.bad(h, "export", p["course"], self.path("full"), code=10,
                  why="已经存在")
        self.write("x.lyc", b"nothing" * 9)
        self.bad(h, "unpack", self.path("x.lyc"), code=1,
                  why="不是课程文件")
        self.bad(h, "unpack", self.path("y.lyc"), code=3,
                  why="没有此文件或文件夹")
        self.bad(h, "pack", p["course"], self.path("x.lyc"), code=10,
                  why="已有文件“")
        h.json("pack", p["course"], self.path("z.lyc"))
        with open(self.path("z.lyc"), "r+b") as f:
            f.truncate(os.path.getsize(self.path("z.lyc")) - 40)
        self.bad(self.home("other"), "unpack", self.path("z.lyc"), code=7,
                  why="被截断")
        self.bad(h, "diff", p["course"], code=3, why="第 1 版")
        self.bad(h, "rollback", p["course"], code=3, why="第 1 版之前")
        self.bad(h, "rm", p["course"], code=2)

    def test_home(self):
        h = self.home("who")
        os.chmod(h.path, 0o755)
        r = self.bad(h, "ls", code=11, why="对他人开放")
        self.assertIn(f"try: chmod 0700 '{h.path}'", r.err)
        os.chmod(h.path, 0o700)
        self.write("plain", "x")
        other = self.home()
        other.path = self.path("plain")
        self.bad(other, "ls", code=10)

    def test_network(self):
        expert, h = self.home("expert"), self.home("who")
        p = expert.json("publish", self.course())
        nowhere = "127.0.0.1:9@" + "07" * 32
        self.bad(h, "get", p["ticket"].split("?")[0], "--peer", nowhere,
                  "--timeout", "2s", code=6, why="节点")
        self.bad(h, "--offline", "get", p["ticket"], code=6,
                  why="--offline")
        node = self.node(expert, "--lang", "en")
        self.bad(h, "get", "ab" * 32, "--peer", node.peer, "--timeout", "2s",
                  code=3)
        taken = self.home("taken")
        self.bad(taken, "node", "run", "--no-lan", "--no-wan", "--listen",
                  node.address, code=10, why=["监听“", "地址已被占用"])
        self.bad(taken, "node", "start", "--no-lan", "--no-wan", "--listen",
                  node.address, code=1, why=["节点没有启动", "地址已被占用"])

    # The node speaks English and is asked in Chinese; JSON stays English.
    def test_a_node_that_speaks_another_language(self):
        h = self.home("who")
        node = self.node(h, "--lang", "en")
        self.bad(h, "info", "nothing-here", code=3, why="本机不知道课程")
        r = h.run("--lang", "en", "info", "nothing-here", code=3)
        self.assertIn("why: no course 'nothing-here' is known here", r.err)
        p = h.run("--lang", "zh", "--json", "publish",
                  self.course()).json
        self.assertEqual(h.run("--lang", "zh", "--json", "ls").json
                         ["courses"][0]["state"], "complete")
        out = h.run("--lang", "zh", "ls").out
        self.assertIn("完整", out)
        self.assertNotIn("complete", out)
        info = h.run("--lang", "zh", "info", p["course"]).out
        self.assertIn("页面", info)
        node.stop()

    # An author's words are nobody's to translate.
    def test_words_of_others(self):
        h = self.home("who")
        p = h.json("publish", self.course())
        h.run("withdraw", p["course"], "--reason", "see: interrupted", "-y")
        other = self.home("other")
        node = self.node(h)
        r = other.run("--lang", "zh", "get", p["ticket"], "--peer", node.peer,
                      "--timeout", "5s", code=None)
        self.check(r, 11, "作者已撤回", "see: interrupted")

    def test_damage(self):
        h = self.home("who")
        self.write("big/v.bin", random_bytes(1, 3 << 20))
        p = h.json("publish", self.path("big"))
        [pack] = [f.path for f in os.scandir(h.path + "/packs")]
        with open(pack, "r+b") as f:
            f.seek(2 << 20)
            f.write(b"\0" * 64)
        self.bad(h, "verify", p["course"], code=4,
                  why=["块已损坏", "内容已改变"])

    # The whole table is reached by texts of this size, never by part of it.
    def test_lint_finds_what_is_missing(self):
        import subprocess
        import shutil
        for top in ("crypto", "storage", "node", "cli", "tests/lint"):
            shutil.copytree(os.path.join(ROOT, top), self.path("src", top))
        lint = ["/usr/bin/env", "python3",
                self.path("src/tests/lint/texts_check.py")]
        run = lambda *a: subprocess.run([*lint, *a], capture_output=True,
                                        text=True)
        self.assertEqual(run().returncode, 0, run().stdout)
        home = self.path("src/storage/home.c")
        with open(home, encoding="utf-8") as f:
            text = f.read()
        with open(home, "w", encoding="utf-8") as f:
            f.write(text.replace('"no home: HOME is not set"',
                                 '"HOME is not there"'))
        r = run()
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stdout, r'storage/home.c:\d+: "HOME is not there"'
                         " has no Chinese text")
        self.assertIn('nothing says "no home: HOME is not set"', r.stdout)
        run("--add")
        r = run()
        self.assertIn('no Chinese text for "HOME is not there"', r.stdout)
        table = self.path("src/cli/causes.inc")
        with open(table, encoding="utf-8") as f:
            text = f.read()
        for old, new, said in (
                ("打开“%s”", "打开", "takes other arguments"),
                ("打开“%s”", "打开%u", "takes other arguments"),
                ("已中断", "stopped", "is not Chinese")):
            with open(table, "w", encoding="utf-8") as f:
                f.write(text.replace(old, new, 1))
            self.assertIn(said, run().stdout)
