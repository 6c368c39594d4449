#!/usr/bin/python3
"""memory.py: what a real `node run` holds in memory, by connections and by courses
of its own. Rows for gnuplot on stdout."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/e2e")

from lib import Home, Node, clean_env  # noqa: E402

BYZANTINE = ROOT + "/build/dev/tests/byzantine"


def mib(pid):
    """Anonymous: what the node itself has taken, without its program."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(f.read().split("RssAnon:")[1].split()[0]) / 1024


def publish(home, top, number):
    folder = os.path.join(top, str(number))
    os.makedirs(folder)
    with open(folder + "/README.md", "w", encoding="ascii") as f:
        f.write(f"# Course {number}\n" * 200)
    return home.json("publish", folder)


def with_peers(node, p, count):
    attack = subprocess.Popen(
        [BYZANTINE, node.peer, "quiet", str(count), "6", "1", p["course"],
         p["record"]], stdout=subprocess.DEVNULL, env=clean_env())
    time.sleep(5)
    held = mib(node.p.pid)
    attack.wait(30)
    return held


def main():
    # thousands of courses, each synced: in memory where there is such a place
    ram = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    top = tempfile.mkdtemp(prefix="lyceum-memory-", dir=ram)
    try:
        home = Home(top + "/home")
        home.init("expert")
        p, made = publish(home, top, 0), 1
        print("# courses connections MiB")
        for peers in (0, 16, 64, 128, 250):
            node = Node(home, "--listen", "127.0.0.1:0")
            print(1, peers, f"{with_peers(node, p, peers):.2f}", flush=True)
            node.stop()
        for courses in (10, 100, 300, 1000, 3000):
            while made < courses:
                publish(home, top, made)
                made += 1
            node = Node(home, "--listen", "127.0.0.1:0")
            time.sleep(2)
            print(courses, 0, f"{mib(node.p.pid):.2f}", flush=True)
            node.stop()
    finally:
        shutil.rmtree(top)


main()
