"""A course on a USB stick: packed, carried, unpacked, verified, passed on; and
what a stick goes through: cuts, bad sectors, kills, no space."""
import json
import os
import random
import shutil
import signal
import subprocess
import time

from content import HANDBOOK
from lib import Case, clean_env, random_bytes

ROUNDS = int(os.environ.get("LYCEUM_SNEAKERNET_ROUNDS", "20"))
PACK_KEYS = {"v", "course", "edition", "file", "chunks", "bytes"}
GET_KEYS = {"v", "course", "edition", "state", "bytes", "fetched_chunks",
            "fetched_bytes", "reused_chunks", "rejected_chunks", "seconds"}


class Sneakernet(Case):
    def course(self, megabytes=12):
        """A part of the handbook, and a video as far as a store can tell."""
        shutil.copytree(os.path.join(HANDBOOK, "en-US"), self.path("course/book"))
        self.write("course/video.bin", random_bytes("v", megabytes << 20))
        return self.path("course")

    def published(self, **kw):
        src, expert = self.course(**kw), self.home("expert")
        return src, expert, expert.json("publish", src)

    def assertHolds(self, home, p, src):
        """Whole, and right to the last byte."""
        v = home.json("verify", "--all")
        self.assertTrue(v["ok"])
        self.assertEqual(v["missing"], 0)
        out = self.path(f"out-{time.monotonic_ns()}")
        home.json("export", p["course"], out)
        self.assertSameTree(src, out)

    # From stick to home, without a node, a network or the expert.
    def test_carry(self):
        src, expert, p = self.published()
        stick = self.path("course.lyc")
        k = expert.json("pack", p["course"], stick)
        self.assertEqual(set(k), PACK_KEYS)
        self.assertEqual((k["course"], k["edition"], k["file"], k["bytes"]),
                         (p["course"], 1, stick, os.path.getsize(stick)))
        self.assertEqual(os.listdir(self.dir).count("course.lyc.lyceum-tmp"), 0)
        expert.run("pack", p["course"], stick, code=10)
        expert.run("-y", "pack", p["course"], stick)

        learner = self.home()
        g = learner.json("--offline", "unpack", stick)
        self.assertLessEqual(GET_KEYS, set(g))
        self.assertEqual((g["course"], g["edition"], g["state"], g["bytes"]),
                         (p["course"], 1, "complete", p["bytes"]))
        self.assertEqual(g["fetched_chunks"], k["chunks"])
        self.assertHolds(learner, p, src)
        [c] = learner.json("ls")["courses"]
        self.assertEqual(c["state"], "complete")
        again = learner.json("unpack", stick)
        self.assertEqual((again["fetched_chunks"], again["reused_chunks"]),
                         (0, k["chunks"]))
        # Words for people, and for those who read Chinese.
        self.assertIn("edition 1 is here", learner.run("unpack", stick).out)
        self.assertIn("第 1 版", learner.run("--lang", "zh", "unpack", stick).out)

    # The next edition comes as a delta, or from a peer; either way what is here
    # is not moved again.
    def test_delta(self):
        src, expert, p = self.published()
        whole, delta = self.path("1.lyc"), self.path("2.lyc")
        expert.json("pack", p["course"], whole)
        one, other, stranger = self.home(), self.home(), self.home()
        for home in one, other:
            home.json("unpack", whole)
        self.write("course/book/new.html", b"<p>new</p>" * 1000)
        expert.json("publish", src)
        k = expert.json("pack", p["course"], delta, "--since", "1")
        self.assertEqual(k["since"], 1)
        self.assertLess(k["bytes"], 2 << 20)
        expert.run("pack", p["course"], self.path("3.lyc"), "--since", "2",
                   code=2)
        expert.run("pack", p["course"], self.path("3.lyc"), "--since", "0",
                   code=2)
        g = one.json("unpack", delta)
        self.assertEqual((g["edition"], g["state"]), (2, "complete"))
        self.assertHolds(one, p, src)

        r = stranger.run("--json", "unpack", delta, code=7)
        self.assertEqual(r.json["state"], "partial")
        self.assertGreater(r.json["missing_chunks"], 0)
        self.assertIn("edition 1", r.err)
        self.assertIn("--since", r.err)
        node = self.node(expert)
        g = other.json("get", p["course"], "--peer", node.peer)
        self.assertEqual((g["edition"], g["state"]), (2, "complete"))
        self.assertLess(g["fetched_bytes"], 2 << 20)
        g = stranger.json("get", p["course"], "--peer", node.peer)
        self.assertEqual(g["state"], "complete")
        self.assertLess(g["fetched_bytes"], p["stored_bytes"] + (1 << 20))
        self.assertHolds(stranger, p, src)

    # The node of a school unpacks while it runs; its pupils get the course.
    def test_serve(self):
        src, expert, p = self.published()
        stick = self.path("course.lyc")
        node = self.node(expert)
        expert.json("pack", p["course"], stick)  # the node writes it
        node.stop()
        school, pupil = self.home(), self.home()
        node = self.node(school)
        g = school.json("unpack", stick)
        self.assertEqual(g["state"], "complete")
        g = pupil.json("get", p["ticket"], "--peer", node.peer,
                       "--to", self.path("pupil"))
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(src, self.path("pupil"))
        self.assertEqual(node.stop().code, 0)

    # A pupil who waits for what the school does not have gets it when the stick
    # comes.
    def test_waiting_peer(self):
        src, expert, p = self.published()
        whole, delta = self.path("1.lyc"), self.path("2.lyc")
        self.write("course/more.bin", random_bytes("m", 2 << 20))
        expert.json("publish", src)
        expert.json("pack", p["course"], delta, "--since", "1")
        expert.json("pack", p["course"], whole)
        school, pupil = self.home(), self.home()
        node = self.node(school)
        self.assertEqual(
            school.json("unpack", delta, code=7)["state"], "partial")
        get = pupil.start("--json", "--timeout", "60s", "get", p["ticket"],
                          "--peer", node.peer)
        end = time.monotonic() + 30
        while time.monotonic() < end:  # what the school has has come
            peers = school.json("peer", "ls")["peers"]
            if peers and peers[0]["sent_bytes"] > 1 << 20:
                break
            time.sleep(0.2)
        time.sleep(1)
        self.assertIsNone(get.p.poll())
        self.assertEqual(school.json("unpack", whole)["state"], "complete")
        g = get.wait(60, code=0).json
        self.assertEqual((g["edition"], g["state"]), (2, "complete"))
        self.assertHolds(pupil, p, src)

    # From one command into the other, beside a running node, too.
    def test_pipe(self):
        src, expert, p = self.published()
        for running in False, True:
            learner = self.home()
            node = self.node(learner) if running else None
            a = subprocess.Popen(expert.argv("--json", "pack", p["course"], "-"),
                                 stdout=subprocess.PIPE, env=clean_env(),
                                 stderr=subprocess.PIPE, text=False)
            b = subprocess.run(learner.argv("--json", "unpack", "-"),
                               stdin=a.stdout, capture_output=True,
                               env=clean_env(), timeout=60)
            a.stdout.close()
            said = json.loads(a.stderr.read())
            a.stderr.close()
            self.assertEqual((a.wait(30), b.returncode), (0, 0), b.stderr)
            self.assertEqual(said["file"], "-")
            self.assertEqual(json.loads(b.stdout)["state"], "complete")
            self.assertHolds(learner, p, src)
            if node:
                node.stop()
        with open("/dev/full", "wb") as full:
            r = subprocess.run(expert.argv("pack", p["course"], "-"),
                               stdout=full, stderr=subprocess.PIPE,
                               env=clean_env(), timeout=60)
        self.assertEqual(r.returncode, 8, r.stderr)
        self.assertIn(b"No space left", r.stderr)
        # With a file behind stdout it stands where the shell put it.
        with open(self.path("by-shell.lyc"), "wb") as f:
            subprocess.run(expert.argv("pack", p["course"], "-"), stdout=f,
                           env=clean_env(), timeout=60, check=True)
        self.assertEqual(
            self.home().json("unpack", self.path("by-shell.lyc"))["state"],
            "complete")

    # A pipe that nobody fills can be left, also when a node waits on it.
    def test_silent_pipe(self):
        for running in False, True:
            home = self.home()
            node = self.node(home) if running else None
            r, w = os.pipe()
            p = subprocess.Popen(home.argv("unpack", "-"), stdin=r,
                                 stderr=subprocess.DEVNULL, env=clean_env())
            time.sleep(1)
            self.assertIsNone(p.poll())
            p.send_signal(signal.SIGINT)
            self.assertEqual(p.wait(10), 130)
            os.close(r)
            os.close(w)
            if node:
                self.assertEqual(node.stop().code, 0)

    # Bad sectors, a cut, other files: exit codes and counts, and the rest of a
    # good copy completes it.
    def test_damaged(self):
        src, expert, p = self.published()
        stick, bad = self.path("course.lyc"), self.path("bad.lyc")
        k = expert.json("pack", p["course"], stick)
        shutil.copyfile(stick, bad)
        with open(bad, "r+b") as f:
            for at in (k["bytes"] // 3, k["bytes"] // 2):
                f.seek(at)
                f.write(b"\0" * 4096)
        learner = self.home()
        g = learner.json("unpack", bad, code=7)
        self.assertGreaterEqual(g["rejected_chunks"], 2)
        self.assertLessEqual(g["missing_chunks"], 4)
        self.assertTrue(g["damaged"])
        g2 = learner.json("unpack", stick)
        self.assertEqual(g2["fetched_chunks"], g["missing_chunks"])
        self.assertHolds(learner, p, src)

        os.truncate(bad, k["bytes"] * 2 // 5)
        learner = self.home()
        g = learner.json("unpack", bad, code=7)
        self.assertGreater(g["fetched_chunks"], 0)
        node = self.node(expert)  # the rest comes from a peer
        g2 = learner.json("get", p["ticket"], "--peer", node.peer)
        self.assertEqual(g2["fetched_chunks"], g["missing_chunks"])
        self.assertHolds(learner, p, src)

        learner.run("unpack", self.path("nothing.lyc"), code=3)
        learner.run("unpack", self.path("course/video.bin"), code=1)
        learner.run("unpack", self.dir, code=2)

    # kill -9, anywhere: what was verified stays, nothing is stored twice.
    def test_kill_unpack(self):
        src, expert, p = self.published(megabytes=64)
        stick, rng = self.path("course.lyc"), random.Random(3)
        k = expert.json("pack", p["course"], stick)
        probe = self.home()
        t = time.monotonic()
        probe.json("unpack", stick)
        span = time.monotonic() - t
        left, reused = ROUNDS, 0
        while left > 0:
            home = self.home()
            for _ in range(4):
                left -= 1
                r = home.start("--json", "unpack", stick)
                time.sleep(rng.uniform(0, span))
                r.kill()
            g = home.json("unpack", stick)
            reused += g["reused_chunks"]
            self.assertEqual(g["state"], "complete")
            self.assertEqual(g["fetched_chunks"] + g["reused_chunks"],
                             k["chunks"])
            stored = sum(os.path.getsize(os.path.join(home.path, "packs", f))
                         for f in os.listdir(os.path.join(home.path, "packs")))
            # at most what was on its way at each kill lies there twice
            self.assertLess(stored, k["bytes"] + 4 * (4 << 20))
            self.assertHolds(home, p, src)
        self.assertGreater(reused, 0)

    def test_interrupt_unpack(self):
        src, expert, p = self.published(megabytes=64)
        stick = self.path("course.lyc")
        k = expert.json("pack", p["course"], stick)
        home, seen = self.home(), 0
        for delay in (0.02, 0.05, 0.08, 0.12):
            r = home.start("--json", "unpack", stick)
            time.sleep(delay)
            r.signal(signal.SIGINT)
            done = r.wait(20)
            self.assertIn(done.code, (0, 130, -signal.SIGINT), done)
            seen += done.code == 130
        g = home.json("unpack", stick)
        self.assertEqual(g["fetched_chunks"] + g["reused_chunks"], k["chunks"])
        self.assertHolds(home, p, src)
        self.assertGreater(seen, 0)

    # A killed pack leaves the name free, or the old file, or the whole new one.
    def test_kill_pack(self):
        _, expert, p = self.published(megabytes=64)
        stick, rng = self.path("stick/course.lyc"), random.Random(4)
        os.mkdir(self.path("stick"))
        t = time.monotonic()
        size = expert.json("pack", p["course"], stick)["bytes"]
        span = time.monotonic() - t
        os.unlink(stick)
        for i in range(ROUNDS):
            if i == ROUNDS // 2:
                self.write("stick/course.lyc", "an old file")
            r = expert.start("-y", "pack", p["course"], stick)
            time.sleep(rng.uniform(0, span))
            r.kill()
            if os.path.exists(stick):
                self.assertIn(os.path.getsize(stick), (size, 11))
            if os.path.exists(stick) and i < ROUNDS // 2:
                os.unlink(stick)
        expert.json("-y", "pack", p["course"], stick)
        self.assertEqual(os.listdir(self.path("stick")), ["course.lyc"])
        self.assertEqual(self.home().json("unpack", stick)["state"], "complete")

    # A stick that is too small is told of before it is full, and stays empty.
    def test_small_stick(self):
        _, expert, p = self.published()
        stick = self.path("stick")
        os.mkdir(stick)
        script = ('mount -t tmpfs -o size=4m none "$1" || exit 99; shift;'
                  ' "$@"; code=$?; ls -A "$0"; exit $code')
        r = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, stick, stick,
             *expert.argv("pack", p["course"], stick + "/course.lyc")],
            capture_output=True, text=True, env=clean_env(), timeout=60)
        if r.returncode in (1, 99) and "error:" not in r.stderr:
            self.skipTest("no mounts here: " + r.stderr.strip())
        self.assertEqual(r.returncode, 8, r.stderr)
        self.assertIn("--since", r.stderr)
        self.assertEqual(r.stdout, "")
