"""Commands that answer questions: what there is of a course, what differs, what
is missing and why."""
from lib import Case, random_bytes


class Answers(Case):
    def course(self, home, *pages):
        """Its editions: page N is in the folder from edition N on."""
        self.src = self.path("course")
        made = []
        for i, page in enumerate(pages, 1):
            self.write(f"course/page{i}.md", page)
            made.append(home.json("publish", self.src))
        return made

    # Every edition that is known, and how much of each is here.
    def test_versions(self):
        expert, learner = self.home("expert"), self.home()
        one, two = self.course(expert, "# One\n", "# Two\n" * 500)
        v = expert.json("info", "course", "--versions")["versions"]
        self.assertEqual([(x["edition"], x["record"], x["state"], x["current"],
                           x["files"], x["bytes"]) for x in v],
                         [(2, two["record"], "complete", True, 2,
                           two["bytes"]),
                          (1, one["record"], "complete", False, 1,
                           one["bytes"])])
        self.assertGreater(v[0]["time_ms"], v[1]["time_ms"])
        self.assertGreater(v[0]["stored_bytes"], v[1]["stored_bytes"])
        node = self.node(expert)
        g = ("get", two["ticket"], "--peer", node.peer)
        learner.json(*g)
        [x] = learner.json("info", two["course"], "--versions")["versions"]
        self.assertEqual((x["edition"], x["state"], x["current"]),
                         (2, "complete", True))
        self.write("course/page3.md", "# Three\n")
        expert.run("publish", self.src)
        learner.json(*g)
        self.write("course/page4.md", "# Four\n")
        expert.run("publish", self.src)
        learner.json(*g)
        learner.run("gc")
        v = learner.json("info", two["course"], "--versions")["versions"]
        self.assertEqual([(x["edition"], x["state"], x["current"]) for x in v],
                         [(4, "complete", True), (3, "listed", False),
                          (2, "listed", False)])
        self.assertEqual(v[2]["stored_bytes"], 0)
        text = learner.run("info", two["course"], "--versions").out
        self.assertRegex(text, r"(?m)^\*    4  20\d\d-\d\d-\d\d \d\d:\d\d")
        self.assertIn("record only", text)
        self.assertIn("\u4ec5\u6709\u8bb0\u5f55", learner.run(
            "info", two["course"], "--versions", "--lang", "zh").out)

    # Two editions compared; what a move fetches is what a learner then fetches.
    def test_diff(self):
        expert, learner = self.home("expert"), self.home()
        self.write("course/clip.mp4", random_bytes(1, 2 << 20))
        one, = self.course(expert, "# One\n")
        node = self.node(expert)
        learner.json("get", one["ticket"], "--peer", node.peer)
        only = expert.run("diff", "course", code=3)
        self.assertIn("try: lyceum info COURSE --versions", only.err)
        self.write("course/page1.md", "# One more\n")
        self.write("course/extra.md", "# Extra\n")
        self.rename("course/clip.mp4", "course/video.mp4")
        expert.run("publish", self.src)
        d = expert.json("diff", "course")
        self.assertEqual((d["v"], d["course"], d["from"], d["to"]),
                         (1, one["course"], 1, 2))
        self.assertEqual(d["added"], [{"path": "extra.md", "bytes": 8}])
        self.assertEqual(d["removed"], [])
        self.assertEqual(d["changed"], [
            {"path": "page1.md", "bytes": 11, "old_bytes": 6}])
        self.assertEqual(d["moved"], [{"from": "clip.mp4", "to": "video.mp4",
                                       "bytes": 2 << 20}])
        learner.run("diff", "course", code=3)
        g = learner.json("get", one["ticket"], "--peer", node.peer)
        self.assertEqual(g["edition"], 2)
        self.assertEqual((g["fetched_chunks"], g["fetched_bytes"]),
                         (d["fetch_chunks"], d["fetch_bytes"]))
        d = learner.json("diff", "course", "2", "1")
        self.assertEqual(d["removed"], [{"path": "extra.md", "bytes": 8}])
        self.assertEqual(learner.json("diff", "course", "2")["fetch_chunks"], 0)
        text = learner.run("diff", "course", "1").out
        for line in ("+ extra.md  8 B", "~ page1.md  11 B (6 B before)",
                     "> clip.mp4 -> video.mp4",
                     "1 added, 0 removed, 1 changed, 1 moved"):
            self.assertIn(line, text)
        learner.run("diff", "course", "7", code=3)
        learner.run("diff", "course", "x", code=2)

    # A list of files that is not here cannot be compared: partial, and said so.
    def test_diff_not_held(self):
        expert, learner = self.home("expert"), self.home()
        *_, last = self.course(expert, "# One\n")
        node = self.node(expert)
        for i in range(3):
            learner.json("get", last["ticket"], "--peer", node.peer)
            self.write(f"course/more{i}.md", f"# {i}\n")
            expert.run("publish", self.src)
        self.assertEqual(len(learner.json("diff", "course")["added"]), 1)
        learner.run("gc")  # which keeps no edition before the newest
        r = learner.run("--json", "diff", "course", "1", "3", code=7)
        self.assertIn("why: only the record of edition 1 is here", r.err)
        learner.run("--json", "diff", "course", code=7)
