"""kill -9 at random instants of update, rollback, unpack and backup, 300 times:
the next run ends what the last began, and nobody's work is lost."""
import os
import random
import shutil
import time

from lib import Case, random_bytes, walk

ROUNDS = int(os.environ.get("LYCEUM_KILL_ROUNDS", "300"))
KILLS = 6  # of one command, before it may end


class KillMoves(Case):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(11)
        self.killed = 0

    def kill(self, home, span, *args):
        """Start a command, kill it somewhere in `span` seconds."""
        p = home.start("--json", *args)
        time.sleep(self.rng.uniform(0, span))
        self.killed += p.p.poll() is None
        p.kill()

    def edit(self, e):
        """What edition `e` differs in: a little of a large file, a text, a file
        that comes and one that goes."""
        if e == 1:
            for i in range(3):
                self.write(f"course/video{i}.bin", random_bytes(i, 6 << 20))
            for i in range(60):
                self.write(f"course/text/{i:03}.md", f"# Lesson {i}\n" * 40)
            return
        with open(self.path("course", f"video{e % 3}.bin"), "r+b") as f:
            f.seek(self.rng.randrange(5 << 20))
            f.write(random_bytes(f"edit{e}", 100000))
        self.write(f"course/text/{e % 60:03}.md", f"# Edition {e}\n")
        self.write(f"course/new/{e}.md", f"# New in {e}\n" * 99)
        if e > 2:
            os.remove(self.path("course", f"new/{e - 1}.md"))

    def publish(self, expert, e):
        self.edit(e)
        p = expert.json("publish", self.path("course"))
        self.assertEqual(p["edition"], e)
        shutil.copytree(self.path("course"), self.path(f"edition{e}"))
        return p

    def timed(self, home, *args):
        t = time.monotonic()
        home.json(*args)
        return time.monotonic() - t

    def assertLies(self, edition, out):
        """The folder is that edition; my own file and my edit are mine."""
        beside = [f for f in os.listdir(out + "/text") if f[:6] == "059.md"]
        self.assertSameTree(self.path(f"edition{edition}"), out,
                            ignore=("mine.txt", *beside))
        for name, text in (("mine.txt", "mine"), ("text/059.md", "my notes")):
            with open(os.path.join(out, name), encoding="utf-8") as f:
                self.assertEqual(f.read(), text)

    def ended(self, home, *args):
        """After kills the folder may be at the edition already: then my edit is
        told of, once more."""
        r = home.run("--json", *args, code=None)
        if r.code != 0:
            self.assertEqual((r.code, [f["path"] for f in r.json["edited"]]),
                             (10, ["text/059.md"]), str(r))
        return r.json

    def learner(self, expert, p, out):
        home = self.home()
        node = self.node(expert)
        home.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        self.write("out/mine.txt", "mine")
        self.write("out/text/059.md", "my notes")
        return home, node

    def test_update_and_rollback(self):
        expert, out = self.home("expert"), self.path("out")
        p = self.publish(expert, 1)
        home, node = self.learner(expert, p, out)
        update = ["update", p["course"], "--peer", node.peer]
        self.publish(expert, 2)
        span = self.timed(home, *update)
        back = self.timed(home, "rollback", p["course"], "1")
        self.assertLies(1, out)
        home.json(*update)
        e = 2
        while self.killed < ROUNDS * 2 // 3 and e < 60:
            e += 1
            self.publish(expert, e)
            for _ in range(KILLS):
                self.kill(home, span, *update)
            u = self.ended(home, *update)
            self.assertEqual((u["edition"], u["state"]), (e, "complete"))
            self.assertLess(u["fetched_bytes"], 6 << 20)
            self.assertLies(e, out)
            for _ in range(KILLS):
                self.kill(home, back, "rollback", p["course"], str(e - 1))
            r = self.ended(home, "rollback", p["course"], str(e - 1))
            self.assertEqual(r["edition"], e - 1)
            self.assertLies(e - 1, out)
            self.ended(home, *update)
            self.assertLies(e, out)
        self.assertGreaterEqual(self.killed, ROUNDS * 2 // 3)
        v = home.json("verify", "--all")
        self.assertTrue(v["ok"])
        self.assertEqual([f for f in walk(out) if "lyceum" in f], [])

    def test_unpack(self):
        expert, file = self.home("expert"), self.path("course.lyc")
        p = self.publish(expert, 1)
        expert.json("pack", p["course"], file)
        span = self.timed(self.home(), "unpack", file)
        while self.killed < ROUNDS // 5:
            home = self.home()
            for _ in range(KILLS):
                self.kill(home, span, "unpack", file)
            u = home.json("unpack", file)
            self.assertEqual(u["state"], "complete")
            self.assertTrue(home.json("verify", "--all")["ok"])
            home.json("export", p["course"], self.path(f"out{self.homes}"))
            self.assertSameTree(self.path("course"),
                                self.path(f"out{self.homes}"))

    # The old backup or the new one, each whole; no litter beside it.
    def test_backup(self):
        home, file = self.home("expert"), self.path("b", "lyceum.backup")
        os.makedirs(self.path("b"))
        p = self.publish(home, 1)
        env = {"LYCEUM_PASSPHRASE_FILE": self.write("secret", "horse\n")}
        span = 2 * self.timed_backup(home, file, env)
        while self.killed < ROUNDS * 2 // 15:
            for _ in range(KILLS):
                k = home.start("--json", "-y", "backup", file, **env)
                time.sleep(self.rng.uniform(0, span))
                self.killed += k.p.poll() is None
                k.kill()
            back = self.home()
            back.json("restore", file, **env)
            self.assertEqual([c["course"] for c in back.json("ls")["courses"]],
                             [p["course"]])
        home.json("-y", "backup", file, **env)
        self.assertEqual(os.listdir(self.path("b")), ["lyceum.backup"])

    def timed_backup(self, home, file, env):
        t = time.monotonic()
        home.json("backup", file, **env)
        return time.monotonic() - t
