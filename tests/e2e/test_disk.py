"""Real file systems that are full, read-only, gone or copied; and an index that
is not what the node left there."""
import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from lib import LYCEUM_ASAN, Case, Home, random_bytes

KIB = 1024


class Small(Case):
    """A tmpfs of its own, which only root can have."""

    def setUp(self):
        super().setUp()
        for i in range(20):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes("v", 900 * KIB))
        self.small = self.path("small")
        os.makedirs(self.small)

    def mount(self, kib):
        """Mounted in the place of everybody's: a tmpfs has no side effects."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        p = subprocess.run(["mount", "-t", "tmpfs", "-o",
                            f"size={kib}k,mode=700", "none", self.small],
                           capture_output=True, text=True)
        if p.returncode != 0:
            self.skipTest(f"no mount here: {p.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.small])

    def remount(self, how):
        subprocess.run(["mount", "-o", "remount," + how, self.small], check=True)

    def small_home(self, name="someone"):
        home = self.home()
        home.path = self.small + "/home"
        if name:
            home.init(name)
        return home

    def words(self, r, code):
        self.assertEqual(r.code, code, r)
        for word in ("error: ", "\nwhy: ", "\ntry: "):
            self.assertIn(word, r.err)

    def fill(self, leave):
        """Leave so many KiB free."""
        v = os.statvfs(self.small)
        n = v.f_bavail * v.f_frsize - leave * KIB
        with open(self.small + "/filler", "wb") as f:
            f.write(bytes(max(0, n)))

    # Full at several levels: exit 8, and the same command ends well when there
    # is room.
    def test_full_home(self):
        self.mount(4 << 10)
        home = self.small_home()
        old = home.json("publish", self.write("old/a.md", "# Old\n" * 99)[:-5])
        for leave in (0, 4, 8, 40, 100, 300, 700, 900):
            with self.subTest(leave=leave):
                self.write("c/round.md", f"# Round {leave}\n" * 50)
                self.write("c/v.bin", random_bytes(leave, 900 * KIB))
                self.fill(leave)
                self.words(home.run("publish", self.path("c"), code=None), 8)
                home.run("ls", code=None)
                os.unlink(self.small + "/filler")
                p = home.json("publish", self.path("c"))
                v = home.json("verify", "--all")
                self.assertEqual((v["ok"], v["missing"]), (True, 0))
                self.assertEqual({c["course"] for c in home.json("ls")
                                  ["courses"]}, {old["course"], p["course"]})
                home.run("-y", "rm", p["course"])
                self.fill(leave)  # gc may need room to make room
                self.assertIn(home.run("gc", code=None).code, (0, 8))
                os.unlink(self.small + "/filler")
                home.json("gc")
                self.assertTrue(home.json("verify", "--all")["ok"])

    def test_full_target(self):
        self.mount(2 << 10)
        home = self.home("expert")
        p = home.json("publish", self.path("c"))
        node, learner = self.node(home), self.home("learner")
        for command in ("get", "export"):
            who = learner if command == "get" else home
            for leave in (0, 4, 60, 500):
                to = self.small + "/to"
                args = (("get", p["ticket"], "--peer", node.peer, "--to", to)
                        if command == "get" else ("export", p["course"], to))
                with self.subTest(command, leave=leave):
                    self.fill(leave)
                    self.words(who.run(*args, code=None), 8)
                    os.unlink(self.small + "/filler")
                    who.run(*args)
                    self.assertSameTree(self.path("c"), to)
                    shutil.rmtree(to)
                    if command == "get":
                        who.run("-y", "rm", p["course"])
                        who.run("gc")
        self.assertTrue(learner.json("verify", "--all")["ok"])

    def test_full_init(self):
        self.mount(256)
        self.fill(0)
        home = self.small_home(None)
        self.words(home.run("init", "--no-passphrase", code=None), 8)
        os.unlink(self.small + "/filler")
        home.run("init", "--no-passphrase")

    # Read-only: every command says so, and nothing has changed afterwards.
    def test_read_only(self):
        self.mount(8 << 10)
        home = self.small_home()
        p = home.json("publish", self.path("c"))
        self.remount("ro")
        for args in (("ls",), ("publish", self.path("c")), ("gc",),
                     ("verify", "--all"), ("node", "run"),
                     ("export", p["course"], self.path("out"))):
            r = home.run(*args, code=None)
            self.words(r, 1)
            self.assertIn("Read-only file system", r.err)
        fresh = self.home()
        fresh.path = self.small + "/other"
        self.words(fresh.run("init", code=None), 1)
        self.remount("rw")
        self.assertTrue(home.json("verify", "--all")["ok"])

    def test_read_only_target(self):
        self.mount(8 << 10)
        home, learner = self.home("expert"), self.home("learner")
        p = home.json("publish", self.path("c"))
        node, to = self.node(home), self.small + "/to"
        self.remount("ro")
        for who, args in ((learner, ("get", p["ticket"], "--peer", node.peer,
                                     "--to", to)),
                          (home, ("export", p["course"], to))):
            r = who.run(*args, code=None)
            self.words(r, 1)
            self.assertIn("Read-only file system", r.err)
            self.remount("rw")
            who.run(*args)
            self.assertSameTree(self.path("c"), to)
            shutil.rmtree(to)
            self.remount("ro")


class Homes(Case):
    def published(self, binary=None):
        for i in range(20):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes("v", 900 * KIB))
        home = self.home("expert", binary)
        return home, home.json("publish", self.path("c"))

    # The folder goes while the node runs: the node may fail, and may not hang,
    # crash or write elsewhere.
    def test_removed_while_running(self):
        home, p = self.published(LYCEUM_ASAN)
        node = self.node(home)
        home.json("ls")
        shutil.rmtree(home.path)
        learner = self.home("learner")
        r = learner.run("get", p["ticket"], "--peer", node.peer, "--timeout",
                        "3s", code=None)
        self.assertIn(r.code, (0, 6, 7), r)
        self.assertIsNone(node.p.poll())
        r = node.stop()
        self.assertEqual(r.code, 0, r)
        self.assertNotIn("Sanitizer", r.err)
        r = home.run("ls")
        self.assertIn("error" if r.code else "", r.err)

    # A copy of a home is the same node: both run, and learners get the course
    # whichever they meet.
    def test_copied_and_started_twice(self):
        home, p = self.published()
        node = self.node(home)
        twin = self.home()
        shutil.copytree(home.path, twin.path, ignore=lambda d, n: [
            x for x in n if x.endswith(".sock")])
        other = self.node(twin)
        self.assertEqual(node.key, other.key)
        for peers in ((node,), (other,), (node, other)):
            learner = self.home("learner")
            g = learner.json("get", p["ticket"],
                             *(a for n in peers for a in ("--peer", n.peer)))
            self.assertEqual(g["state"], "complete")
        twin.run("get", p["ticket"], "--peer", node.peer)
        for n in (node, other):
            self.assertEqual(n.stop().code, 0)
        for h in (home, twin):
            self.assertTrue(h.json("verify", "--all")["ok"])


class Index(Case):
    """index.db is a cache: whatever becomes of it, the answers stay."""

    def setUp(self):
        super().setUp()
        for i in range(6):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes("v", 200 * KIB))
        self.expert = self.home("expert")
        self.course = self.expert.json("publish", self.path("c"))
        self.answers = self.ask(self.expert)
        with open(self.expert.path + "/index.db", "rb") as f:
            self.good = f.read()

    def ask(self, home):
        v = home.json("verify", "--all", timeout=20)
        return home.json("ls", timeout=20), v["ok"], v["chunks"], v["missing"]

    def harmed(self, name, harm):
        """harm(path of index.db) on a copy of the home; the answers stay."""
        home = self.home(binary=LYCEUM_ASAN)
        shutil.copytree(self.expert.path, home.path)
        with self.subTest(name):
            harm(home.path + "/index.db")
            self.assertEqual(self.ask(home), self.answers)
        shutil.rmtree(home.path)

    def put(self, data):
        def harm(db):
            with open(db, "wb") as f:
                f.write(data)
        return harm

    def test_each_page_zeroed(self):
        for page in range(len(self.good) // 4096):
            at = page * 4096
            self.harmed(f"page {page}", self.put(
                self.good[:at] + bytes(4096) + self.good[at + 4096:]))

    def test_truncated(self):
        n = len(self.good)
        for keep in (0, 1, 15, 16, 99, 100, 4095, 4096, 4097, n // 2, n - 4096,
                     n - 1):
            self.harmed(f"first {keep}", self.put(self.good[:keep]))

    def test_header(self):
        for at in (0, 16, 18, 20, 21, 24, 28, 36, 44, 52, 56, 60, 68, 96, 100,
                   101, 103, 105):
            b = bytearray(self.good)
            b[at] ^= 0x55
            self.harmed(f"byte {at}", self.put(bytes(b)))

    def sql(self, *statements):
        def harm(db):
            c = sqlite3.connect(db, isolation_level=None)
            for s in statements:
                c.execute(s)
            c.close()
        return harm

    def test_sql(self):
        for name, statements in {
                "older": ["PRAGMA user_version=0"],
                "newer": ["PRAGMA user_version=2"],
                "negative": ["PRAGMA user_version=-1"],
                "other program": ["PRAGMA application_id=7"],
                "trigger": ["CREATE TRIGGER t AFTER INSERT ON meta BEGIN"
                            " DELETE FROM chunk; DELETE FROM record; END"],
                "trigger on chunk": ["CREATE TRIGGER t BEFORE INSERT ON chunk"
                                     " BEGIN SELECT RAISE(ABORT, 'no'); END"],
                "view": ["ALTER TABLE chunk RENAME TO was", "CREATE VIEW chunk"
                         " AS SELECT * FROM was"],
                "no table": ["DROP TABLE record"],
                "no index": ["DROP INDEX chunk_place"],
                "other columns": ["DROP TABLE chunk",
                                  "CREATE TABLE chunk(id, x)"],
                "rows gone": ["DELETE FROM record"],
                "journal": ["PRAGMA journal_mode=DELETE"],
        }.items():
            self.harmed(name, self.sql(*statements))

    def test_not_a_file(self):
        def gone(db, make):
            os.unlink(db)
            make(db)

        def folder(db):
            os.mkdir(db)
            with open(db + "/x", "w", encoding="ascii"):
                pass

        outside = self.write("outside", "not a database")
        for name, make in {
                "folder": folder, "fifo": os.mkfifo,
                "link": lambda db: os.symlink(outside, db),
                "dangling": lambda db: os.symlink(self.path("no"), db),
                "text": self.put(b"hello\n" * 9000),
                "random": self.put(random_bytes("r", 40000))}.items():
            self.harmed(name, lambda db, m=make: gone(db, m))
        with open(outside, encoding="ascii") as f:
            self.assertEqual(f.read(), "not a database")
        self.assertFalse(os.path.exists(self.path("no")))

    # What a kill leaves: a log of writes that is cut, mixed up or of another
    # home.
    def test_wal(self):
        self.write("c2/b.md", "# Two\n" * 500)
        node = self.node(self.expert)
        self.expert.json("publish", self.path("c2"))
        node.signal(signal.SIGKILL)
        node.p.wait(10)
        os.unlink(self.expert.path + "/node.sock")  # copytree takes no sockets
        wal = self.expert.path + "/index.db-wal"
        with open(wal, "rb") as f:
            data = f.read()
        self.assertGreater(len(data), 4096)
        copy = self.home()
        shutil.copytree(self.expert.path, copy.path)
        self.answers = self.ask(copy)
        self.assertEqual(len(self.answers[0]["courses"]), 2)
        other = self.home("other")
        node = self.node(other)
        other.json("publish", self.path("c2"))
        node.signal(signal.SIGKILL)
        node.p.wait(10)
        with open(other.path + "/index.db-wal", "rb") as f:
            foreign = f.read()

        def with_wal(new):
            def harm(db):
                os.unlink(db + "-wal")
                if new is not None:
                    with open(db + "-wal", "wb") as f:
                        f.write(new)
            return harm

        for name, new in {
                "gone": None, "empty": b"", "half": data[:len(data) // 2],
                "flipped": data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
                "text": b"x" * 9000}.items():
            self.harmed(name, with_wal(new))

        # One that fits: the first look finds it out, the next rebuilds.
        def of_another(db):
            with_wal(foreign)(db)
            home = Home(os.path.dirname(db), LYCEUM_ASAN)
            self.assertIn(home.run("verify", "--all", code=None).code, (0, 4))

        self.harmed("of another home", of_another)

        def older(db):
            with open(db, "wb") as f:
                f.write(self.good)
            os.unlink(db + "-wal")

        self.harmed("older", older)

    # Somebody looks at it with another program: an answer in words, soon.
    def test_locked(self):
        home = self.expert
        c = sqlite3.connect(home.path + "/index.db", isolation_level=None)
        c.execute("BEGIN EXCLUSIVE")
        t = time.monotonic()
        r = home.run("ls", code=9, timeout=20)
        self.assertLess(time.monotonic() - t, 10)
        self.assertIn("another program", r.err)
        c.execute("COMMIT")
        c.close()
        self.assertEqual(self.ask(home), self.answers)
        self.assertEqual(glob.glob(home.path + "/*.bad-*"), [])
