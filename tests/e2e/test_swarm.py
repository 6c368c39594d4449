"""Many peers: learners feed each other, liars are found out, names stay local."""
import os
import shutil
import signal
import time

from lib import GARBAGE, Case, random_bytes


class Swarm(Case):
    def course(self, megabytes=12, home=None):
        for i in range(4):
            self.write(f"course/video{i}.mp4",
                       random_bytes(i, megabytes * (1 << 20) // 4))
        self.write("course/README.md", "# Swarm\n")
        home = home or self.home("expert")
        return home, home.json("publish", self.path("course"))

    # Learners find each other through the expert they all know, and the course
    # outlives him.
    def test_learners_find_each_other(self):
        expert, p = self.course()
        source = self.node(expert)
        first = self.home("first")
        first.json("get", p["ticket"], "--peer", source.peer)
        second = self.home("second")
        node1 = self.node(first)
        # first's node knows the expert from its last visit; second knows only
        # the expert, and hears of first from him.
        first.json("peer", "add", source.peer)
        first.json("get", p["course"])
        g = second.json("get", p["ticket"], "--peer", source.peer)
        self.assertEqual(g["state"], "complete")
        source.stop()
        third = self.home("third")
        g = third.json("get", p["ticket"], "--peer", node1.peer)
        self.assertEqual(g["state"], "complete")

    # Thirty learners behind one address are all served.
    def test_thirty_learners_behind_one_address(self):
        expert, p = self.course(megabytes=2)
        source = self.node(expert)
        homes = [self.home() for _ in range(30)]
        runs = [h.start("--json", "get", p["ticket"], "--peer", source.peer,
                        "--to", self.path(f"out{i}"), "--listen",
                        "127.0.0.1:0", "--timeout", "90s")
                for i, h in enumerate(homes)]
        for i, r in enumerate(runs):
            r.wait(180, code=0)
            self.assertSameTree(self.path("course"), self.path(f"out{i}"))

    # Eight of ten peers flip a bit in every chunk: the file is still exact,
    # and each of them is caught by its own bytes.
    def test_garbage_from_eight_of_ten(self):
        if not os.path.exists(GARBAGE):
            self.skipTest("needs the dev build")
        expert, p = self.course(megabytes=8)
        source = self.node(expert)
        peers, bad = [source.peer], []
        for i in range(9):
            h = self.home(f"peer{i}")
            h.json("get", p["ticket"], "--peer", source.peer)
            if i:
                h.binary = GARBAGE
            n = self.node(h)
            peers.append(n.peer)
            if i:
                bad.append(n.key)
        learner = self.home("learner")
        args = [a for q in peers[::-1] for a in ("--peer", q)]
        g = learner.json("get", p["ticket"], *args, "--to", self.path("out"))
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(self.path("course"), self.path("out"))
        for q in g["peers"]:
            self.assertEqual(q["rejected"] > 0, q["node"] in bad, q)
        self.assertGreater(g["rejected_chunks"], 0)
        banned = learner.json("peer", "ls", "--banned")["peers"]
        self.assertLessEqual({b["node"] for b in banned}, set(bad))
        self.assertTrue(banned)

    # A peer that stops in the middle costs a deadline, not the course.
    def test_frozen_seeder(self):
        expert, p = self.course(megabytes=64)
        a = self.node(expert)
        other = self.home("other")
        other.json("get", p["ticket"], "--peer", a.peer)
        b = self.node(other)
        learner = self.home("learner")
        get = learner.start("--json", "get", p["ticket"], "--peer", a.peer,
                            "--peer", b.peer, "--to", self.path("out"))
        time.sleep(0.15)
        a.signal(signal.SIGSTOP)
        self.addCleanup(a.signal, signal.SIGCONT)
        get.wait(60, code=0)
        self.assertSameTree(self.path("course"), self.path("out"))

    # An edition that comes while one is fetched into a folder: the folder holds
    # the one that is reported, whichever it is.
    def test_overtaken(self):
        for i in range(3000):
            self.write(f"course/t/{i}.md", f"# Page {i}\n" * 200)
        self.write("course/README.md", "# Edition 1\n")
        self.write("course/v.bin", random_bytes("v", 48 << 20))
        expert = self.home("expert")
        p = expert.json("publish", self.path("course"))
        node = self.node(expert)
        for delay in (0.05, 0.1, 0.15, 0.2, 0.3):
            learner, out = self.home("learner"), self.path(f"out{delay}")
            get = learner.start("--json", "get", p["ticket"], "--peer", node.peer,
                                "--to", out)
            time.sleep(delay)
            shutil.copytree(self.path("course"), self.path("before"))
            get.signal(signal.SIGSTOP)
            self.write("course/README.md", f"# After {delay}, and longer\n")
            self.write("course/t/7.md", f"{delay}\n" * 300)
            q = expert.json("publish", self.path("course"))
            get.signal(signal.SIGCONT)
            g = get.wait(60, code=0).json
            self.assertIn(g["edition"], (q["edition"], q["edition"] - 1))
            self.assertSameTree(out, self.path("course" if g["edition"] ==
                                               q["edition"] else "before"))
            shutil.rmtree(self.path("before"))

    # A blocked key gets nothing; unblocked it does.
    def test_block(self):
        expert, p = self.course(megabytes=1)
        node = self.node(expert)
        learner = self.home("learner")
        key = learner.json("id")["node"]
        expert.json("peer", "block", key)
        learner.run("get", p["ticket"], "--peer", node.peer, "--timeout", "3s",
                    code=6)
        expert.json("peer", "unblock", key)
        learner.json("get", p["ticket"], "--peer", node.peer)

    # A course that was removed is served to nobody any more, at once.
    def test_removed(self):
        expert, p = self.course(megabytes=1)
        node = self.node(expert)
        for i in range(2):
            learner = self.home(f"learner{i}")
            if i == 0:
                learner.json("get", p["ticket"], "--peer", node.peer)
                expert.run("rm", p["course"], "-y")
            else:
                learner.run("get", p["ticket"], "--peer", node.peer,
                            "--timeout", "3s", code=6)

    # Bans that are over do not stay in the home; those that last do.
    def test_old_bans(self):
        home = self.home("node")
        now = int(time.time() * 1000)
        with open(os.path.join(home.path, "choices"), "a") as f:
            for i in range(5000):
                until = now + 3600000 if i % 1000 == 0 else now - i
                f.write(f"block\t{i:064x}\t{until}\tscore\n")
        node = self.node(home)
        banned = home.json("peer", "ls", "--banned")["peers"]
        node.stop()
        self.assertEqual(len(banned), 5)
        with open(os.path.join(home.path, "choices")) as f:
            self.assertEqual(sum(line.startswith("block") for line in f), 5)

    # Nobody there: exit 6 within the time-out, with the three lines.
    def test_nobody_there(self):
        _, p = self.course(megabytes=1)
        learner = self.home("learner")
        t = time.monotonic()
        r = learner.run("get", p["ticket"], "--peer",
                        "127.0.0.1:1@" + "07" * 32, "--timeout", "8s", code=6)
        self.assertLess(time.monotonic() - t, 15)
        for word in ("error:", "why:", "try:"):
            self.assertIn(word, r.err)
