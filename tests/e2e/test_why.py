"""why: what of a course is missing, and what stands in the way."""
import json
import os
import shutil
import signal
import time

from lib import LYCEUM_ASAN, Case, random_bytes

MIB = 1 << 20


def fetching(line):
    """Of get --progress=json: is the large edition on its way?"""
    e = json.loads(line)
    return (e.get("state") == "moving" and e["total"] > 50 * MIB
            and e["missing"] > 0)


class Why(Case):
    def setUp(self):
        super().setUp()
        self.expert = self.home("expert", LYCEUM_ASAN)
        self.write("course/README.md", "# Course\n")
        self.write("course/01-video/clip.mp4", random_bytes(1, 4 * MIB))
        self.write("course/02-text/page.md", "# Page\n")

    def publish(self, *args):
        self.p = self.expert.json("publish", self.path("course"), *args)
        return self.p

    def why(self, home, code=7):
        r = home.run("--json", "why", self.p["course"], code=code)
        w = r.json
        self.assertEqual((w["v"], w["course"], w["ok"]),
                         (1, self.p["course"], code == 0))
        if code != 0:
            self.assertIn("\ntry: ", r.err)
            self.assertGreater(w["missing"]["chunks"], 0)
        return w

    # All is well: it says so, with and without a node, and nothing else.
    def test_whole(self):
        p = self.publish()
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        learner.json("get", p["ticket"], "--peer", node.peer, "--to",
                     self.path("out"))
        for home in (self.expert, learner):
            w = self.why(home, 0)
            self.assertEqual((w["reasons"], w["state"], w["missing"]["files"]),
                             ([], "complete", []))
            self.assertIn("is whole", home.run("why", "course").out)
        self.assertEqual([(s["node"], s["address"], s["blocked"])
                          for s in w["seen"]],
                         [(node.key, node.address, False)])
        self.assertEqual(w["last_get"]["code"], "ok")
        self.assertTrue(self.why(self.expert, 0)["online"])
        learner.run("why", "no-such-course", code=3)
        self.assertIn("Nothing is missing of 1 course",
                      self.expert.run("why").out)

    # Without a name: every course that is not well, and only those.
    def test_all(self):
        whole = self.publish()
        self.write("other/v.bin", random_bytes(9, 2 * MIB))
        other = self.expert.json("publish", self.path("other"), "--in-place")
        os.rename(self.path("other"), self.path("moved"))
        r = self.expert.run("--json", "why", code=7)
        ok = {c["course"]: c["ok"] for c in r.json["courses"]}
        self.assertEqual(ok, {whole["course"]: True, other["course"]: False})
        text = self.expert.run("why", code=7)
        self.assertIn(self.path("other"), text.out)
        self.assertNotIn("'course'", text.out)
        self.assertIn("\ntry: ", text.err)
        self.assertEqual(self.home().json("why")["courses"], [])

    # A get that was cut: the lessons it lacks, how it ended, who to ask.
    def test_cut(self):
        p = self.publish()
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        for size in (4 * MIB, 90 * MIB):
            self.write("course/03-more/big.mp4", random_bytes(size, size))
            p = self.publish()
            if size == 4 * MIB:
                learner.json("get", p["ticket"], "--peer", node.peer)
        get = learner.start("get", p["ticket"], "--progress=json")
        while not any(fetching(line) for line in get.err):
            self.assertIsNone(get.p.poll())
            time.sleep(0.01)
        get.signal(signal.SIGINT)
        get.wait(30, code=130)
        node.stop()
        w = self.why(learner)
        self.assertEqual((w["state"], w["edition"], w["whole_edition"]),
                         ("partial", 3, 2))
        self.assertEqual(w["missing"]["files"], ["03-more/big.mp4"])
        self.assertEqual([x["path"] for x in w["missing"]["lessons"]],
                         ["03-more/big.mp4"])
        self.assertEqual(w["last_get"]["code"], "interrupted")
        self.assertLessEqual({"last_get_failed", "not_online"},
                             set(w["reasons"]))
        text = learner.run("why", "course", code=7).out
        self.assertIn(f"try: lyceum get {p['course'][:8]} --peer {node.peer}",
                      text)
        self.assertIn("edition 2 is whole here", text)
        learner.run("peer", "block", node.key)
        w = self.why(learner)
        self.assertIn("blocked", w["reasons"])
        self.assertTrue(w["seen"][0]["blocked"])
        self.assertIn(f"try: lyceum peer unblock {node.key}",
                      learner.run("why", "course", code=7).out)
        learner.run("rm", "-y", "course")
        learner.run("peer", "unblock", node.key)
        self.why_gone(learner)

    def why_gone(self, home):
        home.run("why", self.p["course"], code=3)
        with open(home.path + "/choices", encoding="utf-8") as f:
            lines = [x.split("\t")[0] for x in f]
        self.assertIn("-got", lines)

    # Published in place: the file that was changed, the one that is away, and
    # the folder that was moved. Put back, all is well.
    def test_in_place(self):
        self.publish("--in-place")
        clip = self.path("course/01-video/clip.mp4")
        self.why(self.expert, 0)
        os.rename(clip, clip + ".away")
        w = self.why(self.expert)
        self.assertEqual(w["away"], [{"path": os.path.realpath(clip),
                                      "state": "gone"}])
        self.assertEqual(w["missing"]["files"], ["01-video/clip.mp4"])
        self.assertIn("files_changed", w["reasons"])
        self.write("course/01-video/clip.mp4", random_bytes(2, 4 * MIB))
        self.assertEqual(self.why(self.expert)["away"][0]["state"], "edited")
        os.rename(clip + ".away", clip)
        self.why(self.expert, 0)
        shutil.move(self.path("course"), self.path("moved"))
        w = self.why(self.expert)
        self.assertIn("folder_gone", w["reasons"])
        self.assertEqual([(f["kind"], f["state"]) for f in w["folders"]],
                         [("in_place", "gone")])
        shutil.move(self.path("moved"), self.path("course"))
        self.why(self.expert, 0)

    # Edited since it was published: nothing is missing, and it is told.
    def test_edited(self):
        self.publish()
        self.write("course/02-text/page.md", "# Page, and more\n")
        os.unlink(self.path("course/01-video/clip.mp4"))
        w = self.why(self.expert, 0)
        self.assertEqual(w["reasons"], ["folder_edited"])
        self.assertEqual([(f["kind"], f["state"], f["absent"], f["edited"])
                          for f in w["folders"]],
                         [("published", "edited", 1, 1)])
        self.assertIn("try: lyceum publish " + self.path("course"),
                      self.expert.run("why", "course").out)

    # Chunks lost to rot; a running node that knows nobody.
    def test_rot(self):
        p = self.publish()
        node = self.node(self.expert)
        learner = self.home(binary=LYCEUM_ASAN)
        learner.json("get", p["ticket"], "--peer", node.peer)
        node.stop()
        pack = learner.path + "/packs/000001.pack"
        with open(pack, "r+b") as f:
            f.seek(os.path.getsize(pack) // 2)
            f.write(b"rot" * 50)
        learner.run("verify", "course", code=4)
        w = self.why(learner)
        self.assertEqual(w["missing"]["files"], ["01-video/clip.mp4"])
        alone = self.node(learner)
        learner.run("peer", "rm", node.key)
        w = self.why(learner)
        self.assertTrue(w["online"])
        self.assertIn("no_peers", w["reasons"])
        self.assertIn("不完整：01-video/clip.mp4",
                      learner.run("why", "course", "--lang", "zh",
                                  code=7).out)
        alone.stop()
