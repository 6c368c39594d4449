"""ops: the commands that are cut short. Each prepares, is started, and after the
failure is run again: it must end then, and what it made must be right."""
import os
import shutil

from life import need, tree


class Op:
    who = "expert"
    weight = 2
    fetches = False  # what comes may be fetched again, until it is said to be here

    def __init__(self, life):
        self.life = life
        self.me = getattr(life, self.who)
        self.by_hand = self.untold = False

    def again(self):
        """It ends now. After a power cut, files that it spoilt pass for edits of
        the learner's, which a get tells of and leaves: see mend."""
        if not self.me.machine.loses_unsynced or not self.fetches:
            return self.me.home.json(*self.argv)
        r = self.me.home.run("--json", *self.argv, code=None)
        if r.code == 7:
            r = self.me.home.run("--json", *self.argv, code=None)
        need(r.code in (0, 7, 10), str(r))
        return r.json

    def lies(self, course, top, want):
        """The files of @course are in the learner's folder. Whether a hand was
        needed: only after a power cut."""
        wrong = self.life.differs(top, want)
        if wrong and self.me.machine.loses_unsynced:
            self.untold = bool(self.life.mend(course, top, want))
            self.by_hand = True
            wrong = self.life.differs(top, want)
        need(not wrong, "wrong in the folder:", wrong)


class Publish(Op):
    weight = 4

    def prepare(self):
        self.life.edit()
        self.argv = ["publish", self.me.path("course")]
        self.old = self.life.edition

    def either(self, told):
        """What the ledger may say after the failure."""
        new = self.old + 1
        self.me.courses[self.life.main] = {new} if told else {self.old, new}

    def after(self):
        p = self.again()
        need(p["edition"] == self.old + 1, "edition", p["edition"], "after",
             self.old)
        self.life.published(p)
        self.life.same(self.me, self.life.main, self.me.path("course"))


class Gc(Op):
    """What was removed goes, what is published stays."""

    def prepare(self):
        drop = self.life.publish_new("drop")
        self.me.home.json("-y", "rm", drop["course"])
        self.me.forgets(drop["course"])
        self.me.records.discard(drop["record"])
        self.argv = ["gc"]

    def either(self, told):
        pass

    def after(self):
        self.again()
        need(self.again()["removed_chunks"] == 0, "gc left something")
        self.life.same(self.me, self.life.main, self.me.path("course"))


class Backup(Op):
    """The old file or the new one, each whole, and no litter beside it."""
    weight = 1

    def prepare(self):
        self.secret = self.me.write("secret", "horse\n")
        os.chmod(self.secret, 0o600)
        self.me.home.env["LYCEUM_PASSPHRASE_FILE"] = self.secret
        os.makedirs(self.me.path("safe"), exist_ok=True)
        self.argv = ["-y", "backup", self.me.path("safe/b.backup")]
        self.had = os.path.exists(self.me.path("safe/b.backup"))

    def restored(self):
        back = type(self.me.home)(self.me.path("back"), None,
                                  LYCEUM_PASSPHRASE_FILE=self.secret)
        back.json("restore", self.me.path("safe/b.backup"))
        need(back.json("id")["did"] == self.me.identity["did"], "another did")
        courses = {c["course"] for c in back.json("ls")["courses"]}
        shutil.rmtree(back.path)
        return courses

    def either(self, told):
        if told or self.had:
            need(self.restored() <= set(self.me.courses), "a strange backup")

    def after(self):
        self.again()
        need(os.listdir(self.me.path("safe")) == ["b.backup"], "litter")
        need(self.restored() == set(self.me.courses), "courses of the backup")


class Get(Op):
    who, fetches = "learner", True
    weight = 4

    def prepare(self):
        self.p = self.life.rng.choice(self.life.shelf)
        self.folder = self.life.expert.path(
            f"shelf{self.life.shelf.index(self.p)}")
        self.to = self.me.path("shelf")
        self.argv = ["get", self.p["ticket"], *self.life.peer(), "--to", self.to]

    def either(self, told):
        listed = {c["course"] for c in self.me.home.json("ls")["courses"]}
        if told or self.p["course"] in listed:  # 0: its first record has come
            self.me.courses[self.p["course"]] = {1} if told else {0, 1}

    def after(self):
        self.again()
        self.me.knows(self.p["course"], 1)
        self.lies(self.p["course"], self.to, tree(self.folder))
        need(self.me.check(), "fetched, and not whole")
        self.leave()

    def leave(self):
        self.me.home.json("-y", "rm", self.p["course"])
        self.me.forgets(self.p["course"])
        shutil.rmtree(self.to, ignore_errors=True)


class Unpack(Get):
    def prepare(self):
        super().prepare()
        file = f"{self.p['course'][:8]}.lyc"
        mine = self.me.path(file)
        if not os.path.exists(mine):
            self.life.expert.home.json("pack", self.p["course"],
                                       self.life.expert.path(file))
            shutil.move(self.life.expert.path(file), mine)
        self.argv = ["unpack", mine]

    def after(self):
        need(self.again()["state"] == "complete", "unpacked, but not complete")
        self.me.knows(self.p["course"], 1)
        self.life.same(self.me, self.p["course"], self.folder)
        self.leave()


class Update(Op):
    who, fetches = "learner", True
    weight = 4

    def prepare(self):
        (self.old,) = self.me.courses[self.life.main]
        if self.old == self.life.edition:
            self.life.serve(False)
            self.life.edit()
            self.life.publish()
        self.new = self.life.edition
        self.argv = ["update", self.life.main, *self.life.peer()]

    def either(self, told):
        """Between two editions, without its bytes: any that is whole may show."""
        may = {self.new} if told else {self.old, self.new}
        if self.me.machine.loses_unsynced and not told:
            may |= set(self.life.had)
        self.me.courses[self.life.main] = may

    def after(self):
        u = self.life.moved(*self.argv)
        need(u["edition"] == self.new, "edition", u["edition"])
        self.life.moved_to(self.new)
        self.lies(self.life.main, self.me.path("out"),
                  self.life.editions[self.new])


class Rollback(Update):
    weight = 2

    def prepare(self):
        super().prepare()
        if self.old != self.new:
            self.life.moved(*self.argv)
            self.life.moved_to(self.new)
        self.old, self.new = self.new, self.life.had[-2]
        self.argv = ["rollback", self.life.main, str(self.new)]

    def after(self):
        """What was only fetched may be gone, after a power cut: then there is no
        way back, and the way forward must do."""
        if self.me.machine.loses_unsynced:
            r = self.me.home.run("--json", *self.argv, code=None)
            if r.code in (3, 7):
                self.new = self.life.edition
                self.argv = ["update", self.life.main, *self.life.peer()]
        super().after()


class Pin(Op):
    who = "learner"
    weight = 1

    def prepare(self):
        (self.old,) = self.me.pinned[self.life.main]
        self.argv = ["unpin" if self.old else "pin", self.life.main]

    def either(self, told):
        self.me.pinned[self.life.main] = {not self.old} if told else {True,
                                                                      False}

    def after(self):
        self.again()
        self.me.pinned[self.life.main] = {not self.old}


OPS = [Publish, Get, Update, Rollback, Gc, Unpack, Backup, Pin]
