#!/usr/bin/python3
"""coverage.py BUILD [--decoders]: line coverage of what has run in a build with
the preset `cov`, by file. With --decoders only the files that read what others
wrote; exit 1 when one of them is below 90 %."""
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LEAST = 90.0

# What bytes of others, or of a disk, are read with. Whole files count: what
# writes the same form, and what only a lack of memory reaches.
DECODERS = """
crypto/cbor crypto/course crypto/did crypto/edition crypto/payload
crypto/profile crypto/record crypto/revocation crypto/sheet crypto/vault
node/core/address node/wire/msg node/wire/ticket
storage/backup storage/codec storage/config storage/course_yaml storage/ignore
storage/journal storage/keyfile storage/lyc storage/manifest storage/pack
storage/path_rules
""".split()


def lines_of(notes, into):
    """Adds the lines of one object file: path -> line -> has it run?"""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["gcov", "--json-format", *notes], cwd=work, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in glob.glob(work + "/*.gz"):
            with gzip.open(name, "rt", encoding="utf-8") as f:
                for source in json.load(f)["files"]:
                    path = os.path.relpath(os.path.join(ROOT, source["file"]),
                                           ROOT)
                    seen = into.setdefault(path, {})
                    for line in source["lines"]:
                        n = line["line_number"]
                        seen[n] = seen.get(n, False) or line["count"] > 0


def measure(build):
    found = {}
    notes = [os.path.abspath(p) for p in glob.glob(
        build + "/CMakeFiles/lyceum_*.dir/**/*.gcda", recursive=True)]
    for note in notes:
        lines_of([note], found)
    return found


def percent(lines):
    return 100 * sum(lines.values()) / len(lines)


def main():
    build, decoders = sys.argv[1], "--decoders" in sys.argv[2:]
    found = measure(build)
    wanted = [d + ".c" for d in DECODERS] if decoders else sorted(
        p for p in found if p.endswith(".c") and not p.startswith(".."))
    total, low = {}, []
    for path in wanted:
        lines = found.get(path) or {0: False}
        total.update({(path, n): hit for n, hit in lines.items()})
        missed = [str(n) for n, hit in sorted(lines.items()) if not hit]
        if decoders and percent(lines) < LEAST:
            low.append(path)
        print(f"{percent(lines):6.1f} %  {len(lines):4} lines  {path}"
              + (f"  not: {' '.join(missed)}" if "-v" in sys.argv else ""))
    print(f"{percent(total):6.1f} %  {len(total):4} lines  in all")
    if low:
        print(f"below {LEAST:.0f} %: {' '.join(low)}")
    return 1 if low or not found else 0


sys.exit(main())
