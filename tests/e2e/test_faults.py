"""A disk that fails at the n-th call, for every n, under the real command:
SQLite's calls and the libraries' count too (tests/lib/fault_calls.c)."""
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from errno import EDQUOT, EINTR, EIO, EMFILE, ENOSPC, EROFS

from lib import ROOT, Case, Home, random_bytes

SHIM = ROOT + "/build/release/tests/fault_calls.so"
FULL, EVER = (ENOSPC, EDQUOT), 1 << 30
# kind of call, errnos in turn, how many fail in a row
KINDS = [("write", (ENOSPC, EIO, EDQUOT), 1), ("write", (ENOSPC,), EVER),
         ("write", (EINTR,), 1), ("short", (0,), 1), ("sync", (EIO, ENOSPC), 1),
         ("open", (EMFILE, EROFS, ENOSPC), 1), ("rename", (EIO, ENOSPC), 1),
         ("resize", (ENOSPC, EIO), 1), ("mkdir", (EROFS, ENOSPC), 1),
         ("read", (EIO,), 1), ("read", (EIO,), EVER)]
# for commands that do less of their own
FEW = [k for k in KINDS if k[0] in ("write", "open", "mkdir") and k[2] == 1
       and EINTR not in k[1]] + [("read", (EIO,), 1)]


class Faults(Case):
    def setUp(self):
        super().setUp()
        for i in range(4):
            self.write(f"c/t/{i}.md", f"# Lesson {i}\n" * 30)
        self.write("c/v.bin", random_bytes("v", 300000))
        self.write("old/a.md", "# Old\n" * 50)
        self.expert = self.home("expert")
        self.old = self.expert.json("publish", self.path("old"))

    def round(self, kind, n, times, errnum, home, args):
        """One run with one fault. True when the n-th call was reached."""
        told = home.path + ".told"
        r = home.run(*args, code=None, timeout=30, LD_PRELOAD=SHIM,
                     LYCEUM_FAULT=f"{kind}:{n}:{times}:{errnum}",
                     LYCEUM_FAULT_UNDER=self.dir, LYCEUM_FAULT_TOLD=told)
        told = os.path.exists(told)
        may = {0, 1, 7} if told else {0}
        if errnum in FULL:  # SQLite does not say why it cannot open or sync
            may = {0, 1, 8} if kind in ("open", "sync") else {0, 8}
        self.assertIn(r.code, may, r)
        if r.code != 0:
            for word in ("error: ", "\nwhy: ", "\ntry: "):
                self.assertIn(word, r.err)
        return told, r

    def sweep(self, template, args, after, kinds=KINDS):
        """args(place) is run on copies of the home template, and fails at each
        call in turn; after(home, result, place) is told how it ended."""
        def one(job):
            number, (kind, errnums, times) = job
            n, told = 0, True
            while told:
                place = self.path(f"{number}-{n}")
                home = Home(place + "/home")
                if template is not None:
                    shutil.copytree(template.path, home.path)
                else:
                    os.mkdir(place)
                errnum = errnums[n % len(errnums)]
                try:
                    told, r = self.round(kind, n, times, errnum, home,
                                         args(place))
                    after(home, r, place)
                except Exception as e:
                    raise AssertionError(f"{kind} {n} x {times}: {errnum}") from e
                shutil.rmtree(place)
                n += 1
            return n

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rounds = list(pool.map(one, enumerate(kinds)))
        self.assertGreater(sum(rounds), 3 * len(kinds), rounds)

    def whole(self, home):
        """What was there before the fault is there after it."""
        v = home.json("verify", "--all")
        self.assertEqual((v["ok"], v["missing"]), (True, 0))
        ls = {c["course"]: c for c in home.json("ls")["courses"]}
        self.assertEqual(ls[self.old["course"]]["state"], "complete")
        return ls

    # Whatever failed, the next publish makes edition 1 of one course.
    def test_publish(self):
        def after(home, _, place):
            p = home.json("publish", self.path("c"))
            self.assertEqual(p["edition"], 1)
            self.assertEqual(set(self.whole(home)),
                             {self.old["course"], p["course"]})

        self.sweep(self.expert, lambda _: ("publish", self.path("c")), after)

    # Whatever failed, the next get completes the folder.
    def test_get(self):
        p = self.expert.json("publish", self.path("c"))
        node, learner = self.node(self.expert), self.home("learner")
        learner.json("get", self.old["ticket"], "--peer", node.peer)

        def args(place):
            return ("get", p["ticket"], "--peer", node.peer, "--timeout", "10s",
                    "--to", place + "/to")

        def after(home, r, place):
            if r.code != 0:
                self.assertEqual(home.json(*args(place))["state"], "complete")
            self.whole(home)
            self.assertSameTree(self.path("c"), place + "/to")

        self.sweep(learner, args, after, FEW)
        self.assertIsNone(node.p.poll())

    def test_export(self):
        p = self.expert.json("publish", self.path("c"))

        def args(place):
            return "export", p["course"], place + "/to"

        def after(home, r, place):
            if r.code != 0:
                home.run(*args(place))
            self.assertSameTree(self.path("c"), place + "/to")
            self.whole(home)

        self.sweep(self.expert, args, after, FEW)

    # gc moves what lives out of a pack that is mostly dead.
    def test_gc(self):
        self.write("dead/b.bin", random_bytes("dead", 400000))
        dead = self.expert.json("publish", self.path("dead"))
        keep = self.expert.json("publish", self.path("c"))
        self.expert.run("-y", "rm", dead["course"])

        def after(home, _, place):
            ls = self.whole(home)
            self.assertEqual(set(ls), {self.old["course"], keep["course"]})
            home.run("gc")
            self.whole(home)
            home.run("export", keep["course"], place + "/to")
            self.assertSameTree(self.path("c"), place + "/to")

        self.sweep(self.expert, lambda _: ("gc",), after, FEW)

    # A removal happens or does not.
    def test_rm(self):
        p = self.expert.json("publish", self.path("c"))

        def after(home, r, _):
            if r.code != 0:
                home.run("-y", "rm", p["course"], code=None)
            self.assertEqual(set(self.whole(home)), {self.old["course"]})

        self.sweep(self.expert, lambda _: ("-y", "rm", p["course"]), after,
                   FEW)

    # No half of an identity: the next init makes one, or finds a whole one.
    def test_init(self):
        def after(home, r, _):
            again = home.run("init", "--no-passphrase", code=None)
            self.assertIn(again.code, (0, 10), again)
            home.json("id")
            home.json("publish", self.path("c"))

        self.sweep(None, lambda _: ("init", "--no-passphrase"), after,
                   FEW + [k for k in KINDS if k[0] in ("sync", "rename")])
