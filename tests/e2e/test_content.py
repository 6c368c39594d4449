"""Every shape of course that people have: many files, one huge file, empty ones,
names of the world, working trees, a single page."""
import json
import os
import shutil
import subprocess
import sys

import content
from lib import LYCEUM_ASAN, Case, clean_env, random_bytes, walk


class Content(Case):
    def round_trip(self, src, binary=None, ignore=()):
        expert, learner = self.home("expert", binary), \
            self.home("learner", binary)
        p = expert.json("publish", src)
        node = self.node(expert)
        out = self.path("out")
        g = learner.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(src, out, ignore)
        self.assertTrue(learner.json("verify", "--all")["ok"])
        return p, g

    # Twenty thousand small files travel as a few hundred chunks.
    def test_twenty_thousand_small_files(self):
        src = content.small_files(self.path("many"), 20000)
        p, _ = self.round_trip(src)
        self.assertEqual(p["files"], 20000)
        self.assertLess(p["chunks"], 400)

    # A file of 2 GiB, in bounded memory on both sides.
    def test_two_gibibytes(self):
        os.makedirs(self.path("big"))
        block = random_bytes("big", 1 << 20)
        with open(self.path("big/film.mkv"), "wb") as f:
            for i in range(2048):
                f.write(i.to_bytes(8, "big") + block[8:])
        expert, learner = self.home("expert"), self.home("learner")
        p = self.peak(expert, "publish", self.path("big"))
        self.assertEqual(p["bytes"], 2 << 30)
        node = self.node(expert)
        self.peak(learner, "get", p["ticket"], "--peer", node.peer, "--to",
                  self.path("out"))
        self.assertEqual(subprocess.run(
            ["cmp", self.path("big/film.mkv"), self.path("out/film.mkv")]
        ).returncode, 0)

    def peak(self, home, *args):
        """Run a command; its peak resident memory stays under 160 MiB. A small
        process starts it: a fork of this one would count with what it has."""
        script = ("import resource, subprocess, sys\n"
                  "p = subprocess.run(sys.argv[1:])\n"
                  "u = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
                  "print(u.ru_maxrss, file=sys.stderr)\n"
                  "sys.exit(p.returncode)\n")
        r = subprocess.run([sys.executable, "-c", script,
                            *home.argv("--json", "--progress=none", *args)],
                           capture_output=True, text=True, env=clean_env())
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertLess(int(r.stderr.split()[-1]), 160 * 1024, args)
        return json.loads(r.stdout)

    # Empty files and folders, executables, names in Chinese and Arabic.
    def test_odd_names_and_empty_things(self):
        for name in ("What is C?.md", "第一课/指针与数组.md",
                     "الدرس الأول/مقدمة.md", ".gitignore", "a b  c.txt",
                     "xt_MARK.h", "xt_mark.h", "-rf.txt", "~tilde", "ünï.md"):
            self.write("odd/" + name, f"# {name}\n")
        self.write("odd/empty.txt", "")
        self.write("odd/deep/" + "d/" * 40 + "leaf.txt", "leaf")
        self.write("odd/run.sh", "#!/bin/sh\necho hi\n")
        os.chmod(self.path("odd/run.sh"), 0o755)
        os.makedirs(self.path("odd/empty folder/inside"))
        self.round_trip(self.path("odd"), LYCEUM_ASAN)
        self.assertTrue(os.access(self.path("out/run.sh"), os.X_OK))
        self.assertFalse(os.access(self.path("out/empty.txt"), os.X_OK))

    # A git working tree: the sources travel, .git stays home.
    def test_git_working_tree(self):
        src = content.small_files(self.path("tree"), 150)
        self.write("tree/.gitignore", "*.o\n")
        git = ["git", "-C", src, "-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", "init", "-q", src], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "all"], check=True)
        self.round_trip(src, LYCEUM_ASAN, ignore=(".git",))
        self.assertNotIn(".git", os.listdir(self.path("out")))

    # A course of one Markdown file.
    def test_single_page(self):
        page = self.write("pages/pointers.md", "# Pointers in an hour\n\nText.\n")
        expert, learner = self.home("expert"), self.home("learner")
        p = expert.json("publish", page)
        self.assertEqual(p["files"], 1)
        self.assertEqual(expert.json("ls")["courses"][0]["title"],
                         "Pointers in an hour")
        node = self.node(expert)
        learner.json("get", p["ticket"], "--peer", node.peer, "--to",
                     self.path("out"))
        self.assertEqual(walk(self.path("out")), ["pointers.md"])

    # course.yaml is obeyed; a mistake in it is named with its line.
    # What an expert exports, or gets into a folder, is a copy: it may go.
    def test_export_is_a_copy(self):
        expert = self.home("expert")
        self.write("course/video.bin", random_bytes("video", 3 << 20))
        p = expert.json("publish", self.path("course"))
        node = self.node(expert)
        expert.json("export", p["course"], self.path("out"))
        expert.json("get", p["course"], "--to", self.path("too"))
        for out in ("out", "too"):
            self.assertSameTree(self.path("course"), self.path(out))
            shutil.rmtree(self.path(out))
        v = expert.json("verify", "--all")
        self.assertEqual((v["ok"], v["missing"]), (True, 0))
        self.home("learner").json("get", p["ticket"], "--peer", node.peer)

    def test_course_yaml(self):
        self.write("c/a.md", "# A\n")
        self.write("c/b.md", "# B\n")
        self.write("c/course.yaml",
                   "title: The C Language\nlanguage: en\nlevel: beginner\n"
                   "tags: [c, systems]\nmodules:\n  - title: Start\n"
                   "    lessons:\n      - b.md\n      - path: a.md\n"
                   "        title: Second\n")
        home = self.home("expert")
        home.json("publish", self.path("c"))
        self.assertEqual(home.json("ls")["courses"][0]["title"],
                         "The C Language")
        i = home.json("info", "the-c-language")
        self.assertEqual(i["level"], "beginner")
        self.write("c/course.yaml", "title: X\nprize: 3\n")
        r = home.run("lint", self.path("c"), code=None)
        self.assertNotEqual(r.code, 0)
        self.assertIn("course.yaml:2", r.out + r.err)

    # What looks like a secret stops a publish, with the file named.
    def test_secrets_stop_it(self):
        self.write("s/README.md", "# S\n")
        self.write("s/.env", "TOKEN=1\n")
        home = self.home("expert")
        r = home.run("publish", self.path("s"), code=11)
        self.assertIn(".env", r.err)
        self.assertEqual(home.json("ls")["courses"], [])
        home.json("publish", self.path("s"), "--allow-secrets")

    # `new` makes a folder that publishes as it is.
    def test_new_publishes(self):
        home = self.home("expert")
        home.json("new", self.path("fresh"))
        home.json("lint", self.path("fresh"))
        self.assertGreater(home.json("publish", self.path("fresh"))["files"], 0)
