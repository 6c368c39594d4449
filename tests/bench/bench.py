#!/usr/bin/python3
"""bench.py [--runs N] [--mib N]: Lyceum's whole jobs on this machine, over
loopback: publish, get by one learner, twenty thousand small files, idle cost.
Each figure is a median; content is made here and removed again. To compare with
other tools see BENCHMARKS.md."""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LYCEUM = os.environ.get("LYCEUM", ROOT + "/build/release/lyceum")


def run(home, *args):
    out = subprocess.run([LYCEUM, "--home", home, "--json", *args],
                         capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"{args}: exit {out.returncode}\n{out.stderr}")
    return json.loads(out.stdout)


def timed(home, *args):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = time.monotonic()
    result = run(home, *args)
    wall = time.monotonic() - t
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, result


class Node:
    def __init__(self, home):
        self.p = subprocess.Popen(
            [LYCEUM, "--home", home, "node", "run", "--listen", "127.0.0.1:0",
             "--no-lan", "--no-wan"], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL)
        address, key = self.p.stdout.readline().split()[1:3]
        self.peer = f"{address}@{key}"

    def cpu_s(self):
        with open(f"/proc/{self.p.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, what):
        with open(f"/proc/{self.p.pid}/status") as f:
            for line in f:
                if line.startswith(what):
                    return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.p.terminate()
        self.p.wait()


def video(folder, mib):
    os.makedirs(folder)
    for i in range(8):
        with open(f"{folder}/video{i}.mp4", "wb") as f:
            for _ in range(mib // 8):
                f.write(os.urandom(1 << 20))
    return mib << 20


def texts(folder, count):
    sys.path.insert(0, ROOT + "/tests/e2e")
    import content
    content.small_files(folder, count)
    return sum(os.path.getsize(os.path.join(d, f))
               for d, _, fs in os.walk(folder) for f in fs)


def line(name, walls, size, extra=""):
    wall = statistics.median(walls)
    print(f"| {name} | {wall:.2f} ({min(walls):.2f}-{max(walls):.2f}) |"
          f" {size / 1e6 / wall:.0f} | {extra} |", flush=True)


def job(room, name, src, size, runs):
    publish, get, note = [], [], ""
    for i in range(runs):
        expert, learner = f"{room}/expert{i}", f"{room}/learner{i}"
        for home in (expert, learner):
            run(home, "init", "--name", "bench", "--no-passphrase")
        wall, cpu, p = timed(expert, "publish", src)
        publish.append(wall)
        store = p["stored_bytes"] / size
        node = Node(expert)
        wall, cpu, g = timed(learner, "get", p["ticket"], "--peer", node.peer,
                             "--to", f"{room}/out{i}", "--progress=none")
        get.append(wall)
        note = (f"learner {cpu:.2f} CPU s, seeder peak"
                f" {node.memory_mib('VmHWM'):.0f} MiB")
        node.stop()
        for folder in (expert, learner, f"{room}/out{i}"):
            shutil.rmtree(folder)
    line(f"publish {name}", publish, size, f"store {store:.3f} of content")
    line(f"get {name}", get, size, note)


def idle(room, courses, seconds):
    home = f"{room}/idle"
    run(home, "init", "--name", "idle", "--no-passphrase")
    for i in range(courses):
        os.makedirs(f"{room}/c{i}")
        with open(f"{room}/c{i}/README.md", "w") as f:
            f.write(f"# Course {i}\n" + "text " * 1000)
        run(home, "publish", f"{room}/c{i}")
    node = Node(home)
    time.sleep(3)
    before = node.cpu_s()
    time.sleep(seconds)
    cpu = 100 * (node.cpu_s() - before) / seconds
    print(f"| idle node, {courses} courses | {seconds} s | |"
          f" {node.memory_mib('VmRSS'):.1f} MiB resident, {cpu:.2f} % of a core"
          " |")
    node.stop()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--mib", type=int, default=1024)
    args.add_argument("--files", type=int, default=20000)
    args.add_argument("--idle", type=int, default=20, metavar="SECONDS")
    args = args.parse_args()
    room = tempfile.mkdtemp(prefix="lyceum-bench-")
    try:
        print("| job | wall s, median (range) | MB/s | |\n|---|---|---|---|")
        job(room, f"{args.mib} MiB of video", room + "/video",
            video(room + "/video", args.mib), args.runs)
        job(room, f"{args.files} small files", room + "/texts",
            texts(room + "/texts", args.files), args.runs)
        idle(room, 100, args.idle)
    finally:
        shutil.rmtree(room, ignore_errors=True)


main()
