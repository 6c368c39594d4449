"""A course moves from edition to edition: what changed moves, the rest stays."""
import os
import random
import shutil
import signal
import tempfile
import time
import unittest

from lib import Case, packed, random_bytes, walk


class Update(Case):
    """An expert's folder, edited; a learner's folder that follows it."""

    def setUp(self):
        super().setUp()
        self.expert = self.home("expert")
        self.make("a", "README.md", "# Course\n\nHello\n")
        for i in range(40):
            self.make("a", f"text/{i:02}.md", f"lesson {i}\n" * (20 + i))
        self.make("a", "run.sh", "#!/bin/sh\necho one\n")
        os.chmod(self.path("a", "run.sh"), 0o755)
        self.big = random_bytes("big", 3 << 20)
        self.make("a", "video/one.bin", self.big)
        self.make("a", "video/two.bin", random_bytes("two", 2 << 20))
        self.make("a", "gone/old.bin", random_bytes("old", 2 << 20))
        self.make("a", "gone/deep/old.md", "old\n")
        self.course = self.publish()["course"]

    def make(self, top, name, data):
        return self.write(os.path.join(top, name), data)

    def publish(self):
        return self.expert.json("publish", self.path("a"))

    def serve(self):
        return self.node(self.expert)

    def edit(self):
        """The next edition: one of each kind of change."""
        shutil.rmtree(self.path("a", "gone"))
        self.make("a", "text/05.md", "lesson five, better\n" * 30)
        self.make("a", "new/page.md", "new\n")
        self.make("a", "video/one.bin",
                  self.big[:1 << 20] + b"inserted" * 9 + self.big[1 << 20:])
        self.make("a", "run.sh", "#!/bin/sh\necho two\n")
        os.makedirs(self.path("a", "empty"), exist_ok=True)
        return self.publish()

    def get(self, learner, *args, node, **kw):
        return learner.json("get", self.course, *args, "--peer", node.peer, **kw)

    def learner_at_one(self, ticket=None):
        node = self.serve()
        learner = self.home("learner")
        t = self.expert.json("ticket", self.course)["ticket"]
        learner.json("get", t, "--peer", node.peer, "--to", self.path("out"))
        node.stop()
        return learner

    def test_only_what_changed(self):
        learner = self.learner_at_one()
        out = self.path("out")
        before = {f: os.stat(os.path.join(out, f)) for f in walk(out)
                  if not f.endswith("/")}
        p = self.edit()
        node = self.serve()
        check = learner.json("update", self.course, "--check", "--peer",
                             node.peer)
        self.assertEqual(check["edition"], 2)
        self.assertSameTree(out, out)  # a check writes nothing
        self.assertTrue(os.path.exists(os.path.join(out, "gone/old.bin")))
        g = learner.json("update", self.course, "--peer", node.peer)
        self.assertEqual(g["state"], "complete")
        self.assertEqual(g["edition"], 2)
        self.assertSameTree(self.path("a"), out)
        self.assertEqual(g["fetched_chunks"], check["fetch_chunks"])
        self.assertEqual(g["fetched_bytes"], check["fetch_bytes"])
        self.assertLess(g["fetched_bytes"], 700 << 10)
        self.assertGreater(g["fetched_bytes"], 0)
        self.assertEqual(g["edited"], [])
        for f in ("text/04.md", "video/two.bin", "README.md"):
            now = os.stat(os.path.join(out, f))
            self.assertEqual((now.st_ino, now.st_mtime_ns),
                             (before[f].st_ino, before[f].st_mtime_ns), f)
        self.assertTrue(os.access(os.path.join(out, "run.sh"), os.X_OK))
        self.assertTrue(learner.json("verify", "--all")["ok"])
        self.assertEqual(p["edition"], 2)
        # Nothing new: nothing is done; and the learner serves what it has.
        self.assertEqual(
            learner.json("update", "--peer", node.peer)["courses"][0]
            ["fetched_chunks"], 0)
        node.stop()
        seeder = self.node(learner)
        other = self.home("other")
        other.json("get", self.expert.json("ticket", self.course)["ticket"],
                   "--peer", seeder.peer, "--to", self.path("out2"))
        self.assertSameTree(self.path("a"), self.path("out2"))

    # What moves is told before it starts, and is what has moved afterwards.
    def test_plan(self):
        learner = self.learner_at_one()
        self.edit()
        node = self.serve()
        r = learner.run("--progress=json", "--json", "update", self.course,
                        "--peer", node.peer)
        plans = [e for e in map(__import__("json").loads, r.err.splitlines())
                 if e["event"] == "plan" and e["edition"] == 2]
        self.assertEqual(len(plans), 1)
        self.assertEqual(plans[0]["fetch_chunks"], r.json["fetched_chunks"])
        self.assertEqual(plans[0]["fetch_bytes"], r.json["fetched_bytes"])

    # One copy: the folder holds what changed hands, not the packs as well.
    def test_one_copy(self):
        learner = self.learner_at_one()
        self.edit()
        node = self.serve()
        learner.json("update", self.course, "--peer", node.peer)
        learner.json("gc")
        stored = sum(os.path.getsize(os.path.join(learner.path, "packs", f))
                     for f in os.listdir(os.path.join(learner.path, "packs")))
        self.assertLess(stored, 1 << 20)
        self.assertTrue(learner.json("verify", "--all")["ok"])
        self.assertEqual(os.listdir(os.path.join(learner.path, "partial")), [])

    def test_what_the_user_changed(self):
        learner = self.learner_at_one()
        out = self.path("out")
        mine = {"text/05.md": "mine\n", "video/one.bin": "mine, too\n",
                "gone/deep/old.md": "still mine\n", "text/06.md": "my notes\n"}
        for f, data in mine.items():
            self.write(os.path.join("out", f), data)
        self.write("out/own.txt", "own\n")
        self.edit()
        node = self.serve()
        g = learner.json("update", self.course, "--peer", node.peer, code=10)
        self.assertEqual(g["state"], "complete")
        kept = {k["path"]: k["new"] for k in g["edited"]}
        self.assertEqual(kept, {"text/05.md": "text/05.md.edition-2",
                                "video/one.bin": "video/one.bin.edition-2",
                                "gone/deep/old.md": None})
        for f, data in mine.items():
            with open(os.path.join(out, f)) as h:
                self.assertEqual(h.read(), data)
        for f in ("text/05.md", "video/one.bin"):
            with open(os.path.join(out, f + ".edition-2"), "rb") as h, \
                    open(self.path("a", f), "rb") as w:
                self.assertEqual(h.read(), w.read())
        self.assertTrue(os.path.exists(os.path.join(out, "own.txt")))
        self.assertFalse(os.path.exists(os.path.join(out, "gone/old.bin")))
        # Said once: the same edition again has nothing to add.
        learner.json("update", self.course, "--peer", node.peer)
        v = learner.json("verify", self.course)
        self.assertTrue(v["ok"])
        self.assertLessEqual({"text/05.md", "text/06.md", "video/one.bin"},
                             {e["path"] for e in v["edited"]})
        # The next edition does not touch them either.
        node.stop()
        self.make("a", "README.md", "# Course\n\nThree\n")
        self.publish()
        node = self.serve()
        self.assertEqual(learner.json("update", self.course, "--peer",
                                      node.peer)["edited"], [])

    # The folder on another file system than the home.
    @unittest.skipUnless(os.access("/dev/shm", os.W_OK), "no /dev/shm")
    def test_other_file_system(self):
        out = tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(shutil.rmtree, out)
        os.symlink(out, self.path("out"))
        learner = self.learner_at_one()
        self.write("out/text/05.md", "mine\n")
        self.edit()
        node = self.serve()
        g = learner.json("update", self.course, "--peer", node.peer, code=10)
        self.assertEqual([k["path"] for k in g["edited"]], ["text/05.md"])
        os.replace(os.path.join(out, "text/05.md.edition-2"),
                   os.path.join(out, "text/05.md"))
        self.assertSameTree(self.path("a"), out)
        learner.json("rollback", self.course)
        self.assertTrue(os.path.exists(os.path.join(out, "gone/old.bin")))

    # A foreign folder is left alone, whatever edition comes.
    def test_foreign_folder(self):
        node = self.serve()
        learner = self.home("learner")
        self.write("out/text/05.md", "not of this course\n")
        learner.run("get", self.expert.json("ticket", self.course)["ticket"],
                    "--peer", node.peer, "--to", self.path("out"), code=10)
        self.assertEqual(walk(self.path("out")), ["text/05.md"])

    def test_rollback(self):
        learner = self.learner_at_one()
        shutil.copytree(self.path("a"), self.path("one"))
        self.edit()
        node = self.serve()
        learner.json("update", self.course, "--peer", node.peer)
        r = learner.json("rollback", self.course)
        self.assertEqual((r["edition"], r["from"]), (1, 2))
        self.assertSameTree(self.path("one"), self.path("out"))
        self.assertEqual(learner.json("ls")["courses"][0]["edition"], 1)
        self.assertTrue(learner.json("verify", "--all")["ok"])
        learner.json("export", self.course, self.path("exported"))
        self.assertSameTree(self.path("one"), self.path("exported"))
        learner.run("rollback", self.course, code=3)
        learner.run("rollback", self.course, "7", code=3)
        learner.run("rollback", self.course, "x", code=2)
        # Forward again: nothing has to be fetched twice.
        g = learner.json("update", self.course, "--peer", node.peer)
        self.assertEqual((g["edition"], g["fetched_chunks"]), (2, 0))
        self.assertSameTree(self.path("a"), self.path("out"))
        # A gc keeps what is shown, and an older edition only where it is.
        learner.json("gc")
        learner.run("rollback", self.course, code=7)
        self.assertSameTree(self.path("a"), self.path("out"))

    # An update that does not end leaves the edition that was gone back to.
    def test_stopped(self):
        learner = self.learner_at_one()
        self.edit()
        node = self.serve()
        learner.json("update", self.course, "--peer", node.peer)
        learner.json("rollback", self.course)
        node.stop()
        self.make("a", "big.bin", random_bytes(3, 200 << 20))
        self.publish()
        node = self.serve()
        p = learner.start("update", self.course, "--peer", node.peer)
        while p.p.poll() is None and packed(learner, "partial") < 4 << 20:
            time.sleep(0.005)
        p.signal(signal.SIGINT)
        self.assertEqual(p.wait().code, 130)
        self.assertEqual(learner.json("ls")["courses"][0]["edition"], 1)
        self.assertEqual(learner.json("update", self.course, "--peer",
                                      node.peer)["edition"], 3)
        self.assertEqual(learner.json("ls")["courses"][0]["edition"], 3)

    # A home without a folder: update and rollback are about the home.
    def test_without_a_folder(self):
        node = self.serve()
        learner = self.home("learner")
        t = self.expert.json("ticket", self.course)["ticket"]
        learner.json("get", t, "--peer", node.peer)
        node.stop()
        self.edit()
        node = self.serve()
        self.assertEqual(learner.json("update", "--peer", node.peer)
                         ["courses"][0]["edition"], 2)
        learner.json("rollback", self.course, "1")
        learner.json("export", self.course, self.path("out"))
        self.assertTrue(os.path.exists(self.path("out/gone/old.bin")))

    # A file that went away comes back, as often as it is asked for, while the
    # node that has known it whole runs on.
    def test_lost_file(self):
        node, learner = self.serve(), self.home("learner")
        self.node(learner)
        ticket = self.expert.json("ticket", self.course)["ticket"]
        get = ["get", ticket, "--peer", node.peer, "--to", self.path("out"),
               "--timeout", "20s"]
        for _ in range(3):
            self.assertEqual(learner.json(*get)["state"], "complete")
            self.assertSameTree(self.path("a"), self.path("out"))
            os.unlink(self.path("out", "video/one.bin"))

    # Many editions in a row, each against the folder that publishes it.
    def test_ten_editions(self):
        learner = self.learner_at_one()
        rng = random.Random(7)
        for edition in range(2, 11):
            for _ in range(3):
                self.make("a", f"text/{rng.randrange(60):02}.md",
                          f"{rng.random()}\n" * rng.randrange(1, 400))
            names = sorted(os.listdir(self.path("a", "text")))
            os.unlink(self.path("a", "text", rng.choice(names)))
            at = rng.randrange(len(self.big))
            self.big = self.big[:at] + rng.randbytes(99) + self.big[at + 50:]
            self.make("a", "video/one.bin", self.big)
            self.assertEqual(self.publish()["edition"], edition)
            node = self.serve()
            g = learner.json("update", self.course, "--peer", node.peer)
            node.stop()
            self.assertEqual(g["edition"], edition)
            self.assertSameTree(self.path("a"), self.path("out"))
            self.assertLess(g["fetched_bytes"], 1 << 20)
        learner.json("gc")
        self.assertTrue(learner.json("verify", "--all")["ok"])

    # Killed anywhere: the next run ends with the folder as it should be, and no
    # file of the user's is taken for ours.
    def test_killed(self):
        rng = random.Random(11)
        learner = self.learner_at_one()
        self.write("out/text/07.md", "mine\n")
        editions = [self.path("a")]
        for k in range(6):
            shutil.copytree(editions[-1], self.path(f"e{k}"))
            editions.append(self.path(f"e{k}"))
            self.make("a", "text/05.md", f"{k}\n" * 999)
            self.make("a", "text/99.md", f"{k}\n")
            self.big = self.big[:k << 18] + rng.randbytes(5) + \
                self.big[k << 18:]
            self.make("a", "video/one.bin", self.big)
            shutil.copy(self.path("a", "video/two.bin"),
                        self.path("a", f"video/{k}.bin"))
            self.publish()
            node = self.serve()
            for _ in range(5):
                p = learner.start("update", self.course, "--peer", node.peer)
                time.sleep(rng.random() * 0.25)
                p.signal(signal.SIGKILL)
                p.wait()
            g = learner.json("update", self.course, "--peer", node.peer)
            node.stop()
            self.assertEqual(g["edited"], [])
            with open(self.path("out", "text/07.md")) as f:
                self.assertEqual(f.read(), "mine\n")
            shutil.copy(self.path("a", "text/07.md"), self.path("keep"))
            shutil.copy(self.path("out", "text/07.md"),
                        self.path("a", "text/07.md"))
            self.assertSameTree(self.path("a"), self.path("out"))
            shutil.copy(self.path("keep"), self.path("a", "text/07.md"))
        self.assertTrue(learner.json("verify", "--all")["ok"])
        # What editions that were overtaken have left goes.
        learner.json("gc")
        self.assertEqual(os.listdir(os.path.join(learner.path, "partial")), [])
        self.assertTrue(learner.json("verify", "--all")["ok"])


if __name__ == "__main__":
    unittest.main()
