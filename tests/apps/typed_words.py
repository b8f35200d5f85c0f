"""Types random words as arguments of `patio call echo` and compares what comes back with what
Python makes of each word: json.loads() first, then ast.literal_eval(), else a str. With --json the
output must be that of json.dumps().
  typed_words.py PATH_OF_PATIO [COUNT [SEED]]"""
import argparse
import ast
import json
import math
import os
import random
import re
import subprocess
import sys
import warnings

BATCH = 400
HOSTILE = ("", "[", "]", "[]", "[ ]", "[,]", "[1,2]", "[a,b]", "['a,b']", "[[1, 2], [3]]", "{}",
           "{a}", "{name}", "(hello)", "()", "(,)", "'", "''", '""', "%%", "++", "-", "- x",
           "---", "--!", "-1", "-.5", "-inf", "-nan", "=", "=x", "a=b", "@file", "/h", "call",
           "list", "pickle", "#", "# 1", "true", "True", "null", "None", "NaN", "nan", "\n",
           "a\nb", "\t", "\\", "\\n", "\\0", "$x", "*", "~", "!", "a b", " a ", " 1 ", "1 2",
           "1,2", "010", "0x10", "1_0", "1e400", "-0", "-0.0", "\x7f", "\x1b[31m", "\u00e9",
           "\U0001f600", "\u202e", "\ufeff1", "[ERROR]", "[ERROR] no, not that", "set()", "set(",
           "{1, 2}", "{[1]}", "b'x'", "bytearray(b'x')", "it's", "10:30", "2026-11-28",
           '"\\ud83d\\ude00"', '{"a\\/b": "\\ud83d\\ude00\\ud83d"}', "'\\ud83d\\ude00'", '"\\/"',
           "...")
OPTION_LIKE = ("--", "--json", "--help", "--connect", "--no-such-option=[1,2]", "-h", "-x", "--kw")
REFUSED = ("[" * 200 + "]" * 200, "9" * 4301, "[-" + "1" * 5000 + "]", '{"a": 1, "\\u0061": 2}',
           "{'a': 1, 'b': {}, 'a': 3}", "['\\N{DASH}']")
ALPHABET = "[](){},'\"\\=-+%#@:._ \n\tbruxnaeEjNTF0123456789\u00e9\U0001f600"
NAMES = {"true": True, "false": False, "null": None, "NaN": math.nan, "nan": math.nan,
         "Infinity": math.inf, "inf": math.inf, "infj": complex(0, math.inf),
         "nanj": complex(0, math.nan), "set": set, "frozenset": frozenset, "bytearray": bytearray}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patio")
    parser.add_argument("count", nargs="?", type=int, default=100_000, help="how many words")
    parser.add_argument("seed", nargs="?", type=int, help="replays a run")
    return parser.parse_args()


def text(r):
    ranges = ((0x20, 0x7F), (0x01, 0x1F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF),
              (0x10000, 0x10FFFF))
    return "".join(chr(r.randint(*r.choice(ranges))) for _ in range(r.choice((0, 1, 3, 14, 40))))


def real(r):
    return r.choice((0.0, -0.0, 5e-324, 1e16, 1e15, 1e-5, 1e22, r.random(),
                     r.uniform(-1e300, 1e300), float(r.randint(-10**18, 10**18))))


def json_leaf(r):
    large = r.getrandbits(r.choice((63, 64, 200, 3000))) * r.choice((1, -1))
    lone = "\ud83d" + text(r)[:2]  # no low surrogate follows it
    return r.choice((None, True, False, real(r), text(r), text(r), lone, large,
                     r.randint(-300, 300)))


def json_value(r, depth):
    if depth == 0 or r.random() < 0.4:
        return json_leaf(r)
    n = r.randrange(5)
    if r.random() < 0.5:
        return [json_value(r, depth - 1) for _ in range(n)]
    return {text(r): json_value(r, depth - 1) for _ in range(n)}


def hashable(r, depth):
    if depth > 0 and r.random() < 0.2:
        return tuple(hashable(r, depth - 1) for _ in range(r.randrange(3)))
    return r.choice((None, r.randint(-9, 9), real(r), text(r), r.randbytes(3)))


def python_value(r, depth):
    if depth == 0 or r.random() < 0.3:
        return r.choice((json_leaf(r), r.randbytes(r.randrange(9)), complex(r.random(), real(r))))
    kind, n = r.randrange(4), r.randrange(5)
    if kind < 2:
        return (list, tuple)[kind](python_value(r, depth - 1) for _ in range(n))
    if kind == 2:
        return {hashable(r, 2): python_value(r, depth - 1) for _ in range(n)}
    return {hashable(r, 2) for _ in range(n)}


def json_text(r, v):
    form = r.randrange(4)
    if form == 0 and not any(map(is_surrogate, json.dumps(v, ensure_ascii=False))):
        return json.dumps(v, ensure_ascii=False, separators=(",", ":"))
    if form == 1:
        return json.dumps(v, indent=r.choice((1, "\t")))
    return json.dumps(v).replace("/", "\\/") if form == 2 else json.dumps(v)


def is_surrogate(c):
    return 0xD800 <= ord(c) < 0xE000


def damaged(r, word):
    for _ in range(r.randint(1, 3)):
        at = r.randrange(len(word) + 1)
        word = word[:at] + r.choice(("", r.choice(ALPHABET))) + word[at + r.randrange(2):]
    return word


def any_word(r):
    if r.random() < 0.0005:
        return r.choice(REFUSED)
    kind = r.randrange(8)
    if kind == 0:
        return r.choice(HOSTILE + OPTION_LIKE)
    if kind == 1:
        return "".join(r.choice(ALPHABET) for _ in range(r.randrange(12)))
    if kind == 2:
        return text(r) * r.choice((1, 1, 1, 20))
    word = json_text(r, json_value(r, 3)) if kind < 5 else repr(python_value(r, 3))
    return damaged(r, word) if r.random() < 0.4 else word


def only_once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise KeyError("a name twice")
    return dict(pairs)


def convert(node):
    """The value of a literal in which NAMES are names. Raises for all else."""
    if isinstance(node, ast.Constant) and node.value is not Ellipsis:
        return node.value
    if isinstance(node, ast.Name):
        return NAMES[node.id]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(map(convert, node.elts))
    if isinstance(node, ast.Dict):
        return dict(zip(map(convert, node.keys), map(convert, node.values)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        number = convert(node.operand)
        return -number if isinstance(node.op, ast.USub) else +number
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = convert(node.left), convert(node.right)
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.Call) and not node.keywords:
        return convert(node.func)(*map(convert, node.args))
    raise ValueError(node)


def attempt(reader, word):
    """[value], or [] where the reader refuses the word."""
    try:
        return [reader(word)]
    except Exception:
        return []


def may_stay_text(word):
    """Literals of Python that patio takes as text: a comment, a tuple without parentheses, an
    Ellipsis, a sum or a sign with parentheses, a line that goes on after a backslash."""
    bare = not attempt(ast.literal_eval, "[" + word + "\n,]") or \
        len(ast.literal_eval("[" + word + "\n,]")) != 1
    rest = re.sub(r"(?s)'''.*?'''|\"\"\".*?\"\"\"|'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"", "''", word)
    signs = re.search(r"[-+]\s*\(|\)\s*[-+]", rest)
    return bare or signs or any(part in rest for part in ("#", "...", "\\"))


def right(word, got):
    from_json = attempt(json.loads, word)
    if from_json:
        return same(from_json[0], got)
    literal = attempt(ast.literal_eval, word)
    if literal and not (attempt(may_stay_text, word) or [True])[0]:
        return same(literal[0], got)
    if isinstance(got, str) and got == word:
        return True
    wider = attempt(lambda w: convert(ast.parse("(" + w + ")", mode="eval").body), word)
    return bool(wider) and same(wider[0], got)


def may_be_refused(word):
    """A literal that patio cannot represent is an error."""
    if word in REFUSED:
        return True
    twice = not attempt(lambda w: json.loads(w, object_pairs_hook=only_once), word) and \
        attempt(json.loads, word)
    return twice or "\\N{" in word or has_repeated_key(word)


def has_repeated_key(word):
    def look(w):
        for node in ast.walk(ast.parse("(" + w + ")", mode="eval")):
            if isinstance(node, ast.Dict):
                keys = [attempt(ast.literal_eval, k) for k in node.keys]
                names = [k[0] for k in keys if k and isinstance(k[0], str)]
                if len(set(names)) < len(names):
                    return True
        return False
    return bool((attempt(look, word) or [False])[0])


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a.hex() == b.hex() or (a != a and b != b)
    if isinstance(a, complex):  # repr() does not always show the sign of a zero
        return same(a.real + 0.0, b.real + 0.0) and same(a.imag + 0.0, b.imag + 0.0)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a.items(), b.items()))
    return a == b or repr(a) == repr(b)


def command(r, words, keywords, where, flags):
    """The arguments of a call, with its options at random places and in random forms."""
    options = [r.choice((["--connect", where], ["--connect=" + where]))]
    for name, word in keywords.items():
        pair = name + "=" + word
        options.append(r.choice((["--kw", pair], ["--kw=" + pair])))
    options += [[f] for f in flags]
    bare = next((i for i, w in enumerate(words) if re.match("--?[A-Za-z]|--$", w)), len(words))
    dashes = r.randint(0, bare) if bare < len(words) or r.random() < 0.5 else None
    places = [["echo"]] + [[w] for w in words[:dashes]]
    for o in options:
        places.insert(r.randrange(len(places) + 1), o)
    return sum(places, ["call"]) + ([] if dashes is None else ["--"] + words[dashes:])


class Failure(Exception):
    pass


class Typist:
    def __init__(self, patio, r):
        self.patio, self.r, self.refused = patio, r, 0
        self.node = subprocess.Popen([patio, "serve", "--demo", "--listen", "127.0.0.1:0"],
                                     stdout=subprocess.PIPE, text=True)
        self.where = self.node.stdout.readline().split()[-1]

    def call(self, words, keywords=None, flags=()):
        args = [self.patio] + command(self.r, words, keywords or {}, self.where, flags)
        return subprocess.run(args, capture_output=True, timeout=120)

    def answer(self, words, keywords):
        """What comes back, word by word. Words that patio refuses are checked and left out."""
        ended = self.call(words, keywords)
        if ended.returncode == 0:
            out = eval(ended.stdout.decode(), {"__builtins__": {}, **NAMES})
            args, kwargs = out if keywords or len(words) > 1 else ((out,), {})
            return list(zip(words, args)) + [(w, kwargs[k]) for k, w in keywords.items()]
        if ended.returncode != 2:
            raise Failure(f"exit code {ended.returncode}: {ended.stderr!r} for {words!r}")
        if keywords:
            return self.answer(words, {}) + self.answer(list(keywords.values()), {})
        if len(words) > 1:
            half = len(words) // 2
            return self.answer(words[:half], {}) + self.answer(words[half:], {})
        self.refused += 1
        if not may_be_refused(words[0]):
            raise Failure(f"refused {words[0]!r}: {ended.stderr!r}")
        return []

    def check_words(self, n):
        words = [any_word(self.r) for _ in range(n)]
        keywords = {f"k{i}": any_word(self.r) for i in range(self.r.choice((0, 0, 3, 9)))}
        for word, got in self.answer(words, keywords):
            if not right(word, got):
                raise Failure(f"{word!r} became {got!r}")

    def check_json(self, n):
        values = [json_value(self.r, 3) for _ in range(n)]
        words = [json_text(self.r, v) if self.r.random() < 0.7 else repr(v) for v in values]
        self.check_json_of(words, values)

    def check_json_of(self, words, values):
        n = len(words)
        expected = (json.dumps([values, {}] if n > 1 else values[0]) + "\n").encode()
        ended = self.call(words, flags=["--json"])
        if ended.stdout != expected:
            if n == 1:
                raise Failure(f"{words!r} became {ended.stdout!r} {ended.stderr!r}")
            for word, v in zip(words, values):
                self.check_json_of([word], [v])
            raise Failure(f"{n} words became {ended.stdout!r}, and each of them is right alone")

    def run(self, count):
        for begin in range(0, count, BATCH):
            n = max(2, min(BATCH, count - begin))
            self.r.choice((self.check_words, self.check_words, self.check_json))(n)


def main():
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(10_000)
    options = arguments()
    given = options.seed if options.seed is not None else os.environ.get("PATIO_TEST_SEED")
    seed = int(given) if given is not None else random.SystemRandom().getrandbits(32)
    print("seed", seed, flush=True)
    typist = Typist(options.patio, random.Random(seed))
    try:
        typist.run(options.count)
    except Failure as e:
        sys.exit(f"seed {seed}: {e}")
    finally:
        typist.node.terminate()
        typist.node.wait(20)
    print(options.count, "words came back right or were refused rightly:", typist.refused)


main()
