"""cat: a file is read while it is being fetched."""
import json
import os
import signal
import subprocess
import time

from lib import LYCEUM_ASAN, Case, clean_env, packed, random_bytes

ALONE = True
MIB = 1 << 20


class Reading:
    """`cat` in the background, its stdout read when the test says so."""

    def __init__(self, home, *args, out=subprocess.PIPE):
        self.t0 = time.monotonic()
        self.p = subprocess.Popen(home.argv("--json", "cat", *args),
                                  stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.PIPE,
                                  env=clean_env(**home.env))

    def read(self, n):
        got = b""
        while len(got) < n:
            piece = self.p.stdout.read1(min(n - len(got), MIB))
            if not piece:
                break
            got += piece
        return got

    def end(self, code=0):
        """(the rest of the bytes, JSON or None, stderr)"""
        out, err = self.p.communicate(timeout=40)
        err = err.decode()
        assert self.p.returncode == code, f"exit {self.p.returncode}\n{err}"
        found = [json.loads(l) for l in err.splitlines() if l[:1] == "{"]
        return out, found[0] if found else None, err


class Cat(Case):
    def setUp(self):
        super().setUp()
        self.expert = self.home("expert")

    def publish(self, **files):
        self.files = files
        for name, data in files.items():
            self.write("course/" + name, data)
        self.p = self.expert.json("publish", self.path("course"))
        return self.p

    def cat(self, home, *args, code=0, out=subprocess.PIPE):
        return Reading(home, self.p["ticket"], *args, out=out).end(code)

    def reading(self, home, *args):
        r = Reading(home, self.p["ticket"], *args)
        self.addCleanup(lambda: r.p.poll() is None and r.p.kill())
        return r

    # What is here is read without anybody's help, all of it or a range.
    def test_here(self):
        text = "".join(f"line {i} of a text\n" for i in range(200000)).encode()
        self.publish(**{"a.md": text, "v.bin": random_bytes(1, 5 * MIB),
                        "empty": b""})
        for offline in (["--offline"], []):
            for name, data in self.files.items():
                out, j, _ = self.cat(self.expert, name, *offline)
                self.assertEqual(out, data)
                self.assertEqual((j["v"], j["course"], j["edition"], j["path"],
                                  j["size"], j["offset"], j["bytes"],
                                  j["fetched_bytes"]),
                                 (1, self.p["course"], 1, name, len(data), 0,
                                  len(data), 0))
        for name in ("a.md", "v.bin"):
            data = self.files[name]
            n = len(data)
            for text, want in (("0-0", data[:1]), ("7-", data[7:]),
                               (f"{n - 1}-", data[-1:]), ("-10", data[-10:]),
                               (f"-{n + 9}", data), (f"{n - 3}-{n + 99}",
                                                     data[-3:]),
                               (f"{MIB}-{2 * MIB}", data[MIB:2 * MIB + 1])):
                out, j, _ = self.cat(self.expert, name, "--range", text)
                self.assertEqual(out, want, f"{name} {text}")
                self.assertEqual(j["bytes"], len(want))
                self.assertEqual(data[j["offset"]:][:len(want)], want)

    def test_mistakes(self):
        self.publish(**{"videos/01.mp4": b"x" * 100, "README.md": b"# A\n"})
        for args, code, words in (
                (("videos/1.mp4",), 3, "no file 'videos/1.mp4'"),
                (("01.mp4",), 3, "there is: videos/01.mp4"),
                (("../README.md",), 3, "there is: README.md"),
                (("README.md", "--range", "4-"), 2, "has 4 bytes"),
                (("README.md", "--range", "9-3"), 2, "no range of bytes"),
                (("README.md", "--range", "-0"), 2, "no range of bytes"),
                (("README.md", "--range", "1-2-3"), 2, "no range of bytes"),
                (("README.md", "--range", "99999999999999999999-"), 2,
                 "no range of bytes")):
            out, _, err = self.cat(self.expert, *args, code=code)
            self.assertEqual(out, b"")
            self.assertIn(words, err)
            self.assertIn("\ntry: ", err)
        self.expert.run("cat", "nothing", "x", code=3)
        with open("/dev/full", "wb") as full:
            _, _, err = self.cat(self.expert, "README.md", code=8, out=full)
        self.assertIn("error: ", err)

    # The first byte comes at once, and what is not read is not fetched.
    def test_first_byte(self):
        self.publish(**{"01.mp4": random_bytes(1, 200 * MIB),
                        "02.mp4": random_bytes(2, 60 * MIB)})
        node = self.node(self.expert)
        learner = self.home()
        r = self.reading(learner, "01.mp4", "--peer", node.peer)
        first = r.read(1)
        wait = time.monotonic() - r.t0
        out, j, _ = r.end()
        self.assertEqual(first + out, self.files["01.mp4"])
        self.assertLess(wait, 1)
        self.assertLess(j["first_seconds"], 1)
        self.assertLess(j["fetched_bytes"], 202 * MIB)
        again, j, _ = self.cat(learner, "01.mp4", "--offline")
        self.assertEqual((again, j["fetched_bytes"]), (self.files["01.mp4"], 0))
        half, j, _ = self.cat(learner, "02.mp4", "--range",
                              f"{30 * MIB}-{31 * MIB - 1}", "--peer",
                              node.peer)
        self.assertEqual(half, self.files["02.mp4"][30 * MIB:31 * MIB])
        self.assertLess(j["fetched_bytes"], 4 * MIB)
        # The rest by get, and no chunk twice.
        got = learner.json("get", self.p["course"], "--peer", node.peer)
        self.assertEqual(got["state"], "complete")
        self.assertLess(got["fetched_bytes"], 60 * MIB)

    # Whoever reads slowly is not buried: a window ahead is fetched, no more.
    def test_slow_reader(self):
        self.publish(**{"v.mp4": random_bytes(3, 120 * MIB)})
        node = self.node(self.expert)
        learner = self.home()
        mine = self.node(learner)
        r = self.reading(learner, "v.mp4", "--peer", node.peer)
        got = r.read(MIB)
        time.sleep(2)
        self.assertLess(packed(learner), 30 * MIB)
        with open(f"/proc/{mine.p.pid}/status") as f:
            anon = [l for l in f if l.startswith("RssAnon")][0]
        self.assertLess(int(anon.split()[1]), 128 << 10)
        self.assertEqual(got + r.end()[0], self.files["v.mp4"])

    def test_reader_leaves(self):
        self.publish(**{"v.mp4": random_bytes(4, 60 * MIB)})
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        r = self.reading(learner, "v.mp4", "--peer", node.peer)
        self.assertEqual(r.read(1000), self.files["v.mp4"][:1000])
        r.p.stdout.close()
        r.p.stdout = None
        self.assertNotIn("error", r.end()[2])
        r = self.reading(learner, "v.mp4", "--peer", node.peer)
        self.assertEqual(r.read(2 * MIB), self.files["v.mp4"][:2 * MIB])
        r.p.send_signal(signal.SIGINT)
        r.p.stdout.close()
        r.p.stdout = None
        r.end(130)
        held = packed(learner)
        self.assertGreater(held, MIB)
        out, j, _ = self.cat(learner, "v.mp4", "--peer", node.peer)
        self.assertEqual(out, self.files["v.mp4"])
        self.assertLess(j["fetched_bytes"], 61 * MIB - held + 4 * MIB)

    # The only seeder goes: what came is there, and the rest can be had later.
    def test_seeder_dies(self):
        data = random_bytes(5, 60 * MIB)
        self.publish(**{"v.mp4": data})
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        r = self.reading(learner, "v.mp4", "--peer", node.peer, "--timeout",
                         "2s")
        got = r.read(MIB)
        node.kill()
        out, j, err = r.end(7)
        got += out
        self.assertEqual(got, data[:len(got)])
        self.assertEqual(j["bytes"], len(got))
        self.assertIn(f"--range {len(got)}-{len(data) - 1}", err)
        _, _, err = self.cat(learner, "v.mp4", "--offline", "--range",
                             f"{len(got)}-", code=6)
        self.assertIn("--offline", err)
        node = self.node(self.expert)
        out, j, _ = self.cat(learner, "v.mp4", "--peer", node.peer, "--range",
                             f"{len(got)}-{len(data) - 1}")
        self.assertEqual(got + out, data)
        other = self.home()
        other.run("cat", self.p["course"], "v.mp4", code=3)
        r = Reading(other, self.p["ticket"], "v.mp4", "--peer",
                    "127.0.0.1:9@" + "07" * 32, "--timeout", "1s")
        self.assertIn("\ntry: ", r.end(6)[2])

    # A newer edition comes in the middle: as long as the file is the same
    # nobody notices; another file is never mixed with it.
    def test_new_edition(self):
        same, edited = random_bytes(6, 40 * MIB), random_bytes(7, 40 * MIB)
        self.publish(**{"same.bin": same, "edited.bin": edited})
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        mine = self.node(learner)
        a = self.reading(learner, "same.bin", "--peer", node.peer)
        b = self.reading(learner, "edited.bin", "--peer", node.peer)
        start = a.read(100000), b.read(100000)
        self.write("course/edited.bin", random_bytes(8, 41 * MIB))
        self.publish(**{"more.md": b"# More\n"})
        end = time.monotonic() + 20
        while time.monotonic() < end:
            info = learner.json("info", self.p["course"], "--versions")
            if len(info["versions"]) > 1:
                break
            time.sleep(0.1)
        out, j, _ = a.end()
        self.assertEqual(start[0] + out, same)
        self.assertEqual(j["edition"], 2)
        out, j, err = b.end(10)
        self.assertEqual(start[1] + out, edited[:100000 + len(out)])
        self.assertIn("edition 2", err)
        mine.stop()

    # A chunk has rotted here: it is fetched again, and nothing wrong is read.
    def test_rot(self):
        data = random_bytes(9, 8 * MIB)
        self.publish(**{"v.mp4": data})
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        learner.json("get", self.p["ticket"], "--peer", node.peer)
        [pack] = [f.path for f in os.scandir(learner.path + "/packs")]
        with open(pack, "r+b") as f:
            f.seek(5 * MIB)
            f.write(b"\0" * 64)
        out, j, _ = self.cat(learner, "v.mp4", "--peer", node.peer)
        self.assertEqual(out, data)
        self.assertGreater(j["fetched_bytes"], 0)
        learner.run("verify", self.p["course"])

    # Readers and a get of one course share what comes; when the get is stopped
    # the readers go on.
    def test_together(self):
        self.publish(**{"a.mp4": random_bytes(10, 30 * MIB),
                        "b.mp4": random_bytes(11, 30 * MIB),
                        "c.mp4": random_bytes(12, 90 * MIB)})
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        self.node(learner)
        reads = [self.reading(learner, f, "--peer", node.peer)
                 for f in ("a.mp4", "b.mp4", "a.mp4")]
        starts = [r.read(1000) for r in reads]
        get = learner.start("get", self.p["course"], "--peer", node.peer)
        time.sleep(0.2)
        get.signal(signal.SIGINT)
        get.wait()
        for r, f, s in zip(reads, ("a.mp4", "b.mp4", "a.mp4"), starts):
            self.assertEqual(s + r.end()[0], self.files[f])
        held = packed(learner)
        time.sleep(1)
        self.assertEqual(packed(learner), held)  # nobody fetches now
