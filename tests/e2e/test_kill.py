"""kill -9 at random instants: nothing acknowledged is lost, nothing that came is
fetched again but what was in flight, nothing needs a hand. The rig that does it
is simulations/rig; ./dev sim --rig 1000 runs it for longer."""
import os
import sys
import time

from lib import ROOT, Case, random_bytes

sys.path.insert(0, ROOT + "/simulations/rig")

from machines import Plain, Powered, can_cut_power  # noqa: E402
from rig import Rig  # noqa: E402

KILLS = int(os.environ.get("LYCEUM_KILLS", "50"))
CUTS = int(os.environ.get("LYCEUM_CUTS", "10"))


def written(pid):
    """Bytes that the process has given to write calls."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as f:
            return int(f.read().split("wchar:")[1].split()[0])
    except (OSError, IndexError):
        return 0


class Kill(Case):
    def rig(self, count, machine):
        rig = Rig(count, 7, machine, folder=self.path("rig"), jobs=2).run(print)
        print(rig.table())
        self.assertEqual(rig.failures(), count)
        self.assertIsNone(rig.slow())

    def test_killed(self):
        self.rig(KILLS, Plain)

    # On a file system that loses what was not synced.
    def test_power_cut(self):
        why = can_cut_power()
        if why:
            self.skipTest(why)
        self.rig(CUTS, Powered)

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
