"""kill -9 at random instants, 200 times: nothing acknowledged is lost, nothing
that came is fetched again but what was in flight, nothing needs a hand."""
import os
import random
import time

from lib import Case, random_bytes

ROUNDS = int(os.environ.get("LYCEUM_KILL_ROUNDS", "200"))


def written(pid):
    """Bytes that the process has given to write calls."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as f:
            return int(f.read().split("wchar:")[1].split()[0])
    except (OSError, IndexError):
        return 0


class Kill(Case):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(7)

    def course(self):
        for i in range(3):
            self.write(f"course/video{i}.bin", random_bytes(i, 16 << 20))
        for i in range(300):
            self.write(f"course/text/{i:03}.md", f"# Lesson {i}\n" * 40)
        return self.path("course")

    def killed(self, home, seconds, *args):
        """Start a command, kill it somewhere in its first `seconds`."""
        p = home.start(*args)
        time.sleep(self.rng.uniform(0, seconds))
        finished = p.p.poll() is not None
        p.kill()
        return finished

    def how_long(self, home, *args):
        t = time.monotonic()
        home.json(*args)
        return time.monotonic() - t

    def test_publish(self):
        src, home = self.course(), self.home("expert")
        span = self.how_long(home, "publish", src)
        home = self.home("expert")
        for i in range(ROUNDS * 2 // 5):
            self.write("course/text/000.md", f"round {i}\n" * 50)
            self.write("course/extra.bin", random_bytes(f"x{i}", 2 << 20))
            self.killed(home, span, "--json", "publish", src)
            if i % 5 == 4:
                v = home.json("verify", "--all")
                self.assertTrue(v["ok"])
        p = home.json("publish", src)
        courses = home.json("ls")["courses"]
        self.assertEqual([c["course"] for c in courses], [p["course"]])
        home.json("export", p["course"], self.path("out"))
        self.assertSameTree(src, self.path("out"))

    def test_get(self):
        src, expert = self.course(), self.home("expert")
        p = expert.json("publish", src)
        node = self.node(expert)
        probe = self.home("probe")
        span = self.how_long(probe, "get", p["ticket"], "--peer", node.peer,
                             "--to", self.path("probe"))
        total = probe.json("verify", "--all")["chunks"]
        left, home, out = ROUNDS * 2 // 5, None, None
        while left > 0:
            home, out = self.home("learner"), self.path(f"out{left}")
            for _ in range(4):
                left -= 1
                if self.killed(home, span, "--json", "get", p["ticket"],
                               "--peer", node.peer, "--to", out):
                    break
            g = home.json("get", p["ticket"], "--peer", node.peer, "--to", out)
            self.assertEqual(g["state"], "complete")
            self.assertSameTree(src, out)
            self.assertLessEqual(g["fetched_chunks"], total)
        self.assertTrue(home.json("verify", "--all")["ok"])

    # What a killed get had stored is not asked for again.
    def test_get_resumes(self):
        self.write("course/big.bin", random_bytes(1, 192 << 20))
        expert = self.home("expert")
        p = expert.json("publish", self.path("course"))
        node = self.node(expert)
        home, out = self.home("learner"), self.path("out")
        get = home.start("--json", "get", p["ticket"], "--peer", node.peer,
                         "--to", out)
        end = time.monotonic() + 20
        while time.monotonic() < end and get.p.poll() is None:
            if written(get.p.pid) > 64 << 20:
                break
            time.sleep(0.002)
        get.kill()
        g = home.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        self.assertSameTree(self.path("course"), out)
        self.assertGreater(g["reused_chunks"], 0)
        # in flight and not yet acknowledged: at most the windows
        self.assertLess(g["fetched_bytes"], p["stored_bytes"] - (24 << 20))

    def test_gc(self):
        home = self.home("expert")
        for i in range(ROUNDS // 5):
            self.write("keep/a.bin", random_bytes("keep", 4 << 20))
            self.write("drop/b.bin", random_bytes(f"drop{i}", 8 << 20))
            keep = home.json("publish", self.path("keep"))
            drop = home.json("publish", self.path("drop"))
            home.json("-y", "rm", drop["course"])
            self.killed(home, 0.08, "--json", "gc")
            self.assertTrue(home.json("verify", keep["course"])["ok"])
        home.json("gc")
        home.json("export", keep["course"], self.path("out"))
        self.assertSameTree(self.path("keep"), self.path("out"))
