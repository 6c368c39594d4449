"""What a home cannot get anywhere else goes into one file and comes back; an old
backup does not make its author contradict himself."""
import os
import random
import shutil
import subprocess
import time

from lib import ROOT, Case, random_bytes

RELEASE = ROOT + "/build/release/lyceum"  # sanitizers want memory of their own


class Backup(Case):
    def setUp(self):
        super().setUp()
        self.env = {"LYCEUM_PASSPHRASE_FILE": self.secret("pass", "horse\n")}
        self.file = self.path("b.backup")
        self.course = self.write("git/README.md", "# Git\n")[:-10]

    def secret(self, name, text):
        path = self.write(name, text)
        os.chmod(path, 0o600)
        return path

    def words(self, r, code):
        self.assertEqual(r.code, code, r)
        for word in ("error: ", "\nwhy: ", "\ntry: "):
            self.assertIn(word, r.err)
        return r

    def expert(self):
        home = self.home()
        home.json("init", "--name", "ada", **self.env)
        return home

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def restored(self, file=None):
        home = self.home()
        home.json("restore", file or self.file, **self.env)
        return home

    def assertNothing(self, home):
        left = [f for f in os.listdir(self.dir)
                if f.startswith(os.path.basename(home.path))]
        self.assertEqual(left, [])

    def listing(self, home):
        keys = ("course", "title", "edition", "author", "pinned")
        return [{k: c[k] for k in keys} for c in home.json("ls")["courses"]]

    # --- there and back

    def test_round_trip(self):
        home = self.expert()
        p = home.json("publish", self.course, **self.env)
        home.json("pin", p["course"])
        home.run("config", "set", "quota", "7G")
        self.write("git/README.md", "# Git\n\nMore.\n")
        home.json("publish", self.course, **self.env)
        b = home.json("backup", self.file)  # asks for nothing: it is sealed
        self.assertEqual(b["bytes"], os.path.getsize(self.file))
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        self.assertTrue(b["sealed"])
        back = self.restored()
        self.assertEqual(back.json("id")["did"], home.json("id")["did"])
        self.assertNotEqual(back.json("id")["node"], home.json("id")["node"])
        self.assertEqual(self.listing(back), self.listing(home))
        self.assertEqual(back.run("config", "get", "quota").out,
                         home.run("config", "get", "quota").out)
        for name in os.listdir(back.path):
            mode = os.lstat(os.path.join(back.path, name)).st_mode
            self.assertEqual(mode & 0o077, 0, name)

    # Publishing the same folder brings its contents back and signs nothing; the
    # next edition is the next one, once a peer was asked or that was waived.
    def test_publish_continues(self):
        home = self.expert()
        p = home.json("publish", self.course, **self.env)
        home.json("backup", self.file)
        shutil.rmtree(home.path)
        back = self.restored()
        again = back.json("publish", self.course)
        self.assertEqual((again["course"], again["edition"]), (p["course"], 1))
        self.assertTrue(again["unchanged"])
        self.assertEqual(back.json("verify", "--all")["missing"], 0)
        self.edit("More.")
        for args in ((), ("--offline",)):
            r = back.run(*args, "publish", self.course, code=None, **self.env)
            self.assertIn("--peer", self.words(r, 6).err)
        n = back.json("-y", "publish", self.course, **self.env)
        self.assertEqual((n["course"], n["edition"]), (p["course"], 2))
        self.edit("And more.")  # from here on the home knows its numbers
        n = back.json("publish", self.course, **self.env)
        self.assertEqual((n["course"], n["edition"]), (p["course"], 3))

    # While a node runs; of a home without identity; of none.
    def test_which_homes(self):
        home = self.expert()
        p = home.json("publish", self.course, **self.env)
        self.node(home)
        home.json("backup", self.file)
        self.assertEqual(self.listing(self.restored())[0]["course"], p["course"])
        learner = self.home()
        learner.json("ls")
        b = learner.json("backup", self.path("l.backup"))
        self.assertIsNone(b["did"])
        back = self.home()
        self.assertIsNone(back.json("restore", self.path("l.backup"))["did"])
        self.assertEqual(back.json("ls")["courses"], [])
        none = self.home()
        self.words(none.run("backup", self.path("n.backup"), code=None), 3)
        self.assertFalse(os.path.exists(self.path("n.backup")))
        self.assertNothing(none)

    # A key without a passphrase gets one on its way out, unless that is said.
    def test_plain_key(self):
        home = self.home("ada")
        self.words(home.run("backup", self.file, code=None), 5)
        self.assertFalse(os.path.exists(self.file))
        home.json("backup", self.file, **self.env)
        self.words(self.home().run("restore", self.file, code=None), 5)
        self.assertEqual(self.restored().json("id")["did"],
                         home.json("id")["did"])
        home.json("-y", "backup", self.file, "--no-passphrase")
        back = self.home()
        back.json("restore", self.file)
        self.assertEqual(back.json("id")["did"], home.json("id")["did"])

    # --- the numbers of editions

    def edit(self, text):
        self.write("git/README.md", f"# Git\n\n{text}\n")

    def publish(self, home, *args, code=0):
        if code:
            r = home.run("publish", self.course, *args, code=None, **self.env)
            return self.words(r, code).err
        return home.json("publish", self.course, *args, **self.env)

    def old_backup(self, editions):
        """Backed up at edition 1; a learner has what came later."""
        home, learner = self.expert(), self.home("learner")
        p = self.publish(home)
        home.json("backup", self.file)
        for i in range(2, editions + 1):
            self.edit(f"Edition {i}.")
            p = self.publish(home)
        node = self.node(home)
        learner.json("get", p["ticket"], "--peer", node.peer)
        node.stop()
        shutil.rmtree(home.path)
        return p, learner, self.restored()

    # Whoever restored an old backup does not contradict himself: he is told of
    # the newer edition, fetches it, and goes on after it.
    def test_old_backup(self):
        p, learner, back = self.old_backup(4)
        node = self.node(learner)
        self.edit("Edition 5.")
        why = self.publish(back, "--peer", node.peer, code=10)
        self.assertIn("edition 4 ", why)
        self.assertIn(f"lyceum get {p['course'][:16]}", why)
        for args in ((), ("--peer", node.peer)):  # and it stays so
            self.assertIn("edition 4 ", self.publish(back, *args, code=10))
        self.assertEqual(self.editions(learner, p), [4])
        back.json("get", p["course"][:16])
        n = self.publish(back)
        self.assertEqual((n["course"], n["edition"]), (p["course"], 5))
        self.assertEqual(n["asked"], 1)
        served = self.node(back)
        learner.json("peer", "add", served.peer)
        learner.json("update", p["course"], "--peer", served.peer)
        self.assertEqual(self.editions(learner, p), [5, 4])

    def editions(self, home, p):
        versions = home.json("info", p["course"], "--versions")["versions"]
        return [v["edition"] for v in versions]

    # Saying -y does not outvote a peer that knows better.
    def test_yes_is_no_blindfold(self):
        p, learner, back = self.old_backup(2)
        node = self.node(learner)
        self.edit("Edition 3.")
        back.run("peer", "add", node.peer)
        why = self.words(back.run("-y", "publish", self.course, code=None,
                                  **self.env), 10).err
        self.assertIn("edition 2 ", why)
        self.assertEqual(self.editions(back, p)[0], 2)

    # A peer that knows nothing newer is an answer; one that does not know the
    # course is none.
    def test_nothing_newer(self):
        _, learner, back = self.old_backup(1)
        node = self.node(learner)
        self.edit("Edition 2.")
        n = self.publish(back, "--peer", node.peer)
        self.assertEqual((n["edition"], n["asked"]), (2, 1))
        other = self.restored()
        stranger = self.node(self.home("stranger"))
        self.publish(other, "--peer", stranger.peer, code=6)
        n = self.publish(other, "--peer", stranger.peer, "--peer", node.peer)
        self.assertEqual((n["edition"], n["asked"]), (2, 2))

    # A node that runs on the restored home asks for it.
    def test_running_node(self):
        _, learner, back = self.old_backup(3)
        theirs, ours = self.node(learner), self.node(back)
        self.edit("Edition 4.")
        why = self.publish(back, "--peer", theirs.peer, code=10)
        self.assertIn("edition 3 ", why)
        back.json("get", back.json("ls")["courses"][0]["course"])
        self.assertEqual(self.publish(back)["edition"], 4)
        ours.stop()

    # Two machines of one person take turns.
    def test_two_machines(self):
        a, b = self.expert(), self.home()
        p = self.publish(a)
        a.json("id", "export", self.path("key"), **self.env)
        b.json("id", "import", self.path("key"), **self.env)
        node = self.node(a)
        b.json("get", p["ticket"], "--peer", node.peer)
        self.edit("From b.")
        n = b.json("publish", self.course, "--course", p["course"], **self.env)
        self.assertEqual((n["course"], n["edition"]), (p["course"], 2))
        node.stop()
        node = self.node(b)
        self.edit("From a.")
        why = self.publish(a, "--peer", node.peer, code=10)
        self.assertIn("edition 2 ", why)
        a.json("get", p["course"], "--peer", node.peer)
        self.assertEqual(self.publish(a)["edition"], 3)

    # A first publish that was killed before the backup may have been finished
    # after it: the draft is asked about, too.
    def test_draft(self):
        home, learner = self.expert(), self.home("learner")
        wrong = self.secret("wrong", "battery\n")
        home.run("publish", self.course, code=5, LYCEUM_PASSPHRASE_FILE=wrong)
        home.json("backup", self.file)
        p = self.publish(home)
        node = self.node(home)
        learner.json("get", p["ticket"], "--peer", node.peer)
        node.stop()
        back, node = self.restored(), self.node(learner)
        self.edit("Not the first.")
        self.publish(back, code=6)
        self.assertIn("edition 1 ", self.publish(back, "--peer", node.peer,
                                                 code=10))

    # A course that is new cannot be known to anybody.
    def test_new_course_after_restore(self):
        _, _, back = self.old_backup(1)
        self.write("new/README.md", "# New\n")
        n = back.json("publish", self.path("new"), **self.env)
        self.assertEqual(n["edition"], 1)
        self.write("new/README.md", "# New\n\nMore.\n")
        n = back.json("publish", self.path("new"), **self.env)
        self.assertEqual(n["edition"], 2)

    # --- what stands in the way

    def test_keeps_what_is_there(self):
        home = self.expert()
        self.write("b.backup", "mine")
        self.words(home.run("backup", self.file, code=None), 10)
        self.assertEqual(self.read(self.file), b"mine")
        home.json("-y", "backup", self.file)
        other = self.home("eve")
        did = other.json("id")["did"]
        for args in ((), ("-y",)):
            r = other.run(*args, "restore", self.file, code=None, **self.env)
            self.words(r, 10)
            self.assertEqual(other.json("id")["did"], did)
        empty = self.home()
        os.mkdir(empty.path, 0o700)
        empty.json("restore", self.file, **self.env)

    def test_wrong_passphrase(self):
        self.expert().json("backup", self.file)
        wrong = {"LYCEUM_PASSPHRASE_FILE": self.secret("wrong", "battery\n")}
        home = self.home()
        for env in (wrong, {}):
            self.words(home.run("restore", self.file, code=None, **env), 5)
            self.assertNothing(home)
        self.restored()

    def test_damaged(self):
        expert = self.expert()
        expert.json("publish", self.course, **self.env)
        expert.json("backup", self.file)
        good, home = self.read(self.file), self.home()
        rng = random.Random(3)
        places = sorted({0, 1, 7, 8, 31, 32, 33, 56, len(good) - 1,
                         len(good) - 32, len(good) - 40,
                         *rng.sample(range(len(good)), 25)})
        bad = [good[:n] for n in places]
        bad += [good[:n] + bytes([good[n] ^ 1 << rng.randrange(8)]) +
                good[n + 1:] for n in places]
        bad += [good + b"x", good + good, b"PK\3\4" * 99, b"\0" * 9999,
                self.read(expert.path + "/identity.key")]
        for data in bad:
            r = home.run("restore", self.write("bad", data), code=None,
                         **self.env)
            self.words(r, 4)
            self.assertNothing(home)
        for file, code in ((self.path("none"), 3), (self.dir, 2)):
            self.words(home.run("restore", file, code=None), code)
            self.assertNothing(home)
        self.restored()

    # --- the machine fails

    def big_expert(self):
        """A record log of some 30 MiB, so that there is something to cut."""
        home = self.expert()
        home.json("publish", self.course, **self.env)
        log = home.path + "/records/000001.log"
        with open(log, "ab") as f:
            f.write(random_bytes(1, 30 << 20))
        return home

    def test_killed(self):
        expert = self.big_expert()
        t = time.monotonic()
        expert.json("backup", self.file)
        span = time.monotonic() - t
        rng, did = random.Random(5), expert.json("id")["did"]
        for _ in range(20):
            target = self.path("k.backup")
            p = expert.start("-y", "backup", target)
            time.sleep(rng.uniform(0, span))
            p.kill()
            if os.path.exists(target):  # then it is whole
                self.assertEqual(self.read(target)[:8], self.read(self.file)[:8])
                self.assertEqual(os.path.getsize(target),
                                 os.path.getsize(self.file))
        expert.json("-y", "backup", self.path("k.backup"))
        home = self.home()
        t = time.monotonic()
        home.json("restore", self.file, **self.env)
        span = time.monotonic() - t
        done = 0
        for i in range(20):
            shutil.rmtree(home.path, ignore_errors=True)
            p = home.start("restore", self.file, **self.env)
            time.sleep(rng.uniform(0, span))
            p.kill()
            if os.path.exists(home.path):
                done += 1
                self.assertEqual(home.json("id")["did"], did)
                self.assertEqual(len(home.json("ls")["courses"]), 1)
        self.assertLess(done, 20)
        shutil.rmtree(home.path, ignore_errors=True)
        home.json("restore", self.file, **self.env)
        self.assertFalse(os.path.exists(home.path + ".restoring"))
        self.assertEqual(len(home.json("ls")["courses"]), 1)

    def test_interrupted(self):
        expert, home = self.big_expert(), self.home()
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        expert.json("backup", self.file)
        p = home.start("restore", fifo, **self.env)
        with open(fifo, "wb") as f:
            f.write(self.read(self.file)[:1 << 20])
            f.flush()
            time.sleep(0.3)
            p.signal()
            self.assertEqual(p.wait(15).code, 130)
        self.assertNothing(home)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        small = self.path("small")
        os.mkdir(small)
        p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700",
                            "none", small], capture_output=True, text=True)
        if p.returncode != 0:
            self.skipTest(f"no mount here: {p.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        expert, home = self.big_expert(), self.home()
        self.words(expert.run("backup", small + "/b", code=None), 8)
        self.assertEqual(os.listdir(small), [])
        expert.json("backup", self.file)
        home.path = small + "/home"
        self.words(home.run("restore", self.file, code=None, **self.env), 8)
        self.assertEqual(os.listdir(small), [])

    # Bounded memory, whatever the size.
    def test_memory(self):
        expert, home = self.home("ada", binary=RELEASE), self.home()
        with open(expert.path + "/records/000001.log", "r+b") as f:
            f.truncate(256 << 20)
        for who, *args in ((expert, "backup", self.file, "--no-passphrase"),
                           (home, "restore", self.file)):
            p = subprocess.run(["prlimit", f"--data={32 << 20}", RELEASE,
                                "--home", who.path, *args],
                               capture_output=True, text=True, timeout=120)
            self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(os.path.getsize(home.path + "/records/000001.log"),
                         256 << 20)
