"""lib: homes, commands and nodes for the end-to-end tests. Standard library only.

LYCEUM is the binary under test: the release build unless the environment says
otherwise; LYCEUM_ASAN the sanitized one, for tests that want it."""
import filecmp
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LYCEUM = os.environ.get("LYCEUM", ROOT + "/build/release/lyceum")
LYCEUM_ASAN = os.environ.get("LYCEUM_ASAN", ROOT + "/build/dev/lyceum")
GARBAGE = ROOT + "/build/dev/tests/lyceum_garbage"  # serves flipped bits
HOSTILE = ROOT + "/build/dev/tests/lyceum_hostile"  # signs what no one should
GREEDY = ROOT + "/build/dev/tests/lyceum_greedy"  # asks for everything, always
TIMEOUT = 240


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        lines = self.out.splitlines()
        assert len(lines) >= 1, f"no JSON on stdout: {self}"
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def clean_env(**more):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("LYCEUM", "LC_", "LANG", "XDG_"))}
    env.update({"LANG": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=1"})
    env.update(more)
    return env


class Home:
    """One home folder and the commands run on it."""
    prefix = ()  # of the command line: a machine of lan.py

    def __init__(self, path, binary=None, **env):
        self.path, self.binary, self.env = path, binary or LYCEUM, env

    def argv(self, *args):
        return [*self.prefix, self.binary, "--home", self.path, *map(str, args)]

    def run(self, *args, code=0, timeout=TIMEOUT, stdin=None, **env):
        p = subprocess.run(
            self.argv(*args), capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
            env=clean_env(**{**self.env, **env}), errors="replace")
        r = Result(p.returncode, p.stdout, p.stderr)
        if code is not None and r.code != code:
            raise AssertionError(f"{args}: expected exit {code}, got {r}")
        return r

    def json(self, *args, code=0, **kw):
        return self.run("--json", *args, code=code, **kw).json

    def init(self, name="someone"):
        return self.json("init", "--name", name, "--no-passphrase")

    def start(self, *args, **env):
        """A command in the background."""
        return Process(self.argv(*args), clean_env(**{**self.env, **env}))

    def node(self, *args, listen="127.0.0.1:0"):
        return Node(self, "--listen", listen, *args)


def packed(home, folder="packs"):
    """Bytes that lie in its packs; in `partial`: that have come for a folder."""
    return sum(os.stat(os.path.join(d, f)).st_blocks * 512
               for d, _, fs in os.walk(os.path.join(home.path, folder))
               for f in fs)


class Process:
    def __init__(self, argv, env):
        self.argv, self.t0 = argv, time.monotonic()
        self.p = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.PIPE, env=env,
                                  stdin=subprocess.DEVNULL, errors="replace",
                                  start_new_session=True)
        self.out, self.err, self.lines = [], [], queue.Queue()
        self.readers = [threading.Thread(target=self._read, args=a, daemon=True)
                        for a in ((self.p.stdout, self.out, True),
                                  (self.p.stderr, self.err, False))]
        for t in self.readers:
            t.start()

    def _read(self, f, keep, tell):
        for line in f:
            keep.append(line)
            if tell:
                self.lines.put(line.rstrip("\n"))
        if tell:
            self.lines.put(None)

    def expect(self, prefix, timeout=30):
        end = time.monotonic() + timeout
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            if line is None:
                raise AssertionError(f"{self.argv} ended: {''.join(self.err)}")
            if line.startswith(prefix):
                return line

    def wait(self, timeout=TIMEOUT, code=None):
        self.p.wait(timeout)
        for t in self.readers:
            t.join(10)
        r = Result(self.p.returncode, "".join(self.out), "".join(self.err))
        if code is not None and r.code != code:
            raise AssertionError(f"{self.argv}: expected exit {code}, got {r}")
        return r

    def signal(self, number=signal.SIGTERM):
        if self.p.poll() is None:
            self.p.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.p.wait(30)


class Node(Process):
    """`node run`, ready."""

    def __init__(self, home, *args):
        super().__init__(home.argv("node", "run", "--no-lan", "--no-wan",
                                   *args), clean_env(**home.env))
        self.address, self.key = self.expect("ready ").split()[1:3]
        self.peer = f"{self.address}@{self.key}"

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait(15)


class Case(unittest.TestCase):
    """A scratch folder and processes that do not outlive the test."""
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lyceum-e2e-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.homes = 0

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def home(self, name=None, binary=None, **env):
        self.homes += 1
        h = Home(self.path(f"home{self.homes}"), binary, **env)
        if name:
            h.init(name)
        return h

    def node(self, home, *args, **kw):
        n = home.node(*args, **kw)
        self.addCleanup(lambda: n.p.poll() is None and n.kill())
        return n

    def write(self, path, data):
        full = self.path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return full

    def rename(self, a, b):
        os.rename(self.path(a), self.path(b))

    def assertSameTree(self, a, b, ignore=()):
        self.assertEqual(walk(a, ignore), walk(b, ignore))
        for f in walk(a, ignore):
            x, y = os.path.join(a, f), os.path.join(b, f)
            if os.path.isfile(x):
                self.assertTrue(filecmp.cmp(x, y, shallow=False), f)


def walk(top, ignore=()):
    found = []
    for folder, subs, files in os.walk(top):
        subs[:] = [s for s in subs if s not in ignore]
        rel = os.path.relpath(folder, top)
        if not subs and not files and rel != ".":
            found.append(rel + "/")
        found += [os.path.normpath(os.path.join(rel, f)) for f in files
                  if f not in ignore]
    return sorted(found)


def random_bytes(seed, n):
    import random
    return random.Random(seed).randbytes(n)
