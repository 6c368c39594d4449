"""A ticket's picture, read back by a program that reads such pictures; a node
watched."""
import os
import pty
import signal
import subprocess
import time

from lib import Case, clean_env, random_bytes


def read_png(path):
    """What zbarimg, a QR reader of its own, finds in @path."""
    return subprocess.run(["zbarimg", "-q", "--raw", path], check=True,
                          capture_output=True, text=True).stdout.strip()


def paint(lines, path):
    """Half blocks, as a grey picture for the reader."""
    light = {" ": (0, 0), "▄": (0, 255), "▀": (255, 0), "█": (255, 255)}
    rows = []
    for line in lines:
        for half in (0, 1):
            row = b"".join(bytes([light[ch][half]]) * 6 for ch in line)
            rows += [row] * 6
    with open(path, "wb") as f:
        f.write(b"P5 %d %d 255\n" % (len(rows[0]), len(rows)) + b"".join(rows))


class Ticket(Case):
    def course(self):
        home = self.home("expert")
        self.write("git-basics/a.md", "# Git basics\n" * 40)
        home.json("publish", self.path("git-basics"))
        return home

    def test_png(self):
        home, png = self.course(), self.path("ticket.png")
        ticket = home.run("ticket", "git-basics").out.strip()
        r = home.run("ticket", "git-basics", "--qr", png)
        self.assertEqual(r.out.strip(), ticket)
        self.assertEqual(read_png(png), ticket)
        j = home.json("ticket", "--qr", png, "git-basics")
        self.assertEqual((j["ticket"], j["qr"]), (ticket, png))
        home.run("ticket", "git-basics", "--qr=" + self.path("t"))
        self.assertEqual(read_png(self.path("t")), ticket)

    def test_terminal(self):
        home = self.course()
        ticket = home.run("ticket", "git-basics").out.strip()
        for args in (("git-basics", "--qr"), ("--qr", "git-basics")):
            *code, last = home.run("ticket", *args).out.splitlines()
            self.assertEqual(last, ticket)
            self.assertEqual(len({len(line) for line in code}), 1)
            paint(code, self.path("code.pgm"))
            self.assertEqual(read_png(self.path("code.pgm")), ticket)

    # What cannot be written says so, and the ticket itself is still printed.
    def test_cannot_be_saved(self):
        home = self.course()
        r = home.run("ticket", "git-basics", "--qr", self.path("no/t.png"),
                     code=None)
        self.assertNotEqual(r.code, 0)
        self.assertIn("no/t.png", r.err)
        self.assertTrue(r.out.startswith("lyceum:"))
        self.assertFalse(os.path.exists(self.path("no")))

    def test_watch(self):
        expert, learner = self.home("expert"), self.home("learner")
        src = self.path("c")
        self.write("c/clip.mp4", random_bytes(7, 8 << 20))
        p = expert.json("publish", src)
        watch = expert.start("--json", "status", "--watch")
        self.addCleanup(watch.kill)
        self.assertIn('"running":false', watch.expect("{"))
        node = self.node(expert)  # the watch does not hold the home
        seen = watch.expect('{"v":1,"running":true', 20)
        self.assertIn(node.key, seen)
        lasting = self.node(learner)
        learner.json("get", p["ticket"], "--peer", node.peer)
        end = time.monotonic() + 20
        while lasting.key not in seen and time.monotonic() < end:
            seen = watch.expect("{", 20)
        self.assertIn(lasting.key, seen)
        self.assertIn('"out_bps"', seen)
        watch.signal(signal.SIGINT)
        self.assertEqual(watch.wait(10).code, 130)

    def test_watch_on_a_terminal(self):
        home = self.home("expert")
        lead, follow = pty.openpty()
        p = subprocess.Popen(home.argv("status", "--watch"), stdout=follow,
                             stdin=subprocess.DEVNULL, env=clean_env())
        self.addCleanup(lambda: p.poll() is None and p.kill())
        os.close(follow)
        text = b""
        while text.count(b"\033[H\033[J") < 2:
            text += os.read(lead, 4096)
        self.assertIn(b"not running", text)
        p.send_signal(signal.SIGTERM)
        self.assertIn(p.wait(10), (130, -signal.SIGTERM))
        os.close(lead)
