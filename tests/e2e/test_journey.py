"""The main job: publish, get, verify between real nodes, and what each command
says about it. Names, keys and exit codes are those of the command's reference."""
import json
import os
import subprocess

import content
from lib import LYCEUM_ASAN, Case, random_bytes, walk

COURSE = {"course", "edition", "record", "ticket", "files", "bytes", "chunks",
          "new_chunks", "stored_bytes", "new_stored_bytes", "v"}
GET = {"v", "course", "edition", "state", "bytes", "fetched_chunks",
       "fetched_bytes", "reused_chunks", "rejected_chunks", "seconds", "peers"}


class Journey(Case):
    def small_course(self):
        src = self.path("git-basics")
        self.write("git-basics/README.md", "# Git basics\n\nA short course.\n")
        self.write("git-basics/01-start/intro.md", "# Start\n\nHello.\n" * 50)
        self.write("git-basics/02-video/clip.mp4", random_bytes(1, 3 << 20))
        return src

    def publish(self, home, src):
        p = home.json("publish", src)
        self.assertLessEqual(COURSE, set(p))
        return p

    # An expert's folder reaches a learner byte for byte, checked on the way.
    def test_publish_get_verify(self):
        expert, learner = self.home("expert", LYCEUM_ASAN), \
            self.home("learner", LYCEUM_ASAN)
        src = self.small_course()
        p = self.publish(expert, src)
        self.assertEqual((p["edition"], p["files"]), (1, len(walk(src))))
        node = self.node(expert)
        out = self.path("out")
        g = learner.json("get", p["ticket"], "--peer", node.peer, "--to", out)
        self.assertLessEqual(GET, set(g))
        self.assertEqual((g["state"], g["edition"], g["rejected_chunks"]),
                         ("complete", 1, 0))
        self.assertEqual(g["bytes"], p["bytes"])
        self.assertEqual([q["node"] for q in g["peers"]], [node.key])
        self.assertSameTree(src, out)
        v = learner.json("verify", p["course"])
        self.assertTrue(v["ok"])
        self.assertEqual(v["bad"], [])
        self.assertGreater(v["chunks"], 0)
        again = learner.json("get", p["ticket"], "--to", out)
        self.assertEqual((again["state"], again["fetched_chunks"]),
                         ("complete", 0))
        r = node.stop()
        self.assertEqual(r.code, 0, str(r))

    # A course kept in the home can be exported later, and again.
    def test_export(self):
        expert = self.home("expert")
        src = self.small_course()
        p = self.publish(expert, src)
        e = expert.json("export", p["course"], self.path("copy"))
        self.assertEqual(e["v"], 1)
        self.assertSameTree(src, self.path("copy"))
        expert.json("export", p["course"], self.path("copy"))  # all there: fine
        self.write("copy/README.md", "mine now\n")
        expert.run("export", p["course"], self.path("copy"), code=10)
        with open(self.path("copy/README.md")) as f:
            self.assertEqual(f.read(), "mine now\n")

    # The whole handbook and a real video, from two seeders at once.
    def test_handbook_from_two_seeders(self):
        src = content.handbook(self.path("handbook"))
        a, b, c = self.home("a"), self.home("b"), self.home("c")
        p = self.publish(a, src)
        self.assertLess(p["stored_bytes"], p["bytes"])
        na = self.node(a)
        b.json("get", p["ticket"], "--peer", na.peer)
        nb = self.node(b)
        out = self.path("out")
        g = c.json("get", p["ticket"], "--peer", na.peer, "--peer", nb.peer,
                   "--to", out)
        self.assertEqual(g["state"], "complete")
        self.assertEqual({q["node"] for q in g["peers"]}, {na.key, nb.key})
        self.assertTrue(all(q["bytes"] > 0 for q in g["peers"]), g["peers"])
        self.assertSameTree(src, out)
        play = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type",
             "-of", "csv=p=0", out + "/video/welcome.mkv"],
            capture_output=True, text=True, check=True)
        self.assertEqual(sorted(play.stdout.split()),
                         ["audio", "subtitle", "video"])

    # What is known of a course, in each command that says so.
    def test_what_commands_say(self):
        home = self.home("expert")
        p = self.publish(home, self.small_course())
        [c] = home.json("ls")["courses"]
        self.assertEqual((c["course"], c["title"], c["state"], c["edition"]),
                         (p["course"], "Git basics", "complete", 1))
        self.assertEqual(c["author"], home.json("id")["did"])
        self.assertFalse(c["pinned"])
        home.json("pin", "git-basics")
        self.assertTrue(home.json("ls")["courses"][0]["pinned"])
        home.json("unpin", p["course"][:8])
        for command in (["info", "git-basics"], ["info", p["course"][:4]],
                        ["info", p["ticket"]], ["ticket", "git-basics"]):
            self.assertEqual(home.json(*command)["course"], p["course"])
        self.assertIn("versions", home.json("info", "git-basics", "--versions"))
        self.assertTrue(home.json("ticket", "git-basics")["ticket"]
                        .startswith("lyceum:"))
        s = home.json("status")
        self.assertEqual((s["running"], s["courses"], s["peers"]),
                         (False, 1, 0))
        r = home.json("record", "show", p["record"])
        self.assertEqual(r["type"], "edition")

    # The same questions get the same answers from a running node.
    def test_same_answers_with_and_without_a_node(self):
        home = self.home("expert")
        p = self.publish(home, self.small_course())
        asks = [["ls"], ["info", "git-basics"], ["verify", p["course"]],
                ["record", "show", p["course"]], ["config", "get", "name"],
                ["peer", "ls"], ["id"]]
        alone = [home.json(*a) for a in asks]
        node = self.node(home)
        self.assertEqual([home.json(*a) for a in asks], alone)
        s = home.json("status")
        self.assertEqual((s["running"], s["node"], s["listen"], s["ui"]),
                         (True, node.key, [node.address], None))
        self.assertIn("p=", home.json("ticket", "git-basics")["ticket"])
        home.json("node", "stop")
        self.assertEqual(node.wait(10).code, 0)
        self.assertFalse(home.json("status")["running"])

    # A ticket of a running node is all that a learner needs.
    def test_ticket_alone(self):
        expert, learner = self.home("expert"), self.home()
        p = self.publish(expert, self.small_course())
        self.node(expert)
        ticket = expert.json("ticket", p["course"])["ticket"]
        g = learner.json("get", ticket)
        self.assertEqual(g["state"], "complete")

    # Publishing again: nothing new makes no edition, an edit makes the next.
    def test_editions(self):
        home = self.home("expert")
        src = self.small_course()
        one = self.publish(home, src)
        same = self.publish(home, src)
        self.assertEqual((same["course"], same["edition"], same["record"]),
                         (one["course"], 1, one["record"]))
        self.write("git-basics/01-start/intro.md", "# Start\n\nBetter.\n")
        two = self.publish(home, src)
        self.assertEqual((two["course"], two["edition"]), (one["course"], 2))
        self.assertLess(two["new_stored_bytes"], one["stored_bytes"] // 10)

    # --dry-run says the same sizes and leaves nothing behind.
    def test_dry_run(self):
        home = self.home("expert")
        d = home.json("publish", self.small_course(), "--dry-run")
        self.assertEqual(home.json("ls")["courses"], [])
        p = self.publish(home, self.path("git-basics"))
        for key in ("files", "bytes", "chunks", "stored_bytes"):
            self.assertEqual(d[key], p[key], key)

    # Progress and talk go to stderr; --progress=json is one object a line.
    def test_progress_events(self):
        expert, learner = self.home("expert"), self.home("learner")
        p = self.publish(expert, self.small_course())
        node = self.node(expert)
        r = learner.run("--json", "--progress=json", "get", p["ticket"],
                        "--peer", node.peer)
        self.assertEqual(len(r.out.strip().splitlines()), 1)
        events = [json.loads(line) for line in r.err.splitlines() if line]
        self.assertTrue(events)
        self.assertTrue(all("event" in e for e in events), events)

    # rm forgets, gc frees, the expert's folder stays.
    def test_rm_and_gc(self):
        home = self.home("expert")
        src = self.small_course()
        p = self.publish(home, src)
        before = walk(src)
        home.run("rm", p["course"], code=2)  # no terminal, no -y
        home.json("-y", "rm", p["course"])
        self.assertEqual(home.json("ls")["courses"], [])
        self.assertEqual(home.json("gc")["v"], 1)
        packs = os.path.join(home.path, "packs")
        left = sum(os.path.getsize(os.path.join(packs, f))
                   for f in os.listdir(packs))
        self.assertLess(left, p["stored_bytes"] // 10)
        self.assertEqual(walk(src), before)

    # What a node does stands in its log, a JSON object a line when asked for; the
    # file does not grow for ever.
    def test_logs(self):
        expert, learner = self.home("expert"), self.home("learner")
        p = self.publish(expert, self.small_course())
        log = os.path.join(expert.path, "log", "lyceum.log")
        os.makedirs(os.path.dirname(log), mode=0o700)
        with open(log, "w", encoding="ascii") as f:
            f.write("x" * (9 << 20))
        r = expert.json("node", "start", "--listen", "127.0.0.1:0",
                        "--log-format", "json")
        peer = f"{r['listen']}@{r['node']}"
        learner.json("get", p["ticket"], "--peer", peer)
        expert.run("node", "stop")
        self.assertGreater(os.path.getsize(log + ".1"), 8 << 20)
        with open(log, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual(lines[0]["event"], "ready")
        self.assertEqual(lines[-1]["event"], "stop")
        up = next(e for e in lines if e["event"] == "peer.up")
        self.assertEqual((len(up["node"]), up["direction"]), (64, "in"))
