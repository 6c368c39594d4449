#!/usr/bin/python3
"""texts_check: everything the interface says, it says in Chinese too.

  texts_check.py          one line a finding; exit 1 when there is one
  texts_check.py --add    new causes into cli/causes.inc, in their place and
                          without a Chinese text: fill it in, then check again

Causes and hints are the formats of err_set, err_errno, err_wrap and err_hint
in crypto, storage, node and cli, and the words that reach them through a bare
%s. Each has an entry in cli/causes.inc, whose file begins with how to write
one. The texts of cli/say.h and cli/commands.c hold both languages already:
they are compared. Reads sources only."""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FOLDERS = ["crypto", "storage", "node", "cli"]
TABLE = "cli/causes.inc"

# Which argument of a call is the format.
FORMATS = {"err_set": 2, "err_errno": 2, "err_wrap": 1, "err_hint": 1}

# Where words come from that reach a bare %s: the arguments of a function, what
# a function or a table of its file returns. (path, name, argument or None)
CARRIERS = [
    ("crypto/cbor.c", "bad", 1),
    ("crypto/cbor.c", "head_read", None),
    ("crypto/course.c", "broken_rule", None),
    ("crypto/edition.c", "broken_rule", None),
    ("crypto/edition.c", "broken_text", None),
    ("crypto/revocation.c", "broken_rule", None),
    ("crypto/*.c", "payload__fail", 2),
    ("crypto/vault.c", "bad", 1),
    ("storage/codec.c", "frame_fault", None),
    ("storage/config.c", "keys", 2),
    ("storage/course_yaml.c", "bad", 1),
    ("storage/index*.c", "index__say", 1),
    ("storage/*.c", "index_fail", 1),
    ("storage/*.c", "index_step", 2),
    ("storage/index*.c", "change", 2),
    ("storage/manifest.c", "bad", 1),
    ("storage/path_rules.c", "bad_code_point", None),
    ("storage/path_rules.c", "component_fault", None),
    ("storage/path_rules.c", "path_warning_text", None),
    ("storage/walk.c", "note", 1),
    ("node/wire/msg.c", "bad", 1),
    ("node/core/*.c", "blame__protocol", 2),
    ("node/core/*.c", "blame__ban", 3),
    ("node/driver/fetch.c", "give_up", 3),
    ("node/api/server.c", "send_error", 1),
]

# Words that the carriers hand on, and values: they stay as they are. A new
# bare %s is neither until someone says so here.
HANDED_ON = {
    "crypto/cbor.c": {"why"},
    "crypto/course.c": {"broken"},
    "crypto/edition.c": {"broken"},
    "crypto/payload.c": {"why"},
    "crypto/revocation.c": {"broken"},
    "crypto/vault.c": {"what"},
    "storage/codec.c": {"fault", "ZSTD_getErrorName(n)"},
    "storage/config.c": {"key", "k->about"},
    "storage/course_yaml.c": {"text", "r->parser.problem"},
    "storage/home.c": {"text"},
    "storage/index.c": {"what", "sqlite3_errmsg(db)"},
    "storage/manifest.c": {"why"},
    "storage/path_rules.c": {"why", "utf8proc_errmsg(n)",
                             "bad_code_point(cp)"},
    "storage/walk.c": {"text"},
    "node/wire/msg.c": {"why"},
    "node/api/api_name.c": {"s.list"},
    "node/api/api_publish.c": {"key"},
    "node/api/api_store.c": {"own", "json_string_value(why)"},
    "node/api/api_unpack.c": {"u->record_err.text", "u->broken.text",
                              "course.s"},
    "node/api/api_withdraw.c": {"did"},
    "node/api/client.c": {"why", "hint"},
    "node/api/server.c": {"uv_strerror(rc)"},
    "node/core/blame.c": {"why"},
    "node/doctor/doctor_disk.c": {"name"},
    "node/doctor/doctor_home.c": {"holder"},
    "node/doctor/doctor_port.c": {"name", "pid", "d->listening"},
    "node/doctor/doctor_reach.c": {"name", "global", "local", "colon + 1"},
    "node/driver/fetch.c": {"why"},
    "node/driver/link.c": {"zmq_strerror(zmq_errno())"},
    "node/driver/reader.c": {"list", "was.text"},
    "node/driver/router.c": {"zmq_strerror(zmq_errno())"},
    "node/driver/self_check.c": {"strerror(errno)"},
    "node/driver/zap.c": {"zmq_strerror(zmq_errno())"},
    "cli/cmd_node.c": {"line + 5", "holder"},
    "cli/cmd_publish.c": {"report.notes[0]"},
}

# Entries that no format of ours is: the system's words and those of libraries.
OTHERS_BEGIN = "/* ---- words of the system and of libraries"

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])+\'|\w+|->|\s+|.',
                   re.S)
CONVERSION = re.compile(r"%(?:(\d+)\$)?[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?"
                        r"((?:hh|h|ll|l|j|z|t|L)?[diouxXfFeEgGcsp])")
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "'": "'", "0": "\0",
           "r": "\r", "b": "\b", "f": "\f"}

findings = []


def say(where, text):
    findings.append(f"{where}: {text}")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def sources():
    for top in FOLDERS:
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), ROOT)
                if name.endswith((".c", ".h")) and \
                        not path.startswith("crypto/base/err."):
                    yield path


def plain(text):
    """Comments become blanks, lines stay."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/',
                  lambda m: m[0] if m[0][0] == '"' else
                  re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def unquote(token):
    return re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], token[1:-1], flags=re.S)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') \
        .replace("\n", "\\n") + '"'


# ---- a little C --------------------------------------------------------

def split(tokens, at):
    """Tokens behind an open bracket at @at - 1 -> lists of them, by comma."""
    parts, depth = [[]], 0
    while at < len(tokens):
        t = tokens[at]
        if t in ("(", "[", "{"):
            depth += 1
        elif t in (")", "]", "}"):
            if depth == 0:
                break
            depth -= 1
        if t == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(t)
        at += 1
    return parts


def branches(tokens):
    """The values that `a ? b : c` may have."""
    depth = asked = 0
    first = None
    for i, t in enumerate(tokens):
        depth += (t in ("(", "[", "{")) - (t in (")", "]", "}"))
        if depth == 0 and t == "?":
            asked += 1
            first = i if first is None else first
        elif depth == 0 and t == ":" and first is not None:
            asked -= 1
            if asked == 0:
                return branches(tokens[first + 1:i]) + branches(tokens[i + 1:])
    return [tokens]


def values(tokens, macros):
    """[(text or None, the expression)]: texts of literals, else None."""
    found = []
    for part in branches([t for t in tokens if not t.isspace()]):
        if part and part[0] == "(" and part[-1] == ")":
            part = part[1:-1]
        texts = [unquote(t) if t[0] == '"' else macros.get(t) for t in part]
        spoken = " ".join(part) if "+" in part else "".join(part)
        found.append(("".join(texts) if part and None not in texts else None,
                      spoken))
    return found


class Calls:
    def __init__(self):
        self.macros = {"PRIu64": "lu", "PRId64": "ld", "PRIu32": "u"}
        self.texts = {}  # text -> where it was found first
        self.files = {p: plain(read(p)) for p in sources()}
        for text in self.files.values():
            for m in re.finditer(r'^#define (\w+) ("(?:\\.|[^"\\\n])*")\s*$',
                                 text, re.M):
                self.macros[m[1]] = unquote(m[2])

    def spoken(self, where, text):
        """Words and not just values: an entry is wanted."""
        if re.search(r"[A-Za-z]", CONVERSION.sub("", text)):
            self.texts.setdefault(text, where)

    def words(self, path, where, tokens):
        for text, spoken in values(tokens, self.macros):
            if text is not None:
                self.spoken(where, text)
            elif not spoken.startswith("say(") and \
                    spoken not in ("NULL", "0") and \
                    spoken not in HANDED_ON.get(path, ()):
                say(where, f"'{spoken}' goes into a bare %s: are these words"
                    " (then name the function that gives them in CARRIERS of"
                    " tests/lint/texts_check.py) or a value? List it in"
                    " HANDED_ON there")

    def call(self, path, where, name, args):
        at = FORMATS[name]
        if len(args) <= at or args[0][:1] == ["struct"]:
            return
        for text, spoken in values(args[at], self.macros):
            if text is None:
                if not (path.startswith("cli/") and spoken.startswith("say(")):
                    say(where, f"the format of {name} is no literal")
                continue
            self.spoken(where, text)
            rest = iter(args[at + 1:])
            for m in CONVERSION.finditer(text):
                rest_of = m[0].count("*")
                for _ in range(rest_of):
                    next(rest, None)
                arg = next(rest, None)
                bare = m[2] == "s" and "*" not in m[0] and \
                    text[m.start() - 1:m.start()] != "'" and \
                    text[m.end():m.end() + 1] != "'" and \
                    not re.search(r"\(\w+\)\.s$|_hex\(.*\)\.s$",
                                  "".join(arg or []).strip())
                if arg is not None and bare:
                    self.words(path, where, arg)

    def carrier(self, path, name, arg):
        text = self.files[path]
        if arg is not None:
            for m in re.finditer(rf"\b{name}\s*\(", text):
                args = split(TOKEN.findall(text[m.end():]), 0)
                where = f"{path}:{text.count(chr(10), 0, m.start()) + 1}"
                if len(args) > arg and "const" not in args[arg]:
                    self.words(path, where, args[arg])
            for m in re.finditer(rf"\b{name}\[\]\s*=\s*{{", text):
                for row in split(TOKEN.findall(text[m.end():]), 0):
                    row = [t for t in row if not t.isspace()]
                    if row:
                        self.words(path, path, split(row, 1)[arg])
            return
        body = re.search(rf"\b{name}\([^;{{]*?\)\s*{{(.*?)^}}", text,
                         re.S | re.M)
        if body is None:
            say("tests/lint/texts_check.py", f"CARRIERS: {path} has no {name}")
            return
        for m in re.finditer(r"\breturn\b([^;]*);", body[1]):
            at = text.count("\n", 0, body.start(1) + m.start()) + 1
            for word, spoken in values(TOKEN.findall(m[1]), self.macros):
                if word is not None:
                    self.spoken(f"{path}:{at}", word)

    def assigned(self, path, names):
        """Words that a variable holds before they go into a bare %s."""
        text = self.files.get(path, "")
        for m in re.finditer(rf"\b(?:{'|'.join(names) or '-'})(?:\[\])?\s*="
                             r"(?!=)([^;]*);", text):
            for word, _ in values(TOKEN.findall(m[1]), self.macros):
                if word is not None:
                    line = text.count("\n", 0, m.start()) + 1
                    self.spoken(f"{path}:{line}", word)

    def look(self):
        name = re.compile(r"\b(" + "|".join(FORMATS) + r")\s*\(")
        for path, text in self.files.items():
            for m in name.finditer(text):
                args = [[t for t in a if not t.isspace()] for a in
                        split(TOKEN.findall(text[m.end():m.end() + 4000]), 0)]
                line = text.count("\n", 0, m.start()) + 1
                self.call(path, f"{path}:{line}", m[1], args)
        for m in re.finditer(r'^    X\(\w+, -\d+, ("[^"]*")\)',
                             read("crypto/base/err.h"), re.M):
            self.spoken("crypto/base/err.h", unquote(m[1]))
        for path, names in HANDED_ON.items():
            self.assigned(path, [n for n in names if n.isidentifier()])
        for pattern, name, arg in CARRIERS:
            paths = glob.glob(os.path.join(ROOT, pattern))
            if not paths:
                say("tests/lint/texts_check.py", f"CARRIERS: no {pattern}")
            for path in sorted(paths):
                self.carrier(os.path.relpath(path, ROOT), name, arg)
        return self.texts


# ---- the tables ----------------------------------------------------------

def conversions(text):
    """[kind of argument 1, of argument 2, ...]; None when numbered badly."""
    kinds, order = {}, 0
    for m in CONVERSION.finditer(text.replace("%%", "")):
        order += 1
        at = int(m[1]) if m[1] else order
        if at in kinds and kinds[at] != m[2]:
            return None
        kinds[at] = m[2]
    if sorted(kinds) != list(range(1, len(kinds) + 1)):
        return None
    return [kinds[i] for i in sorted(kinds)]


def compare(where, en, zh):
    if not zh:
        say(where, f"no Chinese text for {quote(en)}")
        return
    if conversions(en) is None or conversions(en) != conversions(zh):
        say(where, f"{quote(zh)} takes other arguments than {quote(en)}")
    if not re.search(r"[\u3400-\u9fff]", zh) and zh != en and \
            re.search(r"[A-Za-z]", CONVERSION.sub("", en)):
        say(where, f"{quote(zh)} is not Chinese")
    if re.search(r"[\u3400-\u9fff][,;:()!?]|[,;] ?[\u3400-\u9fff]", zh):
        say(where, f"{quote(zh)}: punctuation of English in Chinese")


PAIR = re.compile(r'X\(((?:\s*"(?:\\.|[^"\\\n])*")+),'
                  r'((?:\s*"(?:\\.|[^"\\\n])*")*)\s*\)')
TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"')


def join(literals):
    return "".join(unquote(t) for t in TEXT.findall(literals))


def table_read():
    text = plain(read(TABLE)) if os.path.exists(os.path.join(ROOT, TABLE)) \
        else ""
    raw = read(TABLE) if text else ""
    border = raw.find(OTHERS_BEGIN)
    ours, others = [], []
    for m in PAIR.finditer(text):
        line = text.count("\n", 0, m.start()) + 1
        (ours if m.start() < border or border < 0 else others).append(
            (join(m[1]), join(m[2]), f"{TABLE}:{line}"))
    return ours, others


def check_table(texts):
    ours, others = table_read()
    known = {}
    for en, zh, where in ours + others:
        if en in known:
            say(where, f"{quote(en)} stands in {known[en]} already")
        known[en] = where
        compare(where, en, zh)
    for en, _, where in ours:
        if en not in texts:
            say(where, f"nothing says {quote(en)} any more: take it out")
    for a, b in zip(ours, ours[1:]):
        if a[0] > b[0]:
            say(b[2], f"{quote(b[0])} belongs before {quote(a[0])}: the"
                " entries are sorted")
    for en, where in sorted(texts.items()):
        if en not in known:
            say(where, f"{quote(en)} has no Chinese text:"
                " tests/lint/texts_check.py --add puts an entry into"
                f" {TABLE}; fill it in")
    return len(known)


def entry(en, zh):
    return f"X({quote(en)},\n  {quote(zh)})\n"


def add(texts):
    ours, others = table_read()
    have = {en for en, _, _ in ours + others}
    new = [(en, "") for en in texts if en not in have]
    rows = sorted([(en, zh) for en, zh, _ in ours] + new)
    text = read(TABLE)
    start = text.index("\nX(") + 1
    end = text.index(OTHERS_BEGIN)
    with open(os.path.join(ROOT, TABLE), "w", encoding="utf-8") as f:
        f.write(text[:start] + "".join(entry(*r) for r in rows) + "\n" +
                text[end:])
    print(f"{len(new)} new in {TABLE}:")
    for en, _ in sorted(new):
        print(" ", quote(en))


def check_say():
    text = re.sub(r"\\\n", " \n", plain(read("cli/say.h")))
    count = 0
    literals = r'((?:\s*"(?:\\.|[^"\\\n])*")+)'
    for m in re.finditer(rf"X\((\w+),{literals},{literals}\)", text):
        line = text.count("\n", 0, m.start()) + 1
        compare(f"cli/say.h:{line}", join(m[2]), join(m[3]))
        count += 1
    return count


def check_commands():
    text = plain(read("cli/commands.c"))
    count = 0
    literals = r'((?:\s*"(?:\\.|[^"\\\n])*")+)'
    for m in re.finditer(rf"{{{literals},{literals},?\s*}}", text):
        line = text.count("\n", 0, m.start()) + 1
        compare(f"cli/commands.c:{line}", join(m[1]), join(m[2]))
        count += 1
    for m in re.finditer(rf"{{{literals},?\s*}}", text):
        line = text.count("\n", 0, m.start()) + 1
        say(f"cli/commands.c:{line}", f"{join(m[1])!r} in one language")
    return count


# What the command itself prints goes through say(): no words in a printf.
FIXED = {"cli/main.c": {"error: %s\nwhy: %s\ntry: %s\n", "lyceum "},
         "cli/cmd_node.c": {"ready %s %s\n"},
         "cli/complete.c": {":dirs\n", ":files\n"},
         "cli/cmd_why.c": {"try: %s%s\n"},
         "cli/commands.c": {"COMMAND"}}


def check_printed():
    for path in sources():
        if not path.startswith("cli/") or path.startswith("cli/man/"):
            continue  # man/ writes roff when we build
        text = plain(read(path))
        for m in re.finditer(r"\b(?:printf|fprintf|puts|fputs)\s*\(", text):
            line = text.count("\n", 0, m.start()) + 1
            for arg in split(TOKEN.findall(text[m.end():m.end() + 2000]), 0):
                for s, _ in values(arg, {}):
                    words = CONVERSION.sub("", s or "")
                    words = re.sub(r"\033\[[\d;?]*[A-Za-z]|\\033", "", words)
                    if re.search(r"[A-Za-z]{2}", words) and \
                            s not in FIXED.get(path, ()):
                        say(f"{path}:{line}", f"{quote(s)} is printed in one"
                            " language: put it into cli/say.h")


def main():
    texts = Calls().look()
    if "--add" in sys.argv[1:]:
        add(texts)
        return 0
    known = check_table(texts)
    said, helped = check_say(), check_commands()
    if said < 50 or helped < 50 or len(texts) < 300:
        say("tests/lint/texts_check.py", f"finds too little: {len(texts)}"
            f" causes, {said} texts, {helped} helps")
    check_printed()
    for line in findings:
        print(line)
    print(f"texts check: {len(texts)} causes, {known} entries, {said} texts,"
          f" {helped} helps, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
