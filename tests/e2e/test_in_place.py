"""publish --in-place: large files stay the author's own. Whatever happens to
them, nothing wrong is ever served, and it is said which file it was. And the
second publish of a folder, which reads what has changed."""
import os
import shutil
import stat
import threading
import time
import unittest

from lib import LYCEUM, Case, random_bytes

MIB = 1 << 20


def old(path, seconds=60):
    """As if it had been written a while ago: else it is read again."""
    t = os.stat(path).st_mtime_ns - seconds * 10**9
    os.utime(path, ns=(t, t))


class InPlaceCase(Case):
    def setUp(self):
        super().setUp()
        for i in range(3):
            self.write(f"course/video{i}.mp4", random_bytes(i, 2 * MIB))
        self.write("course/notes/long.txt", "a line of text\n" * 200000)
        self.write("course/README.md", "# In place\n")
        self.folder = self.path("course")
        self.videos = [self.path(f"course/video{i}.mp4") for i in range(3)]
        self.expert = self.home("expert")

    def publish(self, *args, **kw):
        return self.expert.json("publish", self.folder, "--in-place", *args,
                                **kw)

    def pack_bytes(self, home=None):
        packs = (home or self.expert).path + "/packs"
        return sum(os.path.getsize(os.path.join(packs, f))
                   for f in os.listdir(packs))

    def state(self, home=None):
        return (home or self.expert).json("ls")["courses"][0]["state"]

    def get(self, p, *peers, code=0, home=None, to=None):
        learner = home or self.home("learner")
        args = [a for q in peers for a in ("--peer", q)]
        if to:
            args += ["--to", to]
        return learner.json("get", p["ticket"], *args, "--timeout", "4s",
                            code=code)


class InPlace(InPlaceCase):
    # What is raw is not copied, what is compressed is; a learner gets all.
    def test_stays(self):
        before = {f: os.stat(f) for f in self.videos}
        p = self.publish()
        self.assertTrue(p["in_place"])
        self.assertLess(self.pack_bytes(), MIB)
        source = self.node(self.expert)
        self.get(p, source.peer, to=self.path("out"))
        self.assertSameTree(self.folder, self.path("out"))
        self.assertTrue(self.expert.json("verify")["ok"])
        self.assertEqual(self.state(), "complete")
        for f, st in before.items():
            now = os.stat(f)
            self.assertEqual((st.st_mtime_ns, st.st_ctime_ns, st.st_ino),
                             (now.st_mtime_ns, now.st_ctime_ns, now.st_ino))

    # The same edition comes of it as of a copy.
    def test_same_manifest_as_a_copy(self):
        p = self.publish()
        other = self.home()
        q = other.json("publish", self.folder) if other.init("b") else None
        for key in ("files", "bytes", "chunks", "stored_bytes", "new_chunks",
                    "new_stored_bytes"):
            self.assertEqual(p[key], q[key], key)
        self.assertEqual(manifest(self.expert, p), manifest(other, q))

    # It goes on in place until --copy; both at once is a mistake.
    def test_next_time(self):
        self.expert.run("publish", self.folder, "--in-place", "--copy", code=2)
        self.publish()
        self.write("course/video3.mp4", random_bytes(3, 2 * MIB))
        p = self.expert.json("publish", self.folder)
        self.assertEqual(p["edition"], 2)
        self.assertTrue(p["in_place"])
        self.assertLess(self.pack_bytes(), MIB)
        p = self.expert.json("publish", self.folder, "--copy")
        self.assertEqual(p["edition"], 2)
        self.assertGreater(self.pack_bytes(), 8 * MIB)
        shutil.rmtree(self.folder)
        self.assertTrue(self.expert.json("verify")["ok"])
        self.assertEqual(self.state(), "complete")

    # A course that was copied depends on nobody's files, though the same bytes
    # lie in place for another course.
    def test_copy_beside_it(self):
        self.publish()
        self.write("other/same.mp4", open(self.videos[0], "rb").read())
        self.write("other/README.md", "# Other\n")
        q = self.expert.json("publish", self.path("other"))
        self.assertFalse(q["in_place"])
        shutil.rmtree(self.folder)
        shutil.rmtree(self.path("other"))
        v = self.expert.json("verify", q["course"])
        self.assertTrue(v["ok"])
        self.assertEqual(v["missing"], 0)

    # Another folder for the same course: it does not depend on the first one.
    def test_other_folder_same_course(self):
        p = self.publish()
        moved = self.path("moved")
        shutil.copytree(self.folder, moved)
        self.write("moved/README.md", "# In place, moved\n")
        q = self.expert.json("publish", moved, "--course", p["course"],
                             "--in-place")
        self.assertEqual(q["edition"], 2)
        shutil.rmtree(self.folder)
        self.assertTrue(self.expert.json("verify")["ok"])
        self.assertLess(self.pack_bytes(), MIB)

    # The index is made anew: roots says where the chunks are.
    def test_index_lost(self):
        p = self.publish()
        for f in ("index.db", "index.db-wal", "index.db-shm"):
            if os.path.exists(f"{self.expert.path}/{f}"):
                os.unlink(f"{self.expert.path}/{f}")
        self.assertEqual(self.state(), "complete")
        self.assertLess(self.pack_bytes(), MIB)
        source = self.node(self.expert)
        self.get(p, source.peer, to=self.path("out"))
        self.assertSameTree(self.folder, self.path("out"))

    # rm and gc leave the files alone; publishing again brings all back.
    def test_rm_and_gc(self):
        before = {f: os.stat(f) for f in self.videos}
        p = self.publish()
        self.expert.run("gc")
        self.assertEqual(self.state(), "complete")
        self.expert.run("rm", p["course"], "-y")
        self.expert.run("gc")
        for f, st in before.items():
            self.assertEqual(os.stat(f).st_mtime_ns, st.st_mtime_ns)
        self.publish()
        self.assertTrue(self.expert.json("verify")["ok"])

    # gc while the disk is out: what a live course needs is still known after.
    def test_gc_while_gone(self):
        self.publish()
        os.rename(self.folder, self.path("away"))
        self.expert.run("gc")
        self.assertEqual(self.state(), "partial")
        os.rename(self.path("away"), self.folder)
        self.assertEqual(self.state(), "complete")
        self.assertTrue(self.expert.json("verify")["ok"])

    # A page of a megabyte alone.
    def test_one_page(self):
        page = self.write("page/long.md", random_bytes(7, 2 * MIB))
        p = self.expert.json("publish", page, "--in-place", "--allow-secrets")
        self.assertLess(self.pack_bytes(), MIB)
        os.unlink(f"{self.expert.path}/index.db")
        self.assertTrue(self.expert.json("verify", p["course"])["ok"])
        self.assertTrue(self.expert.json("publish", page)["in_place"])

    # Links and pipes are left out as ever; a large file is named by its real
    # path.
    def test_links(self):
        os.symlink(self.videos[0], self.path("course/link.mp4"))
        os.mkfifo(self.path("course/pipe"))
        os.symlink(self.folder, self.path("alias"))
        p = self.expert.json("publish", self.path("alias"), "--in-place")
        self.assertEqual(p["files"], 5)
        os.unlink(self.path("alias"))
        self.assertTrue(self.expert.json("verify")["ok"])
        self.assertEqual(self.state(), "complete")


    # What a moved or edited folder costs, in one line, until it is back.
    def test_status_says_the_cost(self):
        p = self.publish()
        self.times = os.stat(self.videos[0]).st_mtime_ns
        node = self.node(self.expert)
        learner = self.home("learner")
        out = self.path("out")
        learner.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        for home in (self.expert, learner):
            self.assertEqual(home.json("status")["away"], [])
        old(self.videos[0])
        with open(out + "/video1.mp4", "r+b") as f:
            f.write(b"edited")
        for home, folder in ((self.expert, self.folder), (learner, out)):
            self.assertEqual(home.json("status")["away"], [
                {"course": p["course"], "path": folder, "files": 1,
                 "bytes": 2 * MIB}])
        self.rename("course", "moved")
        [a] = self.expert.json("status")["away"]
        self.assertEqual((a["files"], a["bytes"]), (3, 6 * MIB))
        line = [l for l in self.expert.run("status").out.splitlines()
                if l.startswith(self.folder)]
        self.assertIn("3 files", line[0])
        self.assertIn("lyceum why " + p["course"][:8], line[0])
        self.rename("moved", "course")
        os.utime(self.videos[0], ns=(self.times, self.times))
        self.assertEqual(self.expert.json("status")["away"], [])


class Damaged(InPlaceCase):
    """One way after the other in which a file is not what it was."""

    def damaged(self, spoil, restore=None, verdict=7, state="partial"):
        video = self.videos[1]
        keep = self.path("keep.mp4")
        shutil.copy2(video, keep)
        p = self.publish()
        source = self.node(self.expert)
        spoil(video)
        self.assertEqual(self.state(), state)
        v = self.expert.run("--json", "verify", code=verdict)
        self.assertIn(video, v.err)
        self.assertIn("publish the folder again, or put the file back", v.err)
        if verdict == 7:
            self.assertEqual([e["path"] for e in v.json["edited"]], [video])
        learner = self.home("learner")
        g = self.get(p, source.peer, code=7, home=learner,
                     to=self.path("out"))
        self.assertEqual(g["state"], "partial")
        self.assertEqual(g["rejected_chunks"], 0)
        if restore:
            restore(video, keep)
            self.assertEqual(self.state(), "complete")
            self.assertTrue(self.expert.json("verify")["ok"])
            g = self.get(p, source.peer, home=learner, to=self.path("out"))
            self.assertEqual(g["state"], "complete")
            self.assertSameTree(self.folder, self.path("out"))
        self.assertIsNone(source.p.poll())
        return p, source

    @staticmethod
    def back(video, keep):
        """The same bytes with the same time."""
        if os.path.isdir(video) and not os.path.islink(video):
            os.rmdir(video)
        elif os.path.lexists(video):
            os.unlink(video)
        shutil.copy2(keep, video)

    def test_edited(self):
        def spoil(video):
            with open(video, "r+b") as f:
                f.write(b"edited" * 20000)
        self.damaged(spoil, self.back)

    def test_truncated(self):
        self.damaged(lambda v: os.truncate(v, MIB // 2), self.back)

    def test_emptied_and_publish_again(self):
        p, source = self.damaged(lambda v: os.truncate(v, 0))
        q = self.expert.json("publish", self.folder)
        self.assertEqual(q["edition"], 2)
        self.assertTrue(self.expert.json("verify")["ok"])
        g = self.get(q, source.peer, to=self.path("out2"))
        self.assertEqual(g["state"], "complete")
        self.assertSameTree(self.folder, self.path("out2"))

    def test_gone(self):
        self.damaged(os.unlink, self.back)

    def test_folder(self):
        def spoil(video):
            os.unlink(video)
            os.mkdir(video)
        self.damaged(spoil, self.back)

    def test_link(self):
        def spoil(video):
            os.unlink(video)
            os.symlink(self.videos[0], video)
        self.damaged(spoil, self.back)

    def test_pipe(self):
        def spoil(video):
            os.unlink(video)
            os.mkfifo(video)
        self.damaged(spoil, self.back)

    # Rot, or an edit that hides: neither size nor time tell. The bytes do.
    def test_edited_with_time_restored(self):
        def spoil(video):
            st = os.stat(video)
            with open(video, "r+b") as f:
                f.write(b"edited" * 20000)
            os.utime(video, ns=(st.st_atime_ns, st.st_mtime_ns))
        p, source = self.damaged(spoil, verdict=4, state="complete")
        self.assertEqual(self.state(), "partial")
        q = self.expert.json("publish", self.folder)
        self.assertEqual(q["edition"], 2)
        self.assertTrue(self.expert.json("verify")["ok"])
        g = self.get(q, source.peer, to=self.path("out2"))
        self.assertSameTree(self.folder, self.path("out2"))

    # The disk that all of it lies on, pulled out and plugged in.
    def test_unplugged(self):
        p = self.publish()
        source = self.node(self.expert)
        os.rename(self.folder, self.path("away"))
        self.assertEqual(self.state(), "partial")
        v = self.expert.json("verify", code=7)
        self.assertEqual(sorted(e["path"] for e in v["edited"]), self.videos)
        self.assertEqual({e["state"] for e in v["edited"]}, {"absent"})
        learner = self.home("learner")
        self.get(p, source.peer, code=7, home=learner)
        os.rename(self.path("away"), self.folder)
        self.assertEqual(self.state(), "complete")
        self.get(p, source.peer, home=learner)
        self.assertIsNone(source.p.poll())

    # A learner goes on with another peer that has the whole.
    def test_others_have_it(self):
        p = self.publish()
        source = self.node(self.expert)
        helper = self.home("helper")
        self.get(p, source.peer, home=helper)
        second = self.node(helper)
        os.truncate(self.videos[0], 5)
        g = self.get(p, source.peer, second.peer, to=self.path("out"))
        self.assertEqual(g["state"], "complete")
        self.assertEqual(open(self.path("out/video0.mp4"), "rb").read(),
                         random_bytes(0, 2 * MIB))

    # Only touched: it is the same, and publishing again says so.
    def test_touched(self):
        self.publish()
        os.utime(self.videos[0])
        self.assertEqual(self.state(), "partial")
        self.expert.json("verify", code=7)
        p = self.expert.json("publish", self.folder)
        self.assertEqual(p["edition"], 1)
        self.assertEqual(self.state(), "complete")
        self.assertTrue(self.expert.json("verify")["ok"])

    # Somebody writes all the time: nothing is signed.
    def test_changed_while_read(self):
        self.write("course/big.mp4", random_bytes(9, 48 * MIB))
        stop = threading.Event()

        def write():
            with open(self.path("course/big.mp4"), "r+b", 0) as f:
                while not stop.wait(0.001):
                    f.seek(0)
                    f.write(os.urandom(8))
        t = threading.Thread(target=write)
        t.start()
        try:
            r = self.expert.run("publish", self.folder, "--in-place", code=10)
        finally:
            stop.set()
            t.join()
        self.assertIn("'big.mp4' changed while it was read", r.err)
        self.assertEqual(self.expert.json("ls")["courses"], [])
        self.publish()
        self.assertTrue(self.expert.json("verify")["ok"])

    # A file that may not be read any more. Root may read everything, so this
    # runs as somebody else.
    def test_unreadable(self):
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("needs setpriv")
            binary = self.path("lyceum")
            shutil.copy(LYCEUM, binary)
            self.write("as-nobody", f"#!/bin/sh\nexec setpriv --reuid 65534 "
                       f"--regid 65534 --clear-groups {binary} \"$@\"\n")
            for f in (binary, self.path("as-nobody"), self.dir):
                os.chmod(f, 0o755)
            for top, subs, files in os.walk(self.dir):
                for f in [top] + [os.path.join(top, n) for n in files]:
                    os.chown(f, 65534, 65534)
            self.expert.binary = self.path("as-nobody")
        self.damaged(lambda v: os.chmod(v, 0),
                     lambda v, keep: os.chmod(v, 0o644))


class Again(InPlaceCase):
    """The second publish reads what has changed and no more."""
    flags = ()

    def setUp(self):
        super().setUp()
        self.write("course/notes/short.txt", "short\n")
        for top, subs, files in os.walk(self.folder):
            for f in files:
                old(os.path.join(top, f))
        time.sleep(2.1)  # the inodes' own times cannot be set
        self.first = self.again()

    def again(self, *args):
        return self.expert.json("publish", self.folder, *self.flags, *args)

    def assertAsFresh(self, p):
        """What came of it is what comes of reading everything."""
        fresh = self.home("fresh")
        q = fresh.json("publish", self.folder)
        self.assertEqual(manifest(self.expert, p), manifest(fresh, q))
        self.assertTrue(self.expert.json("verify")["ok"])

    def test_nothing(self):
        self.assertEqual(self.first["read_bytes"], self.first["bytes"])
        p = self.again("--dry-run")
        self.assertEqual(p["read_bytes"], 0)
        p = self.again()
        self.assertEqual((p["edition"], p["read_bytes"]), (1, 0))
        self.assertEqual(p["new_chunks"], 0)

    def test_one_video(self):
        with open(self.videos[1], "r+b") as f:
            f.seek(MIB)
            f.write(b"another picture")
        p = self.again("--dry-run")
        self.assertEqual(p["read_bytes"], 2 * MIB)
        p = self.again()
        self.assertEqual((p["edition"], p["read_bytes"]), (2, 2 * MIB))
        self.assertAsFresh(p)

    def test_one_text(self):
        self.write("course/notes/short.txt", "longer\n")
        p = self.again()
        small = sum(os.path.getsize(self.path("course", f))
                    for f in ("README.md", "notes/short.txt"))
        self.assertEqual((p["edition"], p["read_bytes"]), (2, small))
        self.assertAsFresh(p)

    def test_files_come_and_go(self):
        os.rename(self.videos[0], self.path("course/a-video.mp4"))
        self.write("course/more.mp4", random_bytes(5, 3 * MIB))
        os.unlink(self.path("course/notes/short.txt"))
        os.mkdir(self.path("course/empty"))
        p = self.again()
        self.assertLess(p["read_bytes"], 6 * MIB)
        self.assertAsFresh(p)

    def test_mode_only(self):
        os.chmod(self.videos[0], 0o755)
        p = self.again()
        self.assertEqual(p["edition"], 2)
        self.assertAsFresh(p)

    # What was young when it was read may have changed since without a trace.
    def test_young(self):
        self.write("course/video0.mp4", random_bytes(8, 2 * MIB))
        self.assertEqual(self.again()["read_bytes"], 2 * MIB)
        self.assertEqual(self.again()["read_bytes"], 2 * MIB)
        time.sleep(2.1)
        self.assertEqual(self.again()["read_bytes"], 2 * MIB)
        self.assertEqual(self.again()["read_bytes"], 0)

    # Same size, time set back: the inode's own time tells.
    def test_time_set_back(self):
        st = os.stat(self.videos[2])
        with open(self.videos[2], "r+b") as f:
            f.write(b"changed")
        os.utime(self.videos[2], ns=(st.st_atime_ns, st.st_mtime_ns))
        p = self.again()
        self.assertEqual(p["edition"], 2)
        self.assertAsFresh(p)

    def test_reread(self):
        p = self.again("--reread")
        self.assertEqual((p["edition"], p["read_bytes"]), (1, p["bytes"]))

    # Chunks that are lost are put again though the file has not changed.
    def test_chunks_lost(self):
        packs = self.expert.path + "/packs"
        for f in os.listdir(packs):
            os.unlink(os.path.join(packs, f))
        self.again()
        self.assertAsFresh(self.first)

    # Another folder is not this one.
    def test_other_folder(self):
        shutil.copytree(self.folder, self.path("copy"))
        p = self.expert.json("publish", self.path("copy"), "--course",
                             self.first["course"], *self.flags)
        self.assertEqual((p["edition"], p["read_bytes"]), (1, p["bytes"]))


class AgainInPlace(Again):
    flags = ("--in-place",)


def cbor(b, at=0):
    """One item of the CBOR that records are made of. Return: it, and its end."""
    kind, n = b[at] >> 5, b[at] & 31
    at += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, at = int.from_bytes(b[at:at + size], "big"), at + size
    if kind in (2, 3):
        return b[at:at + n], at + n
    if kind in (4, 5):
        items = []
        for _ in range(n * (kind - 3)):
            item, at = cbor(b, at)
            items.append(item)
        return (items if kind == 4 else
                dict(zip(items[::2], items[1::2]))), at
    return cbor(b, at) if kind == 6 else (n if kind == 0 else -1 - n, at)


def manifest(home, p):
    """The entries of both blobs, as they stand in the edition's record."""
    raw = os.path.join(home.path, "record.cose")
    home.run("record", "show", p["record"], "--raw", raw)
    with open(raw, "rb") as f:
        payload, _ = cbor(cbor(f.read())[0][2])
    lists = [v for v in payload.values()
             if isinstance(v, bytes) and len(v) >= 40 and len(v) % 40 == 0]
    assert len(lists) == 2, payload
    return lists


if __name__ == "__main__":
    unittest.main()
