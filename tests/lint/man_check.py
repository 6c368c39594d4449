#!/usr/bin/python3
"""man_check LYCEUM BUILD: the manual pages of a build are sound and say all that
the command can do. Both pages are read as a reader sees them, and compared with
what `lyceum help` prints, with the variables that the sources ask for, and with
the settings. Exit 1 with one line a finding."""
import itertools
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PAGES = {"en": "man/lyceum.1", "zh": "man/zh_CN/lyceum.1"}
findings = []


def run(*argv, **env):
    base = {k: v for k, v in os.environ.items()
            if not k.startswith(("LANG", "LC_", "LYCEUM"))}
    return subprocess.run(argv, capture_output=True, text=True, check=False,
                          encoding="utf-8", stdin=subprocess.DEVNULL,
                          env={**base, "LANG": "C.UTF-8", **env})


def say(page, text):
    findings.append(f"{page}: {text}")


def squeeze(text):
    return " ".join(text.split())


def compact(text):
    """Without the breaks that a line of CJK text may have anywhere."""
    return re.sub(r"\s+", "", text)


ENTRY = re.compile(r"  (?!\$ )(\S.*?)(?: {2,}| (?=[^\x00-\x7f]))(\S.*)$")
LONG_ENTRY = re.compile(r"  ((?:[a-z]+ )+(?:\S*[A-Z|]\S* )+)(\S.*)$")


def entries(help_text):
    """The lines "  LEFT    RIGHT" of a help text -> [(left, right)]"""
    found = [ENTRY.match(line) or LONG_ENTRY.match(line)
             for line in help_text.splitlines()]
    return [(squeeze(m.group(1)), squeeze(m.group(2))) for m in found if m]


def helped(lyceum, lang):
    """Everything that help says -> {(left, right)}, [examples]"""
    found, examples = [], []
    top = run(lyceum, "--lang", lang, "help").stdout
    for left, right in entries(top):
        found.append((left, right))
        if left.startswith("-"):
            continue
        name = itertools.takewhile(re.compile("[a-z]+").fullmatch, left.split())
        one = run(lyceum, "--lang", lang, "help", *name)
        found += entries(one.stdout)
        examples += re.findall(r"(?m)^  \$ (.*)$", one.stdout)
    return found, examples


def variables():
    """What the sources ask the environment for."""
    names = {"LC_ALL", "LC_MESSAGES", "LANG"}  # say.c has them in a list
    for top in ("crypto", "storage", "node", "cli"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in (f for f in files if f.endswith(".c")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    names |= set(re.findall(r'\b(?:get)?env\("(\w+)"\)',
                                            f.read()))
    return names - {"HOME"}


def tools(page, path, lang):
    """What the formatters have to say against it."""
    groff = ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", path]
    if lang == "zh":
        groff.insert(1, "-mzh")  # as man does for a page in zh_CN/
    for argv in (["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path]
                 if lang == "en" else [], groff,
                 ["mandoc", "-Tlint", "-Wwarning", path]):
        if not argv:
            continue
        p = run(*argv, MANROFFSEQ="")
        said = p.stderr + (p.stdout if argv[0] == "mandoc" else "")
        for line in said.splitlines():
            say(page, f"{argv[0]}: {line}")
        if p.returncode != 0:
            say(page, f"{argv[0]} ends with {p.returncode}")


def check(lyceum, build, lang):
    page = PAGES[lang]
    path = os.path.join(build, page)
    tools(page, path, lang)
    shown = run("mandoc", "-Tutf8", "-O", "width=400", path).stdout
    shown = re.sub(".\b", "", shown)
    text, tight = squeeze(shown), compact(shown)
    found, examples = helped(lyceum, lang)
    lines = run(lyceum, "--lang", lang, "help").stdout.count("\n  ")
    commands = [left for left, _ in found if not left.startswith("-")]
    if lines < 50 or len(found) < lines or len(examples) < len(set(commands)):
        say("lyceum help", f"of {lines} lines, {len(found)} entries and "
            f"{len(examples)} examples were understood")
    for left, right in found:
        if left not in text:
            say(page, f"does not have '{left}'")
        if compact(right) not in tight:
            say(page, f"does not say of '{left}': {right}")
    for example in examples:
        if f"$ {example}" not in text:
            say(page, f"does not show '{example}'")
    for name in sorted(variables()):
        if name not in text:
            say(page, f"does not name the variable {name}")
    settings = run(lyceum, "--home", "/nonexistent", "config", "get").stdout
    for name in re.findall(r"(?m)^(\w+) = ", settings):
        if not re.search(rf"\b{name}\b", text):
            say(page, f"does not name the setting {name}")
    return len(found) + len(examples)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    counts = [check(sys.argv[1], sys.argv[2], lang) for lang in PAGES]
    for line in findings:
        print(line)
    print(f"man check: {sum(counts)} entries, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
