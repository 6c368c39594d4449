"""What accidents and hostile hands do to a home, and to a person's terminal."""
import glob
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from lib import LYCEUM_ASAN, Case, random_bytes


class BadInput(Case):
    def published(self, binary=None, megabytes=4):
        for i in range(200):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes(5, megabytes << 20))
        home = self.home("expert", binary)
        return home, home.json("publish", self.path("c"))

    def packs(self, home):
        return sorted(glob.glob(home.path + "/packs/*.pack"))

    def flip(self, path, at):
        with open(path, "r+b") as f:
            f.seek(at)
            b = f.read(1)
            f.seek(at)
            f.write(bytes([b[0] ^ 0x10]))

    # One flipped bit anywhere in the packs: never accepted or shown, and the
    # next get heals it from a peer.
    def test_flipped_bits_heal(self):
        home, p = self.published()
        learner = self.home("learner")
        node = self.node(home)
        learner.json("get", p["ticket"], "--peer", node.peer)
        r = random.Random(3)
        for _ in range(12):
            pack = r.choice(self.packs(learner))
            self.flip(pack, r.randrange(os.path.getsize(pack)))
        v = learner.run("--json", "verify", p["course"], code=None)
        self.assertIn(v.code, (0, 4))
        learner.run("export", p["course"], self.path("half"), code=None)
        for name in ("v.bin",):
            if os.path.exists(self.path("half", name)):
                with open(self.path("half", name), "rb") as f:
                    self.assertEqual(f.read(), random_bytes(5, 4 << 20))
        g = learner.json("get", p["ticket"], "--peer", node.peer)
        self.assertEqual(g["state"], "complete")
        self.assertTrue(learner.json("verify", p["course"])["ok"])
        learner.json("export", p["course"], self.path("whole"))
        self.assertSameTree(self.path("c"), self.path("whole"))

    # Rot in a course that was whole, found only when its files are wanted.
    def test_rot_heals_on_the_way_out(self):
        home, p = self.published()
        learner = self.home("learner")
        node = self.node(home)
        learner.json("get", p["ticket"], "--peer", node.peer)
        [pack] = self.packs(learner)
        for at in (2 << 20, 3 << 20):
            self.flip(pack, at)
        g = learner.json("get", p["ticket"], "--to", self.path("out"))
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(self.path("c"), self.path("out"))
        self.assertTrue(learner.json("verify", p["course"])["ok"])

    # A course that is whole is an answer, however short the time-out.
    def test_short_time_out(self):
        home, p = self.published(megabytes=1)
        g = home.json("get", p["course"], "--timeout", "1s", "--peer",
                      "10.255.255.1:7460@" + "07" * 32)
        self.assertEqual(g["state"], "complete")

    def test_offline_fetches_nothing(self):
        home, p = self.published(megabytes=1)
        node, learner = self.node(home), self.home("learner")
        own = self.node(learner)
        learner.run("--offline", "get", p["ticket"], "--peer", node.peer, code=6)
        own.stop()
        r = learner.run("node", "stop")
        self.assertEqual(r.out.strip(), "not running")

    # The expert's own rot is named, never served.
    def test_rotten_seeder_serves_nothing_wrong(self):
        home, p = self.published(megabytes=8)
        pack = self.packs(home)[0]
        size = os.path.getsize(pack)
        for i in range(8):
            self.flip(pack, size * (2 * i + 1) // 16)
        node = self.node(home)
        learner = self.home("learner")
        r = learner.run("--json", "get", p["ticket"], "--peer", node.peer,
                        "--timeout", "4s", code=None)
        self.assertIn(r.code, (6, 7))
        if r.code == 7:
            self.assertEqual(r.json["rejected_chunks"], 0)

    # The index is a cache: deleted, cut, scribbled on or of another version.
    def test_index_is_rebuilt(self):
        def delete(db):
            os.unlink(db)

        def truncate(db):
            os.truncate(db, os.path.getsize(db) // 2)

        def header(db):
            self.flip(db, 3)

        def scribble(db):
            with open(db, "r+b") as f:
                f.seek(4096)
                f.write(random_bytes("s", 8192))

        def version(db):
            c = sqlite3.connect(db)
            c.execute("PRAGMA user_version=9999")
            c.commit()
            c.close()

        home, p = self.published()
        [db] = glob.glob(home.path + "/*.db")
        for harm in (delete, truncate, header, scribble, version):
            with self.subTest(harm.__name__):
                for extra in glob.glob(db + "-*"):
                    os.unlink(extra)
                harm(db)
                self.assertTrue(home.json("verify", p["course"])["ok"])
                [c] = home.json("ls")["courses"]
                self.assertEqual((c["course"], c["state"]),
                                 (p["course"], "complete"))
                out = self.path("out-" + harm.__name__)
                home.json("export", p["course"], out)
                self.assertSameTree(self.path("c"), out)

    # What was fetched into a folder is found there again, and not fetched twice;
    # nor is what came before the index was lost.
    def test_index_is_rebuilt_over_folders(self):
        home, p = self.published(megabytes=24)
        learner, out = self.home("learner"), self.path("out")
        node = self.node(home)
        learner.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        node.stop()
        for f in glob.glob(learner.path + "/index.db*"):
            os.unlink(f)
        self.assertTrue(learner.json("verify", p["course"])["ok"])
        [c] = learner.json("ls")["courses"]
        self.assertEqual(c["state"], "complete")
        learner.json("export", p["course"], self.path("again"))
        self.assertSameTree(self.path("c"), self.path("again"))

    def test_folder_that_is_there_is_not_fetched(self):
        home, p = self.published(megabytes=24)
        learner, out = self.home("learner"), self.path("out")
        shutil.copytree(self.path("c"), out)
        node = self.node(home)
        g = learner.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        self.assertLess(g["fetched_bytes"], 2 << 20)
        self.assertTrue(learner.json("verify", p["course"])["ok"])
        self.assertSameTree(self.path("c"), out)

    # A torn last write is cut off; what was acknowledged is whole.
    def test_torn_tail(self):
        home, p = self.published()
        with open(self.packs(home)[-1], "ab") as f:
            f.write(random_bytes("tail", 5000))
        self.assertTrue(home.json("verify", p["course"])["ok"])

    # The second process attaches to the first; one that cannot says who has it.
    def test_two_processes_on_one_home(self):
        home, p = self.published()
        node = self.node(home)
        home.json("ls")
        second = home.start("node", "run", "--listen", "127.0.0.1:0")
        r = second.wait(20)
        self.assertEqual(r.code, 9, str(r))
        self.assertIn(str(node.p.pid), r.err)
        node.signal(signal.SIGSTOP)
        try:
            r = home.run("ls", code=9, timeout=30)
            self.assertIn(str(node.p.pid), r.err)
        finally:
            node.signal(signal.SIGCONT)
        home.json("ls")

    # A home or key that others can read is refused by name.
    def test_loose_modes(self):
        home, _ = self.published()
        for name, mode in (("identity.key", 0o644), ("node.key", 0o640),
                           ("", 0o755)):
            path = os.path.join(home.path, name) if name else home.path
            old = os.stat(path).st_mode & 0o777
            os.chmod(path, mode)
            r = home.run("publish", self.path("c"), code=11)
            self.assertIn(os.path.basename(path), r.err)
            os.chmod(path, old)
        home.json("ls")

    # A disk that fills up during get or publish: exit 8, and all goes on once
    # there is room.
    def test_disk_full(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        home, p = self.published(megabytes=24)
        node = self.node(home)
        small = self.path("small")
        os.makedirs(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700",
                           "none", small], capture_output=True).returncode:
            self.skipTest("no mount here")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        self.home("x")
        learner = self.home("learner")
        shutil.copytree(learner.path, small + "/home")
        learner.path = small + "/home"
        r = learner.run("get", p["ticket"], "--peer", node.peer, code=8)
        self.assertIn("error:", r.err)
        learner.json("ls")
        subprocess.run(["mount", "-o", "remount,size=4g", small], check=True)
        g = learner.json("get", p["ticket"], "--peer", node.peer)
        self.assertEqual(g["state"], "complete")

    # A title full of escapes reaches the terminal as plain letters.
    def test_hostile_title(self):
        self.write("evil/course.yaml",
                   'title: "\\u202Egnp.exe \\u2066x"\nsummary: ok\n')
        self.write("evil/a.md", "# A\n")
        home = self.home("mal\u202elory", LYCEUM_ASAN)
        r = home.run("publish", self.path("evil"), code=None)
        text = r.out + r.err + home.run("ls").out + home.run("id").out
        for bad in "\x1b\u202e\u2066\x07":
            self.assertNotIn(bad, text)

    # Interrupted: exit 130, and what came stays.
    def test_ctrl_c(self):
        home, p = self.published(megabytes=128)
        node = self.node(home)
        learner = self.home("learner")
        get = learner.start("--json", "get", p["ticket"], "--peer", node.peer,
                            "--to", self.path("out"))
        time.sleep(0.2)
        get.signal(signal.SIGINT)
        r = get.wait(20)
        self.assertIn(r.code, (130, 0))
        g = learner.json("get", p["ticket"], "--peer", node.peer, "--to",
                         self.path("out"))
        self.assertSameTree(self.path("c"), self.path("out"))
        self.assertEqual(g["state"], "complete")

    # The command line itself: nothing crashes, everything has an exit code.
    def test_command_line(self):
        home = self.home("expert", LYCEUM_ASAN)
        for args, code in (([], 2), (["nonsense"], 2), (["ls", "--wrong"], 2),
                           (["get"], 2), (["get", "x" * 130000], 3),
                           (["get", "lyceum:abc"], 2), (["info", "zzzz"], 3),
                           (["info", b"\xff\xfe\xfa".decode("latin1")], 3),
                           (["export", "nothere", "/tmp/x"], 3),
                           (["publish", self.path("none")], 3),
                           (["record", "show", "00" * 32], 3),
                           (["--help"], 0), (["get", "--help"], 0),
                           (["--version"], 0), (["help", "publish"], 0)):
            r = home.run(*args, code=code)
            self.assertNotIn("Sanitizer", r.err)
        for close in ("0<&-", "1>&-", "2>&-"):
            p = subprocess.run(
                ["sh", "-c", f'"$0" --home "$1" ls {close}', home.binary,
                 home.path], capture_output=True, text=True)
            self.assertNotIn("Sanitizer", p.stderr)
        p = subprocess.run(f"'{home.binary}' --home '{home.path}' help publish"
                           " | head -1", shell=True, capture_output=True,
                           text=True)
        self.assertEqual(p.returncode, 0)

    # Both languages, and words that scripts look for are never translated.
    def test_languages(self):
        home = self.home("expert")
        zh = home.run("--lang", "zh", "info", "zzzz", code=3).err
        en = home.run("info", "zzzz", code=3).err
        self.assertNotEqual(zh, en)
        for text in (zh, en):
            self.assertIn("error:", text)
            self.assertIn("why:", text)
            self.assertIn("try:", text)
        self.assertTrue(any("\u4e00" <= c <= "\u9fff" for c in zh))
