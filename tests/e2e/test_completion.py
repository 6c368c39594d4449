"""What the shells offer at the end of a command line: real bash, zsh and fish, each
with the script that `lyceum completion` prints."""
import itertools
import os
import pty
import re
import select
import signal
import subprocess
import time

from lib import LYCEUM, LYCEUM_ASAN, Case, clean_env

SHELLS = ("bash", "zsh", "fish")
SHOW = "\x18\x10"  # C-x C-p: the line as it stands


class Terminal:
    """An interactive shell on a terminal of its own."""
    START = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], r"""
PS1='%% '; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
bind -x '"\C-x\C-p": printf "<%s>" "$READLINE_LINE"'
source <(lyceum completion bash); echo rea""dy
"""),
        "zsh": (["zsh", "-f", "-i"], r"""
PS1='%% '; unset zle_bracketed_paste; setopt no_beep; autoload -Uz compinit
show() { print -rn "<$BUFFER>" }; zle -N show; bindkey '^X^P' show
compinit -u -D; source <(lyceum completion zsh); echo rea""dy
"""),
    }

    def __init__(self, shell, env, cwd):
        argv, setup = self.START[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        for line in setup.strip().splitlines():
            self.send(line + "\n")
        self.until(r"\nready")

    def send(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern, timeout=30):
        """-> the match in what the shell prints from here on."""
        seen, end = "", time.monotonic() + timeout
        while True:
            m = re.search(pattern, seen)
            if m:
                return m
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {seen!r}")
            seen += os.read(self.fd, 65536).decode(errors="replace")

    def after_tab(self, text):
        """The line that a TAB behind @text makes."""
        self.send("\x15" + text + "\t" + SHOW)
        line = self.until(r"<([^<>]*)>").group(1)
        self.send("\x15")
        return line

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Completion(Case):
    def setUp(self):
        super().setUp()
        bin_ = self.path("bin")
        os.makedirs(bin_)
        os.symlink(LYCEUM, os.path.join(bin_, "lyceum"))
        self.env = clean_env(PATH=bin_ + ":" + os.environ["PATH"], TERM="dumb",
                             HOME=self.dir, LYCEUM_HOME=self.path("home1"))

    def courses(self, *titles):
        home = self.home("expert")
        for i, title in enumerate(titles):
            self.write(f"course{i}/README.md", f"# {title}\n")
            home.json("publish", self.path(f"course{i}"))
        return home

    def offered(self, *words, env=None, binary=LYCEUM):
        """-> {value: what it is}"""
        p = subprocess.run([binary, "--complete", *words], text=True, timeout=60,
                           capture_output=True, env=env or self.env,
                           stdin=subprocess.DEVNULL)
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        return dict((line + "\t").split("\t")[:2]
                    for line in p.stdout.splitlines())

    # Every command and every option that help lists is offered, in its place.
    def test_whole_table(self):
        found = 0
        top = subprocess.run([LYCEUM, "help"], capture_output=True, text=True,
                             env=self.env, check=True).stdout
        commands = [line for line in re.findall(r"(?m)^  (\w.*?)(?:  |$)", top)]
        self.assertGreater(len(commands), 35)
        for line in commands:
            words = list(itertools.takewhile(
                re.compile("[a-z]+").fullmatch, line.split()))
            for i, word in enumerate(words):
                self.assertIn(word, self.offered(*words[:i], ""), line)
            one = subprocess.run([LYCEUM, "help", *words], capture_output=True,
                                 text=True, env=self.env, check=True).stdout
            for option in re.findall(r"(?m)^  (--[a-z-]+)", one) + \
                    re.findall(r"(?m)^  (--?[a-z-]+)", top):
                self.assertIn(option, self.offered(*words, "-"), line)
                found += 1
        self.assertGreater(found, 400)

    # What fits the place: courses, folders, files, choices, settings, nothing.
    def test_places(self):
        home = self.courses("Git basics", "Git branches", "\u673a\u5668\u5b66\u4e60",
                            "Twin", "twin!")
        ids = {c["title"]: c["course"][:12] for c in home.json("ls")["courses"]}
        every = {"git-basics", "git-branches", "\u673a\u5668\u5b66\u4e60", ids["Twin"],
                 ids["twin!"]}
        for words, want in (
                (("get", ""), every), (("get", "gi"), {"git-basics", "git-branches"}),
                (("get", "git-ba"), {"git-basics"}),
                (("info", "\u673a"), {"\u673a\u5668\u5b66\u4e60"}),
                (("get", ids["twin!"][:6]), {ids["twin!"]}),
                (("publish", ""), {":dirs"}),
                (("publish", "--course", "git-b"), {"git-basics", "git-branches"}),
                (("get", "x", "--to", ""), {":dirs"}), (("get", "x", ""), set()),
                (("export", "git-basics", ""), {":dirs"}),
                (("pack", "git-basics", ""), {":files"}),
                (("pack", "--since", "2", "git-basics", ""), {":files"}),
                (("pack", "--since", ""), set()), (("--timeout", ""), set()),
                (("ticket", "git-basics", "--qr", ""), {":files"}),
                (("ticket", "--qr", "x.png", "git-ba"), {"git-basics"}),
                (("ticket", "--qr", "git-ba"), {":files", "git-basics"}),
                (("--lang", ""), {"zh", "en"}), (("--lang=", ), {"zh", "en"}),
                (("--lang=z", ), {"zh"}), (("--progress", "j"), {"json"}),
                (("config", "set", "qu"), {"quota"}),
                (("config", "set", "quota", ""), set()),
                (("completion", ""), set(SHELLS)), (("help", "nod"), {"node"}),
                (("help", "node", "sta"), {"start", "status"}),
                (("--", "--"), set()), (("get", "--", "git-ba"), {"git-basics"}),
                (("nonsense", ""), set()), (("--nonsense", "ge"), {"get"}),
                (("--home", "/nonexistent", "get", ""), set())):
            self.assertEqual(set(self.offered(*words)), want, words)
        self.assertEqual(self.offered("get", "git-ba"), {"git-basics": "Git basics"})
        # An option that was given is not offered again, unless it may be.
        self.assertNotIn("--to", self.offered("get", "--to", "x", "--"))
        self.assertIn("--peer", self.offered("get", "--peer", "x", "--"))
        # In the person's language.
        self.assertEqual(self.offered("--lang", "zh", "ls"), self.offered(
            "ls", env={**self.env, "LANG": "zh_CN.UTF-8"}))
        self.assertNotEqual(self.offered("ls"), self.offered("--lang", "zh", "ls"))

    # The files of a course, folder by folder.
    def test_paths(self):
        home = self.home("expert")
        for path in ("a b.md", "notes.md", "$(touch hit)`touch hit`;{'&.md", "one/x/1.md", "one/x/2.md", "one/y.md",
                     "one!.md", "one:two.md", "\u4e00/\u4e8c.md"):
            self.write("course/" + path, f"# {path}\n")
        home.json("publish", self.path("course"))
        cat = lambda *words: set(self.offered("cat", *words))
        self.assertEqual(cat("course", ""), {
            "a b.md", "notes.md", "one/", "one!.md", "one:two.md", "\u4e00/",
            "$(touch hit)`touch hit`;{'&.md"})
        self.assertEqual(cat("course", "on"), {"one/", "one!.md", "one:two.md"})
        self.assertEqual(cat("course", "one/"), {"one/x/", "one/y.md"})
        self.assertEqual(cat("--range", "1-2", "course", "one/x/"),
                         {"one/x/1.md", "one/x/2.md"})
        self.assertEqual(cat("course", "one/z"), set())
        self.assertEqual(cat("other", ""), set())
        self.assertEqual(cat("course", "notes.md", ""), set())
        for shell in ("bash", "zsh"):
            t = Terminal(shell, self.env, self.dir)
            self.addCleanup(t.close)
            for typed, want in (("a", "a\\ b.md"), ("a\\ ", "a\\ b.md"),
                                ("'a b", "'a b.md'"), ("no", "notes.md"),
                                ("one/y", "one/y.md"), ("\u4e00", "\u4e00/"),
                                ("one/x", "one/x/")):
                self.assertEqual(t.after_tab("lyceum cat course " + typed).rstrip(" "),
                                 "lyceum cat course " + want, f"{shell}: {typed}")
            # What an author calls a file is a file's name and nothing more.
            t.send("\x15lyceum cat course \\$\t\n")
            t.until(r"# \$\(touch hit\)`touch hit`;{'&\.md")
        self.assertFalse(os.path.exists(self.path("hit")))

    # A course of somebody else is no text for the terminal, nor a second line.
    def test_odd_words(self):
        self.courses("Red \u202etfel \u200bend")
        self.assertEqual(list(self.offered("get", "").values()), ["Red tfel end"])
        for words in ([], [""], ["-"], ["--"], ["--="], ["--lang=", ""],
                      ["a"] * 5000, ["\xff\t\n"], ["help"] * 3, ["get", "x" * 90000],
                      ["--home", "x" * 9000, "get", ""], ["--home", "", "get", ""]):
            self.offered(*words, binary=LYCEUM_ASAN)

    # No home is made by looking; one of others is not read, and nobody is told.
    def test_no_home(self):
        self.assertEqual(self.offered("get", ""), {})
        self.assertFalse(os.path.exists(self.path("home1")))
        self.courses("Git basics")
        os.chmod(self.path("home1"), 0o755)
        self.assertEqual(self.offered("get", ""), {})

    # A node that runs is asked; one that is stuck does not hold up the keyboard.
    def test_node(self):
        home = self.courses("Git basics")
        node = self.node(home)
        self.assertEqual(set(self.offered("get", "")), {"git-basics"})
        node.signal(signal.SIGSTOP)
        self.addCleanup(node.signal, signal.SIGCONT)
        start = time.monotonic()
        self.assertEqual(set(self.offered("get", "")), set())
        self.assertLess(time.monotonic() - start, 3)
        node.signal(signal.SIGCONT)
        self.assertEqual(node.stop().code, 0)

    def test_scripts(self):
        home = self.home()
        for shell in SHELLS:
            script = home.run("completion", shell).out
            path = self.write(f"script.{shell}", script)
            subprocess.run([shell, "-n", path], check=True, timeout=60)
            self.assertEqual(home.json("completion", shell), {
                "v": 1, "shell": shell, "script": script})
        r = home.run("completion", "tcsh", code=2)
        self.assertIn("why: no completion for the shell 'tcsh'\n"
                      "try: lyceum help completion", r.err)
        self.assertFalse(os.path.exists(home.path))

    def lines(self, shell):
        """(typed, what the TAB makes of it)"""
        t = Terminal(shell, self.env, self.dir)
        self.addCleanup(t.close)
        for typed, want in (
                ("lyceum publ", "lyceum publish "),
                ("lyceum node sto", "lyceum node stop "),
                ("lyceum get git-ba", "lyceum get git-basics "),
                ("lyceum get git-b", "lyceum get git-b"),
                ("lyceum get --peer 127.0.0.1:7460@ab --t", None),
                ("lyceum pack --peer 1:2@3 git-basics fo", "lyceum pack --peer "
                 "1:2@3 git-basics folder\\ one/"),
                ("lyceum publish fo", "lyceum publish folder\\ one/"),
                ("lyceum publish fi", "lyceum publish fi"),
                ("lyceum unpack fi", "lyceum unpack file.lyc "),
                ("lyceum info \u673a", "lyceum info \u673a\u5668\u5b66\u4e60 "),
                ("lyceum --lang=z", "lyceum --lang=zh "),
                ("lyceum --home=fo", "lyceum --home=folder\\ one/"),
                ("lyceum publish --in", "lyceum publish --in-place ")):
            if want is not None:
                self.assertEqual(t.after_tab(typed).rstrip(" "), want.rstrip(" "),
                                 f"{shell}: {typed}")
        t.send("\x15lyceum get --peer 127.0.0.1:7460@ab git-b\t\t")
        t.until(r"(?s)git-basics.*git-branches")

    def shell(self, name):
        self.courses("Git basics", "Git branches", "\u673a\u5668\u5b66\u4e60")
        os.makedirs(self.path("folder one"))
        self.write("file.lyc", "")

    def test_bash(self):
        self.shell("bash")
        self.lines("bash")

    def test_zsh(self):
        self.shell("zsh")
        self.lines("zsh")

    def test_fish(self):
        self.shell("fish")
        script = self.home().run("completion", "fish").out
        source = self.write("lyceum.fish", script)

        def complete(line):
            p = subprocess.run(
                ["fish", "--no-config", "-c", 'source "$argv[1]"; cd "$argv[2]"; '
                 'complete -C"$argv[3]"', source, self.dir, line],
                capture_output=True, text=True, env=self.env, timeout=60)
            self.assertEqual((p.returncode, p.stderr), (0, ""))
            return dict((x + "\t").split("\t")[:2] for x in p.stdout.splitlines())
        self.assertEqual(complete("lyceum ge"), {
            "get": "fetch a course from all who have it"})
        self.assertEqual(set(complete("lyceum node sta")), {"start", "status"})
        self.assertEqual(complete("lyceum get git-ba"), {"git-basics": "Git basics"})
        self.assertEqual(set(complete("lyceum get --peer 1:2@3 ")), {
            "git-basics", "git-branches", "\u673a\u5668\u5b66\u4e60"})
        self.assertEqual(set(complete("lyceum publish fo")), {"folder one/"})
        self.assertEqual(set(complete("lyceum publish fi")), set())
        self.assertEqual(set(complete("lyceum unpack fi")), {"file.lyc"})
        self.assertEqual(set(complete("lyceum --lang=z")), {"--lang=zh"})
        self.assertEqual(set(complete("lyceum --home=fo")), {"--home=folder one/"})
        self.assertIn("--in-place", complete("lyceum publish --in"))
        self.assertEqual(complete("lyceum why nothing-like-it"), {})
