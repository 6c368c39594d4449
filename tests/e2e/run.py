#!/usr/bin/python3
"""run.py [--jobs N] [NAME...]: the end-to-end tests, or those of test_NAME.py.

With --jobs N files run side by side, each in a process of its own; those that
say `ALONE = True` (they measure time, or fill the machine) run last, one by one.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


class Timed(unittest.TextTestResult):
    """Says of each test how long it took."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok, {time.monotonic() - self.began:.1f} s")


def text(name):
    with open(os.path.join(HERE, f"test_{name}.py"), encoding="utf-8") as f:
        return f.read()


def here(names):
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromName("test_" + n)
                               for n in names)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Timed).run(suite)
    bad = len(result.failures) + len(result.errors)
    return (result.testsRun - bad - len(result.skipped), bad,
            len(result.skipped))


def apart(name):
    """One file in its own process: its counts, after its words."""
    p = subprocess.run([sys.executable, "-u", __file__, name], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(p.stdout, end="", flush=True)
    said = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", p.stdout,
                      re.M)
    return tuple(map(int, said[-1])) if said else (0, 1, 0)


def beside(names, jobs):
    """What fills the cores least waits least: the longest files go first."""
    alone = [n for n in names if re.search(r"^ALONE = True$", text(n), re.M)]
    rest = sorted((n for n in names if n not in alone),
                  key=lambda n: -len(text(n)))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(apart, rest)
    yield from map(apart, alone)


def main():
    args, jobs = sys.argv[1:], 1
    if args[:1] == ["--jobs"]:
        jobs, args = int(args[1]), args[2:]
    names = [n.removeprefix("test_").removesuffix(".py") for n in args]
    names = names or sorted(f[5:-3] for f in os.listdir(HERE)
                            if f.startswith("test_") and f.endswith(".py"))
    counts = [here(names)] if jobs == 1 else list(beside(names, jobs))
    passed, failed, skipped = map(sum, zip(*counts))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
