"""Identities, passphrases, and records that others can check."""
import os
import shutil
import subprocess

from lib import ROOT, Case

INTEROP = os.path.join(ROOT, "tests", "interop")


class Keys(Case):
    def passphrase(self, text="correct horse"):
        path = self.write("pass", text + "\n")
        os.chmod(path, 0o600)
        return path

    # The seed is asked for only by what signs.
    def test_passphrase(self):
        home = self.home()
        env = {"LYCEUM_PASSPHRASE_FILE": self.passphrase()}
        i = home.json("init", "--name", "ada", **env)
        self.assertEqual(home.json("id")["did"], i["did"])
        self.assertTrue(i["did"].startswith("did:key:z6Mk"))
        self.assertEqual(len(i["node"]), 64)
        with open(os.path.join(home.path, "identity.key")) as f:
            self.assertIn("argon2id", f.read())
        self.write("c/a.md", "# A\n")
        home.run("publish", self.path("c"), code=5)
        home.run("publish", self.path("c"), code=5,
                 LYCEUM_PASSPHRASE_FILE=self.write("wrong", "battery\n"))
        home.json("ls")
        p = home.json("publish", self.path("c"), **env)
        self.assertEqual(p["edition"], 1)

    # init keeps what is there.
    def test_init_twice(self):
        home = self.home()
        i = home.json("init", "--name", "ada", "--no-passphrase")
        home.run("init", "--name", "eve", "--no-passphrase", code=10)
        self.assertEqual(home.json("id")["did"], i["did"])

    # Learners need no identity; publishing does.
    def test_no_identity(self):
        home = self.home()
        self.assertEqual(home.json("ls")["courses"], [])
        self.write("c/a.md", "# A\n")
        home.run("publish", self.path("c"), code=5)

    # Two programs that share no code with us check our records, and find a
    # single flipped bit.
    def test_other_cose_libraries_agree(self):
        home = self.home("expert")
        self.write("c/a.md", "# A\n")
        p = home.json("publish", self.path("c"))
        checks = [["/usr/bin/python3", INTEROP + "/cose_check.py"]]
        modules = self.path("node")
        shutil.copytree(INTEROP, modules, ignore=shutil.ignore_patterns(
            "node_modules"))
        npm = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund",
                              "--prefix", modules],
                             capture_output=True, text=True)
        self.assertEqual(npm.returncode, 0, npm.stderr)
        checks.append(["node", modules + "/cose_check.cjs"])
        for record in (p["record"], p["course"]):
            raw, bent = self.path("r.cose"), self.path("bent.cose")
            home.json("record", "show", record, "--raw", raw)
            with open(raw, "rb") as f:
                data = bytearray(f.read())
            data[len(data) // 2] ^= 1
            self.write("bent.cose", bytes(data))
            for check in checks:
                ok = subprocess.run([*check, raw, record, "main"],
                                    capture_output=True, text=True)
                self.assertEqual(ok.returncode, 0, ok.stdout + ok.stderr)
                for args in ([bent, record, "main"], [raw, record, "other"],
                             [raw, "00" * 32, "main"]):
                    self.assertNotEqual(subprocess.run(
                        [*check, *args], capture_output=True).returncode, 0)
