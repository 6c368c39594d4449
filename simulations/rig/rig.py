#!/usr/bin/python3
"""rig.py N [--seed S] [--life L] [--jobs J] [--power]: the real lyceum, killed at N
random instants. Each time it is started again and must know all that it had said
was done. One life is ROUNDS failures of one pair of homes, and has a seed of its
own: --life L repeats one, as far as real time can be repeated."""
import argparse
import concurrent.futures
import os
import random
import shutil
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../tests/e2e")]

from life import Life, need, told  # noqa: E402
from machines import Plain, Powered, can_cut_power  # noqa: E402
from ops import OPS  # noqa: E402

ROUNDS = 25
RESTART_S = 2.0  # at most, at the 99th percentile


class Row:
    def __init__(self):
        self.failures = self.told = self.healed = self.by_node = 0
        self.by_hand = self.untold = 0
        self.restarts = []

    def add(self, other):
        for key, value in vars(other).items():
            setattr(self, key, getattr(self, key) + value)


def percentile(values, p):
    """In ms; of few values the largest."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


class Rig:
    def __init__(self, count, seed=1, machine=Plain, life=None, folder=None,
                 jobs=1):
        self.count, self.seed, self.machine = count, seed, machine
        self.first, self.jobs = life or 0, jobs
        self.rows = {op.__name__.lower(): Row() for op in OPS}
        self.folder = folder or tempfile.mkdtemp(prefix="lyceum-rig-")
        self.spans, self.lock = {}, threading.Lock()
        self.broken = False

    def failures(self):
        return sum(r.failures for r in self.rows.values())

    def run(self, say=lambda line: None):
        """Lives side by side: most of a life is waiting for its disk."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            lives = [pool.submit(self.live, self.first + i,
                                 min(ROUNDS, self.count - at), say)
                     for i, at in enumerate(range(0, self.count, ROUNDS))]
            for life in lives:
                life.result()
        shutil.rmtree(self.folder)
        return self

    def live(self, number, failures, say):
        if self.broken:
            return  # one is enough to look at
        life = None
        try:
            life = Life(os.path.join(self.folder, f"life{number}"),
                        f"{self.seed}/{number}", self.machine)
            while failures > 0:
                failures -= self.round(life)
            life.end()
        except BaseException as e:
            self.broken = True
            say(f"life {number} of seed {self.seed}: {e!r}; homes are left in "
                f"{self.folder}\nreplay: ./dev sim --rig {ROUNDS} --seed "
                f"{self.seed} --life {number}"
                + (" --power" if self.machine is Powered else ""))
            if life is not None:
                life.close(keep=True)
            raise
        life.close()
        shutil.rmtree(life.path)
        say(f"life {number} is over: {self.failures()} of {self.count}")

    def round(self, life):
        """Was there anything to fail?"""
        kind = life.rng.choices(OPS, [o.weight for o in OPS])[0]
        if kind.who == "expert":
            life.serve(False)
        op, row = kind(life), self.rows[kind.__name__.lower()]
        op.prepare()
        for person in life.people:
            person.machine.settle()
        if kind not in self.spans:
            self.spans[kind] = self.measure(op)
            return False
        by_node = life.rng.random() < 0.5
        alive, answer = self.fail(life, op, by_node, self.spans[kind])
        node, seconds = op.me.start()
        op.either(answer)
        whole = op.me.check()
        need(whole or op.fetches and (answer is None
                                      or op.me.machine.loses_unsynced),
             "content is missing")
        if life.rng.random() < 0.5:
            need(node.stop().code == 0, "the node did not stop well")
        op.after()
        if node.p.poll() is None:
            need(node.stop().code == 0, "the node did not stop well")
        with self.lock:  # one that had ended before does not count
            row.failures += alive
            row.told += alive and answer is not None
            row.healed += alive and not whole
            row.by_node += by_node
            row.by_hand += alive and op.by_hand
            row.untold += alive and op.untold
            row.restarts += [seconds] if alive else []
        return alive

    def measure(self, op):
        """How long it takes when nothing fails."""
        t = time.monotonic()
        op.me.home.run("--json", *op.argv, code=None)
        span = time.monotonic() - t
        op.either(True)
        op.after()
        return span

    def fail(self, life, op, by_node, span):
        """Start the command, on its own or with a node that runs, and let the
        machine fail somewhere in its time, or soon after. Was there anything to
        fail, and what had it said?"""
        node = op.me.start()[0] if by_node else None
        p = op.me.home.start("--json", *op.argv)
        time.sleep(life.rng.uniform(0, 1.3 * span))
        alive = by_node or p.p.poll() is None
        op.me.machine.fail([node, p] if by_node else [p])
        if node is not None:
            node.wait(30)
        p.wait(30)
        return alive, told(p)

    def table(self):
        total = Row()
        lines = ["| command | failures | of a node | had answered | healed by "
                 "a rerun | folders mended by hand | unnamed | "
                 "restart p50, ms | p99 | max |", "|" + " --- |" * 10]
        for row in self.rows.values():
            total.add(row)
        for name, row in [*self.rows.items(), ("all", total)]:
            if row.restarts:
                times = " | ".join(f"{percentile(row.restarts, p):.0f}"
                                   for p in (50, 99, 100))
                lines.append(f"| {name} | {row.failures} | {row.by_node} | "
                             f"{row.told} | {row.healed} | "
                             f"{row.by_hand} | {row.untold} | {times} |")
        return "\n".join(lines)

    def slow(self):
        """The 99th percentile of the restarts, when it is too long."""
        restarts = [s for r in self.rows.values() for s in r.restarts]
        p99 = percentile(restarts, 99) / 1000
        return p99 if p99 > RESTART_S else None


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("count", type=int)
    a.add_argument("--seed", type=int, default=random.randrange(10**6))
    a.add_argument("--life", type=int)
    a.add_argument("--jobs", type=int, default=1, help="lives side by side")
    a.add_argument("--power", action="store_true",
                   help="cut the power of an ext4 of its own (root)")
    o = a.parse_args()
    why = can_cut_power() if o.power else None
    if why:
        print(f"error: no power to cut\nwhy: {why}\ntry: as root, with loop "
              "devices", file=sys.stderr)
        return 1
    print(f"seed {o.seed}", flush=True)
    rig = Rig(o.count, o.seed, Powered if o.power else Plain, o.life,
              jobs=o.jobs)
    try:
        rig.run(lambda line: print(line, file=sys.stderr, flush=True))
    finally:  # of a run that broke, or was stopped, too
        print(rig.table(), flush=True)
    slow = rig.slow()
    if slow:
        print(f"error: the 99th percentile of the restarts is {slow:.1f} s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
