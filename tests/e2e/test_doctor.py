"""doctor: what may be wrong here, on machines where it is."""
import hashlib
import os
import socket
import subprocess
import time
import unittest

import lan
from lib import LYCEUM_ASAN, Case, clean_env, random_bytes

IDS = ["home", "node", "config", "identity", "index", "disk", "filesystem",
       "files", "clock", "port", "mdns", "nat"]


def tree(path):
    """Every name below a folder, with what is in it."""
    found = {}
    for folder, _, files in os.walk(path):
        found[folder] = os.stat(folder).st_mtime_ns
        for f in files:
            full = os.path.join(folder, f)
            if os.path.isfile(full):
                with open(full, "rb") as g:
                    found[full] = hashlib.sha256(g.read()).hexdigest()
    return found


class Doctor(Case):
    def setUp(self):
        super().setUp()
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        self.free = f"127.0.0.1:{s.getsockname()[1]}"
        s.close()

    def doctor(self, home, *args, code=0, **env):
        """The findings by id; the home is as it was."""
        before = tree(home.path)
        r = home.run("--json", "doctor", *args, code=code, **env)
        self.assertEqual(tree(home.path), before)
        self.assertEqual((r.json["v"], r.json["ok"]), (1, code == 0))
        checks = r.json["checks"]
        for c in checks:
            self.assertTrue(c["text"], c)
            self.assertEqual(c["state"] != "ok", c["try"] != "", c)
        self.assertEqual(code != 0, any(c["state"] == "problem"
                                        for c in checks))
        if code:
            self.assertIn("\ntry: ", r.err)
        return {c["id"]: c for c in checks}

    def local(self, home=None, **kw):
        home = home or self.home(binary=LYCEUM_ASAN, **kw)
        if not os.path.exists(home.path):
            home.json("config", "set", "listen", self.free)
        return home

    # Before there is anything: nothing is made.
    def test_no_home(self):
        home = self.home(binary=LYCEUM_ASAN)
        r = home.run("--json", "doctor", code=None).json
        self.assertFalse(os.path.exists(home.path))
        self.assertEqual([c["id"] for c in r["checks"]], IDS)
        text = home.run("doctor", code=None).out
        self.assertIn("is made when it is needed", text)

    def test_well(self):
        home = self.local()
        home.json("init", "--name", "ada", LYCEUM_PASSPHRASE_FILE=self.write(
            "secret", "horse\n"))
        found = self.doctor(home)
        for c in ("home", "node", "config", "identity", "index", "disk",
                  "clock", "port"):
            self.assertEqual(found[c]["state"], "ok", found[c])
        self.assertIn("passphrase", found["identity"]["text"])
        node = self.node(home, listen=self.free)
        found = self.doctor(home)
        self.assertIn("answers", found["node"]["text"])
        self.assertIn(self.free, found["port"]["text"])
        self.assertEqual(found["port"]["state"], "ok")
        node.stop()
        text = home.run("--lang", "zh", "doctor").out
        self.assertIn("正常", text)
        self.assertNotRegex(text, r"\b(?:is|was|the|free)\b")

    def test_home(self):
        home = self.local()
        home.init("ada")
        found = self.doctor(home)
        self.assertEqual(found["identity"]["state"], "warning")
        os.chmod(home.path, 0o755)
        found = self.doctor(home, code=1)
        self.assertEqual(found["home"]["state"], "problem")
        self.assertIn("chmod 0700", found["home"]["try"])
        os.chmod(home.path, 0o700)
        with open(home.path + "/config", "a", encoding="ascii") as f:
            f.write("moon = full\n")
        os.chmod(home.path + "/identity.key", 0o644)
        found = self.doctor(home, code=1)
        self.assertIn("moon", found["config"]["text"])
        self.assertEqual(found["identity"]["state"], "problem")

    # Somebody has the home who does not answer: a node that was stopped.
    def test_frozen_node(self):
        home = self.local()
        node = self.node(home, listen=self.free)
        os.kill(node.p.pid, 19)
        try:
            found = self.doctor(home, "--timeout", "2s", code=1)
        finally:
            os.kill(node.p.pid, 18)
        self.assertIn("does not answer", found["node"]["text"])

    def test_index(self):
        home = self.local()
        home.init("ada")
        self.write("c/a.bin", random_bytes(1, 1 << 20))
        home.json("publish", self.path("c"))
        self.assertIn("sound", self.doctor(home)["index"]["text"])
        with open(home.path + "/index.db", "r+b") as f:
            f.seek(4096)
            f.write(b"\xff" * 8192)
        found = self.doctor(home)
        self.assertEqual(found["index"]["state"], "warning")
        v = home.json("verify", "--all")  # what it says mends it
        self.assertTrue(v["ok"])
        self.assertEqual(self.doctor(home)["index"]["state"], "ok")

    def test_port(self):
        home = self.local()
        with socket.socket() as s:
            host, port = self.free.split(":")
            s.bind((host, int(port)))
            s.listen()
            found = self.doctor(home, code=1)
        self.assertIn(f"(process {os.getpid()})", found["port"]["text"])
        home.json("config", "set", "listen", "127.0.0.1:0")
        self.assertEqual(self.doctor(home)["port"]["state"], "ok")

    def test_files(self):
        home = self.local()
        r = subprocess.run(["sh", "-c", 'ulimit -n 500; exec "$@"', "sh",
                            *home.argv("doctor")], capture_output=True,
                           text=True, env=clean_env())
        self.assertIn("500 may be open", r.stdout)
        self.assertIn("ulimit -n 1024", r.stdout)

    # A clock that is wrong by years, as far as the home or the program knows.
    def test_clock(self):
        home = self.local()
        home.init("ada")
        self.write("c/a.md", "# A\n")
        day = 86400
        home.json("publish", self.path("c"))
        wrong = self.at(home, time.time() - 300 * 365 * day // 100)
        self.assertEqual(wrong["clock"]["state"], "problem", wrong["clock"])
        wrong = self.at(home, time.time() + 50 * 365 * day)
        self.assertIn("after this program", wrong["clock"]["text"])
        self.write("c/b.md", "# B\n")
        self.run_at(home, time.time() + 400 * day, "publish", self.path("c"))
        found = self.doctor(home)
        self.assertEqual(found["clock"]["state"], "warning")
        self.assertIn(" days ahead", found["clock"]["text"])

    def run_at(self, home, seconds, *args, code=0):
        when = time.strftime("@%Y-%m-%d %H:%M:%S", time.localtime(seconds))
        plain = self.home()
        plain.path = home.path
        return plain.run(*args, code=code, FAKETIME=when, LD_PRELOAD=FAKETIME,
                         FAKETIME_DONT_FAKE_MONOTONIC="1")

    def at(self, home, seconds):
        r = self.run_at(home, seconds, "--json", "doctor", code=1)
        return {c["id"]: c for c in r.json["checks"]}

    @unittest.skipUnless(lan.possible(), "no network namespaces here")
    def test_networks(self):
        with lan.Lan() as net:
            machine = net.machine()
            home = self.local()
            home.prefix = tuple(machine.prefix)
            found = self.doctor(home)
            self.assertEqual(found["mdns"]["state"], "ok", found["mdns"])
            self.assertIn("eth0", found["mdns"]["text"])
            self.assertEqual(found["nat"]["state"], "warning")
            self.assertIn(machine.address, found["nat"]["text"])
            port = self.free.split(":")[1]
            self.assertIn(f"TCP port {port}", found["nat"]["try"])
            self.assertNotIn("mdns", self.doctor(home, "--offline"))
            machine.sh("ip addr add 198.51.99.7/24 dev eth0")
            self.assertIn("198.51.99.7", self.doctor(home)["nat"]["text"])
            machine.sh("ip link set eth0 multicast off")
            self.assertEqual(self.doctor(home)["mdns"]["state"], "warning")
            machine.sh("ip link set eth0 down")
            found = self.doctor(home)
            self.assertIn("no interface", found["mdns"]["text"])
            self.assertIn("no address", found["nat"]["text"])

    # A disk that is full, and gone after a restart.
    @unittest.skipUnless(lan.possible(), "no namespaces here")
    def test_disk(self):
        home = self.local()
        os.makedirs(self.path("small"), exist_ok=True)
        script = (f"mount -t tmpfs -o size=8m none {self.path('small')};"
                  f"head -c 8300000 /dev/zero > {self.path('small/x')};"
                  f"exec {LYCEUM_ASAN} --json --home {self.path('small/home')}"
                  " doctor --listen 127.0.0.1:0")
        r = subprocess.run(["unshare", "-Urm", "sh", "-c", script],
                           capture_output=True, text=True, env=clean_env())
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("nothing more can be fetched", r.stdout)
        self.assertIn("tmpfs", r.stdout)
        self.assertEqual(os.listdir(self.path("small")), [])
        self.assertEqual(home.run("ls").code, 0)


FAKETIME = next((p for p in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                             "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1")
                 if os.path.exists(p)), "")
