"""Clocks that are wrong by years: what counts is the number of an edition."""
import glob
import time

from lib import Case, random_bytes

YEAR = 365 * 86400
[FAKETIME] = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


def off(years):
    """The environment of a machine whose clock is off."""
    when = time.localtime(time.time() + years * YEAR)
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME": time.strftime("@%Y-%m-%d %H:%M:%S", when)}


class Clock(Case):
    def publish(self, text, years):
        self.write("course/README.md", f"# Clocks\n\n{text}\n")
        self.expert.env = off(years) if years else {}
        return self.expert.json("publish", self.path("course"))

    def lies(self, home, p, text):
        home.json("export", p["course"], self.path(f"out{self.homes}{text}"))
        with open(self.path(f"out{self.homes}{text}/README.md")) as f:
            self.assertIn(text, f.read())

    # The author's clock jumps; readers follow the numbers, on any clock.
    def test_author(self):
        self.expert = self.home("expert")
        self.write("course/video.mp4", random_bytes(1, 4 << 20))
        learners = [self.home(), self.home(**off(-40)), self.home(**off(60))]
        for edition, years in ((1, 70), (2, -30), (3, 0)):
            p = self.publish(f"edition-{edition}", years)
            self.assertEqual(p["edition"], edition)
            node = self.node(self.expert)
            for home in learners:
                g = home.json("get", p["ticket"], "--peer", node.peer)
                self.assertEqual((g["edition"], g["state"]),
                                 (edition, "complete"))
                self.lies(home, p, f"edition-{edition}")
            node.stop()
        for home in learners:
            self.assertTrue(home.json("verify", "--all")["ok"])
            why = home.json("why", p["course"])
            self.assertTrue(why["ok"])

    # A block until a time, and a clock that goes back and forth over it: it
    # stays, and lifting it works.
    def test_blocks(self):
        self.expert = self.home("expert")
        p = self.publish("text", 0)
        node = self.node(self.expert)
        learner = self.home(**off(50))
        learner.json("peer", "block", node.key)
        learner.env = {}
        learner.run("get", p["ticket"], "--peer", node.peer, "--timeout", "2s",
                    code=6)
        learner.env = off(-20)
        learner.json("peer", "unblock", node.key)
        g = learner.json("get", p["ticket"], "--peer", node.peer)
        self.assertEqual(g["state"], "complete")
