"""A person's key leaves a home and comes to another: files and sheets."""
import os
import pty
import time

from lib import Case, clean_env


class Identity(Case):
    def setUp(self):
        super().setUp()
        self.pass_file = self.secret("pass", "correct horse\n")
        self.env = {"LYCEUM_PASSPHRASE_FILE": self.pass_file}
        self.file = self.path("ada.key")

    def secret(self, name, text):
        path = self.write(name, text)
        os.chmod(path, 0o600)
        return path

    def words(self, r, code):
        self.assertEqual(r.code, code, r)
        for word in ("error: ", "\nwhy: ", "\ntry: "):
            self.assertIn(word, r.err)
        return r

    def sealed_home(self):
        home = self.home()
        home.json("init", "--name", "ada", **self.env)
        return home

    def read(self, *parts):
        with open(os.path.join(*parts), "rb") as f:
            return f.read()

    def assertNoIdentity(self, home):
        self.assertFalse(os.path.exists(home.path + "/identity.key"))

    # The same person, another node; what is signed there is theirs.
    def test_round_trip(self):
        home = self.sealed_home()
        e = home.json("id", "export", self.file, **self.env)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        self.assertTrue(e["sealed"])
        self.assertNotIn(home.json("id")["node"].encode(), self.read(self.file))
        other = self.home()
        i = other.json("id", "import", self.file, **self.env)
        a = home.json("id")
        self.assertEqual((i["did"], i["name"]), (a["did"], "ada"))
        self.assertEqual(e["did"], a["did"])
        self.assertNotEqual(i["node"], a["node"])
        key = os.path.join(other.path, "identity.key")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        self.write("c/a.md", "# A\n")
        self.words(other.run("publish", self.path("c"), code=None), 5)
        p = other.json("publish", self.path("c"), **self.env)
        author = other.json("ls")["courses"][0]["author"]
        self.assertEqual((p["edition"], author), (1, a["did"]))

    # A key without a passphrase gets one on its way out, unless that is said.
    def test_plain(self):
        home = self.home("ada")
        self.words(home.run("id", "export", self.file, code=None), 5)
        self.assertFalse(os.path.exists(self.file))
        home.json("id", "export", self.file, **self.env)
        self.assertIn(b"argon2id", self.read(self.file))
        open_file = self.path("open.key")
        self.assertFalse(home.json("id", "export", open_file,
                                   "--no-passphrase")["sealed"])
        for file, args, env in ((self.file, (), self.env),
                                (open_file, (), self.env),
                                (open_file, ("--no-passphrase",), {})):
            other = self.home()
            i = other.json("id", "import", file, *args, **env)
            self.assertEqual(i["did"], home.json("id")["did"])
            key = self.read(other.path, "identity.key")
            self.assertEqual(b"argon2id" in key, bool(env))
        with open(self.file, encoding="ascii") as f:
            self.assertEqual(self.home().json(
                "id", "import", "-", stdin=f.read(), **self.env)["did"],
                home.json("id")["did"])

    # Nothing that is there is written over, in either direction.
    def test_keeps_what_is_there(self):
        home, other = self.sealed_home(), self.home("eve")
        before = self.read(other.path, "identity.key")
        self.write("ada.key", "mine")
        r = home.run("id", "export", self.file, code=None, **self.env)
        self.words(r, 10)
        self.assertEqual(self.read(self.file), b"mine")
        home.json("id", "export", "-y", self.file, **self.env)
        self.words(other.run("id", "import", self.file, code=None, **self.env),
                   10)
        self.assertEqual(self.read(other.path, "identity.key"), before)

    def test_wrong_passphrase(self):
        home = self.sealed_home()
        wrong = {"LYCEUM_PASSPHRASE_FILE": self.secret("wrong", "battery\n")}
        self.words(home.run("id", "export", self.file, code=None, **wrong), 5)
        self.assertEqual([f for f in os.listdir(self.dir) if "ada.key" in f],
                         [])
        home.json("id", "export", self.file, **self.env)
        other = self.home()
        for env in (wrong, {}):
            r = other.run("id", "import", self.file, code=None, **env)
            self.words(r, 5)
            self.assertNoIdentity(other)

    # No other file is taken for a key, whatever it is.
    def test_bad_files(self):
        self.sealed_home().json("id", "export", self.file, **self.env)
        good = self.read(self.file)
        bad = [b"", b"x", b"\0" * 100, good * 50, good[:-1], good[1:],
               good.replace(b"did:key:z6Mk", b"did:key:z6Mm"),
               good.replace(b"lyceum-key 1", b"lyceum-key 2")]
        bad += [good[:n] for n in range(0, len(good), 29)]
        other = self.home()
        for data in bad:
            r = other.run("id", "import", self.write("bad.key", data),
                          code=None, **self.env)
            self.words(r, 4)
            self.assertNoIdentity(other)
        self.words(other.run("id", "import", self.path("none"), code=None), 3)
        other.json("id", "import", self.file, **self.env)

    def test_no_identity(self):
        self.words(self.home().run("id", "export", self.file, code=None), 5)
        self.assertFalse(os.path.exists(self.file))

    # --- sheets

    def sheet(self, home, *args):
        return home.run("id", "export", "--sheet", *args, **self.env).out

    def test_sheet(self):
        home = self.sealed_home()
        did = home.json("id")["did"]
        text = self.sheet(home)
        for word in ("ada", did, "id import --sheet", time.strftime("%Y-%m-")):
            self.assertIn(word, text)
        rows = [r for r in text.splitlines() if not r.startswith("#")]
        self.assertEqual(len(rows), 8)
        typed = "\n".join(r[3:].lower().replace("-", " ").replace("0", "o")
                          for r in rows)
        for words in (text, typed, "\n".join(reversed(rows))):
            other = self.home()
            i = other.json("id", "import", "--sheet", "-", "--name", "ada",
                           stdin=words, **self.env)
            self.assertEqual((i["did"], i["name"]), (did, "ada"))
            self.assertIn(b"argon2id", self.read(other.path, "identity.key"))
        self.sheet(home, self.file)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        other = self.home()
        self.assertEqual(other.json("id", "import", "--sheet", self.file,
                                    "--no-passphrase")["did"], did)
        self.words(home.run("id", "import", "--sheet", self.file, code=None), 10)
        zh = self.sheet(home, "--lang", "zh")
        self.assertIn("恢复纸条", zh)
        self.assertEqual(self.home().json("id", "import", "--sheet", "-",
                                          "--no-passphrase", stdin=zh)["did"],
                         did)

    # The row with the mistake is named, and nothing becomes of it.
    def test_sheet_mistyped(self):
        rows = [r for r in self.sheet(self.sealed_home()).splitlines()
                if not r.startswith("#")]
        other = self.home()
        for i in range(8):
            bad = list(rows)
            bad[i] = bad[i][:-1] + ("0" if bad[i][-1] != "0" else "4")
            for text in (bad, rows[:i] + rows[i + 1:], rows + [rows[i]]):
                r = other.run("id", "import", "--sheet", "-", code=None,
                              stdin="\n".join(text), **self.env)
                self.assertIn(f"row {i + 1} ", self.words(r, 4).err)
                self.assertNoIdentity(other)
        self.words(other.run("id", "import", "--sheet", "-", code=None,
                             stdin="x" * 20000, **self.env), 4)
        self.words(other.run("id", "export", code=None), 2)

    # On a terminal a mistyped row is asked for again.
    def test_sheet_typed(self):
        home = self.sealed_home()
        rows = [r[3:] for r in self.sheet(home).splitlines()
                if not r.startswith("#")]
        other = self.home()
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe(other.binary,
                       other.argv("id", "import", "--sheet", "-"),
                       clean_env(**self.env))
        seen = b""
        for row in ["7 7", rows[0], "o" * 10, *rows[1:]]:
            while not seen.rstrip().endswith(b"of 8:"):
                seen += os.read(fd, 1024)
            seen = b""
            os.write(fd, row.encode() + b"\n")
        try:
            while True:
                seen += os.read(fd, 1024)
                if not seen:
                    break
        except OSError:
            pass
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0,
                         seen)
        self.assertEqual(other.json("id")["did"], home.json("id")["did"])
