"""Peers that keep no rule, over real ZeroMQ, at a real `node run`: beside them an
honest transfer is right and goes on, and the node stays up and small."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from lib import LYCEUM_ASAN, ROOT, Case, clean_env, random_bytes

ALONE = True
BYZANTINE = ROOT + "/build/dev/tests/byzantine"
BYZANTINE_FAST = ROOT + "/build/release/tests/byzantine"
SEED = int(os.environ.get("LYCEUM_SEED", "1"))
ATTACKERS, RSS_MAX = 64, 256 << 20


class Byzantine(Case):
    def course(self, mib):
        self.write("c/README.md", "# Course\n" * 3000)
        for i in range(0, mib, 4):
            self.write(f"c/{i}.bin", random_bytes(i, 4 << 20))
        return self.path("c")

    def serve(self, mib, binary=None):
        expert = self.home("expert", binary)
        p = expert.json("publish", self.course(mib))
        return expert, p, self.node(expert)

    def attack(self, node, p, how, peers, seconds, binary=BYZANTINE):
        argv = [binary, node.peer, how, peers, seconds, SEED, p["course"],
                p["record"]]
        attack = subprocess.Popen(list(map(str, argv)), text=True,
                                  stdout=subprocess.PIPE, env=clean_env())
        self.addCleanup(lambda: attack.poll() is None and attack.kill())
        return attack

    def did(self, attack):
        out, _ = attack.communicate(timeout=60)
        self.assertEqual(attack.returncode, 0)
        return json.loads(out)

    def get(self, p, node, to):
        t = time.monotonic()
        g = self.home("learner").json("get", p["ticket"], "--peer", node.peer,
                                      "--to", to)
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(self.path("c"), to)
        return time.monotonic() - t

    # Words of every type, well formed or not, once or often; frames and
    # handshakes without end.
    def test_all_ways(self):
        for how in ("valid", "mutated", "replayed", "huge", "dials", "silent"):
            with self.subTest(how):
                self.setUp()
                expert, p, node = self.serve(4, LYCEUM_ASAN)
                attack = self.attack(node, p, how, 16, 4)
                rounds = 0
                while attack.poll() is None:
                    self.get(p, node, self.path(f"out{rounds}"))
                    rounds += 1
                did = self.did(attack)
                self.assertGreater(rounds, 0)
                self.assertGreater(did["messages"] + did["dials"], 32)
                self.assertTrue(expert.json("verify", "--all")["ok"])
                self.assertTrue(expert.json("status")["running"])
                self.assertEqual(node.stop().code, 0)
                print(f"{how}: {did}, {rounds} honest transfers", flush=True)

    # Those who say that they have the course, and have not, or not that: at a
    # learner's node, eight to one who is honest.
    def test_serving(self):
        _, p, expert = self.serve(64)
        for how in ("garbage", "liar", "shifter", "staller", "fleet"):
            with self.subTest(how):
                home, to = self.home("learner", LYCEUM_ASAN), self.path(how)
                node = self.node(home)
                attack = self.attack(node, p, how, 8, 50)
                end = time.monotonic() + 20
                while home.json("status")["peers"] < 8:
                    self.assertLess(time.monotonic(), end)
                t = time.monotonic()
                g = home.json("get", p["ticket"], "--peer", expert.peer, "--to",
                              to)
                t = time.monotonic() - t
                attack.send_signal(signal.SIGTERM)
                did = self.did(attack)
                print(f"{how}: {did}, {t:.1f} s", flush=True)
                self.assertEqual(g["state"], "complete")
                self.assertSameTree(self.path("c"), to)
                self.assertGreater(did["wanted"], 0)  # it was believed
                self.assertTrue(home.json("verify", "--all")["ok"])
                self.assertEqual(node.stop().code, 0)
                shutil.rmtree(to)

    # 64 who each send one message of 256 MiB. They stand on the same processors
    # here, and what they take of these is not the node's doing. So the rate is that
    # which the node's own time allows: what the thread that limits it needs for one
    # transfer alone, beside what it needs for one and the whole attack.
    def test_memory(self):
        _, p, node = self.serve(512)
        first, alone = self.cost(p, node)
        peak = Peak(node.p.pid)
        before = threads(node.p.pid)
        attack = self.attack(node, p, "multipart", ATTACKERS, 50,
                             BYZANTINE_FAST)
        _, beside = self.cost(p, node)
        did = self.did(attack)
        peak.stop()
        under_attack = busiest(before, threads(node.p.pid))
        last, after = self.cost(p, node)
        rate = (first + last) / 2 / under_attack
        print(f"{ATTACKERS} attackers: peak RSS {peak.rss >> 20} MiB, an honest "
              f"rate of {100 * rate:.0f} % ({first:.2f} and {last:.2f} s of the "
              f"processor alone, {under_attack:.2f} s with them; on the clock "
              f"{alone:.2f} and {after:.2f} s, {beside:.2f} s)", flush=True)
        self.assertEqual(did["bytes"], ATTACKERS << 28)  # it is over
        self.assertLess(peak.rss, RSS_MAX)
        self.assertGreaterEqual(rate, 0.5)
        self.assertEqual(node.stop().code, 0)

    def cost(self, p, node):
        """Of one transfer: what the node's busiest thread needs; and the time."""
        before, to = threads(node.p.pid), self.path("out")
        seconds = self.get(p, node, to)
        shutil.rmtree(to)
        return busiest(before, threads(node.p.pid)), seconds


def threads(pid):
    """The seconds of processor time that each thread has had."""
    had = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="ascii") as f:
            words = f.read().rpartition(")")[2].split()
        had[task] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return had


def busiest(before, after):
    return max(s - before.get(t, 0) for t, s in after.items())


class Peak(threading.Thread):
    """The most memory that a process has held, by the kernel's own mark."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.rss, self.ends = 0, threading.Event()
        self.path = f"/proc/{pid}/"
        with open(self.path + "clear_refs", "w", encoding="ascii") as f:
            f.write("5")  # forget the mark of before
        self.start()

    def run(self):
        while not self.ends.wait(0.2):
            self.look()

    def look(self):
        with open(self.path + "status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    self.rss = int(line.split()[1]) << 10

    def stop(self):
        self.ends.set()
        self.join()
        self.look()
