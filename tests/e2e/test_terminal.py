"""The command line in hostile hands and poor surroundings; nodes with little to
live on."""
import fcntl
import os
import pty
import resource
import signal
import stat
import subprocess
import termios
import time

from lib import LYCEUM, LYCEUM_ASAN, Case, clean_env, random_bytes


def crashed(code):
    return code < 0 or code in (134, 139)


class Terminal(Case):
    def published(self, count=1, binary=None):
        home = self.home("expert", binary)
        for i in range(count):
            self.write(f"c{i}/a.md", f"# Course {i}\n" * 40)
            home.json("publish", self.path(f"c{i}"))
        return home

    def raw(self, home, *args, **kw):
        """Bytes in, bytes out."""
        return subprocess.run([os.fsencode(a) for a in home.argv()] + list(args),
                              capture_output=True, timeout=60, env=clean_env(),
                              stdin=subprocess.DEVNULL, **kw)

    # Arguments of any bytes and any length.
    def test_arguments(self):
        home = self.home("expert", LYCEUM_ASAN)
        long = b"x" * (127 << 10)  # the kernel's limit for one is 128 KiB
        for args in ([b"get", long], [b"publish", long], [b"config", b"set",
                     b"name", long], [b"--lang", long, b"ls"], [long],
                     [b"--home", long, b"ls"], [b"ls"] + [long[:1000]] * 1000,
                     [b"publish", b"\xff\xfe"], [b"--home", b"\xc0\xaf", b"ls"],
                     [b"get", b"\xed\xa0\x80"], [b"export", b"abcd", b"\x80"],
                     [b"init", b"--name", b"\xff"], [b"-\xff"], [b"--", b"-x"],
                     [b"get", b"lyceum:\xff"], [b""], [b"get", b""],
                     [b"peer", b"add", b"\xff@:"], [b"--timeout", b"\xff", b"ls"],
                     [b"--timeout", b"-1s", b"ls"], [b"--listen",
                      b"999.1.1.1:99999", b"node", b"run"]):
            with self.subTest(args=str(args)[:60]):
                p = self.raw(home, *args)
                err = p.stderr.decode("utf-8")  # what is printed is UTF-8
                self.assertIn(p.returncode, (1, 2, 3, 6, 10), err[:2000])
                self.assertNotIn("Sanitizer", err)
                self.assertIn("error: ", err)
                self.assertLess(len(err), 10000)

    # Standard files that are closed, full or broken.
    def test_standard_files(self):
        home = self.published(40)
        want = home.run("--json", "ls").out
        for how in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"):
            for args in ("ls", "publish " + self.path("c0"), "nonsense"):
                p = subprocess.run(["sh", "-c", f'"$0" --home "$1" --json {args}'
                                    f" {how}", LYCEUM, home.path], timeout=30,
                                   capture_output=True, text=True)
                self.assertFalse(crashed(p.returncode), (how, args, p))
                self.assertEqual(p.returncode == 2, args == "nonsense", (how, p))
        for n in (0, 1, 3000):
            p = subprocess.run(["sh", "-c", f'"$0" --home "$1" --json ls | head '
                                f'-c{n} | wc -c; exit $PIPESTATUS', LYCEUM,
                                home.path], capture_output=True, text=True,
                               timeout=30)
            self.assertEqual((p.stdout.strip(), p.stderr), (str(n), ""))
        with open("/dev/full", "w", encoding="ascii") as full:
            p = subprocess.run(home.argv("--json", "ls"), stdout=full,
                               stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("error: ", p.stderr)
        # none of this was taken for a file of the home
        self.assertEqual(home.run("--json", "ls").out, want)
        self.assertTrue(home.json("verify", "--all")["ok"])

    # The second signal ends at once what the first one should have.
    def test_signals(self):
        home = self.published()
        for number in (signal.SIGTERM, signal.SIGINT):
            node = self.node(home)
            node.signal(number)
            node.signal(number)
            self.assertIn(node.wait(10).code, (0, 130))
            get = home.start("get", "lyceum:" + "a" * 52, "--peer",
                             "10.255.255.1:7460@" + "07" * 32)
            time.sleep(0.3)
            get.signal(number)
            get.signal(number)
            self.assertEqual(get.wait(10).code, 130)
        self.assertTrue(home.json("verify", "--all")["ok"])

    # A passphrase: none without a terminal, wrong ones never let in.
    def test_passphrase(self):
        home = self.home()
        good, bad = self.write("good", "right\n"), self.write("bad", "wrong\n")
        r = home.run("init", code=5)
        self.assertIn("no terminal", r.err)
        home.run("init", LYCEUM_PASSPHRASE_FILE=good, code=None)
        self.write("c/a.md", "# A\n")
        self.assertEqual(home.run("publish", self.path("c"), code=5).out, "")
        for _ in range(5):
            home.run("publish", self.path("c"), code=5,
                     LYCEUM_PASSPHRASE_FILE=bad)
        for odd in (self.write("empty", ""), self.path("none"), self.dir,
                    self.write("long", b"x" * 5000), self.write("nul", b"\0")):
            home.run("publish", self.path("c"), code=5,
                     LYCEUM_PASSPHRASE_FILE=odd)
        self.assertEqual(home.json("ls")["courses"], [])
        home.run("publish", self.path("c"), LYCEUM_PASSPHRASE_FILE=good)

    # On a terminal: asked for, not shown, and Ctrl-C leaves the echo on.
    def test_passphrase_on_a_terminal(self):
        home = self.home()
        good = self.write("good", "right\n")
        home.run("init", LYCEUM_PASSPHRASE_FILE=good)
        self.write("c/a.md", "# A\n")
        for typed, code in ((b"sesame\n", 5), (b"\x03", 130), (b"\x04", 5),
                            (b"right\n", 0)):
            master, slave = pty.openpty()
            p = subprocess.Popen(home.argv("publish", self.path("c")),
                                 stdin=slave, stdout=slave, stderr=slave,
                                 env=clean_env(), start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(
                                     0, termios.TIOCSCTTY, 0))
            os.close(slave)
            seen = b""
            while b"assphrase" not in seen:
                seen += os.read(master, 4096)
            time.sleep(0.1)  # the echo is switched off after the question
            os.write(master, typed)
            try:
                while True:
                    more = os.read(master, 4096)
                    if not more:
                        break
                    seen += more
            except OSError:  # the other end is closed
                pass
            self.assertEqual(p.wait(20), code, seen)
            self.assertNotIn(typed.strip() or b"\0", seen)
            os.close(master)

    # Two at once on one folder: one course, editions in a row.
    def test_two_publish_at_once(self):
        home = self.published()
        self.write("big/v.bin", random_bytes("v", 8 << 20))
        both = [home.start("--json", "publish", self.path("big"))
                for _ in range(3)]
        for p in both:
            r = p.wait(60)
            self.assertIn(r.code, (0, 10), r)
            if r.code:
                self.assertIn("error: ", r.err)
        self.assertEqual(len(home.json("ls")["courses"]), 2)
        v = home.json("verify", "--all")
        self.assertEqual((v["ok"], v["missing"]), (True, 0))

    # Whatever the umask, what is in the home is for its owner only.
    def test_umask(self):
        self.write("c/a.md", "# A\n")
        home = self.home()
        for args in (["init", "--no-passphrase"], ["publish", self.path("c")],
                     ["config", "set", "name", "x"], ["node", "start", "--listen",
                      "127.0.0.1:0"], ["node", "stop"], ["gc"]):
            subprocess.run(home.argv(*args), check=True, env=clean_env(),
                           capture_output=True, umask=0)
        seen = 0
        for folder, subs, files in os.walk(home.path):
            for name in [".", *subs, *files]:
                mode = stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode)
                self.assertEqual(mode & 0o077, 0, (folder, name, oct(mode)))
                seen += 1
        self.assertGreater(seen, 10)

    # No HOME, no XDG, no LANG, no environment at all.
    def test_bare_environment(self):
        for env, code in (({}, 2), ({"HOME": ""}, 2), ({"HOME": "relative"}, 2),
                          ({"XDG_DATA_HOME": "relative"}, 2),
                          ({"LYCEUM_HOME": "", "HOME": ""}, 2),
                          ({"HOME": self.dir}, 0), ({"LANG": "C",
                            "LC_ALL": "C", "LYCEUM_HOME": self.path("h")}, 0),
                          ({"LANG": "zz_ZZ.bad", "XDG_DATA_HOME": self.dir}, 0)):
            p = subprocess.run([LYCEUM, "ls"], env=env, capture_output=True,
                               text=True, timeout=20, cwd=self.dir)
            self.assertEqual(p.returncode, code, (env, p.stderr))
            if code:
                self.assertIn("try: name a folder with --home", p.stderr)
        home = self.home()
        home.run("init", "--name", "安", "--no-passphrase", LANG="C")
        self.assertEqual(home.json("id", LANG="C")["name"], "安")

    # A home of somebody else, or that anybody could write to.
    def test_foreign_home(self):
        home = self.published()
        for mode in (0o777, 0o701, 0o1700 | 0o002):
            os.chmod(home.path, mode)
            r = home.run("ls", code=11)
            self.assertIn("chmod 0700", r.err)
        os.chmod(home.path, 0o700)
        if os.geteuid() != 0:
            self.skipTest("giving a folder away needs root")
        os.chown(home.path, 12345, -1)
        r = home.run("ls", code=11)
        self.assertIn("12345", r.err)
        os.chown(home.path, 0, -1)
        os.chmod(self.dir, 0o755)
        mine = self.home()
        os.mkdir(mine.path, 0o700)
        os.chown(mine.path, 12345, 12345)
        p = subprocess.run(mine.argv("init", "--no-passphrase"), user=12345,
                           group=12345, capture_output=True, text=True,
                           env=clean_env(), extra_groups=[])
        self.assertEqual(p.returncode, 0, p.stderr)
        other = Case.home(self)
        other.path = home.path
        p = subprocess.run(other.argv("ls"), user=12345, group=12345,
                           capture_output=True, text=True, env=clean_env(),
                           extra_groups=[])
        self.assertEqual(p.returncode, 11, p.stderr)


class Limits(Case):
    """Few descriptors, little memory, one thread: done, or refused in words."""

    def limited(self, what, value):
        def before():
            resource.setrlimit(what, (value, value))
        return before

    def get(self, preexec, **env):
        learner = self.home("learner")
        p = subprocess.run(
            learner.argv("--json", "get", self.ticket, "--peer", self.peer,
                         "--to", self.path(f"out{self.homes}"), "--timeout",
                         "10s"),
            capture_output=True, text=True, preexec_fn=preexec, timeout=60,
            env=clean_env(**env))
        self.assertFalse(crashed(p.returncode), p)
        if p.returncode != 0:
            self.assertIn("error: ", p.stderr)
            self.assertIn("\nwhy: ", p.stderr)
            g = learner.json("get", self.ticket, "--peer", self.peer, "--to",
                             self.path(f"out{self.homes}"))
            self.assertEqual(g["state"], "complete")
        self.assertSameTree(self.path("c"), self.path(f"out{self.homes}"))
        self.assertTrue(learner.json("verify", "--all")["ok"])
        return p.returncode

    def setUp(self):
        super().setUp()
        for i in range(100):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes("v", 6 << 20))
        self.expert = self.home("expert")
        self.ticket = self.expert.json("publish", self.path("c"))["ticket"]
        self.peer = self.node(self.expert).peer

    def test_descriptors(self):
        codes = [self.get(self.limited(resource.RLIMIT_NOFILE, n))
                 for n in (8, 16, 20, 24, 28, 32, 40, 48, 64, 256)]
        self.assertEqual(codes[-2:], [0, 0], codes)

    def test_address_space(self):
        codes = [self.get(self.limited(resource.RLIMIT_AS, n << 20))
                 for n in (64, 128, 192, 256, 320, 2048)]
        self.assertEqual(codes[-1], 0, codes)
        for n in (32, 64, 96, 128, 192, 256):
            home = self.home("alone")
            p = subprocess.run(home.argv("publish", self.path("c")), timeout=60,
                               capture_output=True, env=clean_env(),
                               preexec_fn=self.limited(resource.RLIMIT_AS,
                                                       n << 20))
            self.assertFalse(crashed(p.returncode), (n, p))
            home.run("publish", self.path("c"))
            self.assertTrue(home.json("verify", "--all")["ok"])

    # What a small course takes goes by its size: some MiB, and of the rest
    # nearly all is the stacks of libuv's four threads and of one per core.
    def test_small_course(self):
        most = (48 + 16 * os.cpu_count()) << 20
        home = self.home("small")
        p = subprocess.run(home.argv("publish", self.path("c/t")), timeout=60,
                           capture_output=True, env=clean_env(),
                           preexec_fn=self.limited(resource.RLIMIT_DATA, most))
        self.assertEqual(p.returncode, 0, p)

    def test_threads(self):
        for n in ("1", "2", "0", "junk"):
            self.assertEqual(self.get(None, UV_THREADPOOL_SIZE=n), 0)

    def test_file_size(self):
        codes = [self.get(self.limited(resource.RLIMIT_FSIZE, n << 20))
                 for n in (1, 4, 64)]
        self.assertEqual(codes[-1], 0, codes)
