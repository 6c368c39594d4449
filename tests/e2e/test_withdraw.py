"""An author withdraws a course or an edition: who does not have it is told, who
has it keeps it."""
import os
import time

from lib import LYCEUM_ASAN, Case

REASON = "the commands in lesson 3 delete files"


class Withdraw(Case):
    def setUp(self):
        super().setUp()
        self.expert = self.home("expert", LYCEUM_ASAN)
        self.src = self.path("course")
        self.write("course/README.md", "# Course\n")
        self.one = self.edition("# One\n")

    def edition(self, text):
        self.write("course/lesson.md", text)
        return self.expert.json("publish", self.src)

    def get(self, home, node, code=0, *more):
        r = home.run("--json", "get", self.one["ticket"], "--peer", node.peer,
                     *more, code=code)
        return r.json if code == 0 else r

    def refused(self, home, *nodes):
        peers = [w for n in nodes for w in ("--peer", n.peer)]
        r = home.run("get", self.one["ticket"], *peers, code=11)
        self.assertIn(f"why: withdrawn by its author: {REASON}\n", r.err)
        self.assertIn("\ntry: ", r.err)

    def withdraw(self, what=None):
        return self.expert.json("withdraw", what or self.one["course"],
                                "--reason", REASON)

    def withdrawn(self, home):
        [c] = home.json("ls")["courses"]
        return c["withdrawn"]

    # Refused to who comes later, also by those who have it; kept by them; gone
    # neither by rm nor with the index; offered again by the next edition.
    def test_course(self):
        early, late = self.home(binary=LYCEUM_ASAN), \
            self.home(binary=LYCEUM_ASAN)
        node = self.node(self.expert)
        self.get(early, node)
        w = self.withdraw()
        self.assertEqual((w["v"], w["course"], w["edition"], w["whole"],
                          w["unchanged"], w["reason"]),
                         (1, self.one["course"], 1, True, False, REASON))
        r = self.expert.json("record", "show", w["record"])
        self.assertEqual((r["type"], r["reason"], r["seq"]),
                         ("revocation", REASON, 1))
        self.assertTrue(self.withdraw()["unchanged"])
        self.refused(late, node)
        g = self.get(early, node)
        self.assertEqual((g["state"], g["fetched_chunks"]), ("complete", 0))
        self.assertTrue(self.withdrawn(early))
        early.json("export", "course", self.path("kept"))
        self.assertSameTree(self.src, self.path("kept"))
        self.assertIn(f"withdrawn by its author: {REASON}",
                      early.run("info", "course").out)
        self.assertIn("(withdrawn)", early.run("ls").out)
        node.stop()
        early.run("gc")
        self.assertTrue(early.json("verify", "course")["ok"])
        other = self.node(early)
        fresh = self.home()
        self.refused(fresh, other)
        self.refused(late, other)
        late.run("rm", "-y", self.one["course"])
        os.unlink(late.path + "/index.db")
        self.refused(late, other)
        other.stop()
        late.run("get", self.one["ticket"], "--timeout", "1s", code=11)
        # Unchanged files are a new edition: that is how it is offered again.
        again = self.edition("# One\n")
        self.assertEqual(again["edition"], 2)
        node = self.node(self.expert)
        self.assertEqual(self.get(late, node)["edition"], 2)
        self.assertFalse(self.withdrawn(late))

    # One edition: who comes later is given the one before it, and told.
    def test_edition(self):
        early, late = self.home(), self.home(binary=LYCEUM_ASAN)
        self.edition("# Two, with a mistake\n")
        node = self.node(self.expert)
        self.assertEqual(self.get(early, node)["edition"], 2)
        w = self.withdraw(self.one["course"] + "@2")
        self.assertEqual((w["edition"], w["whole"]), (2, False))
        self.assertTrue(self.withdraw("course@2")["unchanged"])
        g = self.get(late, node)
        self.assertEqual((g["edition"], g["state"], g["withdrawn_edition"],
                          g["withdrawn_reason"]), (1, "complete", 2, REASON))
        [c] = late.json("ls")["courses"]
        self.assertEqual((c["edition"], c["state"], c["withdrawn"]),
                         (1, "complete", False))
        self.assertEqual(self.get(early, node)["edition"], 2)
        self.assertTrue(self.withdrawn(early))
        v = self.expert.json("info", "course", "--versions")["versions"]
        self.assertEqual([(x["edition"], x["withdrawn"]) for x in v],
                         [(2, True), (1, False)])
        # The learner of edition 1 serves it on.
        node.stop()
        other = self.node(late)
        self.assertEqual(self.get(self.home(), other)["edition"], 1)
        other.stop()
        self.edition("# Three\n")
        node = self.node(self.expert)
        self.assertEqual(self.get(early, node)["edition"], 3)
        self.assertEqual(self.get(late, node)["edition"], 3)

    # A node that is connected hears of it at once, and stops offering.
    def test_told_at_once(self):
        learner = self.home()
        node, other = self.node(self.expert), self.node(learner)
        self.get(learner, node)
        self.assertFalse(self.withdrawn(learner))
        self.withdraw()
        end = time.monotonic() + 10
        while not self.withdrawn(learner):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        node.stop()
        self.refused(self.home(), other)

    # Who pins it goes on offering its record; a node that knows better refuses.
    def test_pinned(self):
        early, late = self.home(), self.home()
        node = self.node(self.expert)
        self.get(early, node)
        self.withdraw()
        self.get(early, node)
        node.stop()
        other = self.node(early)
        self.refused(late, other)
        late.run("record", "show", self.one["record"], code=3)
        early.run("pin", "course")
        self.refused(late, other)
        late.run("record", "show", self.one["record"])

    # Only its author, only what there is, never without a reason.
    def test_wrong_hands(self):
        other = self.home("other")
        node = self.node(self.expert)
        self.get(other, node)
        r = other.run("withdraw", "course", "--reason", "mine", code=11)
        self.assertIn("try: only its author withdraws it", r.err)
        nobody = self.home()
        self.get(nobody, node)
        nobody.run("withdraw", "course", "--reason", "x", code=5)
        self.expert.run("withdraw", "course", code=2)
        self.expert.run("withdraw", "course", "--reason", "", code=2)
        self.expert.run("withdraw", "course", "--reason", "a\nb", code=2)
        self.expert.run("withdraw", "course@7", "--reason", "x", code=3)
        self.expert.run("withdraw", "no-such", "--reason", "x", code=3)
        self.assertFalse(self.withdrawn(self.expert))
        self.assertEqual(self.get(self.home(), node)["state"], "complete")
