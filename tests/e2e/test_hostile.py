"""Courses that an author signed to do harm, served by a real node; and peers that
ask a real node for too much."""
import json
import os
import subprocess
import time

from lib import GREEDY, HOSTILE, LYCEUM_ASAN, Case, random_bytes, walk

ESC, RLO, NFD = "\x1b", "\u202e", "e\u0301"
PATHS = ["../escape.bin", "/tmp/lyceum-escape.bin", "a/../../escape.bin", "a//b",
         "./a.bin", ".", "..", "a/", ".git/config", ".GIT/hooks/post-checkout",
         f"red{ESC}[31m.bin", f"nib.{RLO}dne", f"{NFD}.bin", "new\nline.bin",
         "back\\slash.bin", "n" * 256, "d/" * 65 + "deep.bin",
         "README.md/inside.bin"]


class Hostile(Case):
    def served(self, **env):
        self.write("c/README.md", "# Harmless\n" * 4000)
        self.write("c/evil.bin", random_bytes("evil", 3 << 20))
        expert = self.home("expert", HOSTILE, **env)
        p = expert.json("publish", self.path("c"))
        return p, self.node(expert)

    def outside(self):
        """All that is neither in a home nor in a target."""
        return [f for f in walk(self.dir) if not f.startswith("home")]

    # The learner says no in words, writes nothing, and lives.
    def test_paths(self):
        for path in PATHS:
            with self.subTest(path=path):
                self.setUp()
                p, node = self.served(LYCEUM_HOSTILE_PATH=path)
                learner = self.home("learner", LYCEUM_ASAN)
                before = self.outside()
                r = learner.run("get", p["ticket"], "--peer", node.peer, "--to",
                                self.path("out/target"), code=None)
                self.assertEqual(r.code, 1, r)
                self.assertIn("breaks the rules", r.err)
                self.assertNotIn(ESC, r.err)
                self.assertEqual(set(self.outside()) - set(before),
                                 {"out/target/"} & set(self.outside()))
                self.assertFalse(os.path.exists("/tmp/lyceum-escape.bin"))
                learner.json("status")
                r = learner.run("export", p["course"], self.path("out2"), code=None)
                self.assertNotEqual(r.code, 0)
                node.stop()

    # A frame that unpacks to more than was signed: nothing of it is written, and
    # the memory stays small.
    def test_bomb(self):
        p, node = self.served(LYCEUM_HOSTILE_BOMB="1")
        learner = self.home("learner")
        argv = learner.argv("get", p["ticket"], "--peer", node.peer, "--to",
                            self.path("out"), "--timeout", "5s")
        r = subprocess.run(["/usr/bin/python3", "-c", MEASURE, *argv],
                           capture_output=True, text=True, timeout=60)
        code, peak_kib = r.stdout.split()[-2:]
        self.assertNotIn(int(code), (0, 4, -6, -11), r.stderr)
        self.assertIn("why:", r.stderr)
        self.assertLess(int(peak_kib), 100 << 10)
        self.assertFalse(os.path.exists(self.path("out/README.md")))
        learner.json("status")


class Greedy(Case):
    def memory(self, node):
        with open(f"/proc/{node.p.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    # Two that ask for every chunk 1,000 times, or for 1,024 that nobody has and
    # then for real ones: others are served as ever, and the node stays small.
    def test_asks_for_too_much(self):
        self.write("c/v.bin", random_bytes("v", 32 << 20))
        expert = self.home("expert")
        p = expert.json("publish", self.path("c"))
        node = self.node(expert)
        args = "get", p["ticket"], "--peer", node.peer
        for how in "again", "strange":
            with self.subTest(how):
                before = self.memory(node)
                greedy = [self.home("greedy", GREEDY).start(
                    "--json", *args, LYCEUM_GREEDY=how) for _ in range(2)]
                honest, peak = self.home("honest"), before
                end = time.monotonic() + 2
                while time.monotonic() < end:
                    t = time.monotonic()
                    g = honest.json(*args, "--to", self.path("out-" + how))
                    self.assertEqual(g["state"], "complete")
                    self.assertLess(time.monotonic() - t, 5)
                    peak = max(peak, self.memory(node))
                self.assertLess(peak - before, 64 << 20)
                for g in greedy:
                    self.assertIsNone(g.p.poll(), how)  # still at it
                    g.signal()
                    r = g.wait(20, code=130)
                    if how == "strange":  # the real ones behind were served
                        self.assertGreater(
                            json.loads(r.out)["fetched_chunks"], 0)
        self.assertIsNone(node.p.poll())
        self.assertEqual(node.stop().code, 0)


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
