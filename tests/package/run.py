#!/usr/bin/python3
"""The Debian package in build/package on a fresh Debian: installed with apt, used as
the README tells, run by systemd in its sandbox, upgraded, removed, purged.

Needs root, systemd-nspawn and the machine's own sources of packages. What is fetched
(a base system, the packages that ours depends on) stays in build/package for a week."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build/package")
BASE = os.path.join(OUT, "base.tar")
WEEK_S = 7 * 24 * 3600
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from test_readme import run_transcripts  # noqa: E402

STORY_UNIT = """[Unit]
After=basic.target systemd-logind.service systemd-user-sessions.service
Wants=systemd-logind.service systemd-user-sessions.service
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
TimeoutStartSec=3min
ExecStart=/story/story.sh
StandardOutput=file:/story/log
StandardError=file:/story/log
"""

# What a system writes while it runs, whoever is installed.
LIVES = re.compile(r"""/(proc|sys|dev|run|tmp|story|home)/
    |/var/(log|tmp|cache|lib/(apt|systemd|private|pam)|mail|spool)(/|$)
    |/var/lib/dpkg/(?!info/lyceum)
    |/etc/(\.pwd\.lock|machine-id|resolv\.conf|(passwd|shadow|group|gshadow|subuid|subgid)-?)$
    |/etc/(hosts|ld\.so\.cache)$|/var/lib/dbus/machine-id$|.*/__pycache__(/|$)""", re.X)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def out(*argv):
    return subprocess.run(argv, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def sources():
    """Debian's part of what this machine installs from, one line each."""
    lines = out("apt-get", "indextargets", "--format",
                "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                "Created-By: Packages", "Origin: Debian")
    if not lines.strip():
        sys.exit("run.py: apt knows no Debian here: apt-get update")
    return lines


def apt_settings():
    """How this machine reaches them."""
    return "".join(line + "\n" for line in out("apt-config", "dump").splitlines()
                   if re.match(r"Acquire::(.*Proxy|Check-|Retries)", line)
                   and not line.endswith('"";'))


def make_base():
    """A minimal system with systemd, as a tar file."""
    if os.path.exists(BASE) and time.time() - os.path.getmtime(BASE) < WEEK_S:
        return
    shutil.rmtree(os.path.join(OUT, "archives"), ignore_errors=True)
    codename = out("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").strip()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(apt_settings())
        f.flush()
        env = {**os.environ, "TMPDIR": OUT}
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase",
                        f"--aptopt={f.name}",
                        "--include=systemd-sysv,libpam-systemd,dbus-user-session,"
                        "procps", codename, BASE[:-4] + ".new.tar", "-"], check=True,
                       input=sources(), text=True, env=env)
    os.rename(BASE[:-4] + ".new.tar", BASE)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debs = glob.glob(os.path.join(OUT, "lyceum_*.deb"))
        if len(debs) != 1:
            sys.exit("run.py: not one package in build/package: ./dev package")
        cls.deb = debs[0]
        make_base()
        os.makedirs(os.path.join(OUT, "archives/partial"), exist_ok=True)
        cls.top = tempfile.mkdtemp(prefix="system-", dir=OUT)
        cls.addClassCleanup(shutil.rmtree, cls.top, ignore_errors=True)
        cls.root = os.path.join(cls.top, "root")
        os.mkdir(cls.root, 0o755)
        subprocess.run(["tar", "-xf", BASE, "-C", cls.root], check=True)
        cls.story = os.path.join(cls.top, "story")
        os.mkdir(cls.story, 0o755)
        shutil.copy(cls.deb, os.path.join(cls.story, "lyceum.deb"))
        shutil.copy(os.path.join(HERE, "story.sh"), cls.story)

    def argv(self, *more, options=()):
        return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
                "--directory", self.root, "--bind", f"{self.story}:/story",
                *options, *more]

    def run_in(self, *command, options=(), code=0):
        """A command in the system, without booting it, as root."""
        p = subprocess.run(
            self.argv(*command, options=(
                "--pipe", "--setenv=LANG=C.UTF-8",
                "--setenv=DEBIAN_FRONTEND=noninteractive", *options)),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=600)
        self.assertEqual(p.returncode, code,
                         f"{command}: {p.stdout}\n{p.stderr}")
        return p.stdout

    def files(self):
        found = set()
        for folder, subs, files in os.walk(self.root):
            for name in files + subs:
                path = "/" + os.path.relpath(os.path.join(folder, name), self.root)
                if not LIVES.match(path + ("/" if name in subs else "")) and \
                        not LIVES.match(path):
                    found.add(path)
        return found

    def accounts(self):
        found = []
        for name in ("passwd", "group", "shadow", "gshadow"):
            found += [f"{name}: {line.split(':')[0]}"
                      for line in read(self.root, "etc", name).splitlines()]
        return sorted(found)

    def write(self, path, text):
        with open(self.root + path, "w", encoding="utf-8") as f:
            f.write(text)

    def install(self):
        self.write("/etc/apt/apt.conf.d/99reach", apt_settings())
        network = ("--resolv-conf=copy-host", "--bind-ro=/etc/hosts",
                   f"--bind={OUT}/archives:/var/cache/apt/archives")
        self.run_in("apt-get", "-q", "update", options=network)
        self.run_in("apt-get", "-q", "-y", "--no-install-recommends", "install",
                    "/story/lyceum.deb", options=network)

    # What every reader of the package looks for is there.
    def content(self):
        for path in ("/usr/bin/lyceum", "/usr/share/man/man1/lyceum.1.gz",
                     "/usr/share/man/zh_CN/man1/lyceum.1.gz",
                     "/usr/share/bash-completion/completions/lyceum",
                     "/usr/share/zsh/vendor-completions/_lyceum",
                     "/usr/share/fish/vendor_completions.d/lyceum.fish",
                     "/usr/lib/systemd/user/lyceum.service",
                     "/usr/lib/systemd/system/lyceum.service",
                     "/usr/share/doc/lyceum/copyright"):
            self.assertTrue(os.path.exists(self.root + path), path)
        version = out("dpkg-deb", "-f", self.deb, "Version").strip()
        self.assertEqual(self.run_in("lyceum", "--version"),
                         f"lyceum {version}\n")
        self.assertIn("_lyceum", self.run_in(
            "bash", "-c", ". /usr/share/bash-completion/completions/lyceum; "
            "complete -p lyceum"))

    # The README as it stands, by somebody who has installed the package.
    def readme(self):
        argv = self.argv("bash", options=("--pipe", "--private-network",
                                          "--user=cleo", "--chdir=/home/cleo",
                                          "--setenv=LANG=C.UTF-8"))
        self.assertGreater(run_transcripts(self, argv), 5)

    def booted(self):
        self.write("/etc/systemd/system/story.service", STORY_UNIT)
        p = subprocess.run(
            self.argv("systemd.unit=story.service", options=(
                "--boot", "--private-network", "--hostname=fresh")),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, timeout=300, errors="replace")
        os.unlink(self.root + "/etc/systemd/system/story.service")
        log = os.path.join(self.story, "log")
        said = read(log) if os.path.exists(log) else ""
        with open(os.path.join(OUT, "story.log"), "w", encoding="utf-8") as f:
            f.write(said)
        self.assertTrue(p.returncode == 0 and
                        said.endswith("the story ends well\n"),
                        f"exit {p.returncode}\n{p.stdout[-600:]}\n{said[-6000:]}")

    def test_whole_life(self):
        for who in ("ada", "bob", "cleo"):
            self.run_in("useradd", "--create-home", "--shell", "/bin/bash", who)
        before, people = self.files(), self.accounts()
        self.install()
        self.assertIn("/usr/bin/lyceum", self.files() - before)
        self.content()
        self.readme()
        self.booted()
        self.run_in("apt-get", "-q", "-y", "autoremove", "--purge",
                    "-o", "APT::AutoRemove::RecommendsImportant=false",
                    "-o", "APT::AutoRemove::SuggestsImportant=false")
        self.assertEqual(self.accounts(), people)
        self.assertEqual(sorted(self.files() - before -
                                {"/etc/apt/apt.conf.d/99reach"}), [])
        self.assertEqual(sorted(before - self.files()), [])

    # The same tree makes the same bytes, wherever it lies.
    def test_reproducible(self):
        with tempfile.TemporaryDirectory(prefix="lyceum-again-") as again:
            made = out(os.path.join(ROOT, "cmake/package.sh"),
                       str(os.cpu_count()), again)
            sums = dict(reversed(line.replace(again, OUT).split())
                        for line in made.splitlines())
        for path, digest in sums.items():
            with open(path, "rb") as f:
                self.assertEqual(hashlib.sha256(f.read()).hexdigest(), digest, path)
        self.assertIn(self.deb, sums)

    # The package is built from what ./dev installs, and is of one version.
    def test_one_truth(self):
        ours = set(re.findall(r"(?m)^build (\S+)", read(ROOT, "packages.txt"))) - \
            {"gcc", "libc6-dev", "libcmocka-dev"}
        asked = re.search(r"(?ms)^Build-Depends:(.*?)^\S", read(ROOT, "debian/control"))
        theirs = {w.split()[0] for w in asked.group(1).split(",")}
        self.assertEqual(theirs - {"debhelper-compat"}, ours)
        version = re.search(r"project\(lyceum VERSION (\S+)",
                            read(ROOT, "CMakeLists.txt")).group(1)
        self.assertTrue(read(ROOT, "debian/changelog").startswith(
            f"lyceum ({version})"))


if __name__ == "__main__":
    start = time.monotonic()
    result = unittest.main(exit=False, verbosity=2).result
    bad = len(result.failures) + len(result.errors)
    print(f"{max(0, result.testsRun - bad)} passed, {bad} failed")
    print(f"package: {time.monotonic() - start:.0f} s", file=sys.stderr)
    sys.exit(0 if bad == 0 and result.testsRun else 1)
