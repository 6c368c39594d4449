#!/usr/bin/python3
"""source_check: what a compiler does not see: format, layers, banned calls,
quotes of the protocol. Reads sources only. Exit 1 with one line a finding."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FOLDERS = ["crypto", "storage", "node", "cli", "simulations", "tests"]
RANK = {"crypto": 0, "storage": 1, "node": 2, "cli": 3}
LINES_MAX = 800

# What may be called only where the right-hand pattern matches the path.
BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gmtime|localtime|rand|srand"
    r"|atoi|atol|gets|alloca|system|popen)\s*\(": None,
    r"\btime\s*\(": r"^(node/driver|node/api|cli|crypto|tests)/",
    r"\brandombytes\w*\s*\(": r"^(node/driver|crypto|tests|storage/import"
                              r"|storage/seq_file|node/api|cli)",
}
# The keepers reach files through storage/disk.h alone: what goes round it, no
# simulated power cut ever sees.
FILE_CALLS = re.compile(
    r"(?<![\w.>])(open|openat|creat|close|dup|dup2|fcntl|read|write|pread"
    r"|pwrite|preadv|pwritev|readv|writev|lseek|fdatasync|fsync|sync|syncfs"
    r"|sync_file_range|ftruncate|truncate|fallocate|posix_fallocate"
    r"|posix_fadvise|flock|lockf|fstat|stat|lstat|fstatat|statx|statfs|fstatfs"
    r"|statvfs|fstatvfs|access|faccessat|eaccess|chmod|fchmod|fchmodat|chown"
    r"|futimens|utimensat|rename|renameat|renameat2|link|linkat|symlink"
    r"|symlinkat|readlink|unlink|unlinkat|remove|rmdir|mkdir|mkdirat|mkfifo"
    r"|mkstemp|mkostemp|mkdtemp|opendir|fdopendir|readdir|scandir|closedir"
    r"|ftw|nftw|glob|realpath|copy_file_range|sendfile|mmap|fopen|freopen"
    r"|fdopen|tmpfile|syscall)\s*\(")
DISK_FREE = r"^storage/disk\.c$"
# node/core and node/wire: pure. storage headers that are pure formats:
PURE_STORAGE = {"manifest", "chunker", "codec", "path_rules"}
PURE_SYSTEM = {"assert.h", "inttypes.h", "limits.h", "stdbool.h", "stddef.h",
               "stdint.h", "stdio.h", "stdlib.h", "string.h", "stdarg.h"}

findings = []


def say(path, line, text):
    findings.append(f"{path}:{line}: {text}")


def sources():
    for top in FOLDERS:
        for folder, subs, files in os.walk(os.path.join(ROOT, top)):
            subs[:] = [s for s in subs if s not in ("node_modules", "corpora")]
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def strip_comments(text):
    keep = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    text = re.sub(r"/\*.*?\*/", keep, text, flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', keep, text)


def check_includes(path, text):
    top = path.split("/")[0]
    pure = path.startswith(("node/core/", "node/wire/"))
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        kind, target = m.groups()
        if kind == '"':
            if "/" not in target:
                say(path, number, f'include "{target}" names no folder')
                continue
            up = target.split("/")[0]
            if top in RANK and RANK.get(up, 9) > RANK[top]:
                say(path, number, f"{top} may not include {target}")
            stem = os.path.splitext(os.path.basename(target))[0]
            if pure and up == "storage" and stem not in PURE_STORAGE:
                say(path, number, f"the core may not include {target}")
            if pure and target.startswith(("node/driver", "node/api")):
                say(path, number, f"the core may not include {target}")
        elif pure and target not in PURE_SYSTEM:
            say(path, number, f"the core may not include <{target}>")


def check_calls(path, bare):
    for pattern, allowed in BANNED.items():
        if allowed and re.search(allowed, path):
            continue
        for m in re.finditer(pattern, bare):
            number = bare.count("\n", 0, m.start()) + 1
            say(path, number, f"banned call: {m.group(0).strip('( ')}")


def check_file_calls(path, bare):
    if not path.startswith("storage/") or re.search(DISK_FREE, path):
        return
    for m in FILE_CALLS.finditer(bare):
        number = bare.count("\n", 0, m.start()) + 1
        say(path, number, f"not through storage/disk.h: {m.group(1)}")


def check_quotes(path, text, spec):
    for m in re.finditer(r"SPEC [0-9.]+:\s*\"(.*?)\"", text, flags=re.S):
        quote = re.sub(r"\s*\n\s*\*?\s*", " ", m.group(1))
        if " ".join(quote.split()) not in spec:
            number = text.count("\n", 0, m.start()) + 1
            say(path, number, f'not in node/PROTOCOL.md: "{quote}"')


def check_shape(path, text):
    lines = text.split("\n")
    if len(lines) > LINES_MAX and path.endswith(".c"):
        say(path, len(lines), f"over {LINES_MAX} lines: split it")
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            say(path, number, "a tab")
        if re.search(r"(?<!:)//", strip_comments(line)) and "http" not in line:
            say(path, number, "a // comment")
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            say(path, number, "a promise instead of code")
    if path.endswith(".h"):
        guard = re.sub(r"[^A-Z0-9]", "_", path.upper())
        if f"#ifndef {guard}" not in text:
            say(path, 1, f"the include guard is not {guard}")


def check_format(paths):
    tool = shutil.which("clang-format")
    if tool is None:
        say(".clang-format", 1, "clang-format is not installed")
        return
    run = subprocess.run([tool, "--dry-run", "-Werror", *paths], cwd=ROOT,
                         capture_output=True, text=True)
    for line in run.stderr.split("\n"):
        if ": error:" in line:
            findings.append(line)


def check_readmes():
    for top in FOLDERS:
        if not os.path.exists(os.path.join(ROOT, top, "README.md")):
            say(top, 1, "no README.md")


def main():
    spec = open(os.path.join(ROOT, "node/PROTOCOL.md"), encoding="utf-8").read()
    spec = " ".join(spec.split())
    paths = list(sources())
    for path in paths:
        text = open(os.path.join(ROOT, path), encoding="utf-8").read()
        check_includes(path, text)
        check_calls(path, strip_comments(text))
        check_file_calls(path, strip_comments(text))
        check_quotes(path, text, spec)
        check_shape(path, text)
    check_format(paths)
    check_readmes()
    for line in findings:
        print(line)
    print(f"source check: {len(paths)} files, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
