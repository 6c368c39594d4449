"""The README's transcripts are run as they stand, so that they cannot rot.

A ```console block is a transcript: `$ ` lines are commands, the lines under them
what they print, where `...` stands for any text. Blocks run in one shell each,
in order, in one scratch folder; `lyceum` is the release build."""
import os
import re
import signal
import subprocess

from lib import LYCEUM, ROOT, Case, clean_env


def blocks(path):
    with open(path, encoding="utf-8") as f:
        return re.findall(r"```console\n(.*?)```", f.read(), flags=re.S)


def steps(block):
    """-> [(command, [expected lines])]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found:
            found[-1] = (found[-1][0] + "\n" + line[2:], found[-1][1])
        elif found:
            found[-1][1].append(line)
    return found


def fits(expected, got):
    pattern = "".join(".*" if part == "..." else re.escape(part)
                      for part in re.split(r"(\.\.\.)", expected))
    return re.fullmatch(pattern, got, flags=re.S) is not None


def run_transcripts(case, argv, **popen):
    """The README's, in the shell @argv. Return: how many commands ran."""
    shell = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True, **popen)
    case.addCleanup(lambda: os.killpg(shell.pid, signal.SIGKILL)
                    if shell.poll() is None else None)
    ran = 0
    for block in blocks(os.path.join(ROOT, "README.md")):
        for command, expected in steps(block):
            if command.startswith("./dev"):
                continue
            mark = f"--done-{ran}--"
            shell.stdin.write(f"{command}\necho {mark}$?\n")
            shell.stdin.flush()
            got = []
            for line in shell.stdout:
                if line.startswith(mark):
                    break
                got.append(line.rstrip("\n"))
            case.assertTrue(fits("\n".join(expected), "\n".join(got)),
                            f"$ {command}\n" + "\n".join(got))
            ran += 1
    shell.stdin.close()
    shell.wait(20)
    shell.stdout.close()
    return ran


class Readme(Case):
    def test_transcripts(self):
        bin_ = self.path("bin")
        os.makedirs(bin_)
        os.symlink(LYCEUM, os.path.join(bin_, "lyceum"))
        env = clean_env(HOME=self.dir, PATH=bin_ + ":" + os.environ["PATH"])
        self.assertGreater(
            run_transcripts(self, ["bash"], env=env, cwd=self.dir), 5)
