"""A class of learners on one network feeds itself."""
import os
import time
import unittest

import lan
from lib import Case, random_bytes

ALONE = True


@unittest.skipUnless(lan.possible(), "no network namespaces here")
class Classroom(Case):
    def setUp(self):
        super().setUp()
        self.lan = lan.Lan()
        self.lan.__enter__()
        self.addCleanup(self.lan.__exit__)

    def at(self, machine, home):
        home.prefix, home.address = machine.prefix, machine.address
        return home

    def expert(self, rate, megabytes):
        machine = self.lan.machine(rate)
        expert = self.at(machine, self.home("expert"))
        for i in range(4):
            self.write(f"course/{i}.bin",
                       random_bytes(f"class{i}", megabytes << 18))
        self.size = megabytes << 20
        self.ticket = expert.json("publish", self.path("course"))["ticket"]
        self.seeder = self.node(expert, listen=f"{machine.address}:7460")

    def learner(self, rate=None):
        return self.at(self.lan.machine(rate), self.home("learner"))

    def get(self, home, to):
        return home.start("--json", "get", self.ticket, "--peer",
                          self.seeder.peer, "--no-lan", "--no-wan", "--to",
                          self.path(to), "--timeout", "60s")

    def finish(self, running):
        results = [p.wait(120, code=0).json for p in running]
        for i in range(len(running)):
            self.assertSameTree(self.path("course"), self.path(f"out{i}"))
        return results

    def copies(self, results):
        """How often the expert has uploaded the course."""
        return sum(p["bytes"] for r in results for p in r["peers"]
                   if p["node"] == self.seeder.key) / self.size

    # The expert's uplink is the narrow place: it carries a few copies at most,
    # so that eight learners take little longer than one.
    def test_eight(self):
        self.expert("100mbit", 16)
        homes = [self.learner("1gbit") for _ in range(8)]
        t = time.monotonic()
        results = self.finish([self.get(h, f"out{i}")
                               for i, h in enumerate(homes)])
        seconds = time.monotonic() - t
        alone = self.size * 8 / 100e6
        self.assertLess(self.copies(results), 3)
        self.assertLess(seconds, 3 * alone + 3)  # eight copies: 8 * alone

    def test_thirty(self):
        self.expert("40mbit", 8)
        homes = [self.learner("1gbit") for _ in range(30)]
        results = self.finish([self.get(h, f"out{i}")
                               for i, h in enumerate(homes)])
        self.assertLess(self.copies(results), 6.5)

    # Links of 1 Gbit/s and 2 Mbit/s in one class: the slow ones slow nobody.
    def test_slow_learners(self):
        self.expert("100mbit", 4)
        slow = [self.get(self.learner("2mbit"), f"slow{i}") for i in range(2)]
        time.sleep(0.5)
        homes = [self.learner("1gbit") for _ in range(5)]
        t = time.monotonic()
        self.finish([self.get(h, f"out{i}") for i, h in enumerate(homes)])
        seconds = time.monotonic() - t
        alone = self.size * 8 / 100e6
        self.assertLess(seconds, 3 * alone + 4)  # at 2 Mbit/s: 17 s
        for p in slow:
            self.assertIsNone(p.p.poll())  # still at it, and will get there
            p.kill()

    # Who comes late is fed by the class, not by the expert.
    def test_late(self):
        self.expert("50mbit", 8)
        homes = [self.learner("1gbit") for _ in range(4)]
        first = [self.get(h, f"out{i}") for i, h in enumerate(homes)]
        results = [p.wait(120, code=0).json for p in first]
        seeders = [self.node(h, listen=f"{h.address}:7460") for h in homes[:2]]
        late = self.learner("1gbit")
        t = time.monotonic()
        r = late.start("--json", "get", self.ticket, "--peer", self.seeder.peer,
                       "--peer", seeders[0].peer, "--no-lan", "--no-wan",
                       "--to", self.path("out4")).wait(120, code=0).json
        self.assertLess(time.monotonic() - t, self.size * 8 / 50e6)
        self.assertSameTree(self.path("course"), self.path("out4"))
        self.assertLess(self.copies([r]), 0.6)
        self.assertLess(self.copies(results), 2.5)


if __name__ == "__main__":
    unittest.main()
