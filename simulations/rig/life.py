"""life: an expert and a learner, each on a machine that may fail at any instant,
and a ledger of all that either was told is done. After each failure the node
must be up again by itself and know everything in the ledger."""
import hashlib
import json
import os
import random
import subprocess
import time

from lib import Home, Node, clean_env, random_bytes
from machines import Plain

TEXTS, VIDEOS, SHELF = 40, 2, 2
VIDEO_BYTES = 3 << 20
MINE = {"mine.txt": "mine", "text/039.md": "my notes"}  # the learner's own


def tree(top):
    """path -> what is there."""
    found = {}
    for folder, subs, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, top)] = hashlib.sha256(
                    f.read()).hexdigest()
        if not subs and not files and folder != top:
            found[os.path.relpath(folder, top) + "/"] = ""
    return found


def need(truth, text, *values):
    if not truth:
        raise AssertionError(" ".join([text, *map(str, values)]))


class Person:
    """A home on a machine of its own, and what its owner was told."""

    def __init__(self, life, name, machine):
        self.life, self.machine = life, machine
        self.home = Home(os.path.join(machine.path, "home"))
        self.identity = self.home.init(name)
        self.courses = {}  # course -> the editions it may be at
        self.pinned = {}   # course -> True, False
        self.records, self.newest = set(), None

    def path(self, *parts):
        return os.path.join(self.machine.path, *parts)

    def write(self, path, data):
        full = self.path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return full

    def knows(self, course, edition, record=None):
        self.courses[course] = {edition}
        if record:
            self.records.add(record)
            self.newest = record

    def forgets(self, course):
        self.courses.pop(course, None)
        self.pinned.pop(course, None)

    def some_records(self):
        """The newest, and some of the others."""
        old = sorted(self.records - {self.newest})
        return [self.newest] * (self.newest in self.records) + \
            self.life.rng.sample(old, min(3, len(old)))

    def start(self):
        """The node, and how long it took to be ready."""
        t = time.monotonic()
        node = Node(self.home, "--listen", "127.0.0.1:0")
        self.life.nodes.append(node)
        return node, time.monotonic() - t

    def check(self, last=False):
        """All that was acknowledged is known; True when the content is whole. Of
        the older records a few stand for all, but for the last time."""
        ls = {c["course"]: c for c in self.home.json("ls")["courses"]}
        need(set(ls) == set(self.courses), "courses:", set(ls),
             "not", set(self.courses))
        for course, editions in self.courses.items():
            at = ls[course]["edition"]
            need(at in editions, "edition", at, "not of", editions)
        for course, pinned in self.pinned.items():
            need(ls[course]["pinned"] in pinned, "pinned is not", pinned)
        me = self.home.json("id")
        need((me["did"], me["node"]) == (self.identity["did"],
                                         self.identity["node"]), "identity:", me)
        for record in self.records if last else self.some_records():
            self.home.json("record", "show", record)
        aside = [f for f in os.listdir(self.home.path) if ".bad-" in f]
        need(not aside, "a database was given up:", aside)
        v = self.home.json("verify", "--all", code=None)
        return v["ok"] and v["missing"] == 0 and all(
            c["state"] == "complete" for c in ls.values())


class Life:
    """@rng: decides everything but what the machine's clock decides."""

    def __init__(self, path, seed, machine=Plain):
        os.makedirs(path)
        self.path, self.rng = path, random.Random(seed)
        self.seed, self.count, self.serving = seed, 0, None
        self.nodes = []
        self.people = [Person(self, n, machine(os.path.join(path, n)))
                       for n in ("expert", "learner")]
        self.expert, self.learner = self.people
        self.editions = {}
        self.shelf = [self.publish_new(f"shelf{i}") for i in range(SHELF)]
        self.first_edition()
        self.learn()

    def end(self):
        """Nothing has been lost in the whole life."""
        for person in self.people:
            need(person.check(last=True) or person.machine.loses_unsynced,
                 "content is missing at the end")

    def close(self, keep=False):
        for node in self.nodes:
            node.kill()
        for p in self.people:
            p.machine.close(keep)

    # --- the expert's courses

    def bytes(self, n):
        self.count += 1
        return random_bytes(f"{self.seed}/{self.count}", n)

    def publish_new(self, name):
        """One more small course of the expert's."""
        for i in range(5):
            self.expert.write(f"{name}/{i}.md", f"# {name}, lesson {i}\n" * 50)
        self.expert.write(f"{name}/video.bin", self.bytes(2 << 20))
        p = self.expert.home.json("publish", self.expert.path(name))
        self.expert.knows(p["course"], 1, p["record"])
        return p

    def first_edition(self):
        for i in range(VIDEOS):
            self.expert.write(f"course/video{i}.bin", self.bytes(VIDEO_BYTES))
        for i in range(TEXTS):
            self.expert.write(f"course/text/{i:03}.md", f"# Lesson {i}\n" * 40)
        self.edition = 0
        self.publish()

    def edit(self):
        """What the next edition differs in: a little of a large file, a text, a
        file that comes and one that goes."""
        e = self.edition + 1
        video = self.expert.path(f"course/video{e % VIDEOS}.bin")
        with open(video, "r+b") as f:
            f.seek(self.rng.randrange(VIDEO_BYTES - 200000))
            f.write(self.bytes(150000))
        self.expert.write(f"course/text/{e % (TEXTS - 1):03}.md", f"# In {e}\n")
        self.expert.write(f"course/new/{e}.md", f"# New in {e}\n" * 99)
        if e > 2:
            os.remove(self.expert.path(f"course/new/{e - 1}.md"))

    def publish(self):
        """The edition that the folder is now, acknowledged."""
        p = self.expert.home.json("publish", self.expert.path("course"))
        need(p["edition"] == self.edition + 1, "edition", p["edition"],
             "after", self.edition)
        self.published(p)

    def published(self, p):
        self.main, self.edition = p["course"], p["edition"]
        self.expert.knows(self.main, self.edition, p.get("record"))
        self.editions[self.edition] = tree(self.expert.path("course"))

    # --- between the two

    def serve(self, on):
        """The expert's node runs, or does not."""
        if on and self.serving is None:
            self.serving = self.expert.start()[0]
        elif not on and self.serving is not None:
            need(self.serving.stop().code == 0, "the node did not stop well")
            self.serving = None

    def peer(self):
        self.serve(True)
        return ["--peer", self.serving.peer]

    def learn(self):
        """The learner has the course, and works in its folder."""
        p = self.learner
        ticket = self.expert.home.json("ticket", self.main)["ticket"]
        p.home.json("get", ticket, *self.peer(), "--to", p.path("out"))
        self.had = []
        self.moved_to(self.edition)
        p.pinned[self.main] = {False}
        for path, text in MINE.items():
            p.write("out/" + path, text)

    def moved(self, *args):
        """A command that may find my edit, and says so. After a power cut it may
        find more that differs."""
        r = self.learner.home.run("--json", *args, code=None)
        if self.learner.machine.loses_unsynced:
            need(r.code in (0, 7, 10), str(r))
        else:
            need(r.code == 0 or (r.code == 10 and [
                f["path"] for f in r.json["edited"]] == ["text/039.md"]), str(r))
        return r.json

    def moved_to(self, edition):
        """The learner was told to be at that edition."""
        self.learner.knows(self.main, edition)
        self.had = sorted({*self.had, edition})

    def differs(self, top, want):
        """The files of a folder that are not as they should be, but for those of
        the learner, which must be as they were."""
        found = tree(top)
        for path, text in MINE.items() if top.endswith("/out") else ():
            with open(os.path.join(top, path), encoding="utf-8") as f:
                need(f.read() == text, "lost is", path)
        mine = {f for f in found if f in MINE or f.startswith("text/039.md")}
        want = {f: d for f, d in want.items() if f not in mine}
        have = {f: d for f, d in found.items() if f not in mine}
        return {f for f, _ in set(have.items()) ^ set(want.items())}

    def mend(self, course, top, want):
        """Files that a power cut has spoilt pass for edits of the learner's. By
        hand: away with them, and with the right ones beside them. Return: those
        that `verify` had not named."""
        home, wrong = self.learner.home, self.differs(top, want)
        v = home.json("verify", course, code=None)
        said = {f["path"] for f in v["edited"]}
        said |= {f for f in wrong if any(f in b["why"] for b in v["bad"])}
        for path in wrong:
            if os.path.exists(os.path.join(top, path)):
                os.remove(os.path.join(top, path))
        for node in self.nodes:  # one that runs would not see that they went
            if node is not self.serving and node.p.poll() is None:
                need(node.stop().code == 0, "the node did not stop well")
        self.moved("get", course, *self.peer(), "--to", top)
        return (wrong & set(want)) - said

    def same(self, person, course, folder):
        """What is read of a course is what is in that folder: its large files,
        and some of the small ones."""
        want = tree(folder)
        large = [f for f in want if f.endswith(".bin")]
        small = sorted(set(want) - set(large))
        for path in large + self.rng.sample(small, 2):
            p = subprocess.run(person.home.argv("cat", course, path),
                               capture_output=True, timeout=60, check=True,
                               env=clean_env(**person.home.env))
            need(hashlib.sha256(p.stdout).hexdigest() == want[path],
                 "another", path, "in", course)


def told(process):
    """What a command said before it was killed, if it had said all of it, and
    that all is done."""
    try:
        answer = json.loads("".join(process.out))
    except ValueError:
        return None
    done = "error" not in answer and answer.get("state") != "partial"
    return answer if done else None
