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
                         [(4, "complete", True), (3, "complete", False),
                          (2, "listed", False)])
        self.assertEqual(v[2]["stored_bytes"], 0)
        text = learner.run("info", two["course"], "--versions").out
        self.assertRegex(text, r"(?m)^\*    4  20\d\d-\d\d-\d\d \d\d:\d\d")
        self.assertIn("record only", text)
        self.assertIn("\u4ec5\u6709\u8bb0\u5f55", learner.run(
            "info", two["course"], "--versions", "--lang", "zh").out)
